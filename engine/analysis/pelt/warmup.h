/*
 * warmup: where the steady part of a run begins (its first seconds fill caches, open connections
 * and heat up compilers).
 *
 * What the length of a warm-up is: of a step, the step. Of a decay, exp(-t / tau), which never
 * ends, three time constants, after which 5% of the first deviation are left.
 *
 * MSER-5 alone says where the mean of the rest is known best, which is a warm-up's length only
 * roughly (a spread of factor 2 on exponential ones, docs/ANALYSIS.md). So a step or a decay is
 * fitted to all series of the run together, and MSER's answer told beside it.
 *
 * Pure functions.
 */
#ifndef PELT_WARMUP_H
#define PELT_WARMUP_H

#include <stdbool.h>
#include <stddef.h>

#include "pelt/status.h"

#define PELT_WARMUP_BATCH   5    /* seconds: MSER-5 */
#define PELT_WARMUP_SAMPLES 60   /* fewer are refused */
#define PELT_WARMUP_EFFECT  0.02 /* share of the steady value */

/*
 * MSER (White, 1997): of the means of `batch` neighbours the first d are cut such that the squared
 * standard error of the mean of the others, sum of squares / (n - d)^2, is least, d <= n / 2.
 * `*cut`: samples to leave out, a multiple of `batch`. False: the least is at the edge (a second
 * half that is not steady either: run longer), or there are fewer than 10 batches; `*cut` is then
 * n / 2. Samples that are no numbers take the value of the one before.
 */
bool pelt_mser_find(const double *y, size_t n, size_t batch, size_t *cut);

struct pelt_warmup {
    bool steady;   /* false: what changes does so in the second half too; run longer */
    size_t cut;    /* samples before the steady part; 0: no warm-up is seen */
    bool gradual;  /* a decay; false: a step */
    size_t by;     /* the series that shows it most clearly; meaningless while cut == 0 */
    double change; /* of that series: first value less steady one, as a share of the steady one */
    size_t mser;   /* the largest cut of MSER-5, to compare */
};

/*
 * The warm-up of a run from its series (rate, p50, p99 by the second), `n` samples each. A shape
 * counts in a series where it changes it by PELT_WARMUP_EFFECT or more, and is 6 standard errors
 * clear of 0 (many lengths are tried, so 2 are nothing; of 400 steady runs 1 to 3 show one). All
 * series have the length that fits them together best, but if one clearly takes more than twice as
 * long, its own is taken. PELT_EINVAL: fewer than PELT_WARMUP_SAMPLES, or a series without any
 * number; PELT_ENOMEM.
 */
PELT_MUST_USE enum pelt_status pelt_warmup_find(const double *const *series, size_t count, size_t n,
                                                struct pelt_warmup *out, struct pelt_error *err);

#endif
