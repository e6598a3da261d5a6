/*
 * JSON of the contract (pelt-report/1; docs/report.schema.json). Members are dumped one at a time,
 * and rows of arrays one a line, so that memory does not grow with the run's length and the file
 * can be read and searched by eye.
 *
 * Times are milliseconds with three decimals; values and bounds of thresholds are in full, so that
 * what was judged can be judged again. A percentile without enough samples is null; nothing
 * is ever NaN.
 */
#include "pelt/report.h"

#include <assert.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "alerts.h"
#include "figures.h"
#include "findings.h"
#include "served.h"
#include "servers.h"
#include "json.h"
#include "kept.h"
#include "pelt/clock.h"
#include "pelt/own_metric.h"
#include "pelt/rows.h"
#include "plan.h"
#include "text.h"
#include "timeline.h"
#include "workers.h"

/* Three decimals of a number below 10^11 in 15 digits: 1.2 prints as 1.2. */
#define DUMP_FLAGS (JSON_ENCODE_ANY | JSON_REAL_PRECISION(15))

/* ---- values ---- */

static json_t *number(double value)
{
    return json_real(report_round3(value));
}

static json_t *count(uint64_t value)
{
    return json_integer((json_int_t)value);
}

json_t *report_json_text(const char *value)
{
    if (value == NULL) {
        return json_null();
    }
    struct pelt_buf clean;
    pelt_buf_init(&clean, 0);
    pelt_buf_add(&clean, "", 0);
    for (const unsigned char *s = (const unsigned char *)value; *s;) {
        size_t len = report_text_utf8(s);
        pelt_buf_add(&clean, len ? (const char *)s : "\xef\xbf\xbd", len ? len : 3);
        s += len ? len : 1;
    }
    json_t *string = clean.failed ? NULL : json_stringn(clean.data ? clean.data : "", clean.len);
    pelt_buf_deinit(&clean);
    return string;
}

static json_t *text(const char *value)
{
    return report_json_text(value);
}

static json_t *texts(char *const *list)
{
    json_t *array = json_array();
    for (; list != NULL && *list != NULL; list++) {
        json_array_append_new(array, text(*list));
    }
    return array;
}

/* An integer that a run file keeps as text. Above 2^53 JSON readers round, so it stays a text. */
static json_t *digits(const char *value)
{
    uint64_t n = value ? strtoull(value, NULL, 10) : 0;
    return n <= UINT64_C(1) << 53 ? count(n) : text(value);
}

static json_t *seconds(uint64_t ns)
{
    return number((double)ns / (double)PELT_NS_PER_S);
}

/* count, min, mean, p50 ... p99.99, max; values are in units of `scale`. */
static json_t *figures(const struct pelt_hist *h, double scale)
{
    json_t *o = json_object();
    double value[REPORT_PERCENTILES], before = 0;
    const double mean = report_figures(h, scale, value);
    json_object_set_new(o, "count", count(h->count));
    json_object_set_new(o, "min", h->count ? number((double)h->min_us / scale) : json_null());
    json_object_set_new(o, "mean", h->count ? number(mean) : json_null());
    for (int i = 0; i < REPORT_PERCENTILES; i++) {
        const bool enough = isfinite(value[i]);
        json_object_set_new(o, report_percentiles[i].name, enough ? number(value[i]) : json_null());
        assert(!enough || value[i] >= before);
        before = enough ? value[i] : before;
    }
    assert(h->count == 0 || before <= (double)h->max_us / scale);
    json_object_set_new(o, "max", h->count ? number((double)h->max_us / scale) : json_null());
    return o;
}

static json_t *times(const struct pelt_hist *h)
{
    return figures(h, 1000);
}

static json_t *outcomes(const uint64_t by_outcome[PELT_OUTCOME_COUNT])
{
    json_t *o = json_object();
    for (int i = 0; i < PELT_OUTCOME_COUNT; i++) {
        if (by_outcome[i] > 0) {
            json_object_set_new(o, pelt_outcome_name(i), count(by_outcome[i]));
        }
    }
    return o;
}

/* ---- members ---- */

static json_t *yes(const struct pelt_results *r, const char *key)
{
    const char *value = pelt_results_meta(r, key);
    return json_boolean(value != NULL && strcmp(value, "yes") == 0);
}

/* What https was spoken with. */
static json_t *tls(const struct pelt_results *r, const char *library)
{
    const char *ciphers = pelt_results_meta(r, "tls_ciphers");
    json_t *o = json_object();
    json_object_set_new(o, "library", text(library));
    json_object_set_new(o, "insecure", yes(r, "tls_insecure"));
    json_object_set_new(o, "resume", yes(r, "tls_resume"));
    json_object_set_new(o, "min", text(pelt_results_meta(r, "tls_min")));
    json_object_set_new(o, "max", text(pelt_results_meta(r, "tls_max")));
    json_object_set_new(o, "ciphers", ciphers != NULL && ciphers[0] ? text(ciphers) : json_null());
    return o;
}

static json_t *run(const struct pelt_results *r)
{
    char start[32];
    const char *start_ns = pelt_results_meta(r, "start_wall_ns");
    const char *library = pelt_results_meta(r, "tls_library");
    pelt_clock_rfc3339(start_ns ? strtoull(start_ns, NULL, 10) : 0, start);
    json_t *o = json_object();
    json_object_set_new(o, "id", text(pelt_results_meta(r, "run_id")));
    json_object_set_new(o, "scenario", text(pelt_results_meta(r, "scenario")));
    json_object_set_new(o, "start", text(start));
    json_object_set_new(o, "duration_s", number(r->duration_s));
    json_object_set_new(o, "seed", digits(pelt_results_meta(r, "seed")));
    json_object_set_new(o, "threads", digits(pelt_results_meta(r, "threads")));
    json_object_set_new(o, "hosts", digits(pelt_results_meta(r, "hosts")));
    if (library != NULL) {
        json_object_set_new(o, "tls", tls(r, library));
    }
    if (pelt_results_meta(r, "http2_streams") != NULL) {
        json_t *http2 = json_object();
        json_object_set_new(http2, "streams", digits(pelt_results_meta(r, "http2_streams")));
        json_object_set_new(o, "http2", http2);
    }
    if (r->has_part) {
        json_t *part = json_object();
        json_object_set_new(part, "from_s", json_integer(r->part.from_s));
        json_object_set_new(part, "to_s", json_integer(r->part.to_s));
        json_object_set_new(o, "part", part);
    }
    return o;
}

static json_t *warmup(const struct pelt_results *r)
{
    const struct pelt_warmup_row *w = &r->warmup;
    json_t *o = json_object();
    json_object_set_new(o, "length_s", json_integer(w->length_s));
    json_object_set_new(o, "started", count(w->started));
    json_object_set_new(o, "ended", count(w->ended));
    json_object_set_new(o, "ok", count(w->ok));
    return o;
}

static json_t *result(const struct pelt_results *r)
{
    json_t *o = json_object();
    json_object_set_new(o, "exit_code", json_integer(r->exit_code));
    json_object_set_new(o, "reasons", texts(r->exit_reasons));
    return o;
}

static json_t *verdict(const struct pelt_results *r)
{
    json_t *o = json_object();
    json_object_set_new(o, "status", text(pelt_verdict_name(r->verdict)));
    json_object_set_new(o, "reasons", texts(r->verdict_reasons));
    return o;
}

/* started, outcomes, sent */
static json_t *exchanges(const struct report_totals *t)
{
    json_t *o = json_object(), *sent = json_object();
    json_object_set_new(sent, "yes", count(t->sent[PELT_SENT_YES]));
    json_object_set_new(sent, "maybe", count(t->sent[PELT_SENT_MAYBE]));
    json_object_set_new(sent, "no", count(t->sent[PELT_SENT_NO]));
    json_object_set_new(o, "started", count(t->started));
    json_object_set_new(o, "outcomes", outcomes(t->outcomes));
    json_object_set_new(o, "sent", sent);
    return o;
}

/* started_per_s, ok_per_s */
static void rates(json_t *o, const struct pelt_results *r, uint64_t started, uint64_t late_started,
                  const uint64_t *outcomes, const uint64_t *late_outcomes)
{
    json_object_set_new(o, "started_per_s", number(pelt_results_per_s(r, started, late_started)));
    json_object_set_new(
        o, "ok_per_s",
        number(pelt_results_per_s(r, outcomes[PELT_OUTCOME_OK], late_outcomes[PELT_OUTCOME_OK])));
}

/* Response and service times of all requests together. */
static void set_all_times(json_t *o, const struct pelt_results *r)
{
    struct pelt_hist response = {0}, service = {0};
    struct pelt_hist_pool pool;
    pelt_hist_pool_init(&pool, NULL);
    report_all_requests(r, PELT_HIST_RESPONSE, &pool, &response);
    report_all_requests(r, PELT_HIST_SERVICE, &pool, &service);
    json_object_set_new(o, "response_ms", times(&response));
    json_object_set_new(o, "service_ms", times(&service));
    json_object_set_new(o, "curve", report_curve_json(&response, &service));
    pelt_hist_pool_deinit(&pool);
}

static json_t *totals(const struct pelt_results *r)
{
    const struct report_totals t = report_totals(r->total), behind = report_totals(r->after);
    json_t *o = exchanges(&t), *after = json_object();
    rates(o, r, t.started, behind.started, t.outcomes, behind.outcomes);
    json_object_set_new(after, "from_s", json_integer(pelt_results_whole_s(r)));
    json_object_set_new(after, "started", count(behind.started));
    json_object_set_new(after, "ended", count(behind.ended));
    json_object_set_new(o, "after", after);
    json_object_set_new(o, "bytes_sent", count(t.bytes_sent));
    json_object_set_new(o, "bytes_received", count(t.bytes_received));
    json_object_set_new(o, "dropped", count(r->total->dropped));
    set_all_times(o, r);
    return o;
}

/* `course`: borrowed. */
static json_t *request(const struct pelt_results *r, uint32_t id,
                       const struct pelt_request_frame *frame, json_t *course)
{
    const struct pelt_request_frame *late = pelt_results_after_request(r, id);
    json_t *o = json_object(), *phases = json_object();
    for (int k = PELT_HIST_BLOCKED; k <= PELT_HIST_RECEIVE; k++) {
        json_object_set_new(phases, pelt_request_hist_name(k) + strlen("http_"),
                            times(&frame->hist[k]));
    }
    json_object_set_new(o, "name", text(pelt_registry_name(r->names, PELT_NAME_REQUEST, id)));
    json_object_set_new(o, "started", count(frame->started));
    json_object_set_new(o, "outcomes", outcomes(frame->outcomes));
    rates(o, r, frame->started, late->started, frame->outcomes, late->outcomes);
    json_object_set_new(o, "response_ms", times(&frame->hist[PELT_HIST_RESPONSE]));
    json_object_set_new(o, "service_ms", times(&frame->hist[PELT_HIST_SERVICE]));
    json_object_set_new(o, "phases_ms", phases);
    json_object_set_new(
        o, "curve",
        report_curve_json(&frame->hist[PELT_HIST_RESPONSE], &frame->hist[PELT_HIST_SERVICE]));
    json_object_set(o, "course", course);
    return o;
}

static json_t *check(const struct pelt_results *r, const struct pelt_check_row *row)
{
    json_t *o = json_object(), *first = json_null();
    if (row->failed > 0) {
        first = json_object();
        json_object_set_new(first, "t", json_integer(row->first_failed_t));
    }
    json_object_set_new(o, "name", text(pelt_registry_name(r->names, PELT_NAME_CHECK, row->check)));
    json_object_set_new(o, "passed", count(row->passed));
    json_object_set_new(o, "failed", count(row->failed));
    json_object_set_new(o, "first_failure", first);
    return o;
}

static json_t *tags_of(const char *tags)
{
    char key[PELT_TAGS_TEXT + 1], value[PELT_TAGS_TEXT + 1];
    json_t *o = json_object();
    while (pelt_tags_next(&tags, key, value)) {
        json_object_set_new(o, key, text(value));
    }
    return o;
}

/* `late`: what of it is in no rate; NULL: there are no rates, as outside of the load. */
static json_t *metric_stats(const struct pelt_results *r, const struct pelt_metric *metric,
                            const struct pelt_metric_frame *f, const struct pelt_metric_frame *late)
{
    json_t *o = metric->type == PELT_METRIC_TREND ? figures(&f->hist, pelt_metric_scale(metric))
                                                  : json_object();
    const bool parts = metric->type == PELT_METRIC_COUNTER && metric->decimals > 0;
    uint64_t n = metric->type == PELT_METRIC_COUNTER ? f->sum : f->values;
    if (metric->type == PELT_METRIC_GAUGE) {
        json_object_set_new(o, "last", json_real(f->last));
        json_object_set_new(o, "min", json_real(f->min));
        json_object_set_new(o, "max", json_real(f->max));
        return o;
    }
    if (metric->type == PELT_METRIC_SHARE) {
        json_object_set_new(o, "share", json_real(report_share(f->sum, f->values)));
    }
    json_object_set_new(o, "count",
                        parts ? number((double)n / pelt_metric_scale(metric)) : count(n));
    if (metric->type != PELT_METRIC_SHARE && late != NULL && r->duration_s > 0) {
        const double scale = parts ? pelt_metric_scale(metric) : 1;
        uint64_t late_n = metric->type == PELT_METRIC_COUNTER ? late->sum : late->values;
        json_object_set_new(o, "per_second", number(pelt_results_per_s(r, n, late_n) / scale));
    }
    return o;
}

static json_t *metric(const struct pelt_results *r, const struct report_series *s,
                      const struct pelt_metric_frame *late)
{
    const struct pelt_metric *m = s->metric;
    json_t *o = json_object();
    json_object_set_new(o, "name", text(m->name));
    json_object_set_new(o, "type", text(pelt_metric_type_name(m->type)));
    json_object_set_new(o, "tags", tags_of(s->tags));
    json_object_set_new(o, "unit", text(m->unit));
    json_object_set_new(o, "stats", metric_stats(r, m, s->frame, late));
    const char *definition = pelt_own_metric_definition(m->name);
    if (definition != NULL) {
        json_object_set_new(o, "definition", text(definition));
    }
    return o;
}

/* A time is as exact as its histogram; anything else is in full. */
static json_t *judged_value(const struct pelt_threshold_row *row)
{
    double value = row->line.value;
    if (!row->judged || !row->line.has_value || !isfinite(value)) {
        return json_null();
    }
    return row->threshold.unit == PELT_UNIT_MS ? number(value) : json_real(value);
}

static void set_bound(json_t *bounds, const char *name, double value)
{
    if (isfinite(value)) {
        json_object_set_new(bounds, name, json_real(value));
    }
}

static void set_span(json_t *o, const char *name, uint32_t span_s)
{
    if (span_s > 0) {
        json_object_set_new(o, name, json_integer(span_s));
    }
}

/* What else was asked for, where it was; and which seconds the value is of, where not the load. */
static void set_threshold_time(json_t *o, const struct pelt_threshold *t,
                               const struct pelt_verdict_line *line)
{
    if (t->limit_ms > 0) {
        json_object_set_new(o, "t_ms", json_real(t->limit_ms));
    }
    set_span(o, "over_s", t->over_s);
    set_span(o, "for_s", t->for_s);
    if (t->trend) {
        json_object_set_new(o, "trend", json_true());
    }
    if (t->abort) {
        json_object_set_new(o, "abort", json_true());
    }
    set_span(o, "delay_s", t->delay_s);
    if (line->to_s > 0) {
        json_object_set_new(o, "from_s", json_integer(line->from_s));
        json_object_set_new(o, "to_s", json_integer(line->to_s));
    }
    if (line->aborted) {
        json_object_set_new(o, "aborted", json_true());
    }
}

static json_t *threshold(const struct pelt_threshold_row *row)
{
    const struct pelt_threshold *t = &row->threshold;
    json_t *o = json_object(), *bounds = json_object();
    if (t->single) {
        set_bound(bounds, t->lower_is_better ? "max" : "min", t->critical);
    } else {
        set_bound(bounds, "target", t->target);
        set_bound(bounds, "warning", t->warning);
        set_bound(bounds, "critical", t->critical);
    }
    enum pelt_level level = row->judged ? row->line.level : PELT_LEVEL_UNJUDGED;
    char name[PELT_NAME_MAX + 1];
    pelt_threshold_name(t, name);
    json_object_set_new(o, "metric", text(t->metric));
    json_object_set_new(o, "name", name[0] ? text(name) : json_null());
    json_object_set_new(o, "stat", text(t->stat));
    json_object_set_new(o, "value", judged_value(row));
    json_object_set_new(o, "level", text(pelt_level_name(level)));
    json_object_set_new(o, "bounds", bounds);
    set_threshold_time(o, t, row->judged ? &row->line : &(struct pelt_verdict_line){0});
    return o;
}

static json_t *error(const struct pelt_results *r, const struct pelt_error_row *row)
{
    json_t *o = json_object();
    json_object_set_new(o, "class", text(pelt_outcome_name(row->outcome)));
    json_object_set_new(o, "name",
                        text(pelt_registry_name(r->names, PELT_NAME_REQUEST, row->series)));
    json_object_set_new(o, "count", count(row->e.count));
    json_object_set_new(o, "first_s", seconds(row->e.first_ns));
    json_object_set_new(o, "last_s", seconds(row->e.last_ns));
    json_object_set_new(o, "sample", row->e.sample[0] ? text(row->e.sample) : json_null());
    json_object_set_new(o, "first",
                        row->e.has_exchange ? report_kept_json(r, &row->e.exchange) : json_null());
    return o;
}

static json_t *outside_check(const struct pelt_results *r, uint32_t id,
                             const struct pelt_check_frame *c)
{
    json_t *o = json_object();
    json_object_set_new(o, "name", text(pelt_registry_name(r->names, PELT_NAME_CHECK, id)));
    json_object_set_new(o, "passed", count(c->passed));
    json_object_set_new(o, "failed", count(c->failed));
    return o;
}

static json_t *outside_error(const struct pelt_results *r, uint32_t id, enum pelt_outcome outcome)
{
    const struct pelt_error_frame *kept = pelt_frame_find_error(r->outside, id, outcome);
    json_t *o = json_object();
    json_object_set_new(o, "class", text(pelt_outcome_name(outcome)));
    json_object_set_new(o, "name", text(pelt_registry_name(r->names, PELT_NAME_REQUEST, id)));
    json_object_set_new(o, "count", count(r->outside->requests[id]->outcomes[outcome]));
    json_object_set_new(o, "sample",
                        kept != NULL && kept->sample[0] ? text(kept->sample) : json_null());
    return o;
}

/* What setup and teardown did: in no other member. */
static json_t *setup_teardown(const struct pelt_results *r)
{
    const struct report_totals t = report_totals(r->outside);
    json_t *o = exchanges(&t), *checks = json_array(), *errors = json_array(),
           *metrics = json_array();
    struct report_series series[PELT_METRIC_SERIES_MAX];
    json_object_set_new(o, "bytes_sent", count(t.bytes_sent));
    json_object_set_new(o, "bytes_received", count(t.bytes_received));
    REPORT_EACH_CHECK(r->outside, id, c)
    {
        json_array_append_new(checks, outside_check(r, id, c));
    }
    REPORT_EACH_ERROR(r->outside, id, outcome)
    {
        json_array_append_new(errors, outside_error(r, id, outcome));
    }
    size_t series_len = report_metrics(r, r->outside, series);
    for (size_t i = 0; i < series_len; i++) {
        json_array_append_new(metrics, metric(r, &series[i], NULL));
    }
    json_object_set_new(o, "metrics", metrics);
    json_object_set_new(o, "checks", checks);
    json_object_set_new(o, "errors", errors);
    return o;
}

static json_t *thread(const struct pelt_thread_row *row)
{
    json_t *o = json_object();
    double wait;
    bool read = pelt_thread_row_run_wait_share(row, &wait);
    json_object_set_new(o, "started", count(row->started));
    json_object_set_new(o, "cpu_share", number(pelt_thread_row_cpu_share(row)));
    json_object_set_new(o, "run_wait_share", read ? number(wait) : json_null());
    json_object_set_new(o, "lua_share",
                        row->lua_looks > 0 ? number((double)row->lua_seen / row->lua_looks)
                                           : json_null());
    return o;
}

static json_t *count_or_null(uint64_t n)
{
    return n != PELT_UNREAD ? count(n) : json_null();
}

static json_t *ms_or_null(uint64_t ns)
{
    return ns != PELT_UNREAD ? number((double)ns / 1e6) : json_null();
}

/* What happened to the CPU time of the host that the generator ran on. */
static json_t *host(const struct pelt_results *r)
{
    const struct pelt_host_row *row = &r->host;
    const bool both = row->busy_ns != PELT_UNREAD && row->own_ns != PELT_UNREAD;
    const char *same_host = pelt_results_meta(r, "same_host");
    json_t *o = json_object();
    json_object_set_new(o, "throttled", count_or_null(row->throttled));
    json_object_set_new(o, "throttled_ms", ms_or_null(row->throttled_ns));
    json_object_set_new(o, "cpu_pressure_ms", ms_or_null(row->pressure_ns));
    json_object_set_new(o, "stolen_ms", ms_or_null(row->stolen_ns));
    json_object_set_new(o, "others_cpu_ms",
                        ms_or_null(!both                        ? PELT_UNREAD
                                   : row->busy_ns > row->own_ns ? row->busy_ns - row->own_ns
                                                                : 0));
    json_object_set_new(o, "has_target",
                        same_host != NULL ? json_boolean(strcmp(same_host, "yes") == 0)
                                          : json_null());
    return o;
}

/* How much of the slowest 1% was the generator's own doing. */
static void taint(json_t *o, const struct pelt_results *r)
{
    struct pelt_taint t;
    bool known = pelt_results_taint(r, &t);
    json_object_set_new(o, "tainted_tail_share",
                        known ? number((double)t.tail_tainted / (double)t.tail) : json_null());
    json_object_set_new(o, "untainted_p99_ms",
                        known && t.clean_p99_us > 0 ? number((double)t.clean_p99_us / 1000)
                                                    : json_null());
}

static json_t *generator(const struct pelt_results *r)
{
    json_t *o = json_object(), *threads = json_array();
    for (size_t i = 0; i < r->threads_len; i++) {
        json_array_append_new(threads, thread(&r->threads[i]));
    }
    json_object_set_new(o, "threads", threads);
    json_object_set_new(o, "send_lag_ms", times(&r->total->hist[PELT_RUNHIST_SEND_LAG]));
    json_object_set_new(o, "loop_lag_ms", times(&r->total->hist[PELT_RUNHIST_LOOP_LAG]));
    taint(o, r);
    json_object_set_new(o, "host", host(r));
    return o;
}

static void set_percentile(json_t *o, const char *name, const struct pelt_second_row *row, double q,
                           uint64_t us)
{
    json_object_set_new(
        o, name, report_enough_samples(row->count, q) ? number((double)us / 1000) : json_null());
}

json_t *report_json_second(const struct pelt_second_row *row, json_t *server)
{
    json_t *o = json_object(), *response = json_object();
    set_percentile(response, "p50", row, 50, row->p50_us);
    set_percentile(response, "p90", row, 90, row->p90_us);
    set_percentile(response, "p95", row, 95, row->p95_us);
    set_percentile(response, "p99", row, 99, row->p99_us);
    set_percentile(response, "p99.9", row, 99.9, row->p999_us);
    json_object_set_new(o, "t", json_integer(row->t));
    json_object_set_new(o, "users", count(row->users));
    json_object_set_new(o, "started", count(row->started));
    json_object_set_new(o, "ok", count(row->ok));
    json_object_set_new(o, "errors", count(row->errors));
    json_object_set_new(o, "response_ms", response);
    json_object_set_new(o, "server", server);
    return o;
}

/* ---- the document ---- */

struct document {
    FILE *out;
    size_t members, rows; /* written so far: of the document, of the open array */
    bool failed;
    struct pelt_error why; /* of what failed, where more than memory is known to be amiss */
};

/* Takes `value`; NULL (out of memory) fails the document. */
static void dump(struct document *d, json_t *value)
{
    if (value == NULL || json_dumpf(value, d->out, DUMP_FLAGS) != 0) {
        d->failed = true;
    }
    json_decref(value);
}

static void begin_member(struct document *d, const char *name)
{
    fprintf(d->out, "%s\n  \"%s\": ", d->members++ ? "," : "{", name);
}

static void member(struct document *d, const char *name, json_t *value)
{
    begin_member(d, name);
    dump(d, value);
}

static void begin_array(struct document *d, const char *name)
{
    begin_member(d, name);
    fputc('[', d->out);
    d->rows = 0;
}

static void array_row(struct document *d, json_t *value)
{
    fprintf(d->out, "%s\n    ", d->rows++ ? "," : "");
    dump(d, value);
}

static void end_array(struct document *d)
{
    fputs(d->rows ? "\n  ]" : "]", d->out);
}

static void requests(struct document *d, const struct pelt_results *r)
{
    json_t *courses = report_courses_json(r);
    d->failed = d->failed || courses == NULL;
    begin_array(d, "requests");
    REPORT_EACH_REQUEST(r->total, id, frame)
    {
        array_row(d, request(r, id, frame, json_array_get(courses, id)));
    }
    end_array(d);
    json_decref(courses);
}

static void arrays(struct document *d, const struct pelt_results *r)
{
    requests(d, r);
    begin_array(d, "metrics");
    struct report_series series[PELT_METRIC_SERIES_MAX];
    size_t series_len = report_metrics(r, r->total, series);
    for (size_t i = 0; i < series_len; i++) {
        array_row(d, metric(r, &series[i], pelt_results_after_metric(r, series[i].id)));
    }
    end_array(d);
    begin_array(d, "checks");
    for (size_t i = 0; i < r->checks_len; i++) {
        array_row(d, check(r, &r->checks[i]));
    }
    end_array(d);
    begin_array(d, "thresholds");
    for (size_t i = 0; i < r->thresholds_len; i++) {
        array_row(d, threshold(&r->thresholds[i]));
    }
    end_array(d);
    begin_array(d, "alerts");
    for (size_t i = 0; i < r->alerts_len; i++) {
        array_row(d, report_alert_json(&r->alerts[i]));
    }
    end_array(d);
    begin_array(d, "errors");
    for (size_t i = 0; i < r->errors_len; i++) {
        array_row(d, error(r, &r->errors[i]));
    }
    end_array(d);
}

static void slowest(struct document *d, const struct pelt_results *r)
{
    struct pelt_kept *list = NULL;
    size_t len = 0;
    d->failed = d->failed || pelt_results_slowest(r, &list, &len) != PELT_OK;
    begin_array(d, "slowest");
    for (size_t i = 0; i < len; i++) {
        array_row(d, report_kept_json(r, &list[i]));
    }
    end_array(d);
    free(list);
}

static void findings(struct document *d, const struct pelt_results *r)
{
    struct pelt_findings *f = report_findings_of(r);
    d->failed = d->failed || f == NULL;
    begin_array(d, "findings");
    for (size_t i = 0; f != NULL && i < f->len; i++) {
        array_row(d, report_finding_json(&f->list[i]));
    }
    end_array(d);
    pelt_findings_free(f);
}

/* What response headers say, then what agents count. */
static json_t *caches(const struct pelt_results *r, const struct report_servers *s)
{
    struct report_series series[PELT_METRIC_SERIES_MAX];
    json_t *all = report_served_json(series, report_metrics(r, r->total, series));
    report_servers_caches(s, all);
    return all;
}

static void agents(struct document *d, const struct pelt_results *r)
{
    struct report_servers *s = report_servers_new(r);
    d->failed = d->failed || (s == NULL ? r->agents_len > 0 : s->why.text[0] != '\0');
    if (s != NULL) {
        d->why = s->why;
    }
    member(d, "agents", report_servers_agents(s));
    member(d, "caches", caches(r, s));
    report_servers_free(s);
}

/* Seconds, and beside each what agents read in it. */
static void seconds_of(struct document *d, const struct pelt_results *r)
{
    struct pelt_server_walk *w = NULL;
    const struct pelt_server_row *rows = NULL;
    size_t len = 0;
    int32_t t = INT32_MIN;
    enum pelt_status status = pelt_server_walk_new(r, &w, NULL);
    begin_array(d, "seconds");
    for (size_t i = 0; i < r->seconds_len; i++) {
        while (status == PELT_OK && t < r->seconds[i].t) {
            status = pelt_server_walk_next(w, &t, &rows, &len, NULL);
        }
        const bool any = status == PELT_OK && t == r->seconds[i].t;
        array_row(d, report_json_second(&r->seconds[i],
                                        any ? report_servers_second(r, rows, len) : json_object()));
    }
    end_array(d);
    d->failed = d->failed || (status != PELT_OK && status != PELT_EOF);
    pelt_server_walk_free(w);
}

json_t *report_json_judgement(const struct pelt_results *r)
{
    json_t *o = json_object(), *thresholds = json_array(), *alerts = json_array();
    for (size_t i = 0; i < r->thresholds_len; i++) {
        json_array_append_new(thresholds, threshold(&r->thresholds[i]));
    }
    for (size_t i = 0; i < r->alerts_len; i++) {
        json_array_append_new(alerts, report_alert_json(&r->alerts[i]));
    }
    json_object_set_new(o, "verdict", verdict(r));
    json_object_set_new(o, "result", result(r));
    json_object_set_new(o, "thresholds", thresholds);
    json_object_set_new(o, "alerts", alerts);
    return o;
}

enum pelt_status report_json_of(const struct pelt_results *r, bool seconds, FILE *out,
                                struct pelt_error *err)
{
    struct document d = {.out = out};
    const char *version = pelt_results_meta(r, "version");
    member(&d, "schema", json_string("pelt-report/1"));
    member(&d, "pelt", json_pack("{s:o}", "version", text(version ? version : PELT_VERSION)));
    member(&d, "run", run(r));
    member(&d, "plan", report_plan_json(r));
    member(&d, "environment", report_environment_json(r));
    member(&d, "result", result(r));
    member(&d, "verdict", verdict(r));
    member(&d, "totals", totals(r));
    member(&d, "summary", report_summary_json(r));
    member(&d, "setup_teardown", setup_teardown(r));
    if (r->warmup.length_s > 0) {
        member(&d, "warmup", warmup(r));
    }
    arrays(&d, r);
    slowest(&d, r);
    member(&d, "generator", generator(r));
    member(&d, "workers", report_workers_json(r));
    agents(&d, r);
    findings(&d, r);
    member(&d, "phases", report_phases_json(r));
    member(&d, "events", report_events_json(r));
    member(&d, "timeline", report_timeline_json(r));
    if (seconds) {
        seconds_of(&d, r);
    }
    fputs("\n}\n", out);
    if (d.why.text[0] != '\0') {
        return pelt_fail(err, PELT_EPARSE, "%s", d.why.text);
    }
    if (!d.failed && !ferror(out)) {
        return PELT_OK;
    }
    return ferror(out) || r->path == NULL
               ? PELT_EIO
               : pelt_fail(err, PELT_EIO, "the run file %s cannot be read any more", r->path);
}

enum pelt_status report_json(const struct pelt_results *r, FILE *out, struct pelt_error *err)
{
    return report_json_of(r, true, out, err);
}
