/*
 * bootstrap: intervals of a percentile and of the mean from a run's per-second histograms, by a
 * block bootstrap: whole blocks of neighbouring seconds are drawn again and again, so that what
 * makes neighbours alike stays in.
 *
 * Where two runs are compared (pelt/difference.h) a standard error is made of the same resamples.
 *
 * Deterministic by seed. Memory: about 16 bytes a second and distinct value near the percentile; a
 * run of more than 1,000 seconds is first put together to at most 1,000 pieces. Pure functions.
 */
#ifndef PELT_BOOTSTRAP_H
#define PELT_BOOTSTRAP_H

#include <stddef.h>
#include <stdint.h>

#include "pelt/difference.h"
#include "pelt/hist.h"
#include "pelt/interval.h"
#include "pelt/status.h"

#define PELT_BOOTSTRAP_SECONDS   20   /* fewer with samples are refused */
#define PELT_BOOTSTRAP_RESAMPLES 2000 /* usual */

struct pelt_bootstrap {
    double confidence;  /* 0 < confidence < 1, e.g. 0.95 */
    size_t block;       /* seconds; 0: chosen from the seconds' correlation */
    unsigned resamples; /* 0: PELT_BOOTSTRAP_RESAMPLES */
    uint64_t seed;
};

/*
 * Interval of `percentile` (0 < percentile < 100) of all samples of the seconds, in us. NULL
 * and empty histograms are seconds without samples. `*block` (may be NULL): the block used, in
 * seconds. PELT_EINVAL: too few seconds have samples; says how many are needed. PELT_ENOMEM.
 */
PELT_MUST_USE enum pelt_status pelt_bootstrap_percentile(const struct pelt_hist *const *seconds,
                                                         size_t n, double percentile,
                                                         const struct pelt_bootstrap *how,
                                                         struct pelt_interval *out_us,
                                                         size_t *block, struct pelt_error *err);

/* The same of the mean of all samples. */
PELT_MUST_USE enum pelt_status pelt_bootstrap_mean(const struct pelt_hist *const *seconds, size_t n,
                                                   const struct pelt_bootstrap *how,
                                                   struct pelt_interval *out_us, size_t *block,
                                                   struct pelt_error *err);

/* The logarithm of the percentile, with its standard error; so a difference of two of them is a
 * ratio. `how->confidence` is not looked at. Errors as above. */
PELT_MUST_USE enum pelt_status
pelt_bootstrap_percentile_error(const struct pelt_hist *const *seconds, size_t n, double percentile,
                                const struct pelt_bootstrap *how, struct pelt_estimate *out,
                                struct pelt_error *err);

/* The same of a ratio, all `sums` by all `counts` of the seconds (a mean, a share, a rate), or of
 * its logarithm; at most 1,000 or so of them, as nothing is put together here. A second whose count
 * is 0 has no samples. */
PELT_MUST_USE enum pelt_status
pelt_bootstrap_ratio_error(const double *sums, const uint64_t *counts, size_t n, bool log_scale,
                           const struct pelt_bootstrap *how, struct pelt_estimate *out,
                           struct pelt_error *err);

#endif
