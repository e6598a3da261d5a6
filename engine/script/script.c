/*
 * The script of one thread: its shards, made as users come, and the reporting of errors. Users:
 * user.c; setup and teardown: call.c.
 */
#include <stdlib.h>
#include <string.h>

#include "script_state.h"
#include "tracing.h"
#include "watchdog.h"

static enum pelt_status add_shard(struct pelt_script *script, struct pelt_error *err)
{
    if (script->shards_len == script->shards_cap) {
        size_t cap = script->shards_cap ? 2 * script->shards_cap : 8;
        struct pelt_shard **shards = realloc(script->shards, cap * sizeof *shards);
        if (!shards) {
            return pelt_fail(err, PELT_ENOMEM, "out of memory");
        }
        script->shards = shards;
        script->shards_cap = cap;
    }
    enum pelt_status status =
        pelt_shard_new(&script->opt, NULL, &script->shards[script->shards_len], err);
    script->shards_len += status == PELT_OK;
    return status;
}

/* The newest shard has room most of the time; older ones only after users left. */
struct pelt_shard *pelt_script_shard(struct pelt_script *script)
{
    for (size_t i = script->shards_len; i-- > 0;) {
        if (script->shards[i]->users < PELT_SHARD_USERS) {
            return script->shards[i];
        }
    }
    struct pelt_error err;
    if (add_shard(script, &err) != PELT_OK) {
        pelt_script_report(script, NULL, err.text, "");
        return NULL;
    }
    return script->shards[script->shards_len - 1];
}

static uint64_t hash(const char *text) /* FNV-1a */
{
    uint64_t h = UINT64_C(0xcbf29ce484222325);
    for (; *text; text++) {
        h = (h ^ (unsigned char)*text) * UINT64_C(0x100000001b3);
    }
    return h;
}

void pelt_script_report(struct pelt_script *script, const struct pelt_strand *strand,
                        const char *message, const char *traceback)
{
    struct pelt_script_whose whose;
    uint64_t h = hash(message);
    for (size_t i = 0; i < script->reported_len; i++) {
        if (script->reported[i] == h) {
            return;
        }
    }
    if (!script->opt.on_error || script->reported_len == PELT_SCRIPT_ERRORS_MAX) {
        return;
    }
    script->reported[script->reported_len++] = h;
    pelt_tracing_whose(strand, &whose);
    script->opt.on_error(script->opt.on_error_arg, &whose, message, traceback);
}

enum pelt_status pelt_script_new(const struct pelt_script_options *options,
                                 struct pelt_script **out, struct pelt_error *err)
{
    struct pelt_script *script = calloc(1, sizeof *script);
    if (!script) {
        return pelt_fail(err, PELT_ENOMEM, "out of memory");
    }
    script->opt = *options;
    enum pelt_status status = add_shard(script, err);
    if (status == PELT_OK) {
        pelt_client_foresee(options->client, pelt_strand_foresee);
        pelt_client_whose(options->client, pelt_strand_whose);
        *out = script;
    } else {
        pelt_script_free(script);
    }
    return status;
}

void pelt_script_looks(uint32_t *looks, uint32_t *in_lua)
{
    pelt_watch_looks(looks, in_lua);
}

void pelt_script_free(struct pelt_script *script)
{
    if (!script) {
        return;
    }
    pelt_script_call_free(script->call);
    for (size_t i = 0; i < script->shards_len; i++) {
        pelt_shard_free(script->shards[i]);
    }
    free(script->shards);
    free(script->data_json);
    free(script);
}
