/*
 * threshold: see the header: made from its parts, and written out. What it can be put on says
 * figure.h.
 *
 * Thread: any. Times of bounds are milliseconds.
 */
#include "pelt/threshold.h"

#include <assert.h>
#include <math.h>

#include "bound.h"
#include "figure.h"
#include "pelt/clock.h"
#include "pelt/own_metric.h"
#include "pelt/units.h"

#define SCORE "score" /* the one stat of apdex, which nobody needs to write */

/* The series' name, or its tags as the series has them. What is no tags names a request where the
 * metric is pelt's own. */
static enum pelt_status set_name(struct pelt_threshold *t, const struct pelt_figure *m,
                                 const char *name, struct pelt_error *err)
{
    enum pelt_own_metric own;
    snprintf(t->name, sizeof t->name, "%s", name);
    if (m->custom == NULL || name[0] == '\0' || pelt_tags_parse(name, t->name)) {
        return PELT_OK;
    }
    if (pelt_own_metric_find(m->name, &own)) {
        pelt_own_metric_tags(name, t->name);
    } else {
        return pelt_fail(err, PELT_EINVAL,
                         "threshold on %s: {%s} are no tags; write {route=chat} or "
                         "{route=chat,region=eu}",
                         m->name, name);
    }
    return PELT_OK;
}

/* Sets metric, name, stat and unit. */
static enum pelt_status set_figure(struct pelt_threshold *t, struct pelt_figure *m,
                                   struct pelt_metrics *metrics, const char *name, const char *stat,
                                   const char *metric_name, struct pelt_error *err)
{
    enum pelt_status status = pelt_figure_seek(metric_name, metrics, m, err);
    if (status == PELT_OK) {
        status = pelt_figure_check_stat(m, stat, err);
    }
    if (status != PELT_OK) {
        return status;
    }
    if (name[0] != '\0' && !pelt_figure_has_name(m)) {
        return pelt_fail(err, PELT_EINVAL,
                         "threshold: %s is one figure of the whole run, it has no {%s}", m->name,
                         name);
    }
    if (strlen(name) > PELT_NAME_MAX) {
        return pelt_fail(err, PELT_EINVAL,
                         "threshold on %s: the name \"%.40s...\" is longer than %d bytes", m->name,
                         name, PELT_NAME_MAX);
    }
    snprintf(t->metric, sizeof t->metric, "%s", m->name);
    snprintf(t->stat, sizeof t->stat, "%s", stat);
    t->unit = pelt_figure_unit(m, stat);
    return set_name(t, m, name, err);
}

/* A bound, NAN where `text` is NULL. */
static enum pelt_status set_bound(const struct pelt_threshold *t, const struct pelt_figure *m,
                                  const char *which, const char *text, double *out,
                                  struct pelt_error *err)
{
    struct pelt_error why = {0};
    *out = NAN;
    if (text == NULL) {
        return PELT_OK;
    }
    const bool sized = pelt_figure_is_sized(m) && t->unit != PELT_UNIT_PER_S;
    enum pelt_status status =
        pelt_bound_parse(t->unit, pelt_figure_is_bytes(m) || sized, t->trend, text, out, &why);
    bool score = m->source == PELT_FROM_APDEX && !t->trend;
    if (status == PELT_OK && score && !(*out >= 0 && *out <= 1)) {
        status = pelt_fail(&why, PELT_EINVAL, "\"%s\" is no Apdex; try 0.9, at most 1", text);
    }
    if (status != PELT_OK) {
        return pelt_fail(err, status, "threshold %s %s: %s: %.700s", t->metric, t->stat, which,
                         why.text);
    }
    return PELT_OK;
}

/* The direction from the bounds given; false: they do not all rise or all fall. */
static bool set_direction(struct pelt_threshold *t)
{
    double given[3];
    int len = 0;
    const double all[] = {t->target, t->warning, t->critical};
    for (int i = 0; i < 3; i++) {
        if (!isnan(all[i])) {
            given[len++] = all[i];
        }
    }
    t->lower_is_better = given[0] < given[1];
    for (int i = 1; i < len; i++) {
        if (given[i] == given[i - 1] || (given[i] > given[i - 1]) != t->lower_is_better) {
            return false;
        }
    }
    return true;
}

static enum pelt_status set_levels(struct pelt_threshold *t, const struct pelt_figure *m,
                                   const struct pelt_threshold_table *in, struct pelt_error *err)
{
    enum pelt_status status = set_bound(t, m, "target", in->target, &t->target, err);
    if (status == PELT_OK) {
        status = set_bound(t, m, "warning", in->warning, &t->warning, err);
    }
    if (status == PELT_OK) {
        status = set_bound(t, m, "critical", in->critical, &t->critical, err);
    }
    if (status == PELT_OK && !set_direction(t)) {
        return pelt_fail(
            err, PELT_EINVAL,
            "threshold %s %s: target, warning and critical must rise (lower is better) "
            "or fall (higher is better), and differ",
            t->metric, t->stat);
    }
    return status;
}

/* ---- what else is asked for ---- */

/* Whole seconds, 1 to PELT_THRESHOLD_SPAN_MAX_S; 0 where `text` is NULL. */
static enum pelt_status set_seconds(const struct pelt_threshold *t, const char *which,
                                    const char *text, uint32_t *out, struct pelt_error *err)
{
    struct pelt_error why = {0};
    uint64_t ns = 0;
    if (text == NULL) {
        return PELT_OK;
    }
    enum pelt_status status = pelt_parse_duration(text, &ns, &why);
    if (status != PELT_OK) {
        return pelt_fail(err, status, "threshold %s %s: %s: %.700s", t->metric, t->stat, which,
                         why.text);
    }
    if (ns == 0 || ns % PELT_NS_PER_S != 0 || ns / PELT_NS_PER_S > PELT_THRESHOLD_SPAN_MAX_S) {
        return pelt_fail(err, PELT_EINVAL,
                         "threshold %s %s: %s: \"%s\" is not 1s to 1h in whole seconds; figures "
                         "are taken once a second",
                         t->metric, t->stat, which, text);
    }
    *out = (uint32_t)(ns / PELT_NS_PER_S);
    return PELT_OK;
}

/* `t`, which apdex and goodput need and nothing else has. */
static enum pelt_status set_limit(struct pelt_threshold *t, const struct pelt_figure *f,
                                  const char *text, struct pelt_error *err)
{
    struct pelt_error why = {0};
    uint64_t ns = 0;
    if (!pelt_figure_has_limit(f)) {
        return text == NULL ? PELT_OK
                            : pelt_fail(err, PELT_EINVAL,
                                        "threshold: %s has no t (\"%s\"); it is of apdex and "
                                        "goodput: the time within which a request counts",
                                        t->metric, text);
    }
    if (text == NULL) {
        return pelt_fail(err, PELT_EINVAL,
                         "threshold: %s needs t, the time within which a request counts: t = "
                         "\"500ms\", or \"%s{chat} 500ms%s > %s\"",
                         t->metric, t->metric, f->source == PELT_FROM_APDEX ? "" : " share",
                         f->source == PELT_FROM_APDEX ? "0.9" : "95%");
    }
    enum pelt_status status = pelt_parse_duration(text, &ns, &why);
    if (status == PELT_OK && ns < PELT_NS_PER_MS / 1000) {
        status = pelt_fail(&why, PELT_EINVAL, "\"%s\" is too short; try 500ms", text);
    }
    t->limit_ms = (double)ns / (double)PELT_NS_PER_MS;
    return status == PELT_OK
               ? PELT_OK
               : pelt_fail(err, status, "threshold %s: t: %.700s", t->metric, why.text);
}

static enum pelt_status set_time(struct pelt_threshold *t, const struct pelt_figure *f,
                                 const struct pelt_threshold_table *in, struct pelt_error *err)
{
    enum pelt_status status = set_seconds(t, "over", in->over, &t->over_s, err);
    if (status == PELT_OK) {
        status = set_seconds(t, "for", in->for_, &t->for_s, err);
    }
    if (status == PELT_OK) {
        status = set_seconds(t, "delay", in->delay, &t->delay_s, err);
    }
    if (status != PELT_OK) {
        return status;
    }
    t->abort = in->abort;
    if (f->source == PELT_FROM_CAPACITY &&
        (t->trend || t->abort || t->over_s > 0 || t->for_s > 0 || t->delay_s > 0)) {
        return pelt_fail(
            err, PELT_EINVAL,
            "threshold %s %s: a stress load finds it at its end: leave out trend, over, "
            "for, abort and delay",
            t->metric, t->stat);
    }
    if (t->trend && t->for_s > 0) {
        return pelt_fail(err, PELT_EINVAL,
                         "threshold %s %s: trend and for exclude each other: a trend is one figure "
                         "of the whole run",
                         t->metric, t->stat);
    }
    if (t->delay_s > 0 && !t->abort && t->over_s == 0 && t->for_s == 0) {
        return pelt_fail(err, PELT_EINVAL,
                         "threshold %s %s: delay goes with abort, over or for: without them it is "
                         "judged once, at the end",
                         t->metric, t->stat);
    }
    return PELT_OK;
}

static enum pelt_status set_bounds(struct pelt_threshold *t, const struct pelt_figure *f,
                                   const struct pelt_threshold_table *in, struct pelt_error *err)
{
    int singles = (in->max != NULL) + (in->min != NULL);
    int levels = (in->target != NULL) + (in->warning != NULL) + (in->critical != NULL);
    if (!(singles == 1 && levels == 0) && !(singles == 0 && levels >= 2)) {
        return pelt_fail(err, PELT_EINVAL,
                         "threshold %s %s: give either max or min, or at least two of target, "
                         "warning and critical",
                         t->metric, t->stat);
    }
    if (singles == 0) {
        return set_levels(t, f, in, err);
    }
    t->single = true;
    t->lower_is_better = in->max != NULL;
    t->target = t->warning = NAN;
    return set_bound(t, f, in->max != NULL ? "max" : "min", in->max != NULL ? in->max : in->min,
                     &t->critical, err);
}

enum pelt_status pelt_threshold_make(const struct pelt_threshold_table *in,
                                     struct pelt_metrics *metrics, struct pelt_threshold *out,
                                     struct pelt_error *err)
{
    struct pelt_threshold t = {0};
    struct pelt_figure f;
    const char *stat = in->stat;
    if (stat == NULL && in->metric != NULL && strcmp(in->metric, "apdex") == 0) {
        stat = SCORE;
    }
    if (in->metric == NULL || stat == NULL) {
        return pelt_fail(err, PELT_EINVAL, "threshold: %s is missing",
                         in->metric == NULL ? "its metric" : "its stat, e.g. p95 or share,");
    }
    enum pelt_status status =
        set_figure(&t, &f, metrics, in->name != NULL ? in->name : "", stat, in->metric, err);
    if (status != PELT_OK) {
        return status;
    }
    t.trend = in->trend;
    t.unit = t.trend ? PELT_UNIT_SHARE : t.unit;
    status = set_limit(&t, &f, in->t, err);
    if (status == PELT_OK) {
        status = set_time(&t, &f, in, err);
    }
    if (status == PELT_OK) {
        status = set_bounds(&t, &f, in, err);
    }
    if (status == PELT_OK) {
        *out = t;
    }
    return status;
}

bool pelt_threshold_is_of_seconds(const struct pelt_threshold *t)
{
    return t->over_s > 0 || t->for_s > 0 || t->trend || strcmp(t->metric, "users") == 0;
}

bool pelt_threshold_is_of_capacity(const struct pelt_threshold *t)
{
    return strcmp(t->metric, "capacity") == 0;
}

void pelt_threshold_name(const struct pelt_threshold *t, char out[PELT_NAME_MAX + 1])
{
    static_assert(PELT_NAME_MAX == PELT_TAGS_TEXT, "a name holds tags as well");
    pelt_own_metric_braces(t->metric, t->name, out);
}

/* " over 10s for 30s abort delay 20s" */
static void format_time(const struct pelt_threshold *t, char *out, size_t size)
{
    const struct {
        const char *word;
        uint32_t s;
    } spans[] = {{"over", t->over_s}, {"for", t->for_s}};
    size_t used = 0;
    out[0] = '\0';
    for (int i = 0; i < 2; i++) {
        if (spans[i].s > 0) {
            used += (size_t)snprintf(out + used, size - used, " %s %us", spans[i].word, spans[i].s);
        }
    }
    if (t->abort) {
        used += (size_t)snprintf(out + used, size - used, " abort");
    }
    if (t->delay_s > 0) {
        snprintf(out + used, size - used, " delay %us", t->delay_s);
    }
}

void pelt_threshold_format(const struct pelt_threshold *t, char *out, size_t size)
{
    char bounds[3 * PELT_BOUND_TEXT] = "";
    static const char *const SUFFIX[] = {" (target)", " (warning)", " (critical)"};
    const double all[] = {t->target, t->warning, t->critical};
    for (int i = 0; i < 3; i++) {
        if (!isnan(all[i])) {
            size_t used = strlen(bounds);
            char value[PELT_BOUND_TEXT];
            pelt_bound_format(t, all[i], value, sizeof value);
            snprintf(bounds + used, sizeof bounds - used, "%s%s%s", used > 0 ? ", " : "", value,
                     t->single ? "" : SUFFIX[i]);
        }
    }
    bool named = t->name[0] != '\0', scored = strcmp(t->stat, SCORE) == 0;
    char limit[PELT_BOUND_TEXT] = "", time[100], name[PELT_NAME_MAX + 1];
    pelt_threshold_name(t, name);
    if (t->limit_ms > 0) {
        limit[0] = ' ';
        pelt_bound_format_ms(t->limit_ms, limit + 1, sizeof limit - 1);
    }
    format_time(t, time, sizeof time);
    snprintf(out, size, "%s%s%s%s%s%s%s%s %s %s%s", t->metric, named ? "{" : "", name,
             named ? "}" : "", limit, scored ? "" : " ", scored ? "" : t->stat,
             t->trend ? " trend" : "", t->lower_is_better ? "<=" : ">=", bounds, time);
}

void pelt_threshold_reason(const struct pelt_threshold *t, const struct pelt_verdict_line *line,
                           char out[PELT_THRESHOLD_REASON])
{
    char text[400], stopped[60] = "";
    if (line->aborted) {
        snprintf(stopped, sizeof stopped, ", which stopped the run at %d s", (int)line->to_s);
    }
    pelt_threshold_format(t, text, sizeof text);
    snprintf(out, PELT_THRESHOLD_REASON, "threshold %s%s: %s%s%s", pelt_level_name(line->level),
             stopped, text, line->why[0] != '\0' ? ": " : "", line->why);
}
