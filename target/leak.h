/*
 * leak: what the service loses on request: memory and descriptors at a rate, and latency that
 * creeps up. It says how much is due by when; whoever serves holds the bytes and descriptors.
 *
 * Rates may be changed at any time; what is due by then stays, but a rate of 0 gives back all that
 * leaked at it. Bytes and descriptors are counted in integers: they do not drift.
 *
 * Storage: the caller's, no heap; init/deinit.   Clock: CLOCK_MONOTONIC nanoseconds, passed in.
 * Thread: any; one mutex inside.
 */
#ifndef TARGET_LEAK_H
#define TARGET_LEAK_H

#include <pthread.h>

#include "error.h"
#include "usage.h"

struct target_leak_rates { /* all zero: nothing leaks */
    uint64_t bytes_per_s;
    uint64_t bytes_max; /* the leak stops at so many */
    uint64_t fds_per_s;
    uint64_t fds_max;
    double creep_per_min; /* 0.02: each minute adds 2% of the latency without the leak */
};

struct target_leak_sum { /* of something that grows by a number each second */
    uint64_t whole;
    uint64_t rest; /* in 1e-9 of one, below 1e9 */
};

struct target_leak { /* open so that it can be embedded; use the functions */
    pthread_mutex_t lock;
    struct target_leak_rates rates;
    struct target_leak_sum bytes, fds; /* due by since_ns */
    double creep;                      /* share added by since_ns */
    uint64_t since_ns;                 /* when the rates were set */
};

struct target_leak_due { /* in all, by now */
    uint64_t bytes;
    uint64_t fds;
    double latency_factor; /* to multiply a service time with; 1: no creep */
};

void target_leak_init(struct target_leak *leak);
void target_leak_deinit(struct target_leak *leak);

/* Changes the rates from now on; of what has a rate of 0 nothing is due any more. */
void target_leak_set(struct target_leak *leak, const struct target_leak_rates *rates,
                     uint64_t now_ns);

struct target_leak_due target_leak_due(struct target_leak *leak, uint64_t now_ns);

/* used: due; limit: the most that may be; waiters, events: 0. */
struct target_usage target_leak_bytes(struct target_leak *leak, uint64_t now_ns);
struct target_usage target_leak_fds(struct target_leak *leak, uint64_t now_ns);

#endif
