/*
 * timerq: absolute due times in ns, earliest first (4-ary heap of embedded nodes): think time,
 * pacing, the next arrival, retry. Knows no clock: the time is passed in.
 *
 * Storage: nodes are members of what they serve; the heap array grows by doubling. Thread: the
 * owner. A callback may add and remove any node, its own included (it is no longer queued then, and
 * its room is kept: adding it again first thing cannot fail).
 */
#ifndef PELT_TIMERQ_H
#define PELT_TIMERQ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pelt/status.h"

struct pelt_timer;
typedef void (*pelt_timer_fn)(struct pelt_timer *timer, uint64_t now_ns);

struct pelt_timer {
    uint64_t due_ns;
    uint64_t seq; /* ties run in the order of adding */
    size_t slot;  /* 1 + index in the heap; 0: not queued */
    pelt_timer_fn fn;
};

struct pelt_timerq {
    struct pelt_timer **heap;
    size_t len, cap;
    uint64_t seq;
};

void pelt_timerq_init(struct pelt_timerq *q);
void pelt_timerq_deinit(struct pelt_timerq *q);
/* Queues the timer (set fn before); moves it if queued already. PELT_ENOMEM: not queued. */
PELT_MUST_USE enum pelt_status pelt_timerq_add(struct pelt_timerq *q, struct pelt_timer *t,
                                               uint64_t due_ns);
void pelt_timerq_remove(struct pelt_timerq *q, struct pelt_timer *t); /* not queued: nothing */
uint64_t pelt_timerq_next(const struct pelt_timerq *q); /* earliest due; PELT_NEVER when empty */
/* Runs what is due at now_ns, at most `most` of them; returns how many. What a callback adds waits
 * for the next run even if it is due, and so does what lies behind it: a timer that sets itself
 * again and again does not hold the loop. So after a run pelt_timerq_next() may say that something
 * is due already. */
size_t pelt_timerq_run(struct pelt_timerq *q, uint64_t now_ns, size_t most);

#endif
