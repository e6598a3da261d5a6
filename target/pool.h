/*
 * pool: a bounded set of resources that take time to open, upstream connections and SQLite
 * connections alike, and the queue of those who wait for one.
 *
 * The pool opens and closes nothing: it tells its caller what to do. Whoever told it something
 * (ask, opened, checked, give_back, closed, set) then calls `next` until there is nothing to do, as
 * does whoever reaches `due_ns`:
 *
 *   OPEN slot      open a resource, then say opened
 *   CHECK slot     see whether its resource still works, then say checked
 *   CLOSE slot     close its resource, then say closed
 *   SERVE waiter   its `slot` is its own until it says give_back
 *   FAIL waiter    with why: its time is over, what was opened for it did not open, or the pool is
 *                  shut
 *
 * Waiters are served in order of arrival. Among idle resources the one used last serves first, so
 * that what is not needed goes idle and is closed. A resource is checked before it serves if it was
 * last known good longer ago than `check_age_ns`. It is closed when it was idle for `idle_ns` and
 * more than `min` are open, when it is older than `lifetime_ns` and not in use, when it was given
 * back as bad, and when there are more than `max`. An open that fails fails the one who waited
 * longest, unless other opens or checks under way suffice for all who wait; to reach `min` it is
 * tried again after `retry_ns`.
 *
 *   free    --OPEN-->   opening   opened: idle; did not open: free
 *   idle    --CHECK-->  checking  good: idle; bad: doomed
 *   idle    --SERVE-->  used      given back: idle; given back as bad: doomed
 *   idle                          too old, idle for too long, too many: doomed
 *   doomed  --CLOSE-->  closing   closed: free
 *
 * Storage: opaque, new/free; waiters are the caller's from ask until SERVE, FAIL or leave.
 * Clock: CLOCK_MONOTONIC nanoseconds, passed in.   Thread: any; one mutex inside. Each thing to do
 * is told to one caller of `next`, which may have to pass it to the thread that a waiter lives in.
 */
#ifndef TARGET_POOL_H
#define TARGET_POOL_H

#include <stddef.h>
#include <stdint.h>

#include "error.h"
#include "usage.h"
#include "rankheap.h"
#include "waiter.h"

#define TARGET_POOL_SLOTS_MAX 256

struct target_pool_options {
    uint64_t min;         /* kept open; at most max */
    uint64_t max;         /* at most TARGET_POOL_SLOTS_MAX; 0: shut, serves nobody and closes all */
    uint64_t waiters_max; /* who may wait for somebody to give back; 0: nobody */
    uint64_t check_age_ns; /* UINT64_MAX: never checked; so for the next two */
    uint64_t idle_ns;
    uint64_t lifetime_ns;
    uint64_t retry_ns;
};

struct target_pool_slot { /* a place for one resource; the caller reads, and writes nothing */
    size_t index;         /* 0 to TARGET_POOL_SLOTS_MAX - 1, never another's */
    void *resource;       /* NULL until opened */
    uint64_t uses;        /* how often this resource served */
    uint64_t opened_ns;
    uint64_t used_ns; /* last given back, or opened */
    uint64_t good_ns; /* last known to work */
    int state;
    struct target_pool_slot *next, *prev; /* in the list of its state */
};

enum target_pool_why {
    TARGET_POOL_SERVED,
    TARGET_POOL_TIMEOUT,
    TARGET_POOL_NOT_OPENED,
    TARGET_POOL_SHUT, /* `max` is 0 now */
};

struct target_pool_waiter {
    struct target_waiter waiter; /* its `owner` is the caller's */
    uint64_t since_ns;
    uint64_t deadline_ns;
    uint64_t order;                /* of arrival */
    struct target_pool_slot *slot; /* with SERVE */
    enum target_pool_why why;
    struct target_rank_node by_deadline;
};

enum target_pool_do {
    TARGET_POOL_NOTHING,
    TARGET_POOL_OPEN,
    TARGET_POOL_CHECK,
    TARGET_POOL_CLOSE,
    TARGET_POOL_SERVE,
    TARGET_POOL_FAIL,
};

struct target_pool_act {
    enum target_pool_do what;
    struct target_pool_slot *slot;     /* of OPEN, CHECK, CLOSE, SERVE */
    struct target_pool_waiter *waiter; /* of SERVE, FAIL */
};

struct target_pool_figures {
    struct target_usage usage;        /* used: in use; limit: max; waiters: in the queue, those for
                                                 whom one is being opened included; events: asks that
                                                 found as many asking as there may be resources */
    uint64_t idle, opening, checking; /* now */
    uint64_t opened, closed, not_opened, not_good; /* since the start */
    uint64_t served, timeouts, refused;
    uint64_t wait_ns; /* sum over all served */
};

struct target_pool;

/* NULL: no memory. The first calls of `next` say OPEN until `min` are. */
struct target_pool *target_pool_new(const struct target_pool_options *options);

/* Set `max` to 0 and do what `next` says first: open resources would be lost. */
void target_pool_free(struct target_pool *pool);

/*
 * Queues a waiter. With a timeout of 0 it is served by `next` if a resource is idle, else failed.
 * False: the queue is full, or no memory; it waits for nothing.
 */
TARGET_MUST_USE bool target_pool_ask(struct target_pool *pool, struct target_pool_waiter *waiter,
                                     uint64_t timeout_ns, uint64_t now_ns);

/* Ends waiting. False: too late, SERVE or FAIL was told to somebody. */
TARGET_MUST_USE bool target_pool_leave(struct target_pool *pool, struct target_pool_waiter *waiter);

/* Who waits for the longest time, and would be served next; NULL: nobody waits. */
struct target_pool_waiter *target_pool_first_waiter(struct target_pool *pool);

/* `resource` NULL: it could not be opened. */
void target_pool_opened(struct target_pool *pool, struct target_pool_slot *slot, void *resource,
                        uint64_t now_ns);
void target_pool_checked(struct target_pool *pool, struct target_pool_slot *slot, bool is_good,
                         uint64_t now_ns);
void target_pool_give_back(struct target_pool *pool, struct target_pool_slot *slot, bool is_good,
                           uint64_t now_ns);
void target_pool_closed(struct target_pool *pool, struct target_pool_slot *slot);

/* The next thing to do. */
TARGET_MUST_USE struct target_pool_act target_pool_next(struct target_pool *pool, uint64_t now_ns);

/* When `next` will have something to do if nobody tells the pool anything; UINT64_MAX: never. */
uint64_t target_pool_due_ns(struct target_pool *pool);

/* Changes the options; a lower `max` closes what is idle, and what is in use once it is back. */
void target_pool_set(struct target_pool *pool, const struct target_pool_options *options);

struct target_pool_figures target_pool_figures(struct target_pool *pool);

#endif
