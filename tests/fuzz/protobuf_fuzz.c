/*
 * lua/protobuf.lua: any bytes are a message, or are told to be none, and so are those of a
 * descriptor set; an error of the library's own is a bug. What was read can be sent, and reads the
 * same again. The first byte says which: a message of tests/lua/peer.pb's Everything, or a
 * descriptor set whose types are all made, and read of what follows.
 */
#include <lauxlib.h>
#include <lualib.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "library.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MESSAGE_MAX 512 /* bytes: longer ones only take longer */

static const char *const TRY =
    "local protobuf, path = ...\n"
    "local file = assert(io.open(path, 'rb'))\n"
    "local everything = protobuf.schema(file:read('a'))('.pelt.peer.Everything')\n"
    "file:close()\n"
    "local function show(v)\n"
    "    if type(v) ~= 'table' then return math.type(v) and tostring(v) or "
    "('%q'):format(tostring(v)) end\n"
    "    local list = {}\n"
    "    for key, value in pairs(v) do list[#list + 1] = show(key) .. '=' .. show(value) end\n"
    "    table.sort(list)\n"
    "    return '{' .. table.concat(list, ',') .. '}'\n"
    "end\n"
    "local function expected(ok, ...)\n" /* no error is one of the library's own */
    "    if not ok then assert(type(...) == 'string' and not (...):find('pelt.protobuf:', 1, "
    "true), ...) end\n"
    "    return ok, ...\n"
    "end\n"
    "local function read(m, bytes)\n"
    "    local t, why = protobuf.decode(m, bytes, 1)\n"
    "    assert(t and not why or type(why) == 'string')\n"
    "    return t\n"
    "end\n"
    "return function(which, bytes)\n"
    "    if which % 2 == 0 then\n"
    "        local t = read(everything, bytes)\n"
    "        if t then assert(show(read(everything, protobuf.encode(everything, t))) == show(t)) "
    "end\n"
    "        return\n"
    "    end\n"
    "    local ok, type_of, services = expected(pcall(protobuf.schema, bytes))\n"
    "    for _, methods in pairs(ok and services or {}) do\n"
    "        for _, method in ipairs(methods) do\n"
    "            local made, m = expected(pcall(type_of, method.input_type))\n"
    "            if not made then return end\n" /* nobody asks for a further type then */
    "            local t = read(m, bytes:sub(-64))\n"
    "            if t then expected(pcall(protobuf.encode, m, t)) end\n"
    "        end\n"
    "    end\n"
    "end\n";

static int no_word_is_near(lua_State *L)
{
    return 0;
}

static void call(lua_State *L, int arguments, int results)
{
    if (lua_pcall(L, arguments, results, 0) != LUA_OK) {
        fprintf(stderr, "%s\n", lua_tostring(L, -1));
        abort();
    }
}

static lua_State *open_state(void)
{
    lua_State *L = luaL_newstate();
    luaL_openlibs(L);
    luaL_loadstring(L, TRY);
    pelt_library_push(L, "pelt.protobuf");
    pelt_library_push(L, "pelt.keys");
    lua_newtable(L);
    lua_pushcfunction(L, no_word_is_near);
    lua_setfield(L, -2, "nearest");
    call(L, 1, 1);
    call(L, 1, 1);
    lua_pushstring(L, PELT_LUA_TESTS "/peer.pb");
    call(L, 2, 1);
    return L;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static lua_State *L;
    L = L != NULL ? L : open_state();
    if (size > 0 && (size <= MESSAGE_MAX || data[0] % 2 == 1)) {
        lua_pushvalue(L, -1);
        lua_pushinteger(L, data[0]);
        lua_pushlstring(L, (const char *)data + 1, size - 1);
        call(L, 2, 0);
        lua_gc(L, LUA_GCCOLLECT, 0); /* else what is left is taken for a leak, and looked for */
    }
    return 0;
}
