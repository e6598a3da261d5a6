/*
 * stage: the area under one linear stage and its inverse, shared by plan and arrivals. Private to
 * the room. Inline: an arrival costs tens of ns, and this is most of it.
 */
#ifndef PELT_STAGE_H
#define PELT_STAGE_H

#include <math.h>

#include "pelt/plan.h"

/* ln(to / from): how an exponential stage grows over its length. */
static inline double pelt_stage_growth(const struct pelt_stage *s)
{
    return log1p((s->to - s->from) / s->from);
}

/* Arrivals expected in the whole stage: a trapezium. One rounding where ns and levels are whole
 * numbers. Under an exponential line it is its logarithmic mean. */
static inline double pelt_stage_area(const struct pelt_stage *s)
{
    if (s->exponential && s->from != s->to) {
        return (double)s->duration_ns * ((s->to - s->from) / pelt_stage_growth(s)) / 1e9;
    }
    return (double)s->duration_ns * (s->from + s->to) / 2e9;
}

/*
 * ns since the stage's begin at which its integral reaches y, to the nearest; 0 <= y < area. The
 * root of y = from t + slope t^2 / 2 in the form that divides by a sum, so that a flat line needs
 * no case of its own. Where a line falls to 0, rounding may push the last arrival's discriminant
 * below 0; what cancels there costs at most some 1e-8 of the stage, no more than the rounding of y
 * itself. Exponential: y = from (e^(c t) - 1) / c.
 */
static inline uint64_t pelt_stage_inverse(const struct pelt_stage *s, double y)
{
    if (s->exponential && s->from != s->to) {
        const double c = pelt_stage_growth(s) * 1e9 / (double)s->duration_ns;
        return y > 0 ? (uint64_t)llrint(1e9 * log1p(fmax(y * c / s->from, -1)) / c) : 0;
    }
    const double slope = (s->to - s->from) * 1e9 / (double)s->duration_ns;
    const double rate_then = sqrt(fmax(s->from * s->from + 2 * slope * y, 0));
    return y > 0 ? (uint64_t)llrint(2e9 * y / (s->from + rate_then)) : 0;
}

#endif
