/*
 * outlook: where a series of equal steps (seconds of a run, days of demand, runs of a history)
 * will be, by the one of four ways of smoothing (pelt/smoothing.h) that would have foretold its own
 * past best.
 *
 * Backtest, by a rolling origin (Tashman, "Out-of-sample tests of forecasting accuracy", 2000):
 * from the middle of the series on, each way is fitted anew to what lies before an origin, and
 * foretells the samples behind it, as many steps as are asked for. The way with the smallest mean
 * absolute percentage error (MAPE) wins.
 *
 * Interval: that of the way's formula, widened where the backtest's errors were larger than it
 * says, never narrowed; docs/ANALYSIS.md has how often it holds. Pure functions.
 */
#ifndef PELT_OUTLOOK_H
#define PELT_OUTLOOK_H

#include <stdbool.h>
#include <stddef.h>

#include "pelt/interval.h"
#include "pelt/smoothing.h"
#include "pelt/status.h"

#define PELT_OUTLOOK_SAMPLES 10 /* fewer are refused */

struct pelt_outlook {
    enum pelt_smoothing best;
    struct pelt_smoothed way[PELT_SMOOTHINGS];
    double mape[PELT_SMOOTHINGS];    /* shares; of a series of nothing but 0 all are 0 */
    double widened[PELT_SMOOTHINGS]; /* at least 1: times that the formula's interval is widened */
    size_t ahead;                    /* steps that were foretold in the backtest */
};

/*
 * Of n samples, oldest first, `ahead` steps. What is no number takes the value of the sample before
 * it (leading ones that of the first number). PELT_EINVAL: fewer than PELT_OUTLOOK_SAMPLES
 * numbers, or none ahead; PELT_ENOMEM.
 */
PELT_MUST_USE enum pelt_status pelt_outlook_make(const double *y, size_t n, size_t ahead,
                                                 struct pelt_outlook *out, struct pelt_error *err);

/* The way that is taken: the best one, unless the caller sets another. */
#define PELT_OUTLOOK_WAY(f) (&(f)->way[(f)->best])

/* The sample h > 0 steps behind the last one, and the interval in which it lies with `confidence`.
 */
struct pelt_interval pelt_outlook_at(const struct pelt_outlook *f, double h, double confidence);

/*
 * After how many steps, `most` at most, the series reaches `bound`, from below or from above. value
 * INFINITY: not within `most`; low: when one end of the interval does, high: when the other one
 * does (INFINITY: not within `most`). All 0: it is there.
 */
struct pelt_interval pelt_outlook_reach(const struct pelt_outlook *f, double bound,
                                        double confidence, double most);

#endif
