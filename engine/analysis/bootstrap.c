/*
 * A resample is as many seconds as the run has, in whole blocks that begin anywhere (behind the
 * last second comes the first: circular block bootstrap, Politis and Romano, 1992). 2,000 times 600
 * histograms are not added up: of each candidate value, how many samples at or below it all pieces
 * before the i-th have is in a table, so that a block's are a difference of two entries, and a
 * resample's percentile is found by halving. Candidates are the values between the least and the
 * largest percentile of a single piece: that of a mixture always lies between those of its parts.
 *
 * Block length: three times that of Politis and White ("Automatic block-length selection for the
 * dependent bootstrap", 2004) on what each piece adds to the figure's error (samples above the
 * percentile less those expected, or the sum less the mean times the count), but a run is cut into
 * BLOCKS_MIN to BLOCKS_MOST blocks. Theirs is best for the error of a variance; blocks so short cut
 * correlation off, and the interval is too short.
 *
 * Interval: BCa (Efron, 1987), which mends bias and skewness (percentiles of latency have both),
 * with Student's t of B - 1 degrees of freedom, times sqrt(B / (B - 1)), for the normal quantile, B
 * = n / block: that few blocks know their variance badly; and times what the edges of blocks cut
 * off. docs/ANALYSIS.md has the counts.
 */
#include "pelt/bootstrap.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "pelt/rng.h"
#include "pelt/student.h"

#define PIECES_MAX  1000
#define BLOCKS_MIN  8
#define BLOCKS_MOST 12
#define EDGE_MOST   0.3  /* share of the variance */
#define LOG_LEAST   1e-9 /* a logarithm is taken of at least that */

/* A run as pieces of equal length, and one figure of it. */
struct pieces {
    size_t n;
    size_t seconds;    /* in a piece; the last may have fewer */
    uint64_t *count;   /* n + 1: samples of all pieces before */
    double *sum;       /* n + 1: of the mean values of counters, likewise; NULL: not asked for */
    size_t candidates; /* 0: the mean is asked for */
    unsigned *counter; /* of each candidate, rising */
    uint64_t *below;   /* (n + 1) rows of candidates: samples at or below, of all pieces before */
    double share;      /* 0..1: the percentile asked for */
};

static void pieces_deinit(struct pieces *p)
{
    free(p->count);
    free(p->sum);
    free(p->counter);
    free(p->below);
}

static size_t seconds_with_samples(const struct pelt_hist *const *seconds, size_t n)
{
    size_t with = 0;
    for (size_t i = 0; i < n; i++) {
        with += seconds[i] != NULL && seconds[i]->count > 0;
    }
    return with;
}

static bool cut_into_pieces(struct pieces *p, const struct pelt_hist *const *seconds, size_t n)
{
    p->seconds = (n + PIECES_MAX - 1) / PIECES_MAX;
    p->n = (n + p->seconds - 1) / p->seconds;
    p->count = calloc(p->n + 1, sizeof *p->count);
    if (p->count == NULL) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        p->count[i / p->seconds + 1] += seconds[i] != NULL ? seconds[i]->count : 0;
    }
    for (size_t i = 0; i < p->n; i++) {
        p->count[i + 1] += p->count[i];
    }
    return true;
}

/* Counters between the least and the largest percentile of a second, that any second has. */
static bool find_candidates(struct pieces *p, const struct pelt_hist *const *seconds, size_t n,
                            struct pelt_hist_walker *walker)
{
    bool *met = calloc(PELT_HIST_COUNTERS, sizeof *met);
    p->counter = malloc(PELT_HIST_COUNTERS * sizeof *p->counter);
    if (met == NULL || p->counter == NULL) {
        free(met);
        return false;
    }
    unsigned least = PELT_HIST_COUNTERS - 1;
    unsigned most = 0;
    for (size_t i = 0; i < n; i++) {
        if (seconds[i] == NULL || seconds[i]->count == 0) {
            continue;
        }
        unsigned at = pelt_hist_index(pelt_hist_percentile_us(seconds[i], p->share * 100));
        least = at < least ? at : least;
        most = at > most ? at : most;
        unsigned index;
        uint64_t count;
        pelt_hist_walker_init(walker, seconds[i]);
        while (pelt_hist_walker_next(walker, &index, &count)) {
            met[index] = true;
        }
    }
    for (unsigned index = least; index <= most; index++) {
        if (met[index]) {
            p->counter[p->candidates++] = index;
        }
    }
    free(met);
    return true;
}

static bool fill_below(struct pieces *p, const struct pelt_hist *const *seconds, size_t n,
                       struct pelt_hist_walker *walker)
{
    p->below = calloc((p->n + 1) * p->candidates, sizeof *p->below);
    if (p->below == NULL) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        if (seconds[i] == NULL) {
            continue;
        }
        uint64_t *row = p->below + (i / p->seconds + 1) * p->candidates;
        size_t k = 0;
        unsigned index;
        uint64_t count;
        pelt_hist_walker_init(walker, seconds[i]);
        while (pelt_hist_walker_next(walker, &index, &count)) {
            while (k < p->candidates && p->counter[k] < index) {
                k++;
            }
            if (k == p->candidates) {
                break;
            }
            row[k] += count;
        }
    }
    for (size_t i = 1; i <= p->n; i++) {
        uint64_t *row = p->below + i * p->candidates;
        const uint64_t *before = p->below + (i - 1) * p->candidates;
        uint64_t rising = 0;
        for (size_t k = 0; k < p->candidates; k++) {
            rising += row[k];
            row[k] = rising + before[k];
        }
    }
    return true;
}

static bool tabulate(struct pieces *p, const struct pelt_hist *const *seconds, size_t n)
{
    struct pelt_hist_walker *walker = malloc(sizeof *walker);
    bool ok = walker != NULL && find_candidates(p, seconds, n, walker) &&
              fill_below(p, seconds, n, walker);
    free(walker);
    return ok;
}

static bool sum_up(struct pieces *p, const struct pelt_hist *const *seconds, size_t n)
{
    p->sum = calloc(p->n + 1, sizeof *p->sum);
    if (p->sum == NULL) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        if (seconds[i] != NULL) {
            p->sum[i / p->seconds + 1] += pelt_hist_mean_us(seconds[i]) * (double)seconds[i]->count;
        }
    }
    for (size_t i = 0; i < p->n; i++) {
        p->sum[i + 1] += p->sum[i];
    }
    return true;
}

/* Runs of pieces [from, to): the blocks of one resample, those over the end as two. */
struct drawn {
    size_t from, to;
};

static uint64_t drawn_count(const struct pieces *p, const struct drawn *d, size_t n)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < n; i++) {
        sum += p->count[d[i].to] - p->count[d[i].from];
    }
    return sum;
}

static uint64_t drawn_below(const struct pieces *p, const struct drawn *d, size_t n, size_t k)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < n; i++) {
        sum += p->below[d[i].to * p->candidates + k] - p->below[d[i].from * p->candidates + k];
    }
    return sum;
}

/* Candidate of the percentile of what is drawn, by the rule of pelt_hist_percentile_us. */
static size_t drawn_candidate(const struct pieces *p, const struct drawn *d, size_t n)
{
    double exact = p->share * (double)drawn_count(p, d, n);
    uint64_t rank = (uint64_t)ceil(nextafter(exact, 0));
    size_t low = 0;
    size_t high = p->candidates - 1;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (drawn_below(p, d, n, middle) >= rank) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return low;
}

/* The figure of what is drawn; NaN: no samples. */
static double drawn_figure(const struct pieces *p, const struct drawn *d, size_t n)
{
    if (p->sum == NULL) {
        return (double)pelt_hist_highest_us(p->counter[drawn_candidate(p, d, n)]);
    }
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        sum += p->sum[d[i].to] - p->sum[d[i].from];
    }
    return sum / (double)drawn_count(p, d, n);
}

/* What each piece adds to the figure's error, about its mean: above 0 where it raises the figure.
 */
static void influences(const struct pieces *p, double *out)
{
    struct drawn all = {0, p->n};
    size_t k = p->sum == NULL ? drawn_candidate(p, &all, 1) : 0;
    double figure = drawn_figure(p, &all, 1);
    double below =
        p->sum == NULL ? (double)p->below[p->n * p->candidates + k] / (double)p->count[p->n] : 0;
    for (size_t i = 0; i < p->n; i++) {
        struct drawn piece = {i, i + 1};
        double count = (double)drawn_count(p, &piece, 1);
        out[i] = p->sum == NULL ? below * count - (double)drawn_below(p, &piece, 1, k)
                                : p->sum[i + 1] - p->sum[i] - figure * count;
    }
}

static double autocovariance(const double *v, size_t n, size_t lag)
{
    double sum = 0;
    for (size_t i = lag; i < n; i++) {
        sum += v[i] * v[i - lag];
    }
    return sum / (double)n;
}

/* The lag after which nothing is correlated any more: five in a row within noise. */
static size_t last_lag(const double *v, size_t n, size_t most)
{
    double noise = 2 * sqrt(log10((double)n) / (double)n) * autocovariance(v, n, 0);
    size_t quiet = 0;
    for (size_t lag = 1; lag <= most; lag++) {
        quiet = fabs(autocovariance(v, n, lag)) < noise ? quiet + 1 : 0;
        if (quiet == 5) {
            return lag - 5;
        }
    }
    return most;
}

/* Of a series about its mean: its spectrum at frequency 0, and the sum over all lags k of k times
 * the autocovariance, by Politis' flat-top window. */
struct spectrum {
    double zero, slope;
};

static struct spectrum spectrum_of(const double *v, size_t n)
{
    size_t lags = (size_t)ceil(sqrt((double)n)) + 5;
    size_t window = 2 * last_lag(v, n, lags < n / 2 ? lags : n / 2);
    window = window < 1 ? 1 : window < n - 1 ? window : n - 1;
    struct spectrum s = {.zero = autocovariance(v, n, 0)};
    for (size_t lag = 1; lag <= window; lag++) {
        double at = (double)lag / (double)window;
        double weighted = (at <= 0.5 ? 1 : 2 * (1 - at)) * autocovariance(v, n, lag);
        s.zero += 2 * weighted;
        s.slope += 2 * (double)lag * weighted;
    }
    return s;
}

/* The block for `n` pieces of that spectrum. */
static size_t block_for(const struct spectrum *s, size_t n)
{
    double ratio = s->zero > 0 ? s->slope / s->zero : 0;
    double best = cbrt(1.5 * ratio * ratio * (double)n); /* 2 G^2 / D, D = 4/3 g(0)^2 */
    double shortest = ceil((double)n / BLOCKS_MOST);
    double longest = ceil((double)n / BLOCKS_MIN);
    return (size_t)fmin(fmax(ceil(3 * best), shortest), longest);
}

/* The correlation that the edges of blocks cut off takes slope / block of the variance: by how much
 * a standard error is to be raised for it. */
static double edge_factor(const struct spectrum *s, size_t block)
{
    double lost = s->zero > 0 ? s->slope / s->zero / (double)block : 0;
    return 1 / sqrt(1 - fmin(fmax(lost, 0), EDGE_MOST));
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Draws blocks until all pieces are replaced; how many runs that makes. */
static size_t draw(const struct pieces *p, size_t block, struct pelt_rng *rng, struct drawn *out)
{
    size_t runs = 0;
    for (size_t left = p->n; left > 0;) {
        size_t from = pelt_rng_below(rng, p->n);
        size_t length = block < left ? block : left;
        size_t to = from + length;
        out[runs++] = (struct drawn){from, to < p->n ? to : p->n};
        if (to > p->n) {
            out[runs++] = (struct drawn){0, to - p->n};
        }
        left -= length;
    }
    return runs;
}

/* BCa's acceleration: skewness of what blocks add to the error, over 6 sqrt(blocks). */
static double acceleration(const double *influence, size_t n, size_t block)
{
    double squares = 0;
    double cubes = 0;
    for (size_t from = 0; from + block <= n; from += block) {
        double sum = 0;
        for (size_t i = from; i < from + block; i++) {
            sum += influence[i];
        }
        squares += sum * sum;
        cubes += sum * sum * sum;
    }
    return squares > 0 ? cubes / (6 * pow(squares, 1.5)) : 0;
}

/* The figure that `z` normal standard deviations from the middle are, where `bias` and
 * `acceleration` bend the scale; `figures` rise. */
static double bent(const double *figures, unsigned n, double z, double bias, double acceleration)
{
    double scaled = (bias + z) / fmax(1 - acceleration * (bias + z), 0.1);
    double share = 0.5 * erfc(-(bias + scaled) / M_SQRT2);
    double index = floor(share * n);
    return figures[(size_t)fmin(fmax(index, 0), n - 1)];
}

/* Share of the figures below `value`, those equal to it half, as a normal quantile. */
static double bias_of(const double *figures, unsigned n, double value)
{
    double below = 0;
    for (unsigned i = 0; i < n; i++) {
        below += figures[i] < value ? 1 : figures[i] == value ? 0.5 : 0;
    }
    double share = (below + 0.5) / (n + 1.0);
    return pelt_normal_quantile(share);
}

static void interval_from(double *figures, unsigned n, const double *influence,
                          const struct pieces *p, size_t block, double edge, double confidence,
                          struct pelt_interval *out)
{
    struct drawn all = {0, p->n};
    double blocks = (double)p->n / (double)block;
    double z = pelt_student_quantile(0.5 + confidence / 2, blocks - 1) *
               sqrt(blocks / (blocks - 1)) * edge;
    double bend = acceleration(influence, p->n, block);
    qsort(figures, n, sizeof *figures, by_value);
    out->value = drawn_figure(p, &all, 1);
    double bias = bias_of(figures, n, out->value);
    out->low = fmin(bent(figures, n, -z, bias, bend), out->value);
    out->high = fmax(bent(figures, n, z, bias, bend), out->value);
}

/* Standard error of the figures' logarithms, or of them; widened as intervals are. */
static void error_from(const double *figures, unsigned n, const struct pieces *p, size_t block,
                       double edge, bool log_scale, struct pelt_estimate *out)
{
    struct drawn all = {0, p->n};
    double blocks = (double)p->n / (double)block;
    double mean = 0, squares = 0; /* Welford */
    for (unsigned i = 0; i < n; i++) {
        double value = log_scale ? log(fmax(figures[i], LOG_LEAST)) : figures[i];
        double delta = value - mean;
        mean += delta / (i + 1);
        squares += delta * (value - mean);
    }
    double value = drawn_figure(p, &all, 1);
    out->value = log_scale ? log(fmax(value, LOG_LEAST)) : value;
    out->error = sqrt(squares / (n - 1) * blocks / (blocks - 1)) * edge;
    out->df = blocks - 1;
}

/* What comes of the resamples: one of both. */
struct wanted {
    struct pelt_interval *interval;
    struct pelt_estimate *estimate;
    bool log_scale; /* of the estimate */
};

/* Whatever of `how->block` is not said is chosen; `*block` in pieces. */
static enum pelt_status resample(const struct pieces *p, const struct pelt_bootstrap *how,
                                 const struct wanted *out, size_t *block)
{
    unsigned resamples = how->resamples > 0 ? how->resamples : PELT_BOOTSTRAP_RESAMPLES;
    double *figures = malloc((p->n + resamples) * sizeof *figures);
    struct drawn *drawn = malloc(2 * (p->n + 1) * sizeof *drawn);
    enum pelt_status status = PELT_ENOMEM;
    if (figures == NULL || drawn == NULL) {
        goto out;
    }
    double *influence = figures + resamples;
    influences(p, influence);
    size_t asked = (how->block + p->seconds - 1) / p->seconds;
    struct spectrum spectrum = spectrum_of(influence, p->n);
    *block = asked == 0 ? block_for(&spectrum, p->n) : asked < p->n / 2 ? asked : p->n / 2;
    struct pelt_rng rng;
    pelt_rng_init(&rng, how->seed, 0);
    for (unsigned r = 0; r < resamples;) {
        size_t runs = draw(p, *block, &rng, drawn);
        if (drawn_count(p, drawn, runs) > 0) {
            figures[r++] = drawn_figure(p, drawn, runs);
        }
    }
    double edge = edge_factor(&spectrum, *block);
    if (out->interval != NULL) {
        interval_from(figures, resamples, influence, p, *block, edge, how->confidence,
                      out->interval);
    } else {
        error_from(figures, resamples, p, *block, edge, out->log_scale, out->estimate);
    }
    status = PELT_OK;
out:
    free(figures);
    free(drawn);
    return status;
}

static enum pelt_status fail_too_few(size_t with, struct pelt_error *err)
{
    return pelt_fail(err, PELT_EINVAL, "interval: %zu seconds with samples, needs at least %d",
                     with, PELT_BOOTSTRAP_SECONDS);
}

static enum pelt_status settle(enum pelt_status status, size_t n, struct pelt_error *err)
{
    return status == PELT_OK ? PELT_OK
                             : pelt_fail(err, status, "interval: out of memory for %zu seconds", n);
}

/* `percentile` 0: the mean. */
static enum pelt_status figure_of(const struct pelt_hist *const *seconds, size_t n,
                                  double percentile, const struct pelt_bootstrap *how,
                                  const struct wanted *out, size_t *block, struct pelt_error *err)
{
    size_t with = seconds_with_samples(seconds, n);
    if (with < PELT_BOOTSTRAP_SECONDS) {
        return fail_too_few(with, err);
    }
    struct pieces p = {.share = percentile / 100};
    bool ok = cut_into_pieces(&p, seconds, n) &&
              (percentile > 0 ? tabulate(&p, seconds, n) : sum_up(&p, seconds, n));
    size_t chosen = 0;
    enum pelt_status status = ok ? resample(&p, how, out, &chosen) : PELT_ENOMEM;
    if (block != NULL) {
        *block = chosen * p.seconds;
    }
    pieces_deinit(&p);
    return settle(status, n, err);
}

static enum pelt_status interval_of(const struct pelt_hist *const *seconds, size_t n,
                                    double percentile, const struct pelt_bootstrap *how,
                                    struct pelt_interval *out, size_t *block,
                                    struct pelt_error *err)
{
    assert(how->confidence > 0 && how->confidence < 1);
    *out = (struct pelt_interval){0};
    return figure_of(seconds, n, percentile, how, &(struct wanted){.interval = out}, block, err);
}

enum pelt_status pelt_bootstrap_percentile(const struct pelt_hist *const *seconds, size_t n,
                                           double percentile, const struct pelt_bootstrap *how,
                                           struct pelt_interval *out_us, size_t *block,
                                           struct pelt_error *err)
{
    assert(percentile > 0 && percentile < 100);
    return interval_of(seconds, n, percentile, how, out_us, block, err);
}

enum pelt_status pelt_bootstrap_mean(const struct pelt_hist *const *seconds, size_t n,
                                     const struct pelt_bootstrap *how, struct pelt_interval *out_us,
                                     size_t *block, struct pelt_error *err)
{
    return interval_of(seconds, n, 0, how, out_us, block, err);
}

/* ---- standard errors ---- */

enum pelt_status pelt_bootstrap_percentile_error(const struct pelt_hist *const *seconds, size_t n,
                                                 double percentile,
                                                 const struct pelt_bootstrap *how,
                                                 struct pelt_estimate *out, struct pelt_error *err)
{
    assert(percentile > 0 && percentile < 100);
    *out = PELT_ESTIMATE_NONE;
    return figure_of(seconds, n, percentile, how,
                     &(struct wanted){.estimate = out, .log_scale = true}, NULL, err);
}

enum pelt_status pelt_bootstrap_ratio_error(const double *sums, const uint64_t *counts, size_t n,
                                            bool log_scale, const struct pelt_bootstrap *how,
                                            struct pelt_estimate *out, struct pelt_error *err)
{
    size_t with = 0, chosen;
    for (size_t i = 0; i < n; i++) {
        with += counts[i] > 0;
    }
    *out = PELT_ESTIMATE_NONE;
    if (with < PELT_BOOTSTRAP_SECONDS) {
        return fail_too_few(with, err);
    }
    struct pieces p = {.n = n, .seconds = 1};
    p.count = calloc(n + 1, sizeof *p.count);
    p.sum = calloc(n + 1, sizeof *p.sum);
    enum pelt_status status = PELT_ENOMEM;
    if (p.count != NULL && p.sum != NULL) {
        for (size_t i = 0; i < n; i++) {
            p.count[i + 1] = p.count[i] + counts[i];
            p.sum[i + 1] = p.sum[i] + sums[i];
        }
        status =
            resample(&p, how, &(struct wanted){.estimate = out, .log_scale = log_scale}, &chosen);
    }
    pieces_deinit(&p);
    return settle(status, n, err);
}
