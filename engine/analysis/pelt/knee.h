/*
 * knee: the point of a curve beyond which more load buys little (throughput over users) or costs
 * much (p99 over load): Kneedle (Satopaa, Albrecht, Irwin, Raghavan: "Finding a 'Kneedle' in a
 * Haystack", 2011). The curve is smoothed, scaled to the unit square, and its greatest distance
 * from the diagonal is the knee if the distance then falls by `sensitivity` mean steps of x.
 * "No knee" is an answer: straight lines and noise have none.
 */
#ifndef PELT_KNEE_H
#define PELT_KNEE_H

#include <stdbool.h>
#include <stddef.h>

#include "pelt/status.h"

#define PELT_KNEE_POINTS      6   /* fewer are refused */
#define PELT_KNEE_SENSITIVITY 1.0 /* usual; more: only clearer knees */

enum pelt_knee_curve {
    PELT_KNEE_CONCAVE, /* rises ever less: throughput over users */
    PELT_KNEE_CONVEX,  /* rises ever more: p99 over load */
};

struct pelt_knee {
    bool found;
    size_t index;    /* of the point */
    double x, y;     /* of the point, as given */
    double strength; /* distance of the smoothed curve from the diagonal there, 0..1 */
};

/* x rises strictly. PELT_EINVAL: fewer than PELT_KNEE_POINTS, or x does not rise, or a value is no
 * number; PELT_ENOMEM. */
PELT_MUST_USE enum pelt_status pelt_knee_find(const double *x, const double *y, size_t n,
                                              enum pelt_knee_curve curve, double sensitivity,
                                              struct pelt_knee *out, struct pelt_error *err);

#endif
