/*
 * reactor: a thread's libev loop with timers of microsecond precision beside it. libev's own timers
 * are 1 ms coarse, so due times sit in a timer queue; one timerfd wakes the loop shortly before the
 * earliest, and the loop polls for the rest of the way if it may spin.
 *
 * Also measures the loop's own turns: how long events that were ready had to wait for the loop
 * (loop lag).
 *
 * Storage: the caller's; init/deinit on any thread, run on one.
 */
#ifndef PELT_REACTOR_H
#define PELT_REACTOR_H

#include <ev.h>

#include "pelt/timerq.h"

/* How long before a due time the loop begins to poll. */
#define PELT_SPIN_NS (20 * PELT_NS_PER_US)

struct pelt_reactor {
    struct ev_loop *loop;
    struct pelt_timerq timers;
    ev_io timer_io;
    ev_prepare prepare;
    ev_check check;
    ev_idle idle;
    int timer_fd;
    uint64_t armed_ns;  /* what the timerfd is set to; PELT_NEVER: nothing */
    uint64_t spin_ns;   /* PELT_SPIN_NS, or 0: sleep all the way */
    uint64_t woke_ns;   /* when this turn began; 0 before the first */
    uint64_t polled_ns; /* when the loop went to poll for a due time to come; 0: it did not */
    uint64_t spun_ns;   /* total time spent polling before a due time */
    /* Hears that the loop woke, and the earliest due time: it may lie behind, or be PELT_NEVER.
     * NULL: nobody. */
    void (*on_wake)(void *arg, uint64_t due_ns, uint64_t now_ns);
    /* Sees each turn's length, the last one's before pelt_reactor_run() returns; NULL: nobody. */
    void (*on_turn)(void *arg, uint64_t length_ns, uint64_t now_ns);
    void *arg;
};

PELT_MUST_USE enum pelt_status pelt_reactor_init(struct pelt_reactor *r, bool spin,
                                                 struct pelt_error *err);
void pelt_reactor_deinit(struct pelt_reactor *r); /* timers' owners are gone by then */
void pelt_reactor_run(struct pelt_reactor *r);    /* until pelt_reactor_stop() */
void pelt_reactor_stop(struct pelt_reactor *r);   /* from within the loop */

#endif
