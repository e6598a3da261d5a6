/*
 * shared: what the users of all shards and threads have in common: counters and queues, by name.
 * Exact within a process.
 *
 * Made and freed with the scenario; what has a name lives until then. Thread: any. A counter is an
 * atomic, a queue has a lock, held for some instructions; the names have one too.
 */
#ifndef PELT_SHARED_H
#define PELT_SHARED_H

#include <stdint.h>

#include "pelt/scenario.h"

#define PELT_SHARED_NAMES_MAX   1000              /* counters and queues together */
#define PELT_SHARED_NAME_MAX    200               /* bytes of a name */
#define PELT_SHARED_VALUE_BYTES ((size_t)1 << 20) /* of one value in a queue */

struct pelt_shared;
struct pelt_counter;
struct pelt_queue;

struct pelt_shared *pelt_shared_new(void);         /* NULL: out of memory */
void pelt_shared_free(struct pelt_shared *shared); /* accepts NULL */

/* The one of that name, made when it is new. PELT_EINVAL: a bad name; PELT_ELIMIT: too many. */
PELT_MUST_USE enum pelt_status pelt_shared_counter(struct pelt_shared *shared,
                                                   struct pelt_span name, struct pelt_counter **out,
                                                   struct pelt_error *err);
PELT_MUST_USE enum pelt_status pelt_shared_queue(struct pelt_shared *shared, struct pelt_span name,
                                                 struct pelt_queue **out, struct pelt_error *err);

/* From now on all of them are those of all hosts of a run; `far` is borrowed until free. Before any
 * is used. */
void pelt_shared_reach(struct pelt_shared *shared, const struct pelt_shared_far *far);

/* Each may also answer what the far ones do. */

/* The value after adding. PELT_ELIMIT: it would not fit into 64 bits, and stays. */
PELT_MUST_USE enum pelt_status pelt_counter_add(struct pelt_counter *counter, int64_t n,
                                                int64_t *value, struct pelt_error *err);
PELT_MUST_USE enum pelt_status pelt_counter_get(struct pelt_counter *counter, int64_t *value,
                                                struct pelt_error *err);

/* Adds a copy at the end. PELT_ELIMIT: the value, or the queue, would be too large. */
PELT_MUST_USE enum pelt_status pelt_queue_push(struct pelt_queue *queue, struct pelt_span value,
                                               struct pelt_error *err);
/* Appends the first value to `out` and removes it. PELT_EOF: there is none; PELT_ENOMEM: it stays.
 */
PELT_MUST_USE enum pelt_status pelt_queue_pop(struct pelt_queue *queue, struct pelt_buf *out,
                                              struct pelt_error *err);
PELT_MUST_USE enum pelt_status pelt_queue_len(struct pelt_queue *queue, uint64_t *len,
                                              struct pelt_error *err);

#endif
