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

#include <stdbool.h>
#include <stdint.h>

#include "figure.h"
#include "pelt/status.h"

struct notices; /* agent/notices.h */

struct collector {
    const char *name; /* "cpu", "redis" ...: of messages and of the agent's own cost */
    /* Reads its figures of this tier; `now_ns` is CLOCK_MONOTONIC as the agent has it. Called for
     * each tier that is due, the fast one first; in the first sample for all three. */
    void (*read)(struct collector *self, enum figure_tier tier, uint64_t now_ns);
    void (*free)(struct collector *self);
    /* NULL, or: called once, when all descriptors are open and the process is locked down, before
     * the first sample. A collector that needs a thread begins it here, not in its new (a lock-down
     * holds for threads begun behind it), with all signals blocked; its read copies what the thread
     * left for it, and its free ends and joins it. */
    enum pelt_status (*start)(struct collector *self, struct pelt_error *err);
    /* NULL, or: a sample is wanted of what is so now: who is asked by another thread is asked
     * anew. */
    void (*hasten)(struct collector *self);
    /* NULL, or: whether those have answered, or will not. */
    bool (*is_ready)(struct collector *self);
};

#endif
