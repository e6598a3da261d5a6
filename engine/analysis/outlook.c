/* outlook: see the header. */
#include "pelt/outlook.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

#include "pelt/student.h"

#define ORIGINS_MOST 20
#define HALVINGS     60

/* ---- the backtest ---- */

struct score {
    double shares, absolute; /* sums: of |error / actual|, of |error| */
    size_t with_share, all;
    double squares, far_squares; /* of errors as shares of what the formula gives for them */
    size_t far;                  /* of the farthest quarter of the steps */
};

static void add_error(struct score *score, const struct pelt_smoothed *s, double h, bool far,
                      double actual)
{
    const double error = actual - pelt_smoothed_at(s, h);
    const double variance = pelt_smoothed_variance(s, h);
    score->all++;
    score->absolute += fabs(error);
    const double squares = variance > 0 ? error * error / variance : 0;
    score->squares += squares;
    score->far_squares += far ? squares : 0;
    score->far += far;
    if (actual != 0) {
        score->shares += fabs(error / actual);
        score->with_share++;
    }
}

static void test_origin(const double *y, size_t n, size_t origin, size_t ahead, double *spare,
                        struct score scores[PELT_SMOOTHINGS])
{
    for (int m = 0; m < PELT_SMOOTHINGS; m++) {
        struct pelt_smoothed s;
        pelt_smooth((enum pelt_smoothing)m, y, origin, spare, &s);
        for (size_t h = 1; h <= ahead && origin + h <= n; h++) {
            add_error(&scores[m], &s, (double)h, 4 * h > 3 * ahead, y[origin + h - 1]);
        }
    }
}

static void backtest(const double *y, size_t n, size_t ahead, double *spare,
                     struct score scores[PELT_SMOOTHINGS])
{
    const size_t first = n / 2; /* at least PELT_SMOOTHING_SAMPLES */
    const size_t origins = n - first < ORIGINS_MOST ? n - first : ORIGINS_MOST;
    for (size_t i = 0; i < origins; i++) {
        test_origin(y, n, first + i * (n - first) / origins, ahead, spare, scores);
    }
}

static double mape_of(const struct score *s)
{
    return s->with_share > 0 ? s->shares / (double)s->with_share : 0;
}

/* The simpler one where they are equal. */
static enum pelt_smoothing best_of(const struct score scores[PELT_SMOOTHINGS])
{
    int best = 0;
    for (int m = 1; m < PELT_SMOOTHINGS; m++) {
        const double mine = mape_of(&scores[m]), least = mape_of(&scores[best]);
        best = mine < least || (mine == least && scores[m].absolute < scores[best].absolute) ? m
                                                                                             : best;
    }
    return (enum pelt_smoothing)best;
}

/* How much larger errors were than the formula says, near and far together, or far: of a series
 * that walks they grow faster than a mean's. */
static double widened_by(const struct score *s)
{
    const double all = s->squares / (double)s->all;
    const double far = s->far > 0 ? s->far_squares / (double)s->far : 0;
    return sqrt(fmax(fmax(all, far), 1));
}

/* ---- the series ---- */

/* Without gaps; how many numbers it had. */
static size_t fill(const double *y, size_t n, double *out)
{
    size_t numbers = 0;
    double last = 0;
    for (size_t i = n; i-- > 0;) {
        last = isfinite(y[i]) ? y[i] : last; /* in the end the first number */
    }
    for (size_t i = 0; i < n; i++) {
        numbers += isfinite(y[i]);
        last = isfinite(y[i]) ? y[i] : last;
        out[i] = last;
    }
    return numbers;
}

enum pelt_status pelt_outlook_make(const double *y, size_t n, size_t ahead,
                                   struct pelt_outlook *out, struct pelt_error *err)
{
    struct score scores[PELT_SMOOTHINGS] = {{0}};
    *out = (struct pelt_outlook){.ahead = ahead};
    if (ahead == 0) {
        return pelt_fail(err, PELT_EINVAL, "forecast: of no step");
    }
    double *room = malloc((2 * n + 1) * sizeof *room);
    if (room == NULL) {
        return pelt_fail(err, PELT_ENOMEM, "forecast: out of memory for %zu samples", n);
    }
    double *spare = room + n;
    const size_t numbers = fill(y, n, room);
    if (numbers < PELT_OUTLOOK_SAMPLES) {
        free(room);
        return pelt_fail(err, PELT_EINVAL, "forecast: %zu samples, needs at least %d", numbers,
                         PELT_OUTLOOK_SAMPLES);
    }
    backtest(room, n, ahead, spare, scores);
    out->best = best_of(scores);
    for (int m = 0; m < PELT_SMOOTHINGS; m++) {
        out->mape[m] = mape_of(&scores[m]);
        out->widened[m] = widened_by(&scores[m]);
        pelt_smooth((enum pelt_smoothing)m, room, n, spare, &out->way[m]);
    }
    free(room);
    return PELT_OK;
}

/* ---- what is to come ---- */

/* How many standard deviations the interval is wide, on each side. */
static double times_of(const struct pelt_outlook *f, double confidence)
{
    assert(confidence > 0 && confidence < 1);
    return f->widened[f->best] *
           pelt_student_quantile(0.5 + confidence / 2, pelt_smoothed_df(PELT_OUTLOOK_WAY(f)));
}

static struct pelt_interval at(const struct pelt_outlook *f, double h, double times)
{
    const double value = pelt_smoothed_at(PELT_OUTLOOK_WAY(f), h);
    const double half = times * sqrt(pelt_smoothed_variance(PELT_OUTLOOK_WAY(f), h));
    return (struct pelt_interval){.value = value, .low = value - half, .high = value + half};
}

struct pelt_interval pelt_outlook_at(const struct pelt_outlook *f, double h, double confidence)
{
    return at(f, h, times_of(f, confidence));
}

enum edge { VALUE, NEAR, FAR }; /* of the interval: the end towards the bound, and the other one */

struct aim {
    const struct pelt_outlook *f;
    double bound, times;
    bool rising;
};

/* Whether that edge is at the bound after h steps. */
static bool is_there(const struct aim *a, double h, enum edge edge)
{
    const struct pelt_interval i = at(a->f, h, a->times);
    const double value = edge == VALUE ? i.value : (edge == NEAR) == a->rising ? i.high : i.low;
    return a->rising ? value >= a->bound : value <= a->bound;
}

static double reach(const struct aim *a, enum edge edge, double most)
{
    double before = 0, there = most;
    if (!is_there(a, most, edge)) {
        return INFINITY;
    }
    for (int i = 0; i < HALVINGS; i++) {
        const double middle = before + (there - before) / 2;
        if (is_there(a, middle, edge)) {
            there = middle;
        } else {
            before = middle;
        }
    }
    return there;
}

struct pelt_interval pelt_outlook_reach(const struct pelt_outlook *f, double bound,
                                        double confidence, double most)
{
    const struct aim a = {.f = f,
                          .bound = bound,
                          .times = times_of(f, confidence),
                          .rising = PELT_OUTLOOK_WAY(f)->level < bound};
    if (PELT_OUTLOOK_WAY(f)->level == bound) {
        return (struct pelt_interval){0, 0, 0};
    }
    return (struct pelt_interval){.value = reach(&a, VALUE, most),
                                  .low = reach(&a, NEAR, most),
                                  .high = reach(&a, FAR, most)};
}
