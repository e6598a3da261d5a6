/*
 * capacity: thresholds on what a stress load looks for: the largest level that holds.
 *
 * Pure. Thread: any.
 */
#ifndef PELT_CAPACITY_H
#define PELT_CAPACITY_H

#include <stdbool.h>

#include "pelt/plan.h"
#include "pelt/threshold.h"

struct pelt_capacity {
    double level;    /* users, or arrivals a second; 0: none holds; NAN: it was not found */
    bool at_least;   /* nothing broke up to the load's max, which is `level`: it may be more */
    const char *why; /* where it was not found: that, in a line; borrowed */
};

/* PELT_EINVAL: a threshold on a capacity that this load does not look for. */
PELT_MUST_USE enum pelt_status pelt_capacity_check(const struct pelt_plan *plan,
                                                   const struct pelt_threshold *t, size_t len,
                                                   struct pelt_error *err);
/* A bound that only what lies above the load's max could decide is unjudged. */
void pelt_capacity_judge(const struct pelt_capacity *capacity, const struct pelt_threshold *t,
                         struct pelt_verdict_line *out);

#endif
