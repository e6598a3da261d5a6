/*
 * rule: see the header. Each kind takes a step at the end of each whole second.
 *
 * What `for` finds is one number: of so many windows in a row the best value, and of all such rows
 * the worst. It breaks a bound if and only if some row breaks it in every window, so that levels
 * follow as ever.
 */
#include "pelt/rule.h"

#include <math.h>
#include <stdlib.h>

#include "pelt/watch.h"
#include "tally.h"

#define TREND_POINTS       10
#define TREND_POINTS_ABORT 30
#define LAG_S              2 /* that advance may be behind add */

struct line_fit { /* least squares */
    uint64_t n;
    double x, y, xx, xy; /* sums */
    int32_t from_s, to_s;
};

struct pelt_rule {
    struct pelt_threshold t;
    struct pelt_registry *names;
    int32_t done; /* whole seconds judged */
    bool stops;
    struct pelt_verdict_line stop; /* where it does */
    /* over, for, trend */
    struct pelt_watch *watch;
    struct pelt_verdict_line last; /* window without a value: why */
    struct line_fit fit;
    double *row;                  /* the newest values, one a second, by second % row_len */
    uint32_t row_len;             /* of `for`, at least 1 */
    double worst;                 /* NAN: none */
    int32_t worst_from, worst_to; /* seconds */
    /* of what was measured so far */
    struct pelt_subject subject;
    struct pelt_hist_pool pool;
    struct pelt_tally sum, newest; /* whole seconds; the one that may not be */
    int32_t newest_s;              /* -1: none */
};

static bool slides(const struct pelt_threshold *t)
{
    return t->over_s > 0 || t->for_s > 0;
}

static int32_t window_s(const struct pelt_rule *r)
{
    return r->t.over_s > 0 ? (int32_t)r->t.over_s : 1;
}

bool pelt_rule_is_needed(const struct pelt_threshold *t)
{
    return t->abort || pelt_threshold_is_of_seconds(t);
}

struct pelt_rule *pelt_rule_new(const struct pelt_threshold *t, struct pelt_registry *names)
{
    struct pelt_rule *r = calloc(1, sizeof *r);
    if (r == NULL) {
        return NULL;
    }
    r->t = *t;
    r->names = names;
    r->worst = NAN;
    r->newest_s = -1;
    pelt_subject_init(&r->subject, &r->t, names);
    if (slides(t) || t->trend) {
        r->row_len = t->for_s > 0 ? t->for_s : 1;
        r->row = calloc(r->row_len, sizeof *r->row);
        r->watch = pelt_watch_new(&r->t, (uint32_t)window_s(r) + LAG_S, names);
        if (r->row == NULL || r->watch == NULL) {
            pelt_rule_free(r);
            return NULL;
        }
    }
    return r;
}

void pelt_rule_free(struct pelt_rule *r)
{
    if (r != NULL) {
        pelt_watch_free(r->watch);
        pelt_hist_pool_deinit(&r->pool);
        free(r->row);
        free(r);
    }
}

/* ---- lines ---- */

/* The line of a value that is of seconds [from, to). */
static void tell(const struct pelt_rule *r, double value, int32_t from, int32_t to,
                 struct pelt_verdict_line *out)
{
    *out = (struct pelt_verdict_line){.from_s = from, .to_s = to};
    pelt_level_set(&r->t, value, out);
    size_t used = strlen(out->why);
    if (used > 0) {
        snprintf(out->why + used, sizeof out->why - used, " (%d s to %d s)", from, to);
    }
}

static void stop_run(struct pelt_rule *r, double value, int32_t from, int32_t to)
{
    r->stops = true;
    tell(r, value, from, to, &r->stop);
    r->stop.aborted = true;
}

/* ---- windows ---- */

/* False: the window has no value, and `last` says why. */
static bool value_of(struct pelt_rule *r, int32_t from, int32_t to, double *value)
{
    struct pelt_verdict_line line;
    pelt_watch_judge(r->watch, from, to, &line);
    if (!line.has_value) {
        r->last = line;
        return false;
    }
    *value = line.value;
    return true;
}

static bool is_worse(const struct pelt_threshold *t, double a, double b)
{
    return t->lower_is_better ? a > b : a < b;
}

/* The best of the values in the row; NAN where one is missing. */
static double held(const struct pelt_rule *r)
{
    double best = r->row[0];
    for (uint32_t i = 0; i < r->row_len; i++) {
        if (isnan(r->row[i])) {
            return NAN;
        }
        best = is_worse(&r->t, best, r->row[i]) ? r->row[i] : best;
    }
    return best;
}

/* The end of the first window, and of the first row of them. */
static int32_t first_end(const struct pelt_rule *r)
{
    int32_t delay = (int32_t)r->t.delay_s, window = window_s(r);
    return delay > window ? delay : window;
}

static int32_t first_row_end(const struct pelt_rule *r)
{
    return first_end(r) + (int32_t)r->row_len - 1;
}

static void step_window(struct pelt_rule *r, int32_t end)
{
    int32_t window = window_s(r);
    if (end < first_end(r)) {
        return;
    }
    double value = NAN;
    r->row[(uint32_t)end % r->row_len] = value_of(r, end - window, end, &value) ? value : NAN;
    if (end < first_row_end(r)) {
        return;
    }
    value = held(r);
    int32_t from = end - window - (int32_t)r->row_len + 1;
    if (!isnan(value) && (isnan(r->worst) || is_worse(&r->t, value, r->worst))) {
        r->worst = value;
        r->worst_from = from;
        r->worst_to = end;
    }
    if (r->t.abort && !isnan(value) && !pelt_level_meets(&r->t, value)) {
        stop_run(r, value, from, end);
    }
}

static void finish_window(const struct pelt_rule *r, struct pelt_verdict_line *out)
{
    *out = (struct pelt_verdict_line){0};
    int32_t least = first_row_end(r);
    if (!pelt_watch_is_met(r->watch)) {
        pelt_watch_judge(r->watch, 0, 1, out); /* which says so */
        out->from_s = out->to_s = 0;
    } else if (r->done < least) {
        pelt_line_unjudged(out, "the load had %d whole second%s, it is judged after %d", r->done,
                           r->done == 1 ? "" : "s", least);
    } else if (isnan(r->worst)) {
        out->needs = r->last.needs;
        pelt_line_unjudged(out, "no %s could be judged; the last: %s",
                           r->t.for_s > 0 ? "windows in a row" : "window", r->last.why);
    } else {
        tell(r, r->worst, r->worst_from, r->worst_to, out);
    }
}

/* ---- trend ---- */

/* NAN: the figures have no mean that a share could be of. */
static double change_of(const struct line_fit *f)
{
    double n = (double)f->n, mean = f->y / n;
    double slope = (n * f->xy - f->x * f->y) / (n * f->xx - f->x * f->x);
    return mean > 0 ? slope * (f->to_s - f->from_s) / mean : NAN;
}

static void add_point(struct line_fit *f, int32_t from, int32_t to, double y)
{
    double x = (from + to) / 2.0;
    f->from_s = f->n == 0 ? from : f->from_s;
    f->to_s = to;
    f->n++;
    f->x += x;
    f->y += y;
    f->xx += x * x;
    f->xy += x * y;
}

static void step_trend(struct pelt_rule *r, int32_t end)
{
    int32_t window = window_s(r);
    double value;
    if (end % window != 0 || !value_of(r, end - window, end, &value)) {
        return;
    }
    add_point(&r->fit, end - window, end, value);
    if (r->t.abort && r->fit.n >= TREND_POINTS_ABORT && end >= (int32_t)r->t.delay_s) {
        double change = change_of(&r->fit);
        if (!isnan(change) && !pelt_level_meets(&r->t, change)) {
            stop_run(r, change, r->fit.from_s, r->fit.to_s);
        }
    }
}

static void finish_trend(const struct pelt_rule *r, struct pelt_verdict_line *out)
{
    *out = (struct pelt_verdict_line){0};
    const char *why = r->last.why;
    double change = r->fit.n >= TREND_POINTS ? change_of(&r->fit) : NAN;
    if (!pelt_watch_is_met(r->watch)) {
        finish_window(r, out);
    } else if (r->fit.n < TREND_POINTS) {
        pelt_line_unjudged(out, "a trend needs %d %s with a figure, there are %llu%s%s",
                           TREND_POINTS, r->t.over_s > 0 ? "windows" : "seconds",
                           (unsigned long long)r->fit.n, why[0] != '\0' ? "; else: " : "", why);
        out->needs = r->last.needs;
    } else if (isnan(change)) {
        pelt_line_unjudged(out, "the mean of the figures is 0: a share of it says nothing");
    } else {
        tell(r, change, r->fit.from_s, r->fit.to_s, out);
    }
}

/* ---- what was measured so far ---- */

/* Seconds to come cannot mend it, or are not likely to. */
static bool is_decided(const struct pelt_threshold *t)
{
    if (strcmp(t->stat, "count") == 0 || strcmp(t->stat, "max") == 0) {
        return t->lower_is_better;
    }
    return strcmp(t->stat, "min") != 0 || !t->lower_is_better;
}

static void step_sum(struct pelt_rule *r, int32_t end)
{
    if (r->newest_s >= 0) { /* which is over now */
        pelt_tally_add(&r->sum, &r->pool, &r->newest);
        pelt_tally_reset(&r->newest, &r->pool);
        r->newest_s = -1;
    }
    bool met = r->subject.found && (r->sum.touched || !pelt_subject_is_named(&r->subject));
    if (!r->t.abort || end < (int32_t)r->t.delay_s || !is_decided(&r->t) || !met ||
        !pelt_tally_is_enough(&r->sum, &r->subject, end)) {
        return;
    }
    struct pelt_verdict_line line;
    pelt_subject_judge(&r->subject, &r->sum, end, &line);
    if (line.level == PELT_LEVEL_MISSED) {
        stop_run(r, line.value, 0, end);
    }
}

static void finish_sum(struct pelt_rule *r, const struct pelt_load_sum *sum,
                       struct pelt_verdict_line *out)
{
    if (!pelt_threshold_is_of_seconds(&r->t)) {
        pelt_threshold_judge_load(&r->t, sum, r->names, out);
        return;
    }
    pelt_subject_judge(&r->subject, &r->sum, sum->duration_s, out);
    if (!out->has_value) {
        pelt_line_unjudged(out, "the load had no whole second");
    }
}

/* ---- all of them ---- */

void pelt_rule_advance(struct pelt_rule *r, int32_t whole)
{
    while (!r->stops && r->done < whole) {
        r->done++;
        if (r->t.trend) {
            step_trend(r, r->done);
        } else if (slides(&r->t)) {
            step_window(r, r->done);
        } else {
            step_sum(r, r->done);
        }
    }
}

void pelt_rule_add(struct pelt_rule *r, const struct pelt_frame *second)
{
    pelt_rule_advance(r, second->second);
    if (r->stops) {
        return;
    }
    if (r->watch != NULL) {
        /* One that comes again, as after a gap, was judged without it. */
        if (pelt_watch_add(r->watch, second) != PELT_OK) {
            return;
        }
    } else {
        r->newest_s = second->second;
        pelt_tally_gather(&r->newest, &r->pool, &r->subject, second);
    }
}

const struct pelt_verdict_line *pelt_rule_stop(const struct pelt_rule *r)
{
    return r->stops ? &r->stop : NULL;
}

void pelt_rule_finish(struct pelt_rule *r, const struct pelt_load_sum *sum,
                      struct pelt_verdict_line *out)
{
    pelt_rule_advance(r, (int32_t)sum->duration_s);
    if (r->stops && r->stop.to_s < sum->duration_s) { /* else it came to its end anyway */
        *out = r->stop;
    } else if (r->t.trend) {
        finish_trend(r, out);
    } else if (slides(&r->t)) {
        finish_window(r, out);
    } else {
        finish_sum(r, sum, out);
    }
}
