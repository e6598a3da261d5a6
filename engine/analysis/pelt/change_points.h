/*
 * change_points: where a series of values, one a run, goes to another level and stays there.
 *
 * E-divisive means (Matteson and James, "A nonparametric approach for multiple change point
 * analysis of multivariate data", 2014) with Student's t test in place of permutations, so that the
 * same values give the same points, in windows and in two passes, a lax and a strict one: the
 * method of Hunter (Fleming et al., 2023) and of Apache Otava, which grew out of it. Pure
 * functions.
 */
#ifndef PELT_CHANGE_POINTS_H
#define PELT_CHANGE_POINTS_H

#include <stddef.h>

#include "pelt/status.h"

#define PELT_CHANGE_P_MOST 0.001 /* usual; Hunter's */
#define PELT_CHANGE_VALUES 5     /* fewer have no change points */

struct pelt_change_point {
    size_t at;            /* the first value of the new level */
    size_t from, to;      /* the levels: values from..at-1 and at..to-1 */
    double before, after; /* their means */
    double p;             /* of "no change" */
};

/*
 * `n` numbers; `out`: room for n. A point is named if its p is below `p_most` and the levels differ
 * by more than `least` (of the values' unit). In their order. PELT_ENOMEM.
 */
PELT_MUST_USE enum pelt_status pelt_change_points_find(const double *values, size_t n,
                                                       double p_most, double least,
                                                       struct pelt_change_point *out, size_t *len);

#endif
