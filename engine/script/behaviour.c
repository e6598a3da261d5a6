/* behaviour: see the header. */
#include "behaviour.h"

#include <string.h>

#include "args.h"
#include "pelt/clock.h"
#include "pelt/units.h"
#include "shard.h"
#include "template.h"

static uint64_t read_size(lua_State *L, int index, const char *what, const char *option)
{
    struct pelt_error err;
    uint64_t bytes = 0;
    if (lua_isinteger(L, index) && lua_tointeger(L, index) >= 0) {
        return (uint64_t)lua_tointeger(L, index);
    }
    if (lua_type(L, index) != LUA_TSTRING) {
        luaL_error(L, "%s: %s: a size is expected (4096, \"64k\", \"1m\"), not %s", what, option,
                   luaL_tolstring(L, index, NULL));
    }
    if (pelt_parse_size(lua_tostring(L, index), &bytes, &err) != PELT_OK) {
        luaL_error(L, "%s: %s: %s", what, option, err.text);
    }
    return bytes;
}

static uint64_t read_rate(lua_State *L, int index, const char *what, const char *option)
{
    const uint64_t per_s = read_size(L, index, what, option);
    if (per_s == 0) {
        luaL_error(L, "%s: %s: 0 bytes a second never come to an end: give more, or leave it out",
                   what, option);
    }
    return per_s;
}

/* A stream's END_STREAM says what half a connection would, with any request. */
static void check_half_close(lua_State *L, const char *what, bool half_close)
{
    if (half_close && pelt_client_streams(pelt_shard_of(L)->opt->client) > 0) {
        luaL_error(L,
                   "%s: behave: half_close: a connection of HTTP/2 carries other requests too, and "
                   "each says its end: leave out half_close, or HTTP/2",
                   what);
    }
}

void pelt_behaviour_read(lua_State *L, int index, const char *what, struct pelt_manner *out)
{
    static const char *const known[] = {"read_rate", "write_rate", "abandon_after", "half_close",
                                        NULL};
    char option[64];
    *out = (struct pelt_manner){.abandon_after = PELT_NEVER};
    if (!lua_istable(L, index)) {
        luaL_error(L, "%s: behave: a table is expected ({ read_rate = \"1k\" }), not a %s", what,
                   luaL_typename(L, index));
    }
    const int entries = pelt_template_entries(L, lua_absindex(L, index));
    lua_pushnil(L);
    while (lua_next(L, entries)) {
        const char *key = lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : "[1]";
        const int value = lua_gettop(L);
        snprintf(option, sizeof option, "behave: %.40s", key);
        if (strcmp(key, known[0]) == 0) {
            out->read_per_s = read_rate(L, value, what, option);
        } else if (strcmp(key, known[1]) == 0) {
            out->write_per_s = read_rate(L, value, what, option);
        } else if (strcmp(key, known[2]) == 0) {
            out->abandon_after = read_size(L, value, what, option);
        } else if (strcmp(key, known[3]) == 0) {
            out->half_close = pelt_args_boolean(L, value, what, option);
            check_half_close(L, what, out->half_close);
        } else {
            snprintf(option, sizeof option, "%.40s: behave", what);
            pelt_args_unknown(L, option, key, known);
        }
        lua_settop(L, value - 1);
    }
}

uint64_t pelt_behaviour_continue(lua_State *L, int index, const char *what)
{
    if (lua_isboolean(L, index)) {
        return lua_toboolean(L, index) ? 0 : PELT_NEVER;
    }
    return read_size(L, index, what, "expect_continue");
}
