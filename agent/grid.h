/*
 * grid: the ticks that one client wants: the k-th is due at epoch + k * tick on the agent's clock.
 *
 * An agent that has slowed itself down serves only every `factor`-th of them: those whose k is a
 * multiple of it, so that grids of one epoch and tick stay the same grid.
 *
 * Pure; time is passed in.
 */
#ifndef AGENT_GRID_H
#define AGENT_GRID_H

#include <stdbool.h>
#include <stdint.h>

#include "pelt/status.h"

#define GRID_TICK_LEAST_NS UINT64_C(100000000)
#define GRID_TICK_MOST_NS  UINT64_C(3600000000000)
#define GRID_AHEAD_MOST_NS UINT64_C(86400000000000) /* from now to the first tick: a day */

struct grid {
    int64_t epoch_ns;
    uint64_t tick_ns;
    int64_t k; /* the next */
};

struct grid_tick {
    int64_t k;
    uint64_t due_ns;
    uint64_t missed; /* ticks before it that were due, and that nobody will see */
};

/* The first tick is the next one, or `*k` (NULL: none asked for) if that is still to come.
 * PELT_EINVAL: the line names what is out of range. */
PELT_MUST_USE enum pelt_status grid_init(struct grid *g, int64_t epoch_ns, uint64_t tick_ns,
                                         const int64_t *k, uint64_t now_ns, struct pelt_error *err);
uint64_t grid_due_ns(const struct grid *g, unsigned factor);
/* The newest tick that is due at `now_ns`, which is then past; false: none. */
bool grid_take(struct grid *g, uint64_t now_ns, unsigned factor, struct grid_tick *out);

#endif
