/*
 * Nothing here owns memory while Lua may raise: fields are spans into Lua strings on the stack,
 * bytes go into the strand's own buffer.
 */
#include "draft.h"

#include <string.h>

#include "args.h"
#include "json.h"
#include "pelt/http1_request.h"

static const char *const OPTIONS[] = {"headers", "body", "json", "name", "timeout", "expect", NULL};

/* Where a request goes. */
struct place {
    struct pelt_origin *origin;
    struct pelt_span target;
};

/* One call while it is composed. */
struct composer {
    lua_State *L;
    const struct pelt_call *call;
    struct pelt_draft *draft;
    struct pelt_fields fields;
    struct pelt_span name; /* of the series; ptr NULL: by method and path */
    struct pelt_span body; /* ptr NULL: none */
    uint64_t timeout_ns;   /* 0: the default */
    bool headers, json;    /* these options are given */
};

void pelt_draft_free(struct pelt_draft *draft)
{
    if (draft) {
        pelt_buf_deinit(&draft->buf);
        free(draft);
    }
}

void pelt_draft_trim(struct pelt_draft *draft)
{
    if (draft && draft->buf.cap > PELT_DRAFT_KEPT_BYTES) {
        pelt_buf_deinit(&draft->buf);
        pelt_buf_init(&draft->buf, 0);
    }
}

static bool same_name(struct pelt_span a, struct pelt_span b)
{
    return a.len == b.len && strncasecmp(a.ptr, b.ptr, a.len) == 0;
}

void pelt_fields_set(lua_State *L, const char *what, struct pelt_fields *fields,
                     struct pelt_span name, struct pelt_span value)
{
    if (pelt_span_eq_nocase(name, "Content-Length") ||
        pelt_span_eq_nocase(name, "Transfer-Encoding")) {
        luaL_error(L, "%s: header '%s': pelt sets it from the body", what,
                   lua_pushlstring(L, name.ptr, name.len));
    }
    size_t i = 0;
    while (i < fields->len && !same_name(fields->at[i].name, name)) {
        i++;
    }
    if (i == PELT_FIELDS_MAX) {
        luaL_error(L, "%s: more than %d headers", what, PELT_FIELDS_MAX);
    }
    fields->at[i] = (struct pelt_field){name, value};
    fields->len += i == fields->len;
}

void pelt_fields_read(lua_State *L, int index, const char *what, struct pelt_fields *fields)
{
    if (lua_isnil(L, index)) {
        return;
    }
    if (!lua_istable(L, index)) {
        luaL_error(L, "%s: headers: a table is expected: { [\"Content-Type\"] = \"text/plain\" }",
                   what);
    }
    index = lua_absindex(L, index);
    lua_pushnil(L);
    while (lua_next(L, index)) {
        struct pelt_span name = pelt_args_text(L, -2, "header name"), value;
        if (lua_type(L, -1) != LUA_TSTRING && lua_type(L, -1) != LUA_TNUMBER) {
            luaL_error(L, "%s: header '%s': a string is expected, not a %s", what, name.ptr,
                       luaL_typename(L, -1));
        }
        bool number = lua_type(L, -1) == LUA_TNUMBER;
        value.ptr = lua_tolstring(L, -1, &value.len);
        pelt_fields_set(L, what, fields, name, value);
        if (number) { /* its text is held by the stack alone: leave it below the key */
            luaL_checkstack(L, 4, "headers");
            lua_insert(L, -2);
        } else {
            lua_pop(L, 1);
        }
    }
}

static uint16_t read_status(const struct composer *c, int index)
{
    lua_State *L = c->L;
    lua_Integer status = lua_tointeger(L, index);
    if (status < 100 || status > 999) {
        luaL_error(L, "%s: expect: '%s' is no status (100 to 999)", c->call->what,
                   luaL_tolstring(L, index, NULL));
    }
    return (uint16_t)status;
}

static void read_expect(struct composer *c, int index)
{
    lua_State *L = c->L;
    if (lua_isinteger(L, index)) {
        c->draft->expect[0] = read_status(c, index);
        c->draft->request.expect_len = 1;
        return;
    }
    if (!lua_istable(L, index)) {
        luaL_error(L, "%s: expect: a status or a list of them is expected: { 200, 404 }",
                   c->call->what);
    }
    lua_Unsigned len = lua_rawlen(L, index);
    if (len > PELT_EXPECT_MAX) {
        luaL_error(L, "%s: expect: more than %d statuses", c->call->what, PELT_EXPECT_MAX);
    }
    for (lua_Integer i = 1; i <= (lua_Integer)len; i++) {
        lua_rawgeti(L, index, i);
        c->draft->expect[i - 1] = read_status(c, -1);
        lua_pop(L, 1);
    }
    c->draft->request.expect_len = (uint16_t)len;
}

/* What is read here stays anchored by the options table; headers and json follow after all keys are
 * known. */
static void read_option(struct composer *c, const char *key, int value)
{
    lua_State *L = c->L;
    const char *what = c->call->what;
    if (strcmp(key, "headers") == 0) {
        c->headers = true;
    } else if (strcmp(key, "json") == 0) {
        c->json = true;
    } else if (strcmp(key, "body") == 0) {
        c->body = pelt_args_text(L, value, lua_pushfstring(L, "%s: body", what));
    } else if (strcmp(key, "name") == 0) {
        c->name = pelt_args_text(L, value, lua_pushfstring(L, "%s: name", what));
    } else if (strcmp(key, "timeout") == 0) {
        c->timeout_ns = pelt_args_duration(L, value, lua_pushfstring(L, "%s: timeout", what));
    } else if (strcmp(key, "expect") == 0) {
        read_expect(c, value);
    } else {
        pelt_args_unknown(L, what, key, OPTIONS);
    }
}

static void read_options(struct composer *c)
{
    lua_State *L = c->L;
    int options = c->call->options;
    if (lua_isnoneornil(L, options)) {
        return;
    }
    if (!lua_istable(L, options)) {
        luaL_error(L, "%s: options: a table is expected ({ body = ..., headers = ... }), not a %s",
                   c->call->what, luaL_typename(L, options));
    }
    lua_pushnil(L);
    while (lua_next(L, options)) {
        int value = lua_gettop(L);
        const char *key = lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : "[1]";
        read_option(c, key, value);
        lua_settop(L, value - 1);
    }
    if (c->json && c->body.ptr) {
        luaL_error(L, "%s: give body or json, not both", c->call->what);
    }
    if (c->headers) {
        lua_getfield(L, options, "headers");
        pelt_fields_read(L, -1, c->call->what, &c->fields);
    }
}

static bool has_field(const struct pelt_fields *fields, const char *name, struct pelt_span *value)
{
    for (size_t i = 0; i < fields->len; i++) {
        if (pelt_span_eq_nocase(fields->at[i].name, name)) {
            *value = fields->at[i].value;
            return true;
        }
    }
    return false;
}

static void check(const struct composer *c, enum pelt_status status, const struct pelt_error *err)
{
    if (status != PELT_OK) {
        luaL_error(c->L, "%s: %s", c->call->what, err->text);
    }
}

static void encode_json(struct composer *c)
{
    lua_State *L = c->L;
    struct pelt_error err;
    lua_getfield(L, c->call->options, "json");
    json_t *value = pelt_json_read(L, -1, "json", &err);
    check(c, value ? PELT_OK : PELT_EINVAL, &err);
    pelt_shard_keep_json(pelt_shard_of(L), value, 0);
    size_t len = json_dumpb(value, NULL, 0, JSON_COMPACT | JSON_ENCODE_ANY);
    char *text = lua_newuserdatauv(L, len + 1, 0); /* anchored by the stack */
    json_dumpb(value, text, len, JSON_COMPACT | JSON_ENCODE_ANY);
    c->body = pelt_span(text, len);
    struct pelt_span given;
    if (!has_field(&c->fields, "Content-Type", &given)) {
        pelt_fields_set(L, c->call->what, &c->fields, pelt_span_of("Content-Type"),
                        pelt_span_of("application/json"));
    }
}

static struct pelt_span without_fragment(struct pelt_span target)
{
    const char *hash = target.len > 0 ? memchr(target.ptr, '#', target.len) : NULL;
    return hash ? pelt_span(target.ptr, (size_t)(hash - target.ptr)) : target;
}

/* The base's path without its last '/', then the given path. */
static struct pelt_span join(lua_State *L, const struct pelt_url *base, struct pelt_span path)
{
    struct pelt_span prefix = base->target;
    const char *query = prefix.len > 0 ? memchr(prefix.ptr, '?', prefix.len) : NULL;
    if (query) {
        prefix.len = (size_t)(query - prefix.ptr);
    }
    while (prefix.len > 0 && prefix.ptr[prefix.len - 1] == '/') {
        prefix.len--;
    }
    if (prefix.len == 0) {
        return path;
    }
    lua_pushlstring(L, prefix.ptr, prefix.len);
    lua_pushlstring(L, path.ptr, path.len);
    lua_concat(L, 2);
    return pelt_args_text(L, -1, "url");
}

static struct place resolve_relative(struct composer *c, struct pelt_http_client *client,
                                     struct pelt_span path)
{
    if (!client->has_base) {
        luaL_error(c->L,
                   "%s: \"%s\" is a path, and there is no target: set `target` in the scenario, or "
                   "give --target",
                   c->call->what, path.ptr);
    }
    struct pelt_error err;
    if (!client->origin) {
        check(c,
              pelt_client_origin(pelt_shard_of(c->L)->opt->client, &client->base, &client->origin,
                                 &err),
              &err);
    }
    return (struct place){client->origin, join(c->L, &client->base, without_fragment(path))};
}

static struct place resolve(struct composer *c, struct pelt_http_client *client)
{
    struct pelt_span text = pelt_args_text(c->L, c->call->url, c->call->what);
    if (text.len > 0 && text.ptr[0] == '/') {
        return resolve_relative(c, client, text);
    }
    struct pelt_error err;
    struct pelt_url url;
    struct place place = {NULL, {NULL, 0}};
    check(c, pelt_url_parse(text, &url, &err), &err);
    check(c, pelt_client_origin(pelt_shard_of(c->L)->opt->client, &url, &place.origin, &err), &err);
    place.target = url.target;
    return place;
}

static void write_bytes(struct composer *c, const struct place *place)
{
    struct pelt_buf *buf = &c->draft->buf;
    struct pelt_span method = pelt_span_of(c->call->method), host = pelt_origin_host(place->origin);
    struct pelt_error err;
    pelt_buf_reset(buf);
    has_field(&c->fields, "Host", &host);
    check(c, pelt_http1_request_begin(buf, method, place->target, host, &err), &err);
    for (size_t i = 0; i < c->fields.len; i++) {
        const struct pelt_field *f = &c->fields.at[i];
        if (!pelt_span_eq_nocase(f->name, "Host")) {
            check(c, pelt_http1_request_field(buf, f->name, f->value, &err), &err);
        }
    }
    (void)pelt_fail(&err, PELT_ENOMEM, "out of memory");
    check(c, pelt_http1_request_end(buf, method, c->body.ptr ? &c->body : NULL), &err);
}

static uint32_t series_id(struct composer *c, struct pelt_span target)
{
    lua_State *L = c->L;
    struct pelt_shard *shard = pelt_shard_of(L);
    char made[PELT_NAME_MAX + 1];
    struct pelt_span name = c->name;
    if (!name.ptr) {
        name = pelt_span(made, pelt_series_name(c->call->method, target, made));
    }
    lua_rawgeti(L, LUA_REGISTRYINDEX, shard->series_ref);
    lua_pushlstring(L, name.ptr, name.len);
    lua_pushvalue(L, -1);
    if (lua_rawget(L, -3) == LUA_TNIL) {
        uint32_t id = pelt_registry_intern(shard->opt->registry, PELT_NAME_REQUEST, name);
        if (id == 0) {
            return 0; /* beyond the cap: not remembered either */
        }
        lua_pop(L, 1);
        lua_pushinteger(L, id);
        lua_rawset(L, -3);
        return id;
    }
    return (uint32_t)lua_tointeger(L, -1);
}

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* Connect 10 s, first byte 60 s, whole exchange 120 s; a shorter whole shortens the others. */
static struct pelt_timeouts timeouts_of(uint64_t total_ns)
{
    uint64_t total = total_ns ? total_ns : 120 * PELT_NS_PER_S;
    return (struct pelt_timeouts){.connect_ns = least(10 * PELT_NS_PER_S, total),
                                  .first_byte_ns = total_ns ? total : 60 * PELT_NS_PER_S,
                                  .total_ns = total};
}

static struct pelt_draft *draft_at(lua_State *L, struct pelt_draft **at)
{
    if (!*at) {
        *at = calloc(1, sizeof **at);
        if (!*at) {
            luaL_error(L, "out of memory");
        }
        pelt_buf_init(&(*at)->buf, 0);
    }
    memset(&(*at)->request, 0, sizeof(*at)->request);
    return *at;
}

const struct pelt_request *pelt_draft_compose(lua_State *L, struct pelt_http_client *client,
                                              const struct pelt_call *call, struct pelt_draft **at)
{
    struct composer c = {
        .L = L, .call = call, .draft = draft_at(L, at), .timeout_ns = client->timeout_ns};
    c.fields.len = client->fields_len;
    memcpy(c.fields.at, client->fields, client->fields_len * sizeof client->fields[0]);
    read_options(&c);
    if (c.json) {
        encode_json(&c);
    }
    struct place place = resolve(&c, client);
    write_bytes(&c, &place);

    struct pelt_request *r = &c.draft->request;
    struct pelt_span connection = {NULL, 0};
    r->bytes = c.draft->buf.data;
    r->len = c.draft->buf.len;
    r->origin = place.origin;
    r->timeouts = timeouts_of(c.timeout_ns);
    r->expect = r->expect_len > 0 ? c.draft->expect : NULL;
    r->series = series_id(&c, place.target);
    r->head = strcmp(call->method, "HEAD") == 0;
    r->keep = true;
    r->close =
        has_field(&c.fields, "Connection", &connection) && pelt_span_eq_nocase(connection, "close");
    r->body_max = PELT_BODY_KEPT_MAX;
    return r;
}
