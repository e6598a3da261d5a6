/*
 * The standard library as scripts see it: without what would end, fork or unseed the process, or
 * reach into the engine's own frames (os.exit, os.execute, io.popen, most of debug ...). Local
 * files stay reachable: scenarios read data. coroutine.resume and close leave the engine's
 * coroutines alone.
 */
#include <lauxlib.h>
#include <lualib.h>
#include <string.h>

#include "lib.h"
#include "shard.h"

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

/* coroutine.resume and close. Upvalues: the library's function, its name. */
static int guarded(lua_State *L)
{
    if (lua_isthread(L, 1)) {
        lua_pushvalue(L, 1);
        if (lua_rawget(L, LUA_REGISTRYINDEX) != LUA_TNIL) {
            return luaL_error(L,
                              "coroutine.%s: this coroutine is not the script's own: pelt runs an "
                              "iteration, setup or teardown in it",
                              lua_tostring(L, lua_upvalueindex(2)));
        }
        lua_pop(L, 1);
    }
    return lua_tocfunction(L, lua_upvalueindex(1))(L);
}

/* The engine's coroutines are keys of the registry: the main one from here on, a strand's as long
 * as it lives. Were a script to resume or close one that waits, its answer would find it gone. */
static void guard_coroutines(lua_State *L)
{
    static const char *const names[] = {"resume", "close"};
    lua_rawgeti(L, LUA_REGISTRYINDEX, LUA_RIDX_MAINTHREAD);
    lua_pushboolean(L, true);
    lua_rawset(L, LUA_REGISTRYINDEX);
    lua_getglobal(L, LUA_COLIBNAME);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        lua_getfield(L, -1, names[i]);
        lua_pushstring(L, names[i]);
        lua_pushcclosure(L, guarded, 2);
        lua_setfield(L, -2, names[i]);
    }
    lua_pop(L, 1);
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
    lua_pop(L, 1);
    guard_coroutines(L);
    set_path(L);
    return 0;
}
