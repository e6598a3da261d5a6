/*
 * coalesce: identical requests at the same time share one execution. The first who asks for a key
 * leads; whoever asks for it until the leader ends follows, and gets what the leader got.
 *
 * Storage: opaque, new/free; keys are copied, waiters and results are the callers'.   Clock: none.
 * Thread: any; one mutex inside. A result that threads share must stand that.
 */
#ifndef TARGET_COALESCE_H
#define TARGET_COALESCE_H

#include "error.h"
#include "usage.h"
#include "waiter.h"

enum target_coalesce_role {
    TARGET_COALESCE_LEAD,   /* execute, then end the flight */
    TARGET_COALESCE_FOLLOW, /* the waiter is queued and is handed back by whoever leads */
    TARGET_COALESCE_ALONE,  /* as many follow as may, or no memory: execute by yourself */
};

struct target_flight; /* one execution under way */
struct target_coalesce;

struct target_coalesce_figures {
    struct target_usage usage; /* used: who follows, now; waiters: the same; limit: of
                                          them; events: who was refused to follow */
    uint64_t flights;          /* now */
    uint64_t executions;       /* led, since the start; those alone are not among them */
    uint64_t collapsed;        /* followed, since the start */
};

/* At most `followers_max` follow at a time, over all keys; 0: nobody does. NULL: no memory. */
struct target_coalesce *target_coalesce_new(uint64_t followers_max);

/* No flight may be under way. */
void target_coalesce_free(struct target_coalesce *coalesce);

/* Sets `*flight` for who leads, else NULL. */
TARGET_MUST_USE enum target_coalesce_role target_coalesce_join(struct target_coalesce *coalesce,
                                                               const char *key,
                                                               struct target_waiter *waiter,
                                                               struct target_flight **flight);

/*
 * Ends the leader's flight; who asks from now on leads anew. Returns who followed, in order of
 * arrival, each with `got` = `result`, NULL if the leader failed; NULL: nobody did.
 */
TARGET_MUST_USE struct target_waiter *
target_coalesce_end(struct target_coalesce *coalesce, struct target_flight *flight, void *result);

/* Ends following. False: too late, the waiter was or will be handed back. */
TARGET_MUST_USE bool target_coalesce_leave(struct target_coalesce *coalesce,
                                           struct target_waiter *waiter);

void target_coalesce_set(struct target_coalesce *coalesce, uint64_t followers_max);

struct target_coalesce_figures target_coalesce_figures(struct target_coalesce *coalesce);

#endif
