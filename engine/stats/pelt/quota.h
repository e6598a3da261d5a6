/*
 * quota: how much memory the series of a run take, and how much they are meant to take at most.
 *
 * Whoever holds memory for series draws it here. Nothing is refused by drawing: what exists may
 * always grow, so that no sample is dropped. Whoever would make something *new* (a name, a frame
 * more under way) asks first whether the quota is spent.
 *
 * Storage: the caller's; it outlives who draws. Thread: any. The sums stand alone (relaxed).
 */
#ifndef PELT_QUOTA_H
#define PELT_QUOTA_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pelt/shm.h"

struct pelt_quota {
    atomic_size_t used_bytes;
    size_t most_bytes;     /* 0: no limit */
    atomic_ullong refused; /* times that something new was refused */
    struct pelt_shm *shm;  /* where that memory comes from; NULL: the heap. Borrowed */
};

static inline void pelt_quota_init(struct pelt_quota *q, size_t most_bytes)
{
    atomic_init(&q->used_bytes, 0);
    atomic_init(&q->refused, 0);
    q->most_bytes = most_bytes;
    q->shm = NULL;
}

static inline void pelt_quota_limit(struct pelt_quota *q, size_t most_bytes)
{
    q->most_bytes = most_bytes;
}

/* May be NULL. */
static inline struct pelt_shm *pelt_quota_shm(const struct pelt_quota *q)
{
    return q != NULL ? q->shm : NULL;
}

/* `q` may be NULL in these two: not counted. */
static inline void pelt_quota_draw(struct pelt_quota *q, size_t bytes)
{
    if (q != NULL) {
        atomic_fetch_add_explicit(&q->used_bytes, bytes, memory_order_relaxed);
    }
}
static inline void pelt_quota_give(struct pelt_quota *q, size_t bytes)
{
    if (q != NULL) {
        atomic_fetch_sub_explicit(&q->used_bytes, bytes, memory_order_relaxed);
    }
}

static inline size_t pelt_quota_used(struct pelt_quota *q)
{
    return atomic_load_explicit(&q->used_bytes, memory_order_relaxed);
}
static inline bool pelt_quota_spent(struct pelt_quota *q)
{
    return q->most_bytes != 0 && pelt_quota_used(q) >= q->most_bytes;
}
/* Asks for something new: false, and counted, if the quota is spent. */
static inline bool pelt_quota_admits(struct pelt_quota *q)
{
    if (!pelt_quota_spent(q)) {
        return true;
    }
    atomic_fetch_add_explicit(&q->refused, 1, memory_order_relaxed);
    return false;
}
static inline uint64_t pelt_quota_refused(struct pelt_quota *q)
{
    return atomic_load_explicit(&q->refused, memory_order_relaxed);
}

#endif
