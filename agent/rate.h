/*
 * rate: how fast what is counted grows, between two readings of it.
 *
 * Samples of clients with different grids may lie close together; a difference over less than
 * RATE_LEAST_NS says more about the kernel's ticks than about the host, so it is not made.
 *
 * Storage: the caller's. No clock: time is passed in.
 */
#ifndef AGENT_RATE_H
#define AGENT_RATE_H

#include <stdbool.h>
#include <stdint.h>

#define RATE_LEAST_NS UINT64_C(40000000)

struct rate { /* all 0: nothing was read so far */
    double count;
    uint64_t at_ns; /* 0: none */
};

/* `count` was read at `now_ns`. True: `*per_ns` is its growth for a nanosecond since the reading
 * before; false: there was none, or it is too near (which keeps that one), or the count fell (which
 * starts anew). */
static inline bool rate_take(struct rate *r, double count, uint64_t now_ns, double *per_ns)
{
    const struct rate was = *r;

    if (was.at_ns != 0 && count >= was.count && now_ns < was.at_ns + RATE_LEAST_NS) {
        return false;
    }
    *r = (struct rate){count, now_ns};
    if (was.at_ns == 0 || count < was.count) {
        return false;
    }
    *per_ns = (count - was.count) / (double)(now_ns - was.at_ns);
    return true;
}

static inline void rate_reset(struct rate *r)
{
    *r = (struct rate){0};
}

#endif
