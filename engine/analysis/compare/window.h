/*
 * window: which seconds of a run are compared, and each one's number among them.
 *
 * Storage: init/deinit. Thread: one at a time.
 */
#ifndef PELT_COMPARE_WINDOW_H
#define PELT_COMPARE_WINDOW_H

#include "pelt/results.h"

struct pelt_window_map {
    int32_t *at; /* of each of the load's whole seconds; -1: is not compared */
    int32_t len;
    int32_t seconds;  /* that are compared */
    int32_t from, to; /* the first of them, and behind the last */
    bool steady;      /* they are parts of the plan that are called steady */
};

/* False: out of memory. */
PELT_MUST_USE bool pelt_window_map_init(struct pelt_window_map *m, const struct pelt_results *r);
void pelt_window_map_deinit(struct pelt_window_map *m);
/* -1: is not compared. */
int32_t pelt_window_map_at(const struct pelt_window_map *m, int32_t t);

#endif
