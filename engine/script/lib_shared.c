/*
 * pelt.shared.counter and queue: handles to what is the process's (shared.h).
 *
 * A value in a queue is a byte that says its kind and then its bytes: a text as it is, all else as
 * JSON.
 */
#include <string.h>

#include "args.h"
#include "json.h"
#include "lib.h"
#include "opened.h"
#include "shared.h"
#include "strand.h"
#include "watchdog.h"

#define COUNTER_TYPE "pelt.shared.counter"
#define QUEUE_TYPE   "pelt.shared.queue"
#define KIND_TEXT    's'
#define KIND_JSON    'j'

/* While the file is loaded nothing shared may be touched: that happens once a shard. */
static void check_running(lua_State *L, const char *what)
{
    if (!pelt_shard_of(L)->running) {
        luaL_error(L,
                   "%s: not while the file is loaded, which happens once for each %d users: do it "
                   "in setup or in an iteration",
                   what, PELT_SHARD_USERS);
    }
}

static struct pelt_shared *shared_of(lua_State *L)
{
    return pelt_shard_of(L)->opt->scenario->shared;
}

/* ---- counter ---- */

static int shared_counter(lua_State *L)
{
    struct pelt_error err;
    struct pelt_span name = pelt_args_text(L, 1, "pelt.shared.counter: name");
    struct pelt_counter **c = lua_newuserdatauv(L, sizeof *c, 0);
    if (pelt_shared_counter(shared_of(L), name, c, &err) != PELT_OK) {
        return luaL_error(L, "pelt.shared.counter: %s", err.text);
    }
    luaL_setmetatable(L, COUNTER_TYPE);
    pelt_opened_add(L, "pelt.shared.counter", name.ptr);
    return 1;
}

/* counter:add(n), 1 by default: the new value */
static int counter_add(lua_State *L)
{
    struct pelt_counter **c = luaL_checkudata(L, 1, COUNTER_TYPE);
    lua_Integer n = luaL_optinteger(L, 2, 1);
    struct pelt_error err;
    int64_t value;
    check_running(L, "add");
    pelt_watch_wait();
    enum pelt_status status = pelt_counter_add(*c, n, &value, &err);
    pelt_watch_waited();
    if (status != PELT_OK) {
        return luaL_error(L, "add: %s", err.text);
    }
    lua_pushinteger(L, (lua_Integer)value);
    return 1;
}

static int counter_get(lua_State *L)
{
    struct pelt_counter **c = luaL_checkudata(L, 1, COUNTER_TYPE);
    check_running(L, "get");
    struct pelt_error err;
    int64_t value;
    pelt_watch_wait();
    enum pelt_status status = pelt_counter_get(*c, &value, &err);
    pelt_watch_waited();
    if (status != PELT_OK) {
        return luaL_error(L, "get: %s", err.text);
    }
    lua_pushinteger(L, (lua_Integer)value);
    return 1;
}

/* ---- queue ---- */

static int shared_queue(lua_State *L)
{
    struct pelt_error err;
    struct pelt_span name = pelt_args_text(L, 1, "pelt.shared.queue: name");
    struct pelt_queue **q = lua_newuserdatauv(L, sizeof *q, 0);
    if (pelt_shared_queue(shared_of(L), name, q, &err) != PELT_OK) {
        return luaL_error(L, "pelt.shared.queue: %s", err.text);
    }
    luaL_setmetatable(L, QUEUE_TYPE);
    pelt_opened_add(L, "pelt.shared.queue", name.ptr);
    return 1;
}

/* The value at `index` in the shard's buffer, its kind first. */
static struct pelt_buf *pack(lua_State *L, int index)
{
    struct pelt_buf *out = &pelt_shard_of(L)->json;
    struct pelt_error err;
    enum pelt_status status = PELT_OK;
    pelt_buf_reset(out);
    if (lua_type(L, index) == LUA_TSTRING) {
        size_t len;
        const char *text = lua_tolstring(L, index, &len);
        (void)pelt_buf_add(out, (const char[]){KIND_TEXT}, 1);
        if (len <= PELT_SHARED_VALUE_BYTES) {
            (void)pelt_buf_add(out, text, len);
        } else {
            luaL_error(L, "push: a text of %I bytes: at most %d MiB fit into a queue's value",
                       (LUAI_UACINT)len, (int)(PELT_SHARED_VALUE_BYTES >> 20));
        }
        status = out->failed ? pelt_fail(&err, PELT_ENOMEM, "out of memory") : PELT_OK;
    } else {
        (void)pelt_buf_add(out, (const char[]){KIND_JSON}, 1);
        status = pelt_json_encode(L, index, "value", out, &err);
    }
    if (status != PELT_OK) {
        luaL_error(L, "push: %s", err.text);
    }
    return out;
}

/* queue:push(value): JSON-like, not nil */
static int queue_push(lua_State *L)
{
    struct pelt_queue **q = luaL_checkudata(L, 1, QUEUE_TYPE);
    struct pelt_error err;
    if (lua_isnoneornil(L, 2)) {
        return luaL_error(L, "push: a value is expected, not nil, which pop() returns when the "
                             "queue is empty");
    }
    check_running(L, "push");
    struct pelt_buf *value = pack(L, 2);
    pelt_watch_wait();
    enum pelt_status status = pelt_queue_push(*q, pelt_span(value->data, value->len), &err);
    pelt_watch_waited();
    pelt_shard_trim(value);
    if (status != PELT_OK) {
        return luaL_error(L, "push: %s", err.text);
    }
    return 0;
}

/* queue:pop(): the oldest value; nil: the queue is empty */
static int queue_pop(lua_State *L)
{
    struct pelt_queue **q = luaL_checkudata(L, 1, QUEUE_TYPE);
    struct pelt_buf *value = &pelt_shard_of(L)->json;
    check_running(L, "pop");
    pelt_buf_reset(value);
    struct pelt_error err;
    pelt_watch_wait();
    enum pelt_status status = pelt_queue_pop(*q, value, &err);
    pelt_watch_waited();
    if (status == PELT_EOF) {
        lua_pushnil(L);
        return 1;
    }
    if (status != PELT_OK || value->len == 0) {
        return luaL_error(L, "pop: %s", status != PELT_OK ? err.text : "what is there is no value");
    }
    if (value->data[0] == KIND_TEXT) {
        lua_pushlstring(L, value->data + 1, value->len - 1);
    } else {
        json_t *json = json_loadb(value->data + 1, value->len - 1, PELT_JSON_LOAD_FLAGS, NULL);
        if (!json) {
            return luaL_error(L, "pop: out of memory");
        }
        pelt_shard_keep_json(pelt_shard_of(L), json, 0); /* freed also if pushing raises */
        pelt_json_push(L, json);
    }
    pelt_shard_trim(value);
    return 1;
}

static int queue_len(lua_State *L)
{
    struct pelt_queue **q = luaL_checkudata(L, 1, QUEUE_TYPE);
    check_running(L, "len");
    struct pelt_error err;
    uint64_t len;
    pelt_watch_wait();
    enum pelt_status status = pelt_queue_len(*q, &len, &err);
    pelt_watch_waited();
    if (status != PELT_OK) {
        return luaL_error(L, "len: %s", err.text);
    }
    lua_pushinteger(L, (lua_Integer)len);
    return 1;
}

/* ---- the table ---- */

static void make_type(lua_State *L, const char *type, const luaL_Reg *methods)
{
    luaL_newmetatable(L, type);
    lua_newtable(L);
    luaL_setfuncs(L, methods, 0);
    lua_setfield(L, -2, "__index");
    lua_pushstring(L, type);
    lua_setfield(L, -2, "__metatable");
    lua_pop(L, 1);
}

int pelt_lib_shared(lua_State *L)
{
    static const luaL_Reg counter[] = {{"add", counter_add}, {"get", counter_get}, {NULL, NULL}};
    static const luaL_Reg queue[] = {
        {"push", queue_push}, {"pop", queue_pop}, {"len", queue_len}, {NULL, NULL}};
    static const luaL_Reg functions[] = {
        {"counter", shared_counter}, {"queue", shared_queue}, {NULL, NULL}};
    make_type(L, COUNTER_TYPE, counter);
    make_type(L, QUEUE_TYPE, queue);
    luaL_newlib(L, functions);
    return 1;
}
