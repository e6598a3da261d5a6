/*
 * script: runs a scenario's users on one thread: shards of at most PELT_SHARD_USERS users, each a
 * lua_State of its own with a slab allocator and incremental collection; a coroutine a user. Calls
 * that wait (http.*, sleep) yield the coroutine.
 *
 * Thread: the owner of the client's loop.
 */
#ifndef PELT_SCRIPT_H
#define PELT_SCRIPT_H

#include "pelt/client.h"
#include "pelt/scenario.h"
#include "pelt/vu.h"

#define PELT_SHARD_USERS 250

struct pelt_script;

struct pelt_script_whose { /* what is said, or went wrong, in a script */
    bool has_user;         /* false: setup, teardown, or nobody's */
    uint64_t user, iteration;
    char correlation_id[33]; /* of the newest request that has one; "": none */
};

struct pelt_script_options {
    const struct pelt_scenario *scenario; /* borrowed */
    const struct pelt_setting *settings;  /* borrowed: for pelt.env(); not written */
    size_t settings_len;
    struct pelt_client *client;     /* borrowed */
    struct pelt_recorder *recorder; /* borrowed: checks, script errors */
    struct pelt_registry *registry; /* borrowed: shared */
    struct pelt_timerq *timers;     /* borrowed */
    const char *target;             /* base URL for relative paths; NULL: none */
    const char *const *headers;     /* "Name: value" of --header, NULL-terminated; may be NULL */
    const char *data_json;          /* what setup returned, as JSON; NULL: nothing */
    uint64_t seed;
    /* Among whom data rows are dealt: users of the plan's peak, in open loop its arrivals; 0: 1. */
    uint64_t population;
    bool watched; /* somebody looks on, by the client's `observe`: responses are kept whole,
                     whatever the scenario reads, and all that it prints is said */
    const _Atomic bool *stopping; /* pelt.stopping() */
    /* Not NULL: pelt.sleep and a think time of `think` end at once, and what they would have taken
     * is added here, for who wants to know what a script costs without waiting. Relaxed: a sum. */
    _Atomic uint64_t *skipped_ns;
    /* One line a distinct script error (file:line: message, and traceback), and whose it was first;
     * called on this thread. May be NULL. */
    void (*on_error)(void *arg, const struct pelt_script_whose *whose, const char *line,
                     const char *traceback);
    void *on_error_arg;
};

/* Loads the scenario into the first shard (more as users come). */
PELT_MUST_USE enum pelt_status pelt_script_new(const struct pelt_script_options *options,
                                               struct pelt_script **out, struct pelt_error *err);
void pelt_script_free(struct pelt_script *script); /* no iteration may run; accepts NULL */

/* Of the calling thread, since it first ran Lua: how often it was looked whether it does, 20 times
 * a second, and how often it did. Their ratio is about the share of its time that scripts took. */
void pelt_script_looks(uint32_t *looks, uint32_t *in_lua);

/* The users, for pelt/crew.h; ops_ctx is the struct pelt_script. */
extern const struct pelt_vu_ops pelt_script_vu_ops;

/*
 * Runs `setup` (or `teardown` with the data) as a coroutine of its own in a state of its own;
 * `done` is called once, perhaps before this returns: error NULL: fine, and `json` is setup's value
 * as JSON text (NULL for nil), borrowed until `done` returns. A value that is not JSON-like, or
 * above 1 MiB, is an error that names the key. Errors do not say which call it was; those of Lua
 * went to on_error with their traceback, and come here without it. The script keeps the value for
 * teardown.
 */
typedef void (*pelt_script_done_fn)(void *arg, const char *json, const char *error);
void pelt_script_setup(struct pelt_script *script, pelt_script_done_fn done, void *arg);
void pelt_script_teardown(struct pelt_script *script, pelt_script_done_fn done, void *arg);
/* Gives up a running setup or teardown: its `done` is called with an error. */
void pelt_script_cancel_call(struct pelt_script *script);

#endif
