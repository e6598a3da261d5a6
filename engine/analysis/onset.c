/*
 * onset: see the header.
 */
#include "pelt/onset.h"

#include <math.h>
#include <stdlib.h>

#define NORMAL 1.4826 /* standard deviations of a normal distribution a MAD */

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Of `len` numbers, which are sorted by it; NaN: none. */
static double median_of(double *values, size_t len)
{
    if (len == 0) {
        return NAN;
    }
    qsort(values, len, sizeof *values, by_value);
    return (values[(len - 1) / 2] + values[len / 2]) / 2;
}

enum pelt_status pelt_onset_limit(const double *y, const struct pelt_onset_rule *rule,
                                  double *level, double *limit)
{
    double *kept = malloc((rule->base_to - rule->base_from + 1) * sizeof *kept);
    size_t len = 0;
    if (kept == NULL) {
        return PELT_ENOMEM;
    }
    for (size_t i = rule->base_from; i < rule->base_to; i++) {
        if (isfinite(y[i])) {
            kept[len++] = y[i];
        }
    }
    *level = median_of(kept, len);
    for (size_t i = 0; i < len; i++) {
        kept[i] = fabs(kept[i] - *level);
    }
    double rise = fmax(rule->mads * NORMAL * median_of(kept, len), rule->least);
    *limit = fmax(*level + rise, rule->times * *level);
    free(kept);
    return PELT_OK;
}

/* The row that the first sample above the limit at `from` or behind it begins; false: there is
 * none. */
static bool next_row(const double *y, size_t n, size_t from, double limit, size_t gap,
                     struct pelt_onset *row, size_t *held)
{
    size_t below = 0;
    *held = 0;
    for (size_t i = from; i < n; i++) {
        if (y[i] > limit) {
            row->at = *held == 0 ? i : row->at;
            row->to = i + 1;
            ++*held;
            below = 0;
        } else if (*held > 0 && !isnan(y[i]) && ++below > gap) {
            break;
        }
    }
    return *held > 0;
}

static bool next_held(const double *y, size_t n, size_t from, double limit, size_t hold, size_t gap,
                      struct pelt_onset *row)
{
    size_t held;
    while (next_row(y, n, from, limit, gap, row, &held)) {
        if (held >= hold) {
            return true;
        }
        from = row->to;
    }
    return false;
}

void pelt_onset_above(const double *y, size_t n, size_t from, double limit, size_t hold, size_t gap,
                      struct pelt_onset *out)
{
    out->limit = limit;
    out->found = !isnan(limit) && next_held(y, n, from, limit, hold, gap, out);
}

enum pelt_status pelt_onset_find(const double *y, size_t n, size_t from,
                                 const struct pelt_onset_rule *rule, struct pelt_onset *out)
{
    double limit;
    *out = (struct pelt_onset){.found = false};
    enum pelt_status status = pelt_onset_limit(y, rule, &out->level, &limit);
    if (status == PELT_OK) {
        pelt_onset_above(y, n, from, limit, rule->hold, rule->gap, out);
    }
    return status;
}

void pelt_onset_around(const double *y, size_t n, size_t from, size_t to, double limit, size_t hold,
                       size_t gap, struct pelt_onset *out)
{
    struct pelt_onset row = {.limit = limit};
    out->found = false;
    out->limit = limit;
    for (size_t i = 0; !isnan(limit) && next_held(y, n, i, limit, hold, gap, &row); i = row.to) {
        if (row.to <= from) {
            continue;
        }
        if (row.at > to && out->found) {
            break;
        }
        out->found = true;
        out->at = row.at;
        out->to = row.to;
        if (row.at > to) {
            break;
        }
    }
}
