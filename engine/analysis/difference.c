#include "pelt/difference.h"

#include "pelt/student.h"

#define CERTAIN_UP   2.05 /* normal quantile of 98%: a difference that is there is told */
#define CERTAIN_NONE 1.96 /* of 97.5%, on both sides: one that is not there is told as none */
#define RUNS_MOST    10000
#define SURPLUS      1.2 /* of time: the error that it is reckoned from is an estimate */

static struct pelt_difference settle(double value, double error, double df, double confidence)
{
    struct pelt_difference d = {
        .value = value, .low = NAN, .high = NAN, .p = NAN, .error = error, .df = df};
    if (!isfinite(value) || !isfinite(error) || !(df > 0)) {
        d.error = NAN;
        return d;
    }
    double half = pelt_student_quantile(0.5 + confidence / 2, df) * error;
    d.low = value - half;
    d.high = value + half;
    d.p = error > 0 ? pelt_student_p(value / error, df) : value == 0 ? 1 : 0;
    return d;
}

struct pelt_difference pelt_difference_of(const struct pelt_estimate *base,
                                          const struct pelt_estimate *more, double confidence)
{
    double a = base->error * base->error, b = more->error * more->error;
    double below = a * a / base->df + b * b / more->df;
    double df = below > 0 ? (a + b) * (a + b) / below : base->df + more->df;
    return settle(more->value - base->value, sqrt(a + b), df, confidence);
}

struct moments {
    size_t n;
    double mean, squares; /* of the distances from the mean */
};

static struct moments moments_of(const double *values, size_t n)
{
    struct moments m = {0};
    for (size_t i = 0; i < n; i++) {
        if (isfinite(values[i])) {
            double delta = values[i] - m.mean;
            m.n++;
            m.mean += delta / (double)m.n;
            m.squares += delta * (values[i] - m.mean);
        }
    }
    return m;
}

static struct pelt_estimate estimate_of(const struct moments *m, double floor)
{
    double n = (double)m->n;
    return (struct pelt_estimate){m->mean, fmax(sqrt(m->squares / (n - 1)), floor) / sqrt(n),
                                  n - 1};
}

static double pooled_sd(const struct moments *a, const struct moments *b)
{
    return a->n + b->n > 2 ? sqrt((a->squares + b->squares) / (double)(a->n + b->n - 2)) : NAN;
}

struct pelt_difference pelt_difference_of_runs(const double *base, size_t base_len,
                                               const double *more, size_t more_len, double floor,
                                               double confidence)
{
    struct moments a = moments_of(base, base_len), b = moments_of(more, more_len);
    if (a.n == 0 || b.n == 0) {
        return settle(NAN, NAN, 0, confidence);
    }
    if (a.n >= PELT_DIFFERENCE_WELCH && b.n >= PELT_DIFFERENCE_WELCH) {
        struct pelt_estimate of_a = estimate_of(&a, floor), of_b = estimate_of(&b, floor);
        return pelt_difference_of(&of_a, &of_b, confidence);
    }
    double sd = fmax(pooled_sd(&a, &b), floor);
    double error = a.n + b.n > 2 ? sd * sqrt(1 / (double)a.n + 1 / (double)b.n) : (double)NAN;
    return settle(b.mean - a.mean, error, (double)(a.n + b.n) - 2, confidence);
}

double pelt_difference_sd(const double *base, size_t base_len, const double *more, size_t more_len)
{
    struct moments a = moments_of(base, base_len), b = moments_of(more, more_len);
    return pooled_sd(&a, &b);
}

enum pelt_change pelt_difference_judge(const struct pelt_difference *d, bool rejected,
                                       double effect)
{
    if (rejected && fabs(d->value) >= effect) {
        return d->value < 0 ? PELT_CHANGE_DOWN : PELT_CHANGE_UP;
    }
    return -effect < d->low && d->high < effect ? PELT_CHANGE_NONE : PELT_CHANGE_UNKNOWN;
}

struct wanted {
    double alpha, confidence, effect, twice;
};

/* The largest standard error with which both can be told; or, if the difference is as large as it
 * seems, with which it is. */
static double error_wanted(double value, double df, const struct wanted *w)
{
    double reject = pelt_student_quantile(1 - w->alpha / 2, df) + CERTAIN_UP;
    double far = (w->twice - w->effect) / CERTAIN_UP; /* and seen above the smallest effect */
    double none = w->effect / (pelt_student_quantile(0.5 + w->confidence / 2, df) + CERTAIN_NONE);
    double both = fmin(fmin(w->twice / reject, far), none);
    return fabs(value) >= w->twice ? fmax(both, fabs(value) / reject) : both;
}

double pelt_difference_factor(const struct pelt_difference *d, double alpha, double confidence,
                              double effect, double twice)
{
    if (!(d->error > 0)) {
        return d->error == 0 ? 1 : (double)INFINITY;
    }
    const struct wanted w = {alpha, confidence, effect, twice};
    double ratio = d->error / error_wanted(d->value, d->df, &w);
    if (ratio <= 1) {
        double half = (d->high - d->low) / 2;
        ratio = half / fabs(fabs(d->value) - effect);
    }
    return fmax(ratio * ratio * SURPLUS, 1);
}

double pelt_difference_runs_needed(const struct pelt_difference *d, double sd, double alpha,
                                   double confidence, double effect, double twice)
{
    if (!(sd >= 0)) {
        return INFINITY;
    }
    const struct wanted w = {alpha, confidence, effect, twice};
    double low = 2, high = RUNS_MOST + 1; /* the least number that is enough; high: none is */
    while (low < high) {
        double n = floor((low + high) / 2);
        if (sd * sqrt(2 / n) <= error_wanted(d->value, 2 * n - 2, &w)) {
            high = n;
        } else {
            low = n + 1;
        }
    }
    return low <= RUNS_MOST ? low : (double)INFINITY;
}
