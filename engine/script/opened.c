/* opened: see the header. */
#include "opened.h"

#include <lauxlib.h>
#include <lualib.h>

#include "library.h"
#include "shard.h"

#define KEY_OPENED "pelt.opened"

void pelt_opened_start(lua_State *L)
{
    pelt_library_push(L, "pelt.opened");
    lua_pushcfunction(L, luaopen_debug); /* a table of its own, with all that scripts do not get */
    lua_call(L, 0, 1);
    lua_call(L, 1, 1);
    lua_setfield(L, LUA_REGISTRYINDEX, KEY_OPENED);
}

/* Pushes that function of lua/opened.lua. False: nothing is noted in this state. */
static bool push_function(lua_State *L, const char *name)
{
    if (lua_getfield(L, LUA_REGISTRYINDEX, KEY_OPENED) != LUA_TTABLE) {
        lua_pop(L, 1);
        return false;
    }
    lua_getfield(L, -1, name);
    lua_replace(L, -2);
    return true;
}

void pelt_opened_add(lua_State *L, const char *function, const char *name)
{
    int object = lua_gettop(L);
    if (push_function(L, "add")) {
        char where[PELT_SHARD_WHERE_SIZE];
        pelt_shard_where(L, where);
        lua_pushvalue(L, object);
        lua_pushfstring(L, "%s(\"%s\")", function, name);
        lua_pushstring(L, where);
        lua_call(L, 3, 0);
    }
}

void pelt_opened_use(lua_State *L, int index)
{
    index = lua_absindex(L, index);
    if (push_function(L, "use")) {
        lua_pushvalue(L, index);
        lua_call(L, 1, 0);
    }
}

void pelt_opened_push_unused(lua_State *L, int scenario)
{
    scenario = lua_absindex(L, scenario);
    if (!push_function(L, "unused")) {
        lua_newtable(L);
        return;
    }
    lua_createtable(L, 3, 0);
    lua_pushvalue(L, scenario);
    lua_rawseti(L, -2, 1);
    lua_pushglobaltable(L);
    lua_rawseti(L, -2, 2);
    luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
    lua_rawseti(L, -2, 3);
    lua_call(L, 1, 1);
}
