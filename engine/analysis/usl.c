/*
 * The parameters are 0: gamma, 1: alpha, 2: beta. A bound that the free fit would break is active
 * at the optimum of the bounded one, so the four choices of which of alpha and beta are 0 are
 * tried, and of those that break no bound the least squares win.
 *
 * A fit whose peak lies far beyond the points says that beta is small, not what it is: where beta =
 * 0 explains the points as well (F test at CHANCE), it is taken for 0.
 */
#include "pelt/usl.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "pelt/rng.h"
#include "pelt/student.h"

#define RESAMPLES 1000
#define STEPS     200 /* of Levenberg-Marquardt; a dozen are usual */
#define CHANCE    0.05
#define FIGURES   5 /* with an interval */

struct points {
    const double *n_in_flight, *x;
    size_t count;
};

struct law {
    double v[3];
    bool zero[3]; /* held at 0 */
    double squares;
};

static double denominator(const double v[3], double n)
{
    return 1 + v[1] * (n - 1) + v[2] * n * (n - 1);
}

static double law_at(const double v[3], double n)
{
    return v[0] * n / denominator(v, n);
}

static double squares_of(const struct points *p, const double v[3])
{
    double sum = 0;
    for (size_t i = 0; i < p->count; i++) {
        double d = denominator(v, p->n_in_flight[i]);
        double left = p->x[i] - law_at(v, p->n_in_flight[i]);
        sum += d > 0 ? left * left : INFINITY;
    }
    return sum;
}

/* Solves the symmetric 3 x 3 system by elimination with the largest pivot; false: singular. */
static bool solve(double a[3][3], double b[3])
{
    for (int k = 0; k < 3; k++) {
        int pivot = k;
        for (int i = k + 1; i < 3; i++) {
            pivot = fabs(a[i][k]) > fabs(a[pivot][k]) ? i : pivot;
        }
        if (!(fabs(a[pivot][k]) > 0)) {
            return false;
        }
        for (int j = 0; j < 3; j++) {
            double swap = a[k][j];
            a[k][j] = a[pivot][j];
            a[pivot][j] = swap;
        }
        double swap = b[k];
        b[k] = b[pivot];
        b[pivot] = swap;
        for (int i = k + 1; i < 3; i++) {
            double share = a[i][k] / a[k][k];
            for (int j = k; j < 3; j++) {
                a[i][j] -= share * a[k][j];
            }
            b[i] -= share * b[k];
        }
    }
    for (int k = 2; k >= 0; k--) {
        for (int j = k + 1; j < 3; j++) {
            b[k] -= a[k][j] * b[j];
        }
        b[k] /= a[k][k];
    }
    return true;
}

/* A row and column of a parameter that is held become the identity's. */
static void hold(const bool zero[3], double a[3][3], double b[3])
{
    for (int k = 0; k < 3; k++) {
        if (zero[k]) {
            for (int j = 0; j < 3; j++) {
                a[k][j] = a[j][k] = 0;
            }
            a[k][k] = 1;
            b[k] = 0;
        }
    }
}

/* The linear form N / X = a + b (N - 1) + c N (N - 1), in least squares. */
static bool start(const struct points *p, struct law *law)
{
    double a[3][3] = {{0}};
    double b[3] = {0};
    for (size_t i = 0; i < p->count; i++) {
        double n = p->n_in_flight[i];
        double row[3] = {1, n - 1, n * (n - 1)};
        for (int j = 0; j < 3; j++) {
            for (int k = 0; k < 3; k++) {
                a[j][k] += row[j] * row[k];
            }
            b[j] += row[j] * n / p->x[i];
        }
    }
    hold(law->zero, a, b);
    if (!solve(a, b) || !(b[0] > 0)) {
        return false;
    }
    law->v[0] = 1 / b[0];
    law->v[1] = b[1] / b[0];
    law->v[2] = b[2] / b[0];
    return isfinite(law->v[0]) && isfinite(law->v[1]) && isfinite(law->v[2]);
}

/* J'J and J'r of the residuals at `v`. */
static void normal_equations(const struct points *p, const double v[3], double a[3][3], double b[3])
{
    memset(a, 0, 9 * sizeof a[0][0]);
    memset(b, 0, 3 * sizeof b[0]);
    for (size_t i = 0; i < p->count; i++) {
        double n = p->n_in_flight[i];
        double d = denominator(v, n);
        double x = v[0] * n / d;
        double row[3] = {n / d, -x * (n - 1) / d, -x * n * (n - 1) / d};
        for (int j = 0; j < 3; j++) {
            for (int k = 0; k < 3; k++) {
                a[j][k] += row[j] * row[k];
            }
            b[j] += row[j] * (p->x[i] - x);
        }
    }
}

/* Levenberg-Marquardt with Marquardt's scaling; `law->v` is the start and the end. */
static void refine(const struct points *p, struct law *law)
{
    double damping = 1e-3;
    law->squares = squares_of(p, law->v);
    for (int step = 0; step < STEPS && damping < 1e12; step++) {
        double a[3][3];
        double b[3];
        normal_equations(p, law->v, a, b);
        for (int k = 0; k < 3; k++) {
            a[k][k] *= 1 + damping;
        }
        hold(law->zero, a, b);
        double next[3];
        bool solved = solve(a, b);
        for (int k = 0; k < 3; k++) {
            next[k] = law->v[k] + b[k];
        }
        double squares = solved ? squares_of(p, next) : INFINITY;
        if (!(squares <= law->squares) || !(next[0] > 0)) {
            damping *= 10;
            continue;
        }
        bool done = law->squares - squares <= 1e-15 * law->squares;
        memcpy(law->v, next, sizeof next);
        law->squares = squares;
        damping /= 10;
        if (done && fabs(b[0]) <= 1e-10 * next[0]) {
            return;
        }
    }
}

static struct law fit_with(const struct points *p, bool no_alpha, bool no_beta)
{
    struct law law = {.zero = {false, no_alpha, no_beta}, .squares = INFINITY};
    if (!start(p, &law) || !isfinite(squares_of(p, law.v))) {
        law.v[0] = p->x[0] / p->n_in_flight[0];
        law.v[1] = no_alpha ? 0 : 0.01;
        law.v[2] = no_beta ? 0 : 1e-6;
    }
    refine(p, &law);
    if (!(law.v[1] >= 0) || !(law.v[2] >= 0)) {
        law.squares = INFINITY;
    }
    return law;
}

static struct law fit_bounded(const struct points *p)
{
    struct law best = fit_with(p, false, false);
    if (isfinite(best.squares)) {
        return best; /* nothing bounded can be better */
    }
    for (int choice = 1; choice < 4; choice++) {
        struct law law = fit_with(p, (choice & 1) != 0, (choice & 2) != 0);
        if (law.squares < best.squares) {
            best = law;
        }
    }
    return best;
}

static double peak_of(const double v[3])
{
    return v[2] > 0 ? fmax(sqrt(fmax(1 - v[1], 0) / v[2]), 1) : INFINITY;
}

static double largest(const double *v, size_t n)
{
    double most = v[0];
    for (size_t i = 1; i < n; i++) {
        most = fmax(most, v[i]);
    }
    return most;
}

/* Throughput at the peak, or what it tends to without one. */
static double ceiling_of(const double v[3])
{
    double peak = peak_of(v);
    if (isfinite(peak)) {
        return law_at(v, peak);
    }
    return v[1] > 0 ? v[0] / v[1] : INFINITY;
}

/* Whether `simple`, of one parameter less, explains the points as well as `full`. */
static bool as_good(const struct law *simple, const struct law *full, size_t points)
{
    double df = (double)points - 3;
    double t = pelt_student_quantile(1 - CHANCE / 2, df);
    return simple->squares - full->squares <= t * t * full->squares / df;
}

static enum pelt_status check(const struct points *p, struct pelt_error *err)
{
    size_t different = 0;
    for (size_t i = 0; i < p->count; i++) {
        double n = p->n_in_flight[i];
        if (!(n > 0) || !(p->x[i] > 0) || !isfinite(n) || !isfinite(p->x[i])) {
            return pelt_fail(err, PELT_EINVAL,
                             "USL: point %zu, N = %g and X = %g: both must be above 0", i + 1, n,
                             p->x[i]);
        }
        bool met = false;
        for (size_t j = 0; j < i; j++) {
            met = met || p->n_in_flight[j] == n;
        }
        different += !met;
    }
    return different >= PELT_USL_POINTS
               ? PELT_OK
               : pelt_fail(err, PELT_EINVAL, "USL: %zu different levels, needs at least %d",
                           different, PELT_USL_POINTS);
}

/* The law, or why there is none. */
static enum pelt_status fit_points(const struct points *p, struct law *law, struct pelt_error *err)
{
    *law = fit_bounded(p);
    double most = largest(p->n_in_flight, p->count);
    if (!isfinite(law->squares)) {
        return pelt_fail(err, PELT_EINVAL, "USL: no law fits these %zu points", p->count);
    }
    double peak = peak_of(law->v);
    if (isfinite(peak) && most > peak / 2) {
        return PELT_OK;
    }
    struct law level = fit_with(p, false, true);
    if (level.v[1] > 0 && as_good(&level, law, p->count) &&
        law_at(level.v, most) > ceiling_of(level.v) / 2) {
        *law = level;
        return PELT_OK;
    }
    if (isfinite(peak)) {
        return pelt_fail(err, PELT_EINVAL,
                         "USL: the largest N is %g, half the peak at about %.3g is not reached: go "
                         "to higher levels",
                         most, peak);
    }
    return pelt_fail(err, PELT_EINVAL,
                     "USL: throughput still rises with N at the largest, %g: go to higher levels",
                     most);
}

static void figures_of(const double v[3], double out[FIGURES])
{
    memcpy(out, v, 3 * sizeof v[0]);
    out[3] = peak_of(v);
    out[4] = ceiling_of(v);
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Room of a bootstrap: the points drawn, residuals, and FIGURES rows of results. */
struct room {
    double *x, *residuals, *results;
};

/* Residuals about the law and about their mean. Three parameters took some of their width, and as
 * few as they are they know it badly: what Student's t makes of that is given back. */
static void fill_residuals(const struct points *p, const double v[3], double confidence,
                           double *residuals)
{
    double df = (double)p->count - 3;
    double quantile = 0.5 + confidence / 2;
    double mean = 0;
    for (size_t i = 0; i < p->count; i++) {
        residuals[i] = p->x[i] - law_at(v, p->n_in_flight[i]);
        mean += residuals[i] / (double)p->count;
    }
    double wider = sqrt((double)p->count / df) * pelt_student_quantile(quantile, df) /
                   pelt_normal_quantile(quantile);
    for (size_t i = 0; i < p->count; i++) {
        residuals[i] = (residuals[i] - mean) * wider;
    }
}

static void resample(const struct points *p, const struct law *law,
                     const struct pelt_usl_options *how, unsigned resamples,
                     const struct room *room)
{
    struct points drawn = {.n_in_flight = p->n_in_flight, .x = room->x, .count = p->count};
    struct pelt_rng rng;
    pelt_rng_init(&rng, how->seed, 0);
    fill_residuals(p, law->v, how->confidence, room->residuals);
    for (unsigned r = 0; r < resamples; r++) {
        for (size_t i = 0; i < p->count; i++) {
            double x = law_at(law->v, p->n_in_flight[i]);
            double y = x + room->residuals[pelt_rng_below(&rng, p->count)];
            room->x[i] = fmax(y, x * 1e-3);
        }
        struct law again = *law;
        refine(&drawn, &again);
        if (!isfinite(again.squares) || again.v[1] < 0 || again.v[2] < 0) {
            again = fit_bounded(&drawn);
        }
        double figures[FIGURES];
        figures_of(again.v, figures);
        for (int k = 0; k < FIGURES; k++) {
            room->results[(size_t)k * resamples + r] = figures[k];
        }
    }
}

static enum pelt_status intervals(const struct points *p, const struct law *law,
                                  const struct pelt_usl_options *how,
                                  struct pelt_interval *out[FIGURES])
{
    unsigned resamples = how->resamples > 0 ? how->resamples : RESAMPLES;
    double *values = malloc((2 * p->count + (size_t)FIGURES * resamples) * sizeof *values);
    if (values == NULL) {
        return PELT_ENOMEM;
    }
    struct room room = {
        .x = values, .residuals = values + p->count, .results = values + 2 * p->count};
    resample(p, law, how, resamples, &room);
    size_t tail = (size_t)floor((1 - how->confidence) / 2 * (double)resamples);
    for (int k = 0; k < FIGURES; k++) {
        double *row = room.results + (size_t)k * resamples;
        qsort(row, resamples, sizeof *row, by_value);
        out[k]->low = row[tail];
        out[k]->high = row[resamples - 1 - tail];
    }
    free(values);
    return PELT_OK;
}

static double explained(const struct points *p, const struct law *law)
{
    double mean = 0;
    double squares = 0;
    for (size_t i = 0; i < p->count; i++) {
        mean += p->x[i] / (double)p->count;
    }
    for (size_t i = 0; i < p->count; i++) {
        squares += (p->x[i] - mean) * (p->x[i] - mean);
    }
    return squares > 0 ? 1 - law->squares / squares : 0;
}

enum pelt_status pelt_usl_fit(const double *in_flight, const double *throughput_per_s, size_t n,
                              const struct pelt_usl_options *how, struct pelt_usl *out,
                              struct pelt_error *err)
{
    assert(how->confidence > 0 && how->confidence < 1);
    *out = (struct pelt_usl){0};
    struct points p = {.n_in_flight = in_flight, .x = throughput_per_s, .count = n};
    enum pelt_status status = check(&p, err);
    if (status != PELT_OK) {
        return status;
    }
    struct law law;
    status = fit_points(&p, &law, err);
    if (status != PELT_OK) {
        return status;
    }
    struct pelt_interval *all[FIGURES] = {&out->gamma, &out->alpha, &out->beta, &out->peak_n,
                                          &out->peak_x};
    if (intervals(&p, &law, how, all) != PELT_OK) {
        return pelt_fail(err, PELT_ENOMEM, "USL: out of memory for its intervals");
    }
    double figures[FIGURES];
    figures_of(law.v, figures);
    for (int k = 0; k < FIGURES; k++) {
        all[k]->value = figures[k];
    }
    out->peak = isfinite(out->peak_n.value);
    out->r2 = explained(&p, &law);
    return PELT_OK;
}

double pelt_usl_throughput(const struct pelt_usl *usl, double in_flight)
{
    const double v[3] = {usl->gamma.value, usl->alpha.value, usl->beta.value};
    return law_at(v, in_flight);
}
