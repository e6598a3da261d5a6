/*
 * The group is a to-be-closed slot of the C function that calls the script's: Lua closes it when
 * that function returns, raises into a pcall, or is cancelled, and closing steps back to the group
 * around. A coroutine that ended by an error keeps its stack, so tracebacks stay whole.
 */
#include "group.h"

#include <lauxlib.h>
#include <string.h>

#include "args.h"
#include "strand.h"

#define GROUP_TYPE "pelt.group"

/* __close of a group: the strand steps back. */
static int group_close(lua_State *L)
{
    const struct pelt_group *group = lua_touserdata(L, 1);
    struct pelt_strand *s = pelt_shard_of(L)->running;
    if (s) {
        s->group = group->around;
    }
    return 0;
}

static void set_prefix(struct pelt_group *group, struct pelt_span name)
{
    size_t len = group->around ? group->around->prefix_len : 0;
    if (len > 0) {
        memcpy(group->prefix, group->around->prefix, len);
    }
    group->prefix_len = len;
    if (len >= PELT_NAME_MAX) {
        return; /* a name has PELT_NAME_MAX bytes at most: what is behind would be cut */
    }
    size_t room = sizeof group->prefix - len - 3;
    name.len = name.len < room ? name.len : room;
    memcpy(mempcpy(group->prefix + len, name.ptr, name.len), " / ", 3);
    group->prefix_len = len + name.len + 3;
}

/* Pushes a new group. */
static struct pelt_group *push_group(lua_State *L, struct pelt_group *around, struct pelt_span name)
{
    struct pelt_group *group = lua_newuserdatauv(L, sizeof *group, 0);
    group->around = around;
    group->series_ref = group->groups_ref = LUA_NOREF;
    set_prefix(group, name);
    luaL_setmetatable(L, GROUP_TYPE);
    return group;
}

/* Pushes the group of the name at stack index 1 within the one that runs; `around` NULL: in none.
 */
static struct pelt_group *find_group(lua_State *L, struct pelt_group *around)
{
    struct pelt_shard *shard = pelt_shard_of(L);
    int groups_ref = around ? around->groups_ref : shard->groups_ref;
    if (groups_ref == LUA_NOREF) {
        return push_group(L, around, pelt_args_text(L, 1, "pelt.group: name"));
    }
    lua_rawgeti(L, LUA_REGISTRYINDEX, groups_ref);
    lua_pushvalue(L, 1);
    if (lua_rawget(L, -2) == LUA_TNIL) {
        lua_pop(L, 1);
        struct pelt_group *made = push_group(L, around, pelt_args_text(L, 1, "pelt.group: name"));
        if (shard->groups < PELT_GROUPS_MAX) {
            shard->groups++;
            lua_newtable(L);
            made->series_ref = luaL_ref(L, LUA_REGISTRYINDEX);
            lua_newtable(L);
            made->groups_ref = luaL_ref(L, LUA_REGISTRYINDEX);
            lua_pushvalue(L, 1);
            lua_pushvalue(L, -2);
            lua_rawset(L, -4);
        }
    }
    lua_remove(L, -2);
    return lua_touserdata(L, -1);
}

static int give_results(lua_State *L, int status, lua_KContext ctx)
{
    return lua_gettop(L) - 1;
}

int pelt_group_call(lua_State *L)
{
    struct pelt_strand *s = pelt_shard_of(L)->running;
    if (!s) {
        return luaL_error(L, "pelt.group belongs into an iteration, not where the file is loaded");
    }
    if (L != s->co) {
        return luaL_error(L, "pelt.group cannot be used inside a coroutine of the script's own");
    }
    size_t len = pelt_args_text(L, 1, "pelt.group: name").len;
    luaL_argcheck(L, len > 0, 1, "the name is empty");
    luaL_checktype(L, 2, LUA_TFUNCTION);
    struct pelt_group *group = find_group(L, s->group);
    lua_replace(L, 1);
    lua_toclose(L, 1);
    s->group = group;
    lua_callk(L, lua_gettop(L) - 2, LUA_MULTRET, 0, give_results);
    return give_results(L, LUA_OK, 0);
}

void pelt_group_open(lua_State *L)
{
    luaL_newmetatable(L, GROUP_TYPE);
    lua_pushcfunction(L, group_close);
    lua_setfield(L, -2, "__close");
    lua_pushliteral(L, GROUP_TYPE);
    lua_setfield(L, -2, "__metatable");
    lua_pop(L, 1);
}
