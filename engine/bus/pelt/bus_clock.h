/*
 * bus_clock: Redis' clock on ours. 16 probes (TIME); the one that was answered fastest wins, as its
 * answer lies nearest to the middle: offset = server time - (sent + received) / 2, wrong by at most
 * half the round trip. So hosts agree on one moment, whatever their wall clocks say, as well as
 * their ways to Redis are short.
 *
 * Probed again every 10 s: clocks drift. A bound that grows with age (50 ppm) says how good an old
 * offset still is; a new one replaces it if it is better by then. One that contradicts it (Redis'
 * clock was set, or it is another Redis) replaces it as well, and is counted as a jump.
 *
 * probe and the questions are pure, with time passed in. Storage: the caller's, zeroed = unknown.
 * Thread: one at a time.
 */
#ifndef PELT_BUS_CLOCK_H
#define PELT_BUS_CLOCK_H

#include "pelt/bus.h"

#define PELT_BUS_CLOCK_PROBES 16
#define PELT_BUS_CLOCK_EVERY  UINT64_C(10000000000) /* ns */
#define PELT_BUS_CLOCK_FLAG   UINT64_C(50000000)    /* a bound above it is told to people */
#define PELT_BUS_CLOCK_REFUSE UINT64_C(500000000)   /* above this nothing can be begun */

struct pelt_bus_clock {
    bool known;
    int64_t offset_ns;    /* server time - ours */
    uint64_t bound_ns;    /* when it was measured */
    uint64_t measured_ns; /* our time of the probe; of the last round's try if none was better */
    uint64_t tried_ns;    /* our time of the last round */
    uint64_t jumps;
    /* Of the round under way: */
    uint64_t best_rtt_ns; /* 0: none yet */
    int64_t best_offset_ns;
    uint64_t best_at_ns;
};

/* One probe of a round; a round's end decides. */
void pelt_bus_clock_probe(struct pelt_bus_clock *c, uint64_t sent_ns, uint64_t server_ns,
                          uint64_t received_ns);
void pelt_bus_clock_settle(struct pelt_bus_clock *c);
/* A round over the bus, now. */
PELT_MUST_USE enum pelt_status pelt_bus_clock_measure(struct pelt_bus_clock *c,
                                                      struct pelt_bus *bus, struct pelt_error *err);
/* The same if it is time. */
PELT_MUST_USE enum pelt_status pelt_bus_clock_keep(struct pelt_bus_clock *c, struct pelt_bus *bus,
                                                   uint64_t now_ns, struct pelt_error *err);
/* How wrong the offset may be by now; UINT64_MAX: unknown. */
uint64_t pelt_bus_clock_bound_ns(const struct pelt_bus_clock *c, uint64_t now_ns);
/* Both of a known clock; clamped at 0. */
uint64_t pelt_bus_clock_to_server(const struct pelt_bus_clock *c, uint64_t ours_ns);
uint64_t pelt_bus_clock_to_ours(const struct pelt_bus_clock *c, uint64_t server_ns);

#endif
