#include "ws_match.h"

#include <ctype.h>
#include <lauxlib.h>
#include <stdlib.h>
#include <string.h>

#include "json.h"

#define POINTER_BYTES 256

/* The text of the value at the pointer in a JSON text, pushed; nil: there is none. */
static void push_pointed(lua_State *L, struct pelt_span text, const char *pointer)
{
    json_t *document = text.len <= PELT_JSON_READ_MAX
                           ? pelt_json_load(text.ptr, text.len, PELT_JSON_LOAD_FLAGS, NULL)
                           : NULL;
    const json_t *value = pelt_json_pointer(document, pointer);
    char *said = value ? json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT | JSON_SORT_KEYS) : NULL;
    json_decref(document);
    char room[POINTER_BYTES];
    size_t len = said ? strlen(said) : 0;
    bool fits = said && len < sizeof room;
    if (fits) {
        memcpy(room, said, len + 1);
    }
    free(said); /* before Lua, which may raise */
    if (fits) {
        lua_pushlstring(L, room, len);
    } else {
        lua_pushnil(L);
    }
}

static bool is_word(char c)
{
    return isalnum((unsigned char)c) || c == '_';
}

/* The id as a whole word: 7 is not in 17. */
static bool has_id(struct pelt_span text, struct pelt_span id)
{
    const char *at = text.ptr, *end = text.ptr + text.len;
    while (id.len > 0 && (size_t)(end - at) >= id.len) {
        const char *found = memmem(at, (size_t)(end - at), id.ptr, id.len);
        if (!found) {
            return false;
        }
        const char *behind = found + id.len;
        bool begins = found == text.ptr || !is_word(found[-1]) || !is_word(id.ptr[0]);
        bool ends = behind == end || !is_word(*behind) || !is_word(behind[-1]);
        if (begins && ends) {
            return true;
        }
        at = found + 1;
    }
    return false;
}

static bool calls_true(lua_State *L, const struct pelt_wsconn_message *m)
{
    lua_pushvalue(L, PELT_WS_WANTED);
    lua_pushlstring(L, m->data.ptr, m->data.len);
    lua_pushboolean(L, m->binary);
    lua_call(L, 2, 1);
    bool answer = lua_toboolean(L, -1);
    lua_pop(L, 1);
    return answer;
}

static bool fits_pattern(lua_State *L, const struct pelt_wsconn_message *m)
{
    lua_getglobal(L, "string");
    lua_getfield(L, -1, "find");
    lua_pushlstring(L, m->data.ptr, m->data.len);
    lua_pushvalue(L, PELT_WS_WANTED);
    lua_call(L, 2, 1);
    bool answer = !lua_isnil(L, -1);
    lua_pop(L, 2);
    return answer;
}

/* The pointer stands behind what is wanted there. */
static bool points_to_wanted(lua_State *L, const struct pelt_wsconn_message *m)
{
    push_pointed(L, m->data, lua_tostring(L, PELT_WS_WANTED + 1));
    bool same = !lua_isnil(L, -1) && lua_rawequal(L, -1, PELT_WS_WANTED);
    lua_pop(L, 1);
    return same;
}

bool pelt_ws_match_is(lua_State *L, enum pelt_ws_match match, const struct pelt_wsconn_message *m)
{
    struct pelt_span id;
    switch (match) {
    case PELT_WS_MATCH_NEXT:
        return true;
    case PELT_WS_MATCH_ID:
        id.ptr = lua_tolstring(L, PELT_WS_WANTED, &id.len);
        return has_id(m->data, id);
    case PELT_WS_MATCH_POINTER:
        return points_to_wanted(L, m);
    case PELT_WS_MATCH_PATTERN:
        return fits_pattern(L, m);
    case PELT_WS_MATCH_FUNCTION:
        return calls_true(L, m);
    }
    return false;
}

/* The id that the pointer finds in what is sent; behind it the pointer itself. */
static void want_pointed(lua_State *L, int pointer)
{
    struct pelt_span sent;
    sent.ptr = lua_tolstring(L, PELT_WS_MESSAGE, &sent.len);
    push_pointed(L, sent, lua_tostring(L, pointer));
    if (lua_isnil(L, -1)) {
        luaL_error(L, "request: match = \"%s\": the message has no value of up to %d bytes there",
                   lua_tostring(L, pointer), POINTER_BYTES - 1);
    }
    lua_pushvalue(L, pointer);
}

enum pelt_ws_match pelt_ws_match_read(lua_State *L)
{
    int match = lua_gettop(L);
    switch (lua_type(L, match)) {
    case LUA_TNIL:
        return PELT_WS_MATCH_NEXT;
    case LUA_TFUNCTION:
        return PELT_WS_MATCH_FUNCTION;
    case LUA_TSTRING:
        if (*lua_tostring(L, match) == '/') {
            want_pointed(L, match);
            lua_remove(L, match);
            return PELT_WS_MATCH_POINTER;
        }
        return PELT_WS_MATCH_ID;
    case LUA_TNUMBER:
        lua_tolstring(L, match, NULL);
        return PELT_WS_MATCH_ID;
    default:
        luaL_error(L,
                   "request: match: an id, a JSON pointer (\"/id\") or a function is expected, not "
                   "a %s",
                   luaL_typename(L, match));
        return PELT_WS_MATCH_NEXT;
    }
}
