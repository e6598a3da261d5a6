/*
 * tally: see the header.
 */
#include "tally.h"

#include <assert.h>
#include <inttypes.h>

#include "pelt/clock.h"
#include "pelt/server_metric.h"

#define US_PER_MS       1000.0
#define APDEX_TOLERATED 4 /* times t: the definition of Apdex */
#define LEAST_SAMPLES   30
#define LEAST_OF_SHARE  100
#define LEAST_OF_RATE_S 10.0

/* ---- gathering ---- */

static uint64_t ended(const struct pelt_request_frame *r)
{
    uint64_t sum = 0;
    for (unsigned i = 0; i < PELT_OUTCOME_COUNT; i++) {
        sum += r->outcomes[i];
    }
    return sum;
}

static void gather_request(struct pelt_tally *tally, struct pelt_hist_pool *pool,
                           const struct pelt_figure *f, const struct pelt_request_frame *r)
{
    switch (f->source) {
    case PELT_FROM_REQUEST_HIST:
        pelt_hist_add(&tally->metric.hist, pool, &r->hist[f->kind]);
        break;
    case PELT_FROM_REQUESTS:
        tally->count += r->started;
        break;
    case PELT_FROM_ERRORS:
        tally->whole += ended(r);
        tally->part +=
            ended(r) - r->outcomes[PELT_OUTCOME_OK] - r->outcomes[PELT_OUTCOME_ABANDONED];
        break;
    case PELT_FROM_APDEX:
    case PELT_FROM_GOODPUT:
        tally->whole += ended(r);
        pelt_hist_add(&tally->metric.hist, pool, &r->hist[PELT_HIST_RESPONSE]);
        pelt_hist_add(&tally->failed, pool, &r->hist[PELT_HIST_FAILED]);
        break;
    case PELT_FROM_BYTES_SENT:
        tally->count += r->bytes_sent;
        break;
    case PELT_FROM_BYTES_RECEIVED:
        tally->count += r->bytes_received;
        break;
    default:
        assert(!"not a figure of requests");
    }
}

static void gather_requests(struct pelt_tally *tally, struct pelt_hist_pool *pool,
                            const struct pelt_subject *s, const struct pelt_frame *frame)
{
    bool all = s->t->name[0] == '\0';
    for (uint32_t i = 0; i < frame->requests_len; i++) {
        if (frame->requests[i] != NULL && (all || (s->known && i == s->id))) {
            gather_request(tally, pool, &s->figure, frame->requests[i]);
            tally->touched = true;
        }
    }
}

static void gather_checks(struct pelt_tally *tally, const struct pelt_subject *s,
                          const struct pelt_frame *frame)
{
    bool all = s->t->name[0] == '\0';
    for (uint32_t i = 0; i < frame->checks_len; i++) {
        if (all || (s->known && i == s->id)) {
            const struct pelt_check_frame *c = &frame->checks[i];
            tally->part += c->passed;
            tally->whole += c->passed + c->failed;
            tally->touched = tally->touched || c->passed + c->failed > 0;
        }
    }
}

/* Adds up the series of the script's metric that have the tags asked for. */
static void gather_metric(struct pelt_tally *tally, struct pelt_hist_pool *pool,
                          const struct pelt_subject *s, const struct pelt_frame *frame)
{
    struct pelt_metrics *metrics = pelt_registry_metrics(s->names);
    for (uint32_t id = 0; id < frame->metrics_len; id++) {
        uint32_t metric = 0;
        const struct pelt_metric_frame *f = frame->metrics[id];
        const char *tags = f != NULL ? pelt_metrics_tags(metrics, id, &metric) : NULL;
        if (tags != NULL && metric == (uint32_t)s->figure.kind &&
            pelt_tags_include(tags, s->t->name)) {
            pelt_metric_frame_add(&tally->metric, pool, f);
        }
    }
}

/* Users are a gauge of which each second has one value. */
static void gather_users(struct pelt_tally *tally, struct pelt_hist_pool *pool,
                         const struct pelt_frame *frame)
{
    const double users = frame->users;
    const struct pelt_metric_frame one = {.values = 1,
                                          .at_ns = (uint64_t)frame->second * PELT_NS_PER_S,
                                          .last = users,
                                          .min = users,
                                          .max = users};
    pelt_metric_frame_add(&tally->metric, pool, &one);
}

/* Names and metrics may be met for the first time in the middle of a run. */
static void find(struct pelt_subject *s)
{
    s->found =
        s->found || pelt_figure_find(s->t->metric, pelt_registry_metrics(s->names), &s->figure);
    if (!s->found || !pelt_subject_is_named(s)) {
        s->known = s->found;
        return;
    }
    bool check = s->figure.source == PELT_FROM_CHECKS;
    s->known = pelt_registry_find(s->names, check ? PELT_NAME_CHECK : PELT_NAME_REQUEST,
                                  pelt_span_of(s->t->name), &s->id);
}

bool pelt_subject_is_named(const struct pelt_subject *s)
{
    return s->t->name[0] != '\0' && s->figure.source != PELT_FROM_METRIC;
}

void pelt_subject_init(struct pelt_subject *s, const struct pelt_threshold *t,
                       struct pelt_registry *names)
{
    *s = (struct pelt_subject){.t = t, .names = names};
    find(s);
}

void pelt_tally_gather(struct pelt_tally *tally, struct pelt_hist_pool *pool,
                       struct pelt_subject *s, const struct pelt_frame *frame)
{
    if (!s->known) {
        find(s);
    }
    if (!s->found) {
        return;
    }
    switch (s->figure.source) {
    case PELT_FROM_RUN_HIST:
        pelt_hist_add(&tally->metric.hist, pool, &frame->hist[s->figure.kind]);
        break;
    case PELT_FROM_DROPPED:
        tally->part += frame->dropped;
        tally->whole += frame->planned;
        break;
    case PELT_FROM_CHECKS:
        gather_checks(tally, s, frame);
        break;
    case PELT_FROM_METRIC:
        gather_metric(tally, pool, s, frame);
        break;
    case PELT_FROM_USERS:
        gather_users(tally, pool, frame);
        break;
    case PELT_FROM_CAPACITY:
        break;
    default:
        gather_requests(tally, pool, s, frame);
        break;
    }
}

void pelt_tally_add(struct pelt_tally *into, struct pelt_hist_pool *pool,
                    const struct pelt_tally *from)
{
    if (from->metric.values > 0) {
        pelt_metric_frame_add(&into->metric, pool, &from->metric);
    } else {
        pelt_hist_add(&into->metric.hist, pool, &from->metric.hist);
    }
    pelt_hist_add(&into->failed, pool, &from->failed);
    into->count += from->count;
    into->part += from->part;
    into->whole += from->whole;
    into->touched = into->touched || from->touched;
}

void pelt_tally_reset(struct pelt_tally *tally, struct pelt_hist_pool *pool)
{
    pelt_hist_reset(&tally->metric.hist, pool);
    pelt_hist_reset(&tally->failed, pool);
    *tally = (struct pelt_tally){0};
}

/* ---- its value ---- */

/* Answers at or below so many milliseconds that were ok. The exchanges without an answer are in no
 * histogram. */
static uint64_t ok_within(const struct pelt_tally *tally, double ms)
{
    const uint64_t us = (uint64_t)(ms * US_PER_MS + 0.5);
    const struct pelt_hist *all = &tally->metric.hist, *failed = &tally->failed;
    double below = pelt_hist_share_below(all, us) * (double)all->count;
    double of_failed = pelt_hist_share_below(failed, us) * (double)failed->count;
    return below > of_failed ? (uint64_t)(below - of_failed + 0.5) : 0;
}

static double apdex(const struct pelt_tally *tally, double t_ms)
{
    uint64_t satisfied = ok_within(tally, t_ms);
    uint64_t tolerating = ok_within(tally, APDEX_TOLERATED * t_ms) - satisfied;
    return ((double)satisfied + (double)tolerating / 2) / (double)tally->whole;
}

static uint64_t count_of(const struct pelt_tally *tally, const struct pelt_subject *s)
{
    switch (s->figure.source) {
    case PELT_FROM_REQUEST_HIST:
    case PELT_FROM_RUN_HIST:
        return tally->metric.hist.count;
    case PELT_FROM_ERRORS:
    case PELT_FROM_DROPPED:
        return tally->part;
    case PELT_FROM_GOODPUT:
        return ok_within(tally, s->t->limit_ms);
    case PELT_FROM_CHECKS:
        return tally->whole;
    case PELT_FROM_METRIC:
        return s->figure.custom->type == PELT_METRIC_COUNTER ? tally->metric.sum
               : s->figure.custom->type == PELT_METRIC_TREND ? tally->metric.hist.count
                                                             : tally->metric.values;
    default:
        return tally->count;
    }
}

/* What count_of() counts in: a counter's sum may be of parts of a unit. */
static double count_scale(const struct pelt_subject *s)
{
    const struct pelt_metric *custom = s->figure.custom;
    return custom != NULL && custom->type == PELT_METRIC_COUNTER ? pelt_metric_scale(custom) : 1;
}

/* The value of a stat that histograms alone have; false: not enough samples. */
static bool hist_value(const struct pelt_hist *h, const struct pelt_subject *s,
                       struct pelt_verdict_line *out)
{
    const char *stat = s->t->stat;
    double percentile = pelt_figure_percentile(stat);
    double scale = s->figure.custom != NULL ? pelt_metric_scale(s->figure.custom) : US_PER_MS;
    if (h->lost > 0) {
        pelt_line_unjudged(out, "%" PRIu64 " samples did not fit into memory", h->lost);
        return false;
    }
    if (h->count == 0) {
        pelt_line_unjudged(out, "no sample was taken");
        return false;
    }
    uint64_t needs = percentile > 0 ? pelt_hist_samples_needed(percentile) : 1;
    if (h->count < needs) {
        out->needs = needs;
        pelt_line_unjudged(out, "%s needs %" PRIu64 " samples, there are %" PRIu64, stat, needs,
                           h->count);
        return false;
    }
    if (percentile > 0) {
        out->value = (double)pelt_hist_percentile_us(h, percentile) / scale;
    } else if (strcmp(stat, "mean") == 0) {
        out->value = pelt_hist_mean_us(h) / scale;
    } else {
        out->value = (double)(strcmp(stat, "min") == 0 ? h->min_us : h->max_us) / scale;
    }
    return true;
}

static void gauge_value(const struct pelt_tally *tally, const struct pelt_metric *custom,
                        const char *stat, struct pelt_verdict_line *out)
{
    const struct pelt_metric_frame *m = &tally->metric;
    if (strcmp(stat, "mean") == 0) { /* of a server: its values are not below 0 */
        out->value = (double)m->sum / pelt_metric_scale(custom) / (double)m->values;
        return;
    }
    out->value = strcmp(stat, "min") == 0 ? m->min : strcmp(stat, "max") == 0 ? m->max : m->last;
}

/* False: nothing to take a share of. */
static bool has_whole(const struct pelt_tally *tally, const struct pelt_subject *s,
                      struct pelt_verdict_line *out)
{
    if (tally->whole > 0) {
        return true;
    }
    enum pelt_source source = s->figure.source;
    pelt_line_unjudged(out, "nothing to take a share of: no %s",
                       source == PELT_FROM_CHECKS    ? "check ran"
                       : source == PELT_FROM_DROPPED ? "arrival was planned"
                                                     : "request ended");
    return false;
}

/* False: a cache of a server had too few lookups for a hit rate. */
static bool has_lookups(const struct pelt_tally *tally, const struct pelt_subject *s,
                        struct pelt_verdict_line *out)
{
    struct pelt_server_metric of_server;
    if (!pelt_server_metric_parse(s->figure.name, &of_server) ||
        tally->metric.values >= PELT_LOOKUPS_MIN) {
        return true;
    }
    out->needs = PELT_LOOKUPS_MIN;
    pelt_line_unjudged(out, "a hit rate needs %d lookups, there are %" PRIu64, PELT_LOOKUPS_MIN,
                       tally->metric.values);
    return false;
}

static bool share_value(const struct pelt_tally *tally, const struct pelt_subject *s,
                        struct pelt_verdict_line *out)
{
    if (s->figure.source == PELT_FROM_METRIC && !has_lookups(tally, s, out)) {
        return false;
    }
    if (s->figure.source == PELT_FROM_METRIC) {
        out->value = (double)tally->metric.sum / (double)tally->metric.values;
        return true;
    }
    if (!has_whole(tally, s, out)) {
        return false;
    }
    uint64_t part = s->figure.source == PELT_FROM_GOODPUT ? count_of(tally, s) : tally->part;
    out->value = (double)part / (double)tally->whole;
    return true;
}

bool pelt_tally_value(const struct pelt_tally *tally, const struct pelt_subject *s,
                      double duration_s, struct pelt_verdict_line *out)
{
    const char *stat = s->t->stat;
    if (s->figure.source == PELT_FROM_CAPACITY) {
        pelt_line_unjudged(out, "the load did not end in order, so that no capacity was found");
        return false;
    }
    if (s->figure.source == PELT_FROM_METRIC && tally->metric.values == 0) {
        bool tags = s->t->name[0] != '\0';
        char name[PELT_NAME_MAX + 1];
        pelt_threshold_name(s->t, name);
        pelt_line_unjudged(out, PELT_WHY_NO_VALUE "%s%s%s", tags ? " with {" : "", name,
                           tags ? "}" : "");
        return false;
    }
    if (strcmp(stat, "share") == 0) {
        return share_value(tally, s, out);
    }
    if (s->figure.source == PELT_FROM_APDEX) {
        out->value = tally->whole > 0 ? apdex(tally, s->t->limit_ms) : 0;
        return has_whole(tally, s, out);
    }
    if (strcmp(stat, "per_second") == 0 && !(duration_s > 0)) {
        pelt_line_unjudged(out, "the load had no duration");
        return false;
    }
    if (strcmp(stat, "per_second") == 0 || strcmp(stat, "count") == 0) {
        double count = (double)count_of(tally, s) / count_scale(s);
        out->value = strcmp(stat, "count") == 0 ? count : count / duration_s;
        return true;
    }
    if (pelt_figure_is_gauge(&s->figure)) {
        gauge_value(tally, s->figure.custom, stat, out);
        return tally->metric.values > 0;
    }
    return hist_value(&tally->metric.hist, s, out);
}

bool pelt_tally_is_enough(const struct pelt_tally *tally, const struct pelt_subject *s,
                          double duration_s)
{
    const char *stat = s->t->stat;
    if (strcmp(stat, "per_second") == 0) {
        return duration_s >= LEAST_OF_RATE_S;
    }
    if (strcmp(stat, "share") == 0 || s->figure.source == PELT_FROM_APDEX) {
        uint64_t of = s->figure.source == PELT_FROM_METRIC ? tally->metric.values : tally->whole;
        return of >= LEAST_OF_SHARE;
    }
    if (strcmp(stat, "count") == 0 || pelt_figure_is_gauge(&s->figure)) {
        return true;
    }
    /* A percentile without its samples has no value anyway, and a largest one only grows. */
    return strcmp(stat, "max") == 0 || tally->metric.hist.count >= LEAST_SAMPLES;
}
