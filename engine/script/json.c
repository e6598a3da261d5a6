/*
 * Encoding writes text straight from Lua's tables: a document in between would cost ten times as
 * much. Pushing a value can raise (memory), and then the document is the shard's
 * (pelt_shard_keep_json) and freed with it.
 */
#include "json.h"

#include <lauxlib.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pelt/digits.h"
#include "shard.h"
#include "watchdog.h"

#define ARRAY_TYPE "pelt.json.array"

/* Where a value stands, from the inside out: a member `key` of `in`, or its item `index`. */
struct place {
    const struct place *in; /* NULL: the root, called `key` */
    const char *key;        /* NULL: an item of a list */
    lua_Integer index;
};

struct writer {
    lua_State *L;
    struct pelt_buf *out;
    struct pelt_error *err;
    int depth;
};

static bool write_value(struct writer *w, int index, const struct place *at);

static void write_place(struct pelt_buf *path, const struct place *at)
{
    if (at->in) {
        write_place(path, at->in);
    }
    if (at->key) {
        pelt_buf_addf(path, "%s%s", at->in ? "." : "", at->key);
    } else {
        pelt_buf_addf(path, "[%lld]", (long long)at->index);
    }
}

static bool refuse(struct writer *w, const struct place *at, const char *why)
{
    struct pelt_buf path;
    pelt_buf_init(&path, 256);
    write_place(&path, at);
    (void)pelt_fail(w->err, PELT_EINVAL, "%s %s", path.data ? path.data : "the value", why);
    pelt_buf_deinit(&path);
    return false;
}

/* False: the buffer is full; its flag says so. */
static inline bool put(struct writer *w, const char *bytes, size_t len)
{
    struct pelt_buf *out = w->out;
    if (out->failed || len >= out->cap - out->len ||
        (out->limit > 0 && len > out->limit - out->len)) {
        return pelt_buf_add(out, bytes, len) == PELT_OK;
    }
    memcpy(out->data + out->len, bytes, len); /* most pieces are too short for a call */
    out->len += len;
    out->data[out->len] = '\0';
    return true;
}

static bool write_integer(struct writer *w, lua_Integer value)
{
    char text[PELT_DIGITS_MAX], *end = text + sizeof text, *at = pelt_digits_before(end, value);
    return put(w, at, (size_t)(end - at));
}

/* The fewest digits that read back as the same number, 17 at most. */
static int format_number(char text[static 32], double number)
{
    int len = 0;
    for (int digits = 15; digits <= 17; digits++) {
        len = snprintf(text, 32, "%.*g", digits, number);
        if (strtod(text, NULL) == number) {
            break;
        }
    }
    return len;
}

/* With a point or an exponent, so that it reads back as no integer. */
static bool write_number(struct writer *w, int index, const struct place *at)
{
    if (lua_isinteger(w->L, index)) {
        return write_integer(w, lua_tointeger(w->L, index));
    }
    double number = lua_tonumber(w->L, index);
    if (!isfinite(number)) {
        return refuse(w, at, "is not a finite number");
    }
    char text[40];
    int len = format_number(text, number);
    if (!strpbrk(text, ".e")) {
        memcpy(text + len, ".0", 3);
        len += 2;
    }
    return put(w, text, (size_t)len);
}

/* Bytes of the UTF-8 character at s (RFC 3629: no overlong forms, no surrogates); 0: none. */
static size_t character_len(const unsigned char *s, size_t len)
{
    size_t need = s[0] >= 0xf0 ? 4 : s[0] >= 0xe0 ? 3 : 2;
    if (s[0] < 0xc2 || s[0] > 0xf4 || need > len) {
        return 0;
    }
    for (size_t i = 1; i < need; i++) {
        if ((s[i] & 0xc0) != 0x80) {
            return 0;
        }
    }
    bool overlong = (s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xf0 && s[1] < 0x90);
    bool beyond = (s[0] == 0xed && s[1] >= 0xa0) || (s[0] == 0xf4 && s[1] >= 0x90);
    return overlong || beyond ? 0 : need;
}

/* The escape of a byte that needs one. */
static bool write_escape(struct writer *w, unsigned char c)
{
    static const char named[] = "\"\"\\\\\bb\ff\nn\rr\tt"; /* byte, letter, ... */
    for (const char *p = named; *p; p += 2) {
        if ((unsigned char)*p == c) {
            return put(w, (const char[]){'\\', p[1]}, 2);
        }
    }
    return pelt_buf_addf(w->out, "\\u%04X", c) == PELT_OK;
}

/* Text between quotes. False: it is not UTF-8, or the buffer is full. */
static bool write_text(struct writer *w, const char *text, size_t len)
{
    const unsigned char *s = (const unsigned char *)text;
    size_t from = 0, i = 0;
    bool ok = put(w, "\"", 1);
    while (ok && i < len) {
        if (s[i] >= 0x80) {
            size_t bytes = character_len(s + i, len - i);
            ok = bytes > 0;
            i += bytes;
        } else if (s[i] >= ' ' && s[i] != '"' && s[i] != '\\') {
            i++;
        } else {
            ok = put(w, text + from, i - from) && write_escape(w, s[i]);
            from = ++i;
        }
    }
    return ok && put(w, text + from, len - from) && put(w, "\"", 1);
}

static bool write_string(struct writer *w, int index, const struct place *at)
{
    size_t len;
    const char *text = lua_tolstring(w->L, index, &len);
    return write_text(w, text, len) || w->out->failed || refuse(w, at, "is not UTF-8 text");
}

/* Names the key on top of the stack, which a list does not have. */
static bool refuse_key(struct writer *w, const struct place *at)
{
    if (lua_type(w->L, -1) == LUA_TSTRING) {
        struct place key = {.in = at, .key = lua_tostring(w->L, -1)};
        return refuse(w, &key, "is in a list: a table has the keys 1..n or text keys, not both");
    }
    if (lua_isinteger(w->L, -1)) {
        struct place key = {.in = at, .index = lua_tointeger(w->L, -1)};
        return refuse(w, &key, "is outside of 1..n: fill holes in a list with pelt.json.null");
    }
    return refuse(w, at, "has keys that are neither 1..n nor strings");
}

/* Whether the keys are 1..len and no others: nothing is left out silently. */
static bool check_list(struct writer *w, int index, lua_Unsigned len, const struct place *at)
{
    lua_State *L = w->L;
    lua_Unsigned found = 0;
    lua_pushnil(L);
    while (lua_next(L, index)) {
        lua_pop(L, 1);
        if (!lua_isinteger(L, -1) || (lua_Unsigned)lua_tointeger(L, -1) - 1 >= len) {
            return refuse_key(w, at);
        }
        found++;
    }
    return found == len || refuse(w, at, "is a list with holes: fill them with pelt.json.null");
}

static bool write_array(struct writer *w, int index, lua_Unsigned len, const struct place *at)
{
    bool ok = check_list(w, index, len, at) && put(w, "[", 1);
    for (lua_Integer i = 1; ok && i <= (lua_Integer)len; i++) {
        struct place item = {.in = at, .index = i};
        lua_rawgeti(w->L, index, i);
        ok = (i == 1 || put(w, ",", 1)) && write_value(w, lua_gettop(w->L), &item);
        lua_pop(w->L, 1);
    }
    return ok && put(w, "]", 1);
}

/* The key and value on top. */
static bool write_member(struct writer *w, const struct place *at)
{
    int key = lua_gettop(w->L) - 1;
    if (lua_type(w->L, key) != LUA_TSTRING) {
        return refuse(w, at, "has keys that are neither 1..n nor strings");
    }
    size_t len;
    struct place member = {.in = at, .key = lua_tolstring(w->L, key, &len)};
    if (!write_text(w, member.key, len)) {
        return !w->out->failed && refuse(w, &member, "has a key that is not UTF-8 text");
    }
    return put(w, ":", 1) && write_value(w, key + 1, &member);
}

static bool write_object(struct writer *w, int index, const struct place *at)
{
    bool ok = put(w, "{", 1), first = true;
    lua_pushnil(w->L);
    while (ok && lua_next(w->L, index)) {
        ok = (first || put(w, ",", 1)) && write_member(w, at);
        lua_pop(w->L, 1);
        first = false;
    }
    return ok && put(w, "}", 1);
}

static bool write_table(struct writer *w, int index, const struct place *at)
{
    lua_State *L = w->L;
    int top = lua_gettop(L);
    bool array = false;
    if (w->depth >= PELT_JSON_DEPTH_MAX) {
        return refuse(w, at, "is nested too deep, or contains itself");
    }
    w->depth++;
    /* What setup returned is read through views (lua/guard.lua): read what stands behind, which may
     * be marked as a list. */
    for (int hops = 0; hops < 2 && lua_getmetatable(L, index); hops++) {
        luaL_getmetatable(L, ARRAY_TYPE);
        array = lua_rawequal(L, -1, -2);
        lua_pushliteral(L, "__values");
        if (array || lua_rawget(L, -3) != LUA_TTABLE) {
            break;
        }
        index = lua_gettop(L);
    }
    lua_Unsigned len = lua_rawlen(L, index);
    bool ok = array || len > 0 ? write_array(w, index, len, at) : write_object(w, index, at);
    lua_settop(L, top);
    w->depth--;
    return ok;
}

static bool write_value(struct writer *w, int index, const struct place *at)
{
    lua_State *L = w->L;
    if (pelt_watch_tripped()) {
        pelt_watch_raise(L);
    }
    if (!lua_checkstack(L, 12)) {
        return refuse(w, at, "is nested too deep");
    }
    switch (lua_type(L, index)) {
    case LUA_TNIL:
        return put(w, "null", 4);
    case LUA_TBOOLEAN:
        return lua_toboolean(L, index) ? put(w, "true", 4) : put(w, "false", 5);
    case LUA_TNUMBER:
        return write_number(w, index, at);
    case LUA_TSTRING:
        return write_string(w, index, at);
    case LUA_TTABLE:
        return write_table(w, index, at);
    case LUA_TLIGHTUSERDATA:
        if (!lua_touserdata(L, index)) {
            return put(w, "null", 4);
        }
        break;
    default:
        break;
    }
    char why[64];
    snprintf(why, sizeof why, "is a %s, which JSON does not have",
             lua_typename(L, lua_type(L, index)));
    return refuse(w, at, why);
}

enum pelt_status pelt_json_encode(lua_State *L, int index, const char *root, struct pelt_buf *out,
                                  struct pelt_error *err)
{
    struct writer w = {.L = L, .out = out, .err = err};
    struct place at = {.key = root};
    int top = lua_gettop(L);
    bool ok = write_value(&w, lua_absindex(L, index), &at);
    lua_settop(L, top);
    if (out->failed) {
        return pelt_fail(err, PELT_ELIMIT, "%s: more than %zu MiB of JSON, or out of memory", root,
                         out->limit >> 20);
    }
    return ok ? PELT_OK : PELT_EINVAL;
}

/* A text given byte by byte, with ".0" behind each integer that 64 bits do not hold. */
struct widener {
    const char *at, *end;
    const char *number_end; /* of the number met last */
    const char *wide_end;   /* of such an integer; NULL: none so far */
    unsigned point;         /* how much of its ".0" was given */
    bool string, escaped;   /* `at` is in a string, behind a backslash of it */
};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static const char *skip_number(const char *at, const char *end)
{
    while (at < end && *at && strchr("0123456789+-.eE", *at)) {
        at++;
    }
    return at;
}

static bool is_wide(const char *at, const char *end)
{
    const char *most = *at == '-' ? "9223372036854775808" : "9223372036854775807";
    at += *at == '-';
    size_t len = (size_t)(end - at), digits = 0;
    while (digits < len && is_digit(at[digits])) {
        digits++;
    }
    return digits == len && (len > 19 || (len == 19 && memcmp(at, most, 19) > 0));
}

static int next_byte(struct widener *w)
{
    if (w->at == w->wide_end && w->point < 2) {
        return ".0"[w->point++];
    }
    if (w->at == w->end) {
        return EOF;
    }
    char c = *w->at;
    if (w->string) {
        w->string = c != '"' || w->escaped;
        w->escaped = c == '\\' && !w->escaped;
    } else if (c == '"') {
        w->string = true;
    } else if ((c == '-' || is_digit(c)) && w->at >= w->number_end) {
        w->number_end = skip_number(w->at, w->end);
        if (is_wide(w->at, w->number_end)) {
            w->wide_end = w->number_end;
            w->point = 0;
        }
    }
    w->at++;
    return (unsigned char)c;
}

/* A json_load_callback_t. */
static size_t give(void *buffer, size_t size, void *data)
{
    unsigned char *out = buffer;
    size_t len = 0;
    for (int c; len < size && (c = next_byte(data)) != EOF; len++) {
        out[len] = (unsigned char)c;
    }
    return len;
}

json_t *pelt_json_load(const char *text, size_t len, size_t flags, json_error_t *why)
{
    json_error_t own, *error = why ? why : &own;
    json_t *value = json_loadb(text, len, flags, error);
    if (value || json_error_code(error) != json_error_numeric_overflow) {
        return value;
    }
    const struct widener start = {.at = text, .end = text + len, .number_end = text};
    struct widener given = start, counted = start;
    value = json_load_callback(give, &given, flags, error);
    for (int i = 0; i < error->position && next_byte(&counted) != EOF; i++) {
    }
    error->position = (int)(counted.at - text); /* of the text as it is */
    return value;
}

static void push_array(lua_State *L, const json_t *array)
{
    size_t len = json_array_size(array);
    lua_createtable(L, (int)len, 0);
    luaL_setmetatable(L, ARRAY_TYPE);
    for (size_t i = 0; i < len; i++) {
        pelt_json_push(L, json_array_get(array, i));
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
}

static void push_object(lua_State *L, const json_t *object)
{
    lua_createtable(L, 0, (int)json_object_size(object));
    json_t *o = (json_t *)object; /* jansson's iterators take it without const and do not write */
    for (void *at = json_object_iter(o); at; at = json_object_iter_next(o, at)) {
        lua_pushlstring(L, json_object_iter_key(at), json_object_iter_key_len(at));
        pelt_json_push(L, json_object_iter_value(at));
        lua_rawset(L, -3);
    }
}

void pelt_json_push(lua_State *L, const json_t *value)
{
    luaL_checkstack(L, 8, "JSON nested too deep");
    if (pelt_watch_tripped()) {
        pelt_watch_raise(L);
    }
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        push_object(L, value);
        break;
    case JSON_ARRAY:
        push_array(L, value);
        break;
    case JSON_STRING:
        lua_pushlstring(L, json_string_value(value), json_string_length(value));
        break;
    case JSON_INTEGER:
        lua_pushinteger(L, json_integer_value(value));
        break;
    case JSON_REAL:
        lua_pushnumber(L, json_real_value(value));
        break;
    case JSON_TRUE:
    case JSON_FALSE:
        lua_pushboolean(L, json_is_true(value));
        break;
    case JSON_NULL:
        lua_pushlightuserdata(L, NULL);
        break;
    }
}

/* One reference token, unescaped (~1 is '/', ~0 is '~'); returns what follows it, NULL if it is too
 * long. */
static const char *next_token(const char *pointer, char *token, size_t size)
{
    size_t len = 0;
    for (pointer++; *pointer && *pointer != '/'; pointer++) {
        char c = *pointer;
        if (c == '~' && (pointer[1] == '0' || pointer[1] == '1')) {
            c = *++pointer == '1' ? '/' : '~';
        }
        if (len + 1 >= size) {
            return NULL;
        }
        token[len++] = c;
    }
    token[len] = '\0';
    return pointer;
}

static const json_t *item_at(const json_t *array, const char *token)
{
    size_t digits = strspn(token, "0123456789");
    if (digits == 0 || token[digits] || digits > 9 || (*token == '0' && digits > 1)) {
        return NULL;
    }
    return json_array_get(array, (size_t)strtoul(token, NULL, 10));
}

const json_t *pelt_json_pointer(const json_t *document, const char *pointer)
{
    char token[256];
    while (document && *pointer) {
        pointer = next_token(pointer, token, sizeof token);
        if (!pointer) {
            return NULL;
        }
        document =
            json_is_array(document) ? item_at(document, token) : json_object_get(document, token);
    }
    return document;
}

static int json_encode(lua_State *L)
{
    luaL_checkany(L, 1);
    struct pelt_buf *text = &pelt_shard_of(L)->json;
    struct pelt_error err;
    pelt_buf_reset(text);
    if (pelt_json_encode(L, 1, "value", text, &err) != PELT_OK) {
        return luaL_error(L, "pelt.json.encode: %s", err.text);
    }
    lua_pushlstring(L, text->data, text->len);
    pelt_shard_trim(text);
    return 1;
}

/* The value, or nil and why. */
static int json_decode(lua_State *L)
{
    size_t len;
    const char *text = luaL_checklstring(L, 1, &len);
    if (len > PELT_JSON_READ_MAX) {
        lua_pushnil(L);
        lua_pushfstring(L, "a text of %I bytes: at most %d MiB are read at once", (LUAI_UACINT)len,
                        PELT_JSON_READ_MAX >> 20);
        return 2;
    }
    json_error_t why;
    json_t *value = pelt_json_load(text, len, PELT_JSON_LOAD_FLAGS, &why);
    if (!value) {
        lua_pushnil(L);
        lua_pushfstring(L, "%s (byte %d)", why.text, why.position);
        return 2;
    }
    pelt_shard_keep_json(pelt_shard_of(L), value, 0);
    pelt_json_push(L, value);
    return 1;
}

static int mark_array(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 1);
    luaL_setmetatable(L, ARRAY_TYPE);
    return 1;
}

int pelt_json_open(lua_State *L)
{
    luaL_newmetatable(L, ARRAY_TYPE);
    lua_pop(L, 1);
    lua_newtable(L);
    lua_pushcfunction(L, json_encode);
    lua_setfield(L, -2, "encode");
    lua_pushcfunction(L, json_decode);
    lua_setfield(L, -2, "decode");
    lua_pushcfunction(L, mark_array);
    lua_setfield(L, -2, "array");
    lua_pushlightuserdata(L, NULL);
    lua_setfield(L, -2, "null");
    return 1;
}
