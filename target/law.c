/*
 * law: exponential by inversion, -mean ln(u). Lognormal as exp(mu + sigma z) with z from the
 * Box-Muller transform and mu = ln(mean) - sigma^2 / 2, so that the given mean is the mean of the
 * distribution and not its median.
 */
#include "law.h"

#include <math.h>

#include "quantity.h"

#define SIGMA_MAX 10.0

static bool is_named(const char *text, const char *name, const char **rest)
{
    size_t length = strlen(name);

    if (strncmp(text, name, length) != 0 || text[length] != ':') {
        return false;
    }
    *rest = text + length + 1;
    return true;
}

static bool parse_mean(struct target_law *law, const char *text)
{
    uint64_t ns;

    if (!target_quantity_duration(text, &ns) || ns > TARGET_LAW_NS_MAX) {
        return false;
    }
    law->mean_ns = (double)ns;
    return true;
}

/* "5ms,0.5" */
static bool parse_mean_and_sigma(struct target_law *law, const char *text)
{
    const char *comma = strchr(text, ',');
    char mean[32];

    if (!comma || (size_t)(comma - text) >= sizeof mean) {
        return false;
    }
    memcpy(mean, text, (size_t)(comma - text));
    mean[comma - text] = '\0';
    return parse_mean(law, mean) && target_quantity_number(comma + 1, 0, SIGMA_MAX, &law->sigma);
}

bool target_law_parse(struct target_law *law, const char *text, struct target_error *err)
{
    const char *rest = text;
    bool good;

    *law = (struct target_law){.kind = TARGET_LAW_CONSTANT};
    if (is_named(text, "lognormal", &rest)) {
        law->kind = TARGET_LAW_LOGNORMAL;
        good = parse_mean_and_sigma(law, rest);
    } else if (is_named(text, "exponential", &rest)) {
        law->kind = TARGET_LAW_EXPONENTIAL;
        good = parse_mean(law, rest);
    } else {
        is_named(text, "constant", &rest);
        good = parse_mean(law, rest);
    }
    return good || target_fail(err,
                               "\"%.100s\" is not a law; try constant:5ms, "
                               "exponential:5ms or lognormal:5ms,0.5 (mean, sigma)",
                               text);
}

static double draw_ns(const struct target_law *law, double u1, double u2)
{
    switch (law->kind) {
    case TARGET_LAW_EXPONENTIAL:
        return -law->mean_ns * log(u1);
    case TARGET_LAW_LOGNORMAL:
        return law->mean_ns * exp(law->sigma * sqrt(-2 * log(u1)) * cos(2 * M_PI * u2) -
                                  law->sigma * law->sigma / 2);
    case TARGET_LAW_CONSTANT:
        break;
    }
    return law->mean_ns;
}

uint64_t target_law_ns(const struct target_law *law, double u1, double u2)
{
    return (uint64_t)fmin(draw_ns(law, u1, u2), (double)TARGET_LAW_NS_MAX);
}

void target_law_print(const struct target_law *law, char *text, size_t bytes)
{
    char mean[32];

    target_quantity_print_duration((uint64_t)law->mean_ns, mean, sizeof mean);
    switch (law->kind) {
    case TARGET_LAW_EXPONENTIAL:
        snprintf(text, bytes, "exponential:%s", mean);
        break;
    case TARGET_LAW_LOGNORMAL:
        snprintf(text, bytes, "lognormal:%s,%.17g", mean, law->sigma);
        break;
    case TARGET_LAW_CONSTANT:
        snprintf(text, bytes, law->mean_ns > 0 ? "constant:%s" : "%s", mean);
        break;
    }
}
