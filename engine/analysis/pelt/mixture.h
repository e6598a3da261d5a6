/*
 * mixture: response times as they would be if another share of the answers came from a cache: those
 * of hits and of misses, as they were measured, mixed anew. F(x) = w F_hit(x) + (1 - w) F_miss(x).
 *
 * The assumption is that a hit and a miss each cost what they did: that fewer misses do not make
 * the server faster, and that those which become hits are misses like the others.
 *
 * Interval: Woodruff's ("Confidence intervals for medians and other position measures", 1952): that
 * of F at the percentile, from the run's blocks (pelt/ratio.h), read off F again. Pure functions.
 */
#ifndef PELT_MIXTURE_H
#define PELT_MIXTURE_H

#include <stddef.h>
#include <stdint.h>

#include "pelt/hist.h"
#include "pelt/interval.h"

#define PELT_MIXTURE_BLOCKS 20 /* at most */

struct pelt_mixture {
    const struct pelt_hist *hit, *miss; /* all together */
    const struct pelt_hist *hit_blocks,
        *miss_blocks; /* `blocks` each: the same pieces of the run */
    size_t blocks;
    double hit_share; /* w: 0 to 1 */
};

/* In us, 0 < percentile < 100, as pelt_hist_percentile_us() tells it. 0 where both are empty, or
 * what has a weight is. */
uint64_t pelt_mixture_percentile_us(const struct pelt_mixture *m, double percentile);
/* In us. low and high are NaN of too few blocks (PELT_RATIO_BLOCKS_MIN). */
struct pelt_interval pelt_mixture_interval(const struct pelt_mixture *m, double percentile,
                                           double confidence);

#endif
