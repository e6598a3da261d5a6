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
/* From the start: */
#define MOST_SAMPLES 0.66 /* share of them */
#define QUEUE_LEAST  2    /* who waits; one may chance to do so at each look */
#define PART_LEAST   0.25 /* of what clients have in flight; */
#define PART_MOST    1.5

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

/* ---- from the start ---- */

/* Share of the first samples in which it is at least so much; 0: it was not read. */
static double share_of(const struct pelt_attribution *a, const double *y, double least)
{
    double len = 0, above = 0;
    for (size_t i = 0; y != NULL && i < a->base_to; i++) {
        len += !isnan(y[i]);
        above += y[i] >= least;
    }
    return len > 0 ? above / len : 0;
}

static enum pelt_status median_of(const struct pelt_attribution *a, const double *y, double *out)
{
    const struct pelt_onset_rule rule = {.base_to = a->base_to};
    double limit;
    return pelt_onset_limit(y, &rule, out, &limit);
}

static void set_in(struct weighing *w, const double *y, struct pelt_onset_of *out)
{
    for (size_t i = 0; i < w->a->base_to && !out->found; i++) {
        if (y[i] > 0) {
            const struct pelt_onset o = {.found = true, .at = i};
            take_onset(w, &o, out);
        }
    }
}

/* A queue that stands there, and is about what clients wait for. */
static enum pelt_status see_standing_queue(struct weighing *w, size_t i)
{
    const double *y = w->s->queue[i];
    double waiting, flight;
    enum pelt_status status = median_of(w->a, y, &waiting);
    if (status == PELT_OK) {
        status = median_of(w->a, w->a->backlog, &flight);
    }
    const double part = status == PELT_OK && flight > 0 ? waiting / flight : 0;
    if (status == PELT_OK && waiting >= QUEUE_LEAST && part >= PART_LEAST && part <= PART_MOST &&
        share_of(w->a, y, QUEUE_LEAST / 2.0) >= MOST_SAMPLES) {
        set_in(w, y, &w->out->by_queue[i]);
        w->out->part = fmax(w->out->part, fmin(part, 1));
    }
    return status;
}

static enum pelt_status weigh_from_start(struct weighing *w)
{
    const struct pelt_attribution *a = w->a;
    struct pelt_suspect *out = w->out;
    bool queue = false;
    enum pelt_status status = median_of(a, w->s->use, &out->use);
    out->always = w->s->rest >= PELT_SUSPECT_FULL;
    out->full = share_of(a, w->s->use, PELT_SUSPECT_FULL - 1e-9) >= MOST_SAMPLES;
    out->by_use = (struct pelt_onset_of){.found = out->full};
    for (size_t i = 0; i < PELT_SUSPECT_QUEUES && status == PELT_OK && a->backlog != NULL; i++) {
        status = w->s->queue[i] != NULL ? see_standing_queue(w, i) : PELT_OK;
        queue = queue || out->by_queue[i].found;
    }
    if (w->s->events != NULL && share_of(a, w->s->events, 1e-9) >= MOST_SAMPLES) {
        set_in(w, w->s->events, &out->by_events);
    }
    const double *peak = w->s->peak != NULL ? w->s->peak : w->s->use;
    const bool met = out->by_events.found && out->use >= MET_LEAST &&
                     share_of(a, peak, PELT_SUSPECT_FULL) >= MOST_SAMPLES;
    if (status == PELT_OK && (out->full || met)) {
        const bool signs = queue || out->by_events.found;
        out->points =
            0.5 * fmin(out->use, 1) + (signs ? (out->always ? 0 : 1) + (queue ? 0.25 : 0) +
                                                   (out->by_events.found ? 0.5 : 0) + out->part
                                             : 0);
    }
    return status;
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
    if (a->from_start) {
        return s->is_cache ? PELT_OK : weigh_from_start(&w);
    }
    enum pelt_status status = s->is_cache ? weigh_cache(&w) : weigh_limit(&w);
    out->consequence = out->has_onset && (double)out->onset > (double)a->at + 2 * a->tau;
    return status;
}

double pelt_attribution_confidence(double first, double second)
{
    return first > 0 ? fmin(first / ALL_POINTS, 1) * (1 - 0.5 * fmin(second / first, 1)) : 0;
}
