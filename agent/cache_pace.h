/*
 * cache_pace: when a server is asked again. As often as the agent samples, but not above what is
 * polite: where answers take more than 5% of the interval, three in a row, it doubles; where half
 * of it would do for 5 in a row, it halves again.
 *
 * A server is asked shortly before the sample that wants its numbers, so that these are fresh. With
 * nobody listening it is asked once a second.
 *
 * Pure; times are CLOCK_MONOTONIC nanoseconds.
 */
#ifndef AGENT_CACHE_PACE_H
#define AGENT_CACHE_PACE_H

#include <stdbool.h>
#include <stdint.h>

#define CACHE_TICK_LEAST_NS    UINT64_C(100000000)
#define CACHE_TICK_IDLE_NS     UINT64_C(1000000000)
#define CACHE_INTERVAL_MOST_NS UINT64_C(5000000000)
#define CACHE_RETRY_NS         UINT64_C(1000000000) /* behind a failure, at least */

struct cache_pace { /* zeroed is ready */
    unsigned doublings;
    unsigned slow, quick; /* answers in a row */
    uint64_t took_ns;     /* the last one */
};

/* How far apart samples are: the least of the last few distances, so that a late one is no sign. */
#define CACHE_TICK_GAPS 4
struct cache_tick {      /* zeroed is ready: nobody samples */
    uint64_t sampled_ns; /* last; 0: never */
    uint64_t gaps_ns[CACHE_TICK_GAPS];
    unsigned samples;
};
void cache_tick_sampled(struct cache_tick *t, uint64_t now_ns);
uint64_t cache_tick_ns(const struct cache_tick *t); /* between the LEAST and IDLE above */

uint64_t cache_pace_interval(const struct cache_pace *p, uint64_t tick_ns);
/* How long an answer may take: below the interval. */
uint64_t cache_pace_timeout(const struct cache_pace *p, uint64_t tick_ns);
/* An answer (or waiting for it in vain) took so long. 1: the interval doubles, -1: it halves, 0. */
int cache_pace_took(struct cache_pace *p, uint64_t tick_ns, uint64_t took_ns);
/* When to ask again, having begun at `begun_ns`; samples come at sampled_ns + n * tick_ns. */
uint64_t cache_pace_next(const struct cache_pace *p, uint64_t tick_ns, uint64_t sampled_ns,
                         uint64_t begun_ns);

#endif
