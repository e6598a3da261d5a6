/*
 * pace: what manners over HTTP/1.1 (manner.c) and HTTP/2 (h2manner.c) have in common: so many bytes
 * a second, in pieces, by a timer. Times in ns; thread: the client's.
 */
#ifndef PELT_CLIENT_PACE_H
#define PELT_CLIENT_PACE_H

#include "pelt/clock.h"
#include "pelt/timerq.h"

#define PELT_PACE_PIECE_NS    (50 * PELT_NS_PER_MS)
#define PELT_PACE_CONTINUE_NS PELT_NS_PER_S /* RFC 9110, 10.1.1: a body waits, but not for ever */

/* Bytes that a rate allows by now, and at least one. */
static inline uint64_t pelt_pace_allowed(uint64_t per_s, uint64_t since_ns, uint64_t now_ns)
{
    const double n = (double)per_s * (double)(now_ns - since_ns) / 1e9;
    return n < 1 ? 1 : (uint64_t)n;
}

/* When the next piece may follow on `done` bytes. */
static inline uint64_t pelt_pace_next_ns(uint64_t per_s, uint64_t since_ns, uint64_t done,
                                         uint64_t now_ns)
{
    const uint64_t byte_ns = since_ns + (uint64_t)((double)(done + 1) / (double)per_s * 1e9) + 1;
    return byte_ns > now_ns + PELT_PACE_PIECE_NS ? byte_ns : now_ns + PELT_PACE_PIECE_NS;
}

/* Whatever is due first; without memory for a timer the exchange's deadline ends it. */
static inline void pelt_pace_wake(struct pelt_timerq *timers, struct pelt_timer *timer,
                                  uint64_t at_ns)
{
    if (timer->slot == 0 || at_ns < timer->due_ns) {
        (void)!pelt_timerq_add(timers, timer, at_ns);
    }
}

#endif
