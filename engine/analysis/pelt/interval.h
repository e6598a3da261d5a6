/*
 * interval: a figure and the range in which its true value lies with a stated confidence. Made by
 * pelt/bootstrap.h, pelt/trials.h and pelt/usl.h.
 */
#ifndef PELT_INTERVAL_H
#define PELT_INTERVAL_H

#include <stddef.h>

struct pelt_interval {
    double value;     /* of all that was measured */
    double low, high; /* +-INFINITY: nothing bounds it on that side */
};

/* Half the width of the interval as a share of the value: "+-5%" is 0.05. INFINITY where the value
 * is 0 and the interval is not. */
double pelt_interval_precision(const struct pelt_interval *i);

/*
 * How many more of what made the interval (seconds, trials) a half width of `precision` (a share of
 * the value, > 0) takes, after `n` of them: widths shrink with the square root of n, so that
 * n * ((half / wanted)^2 - 1), rounded up, are missing. 0: it is precise enough. INFINITY: not to
 * be had by measuring longer.
 */
double pelt_interval_missing(const struct pelt_interval *i, size_t n, double precision);

#endif
