#include "pelt/recovery.h"

#include <math.h>
#include <stdlib.h>

/* For rounding where a time is a multiple of the step. */
#define SLIVER 1e-9

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Median of the numbers among y[0..n); NaN: there are none. */
static enum pelt_status median_of(const double *y, size_t n, double *out)
{
    *out = NAN;
    double *sorted = malloc((n + 1) * sizeof *sorted);
    if (sorted == NULL) {
        return PELT_ENOMEM;
    }
    size_t kept = 0;
    for (size_t i = 0; i < n; i++) {
        if (isfinite(y[i])) {
            sorted[kept++] = y[i];
        }
    }
    if (kept > 0) {
        qsort(sorted, kept, sizeof *sorted, by_value);
        *out = (sorted[(kept - 1) / 2] + sorted[kept / 2]) / 2;
    }
    free(sorted);
    return PELT_OK;
}

static size_t clamped(double index, size_t most)
{
    return index <= 0 ? 0 : index >= (double)most ? most : (size_t)index;
}

/* First sample from `from` on that begins a row of `hold` good ones; `until`: none. */
static size_t first_row(const double *y, size_t from, size_t until, double limit, size_t hold)
{
    size_t row = 0;
    size_t begin = until;
    for (size_t i = from; i < until; i++) {
        if (isnan(y[i])) {
            continue;
        }
        if (y[i] > limit) {
            row = 0;
            continue;
        }
        begin = row == 0 ? i : begin;
        if (++row >= hold) {
            return begin;
        }
    }
    return until;
}

enum pelt_status pelt_recovery_find(const double *y, size_t until, double step_s, double spike_s,
                                    double end_s, const struct pelt_recovery_rule *rule,
                                    struct pelt_recovery *out, struct pelt_error *err)
{
    *out = (struct pelt_recovery){0};
    size_t before = clamped(floor(spike_s / step_s + SLIVER), until);
    size_t after = clamped(ceil(end_s / step_s - SLIVER), until);
    if (median_of(y, before, &out->baseline) != PELT_OK) {
        return pelt_fail(err, PELT_ENOMEM, "recovery: out of memory");
    }
    if (isnan(out->baseline)) {
        return pelt_fail(err, PELT_EINVAL,
                         "recovery: nothing was measured before the spike at %g s", spike_s);
    }
    if (after >= until) {
        return pelt_fail(err, PELT_EINVAL,
                         "recovery: nothing was measured after the spike's end at %g s", end_s);
    }
    double slack = fmax(rule->tolerance * fabs(out->baseline), rule->slack);
    out->limit = out->baseline + slack;
    size_t at = first_row(y, after, until, out->limit, rule->hold);
    out->recovered = at < until;
    out->time_s = fmax((double)at * step_s - end_s, 0);
    out->worst = -INFINITY;
    for (size_t i = before; i < until && i <= at; i++) {
        if (y[i] > out->worst) {
            out->worst = y[i];
            out->worst_s = fmax((double)i * step_s - spike_s, 0);
        }
    }
    return PELT_OK;
}
