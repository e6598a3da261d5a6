/*
 * trials: the interval of a figure measured once in each of several repeated trials, between which
 * nothing carries over: Student's t of the trials' mean. It holds what differs between trials (a
 * restart, another placement), which no interval from within one trial can.
 */
#ifndef PELT_TRIALS_H
#define PELT_TRIALS_H

#include <stddef.h>

#include "pelt/interval.h"
#include "pelt/status.h"

#define PELT_TRIALS_MIN 3 /* fewer are refused */

/* Values that are no numbers are left out. `confidence`: 0 < confidence < 1. PELT_EINVAL: fewer
 * than PELT_TRIALS_MIN; says how many there are. */
PELT_MUST_USE enum pelt_status pelt_trials_interval(const double *values, size_t n,
                                                    double confidence, struct pelt_interval *out,
                                                    struct pelt_error *err);

/* How many more trials a half width of `precision` (share of the mean) takes: the t quantile
 * shrinks too. INFINITY: mean 0, or more than a million. */
double pelt_trials_missing(const double *values, size_t n, double confidence, double precision);

#endif
