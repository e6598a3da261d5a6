/*
 * sampler: when what is read. It has a list of collectors, takes a sample whenever a tick of a
 * client is due, reads in it the tiers that are, and puts a frame before each client.
 *
 * Ticks: each client has its own grid. A tick that is due less than SAMPLER_APART_NS behind a
 * sample is served from that sample, whose time the frame tells. Without clients, and between their
 * ticks, a sample is taken each second, so that a process that ended is noticed and pages are
 * fresh. The medium tier is read once a second, the slow one once in ten.
 *
 * The list is filled once, before the loop; from then on nothing is allocated.
 *
 * Whoever wants one gets a sample of all tiers that began after it was asked for: collectors that
 * others answer ask them first (collector.h: hasten). There are at most four of these a second.
 *
 * Threads: the main thread is the sampler's: it reads collectors and calls the watched descriptors,
 * without the lock. What it read it then puts before the others under the lock (`shown`, streams,
 * costs), so that nobody waits for a file or a server that hangs.
 */
#ifndef AGENT_SAMPLER_H
#define AGENT_SAMPLER_H

#include <pthread.h>
#include <stdint.h>

#include "collector.h"
#include "cost.h"
#include "figure.h"
#include "frame.h"
#include "notices.h"
#include "page.h"
#include "pelt/status.h"
#include "shown.h"
#include "streams.h"
#include "target.h"

#define SAMPLER_COLLECTORS_MAX 128
#define SAMPLER_WATCHES_MAX    32

/* A descriptor of a collector that the sampler's loop waits for beside its timer. `on_ready` is
 * called between two samples whenever it is readable (level-triggered), on the sampler's thread: it
 * must not block, must be done in well below a millisecond, and leaves setting figures to read. A
 * collector with several sockets gives the descriptor of an epoll set of its own. */
struct sampler_watch {
    int fd;
    void (*on_ready)(struct collector *self, uint64_t now_ns);
    struct collector *self;
};

struct sampler_list {
    struct catalogue *catalogue; /* figures are added here, by a collector's new */
    struct notices *notices;     /* what read or on_ready have to tell; not from other threads */
    struct targets *targets;     /* never NULL; refreshed each medium tier before the collectors */
    const char *root;            /* "" on a host; good as long as the list */
    struct collector *collectors[SAMPLER_COLLECTORS_MAX]; /* read in this order */
    size_t len;
    struct sampler_watch watches[SAMPLER_WATCHES_MAX];
    size_t watches_len;
};

/* Takes `c`: the list frees it. NULL: its new failed, and `err` has its text; this is handed on, so
 * that `return sampler_list_add(list, x_collector_new(list->catalogue, ..., err), err)` is whole.
 * PELT_ELIMIT: too many (`c` is freed). */
PELT_MUST_USE enum pelt_status sampler_list_add(struct sampler_list *list, struct collector *c,
                                                struct pelt_error *err);
/* `fd` stays its collector's, which is in the list; it stays open until the collector's free. */
PELT_MUST_USE enum pelt_status sampler_list_watch(struct sampler_list *list, int fd,
                                                  void (*on_ready)(struct collector *, uint64_t),
                                                  struct collector *self, struct pelt_error *err);
/* Frees the collectors, in the order opposite to that in which they came. */
void sampler_list_deinit(struct sampler_list *list);

#define SAMPLER_APART_NS UINT64_C(50000000)
#define SAMPLER_SECOND_NS                                                                          \
    UINT64_C(200000000) /* from the first sample to the second, of all tiers */
#define SAMPLER_IDLE_NS   UINT64_C(1000000000)
#define SAMPLER_MEDIUM_NS UINT64_C(1000000000)
#define SAMPLER_SLOW_NS   UINT64_C(10000000000)
/* Of samples that are wanted: how far apart; how long behind the wish, as some servers count what
 * they did when they have answered; how long collectors are waited for, and how often it is looked
 * whether they are ready. */
#define SAMPLER_WANTED_AFTER_NS UINT64_C(20000000)
#define SAMPLER_WANTED_APART_NS UINT64_C(250000000)
#define SAMPLER_WANTED_MOST_NS  UINT64_C(200000000)
#define SAMPLER_WANTED_LOOK_NS  UINT64_C(3000000)

struct sampler_cost { /* of a collector, in ns of wall time */
    uint64_t last_ns, worst_ns;
};

/* Who wants a sample; the caller's, until on_ready was called. */
struct sampler_waiter {
    struct sampler_waiter *next;
    void (*on_ready)(void *of); /* it is there: under the lock, on the sampler's thread */
    void *of;
};

/* The sample that is wanted. */
struct sampler_wanted {
    struct sampler_waiter *served; /* by the next one */
    struct sampler_waiter *behind; /* by the one after that: collectors had been asked by then */
    uint64_t due_ns, most_ns;      /* of the one for `served` */
    uint64_t last_ns;              /* when the last one was taken; 0: none so far */
};

struct sampler {
    struct sampler_list *list;
    pthread_mutex_t lock;
    struct streams streams;
    struct shown shown;
    struct sampler_wanted wanted;
    struct page page;            /* what is being written: a frame, or a page of the face */
    uint64_t sample;             /* the number of the newest that is whole; 0: none so far */
    uint64_t at_ns;              /* when it was begun */
    uint64_t medium_ns, slow_ns; /* from when on these tiers are due */
    struct cost cost;
    uint64_t cpu_ns, rss_bytes, overruns, worst_ns; /* as in struct self */
    struct sampler_cost costs[SAMPLER_COLLECTORS_MAX];
    uint64_t took_ns[SAMPLER_COLLECTORS_MAX]; /* in the sample that is being taken */
    int statm, epoll, timer, wake;
};

/* Takes memory for frames and pages of what is in the catalogue, which is whole by now. `list` is
 * borrowed. `cpu_limit`: share of a core. PELT_EIO: the host refused a descriptor. */
PELT_MUST_USE enum pelt_status sampler_init(struct sampler *s, struct sampler_list *list,
                                            double cpu_limit, struct pelt_error *err);
void sampler_deinit(struct sampler *s); /* not before init */

/* Begins the collectors' threads. */
PELT_MUST_USE enum pelt_status sampler_start(struct sampler *s, struct pelt_error *err);
/* Takes the first sample; the second one follows soon. */
void sampler_begin(struct sampler *s);
/* What is due at `now_ns`: a sample, frames. Takes the lock. Called by sampler_run; apart from it
 * for tests, which have a clock of their own. */
void sampler_tick(struct sampler *s, uint64_t now_ns);
/* When sampler_tick has something to do. Under the lock. */
uint64_t sampler_due_ns(const struct sampler *s);
/* Ticks until `ending` (a signalfd or timerfd, borrowed) is readable; may be called again. */
PELT_MUST_USE enum pelt_status sampler_run(struct sampler *s, int ending, struct pelt_error *err);

/* For whoever opened a stream: its first tick may be due before what the loop waits for. Any
 * thread. */
void sampler_wake(struct sampler *s);
/* Wants a sample of all tiers that begins from now on. Under the lock; sampler_wake() comes next.
 */
void sampler_want(struct sampler *s, struct sampler_waiter *waiter);
/* No more samples will be: all who wait hear of it. Takes the lock. */
void sampler_let_go(struct sampler *s);
/* The newest sample with all that is known, as a frame without a tick; into s->page, under the
 * lock. */
void sampler_write_newest(struct sampler *s);
/* What the agent uses itself, as of the newest sample; of no client. Under the lock. */
struct self sampler_self(const struct sampler *s);

#endif
