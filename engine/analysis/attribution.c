/*
 * attribution: see the header. docs/ANALYSIS.md has why, and what it was tried on.
 */
#include "pelt/attribution.h"

#include <math.h>

#include "pelt/onset.h"

#define MADS         6
#define QUEUE_SHARE  0.01 /* of its largest rise: less is no queue yet */
#define MISSES_LEAST 0.1  /* of the lookups: what misses must rise by */
#define BRIMFUL      0.99 /* of its max */
#define MET_LEAST    0.5  /* of its max, in the mean: what is met now and then is no limit */
#define HOLD         2    /* samples */
#define ALL_POINTS   4.0

struct weighing {
    const struct pelt_attribution *a;
    const struct pelt_suspect_series *s;
    struct pelt_suspect *out;
    double nearest; /* distance of the onset that is nearest to the break */
};

static size_t before(const struct pelt_attribution *a, double samples)
{
    return (double)a->at > samples ? a->at - (size_t)samples : 0;
}

static size_t behind(const struct pelt_attribution *a, double samples)
{
    size_t to = a->at + (size_t)samples;
    return to < a->n ? to : a->n - 1;
}

static double most_of(const double *y, size_t from, size_t to)
{
    double most = NAN;
    for (size_t i = from; i <= to; i++) {
        most = fmax(most, y[i]);
    }
    return most;
}

/* Neighbouring samples cannot be told apart: what is read once a sample is known a sample late.
 * What comes after the break explains it less. */
static double distance(const struct pelt_attribution *a, size_t onset)
{
    const double apart = fabs((double)onset - (double)a->at);
    return (onset > a->at ? 2 : 1) * fmax(apart - 1, 0);
}

static void take_onset(struct weighing *w, const struct pelt_onset *o, struct pelt_onset_of *out)
{
    *out = (struct pelt_onset_of){.found = o->found, .at = o->at};
    if (o->found && distance(w->a, o->at) < w->nearest) {
        w->nearest = distance(w->a, o->at);
        w->out->has_onset = true;
        w->out->onset = o->at;
    }
}

/* Rows of a series that is above what it was in from <= i < to. Where that was not read it counts
 * as nothing. */
static enum pelt_status rises_above(struct weighing *w, const double *y, size_t from, size_t to,
                                    double least, size_t hold, size_t gap,
                                    struct pelt_onset_of *out)
{
    const struct pelt_attribution *a = w->a;
    const struct pelt_onset_rule rule = {
        .base_from = from, .base_to = to, .mads = MADS, .least = least};
    double level, limit;
    struct pelt_onset o;
    enum pelt_status status = pelt_onset_limit(y, &rule, &level, &limit);
    if (status != PELT_OK) {
        return status;
    }
    const double most = most_of(y, 0, a->n - 1);
    level = isnan(level) ? 0 : level;
    limit = isnan(limit) ? least : limit;
    limit = fmax(limit, level + QUEUE_SHARE * (most - level));
    pelt_onset_around(y, a->n, before(a, a->tau), behind(a, a->tau), limit, hold, gap, &o);
    take_onset(w, &o, out);
    return PELT_OK;
}

static enum pelt_status rises(struct weighing *w, const double *y, size_t hold, size_t gap,
                              struct pelt_onset_of *out)
{
    return rises_above(w, y, w->a->base_from, w->a->base_to, 0, hold, gap, out);
}

static bool is_near(const struct pelt_attribution *a, const struct pelt_onset_of *o)
{
    return o->found && (double)o->at <= (double)a->at + a->tau &&
           (double)o->at + 4 * a->tau >= (double)a->at;
}

static enum pelt_status see_queues_and_events(struct weighing *w)
{
    enum pelt_status status = PELT_OK;
    for (size_t i = 0; i < PELT_SUSPECT_QUEUES && status == PELT_OK; i++) {
        if (w->s->queue[i] != NULL) {
            status = rises(w, w->s->queue[i], HOLD, 1, &w->out->by_queue[i]);
        }
    }
    if (status == PELT_OK && w->s->events != NULL) {
        status = rises(w, w->s->events, 1, 2, &w->out->by_events);
    }
    return status;
}

static double points_of_time(const struct weighing *w)
{
    return w->out->has_onset ? 2 * exp(-w->nearest / w->a->tau) : 0;
}

static double points_of_signs(const struct weighing *w)
{
    bool queue = false;
    for (size_t i = 0; i < PELT_SUSPECT_QUEUES; i++) {
        queue = queue || is_near(w->a, &w->out->by_queue[i]);
    }
    return (queue ? 0.25 : 0) + (is_near(w->a, &w->out->by_events) ? 0.5 : 0);
}

/* One that was so full all along did not begin to be. */
static void see_use(struct weighing *w, double share, struct pelt_onset_of *out)
{
    const struct pelt_attribution *a = w->a;
    struct pelt_onset o;
    pelt_onset_around(w->s->use, a->n, before(a, a->tau), behind(a, a->tau), share - 1e-9, HOLD, 1,
                      &o);
    if (o.found && o.at > a->base_from + HOLD) {
        take_onset(w, &o, out);
    }
}

static enum pelt_status see_baseline(struct weighing *w)
{
    const struct pelt_onset_rule rule = {.base_from = w->a->base_from, .base_to = w->a->base_to};
    double level, limit;
    enum pelt_status status = pelt_onset_limit(w->s->use, &rule, &level, &limit);
    w->out->always = level >= PELT_SUSPECT_FULL;
    return status;
}

static enum pelt_status weigh_limit(struct weighing *w)
{
    const struct pelt_attribution *a = w->a;
    struct pelt_suspect *out = w->out;
    struct pelt_onset_of brimful; /* what fills slowly is full long before it hurts */
    see_use(w, PELT_SUSPECT_FULL, &out->by_use);
    see_use(w, BRIMFUL, &brimful);
    enum pelt_status status = see_baseline(w);
    out->use = most_of(w->s->use, before(a, 1), behind(a, a->tau));
    out->full = out->use >= PELT_SUSPECT_FULL - 1e-9;
    if (status == PELT_OK) {
        status = see_queues_and_events(w);
    }
    /* Who waits for what is not full waits for something else; what was met need not be full in the
     * mean. */
    const double peak =
        w->s->peak != NULL ? most_of(w->s->peak, before(a, 1), behind(a, a->tau)) : out->use;
    const bool met =
        is_near(a, &out->by_events) && !(peak < PELT_SUSPECT_FULL) && !(out->use < MET_LEAST);
    if (status == PELT_OK && (out->full || met)) {
        out->points = (out->full && !out->always ? 1 : 0) +
                      0.5 * fmin(isnan(out->use) ? 0 : out->use, 1) + points_of_time(w) +
                      points_of_signs(w);
    }
    return status;
}

static enum pelt_status weigh_cache(struct weighing *w)
{
    const struct pelt_attribution *a = w->a;
    struct pelt_suspect *out = w->out;
    /* In the beginning it is cold: what counts are its hits in the half before the break. */
    const size_t to = a->at > 1 ? a->at - 1 : 1, from = to / 2;
    const struct pelt_onset_rule rule = {.base_from = from, .base_to = to};
    double level, limit;
    enum pelt_status status =
        rises_above(w, w->s->use, from, to, MISSES_LEAST, HOLD, 1, &out->by_use);
    if (status == PELT_OK && w->s->events != NULL) {
        status = rises(w, w->s->events, 1, 2, &out->by_events);
    }
    if (status == PELT_OK) {
        status = pelt_onset_limit(w->s->use, &rule, &level, &limit);
    }
    if (status != PELT_OK) {
        return status;
    }
    out->use = most_of(w->s->use, before(a, 1), behind(a, a->tau));
    const double rise = out->use - level;
    out->full = rise >= MISSES_LEAST && is_near(a, &out->by_use);
    if (out->full) {
        out->points = 1 + 0.5 * rise + points_of_time(w) + points_of_signs(w) +
                      ((double)out->by_use.at <= (double)a->at + a->tau / 2 ? 1 : 0);
    }
    return PELT_OK;
}

enum pelt_status pelt_attribution_weigh(const struct pelt_attribution *a,
                                        const struct pelt_suspect_series *s,
                                        struct pelt_suspect *out)
{
    struct weighing w = {.a = a, .s = s, .out = out, .nearest = INFINITY};
    *out = (struct pelt_suspect){.use = (double)NAN};
    if (s->use == NULL || a->n == 0 || a->at >= a->n) {
        return PELT_OK;
    }
    enum pelt_status status = s->is_cache ? weigh_cache(&w) : weigh_limit(&w);
    out->consequence = out->has_onset && (double)out->onset > (double)a->at + 2 * a->tau;
    return status;
}

double pelt_attribution_confidence(double first, double second)
{
    return first > 0 ? fmin(first / ALL_POINTS, 1) * (1 - 0.5 * fmin(second / first, 1)) : 0;
}
