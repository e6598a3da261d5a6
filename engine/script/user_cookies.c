/* user_cookies: see the header. */
#include "user_cookies.h"

#include <string.h>
#include <time.h>

#include "args.h"
#include "pelt/cookies.h"
#include "pelt/redirect.h"
#include "pelt/url.h"

#define COOKIES_TYPE "pelt.user.cookies"

/* The host of "host:port" or "[v6]:port". */
static struct pelt_span host_of(struct pelt_span header)
{
    if (header.len > 0 && header.ptr[0] == '[') {
        const char *end = memchr(header.ptr, ']', header.len);
        return end ? pelt_span(header.ptr + 1, (size_t)(end - header.ptr) - 1) : header;
    }
    const char *colon = memchr(header.ptr, ':', header.len);
    return colon ? pelt_span(header.ptr, (size_t)(colon - header.ptr)) : header;
}

static struct pelt_cookie_place place_of(const struct pelt_origin *origin, struct pelt_span target)
{
    return (struct pelt_cookie_place){.host = host_of(pelt_origin_host(origin)),
                                      .path = target,
                                      .secure = pelt_origin_https(origin)};
}

void pelt_user_cookies_write(lua_State *L, const struct pelt_strand *strand,
                             const struct pelt_origin *origin, struct pelt_span target,
                             struct pelt_buf *out)
{
    struct pelt_cookie_place place = place_of(origin, target);
    if (pelt_cookies_write(strand->cookies, &place, time(NULL), out) != PELT_OK) {
        luaL_error(L, "http: out of memory");
    }
}

void pelt_user_cookies_take(struct pelt_strand *strand, const struct pelt_exchange *x)
{
    struct pelt_span bytes = pelt_span(x->request->bytes, x->request->len);
    struct pelt_cookie_place place = place_of(x->request->origin, pelt_http1_request_target(bytes));
    pelt_cookies_take_head(&strand->cookies, &place, x->set_cookie, time(NULL));
}

static struct pelt_strand *running(lua_State *L, const char *what)
{
    struct pelt_strand *s = pelt_shard_of(L)->running;
    if (!luaL_testudata(L, 1, COOKIES_TYPE)) {
        luaL_error(L, "%s: call it with a colon: user.cookies:get(\"name\")", what);
    }
    if (!s) {
        luaL_error(L, "%s: only users have cookies: call it in an iteration", what);
    }
    return s;
}

/* The place that the URL at `index` names, or the scenario's target. */
static struct pelt_cookie_place read_place(lua_State *L, int index, const char *what)
{
    const struct pelt_script_options *opt = pelt_shard_of(L)->opt;
    const char *target = opt->target ? opt->target : opt->scenario->target;
    const char *text = luaL_optstring(L, index, target);
    struct pelt_error err;
    struct pelt_url url;
    if (!text) {
        luaL_error(L, "%s: there is no target: give a URL", what);
    } else if (pelt_url_parse(pelt_span_of(text), &url, &err) != PELT_OK) {
        luaL_error(L, "%s: %s", what, err.text);
    }
    return (struct pelt_cookie_place){.host = url.host, .path = url.target, .secure = url.https};
}

/* user.cookies:get(name, url): the value, or nil */
static int cookies_get(lua_State *L)
{
    const struct pelt_strand *s = running(L, "user.cookies:get");
    struct pelt_span name = pelt_args_text(L, 2, "user.cookies:get: name"), value;
    if (lua_isnoneornil(L, 3)) {
        value = pelt_cookies_get(s->cookies, name, NULL, time(NULL));
    } else {
        struct pelt_cookie_place place = read_place(L, 3, "user.cookies:get");
        value = pelt_cookies_get(s->cookies, name, &place, time(NULL));
    }
    if (value.ptr) {
        lua_pushlstring(L, value.ptr, value.len);
    } else {
        lua_pushnil(L);
    }
    return 1;
}

/* user.cookies:set(name, value, url): for that URL's host alone, and all of its paths */
static int cookies_set(lua_State *L)
{
    struct pelt_strand *s = running(L, "user.cookies:set");
    struct pelt_span name = pelt_args_text(L, 2, "user.cookies:set: name"), line;
    struct pelt_span value = pelt_args_text(L, 3, "user.cookies:set: value");
    struct pelt_cookie_place place = read_place(L, 4, "user.cookies:set");
    if (!pelt_cookie_is_name(name) || !pelt_cookie_is_value(value)) {
        luaL_error(L, "user.cookies:set: '%s': no ';', no control characters, and no '=' in a name",
                   name.ptr);
    }
    lua_settop(L, 4);
    lua_pushvalue(L, 2);
    lua_pushliteral(L, "=");
    lua_pushvalue(L, 3);
    lua_pushliteral(L, "; Path=/");
    lua_concat(L, 4);
    line.ptr = lua_tolstring(L, -1, &line.len);
    pelt_cookies_set(&s->cookies, &place, line, time(NULL));
    return 0;
}

/* user.cookies:clear() all, user.cookies:clear(name) those of a name */
static int cookies_clear(lua_State *L)
{
    struct pelt_strand *s = running(L, "user.cookies:clear");
    if (lua_isnoneornil(L, 2)) {
        pelt_cookies_free(s->cookies);
        s->cookies = NULL;
    } else {
        pelt_cookies_remove(&s->cookies, pelt_args_text(L, 2, "user.cookies:clear: name"));
    }
    return 0;
}

static int no_field(lua_State *L)
{
    return luaL_error(L, "user.cookies has no '%s': it has get, set and clear",
                      luaL_tolstring(L, 2, NULL));
}

static void make(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"get", cookies_get}, {"set", cookies_set}, {"clear", cookies_clear}, {NULL, NULL}};
    lua_newuserdatauv(L, 0, 0);
    luaL_newmetatable(L, COOKIES_TYPE);
    luaL_newlib(L, functions);
    lua_newtable(L);
    lua_pushcfunction(L, no_field);
    lua_setfield(L, -2, "__index");
    lua_setmetatable(L, -2);
    lua_setfield(L, -2, "__index");
    lua_pushliteral(L, COOKIES_TYPE);
    lua_setfield(L, -2, "__metatable");
    lua_setmetatable(L, -2);
}

void pelt_user_cookies_push(lua_State *L)
{
    static const char key;
    if (lua_rawgetp(L, LUA_REGISTRYINDEX, &key) == LUA_TNIL) {
        lua_pop(L, 1);
        make(L);
        lua_pushvalue(L, -1);
        lua_rawsetp(L, LUA_REGISTRYINDEX, &key);
    }
}
