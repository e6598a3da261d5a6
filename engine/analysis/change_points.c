/*
 * The divergence of the parts [s, t) and [t, k) of a window is
 *
 *   q = (t - s)(k - t) / (k - s) * (2 * mean distance between the parts - mean distance within the
 *       first - mean distance within the second)
 *
 * and the split with the largest q, over all t and k, is a candidate (k may lie before the window's
 * end, so that a level which lasts a while is not blurred by what follows it). It is kept if t's
 * test between what lies on its two sides, up to the neighbouring points, is passed at LAX times
 * the p asked for; then both sides are searched. Windows overlap by half. Then the weakest point
 * goes, its neighbours are tested anew, until all that are left are strong enough.
 */
#include "pelt/change_points.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

#include "pelt/difference.h"

#define WINDOW     50 /* values */
#define LAX        10
#define CONFIDENCE 0.95 /* not looked at */

/* Values that were equal so far would make any other one a change, at once: of the least difference
 * that counts, their noise is taken to be at least that share. */
#define NOISE_LEAST 0.2

struct search {
    const double *values;
    size_t n;
    double p_most, least;
    double noise;   /* of a value, at least */
    bool *is_point; /* n: a point found in any window */
};

/* ---- one candidate ---- */

struct sums { /* of distances */
    double across, first, second;
};

static double divergence(const struct sums *d, size_t s, size_t t, size_t k)
{
    double a = (double)(t - s), b = (double)(k - t);
    double first = a > 1 ? d->first / (a * (a - 1) / 2) : 0;
    double second = b > 1 ? d->second / (b * (b - 1) / 2) : 0;
    return a * b / (a + b) * (2 * d->across / (a * b) - first - second);
}

/* Of v[s] to v[k - 1] from v[at]. */
static double distances(const double *v, size_t s, size_t k, size_t at)
{
    double sum = 0;
    for (size_t i = s; i < k; i++) {
        sum += fabs(v[i] - v[at]);
    }
    return sum;
}

/* The best split of [s, end); `*q` its divergence. Value by value goes from the second part to the
 * first. */
static size_t best_split(const double *v, size_t s, size_t end, double *q)
{
    size_t best = s;
    *q = -1;
    for (size_t k = s + 2; k <= end; k++) {
        struct sums d = {0};
        for (size_t i = s; i < k; i++) {
            d.second += distances(v, s, i, i);
        }
        for (size_t t = s + 1; t < k; t++) {
            double to_first = distances(v, s, t - 1, t - 1);
            double to_second = distances(v, t, k, t - 1);
            d.first += to_first;
            d.second -= to_second;
            d.across += to_second - to_first;
            double here = divergence(&d, s, t, k);
            if (here > *q) {
                *q = here;
                best = t;
            }
        }
    }
    return best;
}

static struct pelt_change_point point_of(const struct search *x, size_t from, size_t at, size_t to)
{
    const double *v = x->values;
    /* Equal variances on both sides, as in Hunter: one value more is enough to be tested. */
    double n = (double)(at - from), m = (double)(to - at), before = 0, after = 0, squares = 0;
    for (size_t i = from; i < to; i++) {
        *(i < at ? &before : &after) += v[i] / (i < at ? n : m);
    }
    for (size_t i = from; i < to; i++) {
        double apart = v[i] - (i < at ? before : after);
        squares += apart * apart;
    }
    struct pelt_change_point point = {
        .at = at, .from = from, .to = to, .before = before, .after = after, .p = 1};
    if (n + m > 2) {
        double error = fmax(sqrt(squares / (n + m - 2)), x->noise);
        struct pelt_estimate none = {0, 0, n + m - 2};
        struct pelt_estimate change = {after - before, error * sqrt(1 / n + 1 / m), n + m - 2};
        point.p = pelt_difference_of(&none, &change, CONFIDENCE).p;
    }
    return point;
}

/* ---- all of a window ---- */

static void split(struct search *x, size_t from, size_t to, size_t *last)
{
    double q;
    if (to - from < 2) {
        return;
    }
    size_t at = best_split(x->values, from, to, &q);
    struct pelt_change_point point = point_of(x, from, at, to);
    if (q <= 0 || !(point.p < LAX * x->p_most)) {
        return;
    }
    x->is_point[at] = true;
    *last = at > *last ? at : *last;
    split(x, from, at, last);
    split(x, at, to, last);
}

static void split_windows(struct search *x)
{
    for (size_t start = 0; start < x->n;) {
        size_t end = start + WINDOW < x->n ? start + WINDOW : x->n;
        size_t last = 0;
        split(x, start, end, &last);
        size_t next = start + WINDOW / 2;
        start = last > next ? last : next;
        if (end == x->n) {
            break;
        }
    }
}

/* ---- the strong ones ---- */

static void test_anew(const struct search *x, struct pelt_change_point *points, size_t len,
                      size_t i)
{
    if (i < len) {
        points[i] = point_of(x, i > 0 ? points[i - 1].at : 0, points[i].at,
                             i + 1 < len ? points[i + 1].at : x->n);
    }
}

/* The point to go next; `len`: none. */
static size_t weakest(const struct search *x, const struct pelt_change_point *points, size_t len)
{
    size_t worst = 0, smallest = 0;
    for (size_t i = 1; i < len; i++) {
        worst = points[i].p > points[worst].p ? i : worst;
        smallest = fabs(points[i].after - points[i].before) <
                           fabs(points[smallest].after - points[smallest].before)
                       ? i
                       : smallest;
    }
    if (len == 0 || points[worst].p >= x->p_most) {
        return worst;
    }
    return fabs(points[smallest].after - points[smallest].before) > x->least ? len : smallest;
}

static size_t keep_strong(const struct search *x, struct pelt_change_point *points, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        test_anew(x, points, len, i);
    }
    while (len > 0) {
        size_t go = weakest(x, points, len);
        if (go == len) {
            break;
        }
        for (size_t i = go; i + 1 < len; i++) {
            points[i] = points[i + 1];
        }
        len--;
        test_anew(x, points, len, go);
        if (go > 0) {
            test_anew(x, points, len, go - 1);
        }
    }
    return len;
}

enum pelt_status pelt_change_points_find(const double *values, size_t n, double p_most,
                                         double least, struct pelt_change_point *out, size_t *len)
{
    *len = 0;
    if (n < PELT_CHANGE_VALUES) {
        return PELT_OK;
    }
    struct search x = {.values = values,
                       .n = n,
                       .p_most = p_most,
                       .least = least,
                       .noise = least * NOISE_LEAST,
                       .is_point = calloc(n, sizeof *x.is_point)};
    if (x.is_point == NULL) {
        return PELT_ENOMEM;
    }
    split_windows(&x);
    size_t found = 0;
    for (size_t i = 1; i < n; i++) {
        if (x.is_point[i]) {
            out[found++] = (struct pelt_change_point){.at = i};
        }
    }
    *len = keep_strong(&x, out, found);
    free(x.is_point);
    return PELT_OK;
}
