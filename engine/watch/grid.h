/*
 * grid: the run's ticks as an agent is told of them. Sample k is due at epoch + k tick on the run's
 * clock; the agent is asked for an epoch on its own, which is that one moved by the clock's offset.
 * As the agent's clock drifts its ticks leave the run's, and once they are a quarter of a tick away
 * the stream is to be opened anew, with another epoch and the same k.
 *
 * Pure: time is passed in. Storage: the caller's. Thread: one.
 */
#ifndef PELT_WATCH_GRID_H
#define PELT_WATCH_GRID_H

#include <stdbool.h>
#include <stdint.h>

struct pelt_grid {
    uint64_t epoch_ns, tick_ns; /* run's clock */
    int64_t offset_ns;          /* agent's less run's, when the stream was opened */
    /* What the stream is opened with: a host that was started after the run's second 0 has no time
     * for that on its clock, so there k counts from a later tick. */
    uint64_t agent_epoch_ns;
    int64_t k_ahead; /* the run's k less the agent's */
};

void pelt_grid_init(struct pelt_grid *g, uint64_t epoch_ns, uint64_t tick_ns);
/* A stream is opened, while the offset is this one. */
void pelt_grid_open(struct pelt_grid *g, int64_t offset_ns);
/* The offset is another now: has the agent's grid moved too far? */
bool pelt_grid_moved(const struct pelt_grid *g, int64_t offset_ns);

uint64_t pelt_grid_due_ns(const struct pelt_grid *g, int64_t k); /* k >= 0 */
/* The first k >= 0 that is due at `now_ns` or behind it. */
int64_t pelt_grid_next(const struct pelt_grid *g, uint64_t now_ns);
/* k of the run <-> k of the agent on the stream that is open. False: no tick of the run. */
int64_t pelt_grid_to_agent(const struct pelt_grid *g, int64_t k); /* at least 0 */
bool pelt_grid_of_agent(const struct pelt_grid *g, int64_t agent_k, int64_t *k);

#endif
