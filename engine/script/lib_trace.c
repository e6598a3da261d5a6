/*
 * The trace of pelt.load.replay (lua/load/replay.lua): a userdata that hands the request of the
 * arrival which runs to the script. Its requests are the process's (files.h).
 */
#include "args.h"
#include "files.h"
#include "json.h"
#include "lib.h"
#include "strand.h"
#include "watchdog.h"

#define TRACE_TYPE "pelt.trace"

static const struct pelt_trace *check_trace(lua_State *L, int index)
{
    return *(const struct pelt_trace **)luaL_checkudata(L, index, TRACE_TYPE);
}

static void push_span(lua_State *L, struct pelt_span text, const char *field)
{
    lua_pushlstring(L, text.ptr, text.len);
    lua_setfield(L, -2, field);
}

static void push_log_row(lua_State *L, const struct pelt_trace *trace, size_t k)
{
    struct pelt_span method, path;
    pelt_trace_request(trace, k, &method, &path);
    lua_createtable(L, 0, 3);
    push_span(L, method, "method");
    push_span(L, path, "path");
}

static void push_json_row(lua_State *L, const struct pelt_trace *trace, size_t k)
{
    struct pelt_span line = pelt_trace_line(trace, k);
    json_t *row = pelt_json_load(line.ptr, line.len, JSON_ALLOW_NUL, NULL);
    if (!row) {
        luaL_error(L, "out of memory for a row");
    }
    pelt_shard_keep_json(pelt_shard_of(L), row, 0); /* freed also if pushing raises */
    pelt_json_push(L, row);
    if (lua_getfield(L, -1, "method") == LUA_TNIL) {
        lua_pushliteral(L, "GET");
        lua_setfield(L, -3, "method");
    }
    lua_pop(L, 1);
}

/* trace:next(): the request of the arrival that runs; of a user who comes back (check --once) one
 * after the other. */
static int trace_next(lua_State *L)
{
    const struct pelt_trace *trace = check_trace(L, 1);
    const struct pelt_strand *s = pelt_shard_of(L)->running;
    if (!s || !s->vu) {
        return luaL_error(L, "next: requests of a trace are handed to users, in an iteration");
    }
    size_t k = (size_t)(s->vu->open ? s->vu->arrival : s->vu->iteration) % trace->count;
    if (trace->format == PELT_TRACE_JSONL) {
        push_json_row(L, trace, k);
    } else {
        push_log_row(L, trace, k);
    }
    lua_pushnumber(L, (double)trace->at_ns[k] / (double)PELT_NS_PER_S);
    lua_setfield(L, -2, "t");
    return 1;
}

static enum pelt_trace_format format_of(lua_State *L, int index)
{
    const char *format = lua_tostring(L, index);
    return !format ? PELT_TRACE_UNSAID : format[0] == 'j' ? PELT_TRACE_JSONL : PELT_TRACE_COMBINED;
}

/* trace(path, format, what): the trace, its length in ns, how many requests it has. */
int pelt_trace_open(lua_State *L)
{
    struct pelt_shard *shard = pelt_shard_of(L);
    const char *what = luaL_checkstring(L, 3);
    char path[PELT_FILES_PATH_SIZE];
    struct pelt_error err;
    const struct pelt_trace *trace = NULL;
    pelt_args_path(L, 1, what, path);
    enum pelt_trace_format format = format_of(L, 2);
    pelt_watch_pause(L);
    enum pelt_status status =
        pelt_files_trace(shard->opt->scenario->files, path, format, &trace, &err);
    pelt_watch_enter(L, PELT_WATCH_ONCE);
    if (status != PELT_OK) {
        lua_pushfstring(L, "%s: %s", what, err.text);
        return lua_error(L);
    }
    *(const struct pelt_trace **)lua_newuserdatauv(L, sizeof trace, 0) = trace;
    if (luaL_newmetatable(L, TRACE_TYPE)) {
        static const luaL_Reg methods[] = {{"next", trace_next}, {NULL, NULL}};
        luaL_newlib(L, methods);
        lua_setfield(L, -2, "__index");
        lua_pushliteral(L, TRACE_TYPE);
        lua_setfield(L, -2, "__metatable");
    }
    lua_setmetatable(L, -2);
    lua_pushinteger(L, (lua_Integer)pelt_trace_length_ns(trace));
    lua_pushinteger(L, (lua_Integer)trace->count);
    return 3;
}

struct pelt_replay pelt_trace_replay(lua_State *L, int index, double speed)
{
    const struct pelt_trace *trace = check_trace(L, index);
    return (struct pelt_replay){.at_ns = trace->at_ns, .len = trace->count, .speed = speed};
}
