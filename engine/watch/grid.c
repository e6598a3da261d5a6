/* grid: see the header. */
#include "grid.h"

#include <assert.h>
#include <stdlib.h>

#define MOVED_PART 4 /* of a tick */
#define K_MAX      (INT64_C(1) << 53)

void pelt_grid_init(struct pelt_grid *g, uint64_t epoch_ns, uint64_t tick_ns)
{
    assert(tick_ns > 0 && epoch_ns <= INT64_MAX);
    *g = (struct pelt_grid){.epoch_ns = epoch_ns, .tick_ns = tick_ns};
    pelt_grid_open(g, 0);
}

void pelt_grid_open(struct pelt_grid *g, int64_t offset_ns)
{
    int64_t epoch_ns = (int64_t)g->epoch_ns + offset_ns, tick_ns = (int64_t)g->tick_ns;
    g->offset_ns = offset_ns;
    g->k_ahead = epoch_ns < 0 ? (-epoch_ns + tick_ns - 1) / tick_ns : 0;
    g->agent_epoch_ns = (uint64_t)(epoch_ns + g->k_ahead * tick_ns);
}

bool pelt_grid_moved(const struct pelt_grid *g, int64_t offset_ns)
{
    return (uint64_t)llabs(offset_ns - g->offset_ns) > g->tick_ns / MOVED_PART;
}

uint64_t pelt_grid_due_ns(const struct pelt_grid *g, int64_t k)
{
    assert(k >= 0);
    return g->epoch_ns + (uint64_t)k * g->tick_ns;
}

int64_t pelt_grid_next(const struct pelt_grid *g, uint64_t now_ns)
{
    return now_ns <= g->epoch_ns ? 0
                                 : (int64_t)((now_ns - g->epoch_ns + g->tick_ns - 1) / g->tick_ns);
}

int64_t pelt_grid_to_agent(const struct pelt_grid *g, int64_t k)
{
    return k > g->k_ahead ? k - g->k_ahead : 0;
}

bool pelt_grid_of_agent(const struct pelt_grid *g, int64_t agent_k, int64_t *k)
{
    if (agent_k < 0 || agent_k > K_MAX) {
        return false;
    }
    *k = agent_k + g->k_ahead;
    return true;
}
