/*
 * ratio: the interval of a share of counts (hits among look-ups) or of a mean (a sum over a count)
 * from the blocks of a run: each block's part and whole are known, and blocks are long enough to
 * tell little of each other.
 *
 * Delete-one jackknife over the blocks (Quenouille 1956, Tukey 1958; Cochran, "Sampling
 * techniques", 6.17) with Student's t. Pure functions.
 */
#ifndef PELT_RATIO_H
#define PELT_RATIO_H

#include <stddef.h>

#include "pelt/interval.h"

#define PELT_RATIO_BLOCKS_MIN 8 /* with anything in them: fewer have no interval */

struct pelt_ratio_block {
    double part, whole;
};

/* Sum of the parts over sum of the wholes; NaN where that is 0. */
double pelt_ratio_value(const struct pelt_ratio_block *blocks, size_t n);

/* low and high are NaN of too few blocks. 0 < confidence < 1. */
struct pelt_interval pelt_ratio_interval(const struct pelt_ratio_block *blocks, size_t n,
                                         double confidence);
/* The ratio of `a` less that of `b`, whose blocks are the same pieces of the run. */
struct pelt_interval pelt_ratio_difference(const struct pelt_ratio_block *a,
                                           const struct pelt_ratio_block *b, size_t n,
                                           double confidence);
/* Of counts, part at most whole: the wider end, on each side, of the jackknife's and of Wilson's
 * score interval (1927), which would hold if each look-up were independent: a share that was 1 all
 * the time is not known to be exactly that. */
struct pelt_interval pelt_ratio_share(const struct pelt_ratio_block *blocks, size_t n,
                                      double confidence);

#endif
