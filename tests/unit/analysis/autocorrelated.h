/* autocorrelated: seconds that resemble their neighbours, an AR(1) of variance 1. Seeded. */
#ifndef PELT_TEST_AUTOCORRELATED_H
#define PELT_TEST_AUTOCORRELATED_H

#include <math.h>

#include "pelt/rng.h"

struct autocorrelated {
    struct pelt_rng *rng;
    double phi, state;
};

static inline struct autocorrelated autocorrelated_begin(struct pelt_rng *rng, double phi)
{
    return (struct autocorrelated){rng, phi, pelt_rng_normal(rng, 0, 1)};
}

static inline double autocorrelated_next(struct autocorrelated *a)
{
    a->state = a->phi * a->state + pelt_rng_normal(a->rng, 0, sqrt(1 - a->phi * a->phi));
    return a->state;
}

#endif
