/*
 * Steps of Kneedle as in the paper: smooth, scale to the unit square, difference from the diagonal,
 * its local maxima, threshold below each; a maximum is a knee if the difference falls below the
 * threshold before it rises above the maximum again. Of several the most distant one is told.
 * A convex curve is turned by half a circle, which makes it a concave one.
 *
 * Smoothing: weights 1 2 1, once for every 12 points. A stress test has few levels; smoothing 6 to
 * 11 would only move the knee.
 *
 * Kneedle alone sees knees in noise, because it scales whatever there is to the unit square. So the
 * knee must be LEAST_GAP from the diagonal, and a line broken there must explain the points better
 * than a straight one (Student's t of the change of slope, at CHANCE by Bonferroni), and bend the
 * right way.
 */
#include "pelt/knee.h"

#include <math.h>
#include <stdlib.h>

#include "pelt/student.h"

#define CHANCE             0.05 /* over all points that may be a candidate */
#define LEAST_GAP          0.1
#define POINTS_A_SMOOTHING 12

/* In the unit square, concave and rising; index 0 is the last point where the curve was turned. */
struct curve {
    size_t n;
    double *x, *y;
    double *gap; /* y - x */
};

static void smooth_once(double *y, size_t n)
{
    double before = y[0];
    for (size_t i = 1; i + 1 < n; i++) {
        double here = y[i];
        y[i] = (before + 2 * here + y[i + 1]) / 4;
        before = here;
    }
}

static void scale(double *v, size_t n)
{
    double low = v[0];
    double high = v[0];
    for (size_t i = 1; i < n; i++) {
        low = fmin(low, v[i]);
        high = fmax(high, v[i]);
    }
    for (size_t i = 0; i < n; i++) {
        v[i] = high > low ? (v[i] - low) / (high - low) : 0;
    }
}

static void draw(struct curve *c, const double *x, const double *y, enum pelt_knee_curve curve)
{
    double sign = curve == PELT_KNEE_CONVEX ? -1 : 1;
    for (size_t i = 0; i < c->n; i++) {
        size_t from = curve == PELT_KNEE_CONVEX ? c->n - 1 - i : i;
        c->x[i] = sign * x[from];
        c->y[i] = sign * y[from];
    }
    for (size_t pass = 0; pass < c->n / POINTS_A_SMOOTHING; pass++) {
        smooth_once(c->y, c->n);
    }
    scale(c->x, c->n);
    scale(c->y, c->n);
    for (size_t i = 0; i < c->n; i++) {
        c->gap[i] = c->y[i] - c->x[i];
    }
}

static bool falls_after(const struct curve *c, size_t top, double by)
{
    for (size_t i = top + 1; i < c->n && c->gap[i] <= c->gap[top]; i++) {
        if (c->gap[i] < c->gap[top] - by) {
            return true;
        }
    }
    return false;
}

/* Index of the knee as Kneedle sees it; 0: none. */
static size_t kneedle(const struct curve *c, double sensitivity)
{
    double by = sensitivity / (double)(c->n - 1); /* mean step of x is 1 / (n - 1) */
    size_t best = 0;
    for (size_t i = 1; i + 1 < c->n; i++) {
        bool top = c->gap[i] > c->gap[i - 1] && c->gap[i] >= c->gap[i + 1];
        if (top && c->gap[i] >= LEAST_GAP && falls_after(c, i, by) &&
            (best == 0 || c->gap[i] > c->gap[best])) {
            best = i;
        }
    }
    return best;
}

/* Least squares of y on 1, x and max(x - x[at], 0): slope before, change of slope and its t. */
struct broken_line {
    double slope, change, t;
};

/* Regresses `v` on `x` (sums about the means) and leaves the residuals in `v`; the slope. */
static double take_off(double *v, const double *x, size_t n)
{
    double x_mean = 0;
    double v_mean = 0;
    for (size_t i = 0; i < n; i++) {
        x_mean += x[i] / (double)n;
        v_mean += v[i] / (double)n;
    }
    double xx = 0;
    double xv = 0;
    for (size_t i = 0; i < n; i++) {
        xx += (x[i] - x_mean) * (x[i] - x_mean);
        xv += (x[i] - x_mean) * (v[i] - v_mean);
    }
    double slope = xx > 0 ? xv / xx : 0;
    for (size_t i = 0; i < n; i++) {
        v[i] += -v_mean - slope * (x[i] - x_mean);
    }
    return slope;
}

/* Frisch and Waugh: y and the hinge both without what x explains, then one on the other. `y` and
 * `hinge` are overwritten. */
static struct broken_line break_at(double *y, double *hinge, const double *x, size_t n, size_t at)
{
    for (size_t i = 0; i < n; i++) {
        hinge[i] = fmax(x[i] - x[at], 0);
    }
    double slope = take_off(y, x, n);
    double hinge_slope = take_off(hinge, x, n);
    double hh = 0;
    double hy = 0;
    double yy = 0;
    for (size_t i = 0; i < n; i++) {
        hh += hinge[i] * hinge[i];
        hy += hinge[i] * y[i];
        yy += y[i] * y[i];
    }
    double change = hy / hh;
    double left = fmax(yy - change * hy, 0);
    double error = sqrt(left / (double)(n - 3) / hh);
    return (struct broken_line){.slope = slope - change * hinge_slope,
                                .change = change,
                                .t = error > 0 ? change / error : copysign(INFINITY, change)};
}

/* On the points as measured, turned like the curve. */
static bool bends_there(struct curve *c, const double *x, const double *y,
                        enum pelt_knee_curve curve, size_t at)
{
    for (size_t i = 0; i < c->n; i++) {
        size_t from = curve == PELT_KNEE_CONVEX ? c->n - 1 - i : i;
        c->x[i] = curve == PELT_KNEE_CONVEX ? -x[from] : x[from];
        c->y[i] = curve == PELT_KNEE_CONVEX ? -y[from] : y[from];
    }
    struct broken_line line = break_at(c->y, c->gap, c->x, c->n, at);
    return line.slope > 0 && line.change < 0 &&
           pelt_student_p(line.t, (double)(c->n - 3)) < CHANCE / (double)(c->n - 2);
}

static enum pelt_status check(const double *x, const double *y, size_t n, struct pelt_error *err)
{
    if (n < PELT_KNEE_POINTS) {
        return pelt_fail(err, PELT_EINVAL, "knee: %zu levels, needs at least %d", n,
                         PELT_KNEE_POINTS);
    }
    for (size_t i = 0; i < n; i++) {
        if (!isfinite(x[i]) || !isfinite(y[i]) || (i > 0 && x[i] <= x[i - 1])) {
            return pelt_fail(err, PELT_EINVAL,
                             "knee: level %zu (%g, %g) is no number or not above the one before",
                             i + 1, x[i], y[i]);
        }
    }
    return PELT_OK;
}

enum pelt_status pelt_knee_find(const double *x, const double *y, size_t n,
                                enum pelt_knee_curve curve, double sensitivity,
                                struct pelt_knee *out, struct pelt_error *err)
{
    *out = (struct pelt_knee){0};
    enum pelt_status status = check(x, y, n, err);
    if (status != PELT_OK) {
        return status;
    }
    double *values = malloc(3 * n * sizeof *values);
    if (values == NULL) {
        return pelt_fail(err, PELT_ENOMEM, "knee: out of memory for %zu levels", n);
    }
    struct curve c = {.n = n, .x = values, .y = values + n, .gap = values + 2 * n};
    draw(&c, x, y, curve);
    size_t at = kneedle(&c, sensitivity);
    double strength = c.gap[at];
    if (at > 0 && bends_there(&c, x, y, curve, at)) {
        size_t index = curve == PELT_KNEE_CONVEX ? n - 1 - at : at;
        *out = (struct pelt_knee){
            .found = true, .index = index, .x = x[index], .y = y[index], .strength = strength};
    }
    free(values);
    return PELT_OK;
}
