/* grid: see the header. Sums are of 128 bits, because an epoch may be anything that a client sends.
 */
#include "grid.h"

typedef __int128 wide;

/* The least k whose tick is due at or behind `at_ns`. */
static wide first_from(const struct grid *g, uint64_t at_ns)
{
    wide since = (wide)at_ns - g->epoch_ns, tick = (wide)g->tick_ns;

    return since > 0 ? (since + tick - 1) / tick : since / tick;
}

/* The least multiple of `factor` that is at least `k`. */
static int64_t served(int64_t k, unsigned factor)
{
    int64_t rest = k % (int64_t)factor;

    return rest == 0 ? k : rest > 0 ? k + ((int64_t)factor - rest) : k - rest;
}

static uint64_t due_of(const struct grid *g, int64_t k)
{
    wide due = (wide)g->epoch_ns + (wide)k * (wide)g->tick_ns;

    return due < 0 ? 0 : (uint64_t)due;
}

enum pelt_status grid_init(struct grid *g, int64_t epoch_ns, uint64_t tick_ns, const int64_t *k,
                           uint64_t now_ns, struct pelt_error *err)
{
    wide first;

    if (tick_ns < GRID_TICK_LEAST_NS || tick_ns > GRID_TICK_MOST_NS) {
        return pelt_fail(err, PELT_EINVAL,
                         "tick_ns=%llu: from 100000000 (0.1 s) to 3600000000000 (an hour)",
                         (unsigned long long)tick_ns);
    }
    *g = (struct grid){.epoch_ns = epoch_ns, .tick_ns = tick_ns};
    first = first_from(g, now_ns + 1);
    if (!k && first < 0) {
        first = 0;
    }
    if (k && *k > first) {
        first = *k;
    }
    if ((wide)epoch_ns + first * (wide)tick_ns > (wide)now_ns + (wide)GRID_AHEAD_MOST_NS) {
        return pelt_fail(err, PELT_EINVAL,
                         "the first tick would be due more than a day ahead: epoch_ns and k are of "
                         "the agent's clock, which GET /v1/clock tells");
    }
    g->k = (int64_t)first;
    return PELT_OK;
}

uint64_t grid_due_ns(const struct grid *g, unsigned factor)
{
    return due_of(g, served(g->k, factor));
}

bool grid_take(struct grid *g, uint64_t now_ns, unsigned factor, struct grid_tick *out)
{
    int64_t first = served(g->k, factor), newest;

    if (due_of(g, first) > now_ns) {
        return false;
    }
    newest = (int64_t)first_from(g, now_ns + 1) - 1;
    newest = served(newest - (int64_t)factor + 1, factor); /* the greatest multiple up to it */
    out->k = newest;
    out->due_ns = due_of(g, newest);
    out->missed = (uint64_t)((newest - first) / (int64_t)factor);
    g->k = newest + 1;
    return true;
}
