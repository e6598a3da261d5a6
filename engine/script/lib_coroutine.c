/*
 * coroutine.resume, wrap and close: as in Lua, but the watchdog learns which coroutine runs, and
 * the engine's own coroutines are left alone: were a script to resume or close one that waits, its
 * answer would find it gone. create, yield, status ... are Lua's own.
 *
 * The engine's coroutines are keys of the registry: the main one from here on, the file's, and
 * a strand's as long as it lives.
 */
#include <lauxlib.h>
#include <lualib.h>

#include "lib.h"
#include "watchdog.h"

static lua_State *coroutine_at_1(lua_State *L, const char *what)
{
    luaL_checktype(L, 1, LUA_TTHREAD);
    lua_pushvalue(L, 1);
    if (lua_rawget(L, LUA_REGISTRYINDEX) != LUA_TNIL) {
        luaL_error(L,
                   "coroutine.%s: this coroutine is not the script's own: pelt runs an "
                   "iteration, setup or teardown in it",
                   what);
    }
    lua_pop(L, 1);
    return lua_tothread(L, 1);
}

/* Hands the topmost `args` values to co. Leaves its results on the stack and returns how many;
 * below 0: it failed, the error object is on top. */
static int resume(lua_State *L, lua_State *co, int args)
{
    if (!lua_checkstack(co, args)) {
        lua_pushliteral(L, "too many arguments to resume");
        return -1;
    }
    lua_xmove(L, co, args);
    int results = 0;
    int status = pelt_watch_resume(L, co, args, &results);
    if (status != LUA_OK && status != LUA_YIELD) {
        lua_xmove(co, L, 1);
        return -1;
    }
    if (!lua_checkstack(L, results + 1)) {
        lua_pop(co, results);
        lua_pushliteral(L, "too many results to resume");
        return -1;
    }
    lua_xmove(co, L, results);
    return results;
}

/* coroutine.resume(co, ...): true and its results, or false and the error */
static int co_resume(lua_State *L)
{
    lua_State *co = coroutine_at_1(L, "resume");
    int results = resume(L, co, lua_gettop(L) - 1);
    int pushed = results < 0 ? 1 : results;
    lua_pushboolean(L, results >= 0);
    lua_insert(L, -1 - pushed);
    return pushed + 1;
}

/* Closes what an error left open; the error on top of L becomes that of the closing, if any. */
static void close_failed(lua_State *L, lua_State *co)
{
    int status = lua_status(co);
    if (status == LUA_OK || status == LUA_YIELD) {
        return; /* it never ran: dead already, or too many values */
    }
    lua_xmove(L, co, 1);
    pelt_watch_close(L, co);
    lua_xmove(co, L, 1);
}

/* What coroutine.wrap() returns. Upvalue: the coroutine. */
static int wrapped(lua_State *L)
{
    lua_State *co = lua_tothread(L, lua_upvalueindex(1));
    int results = resume(L, co, lua_gettop(L));
    if (results >= 0) {
        return results;
    }
    bool no_memory = lua_status(co) == LUA_ERRMEM;
    close_failed(L, co);
    if (!no_memory && lua_type(L, -1) == LUA_TSTRING) {
        luaL_where(L, 1); /* an error in a function says where that was called */
        lua_insert(L, -2);
        lua_concat(L, 2);
    }
    return lua_error(L);
}

static int co_wrap(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TFUNCTION);
    lua_State *co = lua_newthread(L);
    lua_pushvalue(L, 1);
    lua_xmove(L, co, 1);
    lua_pushcclosure(L, wrapped, 1);
    return 1;
}

/* NULL: suspended or dead; else what it is. */
static const char *what_runs(lua_State *L, lua_State *co)
{
    lua_Debug ar;
    if (co == L) {
        return "running";
    }
    return lua_status(co) == LUA_OK && lua_getstack(co, 0, &ar) ? "normal" : NULL;
}

/* coroutine.close(co): true, or false and the error of a variable's closing */
static int co_close(lua_State *L)
{
    lua_State *co = coroutine_at_1(L, "close");
    const char *runs = what_runs(L, co);
    if (runs) {
        return luaL_error(L, "cannot close a %s coroutine", runs);
    }
    if (pelt_watch_close(L, co) == LUA_OK) {
        lua_pushboolean(L, true);
        return 1;
    }
    lua_pushboolean(L, false);
    lua_xmove(co, L, 1);
    return 2;
}

int pelt_lib_coroutine(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"resume", co_resume}, {"wrap", co_wrap}, {"close", co_close}, {NULL, NULL}};
    lua_rawgeti(L, LUA_REGISTRYINDEX, LUA_RIDX_MAINTHREAD);
    lua_pushboolean(L, true);
    lua_rawset(L, LUA_REGISTRYINDEX);
    lua_getglobal(L, LUA_COLIBNAME);
    luaL_setfuncs(L, functions, 0);
    lua_pop(L, 1);
    return 0;
}
