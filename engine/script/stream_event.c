/* stream_event: see the header. As response.c does, without a finalizer. */
#include "stream_event.h"

#include <stddef.h>
#include <string.h>

#include "json.h"
#include "lib.h"

#define EVENT_TYPE "pelt.event"

struct event {
    uint64_t at_ns;
    uint64_t serial; /* of its parsed document, as those of responses; 0: nobody asked */
    uint32_t type_len, id_len, data_len;
    bool coalesced;
    char bytes[]; /* data, type, id */
};

void pelt_stream_event_push(lua_State *L, const struct pelt_event *from)
{
    const size_t texts = from->data.len + from->type.len + from->id.len;
    struct event *e = lua_newuserdatauv(L, offsetof(struct event, bytes) + texts, 0);
    e->at_ns = from->at_ns;
    e->serial = 0;
    e->type_len = (uint32_t)from->type.len;
    e->id_len = (uint32_t)from->id.len;
    e->data_len = (uint32_t)from->data.len;
    e->coalesced = from->coalesced;
    char *at = mempcpy(e->bytes, from->data.ptr, from->data.len);
    at = mempcpy(at, from->type.ptr, from->type.len);
    memcpy(at, from->id.ptr, from->id.len);
    lua_rawgeti(L, LUA_REGISTRYINDEX, pelt_shard_of(L)->event_ref);
    lua_setmetatable(L, -2);
}

static struct event *self(lua_State *L)
{
    struct event *e = pelt_shard_test(L, 1, PELT_TYPE_EVENT);
    return e ? e : luaL_checkudata(L, 1, EVENT_TYPE); /* raises */
}

static const json_t *value_at(lua_State *L, struct event *e, const char *pointer)
{
    struct pelt_shard *shard = pelt_shard_of(L);
    if (e->serial == 0 || shard->parsed_serial != e->serial) {
        e->serial = ++shard->responses;
        pelt_shard_keep_json(
            shard, pelt_json_load(e->bytes, e->data_len, PELT_JSON_LOAD_FLAGS, NULL), e->serial);
    }
    return pelt_json_pointer(shard->parsed, pointer);
}

/* event:json() the whole document, event:json("/a/0") one value; nil: not there, null, no JSON. */
static int event_json(lua_State *L)
{
    struct event *e = self(L);
    const char *pointer = luaL_optstring(L, 2, "");
    if (*pointer && *pointer != '/') {
        return luaL_argerror(L, 2, "a JSON pointer starts with '/': event:json(\"/answer\")");
    }
    const json_t *value = value_at(L, e, pointer);
    if (value && !json_is_null(value)) {
        pelt_json_push(L, value);
    } else {
        lua_pushnil(L);
    }
    return 1;
}

/* event:match(pattern, init): as string.match on the data */
static int event_match(lua_State *L)
{
    const struct event *e = self(L);
    return pelt_string_match(L, pelt_span(e->bytes, e->data_len));
}

static bool is_something(const json_t *value)
{
    return value && !json_is_null(value) && !json_is_false(value) &&
           !(json_is_string(value) && json_string_length(value) == 0);
}

bool pelt_stream_event_matches(lua_State *L, int event, int first)
{
    const char *text = lua_type(L, first) == LUA_TSTRING ? lua_tostring(L, first) : NULL;
    if (text && *text == '/') {
        return is_something(value_at(L, lua_touserdata(L, event), text));
    }
    if (text) {
        lua_pushcfunction(L, event_match);
        lua_pushvalue(L, event);
        lua_pushvalue(L, first);
        lua_call(L, 2, 1);
    } else {
        lua_pushvalue(L, first);
        lua_pushvalue(L, event);
        lua_call(L, 1, 1);
    }
    bool matches = lua_toboolean(L, -1);
    lua_pop(L, 1);
    return matches;
}

static bool is(struct pelt_span key, const char *name, size_t len)
{
    return key.len == len && memcmp(key.ptr, name, len) == 0;
}
#define IS(key, name) is(key, name, sizeof(name) - 1)

static int push_type(lua_State *L, const struct event *e)
{
    if (e->type_len > 0) {
        lua_pushlstring(L, e->bytes + e->data_len, e->type_len);
    } else {
        lua_pushliteral(L, "message");
    }
    return 1;
}

/* Upvalues: json, match. */
static int event_index(lua_State *L)
{
    const struct event *e = lua_touserdata(L, 1);
    struct pelt_span key = {NULL, 0};
    key.ptr = lua_tolstring(L, 2, &key.len); /* NULL, and length 0: no text */
    if (IS(key, "data")) {
        lua_pushlstring(L, e->bytes, e->data_len);
        return 1;
    }
    if (IS(key, "json")) {
        lua_pushvalue(L, lua_upvalueindex(1));
        return 1;
    }
    if (IS(key, "at")) {
        lua_pushnumber(L, (double)e->at_ns / (double)PELT_NS_PER_S);
        return 1;
    }
    if (IS(key, "type")) {
        return push_type(L, e);
    }
    if (IS(key, "id")) {
        lua_pushlstring(L, e->bytes + e->data_len + e->type_len, e->id_len);
        return 1;
    }
    if (IS(key, "match")) {
        lua_pushvalue(L, lua_upvalueindex(2));
        return 1;
    }
    if (IS(key, "coalesced")) {
        lua_pushboolean(L, e->coalesced);
        return 1;
    }
    return luaL_error(
        L, "an event has no field '%s'; it has data, json, match, type, id, at, coalesced",
        luaL_tolstring(L, 2, NULL));
}

/* Its data, so that print(event) shows what came. */
static int event_tostring(lua_State *L)
{
    const struct event *e = luaL_checkudata(L, 1, EVENT_TYPE);
    lua_pushlstring(L, e->bytes, e->data_len);
    return 1;
}

void pelt_stream_event_open(lua_State *L)
{
    struct pelt_shard *shard = pelt_shard_of(L);
    luaL_newmetatable(L, EVENT_TYPE);
    lua_pushcfunction(L, event_json);
    lua_pushcfunction(L, event_match);
    lua_pushcclosure(L, event_index, 2);
    lua_setfield(L, -2, "__index");
    lua_pushcfunction(L, event_tostring);
    lua_setfield(L, -2, "__tostring");
    lua_pushliteral(L, EVENT_TYPE);
    lua_setfield(L, -2, "__metatable");
    shard->type[PELT_TYPE_EVENT] = lua_topointer(L, -1);
    shard->event_ref = luaL_ref(L, LUA_REGISTRYINDEX);
}
