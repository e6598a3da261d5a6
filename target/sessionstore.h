/*
 * sessionstore: sessions in a Redis server, so that they are there again after a restart.
 *
 * A session is kept as JSON, {"turns": 3, "messages": ["..."]}, under "pelt:session:" and its id,
 * for its time to live. Saving is no wait for anybody: what is given is done in order, on a thread
 * of its own, and all of it before the store is freed. What comes back is untrusted, and checked.
 *
 * Storage: opaque, new/free.   Thread: any.
 */
#ifndef TARGET_SESSIONSTORE_H
#define TARGET_SESSIONSTORE_H

#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "errands.h"

#define TARGET_SESSIONSTORE_MESSAGES_MAX 1000 /* of one session, and bytes of each */

struct target_sessionstore;

struct target_sessionstore_figures { /* so far */
    uint64_t saved, found, missing, failed;
};

/* A good address (redislink.h). NULL: no memory. */
struct target_sessionstore *target_sessionstore_new(const char *address);
void target_sessionstore_free(struct target_sessionstore *store);

/* Takes `session`; NULL: no memory, nothing is saved. */
void target_sessionstore_save(struct target_sessionstore *store, const char *id, json_t *session,
                              uint64_t ttl_ms);
void target_sessionstore_drop(struct target_sessionstore *store, const char *id);

struct target_session_fetch { /* the caller's until `done` is called, on the store's thread */
    struct target_errand errand;
    const char *id;
    /* `session` NULL: there is none; or, `has_failed`, that is not known. */
    void (*done)(void *cls, struct target_session_fetch *fetch, const json_t *session,
                 bool has_failed);
    void *cls;
};

/* False: it is not asked, `done` is not called. */
TARGET_MUST_USE bool target_sessionstore_fetch(struct target_sessionstore *store,
                                               struct target_session_fetch *fetch);

/* The checked form; NULL: it is none. */
json_t *target_sessionstore_read(const char *text, size_t bytes);

struct target_sessionstore_figures target_sessionstore_figures(struct target_sessionstore *store);

/* Whether the server could not be asked the last time. */
bool target_sessionstore_is_away(struct target_sessionstore *store);

#endif
