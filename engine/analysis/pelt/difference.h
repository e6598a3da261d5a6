/*
 * difference: whether two figures differ, by how much at least and at most, and how much more has
 * to be measured where that cannot be told. A figure is an estimate with its standard error: from
 * within a run (pelt/bootstrap.h), or from several runs. Differences of logarithms are ratios.
 *
 * Welch's t with the degrees of freedom of Welch and Satterthwaite (1946); between few runs, of
 * which none tells its own variance, Student's t with the variance of all (also of one run against
 * several: Crawford and Howell, 1998, for a single case). Pure functions.
 */
#ifndef PELT_DIFFERENCE_H
#define PELT_DIFFERENCE_H

#include <math.h>
#include <stdbool.h>
#include <stddef.h>

struct pelt_estimate {
    double value, error; /* standard error; NAN: cannot be told */
    double df;           /* degrees of freedom of the error */
};
#define PELT_ESTIMATE_NONE ((struct pelt_estimate){NAN, NAN, 0})

struct pelt_difference {
    double value;     /* of the second less the first */
    double low, high; /* interval of `confidence`; NAN: cannot be told */
    double p;         /* two-sided, of "no difference"; NAN: cannot be told */
    double error, df;
};

/* `confidence`: 0 < confidence < 1. */
struct pelt_difference pelt_difference_of(const struct pelt_estimate *base,
                                          const struct pelt_estimate *more, double confidence);

#define PELT_DIFFERENCE_WELCH 5 /* runs a side; with fewer on either, Student's t */

/* Between the means of one value a run; values that are no numbers are left out. `floor` >= 0: the
 * standard deviation of a run is at least that (the resolution of what was measured). */
struct pelt_difference pelt_difference_of_runs(const double *base, size_t base_len,
                                               const double *more, size_t more_len, double floor,
                                               double confidence);

/* What is said of a difference. */
enum pelt_change { PELT_CHANGE_UNKNOWN, PELT_CHANGE_NONE, PELT_CHANGE_DOWN, PELT_CHANGE_UP };

/* `rejected`: "no difference" is, corrected for the number of tests (pelt/holm.h). UP or DOWN:
 * that, and the difference is at least `effect` > 0. NONE: the whole interval is smaller than
 * `effect`. Else UNKNOWN. */
enum pelt_change pelt_difference_judge(const struct pelt_difference *d, bool rejected,
                                       double effect);

/*
 * How many times as much has to be measured (seconds, samples) until, in 19 of 20 cases and more, a
 * difference of `twice` the smallest effect is told and no difference is told as none. `alpha`: a
 * p value below it is rejected among all tests. At least 1; where as much as that was measured,
 * what the distance of the difference from `effect` asks for. INFINITY: the error cannot be told.
 */
double pelt_difference_factor(const struct pelt_difference *d, double alpha, double confidence,
                              double effect, double twice);

/* The same for runs of equal number on both sides: how many a side. `sd`: of a run. INFINITY: more
 * than 10,000. */
double pelt_difference_runs_needed(const struct pelt_difference *d, double sd, double alpha,
                                   double confidence, double effect, double twice);

/* Standard deviation of a run, both sides together; NAN: fewer than two on each. */
double pelt_difference_sd(const double *base, size_t base_len, const double *more, size_t more_len);

#endif
