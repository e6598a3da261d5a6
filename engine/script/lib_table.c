/*
 * table.insert, remove, concat, sort and move: a metamethod, or the script, says how many elements
 * there are, and they would count to it for years. What they do and raise is as in Lua 5.4.
 */
#include <lauxlib.h>
#include <lualib.h>

#include "lib.h"
#include "watchdog.h"

#define MOVE_MAX      100000000 /* elements at once; a state has no memory for a tenth of them */
#define MOVE_META_MAX 1000000   /* the same through metamethods, which need no memory */
#define SORT_SOON     1000000   /* fewer elements are sorted within a second */

static inline void poll(lua_State *L)
{
    if (pelt_watch_tripped()) {
        pelt_watch_raise(L);
    }
}

static int table_insert(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_Integer at = luaL_intop(+, luaL_len(L, 1), 1); /* the first free place */
    lua_Integer pos = at;
    if (lua_gettop(L) == 3) {
        pos = luaL_checkinteger(L, 2);
        luaL_argcheck(L, (lua_Unsigned)pos - 1u < (lua_Unsigned)at, 2, "position out of bounds");
    } else if (lua_gettop(L) != 2) {
        return luaL_error(L, "wrong number of arguments to 'insert'");
    }
    for (; at > pos; at--) {
        poll(L);
        lua_geti(L, 1, at - 1);
        lua_seti(L, 1, at);
    }
    lua_seti(L, 1, pos);
    return 0;
}

static int table_remove(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_Integer len = luaL_len(L, 1), pos = luaL_optinteger(L, 2, len);
    if (lua_gettop(L) > 1) {
        luaL_argcheck(L, (lua_Unsigned)pos - 1u <= (lua_Unsigned)len || pos == len, 2,
                      "position out of bounds");
    }
    lua_geti(L, 1, pos);
    for (; pos < len; pos++) {
        poll(L);
        lua_geti(L, 1, pos + 1);
        lua_seti(L, 1, pos);
    }
    lua_pushnil(L);
    lua_seti(L, 1, pos);
    return 1;
}

static void add_item(lua_State *L, luaL_Buffer *out, lua_Integer i)
{
    poll(L);
    lua_geti(L, 1, i);
    if (!lua_isstring(L, -1)) {
        luaL_error(L, "invalid value (%s) at index %I in table for 'concat'", luaL_typename(L, -1),
                   (LUAI_UACINT)i);
    }
    luaL_addvalue(out);
}

static int table_concat(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_Integer len = luaL_len(L, 1);
    size_t sep_len;
    const char *sep = luaL_optlstring(L, 2, "", &sep_len);
    lua_Integer i = luaL_optinteger(L, 3, 1), last = luaL_optinteger(L, 4, len);
    luaL_Buffer out;
    luaL_buffinit(L, &out);
    for (; i < last; i++) {
        add_item(L, &out, i);
        luaL_addlstring(&out, sep, sep_len);
    }
    if (i == last) {
        add_item(L, &out, i);
    }
    luaL_pushresult(&out);
    return 1;
}

/* (a, b): whether a comes first. Upvalue: the script's function, or nil. */
static int comes_first(lua_State *L)
{
    poll(L);
    if (lua_isnil(L, lua_upvalueindex(1))) {
        lua_pushboolean(L, lua_compare(L, 1, 2, LUA_OPLT));
    } else {
        lua_pushvalue(L, lua_upvalueindex(1));
        lua_insert(L, 1);
        lua_call(L, 2, 1);
    }
    return 1;
}

/* Upvalue: Lua's own. What is soon done is left to it alone. */
static int table_sort(lua_State *L)
{
    lua_settop(L, 2);
    bool soon = lua_istable(L, 1) && lua_rawlen(L, 1) < SORT_SOON && !lua_getmetatable(L, 1);
    lua_settop(L, 2);
    if (!soon && (lua_isnil(L, 2) || lua_isfunction(L, 2))) {
        lua_pushcclosure(L, comes_first, 1);
    }
    return lua_tocfunction(L, lua_upvalueindex(1))(L);
}

/* Upvalue: Lua's own. */
static int table_move(lua_State *L)
{
    lua_Integer from = luaL_checkinteger(L, 2), to = luaL_checkinteger(L, 3);
    lua_Unsigned most = MOVE_MAX;
    if (lua_getmetatable(L, 1) || (lua_istable(L, 5) && lua_getmetatable(L, 5))) {
        most = MOVE_META_MAX;
        lua_pop(L, 1);
    }
    if (to >= from && (lua_Unsigned)to - (lua_Unsigned)from >= most) {
        return luaL_argerror(L, 3, "too many elements to move");
    }
    return lua_tocfunction(L, lua_upvalueindex(1))(L);
}

/* Puts fn before Lua's own function of that name in the table on top. */
static void guard(lua_State *L, const char *name, lua_CFunction fn)
{
    lua_getfield(L, -1, name);
    lua_pushcclosure(L, fn, 1);
    lua_setfield(L, -2, name);
}

int pelt_lib_table(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"insert", table_insert}, {"remove", table_remove}, {"concat", table_concat}, {NULL, NULL}};
    lua_getglobal(L, LUA_TABLIBNAME);
    luaL_setfuncs(L, functions, 0);
    guard(L, "move", table_move);
    guard(L, "sort", table_sort);
    lua_pop(L, 1);
    return 0;
}
