/*
 * law: exponential by inversion, -mean ln(u), Weibull likewise, mean / G(1 + 1 / k) (-ln u)^(1 / k)
 * with the gamma function G and the shape k. Lognormal as exp(mu + sigma z) with z from the
 * Box-Muller transform and mu = ln(mean) - sigma^2 / 2, so that the given mean is the mean of the
 * distribution and not its median.
 */
#include "law.h"

#include <math.h>

#include "quantity.h"

#define SIGMA_MAX 10.0
#define SHAPE_MIN 0.1
#define SHAPE_MAX 10.0

/* The second number of laws that have one. */
static const struct {
    const char *name;
    double least, most;
} laws[] = {
    [TARGET_LAW_LOGNORMAL] = {"lognormal", 0, SIGMA_MAX},
    [TARGET_LAW_UNIFORM] = {"uniform", 0, 1},
    [TARGET_LAW_WEIBULL] = {"weibull", SHAPE_MIN, SHAPE_MAX},
};

static bool is_named(const char *text, const char *name, const char **rest)
{
    size_t length = strlen(name);

    if (strncmp(text, name, length) != 0 || text[length] != ':') {
        return false;
    }
    *rest = text + length + 1;
    return true;
}

/* Reads the mean of a law into `*mean`: a time or a count. */
typedef bool (*mean_fn)(double *mean, const char *text);

static bool time_mean(double *mean, const char *text)
{
    uint64_t ns;

    if (!target_quantity_duration(text, &ns) || ns > TARGET_LAW_NS_MAX) {
        return false;
    }
    *mean = (double)ns;
    return true;
}

static bool count_mean(double *mean, const char *text)
{
    uint64_t count;

    if (!target_quantity_count(text, TARGET_LAW_COUNT_MAX, &count) || count == 0) {
        return false;
    }
    *mean = (double)count;
    return true;
}

/* "5ms,0.5" */
static bool mean_and_sigma(struct target_law *law, const char *text, mean_fn read_mean)
{
    const char *comma = strchr(text, ',');
    char mean[32];

    if (!comma || (size_t)(comma - text) >= sizeof mean) {
        return false;
    }
    memcpy(mean, text, (size_t)(comma - text));
    mean[comma - text] = '\0';
    return read_mean(&law->mean_ns, mean) &&
           target_quantity_number(comma + 1, laws[law->kind].least, laws[law->kind].most,
                                  &law->sigma);
}

static bool parse(struct target_law *law, const char *text, mean_fn read_mean)
{
    const char *rest = text;

    *law = (struct target_law){.kind = TARGET_LAW_CONSTANT};
    for (enum target_law_kind kind = TARGET_LAW_LOGNORMAL; kind <= TARGET_LAW_WEIBULL; kind++) {
        if (is_named(text, laws[kind].name, &rest)) {
            law->kind = kind;
            return mean_and_sigma(law, rest, read_mean);
        }
    }
    if (is_named(text, "exponential", &rest)) {
        law->kind = TARGET_LAW_EXPONENTIAL;
    } else {
        is_named(text, "constant", &rest);
    }
    return read_mean(&law->mean_ns, rest);
}

bool target_law_parse(struct target_law *law, const char *text, struct target_error *err)
{
    return parse(law, text, time_mean) ||
           target_fail(
               err,
               "\"%.100s\" is not a law; try constant:5ms, "
               "exponential:5ms, lognormal:5ms,0.5 (mean, sigma), uniform:5ms,0.5 (mean, half "
               "width) or weibull:5ms,0.7 (mean, shape)",
               text);
}

bool target_law_parse_count(struct target_law *law, const char *text, struct target_error *err)
{
    return parse(law, text, count_mean) ||
           target_fail(err,
                       "\"%.100s\" is not a law of counts of 1 to %llu; try 64, exponential:64 or "
                       "lognormal:64,0.5 (mean, sigma)",
                       text, (unsigned long long)TARGET_LAW_COUNT_MAX);
}

static double draw_ns(const struct target_law *law, double u1, double u2)
{
    switch (law->kind) {
    case TARGET_LAW_EXPONENTIAL:
        return -law->mean_ns * log(u1);
    case TARGET_LAW_LOGNORMAL:
        return law->mean_ns * exp(law->sigma * sqrt(-2 * log(u1)) * cos(2 * M_PI * u2) -
                                  law->sigma * law->sigma / 2);
    case TARGET_LAW_UNIFORM:
        return law->mean_ns * (1 + law->sigma * (2 * u1 - 1));
    case TARGET_LAW_WEIBULL:
        return law->mean_ns / tgamma(1 + 1 / law->sigma) * pow(-log(u1), 1 / law->sigma);
    case TARGET_LAW_CONSTANT:
        break;
    }
    return law->mean_ns;
}

uint64_t target_law_ns(const struct target_law *law, double u1, double u2)
{
    return (uint64_t)fmin(draw_ns(law, u1, u2), (double)TARGET_LAW_NS_MAX);
}

uint64_t target_law_count(const struct target_law *law, double u1, double u2)
{
    double count = round(draw_ns(law, u1, u2));

    return (uint64_t)fmax(1, fmin(count, (double)TARGET_LAW_COUNT_MAX));
}

static void print(const struct target_law *law, const char *mean, char *text, size_t bytes)
{
    switch (law->kind) {
    case TARGET_LAW_EXPONENTIAL:
        snprintf(text, bytes, "exponential:%s", mean);
        break;
    case TARGET_LAW_LOGNORMAL:
    case TARGET_LAW_UNIFORM:
    case TARGET_LAW_WEIBULL:
        snprintf(text, bytes, "%s:%s,%.17g", laws[law->kind].name, mean, law->sigma);
        break;
    case TARGET_LAW_CONSTANT:
        snprintf(text, bytes, law->mean_ns > 0 ? "constant:%s" : "%s", mean);
        break;
    }
}

void target_law_print(const struct target_law *law, char *text, size_t bytes)
{
    char mean[32];

    target_quantity_print_duration((uint64_t)law->mean_ns, mean, sizeof mean);
    print(law, mean, text, bytes);
}

void target_law_print_count(const struct target_law *law, char *text, size_t bytes)
{
    char mean[32];

    snprintf(mean, sizeof mean, "%.0f", law->mean_ns);
    print(law, mean, text, bytes);
}
