/*
 * The standard library as scripts see it: without what would end, fork or unseed the process, or
 * reach into the engine's own frames (os.exit, os.execute, io.popen, most of debug ...). Local
 * files stay reachable: scenarios read data. What the watchdog could not stop is replaced or left
 * out (here, lib_coroutine.c, lib_string.c and lib_table.c).
 */
#include <lauxlib.h>
#include <lualib.h>
#include <string.h>

#include "lib.h"
#include "shard.h"
#include "watchdog.h"

static const luaL_Reg WHOLE[] = {
    {LUA_GNAME, luaopen_base},          {LUA_LOADLIBNAME, luaopen_package},
    {LUA_COLIBNAME, luaopen_coroutine}, {LUA_TABLIBNAME, luaopen_table},
    {LUA_STRLIBNAME, luaopen_string},   {LUA_MATHLIBNAME, luaopen_math},
    {LUA_UTF8LIBNAME, luaopen_utf8},    {LUA_IOLIBNAME, luaopen_io},
    {LUA_OSLIBNAME, luaopen_os},        {LUA_DBLIBNAME, luaopen_debug},
};

/* Leaves only the named functions of a library. */
static void keep_only(lua_State *L, const char *library, const char *const *names)
{
    lua_getglobal(L, library);
    lua_newtable(L);
    for (; *names; names++) {
        lua_getfield(L, -2, *names);
        lua_setfield(L, -2, *names);
    }
    luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
    lua_pushvalue(L, -2);
    lua_setfield(L, -2, library);
    lua_pop(L, 1);
    lua_setglobal(L, library);
    lua_pop(L, 1);
}

/* The message handler given to xpcall. What the watchdog's hook raises would run it within that
 * hook, where no other stops it: it is passed over then. Upvalue: the script's handler. */
static int handle_message(lua_State *L)
{
    if (!pelt_watch_tripped()) {
        lua_pushvalue(L, lua_upvalueindex(1));
        lua_insert(L, 1);
        lua_call(L, lua_gettop(L) - 1, 1);
    }
    return 1;
}

/* Upvalue: Lua's own. */
static int base_xpcall(lua_State *L)
{
    if (lua_isfunction(L, 2) && !lua_iscfunction(L, 2)) {
        lua_pushvalue(L, 2);
        lua_pushcclosure(L, handle_message, 1);
        lua_replace(L, 2);
    }
    return lua_tocfunction(L, lua_upvalueindex(1))(L);
}

/* Upvalue: Lua's own. Nothing can stop a finalizer: hooks do not see it. */
static int base_setmetatable(lua_State *L)
{
    if (lua_istable(L, 2)) {
        lua_pushliteral(L, "__gc");
        if (lua_rawget(L, 2) != LUA_TNIL) {
            return luaL_error(L, "setmetatable: no __gc in a scenario: it would run at any moment, "
                                 "in any user's iteration; write `local x <close>` with __close");
        }
        lua_pop(L, 1);
    }
    return lua_tocfunction(L, lua_upvalueindex(1))(L);
}

/* Upvalue: Lua's own. What lua/guard.lua protects stays so. */
static int base_rawset(lua_State *L)
{
    int given = lua_gettop(L);
    if (lua_istable(L, 1) && luaL_getmetafield(L, 1, "__refusal") != LUA_TNIL) {
        luaL_checkany(L, 2);
        lua_pushvalue(L, 2);
        lua_call(L, 1, 1);
        if (!lua_isnil(L, -1)) {
            char where[PELT_SHARD_WHERE_SIZE];
            pelt_shard_where(L, where);
            lua_pushfstring(L, "%s%s", where, lua_tostring(L, -1));
            return lua_error(L);
        }
        lua_settop(L, given);
    }
    return lua_tocfunction(L, lua_upvalueindex(1))(L);
}

static void guard_base(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"xpcall", base_xpcall}, {"setmetatable", base_setmetatable}, {"rawset", base_rawset}};
    for (size_t i = 0; i < sizeof functions / sizeof functions[0]; i++) {
        lua_getglobal(L, functions[i].name);
        lua_pushcclosure(L, functions[i].func, 1);
        lua_setglobal(L, functions[i].name);
    }
}

/* require looks beside the scenario first. */
static void set_path(lua_State *L)
{
    const char *path = pelt_shard_of(L)->opt->scenario->path;
    const char *slash = strrchr(path, '/');
    lua_getglobal(L, "package");
    if (slash) {
        lua_pushlstring(L, path, (size_t)(slash - path));
    } else {
        lua_pushliteral(L, ".");
    }
    const char *folder = lua_tostring(L, -1);
    lua_getfield(L, -2, "path");
    lua_pushfstring(L, "%s/?.lua;%s/?/init.lua;%s", folder, folder, lua_tostring(L, -1));
    lua_setfield(L, -4, "path");
    lua_pop(L, 3);
}

int pelt_lib_standard(lua_State *L)
{
    static const char *const os_names[] = {"time", "date", "clock", "difftime", "getenv", NULL};
    static const char *const debug_names[] = {"traceback", NULL};
    for (size_t i = 0; i < sizeof WHOLE / sizeof WHOLE[0]; i++) {
        luaL_requiref(L, WHOLE[i].name, WHOLE[i].func, 1);
        lua_pop(L, 1);
    }
    keep_only(L, LUA_OSLIBNAME, os_names);
    keep_only(L, LUA_DBLIBNAME, debug_names);
    lua_getglobal(L, LUA_IOLIBNAME);
    lua_pushnil(L);
    lua_setfield(L, -2, "popen");
    lua_getglobal(L, LUA_LOADLIBNAME);
    lua_pushnil(L);
    lua_setfield(L, -2, "loadlib");
    lua_pop(L, 2);
    guard_base(L);
    pelt_lib_coroutine(L);
    pelt_lib_string(L);
    pelt_lib_table(L);
    set_path(L);
    return 0;
}
