/*
 * One userdata a response, without a finalizer (they would double its price in the collector): a
 * parsed JSON document is kept by the shard for the newest response that asked, keyed by the
 * response's serial number.
 *
 * The metatables are hidden from scripts (__metatable), so __index is only ever called with a
 * response; what a script can reach as a value (json) checks its self.
 */
#include "response.h"

#include <stddef.h>
#include <string.h>

#include "draft.h"
#include "json.h"
#include "lib.h"
#include "pelt/http1_response.h"
#include "pelt/trace_context.h"
#include "regex.h"
#include "tracing.h"

#define RESPONSE_TYPE "pelt.response"
#define HEADERS_TYPE  "pelt.headers"

struct response {
    uint64_t serial; /* in its shard, from 1 */
    uint64_t response_ns, service_ns;
    uint64_t body_bytes; /* received, kept or not */
    uint32_t head_len, body_len;
    uint16_t status;    /* 0: no whole answer */
    uint8_t outcome;    /* enum pelt_outcome */
    uint8_t hop;        /* enum pelt_hop */
    uint8_t redirected; /* hops before this answer */
    bool body_cut : 1;
    bool traced : 1;                 /* the trace's id follows the body */
    bool has_head : 1, has_body : 1; /* were asked to be kept: reads.h */
    char bytes[];                    /* head, then body */
};

static bool answered(const struct pelt_exchange *x)
{
    return x->outcome == PELT_OUTCOME_OK || x->outcome == PELT_OUTCOME_HTTP_STATUS ||
           x->outcome == PELT_OUTCOME_GRPC_STATUS;
}

/* Written out twice, so that answers to requests without ids pay nothing for those with some. */
__attribute__((always_inline)) static inline void push(lua_State *L, const struct pelt_exchange *x,
                                                       enum pelt_hop hop, bool traced)
{
    struct pelt_shard *shard = pelt_shard_of(L);
    bool whole = answered(x);
    size_t head_len = whole ? x->head.len : 0, body_len = whole ? x->body.len : 0;
    size_t id_len = traced ? PELT_TRACE_ID_LEN : 0;
    size_t size = offsetof(struct response, bytes) + head_len + body_len + id_len;
    struct response *r = lua_newuserdatauv(L, size, 0);
    r->serial = ++shard->responses;
    r->response_ns = x->sample.response_ns;
    r->service_ns = x->sample.sent ? x->sample.service_ns : 0;
    r->body_bytes = x->body_bytes;
    r->head_len = (uint32_t)head_len;
    r->body_len = (uint32_t)body_len;
    r->status = whole ? x->status : 0;
    r->outcome = (uint8_t)x->outcome;
    r->hop = (uint8_t)hop;
    r->redirected = x->request->redirected;
    r->body_cut = x->body_cut;
    r->traced = traced;
    r->has_head = x->request->keep;
    r->has_body = x->request->keep && x->request->body_max > 0;
    if (head_len > 0) {
        memcpy(r->bytes, x->head.ptr, head_len);
    }
    if (body_len > 0) {
        memcpy(r->bytes + head_len, x->body.ptr, body_len);
    }
    if (traced) {
        memcpy(r->bytes + head_len + body_len, pelt_request_trace_id(x->request), id_len);
    }
    lua_rawgeti(L, LUA_REGISTRYINDEX, shard->response_ref);
    lua_setmetatable(L, -2);
}

void pelt_response_push(lua_State *L, const struct pelt_exchange *x, enum pelt_hop hop)
{
    if (__builtin_expect(pelt_tracing_wanted(x->request), false)) {
        push(L, x, hop, true);
    } else {
        push(L, x, hop, false);
    }
}

/* Nobody was seen to read it, so it was not kept: say so, rather than that there was none. */
static void need_body(lua_State *L, const struct response *r, const char *field)
{
    if (!r->has_body) {
        luaL_error(L,
                   "a response's %s is read, but its body was not kept: nothing in the scenario's "
                   "source reads one by name, or the request says keep_body = false; write r.%s, "
                   "or give the request keep_body = true",
                   field, field);
    }
}

static void need_headers(lua_State *L, const struct response *r)
{
    if (!r->has_head) {
        luaL_error(L, "a response's headers are read, but were not kept: nothing in the scenario's "
                      "source reads them by name; write r.headers");
    }
}

/* The body as scripts see it; ptr NULL: no answer. */
static struct pelt_span body_of(const struct response *r)
{
    return r->status ? pelt_span(r->bytes + r->head_len, r->body_len) : pelt_span(NULL, 0);
}

static const json_t *document_of(lua_State *L, const struct response *r)
{
    struct pelt_shard *shard = pelt_shard_of(L);
    if (shard->parsed_serial != r->serial) {
        struct pelt_span body = body_of(r);
        json_t *document =
            body.ptr ? pelt_json_load(body.ptr, body.len, PELT_JSON_LOAD_FLAGS, NULL) : NULL;
        pelt_shard_keep_json(shard, document, r->serial);
    }
    return shard->parsed;
}

static const struct response *self(lua_State *L)
{
    const struct response *r = pelt_shard_test(L, 1, PELT_TYPE_RESPONSE);
    return r ? r : luaL_checkudata(L, 1, RESPONSE_TYPE); /* raises */
}

/* r:match(pattern, init): as string.match on the body; nil without an answer */
static int response_match(lua_State *L)
{
    const struct response *r = self(L);
    need_body(L, r, "match");
    return pelt_string_match(L, body_of(r));
}

/* r:regex(pattern): captures, or the whole match, of a PCRE2 pattern; nil without an answer */
static int response_regex(lua_State *L)
{
    const struct response *r = self(L);
    need_body(L, r, "regex");
    return pelt_regex_match(L, 2, body_of(r));
}

/* r:json() the whole document, r:json("/a/b/0") one value; nil for what is not there or no JSON. */
static int response_json(lua_State *L)
{
    const struct response *r = self(L);
    const char *pointer = luaL_optstring(L, 2, "");
    need_body(L, r, "json");
    if (*pointer && *pointer != '/') {
        return luaL_argerror(L, 2, "a JSON pointer starts with '/': r:json(\"/answer\")");
    }
    const json_t *value = pelt_json_pointer(document_of(L, r), pointer);
    if (value && !json_is_null(value)) {
        pelt_json_push(L, value);
    } else {
        lua_pushnil(L);
    }
    return 1;
}

static int push_error(lua_State *L, const struct response *r)
{
    if (r->hop == PELT_HOP_TOO_MANY) {
        lua_pushliteral(L, "too_many_redirects");
    } else if (r->hop == PELT_HOP_BAD) {
        lua_pushliteral(L, "bad_redirect");
    } else if (r->hop == PELT_HOP_TOO_MANY_SERVERS) {
        lua_pushliteral(L, "too_many_servers");
    } else if (r->outcome == PELT_OUTCOME_OK) {
        lua_pushnil(L);
    } else {
        lua_pushstring(L, pelt_outcome_name((enum pelt_outcome)r->outcome));
    }
    return 1;
}

static int push_body(lua_State *L, const struct response *r)
{
    need_body(L, r, "body");
    struct pelt_span body = body_of(r);
    if (body.ptr) {
        lua_pushlstring(L, body.ptr, body.len);
    } else {
        lua_pushnil(L);
    }
    return 1;
}

/* The fields of a response's head: a userdata whose user value keeps the response alive. */
static int push_headers(lua_State *L, const struct response *r)
{
    need_headers(L, r);
    lua_newuserdatauv(L, 0, 1);
    lua_pushvalue(L, 1);
    lua_setiuservalue(L, -2, 1);
    luaL_setmetatable(L, HEADERS_TYPE);
    return 1;
}

static int push_seconds(lua_State *L, uint64_t ns)
{
    lua_pushnumber(L, (double)ns / (double)PELT_NS_PER_S);
    return 1;
}

static int push_trace_id(lua_State *L, const struct response *r)
{
    if (r->traced) {
        lua_pushlstring(L, r->bytes + r->head_len + r->body_len, PELT_TRACE_ID_LEN);
    } else {
        lua_pushnil(L);
    }
    return 1;
}

static bool is(struct pelt_span key, const char *name, size_t len)
{
    return key.len == len && memcmp(key.ptr, name, len) == 0;
}
#define IS(key, name) is(key, name, sizeof(name) - 1)

static int response_index(lua_State *L)
{
    const struct response *r = lua_touserdata(L, 1);
    struct pelt_span key = {NULL, 0};
    key.ptr = lua_tolstring(L, 2, &key.len); /* NULL, and length 0: no text */
    if (IS(key, "status")) {
        lua_pushinteger(L, r->status);
        return 1;
    }
    if (IS(key, "json")) {
        lua_pushvalue(L, lua_upvalueindex(1));
        return 1;
    }
    if (IS(key, "body")) {
        return push_body(L, r);
    }
    if (IS(key, "ok")) {
        lua_pushboolean(L, r->outcome == PELT_OUTCOME_OK && r->hop == PELT_HOP_NONE);
        return 1;
    }
    if (IS(key, "match")) {
        lua_pushvalue(L, lua_upvalueindex(2));
        return 1;
    }
    if (IS(key, "regex")) {
        lua_pushvalue(L, lua_upvalueindex(3));
        return 1;
    }
    if (IS(key, "error")) {
        return push_error(L, r);
    }
    if (IS(key, "headers")) {
        return push_headers(L, r);
    }
    if (IS(key, "duration")) {
        return push_seconds(L, r->response_ns);
    }
    if (IS(key, "service")) {
        return push_seconds(L, r->service_ns);
    }
    if (IS(key, "body_cut")) {
        need_body(L, r, "body_cut");
        lua_pushboolean(L, r->body_cut);
        return 1;
    }
    if (IS(key, "redirects")) {
        lua_pushinteger(L, r->redirected);
        return 1;
    }
    if (IS(key, "trace_id")) {
        return push_trace_id(L, r);
    }
    return luaL_error(
        L,
        "a response has no field '%s'; it has status, ok, error, body, body_cut, headers, json, "
        "match, regex, duration, service, redirects, trace_id",
        luaL_tolstring(L, 2, NULL));
}

static int response_tostring(lua_State *L)
{
    const struct response *r = luaL_checkudata(L, 1, RESPONSE_TYPE);
    lua_pushfstring(L, "response: %s, status %d, %d bytes",
                    pelt_outcome_name((enum pelt_outcome)r->outcome), (int)r->status,
                    (int)r->body_bytes);
    return 1;
}

static struct pelt_span head_of(lua_State *L, int index)
{
    lua_getiuservalue(L, index, 1);
    const struct response *r = lua_touserdata(L, -1);
    lua_pop(L, 1); /* the headers userdata still refers to it */
    return pelt_span(r->bytes, r->head_len);
}

static int headers_index(lua_State *L)
{
    const char *name = luaL_checkstring(L, 2);
    struct pelt_span head = head_of(L, 1);
    struct pelt_span value = head.len > 0 ? pelt_http1_head_field(head, name) : pelt_span(NULL, 0);
    if (value.ptr) {
        lua_pushlstring(L, value.ptr, value.len);
    } else {
        lua_pushnil(L);
    }
    return 1;
}

/* Iterator of pairs(): upvalue 1 is the headers userdata, upvalue 2 the position in the head. */
static int headers_next(lua_State *L)
{
    struct pelt_span name, value, head = head_of(L, lua_upvalueindex(1));
    size_t pos = (size_t)lua_tointeger(L, lua_upvalueindex(2));
    if (head.len == 0 || !pelt_http1_head_next(head, &pos, &name, &value)) {
        return 0;
    }
    lua_pushinteger(L, (lua_Integer)pos);
    lua_replace(L, lua_upvalueindex(2));
    lua_pushlstring(L, name.ptr, name.len);
    lua_pushlstring(L, value.ptr, value.len);
    return 2;
}

static int headers_pairs(lua_State *L)
{
    lua_settop(L, 1);
    lua_pushinteger(L, 0);
    lua_pushcclosure(L, headers_next, 2);
    return 1;
}

static void hide(lua_State *L, const char *name)
{
    lua_pushstring(L, name);
    lua_setfield(L, -2, "__metatable");
    lua_pop(L, 1);
}

void pelt_response_open(lua_State *L)
{
    luaL_newmetatable(L, RESPONSE_TYPE);
    lua_pushcfunction(L, response_json);
    lua_pushcfunction(L, response_match);
    lua_pushcfunction(L, response_regex);
    lua_pushcclosure(L, response_index, 3);
    lua_setfield(L, -2, "__index");
    lua_pushcfunction(L, response_tostring);
    lua_setfield(L, -2, "__tostring");
    lua_pushvalue(L, -1);
    pelt_shard_of(L)->type[PELT_TYPE_RESPONSE] = lua_topointer(L, -1);
    pelt_shard_of(L)->response_ref = luaL_ref(L, LUA_REGISTRYINDEX);
    hide(L, RESPONSE_TYPE);

    luaL_newmetatable(L, HEADERS_TYPE);
    lua_pushcfunction(L, headers_index);
    lua_setfield(L, -2, "__index");
    lua_pushcfunction(L, headers_pairs);
    lua_setfield(L, -2, "__pairs");
    hide(L, HEADERS_TYPE);
}
