/*
 * usl: the Universal Scalability Law (Gunther, 2007) through measured throughput:
 *
 *     X(N) = gamma N / (1 + alpha (N - 1) + beta N (N - 1))
 *
 * gamma: throughput of one; alpha: contention; beta: coherency, which makes throughput fall. N is
 * the measured mean number in flight (or users), never an offered rate. The linear form N / X = a +
 * b (N
 * - 1) + c N (N - 1) gives the start, Levenberg-Marquardt on the residuals of X the answer, with
 * alpha and beta not below 0; intervals by a bootstrap of the residuals. Pure functions.
 */
#ifndef PELT_USL_H
#define PELT_USL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pelt/interval.h"
#include "pelt/status.h"

#define PELT_USL_POINTS 6 /* fewer are refused */

struct pelt_usl {
    struct pelt_interval gamma; /* throughput of one */
    struct pelt_interval alpha;
    struct pelt_interval beta;
    struct pelt_interval peak_n; /* sqrt((1 - alpha) / beta), at least 1; INFINITY: no peak */
    struct pelt_interval peak_x; /* throughput there; without a peak the limit gamma / alpha */
    bool peak;                   /* false: beta is 0, throughput only levels off (Amdahl), at
                                  * gamma / alpha, 1 / alpha times that of one */
    double r2;                   /* share of X's variance that the law explains */
};

struct pelt_usl_options {
    double confidence;  /* 0 < confidence < 1 */
    unsigned resamples; /* 0: 1,000 */
    uint64_t seed;
};

/*
 * N > 0 and X > 0 in any order. PELT_EINVAL, with a line that says why: fewer than PELT_USL_POINTS
 * points with different N, a value that is not positive, or no point beyond half the peak, where a
 * fit would only guess. PELT_ENOMEM.
 */
PELT_MUST_USE enum pelt_status pelt_usl_fit(const double *in_flight, const double *throughput_per_s,
                                            size_t n, const struct pelt_usl_options *how,
                                            struct pelt_usl *out, struct pelt_error *err);

/* X(N) of the fitted law. */
double pelt_usl_throughput(const struct pelt_usl *usl, double in_flight);

#endif
