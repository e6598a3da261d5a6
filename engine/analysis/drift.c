/* Least squares give the line; longrun.h says by how much its slope may be off. docs/ANALYSIS.md
 * has what else was tried, and the counts. */
#include "pelt/drift.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

#include "longrun.h"
#include "pelt/holm.h"
#include "pelt/student.h"

#define CONSTANT 1e-12 /* deviations of this share of the level are rounding */

/* The line, about its middle so that sums stay exact. */
struct line {
    size_t n; /* samples that are numbers */
    double t_mean, y_mean;
    double t_first, t_last;
    double tt; /* sum of squares of t about its mean */
    double slope;
};

static struct line line_through(const double *y, const double *t_s, size_t n)
{
    struct line l = {0};
    for (size_t i = 0; i < n; i++) {
        if (isfinite(y[i])) {
            l.t_first = l.n == 0 ? t_s[i] : l.t_first;
            l.t_last = t_s[i];
            l.n++;
            l.t_mean += (t_s[i] - l.t_mean) / (double)l.n;
            l.y_mean += (y[i] - l.y_mean) / (double)l.n;
        }
    }
    double ty = 0;
    for (size_t i = 0; i < n; i++) {
        if (isfinite(y[i])) {
            l.tt += (t_s[i] - l.t_mean) * (t_s[i] - l.t_mean);
            ty += (t_s[i] - l.t_mean) * (y[i] - l.y_mean);
        }
    }
    l.slope = l.tt > 0 ? ty / l.tt : 0;
    return l;
}

static double line_at(const struct line *l, double t_s)
{
    return l->y_mean + l->slope * (t_s - l->t_mean);
}

static bool never_changes(const double *y, size_t n, double mean)
{
    for (size_t i = 0; i < n; i++) {
        if (isfinite(y[i]) && fabs(y[i] - mean) > CONSTANT * fabs(mean)) {
            return false;
        }
    }
    return true;
}

/* Standard error of the slope; NaN: out of memory. */
static double slope_error(const struct line *l, const double *y, const double *t_s, size_t n)
{
    double *residuals = malloc(l->n * sizeof *residuals);
    if (residuals == NULL) {
        return NAN;
    }
    size_t kept = 0;
    for (size_t i = 0; i < n; i++) {
        if (isfinite(y[i])) {
            residuals[kept++] = y[i] - line_at(l, t_s[i]);
        }
    }
    double error = sqrt(pelt_longrun_variance(residuals, kept) / l->tt);
    free(residuals);
    return error;
}

enum pelt_status pelt_drift_fit(const double *y, const double *t_s, size_t n, double confidence,
                                struct pelt_drift *out, struct pelt_error *err)
{
    assert(confidence > 0 && confidence < 1);
    struct line l = line_through(y, t_s, n);
    *out = (struct pelt_drift){.samples = l.n, .p = NAN};
    if (l.n < PELT_DRIFT_SAMPLES) {
        return pelt_fail(err, PELT_EINVAL, "drift: %zu samples, needs at least %d", l.n,
                         PELT_DRIFT_SAMPLES);
    }
    if (!(l.tt > 0)) {
        return pelt_fail(err, PELT_EINVAL, "drift: all %zu samples are of one moment", l.n);
    }
    out->level = out->start = out->end = l.y_mean;
    if (never_changes(y, n, l.y_mean)) {
        out->p = 1;
        return PELT_OK;
    }
    double error = slope_error(&l, y, t_s, n);
    if (isnan(error)) {
        return pelt_fail(err, PELT_ENOMEM, "drift: out of memory for %zu samples", l.n);
    }
    double share = (l.t_last - l.t_first) / fabs(l.y_mean); /* of the level, for a slope */
    double margin = pelt_student_quantile(0.5 + confidence / 2, PELT_LONGRUN_DF) * error;
    out->start = line_at(&l, l.t_first);
    out->end = line_at(&l, l.t_last);
    out->slope_per_s = l.slope;
    out->drift = l.slope * share;
    out->low = (l.slope - margin) * share;
    out->high = (l.slope + margin) * share;
    out->p = l.slope == 0 ? 1 : pelt_student_p(l.slope / error, PELT_LONGRUN_DF);
    return PELT_OK;
}

void pelt_drift_named(const struct pelt_drift *figures, size_t n, double family, double effect,
                      bool *named)
{
    if (n == 0) {
        return;
    }
    pelt_holm_strided(&figures[0].p, sizeof figures[0], n, family, named);
    for (size_t i = 0; i < n; i++) {
        named[i] = named[i] && fabs(figures[i].drift) > effect;
    }
}
