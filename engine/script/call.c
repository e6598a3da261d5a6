/*
 * setup and teardown: a strand each, in a state of its own, so that nothing of them but the
 * returned value reaches the users.
 *
 * A call that ended keeps its state until the next one or the script's end: its `done` runs on that
 * state's stack.
 */
#include <assert.h>
#include <string.h>

#include "json.h"
#include "script_state.h"
#include "tracing.h"

#define SETUP_VALUE_MAX (1u << 20)                   /* bytes of JSON */
#define STREAM_CALL     UINT64_C(0x63616c6c00000000) /* random numbers of setup and teardown */

struct pelt_script_call {
    struct pelt_script *script;
    const char *what;               /* "setup", "teardown" */
    struct pelt_script_options opt; /* with the data of setup, for teardown */
    struct pelt_shard *shard;
    struct pelt_strand strand;
    pelt_script_done_fn done;
    void *arg;
    bool running;
};

static void finish(struct pelt_script_call *call, const char *json, const char *error)
{
    call->running = false;
    call->done(call->arg, json, error);
}

/* What setup returned, on its way to JSON. */
struct value {
    lua_State *co; /* the value on top */
    struct pelt_buf json, part;
    enum pelt_status status;
    struct pelt_error err; /* unless PELT_OK */
};

/* "data.key" or "data[1]" of the largest member of the value at index 2, "" without one. */
static void name_largest(lua_State *L, struct pelt_buf *part, char *name, size_t size)
{
    size_t most = 0;
    name[0] = '\0';
    if (!lua_istable(L, 2)) {
        return;
    }
    lua_pushnil(L);
    while (lua_next(L, 2)) {
        struct pelt_error unsaid;
        pelt_buf_reset(part);
        enum pelt_status status = pelt_json_encode(L, -1, "", part, &unsaid);
        size_t bytes = status == PELT_ELIMIT ? SIZE_MAX : part->len;
        if (bytes > most) {
            most = bytes;
            bool text = lua_type(L, -2) == LUA_TSTRING;
            lua_pushvalue(L, -2);
            snprintf(name, size, text ? "data.%.100s" : "data[%s]", luaL_tolstring(L, -1, NULL));
            lua_pop(L, 2);
        }
        lua_pop(L, 1);
    }
}

static int encode(lua_State *L)
{
    struct value *v = lua_touserdata(L, 1);
    lua_xmove(v->co, L, 1);
    v->status = pelt_json_encode(L, 2, "data", &v->json, &v->err);
    if (v->json.failed) {
        char largest[128];
        name_largest(L, &v->part, largest, sizeof largest);
        v->status = pelt_fail(&v->err, PELT_ELIMIT,
                              "data is larger than 1 MiB of JSON%s%s: return what users need, or "
                              "let them read it from a file",
                              largest[0] ? ", its largest part is " : "", largest);
    }
    return 0;
}

static void keep_data(struct pelt_script *script, const char *json)
{
    free(script->data_json);
    script->data_json = strdup(json);
}

static void on_value(struct pelt_script_call *call, int results)
{
    lua_State *co = call->strand.co;
    if (results == 0 || lua_isnil(co, -results)) {
        lua_settop(co, 0);
        finish(call, NULL, NULL);
        return;
    }
    struct value v = {.co = co};
    pelt_buf_init(&v.json, SETUP_VALUE_MAX);
    pelt_buf_init(&v.part, SETUP_VALUE_MAX);
    lua_pop(co, results - 1);
    if (!pelt_shard_protect(call->shard, encode, &v, &v.err)) {
        v.status = PELT_ESCRIPT;
    }
    lua_settop(co, 0);
    if (v.status == PELT_OK) {
        keep_data(call->script, v.json.data);
        finish(call, v.json.data, NULL);
    } else {
        struct pelt_error text;
        char where[PELT_SHARD_WHERE_SIZE];
        pelt_shard_where_defined(call->shard, call->shard->setup_ref, where);
        (void)pelt_fail(&text, PELT_ESCRIPT, "%sthe value must be JSON-like: %.900s", where,
                        v.err.text);
        finish(call, NULL, text.text);
    }
    pelt_buf_deinit(&v.json);
    pelt_buf_deinit(&v.part);
}

static void on_end(struct pelt_strand *strand, int results, const char *error,
                   const char *traceback)
{
    struct pelt_script_call *call =
        (struct pelt_script_call *)((char *)strand - offsetof(struct pelt_script_call, strand));
    if (error) {
        pelt_script_report(call->script, strand, error, traceback);
        finish(call, NULL, error);
    } else if (strcmp(call->what, "setup") == 0) {
        on_value(call, results);
    } else {
        lua_settop(strand->co, 0);
        finish(call, NULL, NULL);
    }
}

static enum pelt_status open_call(struct pelt_script_call *call, struct pelt_error *err)
{
    enum pelt_status status = pelt_shard_new(&call->opt, NULL, &call->shard, err);
    if (status != PELT_OK) {
        return status;
    }
    if (!pelt_strand_init(&call->strand, call->shard, NULL, STREAM_CALL)) {
        return pelt_fail(err, PELT_ENOMEM, "out of memory");
    }
    call->strand.on_end = on_end;
    call->strand.trace_stream =
        strcmp(call->what, "setup") == 0 ? PELT_TRACE_SETUP : PELT_TRACE_TEARDOWN;
    return PELT_OK;
}

static void start(struct pelt_script *script, const char *what, pelt_script_done_fn done, void *arg)
{
    assert(!script->call || !script->call->running);
    pelt_script_call_free(script->call);
    struct pelt_script_call *call = calloc(1, sizeof *call);
    script->call = call;
    if (!call) {
        done(arg, NULL, "out of memory");
        return;
    }
    *call = (struct pelt_script_call){
        .script = script, .what = what, .opt = script->opt, .done = done, .arg = arg};
    call->opt.data_json = script->data_json ? script->data_json : script->opt.data_json;
    struct pelt_error err;
    if (open_call(call, &err) != PELT_OK) {
        done(arg, NULL, err.text);
        return;
    }
    bool setup = strcmp(what, "setup") == 0;
    int function = setup ? call->shard->setup_ref : call->shard->teardown_ref;
    if (function == LUA_NOREF) {
        done(arg, NULL, NULL);
        return;
    }
    lua_State *co = call->strand.co;
    call->running = true;
    lua_rawgeti(co, LUA_REGISTRYINDEX, function);
    if (!setup) {
        lua_rawgeti(co, LUA_REGISTRYINDEX, call->shard->data_ref);
    }
    pelt_strand_start(&call->strand, setup ? 0 : 1, PELT_NEVER, pelt_clock_ns());
}

void pelt_script_call_free(struct pelt_script_call *call)
{
    if (!call) {
        return;
    }
    pelt_strand_deinit(&call->strand);
    pelt_shard_free(call->shard);
    free(call);
}

void pelt_script_setup(struct pelt_script *script, pelt_script_done_fn done, void *arg)
{
    start(script, "setup", done, arg);
}

void pelt_script_teardown(struct pelt_script *script, pelt_script_done_fn done, void *arg)
{
    start(script, "teardown", done, arg);
}

void pelt_script_cancel_call(struct pelt_script *script)
{
    struct pelt_script_call *call = script->call;
    if (call && call->running) {
        struct pelt_error text;
        pelt_strand_cancel(&call->strand, pelt_clock_ns());
        (void)pelt_fail(&text, PELT_ESTOPPED, "given up before it ended");
        finish(call, NULL, text.text);
    }
}
