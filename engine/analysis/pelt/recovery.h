/*
 * recovery: how long after a spike a figure (latency, errors, backlog) takes to be as before it.
 *
 * Recovered is the first moment at or after the spike's end from which on `hold` samples in a row
 * are at most limit = baseline * (1 + tolerance), or baseline + slack where that is more. The time
 * is from the spike's end to the beginning of the first of these samples; samples that are no
 * numbers (nothing was measured in that second) neither hold nor break a row.
 */
#ifndef PELT_RECOVERY_H
#define PELT_RECOVERY_H

#include <stdbool.h>
#include <stddef.h>

#include "pelt/status.h"

struct pelt_recovery_rule {
    double tolerance; /* share of the baseline, >= 0, e.g. 0.1 */
    double slack;     /* in the figure's unit, >= 0: for baselines near 0 */
    size_t hold;      /* samples in a row, >= 1, e.g. 3 */
};

struct pelt_recovery {
    bool recovered;  /* false: not before the samples end */
    double time_s;   /* from the spike's end; if not recovered, that to the end of the samples */
    double baseline; /* median of the samples before the spike */
    double limit;    /* at or below it is as before */
    double worst;    /* largest sample from the spike's start on, until recovered */
    double worst_s;  /* when, from the spike's start */
};

/*
 * Samples y[i] are of the interval [i, i + 1) * step_s. The baseline is the median of those that
 * end at or before `spike_s`; the spike is over at `end_s`. Samples from `until` (at most n) on are
 * not looked at: what the next spike begins. PELT_EINVAL: no sample before the spike or none after
 * its end; PELT_ENOMEM.
 */
PELT_MUST_USE enum pelt_status pelt_recovery_find(const double *y, size_t until, double step_s,
                                                  double spike_s, double end_s,
                                                  const struct pelt_recovery_rule *rule,
                                                  struct pelt_recovery *out,
                                                  struct pelt_error *err);

#endif
