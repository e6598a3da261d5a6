/*
 * drift: the straight line through a figure's seconds (p50, p99, error share, throughput, server
 * memory...), with an interval that holds although neighbouring seconds resemble each other.
 *
 * A line by least squares, its error from the slow movements around it; chosen by
 * experiment, docs/ANALYSIS.md has the counts.
 *
 * The drift is the line's rise over the whole length, first sample to last, as a share of the
 * figure's mean: +0.2 is "a fifth of its mean higher at the end than at the start". The mean and
 * not the line's start, because that may be 0 or below for figures that grow from nothing.
 *
 * Pure functions.
 */
#ifndef PELT_DRIFT_H
#define PELT_DRIFT_H

#include <stdbool.h>
#include <stddef.h>

#include "pelt/status.h"

#define PELT_DRIFT_SAMPLES 60 /* fewer are refused: no interval would hold */

struct pelt_drift {
    double level;       /* mean, in the figure's unit */
    double start, end;  /* of the line, at the first and the last sample */
    double slope_per_s; /* of the line */
    double drift;       /* (end - start) / |level|; 0 where start == end */
    double low, high;   /* interval of `drift` at the confidence asked for */
    double p;           /* two-sided, of "no drift"; 1 for a figure that never changes */
    size_t samples;     /* used: those that are numbers */
};

/*
 * Fits the samples y[i] taken at t_s[i] seconds, which rise; NaN and infinite y are no samples (a
 * second in which nothing was measured). `confidence` of low..high: 0 < confidence < 1.
 * PELT_EINVAL: fewer than PELT_DRIFT_SAMPLES samples, or all at one time; says how many there are
 * and how many are needed, or PELT_ENOMEM; `out` is all zero with p NaN then, which pelt_holm and
 * pelt_drift_named leave out.
 */
PELT_MUST_USE enum pelt_status pelt_drift_fit(const double *y, const double *t_s, size_t n,
                                              double confidence, struct pelt_drift *out,
                                              struct pelt_error *err);

/*
 * Which of a run's figures drift: `named[i]` is true when Holm at `family` rejects "no drift" and
 * |drift| exceeds the smallest `effect` worth a name. Whether up or down is bad, the caller knows.
 */
void pelt_drift_named(const struct pelt_drift *figures, size_t n, double family, double effect,
                      bool *named);

#endif
