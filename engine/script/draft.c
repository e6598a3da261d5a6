/*
 * Nothing here owns memory while Lua may raise: fields are spans into Lua strings on the stack,
 * bytes go into the shard's and the strand's own buffers.
 */
#include "draft.h"

#include <string.h>

#include "args.h"
#include "behaviour.h"
#include "file.h"
#include "form.h"
#include "group.h"
#include "json.h"
#include "pelt/http1_request.h"
#include "pelt/trace_context.h"
#include "strand.h"
#include "tracing.h"
#include "user_cookies.h"
#include "user_digest.h"

/* Where a request goes: the target is the prefix (of a base) and the path. */
struct place {
    struct pelt_origin *origin;
    struct pelt_span prefix, path;
};

/* One template while it is made. */
struct composer {
    lua_State *L;
    const struct pelt_call *call;
    struct pelt_template *template;
    struct pelt_given *given;
    struct pelt_fields fields;
    struct pelt_span name; /* of the series; ptr NULL: by method and path */
    uint64_t timeout_ns;   /* 0: the default */
    struct pelt_tracing tracing;
    bool traced;                            /* the option is given */
    bool headers, auth, compressed, behave; /* these options are given */
    struct pelt_login login;                /* for Digest; user.ptr NULL: none */
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
    if (draft) {
        pelt_shard_trim(&draft->buf);
    }
}

enum pelt_status pelt_http_client_set_base(struct pelt_http_client *client, struct pelt_span text,
                                           struct pelt_error *err)
{
    enum pelt_status status = pelt_url_parse(text, &client->base, err);
    if (status != PELT_OK) {
        return status;
    }
    struct pelt_span prefix = client->base.target;
    const char *query = prefix.len > 0 ? memchr(prefix.ptr, '?', prefix.len) : NULL;
    if (query) {
        prefix.len = (size_t)(query - prefix.ptr);
    }
    while (prefix.len > 0 && prefix.ptr[prefix.len - 1] == '/') {
        prefix.len--;
    }
    client->prefix = prefix;
    client->has_base = true;
    return PELT_OK;
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
        c->template->expect[0] = read_status(c, index);
        c->template->request.expect_len = 1;
        return;
    }
    if (!lua_istable(L, index)) {
        luaL_error(L, "%s: expect: a status or a list of them is expected: { 200, 404 }",
                   c->call->what);
    }
    index = pelt_template_entries(L, index);
    lua_Unsigned len = lua_rawlen(L, index);
    if (len > PELT_EXPECT_MAX) {
        luaL_error(L, "%s: expect: more than %d statuses", c->call->what, PELT_EXPECT_MAX);
    }
    for (lua_Integer i = 1; i <= (lua_Integer)len; i++) {
        lua_rawgeti(L, index, i);
        c->template->expect[i - 1] = read_status(c, -1);
        lua_pop(L, 1);
    }
    c->template->request.expect_len = (uint16_t)len;
}

/* Text that the options table holds. */
static struct pelt_span read_text(const struct composer *c, const char *option, int index)
{
    if (lua_type(c->L, index) != LUA_TSTRING) {
        luaL_error(c->L, "%s: %s: a string is expected, not a %s", c->call->what, option,
                   luaL_typename(c->L, index));
    }
    return pelt_args_text(c->L, index, option);
}

static uint64_t read_timeout(const struct composer *c, int index)
{
    char what[64];
    snprintf(what, sizeof what, "%s: timeout", c->call->what);
    return pelt_args_timeout(c->L, index, what);
}

uint8_t pelt_draft_redirects(lua_State *L, int index, const char *what)
{
    lua_Integer hops = lua_tointeger(L, index);
    if (!lua_isinteger(L, index) || hops < 0 || hops > PELT_REDIRECTS_MAX) {
        luaL_error(L, "%s: redirects: '%s': give how many hops are followed, 0 to %d", what,
                   luaL_tolstring(L, index, NULL), PELT_REDIRECTS_MAX);
    }
    return (uint8_t)hops;
}

static enum pelt_keep_body read_keep_body(const struct composer *c, int index)
{
    return pelt_args_boolean(c->L, index, c->call->what, "keep_body") ? PELT_KEEP_BODY_YES
                                                                      : PELT_KEEP_BODY_NO;
}

static struct pelt_span read_body(const struct composer *c, int index)
{
    struct pelt_span body;
    if (!pelt_file_or_text(c->L, index, &body)) {
        luaL_error(c->L, "%s: body: a string or a pelt.file is expected, not a %s", c->call->what,
                   luaL_typename(c->L, index));
    }
    return body;
}

static enum pelt_option option_of(const struct composer *c, int key)
{
    const char *name = lua_type(c->L, key) == LUA_TSTRING ? lua_tostring(c->L, key) : "[1]";
    int option = 0;
    while (option < PELT_OPTIONS_LEN && strcmp(name, pelt_option_names[option]) != 0) {
        option++;
    }
    if (option == PELT_OPTIONS_LEN) {
        pelt_args_unknown(c->L, c->call->what, name, pelt_option_names);
    }
    return (enum pelt_option)option;
}

/* Bodies that are made, and what adds fields, follow after all options are known. */
static void read_option(struct composer *c, enum pelt_option option, int value)
{
    switch (option) {
    case PELT_OPTION_HEADERS:
        c->headers = true;
        break;
    case PELT_OPTION_BODY:
        c->given->body = read_body(c, value);
        break;
    case PELT_OPTION_JSON:
        c->given->json = true;
        break;
    case PELT_OPTION_NAME:
        c->name = read_text(c, "name", value);
        break;
    case PELT_OPTION_TIMEOUT:
        c->timeout_ns = read_timeout(c, value);
        break;
    case PELT_OPTION_EXPECT:
        read_expect(c, value);
        break;
    case PELT_OPTION_KEEP_BODY:
        c->template->keep_body = read_keep_body(c, value);
        break;
    case PELT_OPTION_COOKIES:
        c->template->request.cookies = pelt_args_boolean(c->L, value, c->call->what, "cookies");
        break;
    case PELT_OPTION_REDIRECTS:
        c->template->request.redirects = pelt_draft_redirects(c->L, value, c->call->what);
        break;
    case PELT_OPTION_AUTH:
        c->auth = true;
        break;
    case PELT_OPTION_COMPRESSED:
        c->compressed = true;
        break;
    case PELT_OPTION_FORM:
        c->given->form = true;
        break;
    case PELT_OPTION_MULTIPART:
        c->given->multipart = true;
        break;
    case PELT_OPTION_TRACE:
        c->traced = true;
        break;
    case PELT_OPTION_BEHAVE:
        c->behave = true;
        break;
    case PELT_OPTION_EXPECT_CONTINUE:
        c->template->continue_min = pelt_behaviour_continue(c->L, value, c->call->what);
        break;
    case PELT_OPTION_RETRY_STALE:
        c->template->request.stale_again =
            pelt_args_boolean(c->L, value, c->call->what, "retry_stale");
        break;
    case PELT_OPTIONS_LEN:
        break;
    }
}

/* Pushes the value of an option. */
static int push_option(lua_State *L, int options, enum pelt_option option)
{
    lua_pushstring(L, pelt_option_names[option]);
    lua_rawget(L, options);
    return lua_gettop(L);
}

static void check_one_body(const struct composer *c)
{
    const struct pelt_given *g = c->given;
    if ((g->body.ptr != NULL) + g->json + g->form + g->multipart > 1) {
        luaL_error(c->L, "%s: give one of body, json, form and multipart", c->call->what);
    }
}

/* What is read stays held by the options table, and by what is left on the stack. */
static void read_options(struct composer *c)
{
    lua_State *L = c->L;
    if (!lua_istable(L, c->call->options)) {
        luaL_error(L, "%s: options: a table is expected ({ body = ..., headers = ... }), not a %s",
                   c->call->what, luaL_typename(L, c->call->options));
    }
    int options = pelt_template_entries(L, c->call->options);
    lua_pushnil(L);
    while (lua_next(L, options)) {
        int value = lua_gettop(L);
        read_option(c, option_of(c, value - 1), value);
        lua_settop(L, value - 1);
    }
    check_one_body(c);
    if (c->headers) {
        int value = push_option(L, options, PELT_OPTION_HEADERS);
        pelt_fields_read(L, value, c->call->what, &c->fields);
    }
    if (c->auth) {
        int value = push_option(L, options, PELT_OPTION_AUTH);
        pelt_fields_auth(L, value, c->call->what, &c->fields, c->call->accept ? NULL : &c->login);
    }
    if (c->compressed) {
        int value = push_option(L, options, PELT_OPTION_COMPRESSED);
        pelt_fields_compressed(L, value, c->call->what, &c->fields);
    }
    if (c->behave) {
        int value = push_option(L, options, PELT_OPTION_BEHAVE);
        pelt_behaviour_read(L, value, c->call->what, &c->template->manner);
        c->template->request.mannered = true;
    }
    if (c->traced) {
        int value = push_option(L, options, PELT_OPTION_TRACE);
        pelt_tracing_read(L, value, c->call->what, &c->tracing);
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

static void check(lua_State *L, const struct pelt_call *call, enum pelt_status status,
                  const struct pelt_error *err)
{
    if (status != PELT_OK) {
        luaL_error(L, "%s: %s", call->what, err->text);
    }
}

static void out_of_memory(lua_State *L, const struct pelt_call *call)
{
    luaL_error(L, "%s: out of memory", call->what);
}

/* The body of `json`, `form` or `multipart`, in the shard's buffer. */
static struct pelt_span encode_body(lua_State *L, const struct pelt_call *call,
                                    const struct pelt_given *given)
{
    struct pelt_shard *shard = pelt_shard_of(L);
    struct pelt_buf *text = given->json ? &shard->json : &shard->made;
    struct pelt_error err;
    int top = lua_gettop(L), entries = pelt_template_entries(L, call->options);
    pelt_buf_reset(text);
    if (given->json) {
        int value = push_option(L, entries, PELT_OPTION_JSON);
        check(L, call, pelt_json_encode(L, value, "json", text, &err), &err);
    } else if (given->form) {
        pelt_form_encode(L, push_option(L, entries, PELT_OPTION_FORM), call->what, text);
    } else {
        pelt_multipart_encode(L, push_option(L, entries, PELT_OPTION_MULTIPART), call->what, text);
    }
    lua_settop(L, top);
    return pelt_span(text->data ? text->data : "", text->len);
}

/* Pushes the Content-Type of a body that pelt makes; NULL: none of these. */
static const char *body_type(lua_State *L, const struct pelt_given *given)
{
    if (given->multipart) {
        char boundary[PELT_BOUNDARY_SIZE];
        pelt_multipart_boundary(pelt_shard_of(L), boundary);
        return lua_pushfstring(L, "multipart/form-data; boundary=%s", boundary);
    }
    return given->json   ? "application/json"
           : given->form ? "application/x-www-form-urlencoded"
                         : NULL;
}

static struct pelt_span without_fragment(struct pelt_span target)
{
    const char *hash = target.len > 0 ? memchr(target.ptr, '#', target.len) : NULL;
    return hash ? pelt_span(target.ptr, (size_t)(hash - target.ptr)) : target;
}

static struct place resolve_relative(lua_State *L, const struct pelt_call *call,
                                     struct pelt_http_client *client, struct pelt_span path)
{
    if (!client->has_base) {
        luaL_error(L,
                   "%s: \"%s\" is a path, and there is no target: set `target` in the scenario, or "
                   "give --target",
                   call->what, path.ptr);
    }
    return (struct place){client->origin, client->prefix, without_fragment(path)};
}

static struct place resolve(lua_State *L, const struct pelt_call *call,
                            struct pelt_http_client *client)
{
    struct pelt_span text = pelt_args_text(L, call->url, call->what);
    if (text.len > 0 && text.ptr[0] == '/') {
        return resolve_relative(L, call, client, text);
    }
    struct pelt_error err;
    struct pelt_url url;
    struct place place = {.prefix = {"", 0}};
    check(L, call, pelt_url_parse(text, &url, &err), &err);
    check(L, call, pelt_client_origin(pelt_shard_of(L)->opt->client, &url, &place.origin, &err),
          &err);
    place.path = url.target;
    if (place.path.len == 0 || place.path.ptr[0] == '?') {
        place.prefix = pelt_span("/", 1);
    }
    return place;
}

/* A field with ids to be filled in, unless the script says it itself; where its id stands, 0
 * without it. */
static uint32_t write_ids(struct composer *c, struct pelt_span name, const char *blank, size_t id,
                          struct pelt_buf *buf)
{
    struct pelt_error err;
    struct pelt_span own;
    if (name.len == 0 || has_field(&c->fields, name.ptr, &own)) {
        return 0;
    }
    const size_t at = buf->len + name.len + 2 + id; /* behind "Name: " */
    check(c->L, c->call, pelt_http1_request_field(buf, name, pelt_span_of(blank), &err), &err);
    return (uint32_t)at - 1; /* without the "/" */
}

/* Method, Host and fields, as if the target were "/"; where it stands, `start_len` ends. */
static void write_head(struct composer *c, struct pelt_origin *origin, struct pelt_buf *buf)
{
    lua_State *L = c->L;
    struct pelt_span method = pelt_span_of(c->call->method), host = pelt_origin_host(origin);
    struct pelt_error err;
    pelt_buf_reset(buf);
    has_field(&c->fields, "Host", &host);
    check(L, c->call, pelt_http1_request_begin(buf, method, pelt_span("/", 1), host, &err), &err);
    struct pelt_request *r = &c->template->request;
    if (c->tracing.traceparent) {
        r->trace_at = write_ids(c, pelt_span_of("traceparent"), PELT_TRACEPARENT_BLANK,
                                PELT_TRACEPARENT_ID, buf);
    }
    r->correlation_at = write_ids(c, c->tracing.correlation, PELT_TRACE_ID_BLANK, 0, buf);
    for (size_t i = 0; i < c->fields.len; i++) {
        const struct pelt_field *f = &c->fields.at[i];
        if (!pelt_span_eq_nocase(f->name, "Host")) {
            check(L, c->call, pelt_http1_request_field(buf, f->name, f->value, &err), &err);
        }
    }
    memmove(buf->data + method.len + 1, buf->data + method.len + 2, buf->len - method.len - 2);
    c->template->head = buf->data;
    c->template->start_len = method.len + 1;
    c->template->head_len = buf->len - 1;
}

/* The group of which the request that is made is a part; NULL: none. */
static const struct pelt_group *group_of(const struct pelt_shard *shard)
{
    return shard->running ? shard->running->group : NULL;
}

static uint32_t intern_series(const struct pelt_shard *shard, struct pelt_span name)
{
    const struct pelt_group *group = group_of(shard);
    char whole[sizeof group->prefix + PELT_NAME_MAX];
    if (group) {
        name.len = name.len < PELT_NAME_MAX ? name.len : PELT_NAME_MAX;
        memcpy(mempcpy(whole, group->prefix, group->prefix_len), name.ptr, name.len);
        name = pelt_span(whole, group->prefix_len + name.len);
    }
    return pelt_registry_intern(shard->opt->registry, PELT_NAME_REQUEST, name);
}

/* The id of a name, in the group that runs; 0: beyond the cap, and not remembered. */
static uint32_t series_id(lua_State *L, struct pelt_span name)
{
    struct pelt_shard *shard = pelt_shard_of(L);
    const struct pelt_group *group = group_of(shard);
    int series_ref = group ? group->series_ref : shard->series_ref;
    uint32_t id = 0;
    if (group && !pelt_group_kept(group)) {
        return intern_series(shard, name);
    }
    lua_rawgeti(L, LUA_REGISTRYINDEX, series_ref);
    lua_pushlstring(L, name.ptr, name.len);
    lua_pushvalue(L, -1);
    if (lua_rawget(L, -3) != LUA_TNIL) {
        id = (uint32_t)lua_tointeger(L, -1);
        lua_pop(L, 3);
        return id;
    }
    lua_pop(L, 1);
    id = intern_series(shard, name);
    if (id != 0) {
        lua_pushinteger(L, id);
        lua_rawset(L, -3);
    }
    lua_settop(L, id != 0 ? -2 : -3);
    return id;
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

struct pelt_draft *pelt_draft_at(lua_State *L, struct pelt_draft **at)
{
    if (!*at) {
        *at = calloc(1, sizeof **at);
        if (!*at) {
            luaL_error(L, "out of memory");
        }
        pelt_buf_init(&(*at)->buf, 0);
    }
    return *at;
}

/* The template of a call, with its bytes in the shard's buffer. */
static void make_template(lua_State *L, const struct pelt_http_client *client,
                          const struct pelt_call *call, struct pelt_origin *origin,
                          struct pelt_template *template, struct pelt_given *given,
                          struct pelt_login *login)
{
    struct composer c; /* field by field: a table of fields to be cleared would cost more */
    c.L = L;
    c.call = call;
    c.template = template;
    c.given = given;
    c.name = pelt_span(NULL, 0);
    c.timeout_ns = client->timeout_ns;
    c.headers = c.auth = c.compressed = c.traced = c.behave = false;
    c.login = client->login;
    c.tracing = pelt_tracing_of(pelt_shard_of(L)->opt->scenario);
    *template = (struct pelt_template){.request = {.origin = origin,
                                                   .cookies = client->cookies,
                                                   .redirects = client->redirects,
                                                   .stale_again = client->stale_again},
                                       .continue_min = PELT_NEVER};
    *given = (struct pelt_given){.json = false};
    c.fields.len = client->fields_len;
    memcpy(c.fields.at, client->fields, client->fields_len * sizeof client->fields[0]);
    if (!lua_isnoneornil(L, call->options)) {
        read_options(&c);
    }
    if (call->accept && c.login.user.ptr) {
        luaL_error(L, "%s: auth: digest: a challenge cannot be answered here: use another client",
                   call->what);
    }
    struct pelt_span found;
    const char *type = body_type(L, given);
    if (type && (given->multipart || !has_field(&c.fields, "Content-Type", &found))) {
        pelt_fields_set(L, call->what, &c.fields, pelt_span_of("Content-Type"), pelt_span_of(type));
    }
    if (call->accept && !has_field(&c.fields, "Accept", &found)) {
        pelt_fields_set(L, call->what, &c.fields, pelt_span_of("Accept"),
                        pelt_span_of(call->accept));
    }
    write_head(&c, origin, &pelt_shard_of(L)->head);
    struct pelt_request *r = &template->request;
    r->timeouts = timeouts_of(c.timeout_ns);
    r->head = strcmp(call->method, "HEAD") == 0;
    r->close = has_field(&c.fields, "Connection", &found) && pelt_span_eq_nocase(found, "close");
    if (r->mannered) { /* with half a connection, or a narrow window, it serves no other */
        r->close |= template->manner.half_close || template->manner.read_per_s > 0;
    }
    r->cookies = r->cookies && !has_field(&c.fields, "Cookie", &found);
    r->decode = has_field(&c.fields, "Accept-Encoding", &found);
    if (login) {
        *login = c.login;
    }
    template->named = c.name.ptr != NULL;
    r->series = template->named ? series_id(L, c.name) : 0;
}

/* The kept template of a call, or *fresh, made now. */
static const struct pelt_template *template_of(lua_State *L, const struct pelt_http_client *client,
                                               const struct pelt_call *call,
                                               struct pelt_origin *origin,
                                               struct pelt_template *fresh,
                                               struct pelt_given *given, struct pelt_login *login)
{
    struct pelt_shard *shard = pelt_shard_of(L);
    struct pelt_templates *templates = shard->templates;
    struct pelt_template_key key;
    key.hash = key.len = 0;
    pelt_template_key_add(&key, client->serial);
    pelt_template_key_add(&key, (uintptr_t)call->method);
    pelt_template_key_add(&key, (uintptr_t)origin);
    const struct pelt_group *group = group_of(shard);
    if (group) {
        pelt_template_key_add(&key, (uintptr_t)group);
    }
    if (call->accept) {
        pelt_template_key_add(&key, (uintptr_t)call->accept);
    }
    bool options = lua_istable(L, call->options);
    const struct pelt_template *kept =
        options ? pelt_templates_constant(templates, &key, lua_topointer(L, call->options),
                                          &shard->source.writes, given)
                : NULL;
    if (kept) {
        return kept;
    }
    /* A group that is not kept may give its address to the next one. */
    bool keyed = !client->login.user.ptr && (!group || pelt_group_kept(group)) &&
                 pelt_templates_help(templates);
    size_t call_words = key.len;
    uint64_t call_hash = key.hash;
    if (keyed) {
        keyed = options ? pelt_template_key_read(L, call->options, templates, &key, given)
                        : lua_isnoneornil(L, call->options);
    }
    kept = keyed ? pelt_templates_find(templates, &key) : NULL;
    if (kept) {
        if (options) {
            key.len = call_words;
            key.hash = call_hash;
            pelt_templates_note(L, templates, &key, call->options, kept, &shard->source.writes,
                                given);
        }
        return kept;
    }
    int top = lua_gettop(L);
    make_template(L, client, call, origin, fresh, given, login);
    if (keyed && !(fresh->named && fresh->request.series == 0)) {
        pelt_templates_keep(L, templates, &key, fresh, call->method_index,
                            options ? call->options : 0);
    }
    lua_settop(L, top);
    return fresh;
}

/* Puts the bytes together in the draft's buffer; returns the target in them. */
static struct pelt_span write_bytes(lua_State *L, const struct pelt_call *call,
                                    const struct pelt_template *t, const struct place *place,
                                    const struct pelt_span *body, struct pelt_buf *buf)
{
    struct pelt_error err;
    check(L, call, pelt_http1_check_target(place->path, &err), &err);
    size_t target_len = place->prefix.len + place->path.len;
    pelt_buf_reset(buf);
    if (pelt_buf_reserve(buf, t->head_len + target_len) != PELT_OK) {
        out_of_memory(L, call);
    }
    char *at = buf->data;
    at = mempcpy(at, t->head, t->start_len);
    at = place->prefix.len > 0 ? mempcpy(at, place->prefix.ptr, place->prefix.len) : at;
    at = place->path.len > 0 ? mempcpy(at, place->path.ptr, place->path.len) : at;
    memcpy(at, t->head + t->start_len, t->head_len - t->start_len);
    buf->len = t->head_len + target_len;
    const struct pelt_strand *strand = pelt_shard_of(L)->running;
    if (strand->cookies && t->request.cookies) {
        /* A copy: writing cookies may move the buffer. */
        const char *target = lua_pushlstring(L, buf->data + t->start_len, target_len);
        pelt_user_cookies_write(L, strand, t->request.origin, pelt_span(target, target_len), buf);
        lua_pop(L, 1);
    }
    if (body && body->len > 0 && body->len >= t->continue_min) {
        check(L, call,
              pelt_http1_request_field(buf, pelt_span_of("Expect"), pelt_span_of("100-continue"),
                                       &err),
              &err);
    }
    if (pelt_http1_request_end(buf, pelt_span(t->head, t->start_len - 1), body) != PELT_OK) {
        out_of_memory(L, call);
    }
    return pelt_span(buf->data + t->start_len, target_len);
}

/* What is kept of the response: what the scenario's source can read, unless the call says more. */
static void set_keep(struct pelt_request *r, enum pelt_keep_body keep_body,
                     const struct pelt_shard *shard)
{
    const struct pelt_reads *reads = &shard->source.reads;
    bool body =
        keep_body == PELT_KEEP_BODY_YES || (keep_body == PELT_KEEP_BODY_IF_READ && reads->body);
    r->observer = shard->observer;
    r->keep = body || reads->headers || r->redirects > 0 || r->observer;
    r->body_max = body ? PELT_BODY_KEPT_MAX : 0;
}

uint32_t pelt_draft_series(lua_State *L, const char *method, struct pelt_span target)
{
    char name[PELT_NAME_MAX + 1];
    size_t len = pelt_series_name(method, target, name);
    return series_id(L, pelt_span(name, len));
}

uint32_t pelt_draft_series_named(lua_State *L, struct pelt_span name)
{
    return series_id(L, name);
}

const struct pelt_request *pelt_draft_compose(lua_State *L, struct pelt_http_client *client,
                                              const struct pelt_call *call, struct pelt_draft **at)
{
    struct pelt_draft *draft = pelt_draft_at(L, at);
    struct place place = resolve(L, call, client);
    struct pelt_given given = {.json = false};
    struct pelt_template fresh;
    struct pelt_login login = {{NULL, 0}, {NULL, 0}};
    const struct pelt_template *t =
        template_of(L, client, call, place.origin, &fresh, &given, &login);
    if (given.json || given.form || given.multipart) {
        given.body = encode_body(L, call, &given);
    }
    struct pelt_span target =
        write_bytes(L, call, t, &place, given.body.ptr ? &given.body : NULL, &draft->buf);

    struct pelt_request *r = &draft->request;
    *r = t->request;
    r->bytes = draft->buf.data;
    r->len = draft->buf.len;
    if (r->expect_len > 0) {
        memcpy(draft->expect, t->expect, sizeof draft->expect);
        r->expect = draft->expect;
    }
    if (!t->named) {
        r->series = pelt_draft_series(L, call->method, target);
    }
    if (pelt_tracing_wanted(r)) {
        r->trace_at += r->trace_at ? (uint32_t)target.len : 0;
        r->correlation_at += r->correlation_at ? (uint32_t)target.len : 0;
        pelt_tracing_fill(r, &draft->buf, pelt_shard_of(L)->running);
    }
    set_keep(r, t->keep_body, pelt_shard_of(L));
    if (__builtin_expect(r->mannered, 0)) {
        draft->manner = t->manner;
        r->manner = &draft->manner;
    }
    if (__builtin_expect(given.body.len >= t->continue_min, 0) && given.body.len > 0) {
        r->continue_at = (uint32_t)(r->len - given.body.len);
        r->mannered = true;
    }
    if (__builtin_expect(login.user.ptr != NULL, 0)) {
        pelt_user_digest_begin(L, pelt_shard_of(L)->running, &login, draft);
    }
    pelt_shard_trim(&pelt_shard_of(L)->json);
    pelt_shard_trim(&pelt_shard_of(L)->made);
    return r;
}
