/*
 * Reading a Lua value raises only when Lua is out of memory; pushing one can raise
 * likewise, and then the document is the shard's (pelt_shard_keep_json) and freed with it.
 */
#include "json.h"

#include <lauxlib.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "shard.h"

#define ARRAY_TYPE "pelt.json.array"

struct reader {
    lua_State *L;
    struct pelt_error *err;
    char path[256]; /* of the value being read */
    int depth;
};

static json_t *read_value(struct reader *r, int index);

static json_t *refuse(struct reader *r, const char *why)
{
    (void)pelt_fail(r->err, PELT_EINVAL, "%s %s", r->path, why);
    return NULL;
}

/* Appends ".key" to the path (key NULL: "[index]") and returns the length before, for leave(). */
static size_t enter(struct reader *r, const char *key, lua_Integer index)
{
    size_t len = strlen(r->path);
    if (key) {
        snprintf(r->path + len, sizeof r->path - len, ".%s", key);
    } else {
        snprintf(r->path + len, sizeof r->path - len, "[%lld]", (long long)index);
    }
    return len;
}

static void leave(struct reader *r, size_t len)
{
    r->path[len] = '\0';
}

static json_t *read_number(struct reader *r, int index)
{
    if (lua_isinteger(r->L, index)) {
        return json_integer(lua_tointeger(r->L, index));
    }
    double number = lua_tonumber(r->L, index);
    return isfinite(number) ? json_real(number) : refuse(r, "is not a finite number");
}

static json_t *read_string(struct reader *r, int index)
{
    size_t len;
    const char *text = lua_tolstring(r->L, index, &len);
    json_t *string = json_stringn(text, len);
    return string ? string : refuse(r, "is not UTF-8 text");
}

/* Names the key on top of the stack, which a list does not have. */
static void refuse_key(struct reader *r)
{
    if (lua_type(r->L, -1) == LUA_TSTRING) {
        size_t path_len = enter(r, lua_tostring(r->L, -1), 0);
        refuse(r, "is in a list: a table has the keys 1..n or text keys, not both");
        leave(r, path_len);
    } else if (lua_isinteger(r->L, -1)) {
        size_t path_len = enter(r, NULL, lua_tointeger(r->L, -1));
        refuse(r, "is outside of 1..n: fill holes in a list with pelt.json.null");
        leave(r, path_len);
    } else {
        refuse(r, "has keys that are neither 1..n nor strings");
    }
}

/* Whether the keys are 1..len and no others: nothing is left out silently. */
static bool check_list(struct reader *r, int index, lua_Unsigned len)
{
    lua_State *L = r->L;
    lua_Unsigned found = 0;
    lua_pushnil(L);
    while (lua_next(L, index)) {
        lua_pop(L, 1);
        if (!lua_isinteger(L, -1) || (lua_Unsigned)lua_tointeger(L, -1) - 1 >= len) {
            refuse_key(r);
            lua_pop(L, 1);
            return false;
        }
        found++;
    }
    if (found < len) {
        refuse(r, "is a list with holes: fill them with pelt.json.null");
    }
    return found == len;
}

static json_t *read_array(struct reader *r, int index, lua_Unsigned len)
{
    if (!check_list(r, index, len)) {
        return NULL;
    }
    json_t *array = json_array();
    for (lua_Integer i = 1; array && i <= (lua_Integer)len; i++) {
        size_t path_len = enter(r, NULL, i);
        lua_rawgeti(r->L, index, i);
        json_t *item = read_value(r, lua_gettop(r->L));
        lua_pop(r->L, 1);
        leave(r, path_len);
        if (!item || json_array_append_new(array, item) != 0) {
            json_decref(array);
            return NULL;
        }
    }
    return array;
}

static bool read_member(struct reader *r, json_t *object)
{
    int key = lua_gettop(r->L) - 1;
    if (lua_type(r->L, key) != LUA_TSTRING) {
        refuse(r, "has keys that are neither 1..n nor strings");
        return false;
    }
    size_t key_len;
    const char *name = lua_tolstring(r->L, key, &key_len);
    size_t path_len = enter(r, name, 0);
    json_t *value = read_value(r, key + 1);
    bool ok = value && json_object_setn_new(object, name, key_len, value) == 0;
    if (value && !ok) {
        refuse(r, "has a key that is not UTF-8 text");
    }
    leave(r, path_len);
    return ok;
}

static json_t *read_object(struct reader *r, int index)
{
    json_t *object = json_object();
    lua_pushnil(r->L);
    while (object && lua_next(r->L, index)) {
        if (!read_member(r, object)) {
            lua_pop(r->L, 2);
            json_decref(object);
            return NULL;
        }
        lua_pop(r->L, 1);
    }
    return object;
}

static bool is_marked_array(lua_State *L, int index)
{
    if (!lua_getmetatable(L, index)) {
        return false;
    }
    luaL_getmetatable(L, ARRAY_TYPE);
    bool marked = lua_rawequal(L, -1, -2);
    lua_pop(L, 2);
    return marked;
}

static json_t *read_table(struct reader *r, int index)
{
    lua_State *L = r->L;
    if (r->depth >= PELT_JSON_DEPTH_MAX) {
        return refuse(r, "is nested too deep, or contains itself");
    }
    r->depth++;
    int top = lua_gettop(L);
    /* What setup returned is read through proxies (lua/guard.lua): read what stands behind. */
    if (lua_getmetatable(L, index)) {
        lua_pushliteral(L, "__values");
        lua_rawget(L, -2);
        index = lua_istable(L, -1) ? lua_gettop(L) : index;
    }
    lua_Unsigned len = lua_rawlen(L, index);
    json_t *value =
        len > 0 || is_marked_array(L, index) ? read_array(r, index, len) : read_object(r, index);
    lua_settop(L, top);
    r->depth--;
    return value;
}

static json_t *read_value(struct reader *r, int index)
{
    lua_State *L = r->L;
    if (!lua_checkstack(L, 8)) {
        return refuse(r, "is nested too deep");
    }
    switch (lua_type(L, index)) {
    case LUA_TNIL:
        return json_null();
    case LUA_TBOOLEAN:
        return json_boolean(lua_toboolean(L, index));
    case LUA_TNUMBER:
        return read_number(r, index);
    case LUA_TSTRING:
        return read_string(r, index);
    case LUA_TTABLE:
        return read_table(r, index);
    case LUA_TLIGHTUSERDATA:
        if (!lua_touserdata(L, index)) {
            return json_null();
        }
        break;
    default:
        break;
    }
    char why[64];
    snprintf(why, sizeof why, "is a %s, which JSON does not have",
             lua_typename(L, lua_type(L, index)));
    return refuse(r, why);
}

json_t *pelt_json_read(lua_State *L, int index, const char *root, struct pelt_error *err)
{
    struct reader r = {.L = L, .err = err};
    snprintf(r.path, sizeof r.path, "%s", root);
    (void)pelt_fail(err, PELT_ENOMEM, "%s: out of memory", root);
    return read_value(&r, lua_absindex(L, index));
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

static int append(const char *bytes, size_t len, void *out)
{
    return pelt_buf_add(out, bytes, len) == PELT_OK ? 0 : -1;
}

enum pelt_status pelt_json_write(const json_t *value, struct pelt_buf *out)
{
    int failed = json_dump_callback(value, append, out, JSON_COMPACT | JSON_ENCODE_ANY);
    return failed ? PELT_ENOMEM : PELT_OK;
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
    struct pelt_error err;
    json_t *value = pelt_json_read(L, 1, "value", &err);
    if (!value) {
        return luaL_error(L, "pelt.json.encode: %s", err.text);
    }
    pelt_shard_keep_json(pelt_shard_of(L), value, 0);
    size_t len = json_dumpb(value, NULL, 0, JSON_COMPACT | JSON_ENCODE_ANY);
    luaL_Buffer text;
    char *room = luaL_buffinitsize(L, &text, len);
    json_dumpb(value, room, len, JSON_COMPACT | JSON_ENCODE_ANY);
    luaL_pushresultsize(&text, len);
    return 1;
}

/* The value, or nil and why. */
static int json_decode(lua_State *L)
{
    size_t len;
    const char *text = luaL_checklstring(L, 1, &len);
    json_error_t why;
    json_t *value = json_loadb(text, len, PELT_JSON_LOAD_FLAGS, &why);
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
