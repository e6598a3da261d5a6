/*
 * A shape is what the warm-up adds at its beginning, fading to nothing: 1 for `length` samples (a
 * step), or exp(-3 t / length) (a decay). Each series is level + change * shape + noise; level and
 * change follow by least squares, so only the length is searched. The series agree on it where the
 * sum of n log(sum of squared residuals), the likelihood, is least.
 */
#include "pelt/warmup.h"

#include <math.h>
#include <stdlib.h>

#include "longrun.h"

#define CLEAR        6.0  /* standard errors */
#define SHORTEST     3.0  /* samples of a decay */
#define LONGEST      0.95 /* share of the samples */
#define FINER        1.05 /* from one length of a decay to the next */
#define OWN_LONGER   2.0  /* a series goes its own way from so many times the common length */
#define MSER_BATCHES 10   /* fewer are refused */

/* One series, without gaps and about its mean. */
struct row {
    double *y;
    double mean;
    double squares; /* sum of y * y */
};

/* All series, and place for what is worked on. */
struct table {
    size_t count, n;
    struct row *rows;
    double *rest;    /* n: residuals */
    double *shape;   /* n: what is drawn */
    double mean, xx; /* of the shape, and its sum of squares about it */
};

struct shape {
    bool gradual;
    double length; /* samples */
    double misfit; /* less is better; comparable between shapes of the same series */
};

struct fit {
    double level, change;
    double squares; /* of the residuals */
};

bool pelt_mser_find(const double *y, size_t n, size_t batch, size_t *cut)
{
    size_t batches = batch > 0 ? n / batch : 0;
    double best = INFINITY;
    double sum = 0;
    double squares = 0;
    double origin = 0; /* taken off every mean, so that squares stay exact */
    *cut = n / 2;
    for (size_t d = batches; d-- > 0;) {
        double total = 0;
        for (size_t i = d * batch; i < (d + 1) * batch; i++) {
            size_t from = i;
            while (from > 0 && !isfinite(y[from])) {
                from--;
            }
            total += isfinite(y[from]) ? y[from] : 0;
        }
        double left = (double)(batches - d);
        origin = left == 1 ? total / (double)batch : origin;
        double mean = total / (double)batch - origin;
        sum += mean;
        squares += mean * mean;
        double error = fmax(squares - sum * sum / left, 0) / (left * left);
        if (d <= batches / 2 && error <= best) {
            best = error;
            *cut = d * batch;
        }
    }
    if (batches < MSER_BATCHES || *cut == batches / 2 * batch) {
        *cut = n / 2;
        return false;
    }
    return true;
}

static void draw(struct table *t, const struct shape *s)
{
    double sum = 0;
    double squares = 0;
    for (size_t i = 0; i < t->n; i++) {
        double x =
            s->gradual ? exp(-3 * ((double)i + 0.5) / s->length) : (double)((double)i < s->length);
        t->shape[i] = x;
        sum += x;
        squares += x * x;
    }
    t->mean = sum / (double)t->n;
    t->xx = squares - sum * t->mean;
}

/* Of the shape that is drawn. */
static struct fit fit_row(const struct table *t, const struct row *row)
{
    double xy = 0; /* y has mean 0, so x may keep its own */
    for (size_t i = 0; i < t->n; i++) {
        xy += t->shape[i] * row->y[i];
    }
    double change = xy / t->xx;
    return (struct fit){.level = row->mean - change * t->mean,
                        .change = change,
                        .squares = fmax(row->squares - change * xy, 0)};
}

/* Of series [first, end) and the shape that is drawn. The floor is for series without noise. */
static double misfit_of(const struct table *t, size_t first, size_t end)
{
    double sum = 0;
    for (size_t series = first; series < end; series++) {
        struct fit f = fit_row(t, &t->rows[series]);
        double floor = 1e-20 * (double)t->n * (f.level * f.level + f.change * f.change);
        sum += log(f.squares + floor + 1e-300);
    }
    return sum;
}

static void keep_better(struct table *t, size_t first, size_t end, struct shape tried,
                        struct shape *best)
{
    draw(t, &tried);
    tried.misfit = misfit_of(t, first, end);
    if (tried.misfit < best->misfit) {
        *best = tried;
    }
}

/* Lengths one apart while they are short, then each a twentieth longer, then around the best one.
 */
static struct shape best_of_kind(struct table *t, size_t first, size_t end, bool gradual)
{
    double longest = LONGEST * (double)t->n;
    struct shape best = {.gradual = gradual, .misfit = INFINITY};
    for (double length = gradual ? SHORTEST : 1; length <= longest;
         length = gradual ? length * FINER : floor(length * 1.01) + 1) {
        keep_better(t, first, end, (struct shape){.gradual = gradual, .length = length}, &best);
    }
    double around = gradual ? 0 : ceil(best.length * 0.011);
    double middle = best.length;
    for (double length = fmax(middle - around, 1); length <= fmin(middle + around, longest);
         length++) {
        keep_better(t, first, end, (struct shape){.gradual = gradual, .length = length}, &best);
    }
    return best;
}

static struct shape best_shape(struct table *t, size_t first, size_t end)
{
    struct shape step = best_of_kind(t, first, end, false);
    struct shape decay = best_of_kind(t, first, end, true);
    return step.misfit < decay.misfit ? step : decay;
}

/* How many standard errors the change is from 0 in a series; 0: too small to matter. `*change`: as
 * a share of the level. */
static double clearness(struct table *t, const struct shape *s, size_t series, double *change)
{
    draw(t, s);
    const struct row *row = &t->rows[series];
    struct fit f = fit_row(t, row);
    *change = f.level != 0 ? f.change / fabs(f.level) : f.change == 0 ? 0 : INFINITY;
    if (!(fabs(*change) >= PELT_WARMUP_EFFECT)) {
        return 0;
    }
    for (size_t i = 0; i < t->n; i++) {
        t->rest[i] = row->y[i] + row->mean - f.level - f.change * t->shape[i];
    }
    return fabs(f.change) / sqrt(pelt_longrun_variance(t->rest, t->n) / t->xx);
}

/* Adds `times` the shape that is drawn to a row. */
static void add_drawn(const struct table *t, double times, struct row *row)
{
    row->squares = 0;
    for (size_t i = 0; i < t->n; i++) {
        row->y[i] += times * (t->shape[i] - t->mean);
        row->squares += row->y[i] * row->y[i];
    }
}

/* Whether a series without shape `s` still has another one. */
static bool has_more(struct table *t, const struct shape *s, size_t series)
{
    struct row *row = &t->rows[series];
    double unused;
    draw(t, s);
    double change = fit_row(t, row).change;
    add_drawn(t, -change, row);
    struct shape other = best_shape(t, series, series + 1);
    bool more = clearness(t, &other, series, &unused) > CLEAR;
    draw(t, s);
    add_drawn(t, change, row);
    return more;
}

static void judge(struct table *t, struct pelt_warmup *out)
{
    struct shape common = best_shape(t, 0, t->count);
    double clearest = CLEAR;
    double length = 0;
    for (size_t series = 0; series < t->count; series++) {
        double change;
        double clear = clearness(t, &common, series, &change);
        if (clear > clearest) {
            clearest = clear;
            length = common.length;
            out->gradual = common.gradual;
            out->by = series;
            out->change = change;
        }
    }
    for (size_t series = 0; series < t->count; series++) {
        struct shape own = best_shape(t, series, series + 1);
        double change;
        if (own.length > OWN_LONGER * length && clearness(t, &own, series, &change) > CLEAR &&
            (length == 0 || has_more(t, &common, series))) {
            length = own.length;
            out->gradual = own.gradual;
            out->by = series;
            out->change = change;
        }
    }
    out->cut = (size_t)ceil(length);
    out->steady = out->cut <= t->n / 2;
}

/* Fills a row from a series; samples that are no numbers take the one before, the first ones the
 * first number. False: there is none. */
static bool fill_row(const double *from, size_t n, struct row *row)
{
    double last = NAN;
    for (size_t i = 0; i < n && isnan(last); i++) {
        last = isfinite(from[i]) ? from[i] : last;
    }
    for (size_t i = 0; i < n; i++) {
        last = isfinite(from[i]) ? from[i] : last;
        row->y[i] = last;
        row->mean += (last - row->mean) / (double)(i + 1);
    }
    for (size_t i = 0; i < n; i++) {
        row->y[i] -= row->mean;
        row->squares += row->y[i] * row->y[i];
    }
    return !isnan(last);
}

static enum pelt_status find_in(struct table *t, const double *const *series,
                                struct pelt_warmup *out, struct pelt_error *err)
{
    for (size_t i = 0; i < t->count; i++) {
        if (!fill_row(series[i], t->n, &t->rows[i])) {
            return pelt_fail(err, PELT_EINVAL, "warm-up: series %zu has no value at all", i + 1);
        }
        size_t cut;
        pelt_mser_find(t->rows[i].y, t->n, PELT_WARMUP_BATCH, &cut);
        out->mser = cut > out->mser ? cut : out->mser;
    }
    judge(t, out);
    return PELT_OK;
}

enum pelt_status pelt_warmup_find(const double *const *series, size_t count, size_t n,
                                  struct pelt_warmup *out, struct pelt_error *err)
{
    *out = (struct pelt_warmup){0};
    if (n < PELT_WARMUP_SAMPLES || count == 0) {
        return pelt_fail(err, PELT_EINVAL, "warm-up: %zu seconds, needs at least %d",
                         count == 0 ? 0 : n, PELT_WARMUP_SAMPLES);
    }
    struct row *rows = calloc(count, sizeof *rows);
    double *values = malloc((count + 2) * n * sizeof *values);
    enum pelt_status status = PELT_ENOMEM;
    if (rows == NULL || values == NULL) {
        pelt_fail(err, status, "warm-up: out of memory for %zu seconds", n);
        goto out;
    }
    for (size_t i = 0; i < count; i++) {
        rows[i].y = values + i * n;
    }
    struct table t = {.count = count,
                      .n = n,
                      .rows = rows,
                      .rest = values + count * n,
                      .shape = values + (count + 1) * n};
    status = find_in(&t, series, out, err);
out:
    free(values);
    free(rows);
    return status;
}
