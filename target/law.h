/*
 * law: how long the service takes over a request, or how many tokens it answers, as a distribution.
 *
 * Nothing here waits or reads a clock. Durations are nanoseconds. Thread: any; a law is constant
 * once parsed.
 */
#ifndef TARGET_LAW_H
#define TARGET_LAW_H

#include <stddef.h>
#include <stdint.h>

#include "error.h"

/* No draw is longer: a heavy tail must not hold a connection for ever. */
#define TARGET_LAW_NS_MAX (3600u * UINT64_C(1000000000))

#define TARGET_LAW_COUNT_MAX UINT64_C(100000) /* the same for counts */

enum target_law_kind {
    TARGET_LAW_CONSTANT,
    TARGET_LAW_EXPONENTIAL,
    TARGET_LAW_LOGNORMAL,
    TARGET_LAW_UNIFORM,
    TARGET_LAW_WEIBULL,
};

struct target_law { /* all zero: answer at once */
    enum target_law_kind kind;
    double mean_ns; /* of the distribution, for each kind; of a law of counts: the mean count */
    double sigma;   /* lognormal: standard deviation of the logarithm; uniform: half the width as a
                       share of the mean; weibull: the shape */
};

/*
 * "0", "5ms", "constant:5ms", "exponential:5ms", "lognormal:5ms,0.5" (mean, sigma <= 10),
 * "uniform:5ms,0.5" (mean, half the width as a share of it, <= 1: 2.5 to 7.5 ms), "weibull:5ms,0.7"
 * (mean, shape of 0.1 to 10: 1 is exponential, less has a heavier tail). The error does not name
 * the knob.
 */
TARGET_MUST_USE bool target_law_parse(struct target_law *law, const char *text,
                                      struct target_error *err);

/* "64", "constant:64", "exponential:64", "lognormal:64,0.5": a law of counts. */
TARGET_MUST_USE bool target_law_parse_count(struct target_law *law, const char *text,
                                            struct target_error *err);

/* The service time that two independent uniforms in (0, 1) stand for. */
uint64_t target_law_ns(const struct target_law *law, double u1, double u2);

/* The same of a law of counts, a whole number of 1 to TARGET_LAW_COUNT_MAX. */
uint64_t target_law_count(const struct target_law *law, double u1, double u2);

/* The law as the function that parses its sort reads it. */
void target_law_print(const struct target_law *law, char *text, size_t bytes);
void target_law_print_count(const struct target_law *law, char *text, size_t bytes);

#endif
