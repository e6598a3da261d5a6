/*
 * figure: see the header.
 *
 * Errors from within a run are a block bootstrap's. Shares get at least the binomial error of a
 * share with one more of each kind (Laplace), as no block knows of errors that did not happen.
 */
#include "figure.h"

#include <math.h>
#include <stdlib.h>

#include "pelt/bootstrap.h"

#define RESAMPLES 400  /* a standard error of 400 resamples is itself known to 4% */
#define LEAST     1e-9 /* a logarithm is taken of at least that, in the unit of the figure */

static const struct {
    const char *name;
    double percentile;
    unsigned kinds; /* of series, a bit each */
} figures[PELT_FIG_KINDS] = {
#define HISTS  (1u << PELT_DIGEST_ALL | 1u << PELT_DIGEST_REQUEST | 1u << PELT_DIGEST_TREND)
#define COUNTS (1u << PELT_DIGEST_ALL | 1u << PELT_DIGEST_REQUEST)
    [PELT_FIG_P50] = {"p50", 50, HISTS},
    [PELT_FIG_P90] = {"p90", 90, HISTS},
    [PELT_FIG_P95] = {"p95", 95, HISTS},
    [PELT_FIG_P99] = {"p99", 99, HISTS},
    [PELT_FIG_MEAN] = {"mean", 0, HISTS},
    [PELT_FIG_ERRORS] = {"errors", 0, COUNTS},
    [PELT_FIG_THROUGHPUT] = {"throughput", 0, COUNTS},
    [PELT_FIG_HIT_SHARE] = {"hit_share", 0, 1u << PELT_DIGEST_CACHE},
    [PELT_FIG_CAPACITY] = {"capacity", 0, 1u << PELT_DIGEST_CAPACITY},
#undef HISTS
#undef COUNTS
};

const char *pelt_fig_name(enum pelt_figure_kind f)
{
    return figures[f].name;
}

bool pelt_fig_is_of(enum pelt_figure_kind f, enum pelt_digest_kind kind)
{
    return (figures[f].kinds >> kind & 1) != 0;
}

bool pelt_fig_is_share(enum pelt_figure_kind f)
{
    return f == PELT_FIG_ERRORS || f == PELT_FIG_HIT_SHARE;
}

static bool is_of_hist(enum pelt_figure_kind f)
{
    return f <= PELT_FIG_MEAN;
}

const char *pelt_fig_unit(enum pelt_figure_kind f, const struct pelt_digest_series *s)
{
    return pelt_fig_is_share(f) ? "share" : f == PELT_FIG_THROUGHPUT ? "per_s" : s->unit;
}

int pelt_fig_better(enum pelt_figure_kind f, const struct pelt_digest_series *s)
{
    return f == PELT_FIG_ERRORS ? -1 : is_of_hist(f) ? s->better : 1;
}

/* ---- of a run ---- */

static double sum_of(const double *parts, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        sum += parts[i];
    }
    return sum;
}

static uint64_t whole_of(const uint64_t *parts, size_t n)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < n; i++) {
        sum += parts[i];
    }
    return sum;
}

uint64_t pelt_fig_samples(enum pelt_figure_kind f, const struct pelt_digest *d,
                          const struct pelt_digest_series *s)
{
    return is_of_hist(f) ? s->sum.count : s->whole != NULL ? whole_of(s->whole, d->pieces) : 0;
}

uint64_t pelt_fig_samples_needed(enum pelt_figure_kind f)
{
    return figures[f].percentile > 0 ? pelt_hist_samples_needed(figures[f].percentile) : 1;
}

double pelt_fig_value(enum pelt_figure_kind f, const struct pelt_digest *d,
                      const struct pelt_digest_series *s)
{
    if (f == PELT_FIG_CAPACITY) {
        return s->capacity;
    }
    uint64_t samples = pelt_fig_samples(f, d, s);
    if (f == PELT_FIG_THROUGHPUT) {
        return d->seconds > 0 ? sum_of(s->ok, d->pieces) / d->seconds : (double)NAN;
    }
    if (samples < pelt_fig_samples_needed(f)) {
        return NAN;
    }
    if (pelt_fig_is_share(f)) {
        return sum_of(s->part, d->pieces) / (double)samples;
    }
    double us = f == PELT_FIG_MEAN
                    ? pelt_hist_mean_us(&s->sum)
                    : (double)pelt_hist_percentile_us(&s->sum, figures[f].percentile);
    return us / s->scale;
}

double pelt_fig_scaled(enum pelt_figure_kind f, double value)
{
    return pelt_fig_is_share(f) ? value : log(fmax(value, LEAST));
}

/* A counter of the histogram is told as one value. */
double pelt_fig_resolution(enum pelt_figure_kind f, const struct pelt_digest_series *s,
                           double value)
{
    double us = fmax(value * s->scale, 0.5);
    if (figures[f].percentile == 0 || !isfinite(us)) {
        return 0;
    }
    unsigned index = pelt_hist_index((uint64_t)fmin(us, (double)PELT_HIST_MAX_US));
    double width = (double)(pelt_hist_highest_us(index) - pelt_hist_lowest_us(index) + 1);
    return width / us / sqrt(12);
}

static enum pelt_status estimate_mean(const struct pelt_digest *d,
                                      const struct pelt_digest_series *s,
                                      const struct pelt_bootstrap *how, struct pelt_estimate *out,
                                      struct pelt_error *err)
{
    double *sums = calloc(d->pieces + 1, sizeof *sums);
    uint64_t *counts = calloc(d->pieces + 1, sizeof *counts);
    enum pelt_status status = PELT_ENOMEM;
    if (sums != NULL && counts != NULL) {
        for (size_t i = 0; i < d->pieces; i++) {
            counts[i] = s->hist[i].count;
            sums[i] = pelt_hist_mean_us(&s->hist[i]) / s->scale * (double)counts[i];
        }
        status = pelt_bootstrap_ratio_error(sums, counts, d->pieces, true, how, out, err);
    }
    free(sums);
    free(counts);
    return status;
}

static enum pelt_status estimate_share(enum pelt_figure_kind f, const struct pelt_digest *d,
                                       const struct pelt_digest_series *s,
                                       const struct pelt_bootstrap *how, struct pelt_estimate *out,
                                       struct pelt_error *err)
{
    enum pelt_status status =
        pelt_bootstrap_ratio_error(s->part, s->whole, d->pieces, false, how, out, err);
    double n = (double)s->samples[f];
    double share = (sum_of(s->part, d->pieces) + 1) / (n + 2);
    out->error = fmax(out->error, sqrt(share * (1 - share) / (n + 2)));
    return status;
}

enum pelt_status pelt_fig_estimate(enum pelt_figure_kind f, const struct pelt_digest *d,
                                   const struct pelt_digest_series *s, uint64_t seed,
                                   struct pelt_estimate *out, struct pelt_error *err)
{
    const struct pelt_bootstrap how = {.resamples = RESAMPLES, .seed = seed};
    enum pelt_status status;
    *out = PELT_ESTIMATE_NONE;
    if (figures[f].percentile > 0) {
        status = pelt_bootstrap_percentile_error(s->list, d->pieces, figures[f].percentile, &how,
                                                 out, err);
        out->value -= log(s->scale);
        out->error = hypot(out->error, pelt_fig_resolution(f, s, s->values[f]));
    } else if (f == PELT_FIG_MEAN) {
        status = estimate_mean(d, s, &how, out, err);
    } else if (pelt_fig_is_share(f)) {
        status = estimate_share(f, d, s, &how, out, err);
    } else if (f == PELT_FIG_THROUGHPUT) {
        status = pelt_bootstrap_ratio_error(s->ok, d->lengths, d->pieces, true, &how, out, err);
    } else {
        status = pelt_fail(err, PELT_EINVAL, "one run each does not tell");
    }
    return status;
}

/* ---- effects ---- */

struct pelt_fig_effect pelt_fig_effect_of(enum pelt_figure_kind f,
                                          const struct pelt_digest_series *s, double base,
                                          const struct pelt_effect *effect)
{
    const bool times = is_of_hist(f) && s->is_time;
    double share = effect->share > 0 || times ? effect->share : PELT_EFFECT_SHARE;
    if (pelt_fig_is_share(f)) {
        double floor = f == PELT_FIG_ERRORS ? PELT_EFFECT_ERRORS : PELT_EFFECT_HITS;
        double least = fmax(share * base, floor);
        return (struct pelt_fig_effect){least, 2 * least, least};
    }
    double floor = times ? effect->time_us / fmax(base * s->scale, 0.5) : 0;
    double least = fmax(share, floor);
    return (struct pelt_fig_effect){log1p(least), log1p(2 * least), log1p(share)};
}
