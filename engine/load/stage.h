/*
 * stage: the area under one linear stage and its inverse, shared by plan and arrivals. Private to
 * the room. Inline: an arrival costs tens of ns, and this is most of it.
 */
#ifndef PELT_STAGE_H
#define PELT_STAGE_H

#include <math.h>

#include "pelt/plan.h"

/* Arrivals expected in the whole stage: a trapezium. One rounding where ns and levels are whole
 * numbers. */
static inline double pelt_stage_area(const struct pelt_stage *s)
{
    return (double)s->duration_ns * (s->from + s->to) / 2e9;
}

/*
 * ns since the stage's begin at which its integral reaches y, to the nearest; 0 <= y < area. The
 * root of y = from t + slope t^2 / 2 in the form that divides by a sum, so that a flat line needs
 * no case of its own. Where a line falls to 0, rounding may push the last arrival's discriminant
 * below 0; what cancels there costs at most some 1e-8 of the stage, no more than the rounding of y
 * itself.
 */
static inline uint64_t pelt_stage_inverse(const struct pelt_stage *s, double y)
{
    const double slope = (s->to - s->from) * 1e9 / (double)s->duration_ns;
    const double rate_then = sqrt(fmax(s->from * s->from + 2 * slope * y, 0));
    return y > 0 ? (uint64_t)llrint(2e9 * y / (s->from + rate_then)) : 0;
}

#endif
