/*
 * smoothing: four ways to read where a series of equal steps is and how fast it moves: a moving
 * average, single exponential smoothing (Brown, "Statistical forecasting for inventory control",
 * 1959), double exponential smoothing (Holt, "Forecasting seasonals and trends by exponentially
 * weighted moving averages", 1957) and a straight line by least squares.
 *
 * What is to come h steps behind the last sample is level + slope * h. Formulas and the variances
 * of what is to come are those of Hyndman and Athanasopoulos, "Forecasting: principles and
 * practice" (3rd edition, 2021), 5.5, 7.5, 8.1, 8.2 and 8.7. All samples are numbers. Pure
 * functions, no heap.
 */
#ifndef PELT_SMOOTHING_H
#define PELT_SMOOTHING_H

#include <stddef.h>

enum pelt_smoothing {
    PELT_SMOOTHING_MEAN,   /* of the last `window` samples */
    PELT_SMOOTHING_SINGLE, /* each sample moves the level by `alpha` of its error */
    PELT_SMOOTHING_DOUBLE, /* and the slope by `alpha * beta` of it */
    PELT_SMOOTHING_LINE,
    PELT_SMOOTHINGS
};
const char *pelt_smoothing_name(enum pelt_smoothing s); /* "moving average" ... */

#define PELT_SMOOTHING_SAMPLES 4 /* fewer are no series to any of them */

struct pelt_smoothed {
    enum pelt_smoothing method;
    double window, alpha, beta; /* where the method has them, else 0 */
    double level, slope;        /* behind the last sample; slope a step */
    size_t n;                   /* samples */
    double squares;             /* sum of squares of `errors` errors: of each sample, what the ones
                                   before it foretold; of the line, the residuals */
    size_t errors;
    double slow; /* line: long-run variance of the residuals, at least theirs; else 0 */
};

/* n >= PELT_SMOOTHING_SAMPLES. 1 <= window < n; 0 < alpha <= 1, 0 <= beta <= 1. Single begins with
 * the first sample, double with it and the mean slope of the first five. */
void pelt_smooth_mean(const double *y, size_t n, size_t window, struct pelt_smoothed *out);
void pelt_smooth_single(const double *y, size_t n, double alpha, struct pelt_smoothed *out);
void pelt_smooth_double(const double *y, size_t n, double alpha, double beta,
                        struct pelt_smoothed *out);
/* `spare`: room for n numbers. */
void pelt_smooth_line(const double *y, size_t n, double *spare, struct pelt_smoothed *out);

/* Of a method, with the parameters whose errors are least: window 2 to 10, alpha of single in
 * twentieths, of double in tenths, beta one of eight between 0.01 and 1. */
void pelt_smooth(enum pelt_smoothing method, const double *y, size_t n, double *spare,
                 struct pelt_smoothed *out);

/* The value h >= 0 steps behind the last sample, the variance of a sample there, and the degrees of
 * freedom with which that is known. */
double pelt_smoothed_at(const struct pelt_smoothed *s, double h);
double pelt_smoothed_variance(const struct pelt_smoothed *s, double h);
double pelt_smoothed_df(const struct pelt_smoothed *s);

#endif
