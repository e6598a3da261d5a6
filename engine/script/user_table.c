/* user_table: see the header. */
#include "user_table.h"

#include <string.h>

#include "strand.h"
#include "user_cookies.h"

#define USER_TYPE "pelt.user"

/* user.iteration, user.cookies and user:stop; upvalue is the function stop. */
static int user_index(lua_State *L)
{
    const struct pelt_strand *s = pelt_shard_of(L)->running;
    const char *key = lua_type(L, 2) == LUA_TSTRING ? lua_tostring(L, 2) : "";
    if (s && s->vu && strcmp(key, "iteration") == 0) {
        lua_pushinteger(L, (lua_Integer)s->vu->iteration);
    } else if (strcmp(key, "stop") == 0) {
        lua_pushvalue(L, lua_upvalueindex(1));
    } else if (strcmp(key, "cookies") == 0) {
        pelt_user_cookies_push(L);
    } else {
        lua_pushnil(L);
    }
    return 1;
}

/* user:stop(): this user starts no further iteration. */
static int user_stop(lua_State *L)
{
    const struct pelt_strand *s = pelt_shard_of(L)->running;
    if (s && s->vu) {
        s->vu->stopped = true;
    }
    return 0;
}

static bool is_given(const char *key)
{
    static const char *const names[] = {"id", "iteration", "rng", "cookies", "stop"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(key, names[i]) == 0) {
            return true;
        }
    }
    return false;
}

/* (key): why it cannot be written, or nil. rawset asks it, too. */
static int refusal(lua_State *L)
{
    const char *key = lua_type(L, 1) == LUA_TSTRING ? lua_tostring(L, 1) : "";
    if (is_given(key)) {
        lua_pushfstring(L,
                        "user.%s comes from pelt and cannot be written: give a field of your own "
                        "another name, such as user.my_%s",
                        key, key);
    } else {
        lua_pushnil(L);
    }
    return 1;
}

/* (user, key, value), where the table does not have the key. */
static int new_index(lua_State *L)
{
    lua_settop(L, 3);
    lua_pushcfunction(L, refusal);
    lua_pushvalue(L, 2);
    lua_call(L, 1, 1);
    if (!lua_isnil(L, -1)) {
        return luaL_error(L, "%s", lua_tostring(L, -1));
    }
    lua_settop(L, 3);
    lua_rawset(L, 1);
    return 0;
}

/* (table, key): as Lua's own. */
static int next(lua_State *L)
{
    lua_settop(L, 2);
    return lua_next(L, 1) ? 2 : 0;
}

/* Copies the fields of the table at `from` into the one on top. */
static void copy_fields(lua_State *L, int from)
{
    lua_pushnil(L);
    while (lua_next(L, from)) {
        lua_pushvalue(L, -2);
        lua_insert(L, -2);
        lua_rawset(L, -4);
    }
}

/* pairs(user) where some of its fields lie behind it, in the upvalue: all of them. */
static int pairs(lua_State *L)
{
    lua_settop(L, 1);
    lua_pushcfunction(L, next);
    lua_newtable(L);
    copy_fields(L, lua_upvalueindex(1));
    copy_fields(L, 1);
    return 2;
}

/* What all metatables of users have, in the one on top. */
static void set_guard(lua_State *L)
{
    lua_pushcfunction(L, new_index);
    lua_setfield(L, -2, "__newindex");
    lua_pushcfunction(L, refusal);
    lua_setfield(L, -2, "__refusal");
    lua_pushliteral(L, USER_TYPE);
    lua_setfield(L, -2, "__metatable");
}

/* The metatable of users whose fields lie in their tables, and of what lies behind others. */
static void push_shared_metatable(lua_State *L)
{
    if (luaL_newmetatable(L, USER_TYPE)) {
        lua_pushcfunction(L, user_stop);
        lua_pushcclosure(L, user_index, 1);
        lua_setfield(L, -2, "__index");
        set_guard(L);
    }
}

/* One for a user alone: its fields lie in the table on top. */
static void push_own_metatable(lua_State *L)
{
    int fields = lua_gettop(L);
    lua_createtable(L, 0, 5);
    lua_pushvalue(L, fields);
    lua_setfield(L, -2, "__index");
    lua_pushvalue(L, fields);
    lua_pushcclosure(L, pairs, 1);
    lua_setfield(L, -2, "__pairs");
    set_guard(L);
}

static bool may_be_written(const struct pelt_writes *writes)
{
    return writes->anything || pelt_writes_assigns(writes, pelt_span_of("id")) ||
           pelt_writes_assigns(writes, pelt_span_of("rng"));
}

void pelt_user_table_push(lua_State *L, const struct pelt_vu *vu, int rng_ref)
{
    lua_createtable(L, 0, 2); /* id and rng; own fields make it grow */
    lua_pushinteger(L, (lua_Integer)vu->id);
    lua_setfield(L, -2, "id");
    lua_rawgeti(L, LUA_REGISTRYINDEX, rng_ref);
    lua_setfield(L, -2, "rng");
    push_shared_metatable(L);
    lua_setmetatable(L, -2);
    if (may_be_written(&pelt_shard_of(L)->source.writes)) {
        push_own_metatable(L);
        lua_newtable(L);
        lua_insert(L, -2);
        lua_setmetatable(L, -2);
        lua_remove(L, -2);
    }
}
