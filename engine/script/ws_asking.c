#include "ws_asking.h"

#include <lauxlib.h>
#include <string.h>

#include "args.h"
#include "pelt/http1_request.h"
#include "user_cookies.h"

#define MESSAGE_MAX_MOST (1u << 30)

static const char *const CONNECT_OPTIONS[] = {"subprotocol", "headers",     "deflate", "name",
                                              "timeout",     "max_message", "auth",    NULL};

/* A list of names as "a, b", pushed. */
static struct pelt_span read_subprotocol(lua_State *L, int index)
{
    luaL_Buffer names;
    if (lua_type(L, index) == LUA_TSTRING) {
        return pelt_args_text(L, index, "ws.connect: subprotocol");
    }
    if (!lua_istable(L, index)) {
        luaL_error(L, "ws.connect: subprotocol: a name or a list of names is expected, not a %s",
                   luaL_typename(L, index));
    }
    luaL_buffinit(L, &names);
    for (lua_Integer i = 1; i <= (lua_Integer)lua_rawlen(L, index); i++) {
        if (i > 1) {
            luaL_addstring(&names, ", ");
        }
        lua_rawgeti(L, index, i);
        luaL_checkstring(L, -1);
        luaL_addvalue(&names);
    }
    luaL_pushresult(&names);
    return pelt_args_text(L, -1, "ws.connect: subprotocol");
}

static void read_headers(lua_State *L, int index, struct pelt_ws_asking *a)
{
    pelt_fields_read(L, index, a->what, &a->fields);
    for (size_t i = 0; i < a->fields.len; i++) {
        const struct pelt_span name = a->fields.at[i].name;
        if (pelt_ws_handshake_writes(name)) {
            luaL_error(L, "ws.connect: headers: '%s' is written by the handshake itself",
                       lua_pushlstring(L, name.ptr, name.len));
        }
    }
}

void pelt_ws_asking_read(lua_State *L, int options, struct pelt_ws_asking *a)
{
    if (lua_isnoneornil(L, options)) {
        return;
    }
    pelt_args_keys(L, options, a->what, CONNECT_OPTIONS);
    if (lua_getfield(L, options, "headers") != LUA_TNIL) {
        read_headers(L, lua_gettop(L), a);
    }
    if (lua_getfield(L, options, "auth") != LUA_TNIL) {
        pelt_fields_auth(L, lua_gettop(L), a->what, &a->fields, NULL);
    }
    if (lua_getfield(L, options, "subprotocol") != LUA_TNIL) {
        a->ask.subprotocols = read_subprotocol(L, lua_gettop(L));
    }
    if (lua_getfield(L, options, "name") != LUA_TNIL) {
        a->name = pelt_args_text(L, -1, "ws.connect: name");
    }
    if (lua_getfield(L, options, "timeout") != LUA_TNIL) {
        a->timeout_ns = pelt_args_timeout(L, -1, "ws.connect: timeout");
    }
    if (lua_getfield(L, options, "deflate") != LUA_TNIL) {
        a->ask.deflate.deflate = pelt_args_boolean(L, -1, a->what, "deflate");
        a->ask.deflate.client_max_window_bits = PELT_WS_WINDOW_BITS_MAX;
    }
    if (lua_getfield(L, options, "max_message") != LUA_TNIL) {
        lua_Integer most = lua_tointeger(L, -1);
        if (most < 1 || most > MESSAGE_MAX_MOST) {
            luaL_error(L, "ws.connect: max_message: '%s': give bytes, 1 to %d",
                       luaL_tolstring(L, -1, NULL), (int)MESSAGE_MAX_MOST);
        }
        a->message_max = (size_t)most;
    }
    struct pelt_error err;
    if (pelt_ws_ask_check(&a->ask, &err) != PELT_OK) {
        luaL_error(L, "ws.connect: %s", err.text);
    }
}

struct pelt_span pelt_ws_asking_url(lua_State *L, int index)
{
    const struct pelt_script_options *opt = pelt_shard_of(L)->opt;
    const char *target = opt->target ? opt->target : opt->scenario->target;
    const char *text = luaL_checkstring(L, index);
    if (text[0] != '/') {
        lua_pushvalue(L, index);
    } else if (target) {
        size_t len = strcspn(target, "?#");
        while (len > 0 && target[len - 1] == '/') {
            len--;
        }
        lua_pushlstring(L, target, len);
        lua_pushstring(L, text);
        lua_concat(L, 2);
    } else {
        luaL_error(L,
                   "ws.connect: \"%s\" is a path, and there is no target: set `target` in the "
                   "scenario, or give --target",
                   text);
    }
    return pelt_args_text(L, -1, "ws.connect");
}

static void check(lua_State *L, enum pelt_status status, const struct pelt_error *err)
{
    if (status != PELT_OK) {
        luaL_error(L, "ws.connect: %s", err->text);
    }
}

static struct pelt_span host_field(const struct pelt_fields *fields, struct pelt_span otherwise)
{
    for (size_t i = 0; i < fields->len; i++) {
        if (pelt_span_eq_nocase(fields->at[i].name, "Host")) {
            return fields->at[i].value;
        }
    }
    return otherwise;
}

void pelt_ws_asking_head(lua_State *L, const struct pelt_ws_asking *a,
                         const struct pelt_strand *strand, const struct pelt_origin *origin,
                         struct pelt_span target, const struct pelt_ws_handshake *key,
                         struct pelt_buf *buf)
{
    struct pelt_error err;
    struct pelt_span get = pelt_span_of("GET");
    pelt_buf_reset(buf);
    check(L, pelt_http1_check_target(target, &err), &err);
    check(L,
          pelt_http1_request_begin(buf, get, target,
                                   host_field(&a->fields, pelt_origin_host(origin)), &err),
          &err);
    for (size_t i = 0; i < a->fields.len; i++) {
        const struct pelt_field *f = &a->fields.at[i];
        if (!pelt_span_eq_nocase(f->name, "Host")) {
            check(L, pelt_http1_request_field(buf, f->name, f->value, &err), &err);
        }
    }
    if (strand->cookies) {
        pelt_user_cookies_write(L, strand, origin, target, buf);
    }
    pelt_ws_handshake_fields(key, &a->ask, buf);
    if (buf->failed || pelt_http1_request_end(buf, get, NULL) != PELT_OK) {
        luaL_error(L, "ws.connect: out of memory");
    }
}

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

struct pelt_timeouts pelt_ws_asking_timeouts(const struct pelt_ws_asking *a)
{
    struct pelt_timeouts t = pelt_timeouts_default;
    if (a->timeout_ns) {
        t = (struct pelt_timeouts){least(t.connect_ns, a->timeout_ns), a->timeout_ns,
                                   a->timeout_ns};
    }
    return t;
}
