/*
 * pelt.http: get, post, ... of the default client, http.batch{}, http.stream and http.client{}. A
 * call with a URL alone is prebuilt once: each client keeps, a method, a table from URL text to
 * request (with one more for each group in it), so such a call is one table look-up and a yield;
 * for a user who has cookies to send it is put together.
 */
#include <string.h>

#include "args.h"
#include "batch.h"
#include "draft.h"
#include "group.h"
#include "http_fields.h"
#include "lib.h"
#include "pelt/http1_request.h"
#include "strand.h"
#include "stream.h"
#include "tracing.h"

#define CLIENT_TYPE "pelt.http.client"

static const struct method {
    const char *function, *what, *method;
} METHODS[] = {
    {"get", "http.get", "GET"},
    {"post", "http.post", "POST"},
    {"put", "http.put", "PUT"},
    {"patch", "http.patch", "PATCH"},
    {"delete", "http.delete", "DELETE"},
    {"head", "http.head", "HEAD"},
    {"options", "http.options", "OPTIONS"},
};
#define METHODS_LEN (sizeof METHODS / sizeof METHODS[0])

/* User values of a client: 1 to METHODS_LEN are the tables of prebuilt requests, then what anchors
 * its strings. */
enum { ANCHOR_HEADERS = METHODS_LEN + 1, ANCHOR_BASE, ANCHOR_AUTH, USER_VALUES = ANCHOR_AUTH };

static const char *const CLIENT_OPTIONS[] = {"headers",    "timeout",     "base",
                                             "cookies",    "redirects",   "auth",
                                             "compressed", "retry_stale", NULL};

/* A request that outlives its call, in a userdata: never collected, as its table keeps it. */
struct prebuilt {
    struct pelt_request request;
    struct pelt_reads reads; /* what of responses could be read when it was made */
    char bytes[];
};

/* Pushes the client's table for the method; in a group the table for the group in it, where it may
 * be missing: then nil, unless it is to be made. */
static void push_table(lua_State *L, int client, int method, const struct pelt_group *group,
                       bool make)
{
    lua_getiuservalue(L, client, method + 1);
    if (group) {
        if (lua_rawgetp(L, -1, group) == LUA_TNIL && make) {
            lua_newtable(L);
            lua_replace(L, -2);
            lua_pushvalue(L, -1);
            lua_rawsetp(L, -3, group);
        }
        lua_remove(L, -2);
    }
}

/* Puts a copy of `made` under the URL into the client's table for the method. One that was there is
 * kept by it, as it may be in flight. */
static const struct pelt_request *keep(lua_State *L, int client, int method, int url,
                                       const struct pelt_request *made)
{
    struct pelt_shard *shard = pelt_shard_of(L);
    if (shard->requests == PELT_SHARD_REQUESTS_MAX) {
        return made;
    }
    shard->requests++;
    push_table(L, client, method, shard->running->group, true);
    lua_pushvalue(L, url);
    struct prebuilt *p = lua_newuserdatauv(L, sizeof *p + made->len, 1);
    lua_pushvalue(L, url);
    lua_rawget(L, -4);
    lua_setiuservalue(L, -2, 1);
    p->request = *made;
    p->reads = shard->source.reads;
    memcpy(p->bytes, made->bytes, made->len);
    p->request.bytes = p->bytes;
    lua_rawset(L, -3);
    return &p->request;
}

/* NULL: none, or one made before code was loaded that reads more. */
static const struct pelt_request *find(lua_State *L, int client, int method, int url)
{
    struct pelt_shard *shard = pelt_shard_of(L);
    const struct pelt_reads *reads = &shard->source.reads;
    push_table(L, client, method, shard->running->group, false);
    if (lua_isnil(L, -1)) {
        lua_pop(L, 1);
        return NULL;
    }
    lua_pushvalue(L, url);
    lua_rawget(L, -2);
    const struct prebuilt *p = lua_touserdata(L, -1);
    lua_pop(L, 2);
    bool fits = p && p->reads.body == reads->body && p->reads.headers == reads->headers;
    return fits ? &p->request : NULL;
}

/* Stack: URL at `url`, options or nothing behind. `client` is the index of the client. */
static int call_method(lua_State *L, int client, int method, int url)
{
    const struct method *m = &METHODS[method];
    struct pelt_http_client *c = lua_touserdata(L, client);
    struct pelt_strand *strand = pelt_strand_waiter(L, m->what);
    bool plain = lua_isnoneornil(L, url + 1) && !(strand->cookies && c->cookies) &&
                 !c->login.user.ptr && (!strand->group || pelt_group_kept(strand->group));
    const struct pelt_request *request = plain ? find(L, client, method, url) : NULL;
    if (!request) {
        struct pelt_call call = {
            .what = m->what, .method = m->method, .url = url, .options = url + 1};
        request = pelt_draft_compose(L, c, &call, &strand->draft);
        if (plain) {
            const struct pelt_request *kept = keep(L, client, method, url, request);
            request = pelt_tracing_wanted(request) ? request : kept;
        }
    } else if (pelt_tracing_wanted(request)) {
        request = pelt_tracing_copy(L, request, strand);
    }
    lua_settop(L, 0);
    return pelt_strand_call(L, strand, request);
}

/* http.get(url, options): upvalues are the default client and the method. */
static int http_call(lua_State *L)
{
    return call_method(L, lua_upvalueindex(1), (int)lua_tointeger(L, lua_upvalueindex(2)), 1);
}

/* client:get(url, options): upvalue is the method. */
static int client_call(lua_State *L)
{
    if (!pelt_shard_test(L, 1, PELT_TYPE_HTTP_CLIENT)) {
        return luaL_error(L, "call it with a colon: client:get(\"/path\")");
    }
    return call_method(L, 1, (int)lua_tointeger(L, lua_upvalueindex(1)), 2);
}

/* request(method, url, options) */
static int call_request(lua_State *L, int client, int method)
{
    struct pelt_call call = {.what = "http.request",
                             .method = luaL_checkstring(L, method),
                             .url = method + 1,
                             .options = method + 2,
                             .method_index = method};
    struct pelt_strand *strand = pelt_strand_waiter(L, call.what);
    lua_settop(L, method + 2);
    const struct pelt_request *request =
        pelt_draft_compose(L, lua_touserdata(L, client), &call, &strand->draft);
    lua_settop(L, 0);
    return pelt_strand_call(L, strand, request);
}

static int http_request(lua_State *L)
{
    return call_request(L, lua_upvalueindex(1), 1);
}

static int client_request(lua_State *L)
{
    luaL_checkudata(L, 1, CLIENT_TYPE);
    return call_request(L, 1, 2);
}

/* What cannot be spoken to is told here, before anything is sent. */
static void read_base(lua_State *L, const char *what, struct pelt_span text,
                      struct pelt_http_client *client)
{
    struct pelt_client *sender = pelt_shard_of(L)->opt->client; /* NULL: the file is only read */
    struct pelt_error err;
    enum pelt_status status = pelt_http_client_set_base(client, text, &err);
    if (status == PELT_OK && sender) {
        status = pelt_client_origin(sender, &client->base, &client->origin, &err);
    }
    if (status != PELT_OK) {
        luaL_error(L, "%s: %s", what, err.text);
    }
}

/* http.batch(list): upvalue is the default client */
static int http_batch(lua_State *L)
{
    lua_settop(L, 1);
    return pelt_batch_call(L, lua_touserdata(L, lua_upvalueindex(1)), 1);
}

static int client_batch(lua_State *L)
{
    struct pelt_http_client *client = luaL_checkudata(L, 1, CLIENT_TYPE);
    lua_settop(L, 2);
    return pelt_batch_call(L, client, 2);
}

/* http.stream(url, options): upvalue is the default client */
static int http_stream(lua_State *L)
{
    return pelt_stream_call(L, lua_touserdata(L, lua_upvalueindex(1)), 1, 2, NULL);
}

static int client_stream(lua_State *L)
{
    struct pelt_http_client *client = luaL_checkudata(L, 1, CLIENT_TYPE);
    return pelt_stream_call(L, client, 2, 3, NULL);
}

void pelt_http_start_fields(lua_State *L, struct pelt_fields *fields)
{
    const struct pelt_script_options *opt = pelt_shard_of(L)->opt;
    fields->len = 0;
    pelt_fields_set(L, "headers", fields, pelt_span_of("User-Agent"),
                    pelt_span_of("pelt/" PELT_VERSION));
    for (const char *const *line = opt->headers; line && *line; line++) {
        const char *colon = strchr(*line, ':');
        struct pelt_span name = pelt_span(*line, colon ? (size_t)(colon - *line) : 0);
        if (!colon || !pelt_http1_is_token(name)) {
            luaL_error(L, "--header '%s': write \"Name: value\"", *line);
        }
        pelt_fields_set(L, "--header", fields, name, pelt_span_trim(pelt_span_of(colon + 1)));
    }
}

/* Pushes a client userdata with these fields, the run's target for base and an empty table a
 * method. */
static struct pelt_http_client *push_client(lua_State *L, const struct pelt_fields *fields)
{
    size_t fields_bytes = fields->len * sizeof fields->at[0];
    struct pelt_http_client *client =
        lua_newuserdatauv(L, sizeof *client + fields_bytes, USER_VALUES);
    memset(client, 0, sizeof *client);
    client->serial = ++pelt_shard_of(L)->clients;
    client->cookies = true;
    client->fields_len = fields->len;
    memcpy(client->fields, fields->at, fields_bytes);
    const struct pelt_script_options *opt = pelt_shard_of(L)->opt;
    const char *target = opt->target ? opt->target : opt->scenario->target;
    if (target) {
        read_base(L, "target", pelt_span_of(target), client);
    }
    for (int i = 1; i <= (int)METHODS_LEN; i++) {
        lua_newtable(L);
        lua_setiuservalue(L, -2, i);
    }
    luaL_setmetatable(L, CLIENT_TYPE);
    return client;
}

/* A copy of the headers table whose values are all strings, so that spans into them stay valid. */
static void push_headers_copy(lua_State *L)
{
    lua_newtable(L);
    if (lua_getfield(L, 1, "headers") == LUA_TNIL) {
        lua_pop(L, 1);
        return;
    }
    luaL_checktype(L, -1, LUA_TTABLE);
    lua_pushnil(L);
    while (lua_next(L, -2)) {
        lua_pushvalue(L, -2);
        if (lua_type(L, -2) == LUA_TNUMBER) {
            lua_tostring(L, -2);
        }
        lua_insert(L, -2);
        lua_rawset(L, -5);
    }
    lua_pop(L, 1);
}

/* What auth and compressed add to the fields; leaves what holds the value of auth, or nil, on the
 * stack. */
static void read_field_options(lua_State *L, struct pelt_fields *fields, struct pelt_login *login)
{
    if (lua_getfield(L, 1, "compressed") != LUA_TNIL) {
        pelt_fields_compressed(L, -1, "http.client", fields);
        lua_pushvalue(L, -1);
        lua_rawseti(L, 2, 1); /* a text is held by the copy of the headers */
    }
    lua_pop(L, 1);
    if (lua_getfield(L, 1, "auth") != LUA_TNIL) {
        int auth = lua_gettop(L);
        pelt_fields_auth(L, auth, "http.client", fields, login);
        lua_replace(L, auth);
        lua_settop(L, auth);
    }
}

/* What stands in the client itself. */
static void read_call_options(lua_State *L, struct pelt_http_client *client)
{
    if (lua_getfield(L, 1, "cookies") != LUA_TNIL) {
        client->cookies = pelt_args_boolean(L, -1, "http.client", "cookies");
    }
    if (lua_getfield(L, 1, "redirects") != LUA_TNIL) {
        client->redirects = pelt_draft_redirects(L, -1, "http.client");
    }
    if (lua_getfield(L, 1, "retry_stale") != LUA_TNIL) {
        client->stale_again = pelt_args_boolean(L, -1, "http.client", "retry_stale");
    }
    lua_pop(L, 3);
}

/* http.client{ headers, timeout, base, ... } */
static int http_client(lua_State *L)
{
    pelt_args_keys(L, 1, "http.client", CLIENT_OPTIONS);
    lua_settop(L, 1);
    struct pelt_fields fields;
    struct pelt_login login = {{NULL, 0}, {NULL, 0}};
    pelt_http_start_fields(L, &fields);
    push_headers_copy(L); /* 2 */
    pelt_fields_read(L, 2, "http.client", &fields);
    read_field_options(L, &fields, &login); /* 3: Authorization */
    struct pelt_http_client *client = push_client(L, &fields);
    client->login = login;
    lua_insert(L, 3); /* 4: Authorization */
    lua_setiuservalue(L, 3, ANCHOR_AUTH);
    lua_pushvalue(L, 2);
    lua_setiuservalue(L, 3, ANCHOR_HEADERS);
    read_call_options(L, client);
    if (lua_getfield(L, 1, "timeout") != LUA_TNIL) {
        client->timeout_ns = pelt_args_timeout(L, -1, "http.client: timeout");
    }
    if (lua_getfield(L, 1, "base") != LUA_TNIL) {
        read_base(L, "http.client: base", pelt_args_text(L, -1, "http.client: base"), client);
        lua_setiuservalue(L, 3, ANCHOR_BASE);
    }
    lua_settop(L, 3);
    return 1;
}

/* Sets a function a method in the table on top. Upvalues: the client at index `client` (0: none),
 * the method's number. */
static void set_methods(lua_State *L, lua_CFunction function, int client)
{
    for (size_t i = 0; i < METHODS_LEN; i++) {
        int upvalues = 1;
        if (client) {
            lua_pushvalue(L, client);
            upvalues = 2;
        }
        lua_pushinteger(L, (lua_Integer)i);
        lua_pushcclosure(L, function, upvalues);
        lua_setfield(L, -2, METHODS[i].function);
    }
}

int pelt_lib_http(lua_State *L)
{
    luaL_newmetatable(L, CLIENT_TYPE);
    pelt_shard_of(L)->type[PELT_TYPE_HTTP_CLIENT] = lua_topointer(L, -1);
    lua_newtable(L);
    set_methods(L, client_call, 0);
    lua_pushcfunction(L, client_request);
    lua_setfield(L, -2, "request");
    lua_pushcfunction(L, client_batch);
    lua_setfield(L, -2, "batch");
    lua_pushcfunction(L, client_stream);
    lua_setfield(L, -2, "stream");
    lua_setfield(L, -2, "__index");
    lua_pushliteral(L, CLIENT_TYPE);
    lua_setfield(L, -2, "__metatable");
    lua_pop(L, 1);

    struct pelt_fields fields;
    pelt_http_start_fields(L, &fields);
    push_client(L, &fields);
    int client = lua_gettop(L);
    lua_newtable(L);
    set_methods(L, http_call, client);
    lua_pushvalue(L, client);
    lua_pushcclosure(L, http_request, 1);
    lua_setfield(L, -2, "request");
    lua_pushvalue(L, client);
    lua_pushcclosure(L, http_batch, 1);
    lua_setfield(L, -2, "batch");
    lua_pushvalue(L, client);
    lua_pushcclosure(L, http_stream, 1);
    lua_setfield(L, -2, "stream");
    lua_pushcfunction(L, http_client);
    lua_setfield(L, -2, "client");
    return 1;
}
