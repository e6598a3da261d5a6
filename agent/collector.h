/*
 * collector: reads some figures from one source: opens what it needs once, holds the descriptors,
 * reads them by pread, sets its figures. It never blocks, never executes anything, and never takes
 * a name, path or number from the wire.
 *
 * A collector is made by its own function (agent/cpu.h: cpu_collector_new() ...), which adds its
 * figures to the catalogue and returns a struct of this kind first in its own. One of several tiers
 * is several collectors, or reads each tier when it is asked for it.
 *
 * Storage: made by new, freed by its free. Thread: the sampler's.
 */
#ifndef AGENT_COLLECTOR_H
#define AGENT_COLLECTOR_H

#include <stdint.h>

#include "figure.h"

struct notices; /* agent/notices.h */

struct collector {
    const char *name; /* "cpu", "redis" ...: of messages and of the agent's own cost */
    /* Reads its figures of this tier; `now_ns` is CLOCK_MONOTONIC as the agent has it. */
    void (*read)(struct collector *self, enum figure_tier tier, uint64_t now_ns);
    void (*free)(struct collector *self);
};

#endif
