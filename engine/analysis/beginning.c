/*
 * beginning: see the header.
 */
#include "pelt/beginning.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

#include "pelt/onset.h"

#define THIRDS         3
#define LEAST_SAMPLES  3
#define FIRST_RISE     2     /* from the first third to the second; */
#define SECOND_RISE    1.333 /* from there to the last */
#define TIMES          2     /* slow; */
#define TIMES_IN_ALL   3     /* and growth, from the first third to the last */
#define LEAST_US       10000
#define LEAST_REQUESTS 5
#define NOISE_QUANTILE 0.8 /* of the steps between samples */
#define NOISE_TIMES    3
#define LEAST_SHARE    0.02 /* of the samples of a long run are below its least: they are chance */

/* Of the baseline; NaN: nothing was measured in it. */
static enum pelt_status median_of(const struct pelt_beginning_series *s, const double *y,
                                  double *out)
{
    const struct pelt_onset_rule rule = {.base_from = s->base_from, .base_to = s->base_to};
    double limit;
    return pelt_onset_limit(y, &rule, out, &limit);
}

/* ---- growth ---- */

static double mean_of(const double *y, size_t from, size_t to)
{
    double sum = 0, len = 0;
    for (size_t i = from; i < to; i++) {
        sum += isfinite(y[i]) ? y[i] : 0;
        len += isfinite(y[i]);
    }
    return len > 0 ? sum / len : (double)NAN;
}

static void thirds_of(const struct pelt_beginning_series *s, const double *y, double out[THIRDS])
{
    for (size_t k = 0; k < THIRDS; k++) {
        out[k] = mean_of(y, s->to * k / THIRDS, s->to * (k + 1) / THIRDS);
    }
}

static bool grow(const double y[THIRDS], double least)
{
    return y[1] >= FIRST_RISE * y[0] && y[2] >= SECOND_RISE * y[1] && y[2] >= TIMES_IN_ALL * y[0] &&
           y[2] - y[0] >= least;
}

/* Where nothing ends any more it takes for ever. */
static bool grow_slower(double times[THIRDS])
{
    for (size_t k = 1; k < THIRDS; k++) {
        times[k] = isnan(times[k]) ? INFINITY : times[k];
    }
    return isinf(times[2]) ? !(times[1] < FIRST_RISE * times[0]) : grow(times, LEAST_US);
}

static bool is_growing(const struct pelt_beginning_series *s, struct pelt_beginning *out)
{
    double flight[THIRDS], times[THIRDS];
    if (s->to < LEAST_SAMPLES) {
        return false;
    }
    thirds_of(s, s->backlog, flight);
    thirds_of(s, s->p50_us, times);
    out->was = flight[0];
    out->is_now = flight[THIRDS - 1];
    return grow(flight, LEAST_REQUESTS) && grow_slower(times);
}

/* ---- slowness ---- */

static int by_value(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Of the logarithms of a series, how far most samples are from the next: medians of few answers are
 * far apart, and the least of many is far below. */
static enum pelt_status noise_of(const double *y, size_t n, double *out)
{
    double *steps = calloc(n + 1, sizeof *steps), last = NAN;
    size_t len = 0;
    if (steps == NULL) {
        return PELT_ENOMEM;
    }
    for (size_t i = 0; i < n; i++) {
        const double now = y[i] > 0 ? log(y[i]) : (double)NAN;
        if (isfinite(now - last)) {
            steps[len++] = fabs(now - last);
        }
        last = now;
    }
    qsort(steps, len, sizeof *steps, by_value);
    *out = len > 0 ? steps[(size_t)(NOISE_QUANTILE * (double)(len - 1))] : 0;
    free(steps);
    return PELT_OK;
}

/* What ended early in the load cannot have taken long: samples that are too early to hold what is
 * usual say nothing. */
static enum pelt_status least_of(const struct pelt_beginning_series *s, double usual_us,
                                 double *out)
{
    double *times = calloc(s->n + 1, sizeof *times);
    size_t len = 0;
    if (times == NULL) {
        return PELT_ENOMEM;
    }
    for (size_t i = 0; i < s->n; i++) {
        if ((double)(i + 1) * s->step_us >= 2 * usual_us && s->p50_us[i] > 0) {
            times[len++] = s->p50_us[i];
        }
    }
    qsort(times, len, sizeof *times, by_value);
    *out = len > 0 ? times[(size_t)(LEAST_SHARE * (double)len)] : INFINITY;
    free(times);
    return PELT_OK;
}

static enum pelt_status see_slow(const struct pelt_beginning_series *s, struct pelt_beginning *out)
{
    double usual, noise, least;
    enum pelt_status status = median_of(s, s->p50_us, &usual);
    if (status != PELT_OK || !(usual > 0)) {
        return status;
    }
    status = noise_of(s->p50_us, s->n, &noise);
    if (status == PELT_OK) {
        status = least_of(s, usual, &least);
    }
    if (status == PELT_OK && usual - least >= LEAST_US &&
        usual >= TIMES * exp(NOISE_TIMES * noise) * least) {
        *out = (struct pelt_beginning){PELT_BEGINNING_SLOW, least, usual};
    }
    return status;
}

/* ---- all ---- */

enum pelt_status pelt_beginning_judge(const struct pelt_beginning_series *s,
                                      struct pelt_beginning *out)
{
    double errors, flight;
    *out = (struct pelt_beginning){.is = PELT_BEGINNING_GOOD};
    enum pelt_status status = median_of(s, s->errors, &errors);
    if (status == PELT_OK) {
        status = median_of(s, s->backlog, &flight);
    }
    if (status != PELT_OK) {
        return status;
    }
    if (errors > PELT_BEGINNING_ERRORS_MOST) {
        *out = (struct pelt_beginning){PELT_BEGINNING_ERRORS, 0, errors};
    } else if (is_growing(s, out)) {
        out->is = PELT_BEGINNING_GROWS;
    } else if (isnan(errors) && flight > 0) {
        *out = (struct pelt_beginning){PELT_BEGINNING_SILENT, 0, flight};
    } else {
        *out = (struct pelt_beginning){.is = PELT_BEGINNING_GOOD};
        status = see_slow(s, out);
    }
    return status;
}
