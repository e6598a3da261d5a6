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

/* The value that setup returned (none: nil) as JSON. */
static enum pelt_status encode(lua_State *co, int results, struct pelt_buf *out,
                               struct pelt_error *err)
{
    enum pelt_status status =
        pelt_json_encode(co, lua_gettop(co) - results + 1, "data", out, err);
    if (out->failed) {
        return pelt_fail(
            err, PELT_ELIMIT,
            "data is larger than 1 MiB of JSON: return what users need, or let them read "
            "it from a file");
    }
    return status;
}

static void keep_data(struct pelt_script *script, const char *json)
{
    free(script->data_json);
    script->data_json = strdup(json);
}

/* "file:line: " of the function setup; allocates nothing. */
static void where_defined(struct pelt_script_call *call, char where[PELT_SHARD_WHERE_SIZE])
{
    lua_State *L = call->shard->L;
    lua_Debug ar;
    lua_rawgeti(L, LUA_REGISTRYINDEX, call->shard->setup_ref);
    lua_getinfo(L, ">S", &ar);
    where[0] = '\0';
    if (ar.linedefined > 0) {
        snprintf(where, PELT_SHARD_WHERE_SIZE, "%s:%d: ", ar.short_src, ar.linedefined);
    }
}

static void on_value(struct pelt_script_call *call, int results)
{
    lua_State *co = call->strand.co;
    struct pelt_error err;
    struct pelt_buf json;
    if (results == 0 || lua_isnil(co, -results)) {
        lua_settop(co, 0);
        finish(call, NULL, NULL);
        return;
    }
    pelt_buf_init(&json, SETUP_VALUE_MAX);
    if (encode(co, results, &json, &err) == PELT_OK) {
        lua_settop(co, 0);
        keep_data(call->script, json.data);
        finish(call, json.data, NULL);
    } else {
        struct pelt_error text;
        lua_settop(co, 0);
        char where[PELT_SHARD_WHERE_SIZE];
        where_defined(call, where);
        (void)pelt_fail(&text, PELT_ESCRIPT, "%sthe value must be JSON-like: %.900s", where,
                        err.text);
        finish(call, NULL, text.text);
    }
    pelt_buf_deinit(&json);
}

static void on_end(struct pelt_strand *strand, int results, const char *error,
                   const char *traceback)
{
    struct pelt_script_call *call =
        (struct pelt_script_call *)((char *)strand - offsetof(struct pelt_script_call, strand));
    if (error) {
        pelt_script_report(call->script, error, traceback);
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
