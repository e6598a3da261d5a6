/*
 * Messages are made here once; what cannot raise (read_duration) serves the library in lua/ too,
 * which adds its own position.
 */
#include "args.h"

#include <math.h>

#include "pelt/clock.h"
#include "pelt/units.h"
#include "shard.h"

static enum pelt_status seconds_to_ns(double seconds, const char *what, uint64_t *ns,
                                      struct pelt_error *err)
{
    const double most_s = 10.0 * 365 * 86400; /* as pelt_parse_duration */
    if (isnan(seconds)) {
        return pelt_fail(err, PELT_EINVAL, "%s: not a number (0/0): give 0 to 10 years", what);
    }
    if (seconds < 0 || seconds > most_s) {
        return pelt_fail(err, PELT_EINVAL, "%s: %g seconds: give 0 to 10 years", what, seconds);
    }
    *ns = (uint64_t)llround(seconds * (double)PELT_NS_PER_S);
    return PELT_OK;
}

enum pelt_status pelt_args_read_duration(lua_State *L, int index, const char *what, uint64_t *ns,
                                         struct pelt_error *err)
{
    if (lua_type(L, index) == LUA_TNUMBER) {
        return seconds_to_ns(lua_tonumber(L, index), what, ns, err);
    }
    if (lua_type(L, index) != LUA_TSTRING) {
        return pelt_fail(err, PELT_EINVAL,
                         "%s: a duration is expected (\"500ms\", \"10s\", or seconds as a "
                         "number), not a %s",
                         what, luaL_typename(L, index));
    }
    struct pelt_error why;
    if (pelt_parse_duration(lua_tostring(L, index), ns, &why) != PELT_OK) {
        return pelt_fail(err, PELT_EINVAL, "%s: %.900s", what, why.text);
    }
    return PELT_OK;
}

uint64_t pelt_args_duration(lua_State *L, int index, const char *what)
{
    struct pelt_error err;
    uint64_t ns = 0;
    if (pelt_args_read_duration(L, index, what, &ns, &err) != PELT_OK) {
        luaL_error(L, "%s", err.text);
    }
    return ns;
}

uint64_t pelt_args_timeout(lua_State *L, int index, const char *what)
{
    uint64_t ns = pelt_args_duration(L, index, what);
    if (ns == 0) {
        luaL_error(L, "%s: 0 is no time to wait for an answer: give more, or leave it out", what);
    }
    return ns;
}

int pelt_args_unknown(lua_State *L, const char *what, const char *key, const char *const *known)
{
    const char *nearest = pelt_nearest(key, known);
    if (nearest) {
        return luaL_error(L, "%s: unknown option '%s': did you mean '%s'?", what, key, nearest);
    }
    luaL_Buffer names;
    luaL_buffinit(L, &names);
    for (size_t i = 0; known[i]; i++) {
        luaL_addstring(&names, i ? ", " : "");
        luaL_addstring(&names, known[i]);
    }
    luaL_pushresult(&names);
    return luaL_error(L, "%s: unknown option '%s'; known are %s", what, key, lua_tostring(L, -1));
}

const char *pelt_args_other_key(lua_State *L, int table, const char *const *known)
{
    lua_pushnil(L);
    while (lua_next(L, table)) {
        const char *key = lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : "[1]";
        size_t i = 0;
        while (known[i] && strcmp(key, known[i]) != 0) {
            i++;
        }
        lua_pop(L, 1);
        if (!known[i]) {
            lua_pop(L, 1);
            return key;
        }
    }
    return NULL;
}

void pelt_args_keys(lua_State *L, int index, const char *what, const char *const *known)
{
    if (!lua_istable(L, index)) {
        luaL_error(L, "%s: options: a table is expected, not a %s", what, luaL_typename(L, index));
    }
    const char *other = pelt_args_other_key(L, index, known);
    if (other) {
        pelt_args_unknown(L, what, other, known);
    }
}

struct pelt_span pelt_args_text(lua_State *L, int index, const char *what)
{
    if (lua_type(L, index) != LUA_TSTRING) {
        luaL_error(L, "%s: a string is expected, not a %s", what, luaL_typename(L, index));
    }
    size_t len;
    const char *text = lua_tolstring(L, index, &len);
    return pelt_span(text, len);
}

void pelt_args_path(lua_State *L, int index, const char *what, char path[PELT_FILES_PATH_SIZE])
{
    struct pelt_span given = pelt_args_text(L, index, lua_pushfstring(L, "%s: path", what));
    if (!pelt_files_path(pelt_shard_of(L)->opt->scenario->path, given, path)) {
        luaL_error(L, "%s: path: a file's name is expected, such as \"users.csv\"", what);
    }
}

bool pelt_args_boolean(lua_State *L, int index, const char *what, const char *option)
{
    if (lua_type(L, index) != LUA_TBOOLEAN) {
        luaL_error(L, "%s: %s: true or false is expected, not a %s", what, option,
                   luaL_typename(L, index));
    }
    return lua_toboolean(L, index);
}
