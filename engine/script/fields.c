/* fields: see the header. What is wrong with a secret is said without showing it. */
#include "fields.h"

#include <string.h>
#include <strings.h>

#include "args.h"
#include "pelt/encode.h"
#include "pelt/http1_request.h"
#include "shard.h"
#include "template.h"

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
    index = pelt_template_entries(L, lua_absindex(L, index));
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

/* Pushes the value of a key of the table; its text, if it is one. Secrets are not shown. */
static bool auth_text(lua_State *L, int table, const char *what, const char *key,
                      struct pelt_span *text)
{
    lua_pushstring(L, key);
    int type = lua_rawget(L, table);
    if (type != LUA_TNIL && type != LUA_TSTRING) {
        luaL_error(L, "%s: auth: %s: a string is expected, not a %s", what, key,
                   lua_typename(L, type));
    }
    *text = pelt_span(NULL, 0);
    if (type == LUA_TSTRING) {
        text->ptr = lua_tolstring(L, -1, &text->len);
    }
    return type == LUA_TSTRING;
}

static void check_auth_keys(lua_State *L, int table, const char *what, const char *const *known,
                            const char *hint)
{
    const char *other = pelt_args_other_key(L, table, known);
    if (other) {
        luaL_error(L, "%s: auth: unknown key '%s': write %s", what, other, hint);
    }
}

/* Pushes "Basic ..." */
static void push_basic(lua_State *L, const char *what, struct pelt_span user,
                       struct pelt_span password)
{
    struct pelt_buf *text = &pelt_shard_of(L)->json;
    if (user.len > 0 && memchr(user.ptr, ':', user.len)) {
        luaL_error(L, "%s: auth: user: no ':' is possible in it", what);
    }
    lua_pushlstring(L, user.ptr, user.len);
    lua_pushliteral(L, ":");
    lua_pushlstring(L, password.ptr, password.len);
    lua_concat(L, 3);
    struct pelt_span pair;
    pair.ptr = lua_tolstring(L, -1, &pair.len);
    pelt_buf_reset(text);
    pelt_buf_add_str(text, "Basic ");
    pelt_encode_base64(text, pair);
    if (text->failed) {
        luaL_error(L, "%s: out of memory", what);
    }
    lua_pushlstring(L, text->data, text->len);
    lua_replace(L, -2);
}

#define AUTH_HINT                                                                                  \
    "{ user = ..., password = ... }, { digest = { user = ..., password = ... } } or "              \
    "{ bearer = ... }"

static void remove_field(struct pelt_fields *fields, const char *name)
{
    for (size_t i = 0; i < fields->len; i++) {
        if (pelt_span_eq_nocase(fields->at[i].name, name)) {
            fields->at[i--] = fields->at[--fields->len];
        }
    }
}

/* The value of `digest` on top. */
static void read_digest(lua_State *L, const char *what, struct pelt_login *login)
{
    static const char *const known[] = {"user", "password", NULL};
    if (!login) {
        luaL_error(L, "%s: auth: digest: a challenge cannot be answered here", what);
    }
    if (!lua_istable(L, -1)) {
        luaL_error(
            L, "%s: auth: digest: a table is expected: { user = ..., password = ... }, not a %s",
            what, luaL_typename(L, -1));
    }
    const int table = pelt_template_entries(L, lua_gettop(L));
    check_auth_keys(L, table, what, known, AUTH_HINT);
    if (!auth_text(L, table, what, "user", &login->user) ||
        !auth_text(L, table, what, "password", &login->password)) {
        luaL_error(L, "%s: auth: digest: give user and password", what);
    }
    if (strlen(login->user.ptr) != login->user.len || !pelt_http1_is_value(login->user) ||
        strlen(login->password.ptr) != login->password.len) {
        luaL_error(L, "%s: auth: digest: a line break or a zero byte is in it", what);
    }
    lua_createtable(L, 2, 0); /* holds both */
    lua_pushvalue(L, -3);
    lua_rawseti(L, -2, 1);
    lua_pushvalue(L, -2);
    lua_rawseti(L, -2, 2);
}

void pelt_fields_auth(lua_State *L, int index, const char *what, struct pelt_fields *fields,
                      struct pelt_login *login)
{
    static const char *const known[] = {"user", "password", "bearer", "digest", NULL};
    if (!lua_istable(L, index)) {
        luaL_error(L, "%s: auth: a table is expected: " AUTH_HINT ", not a %s", what,
                   luaL_typename(L, index));
    }
    luaL_checkstack(L, LUA_MINSTACK, "auth");
    index = pelt_template_entries(L, lua_absindex(L, index));
    check_auth_keys(L, index, what, known, AUTH_HINT);
    struct pelt_span user, password, bearer, value;
    bool basic = auth_text(L, index, what, "user", &user);
    bool with = auth_text(L, index, what, "password", &password);
    bool token = auth_text(L, index, what, "bearer", &bearer);
    lua_pushliteral(L, "digest");
    bool digest = lua_rawget(L, index) != LUA_TNIL;
    if (basic != with || basic + token + digest != 1) {
        luaL_error(L, "%s: auth: give user and password, digest, or bearer", what);
    }
    if (login) {
        *login = (struct pelt_login){{NULL, 0}, {NULL, 0}};
    }
    if (digest) {
        read_digest(L, what, login);
        remove_field(fields, "Authorization");
        return;
    }
    if (basic) {
        push_basic(L, what, user, password);
    } else {
        lua_pushliteral(L, "Bearer ");
        lua_pushlstring(L, bearer.ptr, bearer.len);
        lua_concat(L, 2);
    }
    value.ptr = lua_tolstring(L, -1, &value.len);
    if (!pelt_http1_is_value(value)) {
        luaL_error(L, "%s: auth: a line break is in it", what);
    }
    pelt_fields_set(L, what, fields, pelt_span_of("Authorization"), value);
}

void pelt_fields_compressed(lua_State *L, int index, const char *what, struct pelt_fields *fields)
{
    size_t i = 0;
    while (i < fields->len && !pelt_span_eq_nocase(fields->at[i].name, "Accept-Encoding")) {
        i++;
    }
    bool there = i < fields->len;
    if (lua_type(L, index) == LUA_TSTRING) {
        pelt_fields_set(L, what, fields, pelt_span_of("Accept-Encoding"),
                        pelt_args_text(L, index, "compressed"));
    } else if (pelt_args_boolean(L, index, what, "compressed")) {
        if (!there) {
            pelt_fields_set(L, what, fields, pelt_span_of("Accept-Encoding"),
                            pelt_span_of("gzip, deflate, br, zstd"));
        }
    } else if (there) {
        fields->at[i] = fields->at[--fields->len];
    }
}
