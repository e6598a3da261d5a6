/*
 * script_state: what user.c, call.c and script.c share: the script of one thread.
 */
#ifndef PELT_SCRIPT_STATE_H
#define PELT_SCRIPT_STATE_H

#include "strand.h"

#define PELT_SCRIPT_ERRORS_MAX                                                                     \
    100 /* distinct script errors reported by a thread; further ones are only counted */

struct pelt_script_call;

struct pelt_script {
    struct pelt_script_options opt;
    struct pelt_shard **shards;
    size_t shards_len, shards_cap;
    uint64_t reported[PELT_SCRIPT_ERRORS_MAX]; /* hashes of the messages reported */
    size_t reported_len;
    struct pelt_script_call *call; /* the running or last setup or teardown; NULL: none yet */
    char *data_json;               /* what setup returned here; NULL: opt.data_json counts */
};

/* A shard with room for one more user; NULL: out of memory, or the file did not load again
 * (reported). */
struct pelt_shard *pelt_script_shard(struct pelt_script *script);
/* Hands an error to the options' on_error, once a distinct message. `strand`: in which it was;
 * NULL: in none. */
void pelt_script_report(struct pelt_script *script, const struct pelt_strand *strand,
                        const char *message, const char *traceback);
void pelt_script_call_free(struct pelt_script_call *call); /* accepts NULL */

#endif
