/*
 * level: from a figure's value to the level that it reaches, and the line that says so.
 */
#include <assert.h>
#include <math.h>
#include <stdarg.h>

#include "bound.h"
#include "pelt/units.h"
#include "tally.h"

#define SHOWN_EXACT 0.005 /* of a value: so far from it may be what is shown */

const char *pelt_level_name(enum pelt_level level)
{
    static const char *const NAMES[] = {"target", "warning", "critical", "missed", "unjudged"};
    assert(level <= PELT_LEVEL_UNJUDGED);
    return NAMES[level];
}

void pelt_line_unjudged(struct pelt_verdict_line *out, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    vsnprintf(out->why, sizeof out->why, fmt, args);
    va_end(args);
    out->level = PELT_LEVEL_UNJUDGED;
}

static bool meets(const struct pelt_threshold *t, double value, double bound)
{
    return t->lower_is_better ? value <= bound : value >= bound; /* false for NAN: not given */
}

/* The widest bound that was given. */
static double last_bound(const struct pelt_threshold *t)
{
    return isnan(t->critical) ? t->warning : t->critical;
}

bool pelt_level_meets(const struct pelt_threshold *t, double value)
{
    return meets(t, value, last_bound(t));
}

static enum pelt_level level_of(const struct pelt_threshold *t, double value)
{
    if (meets(t, value, t->target)) {
        return PELT_LEVEL_TARGET;
    }
    if (meets(t, value, t->warning)) {
        return PELT_LEVEL_WARNING;
    }
    if (meets(t, value, t->critical)) {
        return t->single ? PELT_LEVEL_TARGET : PELT_LEVEL_CRITICAL;
    }
    return PELT_LEVEL_MISSED;
}

/* With so few digits, but 3 decimals at least, as still tell that it breaks the bound: an Apdex of
 * 0.479, a share of 1.042%. What is counted or timed has no more digits than it should. */
static double shown(const struct pelt_threshold *t, double value)
{
    const bool computed = t->unit == PELT_UNIT_NUMBER || t->unit == PELT_UNIT_SHARE ||
                          (t->unit == PELT_UNIT_PER_S && value >= 1);
    for (int decimals = t->unit == PELT_UNIT_SHARE ? 5 : 3; computed && decimals < 15; decimals++) {
        const double scale = pow(10, decimals), rounded = round(value * scale) / scale;
        if (fabs(rounded - value) <= SHOWN_EXACT * fabs(value) && !pelt_level_meets(t, rounded)) {
            return rounded;
        }
    }
    return value;
}

void pelt_level_set(const struct pelt_threshold *t, double value, struct pelt_verdict_line *out)
{
    out->has_value = true;
    out->value = value;
    out->level = level_of(t, value);
    if (out->level == PELT_LEVEL_MISSED) {
        char is[PELT_BOUND_TEXT], bound[PELT_BOUND_TEXT];
        pelt_bound_format(t, shown(t, value), is, sizeof is);
        pelt_bound_format(t, last_bound(t), bound, sizeof bound);
        snprintf(out->why, sizeof out->why, "%s%s is %s, %s was %s", t->stat,
                 t->trend ? " changes: its trend" : "", is, bound,
                 t->lower_is_better ? "allowed" : "wanted");
    }
}

void pelt_threshold_judge_value(const struct pelt_threshold *t, double value,
                                struct pelt_verdict_line *out)
{
    *out = (struct pelt_verdict_line){0};
    pelt_level_set(t, value, out);
}

/* A name of the run that the user may have meant; NULL: none. */
static const char *nearest_name(struct pelt_registry *names, enum pelt_name_kind kind,
                                const char *name)
{
    uint32_t count = pelt_registry_count(names, kind);
    for (uint32_t id = 1; id < count; id++) {
        const char *candidates[] = {pelt_registry_name(names, kind, id), NULL};
        if (pelt_nearest(name, candidates) != NULL) {
            return candidates[0];
        }
    }
    return NULL;
}

void pelt_subject_absent(const struct pelt_subject *s, struct pelt_verdict_line *out)
{
    bool check = s->figure.source == PELT_FROM_CHECKS;
    const char *what = check ? "check" : "request";
    *out = (struct pelt_verdict_line){0};
    if (!s->found) { /* it was known when the threshold was made */
        pelt_line_unjudged(out, "the run had no metric %s", s->t->metric);
        return;
    }
    if (s->known) {
        pelt_line_unjudged(
            out, "the load had no %s \"%.200s\"; those of setup and teardown do not count", what,
            s->t->name);
        return;
    }
    const char *nearest =
        nearest_name(s->names, check ? PELT_NAME_CHECK : PELT_NAME_REQUEST, s->t->name);
    if (nearest != NULL) {
        pelt_line_unjudged(out, "the run had no %s \"%.100s\"; did you mean \"%.100s\"?", what,
                           s->t->name, nearest);
    } else {
        pelt_line_unjudged(out, "the run had no %s \"%.200s\"", what, s->t->name);
    }
}

void pelt_subject_judge(const struct pelt_subject *s, const struct pelt_tally *tally,
                        double duration_s, struct pelt_verdict_line *out)
{
    *out = (struct pelt_verdict_line){0};
    if (pelt_tally_value(tally, s, duration_s, out)) {
        pelt_level_set(s->t, out->value, out);
    }
}

/* What the tally counts, of which pelt_tally_value() makes rates. */
static double count_of(const struct pelt_tally *tally, const struct pelt_subject *s)
{
    struct pelt_verdict_line line = {0};
    return pelt_tally_value(tally, s, 1, &line) ? line.value : 0;
}

/* Counts are subtracted, and then divided: a rate that just meets its bound is not rounded off it.
 */
static void judge_rate(struct pelt_subject *s, const struct pelt_tally *tally,
                       struct pelt_hist_pool *pool, const struct pelt_load_sum *sum,
                       struct pelt_verdict_line *out)
{
    struct pelt_tally after = {0};
    *out = (struct pelt_verdict_line){0};
    pelt_tally_gather(&after, pool, s, sum->after);
    if (pelt_tally_value(tally, s, sum->rate_s, out)) {
        double count = fmax(count_of(tally, s) - count_of(&after, s), 0);
        pelt_level_set(s->t, count / sum->rate_s, out);
    }
    pelt_tally_reset(&after, pool);
}

void pelt_threshold_judge_load(const struct pelt_threshold *t, const struct pelt_load_sum *sum,
                               struct pelt_registry *names, struct pelt_verdict_line *out)
{
    struct pelt_subject s;
    struct pelt_tally tally = {0};
    struct pelt_hist_pool pool = {0};
    pelt_subject_init(&s, t, names);
    pelt_tally_gather(&tally, &pool, &s, sum->total);
    if (!s.found || (pelt_subject_is_named(&s) && !tally.touched)) {
        pelt_subject_absent(&s, out);
    } else if (sum->after != NULL && strcmp(t->stat, "per_second") == 0) {
        judge_rate(&s, &tally, &pool, sum, out);
    } else {
        pelt_subject_judge(&s, &tally, sum->rate_s, out);
    }
    pelt_hist_pool_deinit(&pool);
}

void pelt_threshold_judge(const struct pelt_threshold *t, const struct pelt_frame *total,
                          struct pelt_registry *names, double duration_s,
                          struct pelt_verdict_line *out)
{
    const struct pelt_load_sum sum = {
        .total = total, .duration_s = duration_s, .rate_s = duration_s};
    pelt_threshold_judge_load(t, &sum, names, out);
}
