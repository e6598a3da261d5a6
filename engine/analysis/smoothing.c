/* smoothing: see the header. */
#include "pelt/smoothing.h"

#include <assert.h>
#include <math.h>
#include <stdbool.h>

#include "longrun.h"

#define WINDOW_MOST 10
#define SINGLE_GRID 20 /* of alpha: so many, the last one 1 */
#define DOUBLE_GRID 10 /* likewise of double smoothing */
#define BEGIN_SLOPE 4  /* steps of the first slope */

const char *pelt_smoothing_name(enum pelt_smoothing s)
{
    static const char *const names[PELT_SMOOTHINGS] = {
        [PELT_SMOOTHING_MEAN] = "moving average",
        [PELT_SMOOTHING_SINGLE] = "single exponential smoothing",
        [PELT_SMOOTHING_DOUBLE] = "double exponential smoothing",
        [PELT_SMOOTHING_LINE] = "linear regression",
    };
    assert(s < PELT_SMOOTHINGS);
    return names[s];
}

void pelt_smooth_mean(const double *y, size_t n, size_t window, struct pelt_smoothed *out)
{
    assert(n >= PELT_SMOOTHING_SAMPLES && window >= 1 && window < n);
    *out = (struct pelt_smoothed){
        .method = PELT_SMOOTHING_MEAN, .window = (double)window, .n = n, .errors = n - window};
    for (size_t i = window; i <= n; i++) {
        double sum = 0;
        for (size_t k = i - window; k < i; k++) {
            sum += y[k];
        }
        out->level = sum / (double)window;
        if (i < n) {
            out->squares += (y[i] - out->level) * (y[i] - out->level);
        }
    }
}

/* Both kinds of exponential smoothing, in the form of error correction. */
static void smooth(const double *y, size_t n, struct pelt_smoothed *s)
{
    s->n = n;
    s->errors = n - 1;
    s->level = y[0];
    for (size_t i = 1; i < n; i++) {
        double foretold = s->level + s->slope;
        double error = y[i] - foretold;
        s->level = foretold + s->alpha * error;
        s->slope += s->alpha * s->beta * error;
        s->squares += error * error;
    }
}

void pelt_smooth_single(const double *y, size_t n, double alpha, struct pelt_smoothed *out)
{
    assert(n >= PELT_SMOOTHING_SAMPLES && alpha > 0 && alpha <= 1);
    *out = (struct pelt_smoothed){.method = PELT_SMOOTHING_SINGLE, .alpha = alpha};
    smooth(y, n, out);
}

void pelt_smooth_double(const double *y, size_t n, double alpha, double beta,
                        struct pelt_smoothed *out)
{
    assert(n >= PELT_SMOOTHING_SAMPLES && alpha > 0 && alpha <= 1 && beta >= 0 && beta <= 1);
    const size_t steps = n - 1 < BEGIN_SLOPE ? n - 1 : BEGIN_SLOPE;
    *out = (struct pelt_smoothed){.method = PELT_SMOOTHING_DOUBLE,
                                  .alpha = alpha,
                                  .beta = beta,
                                  .slope = (y[steps] - y[0]) / (double)steps};
    smooth(y, n, out);
}

/* Sum of the squares of i less their mean, i = 1 to n. */
static double spread(double n)
{
    return n * (n * n - 1) / 12;
}

/* Of residuals too few for the long-run variance: theirs, raised by what neighbours share. */
static double raised_variance(const double *residuals, size_t n, double squares)
{
    double product = 0;
    for (size_t i = 1; i < n; i++) {
        product += residuals[i] * residuals[i - 1];
    }
    double phi = squares > 0 ? fmin(fmax(product / squares, 0), 0.9) : 0;
    return squares / (double)(n - 2) * (1 + phi) / (1 - phi);
}

void pelt_smooth_line(const double *y, size_t n, double *spare, struct pelt_smoothed *out)
{
    assert(n >= PELT_SMOOTHING_SAMPLES);
    const double middle = (double)(n - 1) / 2;
    double mean = 0, product = 0;
    *out = (struct pelt_smoothed){.method = PELT_SMOOTHING_LINE, .n = n, .errors = n};
    for (size_t i = 0; i < n; i++) {
        mean += (y[i] - mean) / (double)(i + 1);
    }
    for (size_t i = 0; i < n; i++) {
        product += ((double)i - middle) * (y[i] - mean);
    }
    out->slope = product / spread((double)n);
    out->level = mean + out->slope * middle;
    for (size_t i = 0; i < n; i++) {
        spare[i] = y[i] - mean - out->slope * ((double)i - middle);
        out->squares += spare[i] * spare[i];
    }
    out->slow = n > 2 * PELT_LONGRUN_WAVES ? pelt_longrun_variance(spare, n)
                                           : raised_variance(spare, n, out->squares);
    out->slow = fmax(out->slow, out->squares / (double)(n - 2));
}

/* ---- the best of a method ---- */

static void keep_best(struct pelt_smoothed *best, const struct pelt_smoothed *tried)
{
    if (best->errors == 0 ||
        tried->squares / (double)tried->errors < best->squares / (double)best->errors) {
        *best = *tried;
    }
}

static void best_mean(const double *y, size_t n, struct pelt_smoothed *best)
{
    const size_t most = n / 2 < WINDOW_MOST ? n / 2 : WINDOW_MOST;
    for (size_t window = 2; window <= most; window++) {
        struct pelt_smoothed tried;
        pelt_smooth_mean(y, n, window, &tried);
        keep_best(best, &tried);
    }
}

static void best_double(const double *y, size_t n, struct pelt_smoothed *best)
{
    /* A slope that hardly moves foretells far, so the smaller ones lie close together. */
    static const double betas[] = {0.01, 0.02, 0.05, 0.1, 0.2, 0.4, 0.7, 1};
    for (int a = 1; a <= DOUBLE_GRID; a++) {
        for (size_t b = 0; b < sizeof betas / sizeof *betas; b++) {
            struct pelt_smoothed tried;
            pelt_smooth_double(y, n, (double)a / DOUBLE_GRID, betas[b], &tried);
            keep_best(best, &tried);
        }
    }
}

void pelt_smooth(enum pelt_smoothing method, const double *y, size_t n, double *spare,
                 struct pelt_smoothed *out)
{
    struct pelt_smoothed tried;
    *out = (struct pelt_smoothed){.method = method};
    switch (method) {
    case PELT_SMOOTHING_MEAN:
        best_mean(y, n, out);
        break;
    case PELT_SMOOTHING_SINGLE:
        for (int a = 1; a <= SINGLE_GRID; a++) {
            pelt_smooth_single(y, n, (double)a / SINGLE_GRID, &tried);
            keep_best(out, &tried);
        }
        break;
    case PELT_SMOOTHING_DOUBLE:
        best_double(y, n, out);
        break;
    default:
        pelt_smooth_line(y, n, spare, out);
        break;
    }
}

/* ---- what is to come ---- */

double pelt_smoothed_at(const struct pelt_smoothed *s, double h)
{
    return s->level + s->slope * h;
}

/* Parameters that were fitted. */
static double fitted(const struct pelt_smoothed *s)
{
    return s->method == PELT_SMOOTHING_DOUBLE ? 4 : s->method == PELT_SMOOTHING_MEAN ? 1 : 2;
}

double pelt_smoothed_df(const struct pelt_smoothed *s)
{
    double df = fmax((double)s->errors - fitted(s), 1);
    bool few = s->method == PELT_SMOOTHING_LINE && s->n > 2 * PELT_LONGRUN_WAVES;
    return few ? PELT_LONGRUN_DF : df;
}

double pelt_smoothed_variance(const struct pelt_smoothed *s, double h)
{
    const double n = (double)s->n;
    const double one = s->squares / fmax((double)s->errors - fitted(s), 1); /* of a step's error */
    const double later = fmax(h - 1, 0), a = s->alpha, ab = s->alpha * s->beta;
    switch (s->method) {
    case PELT_SMOOTHING_MEAN:
        return one * (1 + 1 / s->window);
    case PELT_SMOOTHING_LINE: {
        double from_middle = (n - 1) / 2 + h;
        return one + s->slow * (1 / n + from_middle * from_middle / spread(n));
    }
    default: /* single: beta is 0 */
        return one * (1 + later * (a * a + a * ab * h + ab * ab * h * (2 * h - 1) / 6));
    }
}
