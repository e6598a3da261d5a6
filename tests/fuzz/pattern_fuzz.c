/*
 * string.find, match, gmatch and gsub of pelt against Lua's own: the same subject, pattern, place
 * to begin and replacement give the same results and the same errors. The input is
 * "SUBJECT\nPATTERN\nREPLACEMENT\nINIT".
 *
 * Patterns with many repetitions are left out: Lua's own cannot be stopped.
 */
#include <assert.h>
#include <lauxlib.h>
#include <lualib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define SUBJECT_MAX 64
#define REPEATS_MAX 4

static lua_State *theirs, *ours;

/* One text that says all that the four functions do with the input. */
static const char *const TELL =
    "local subject, pattern, replacement, init = ...\n"
    "local told = {}\n"
    "local function tell(what, ok, ...)\n"
    "    local values = table.pack(...)\n"
    "    for i = 1, values.n do values[i] = math.type(values[i]) == 'integer' and values[i]\n"
    "        or ('%q'):format(tostring(values[i])) end\n"
    "    told[#told + 1] = what .. ' ' .. tostring(ok) .. ' ' .. table.concat(values, ' ')\n"
    "end\n"
    "local function try(what, f, ...) tell(what, pcall(f, ...)) end\n"
    "try('find', string.find, subject, pattern, init)\n"
    "try('plain', string.find, subject, pattern, init, true)\n"
    "try('match', string.match, subject, pattern, init)\n"
    "try('gmatch', function()\n"
    "    for a, b, c in string.gmatch(subject, pattern, init) do tell('each', true, a, b, c) end\n"
    "end)\n"
    "try('text', string.gsub, subject, pattern, replacement)\n"
    "try('some', string.gsub, subject, pattern, replacement, init)\n"
    "try('table', string.gsub, subject, pattern, { a = 'A', b = false, [1] = 7, [2] = {} })\n"
    "try('function', string.gsub, subject, pattern, function(a, b)\n"
    "    tell('called', true, a, b)\n"
    "    return b or #tostring(a) < 3 and a\n"
    "end)\n"
    "return table.concat(told, '\\n')\n";

static lua_State *open_state(bool with_ours)
{
    lua_State *L = luaL_newstate();
    luaL_openlibs(L);
    if (with_ours) {
        pelt_lib_string(L);
    }
    if (luaL_loadbuffer(L, TELL, strlen(TELL), "=tell") != LUA_OK) {
        abort();
    }
    return L;
}

struct span {
    const char *data;
    size_t len;
};

/* The text up to the next line end, which is skipped. */
static struct span next_line(const char **at, const char *end)
{
    const char *line_end = memchr(*at, '\n', (size_t)(end - *at));
    struct span line = {*at, (size_t)((line_end ? line_end : end) - *at)};
    *at = line_end ? line_end + 1 : end;
    return line;
}

static int count_repeats(struct span pattern)
{
    int n = 0;
    for (size_t i = 0; i < pattern.len; i++) {
        n += pattern.data[i] != '\0' && strchr("*+-?", pattern.data[i]) != NULL;
    }
    return n;
}

static const char *tell(lua_State *L, const struct span text[3], lua_Integer init)
{
    lua_settop(L, 1);
    lua_pushvalue(L, 1);
    for (int i = 0; i < 3; i++) {
        lua_pushlstring(L, text[i].data, text[i].len);
    }
    lua_pushinteger(L, init);
    if (lua_pcall(L, 4, 1, 0) != LUA_OK) {
        fprintf(stderr, "%s\n", lua_tostring(L, -1));
        abort();
    }
    return lua_tostring(L, -1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!ours) {
        theirs = open_state(false);
        ours = open_state(true);
    }
    const char *at = (const char *)data, *end = at + size;
    struct span text[3];
    for (int i = 0; i < 3; i++) {
        text[i] = next_line(&at, end);
    }
    struct span number = next_line(&at, end);
    char digits[24];
    snprintf(digits, sizeof digits, "%.*s", number.len < 20 ? (int)number.len : 20, number.data);
    if (text[0].len > SUBJECT_MAX || count_repeats(text[1]) > REPEATS_MAX) {
        return 0;
    }
    lua_Integer init = number.len == 0 ? 1 : strtoll(digits, NULL, 10);
    const char *their_words = tell(theirs, text, init), *our_words = tell(ours, text, init);
    if (strcmp(their_words, our_words) != 0 && !strstr(their_words, "pattern too complex")) {
        fprintf(stderr, "--- Lua\n%s\n--- pelt\n%s\n", their_words, our_words);
        abort();
    }
    return 0;
}
