/*
 * CSV: a header line, then rows; fields with a comma, quote or line break are quoted (RFC 4180),
 * lines end in LF. Times are milliseconds with three decimals, values and bounds of thresholds in
 * full; what does not exist, or lacks samples, is an empty field.
 */
#include "csv.h"

#include <math.h>
#include <string.h>

#include "figures.h"
#include "pelt/clock.h"
#include "pelt/server_metric.h"

/* ---- fields ---- */

struct row {
    FILE *out;
    bool begun;
};

static void next_field(struct row *row)
{
    if (row->begun) {
        fputc(',', row->out);
    }
    row->begun = true;
}

static void text(struct row *row, const char *value)
{
    next_field(row);
    if (strpbrk(value, ",\"\r\n") == NULL) {
        fputs(value, row->out);
        return;
    }
    fputc('"', row->out);
    for (; *value; value++) {
        if (*value == '"') {
            fputc('"', row->out);
        }
        fputc(*value, row->out);
    }
    fputc('"', row->out);
}

static void count(struct row *row, uint64_t value)
{
    next_field(row);
    fprintf(row->out, "%llu", (unsigned long long)value);
}

static void number(struct row *row, double value) /* not finite: empty */
{
    next_field(row);
    if (isfinite(value)) {
        fprintf(row->out, "%.3f", value);
    }
}

static void exact(struct row *row, double value) /* not finite: empty */
{
    next_field(row);
    if (isfinite(value)) {
        fprintf(row->out, "%.15g", value);
    }
}

static void share(struct row *row, double value)
{
    next_field(row);
    fprintf(row->out, "%.6f", value);
}

static void empty(struct row *row, int fields)
{
    for (int i = 0; i < fields; i++) {
        next_field(row);
    }
}

static void end_row(struct row *row)
{
    fputc('\n', row->out);
    row->begun = false;
}

static void percentile(struct row *row, const struct pelt_hist *h, double q)
{
    double ms = NAN;
    report_percentile_ms(h, q, &ms);
    number(row, ms);
}

/* count, min, mean, p50 ... p99.99, max in units of 1/scale of what is counted */
static void trend_figures(struct row *row, const struct pelt_hist *h, double scale)
{
    double value[REPORT_PERCENTILES];
    const double mean = report_figures(h, scale, value);
    count(row, h->count);
    number(row, h->count ? (double)h->min_us / scale : (double)NAN);
    number(row, mean);
    for (int i = 0; i < REPORT_PERCENTILES; i++) {
        number(row, value[i]);
    }
    number(row, h->count ? (double)h->max_us / scale : (double)NAN);
}

static void times(struct row *row, const struct pelt_hist *h)
{
    trend_figures(row, h, 1000);
}
#define TIMES_HEADER(of)                                                                           \
    of "_count," of "_min_ms," of "_mean_ms," of "_p50_ms," of "_p90_ms," of "_p95_ms," of         \
       "_p99_ms," of "_p99.9_ms," of "_p99.99_ms," of "_max_ms"
#define TIMES_FIELDS 10

static const char *sent_name(enum pelt_sent sent)
{
    return sent == PELT_SENT_YES ? "yes" : sent == PELT_SENT_NO ? "no" : "maybe";
}

static const char *request_name(const struct pelt_results *r, uint32_t id)
{
    return pelt_registry_name(r->names, PELT_NAME_REQUEST, id);
}

/* ---- files ---- */

/* Times are recorded a request, not an outcome: they stand in the row `all`, whose count is what
 * was started. */
static void stats_of_all(struct row *row, const struct pelt_results *r, uint32_t id,
                         const struct pelt_request_frame *frame)
{
    text(row, request_name(r, id));
    text(row, "all");
    empty(row, 1);
    count(row, frame->started);
    share(row, 1);
    number(row, pelt_results_per_s(r, frame->started, pelt_results_after_request(r, id)->started));
    count(row, frame->bytes_sent);
    count(row, frame->bytes_received);
    times(row, &frame->hist[PELT_HIST_RESPONSE]);
    times(row, &frame->hist[PELT_HIST_SERVICE]);
    end_row(row);
}

static void stats_of_outcome(struct row *row, const struct pelt_results *r, uint32_t id,
                             const struct pelt_request_frame *frame, enum pelt_outcome outcome)
{
    text(row, request_name(r, id));
    text(row, pelt_outcome_name(outcome));
    text(row, sent_name(pelt_outcome_sent(outcome)));
    count(row, frame->outcomes[outcome]);
    share(row, report_share(frame->outcomes[outcome], report_ended(frame)));
    number(row, pelt_results_per_s(r, frame->outcomes[outcome],
                                   pelt_results_after_request(r, id)->outcomes[outcome]));
    empty(row, 2 + 2 * TIMES_FIELDS);
    end_row(row);
}

static enum pelt_status write_stats(const struct pelt_results *r, FILE *out, struct pelt_error *err)
{
    struct row row = {.out = out};
    fputs("name,outcome,sent,count,share,per_second,bytes_sent,bytes_received," TIMES_HEADER(
              "response") "," TIMES_HEADER("service") "\n",
          out);
    REPORT_EACH_REQUEST(r->total, id, frame)
    {
        stats_of_all(&row, r, id, frame);
        for (int o = 0; o < PELT_OUTCOME_COUNT; o++) {
            if (frame->outcomes[o] > 0) {
                stats_of_outcome(&row, r, id, frame, o);
            }
        }
    }
    return PELT_OK;
}

struct history {
    const struct pelt_results *r;
    struct row row;
    size_t at; /* the second, for its users */
};

static void on_request_second(void *arg, int32_t t, uint32_t series,
                              const struct pelt_request_frame *frame)
{
    struct history *h = arg;
    while (h->at < h->r->seconds_len && h->r->seconds[h->at].t < t) {
        h->at++;
    }
    count(&h->row, (uint64_t)t);
    text(&h->row, request_name(h->r, series));
    count(&h->row, h->at < h->r->seconds_len ? h->r->seconds[h->at].users : 0);
    count(&h->row, frame->started);
    count(&h->row, frame->outcomes[PELT_OUTCOME_OK]);
    count(&h->row, report_errors(frame));
    count(&h->row, frame->bytes_sent);
    count(&h->row, frame->bytes_received);
    times(&h->row, &frame->hist[PELT_HIST_RESPONSE]);
    percentile(&h->row, &frame->hist[PELT_HIST_SERVICE], 50);
    percentile(&h->row, &frame->hist[PELT_HIST_SERVICE], 99);
    end_row(&h->row);
}

static enum pelt_status write_stats_history(const struct pelt_results *r, FILE *out,
                                            struct pelt_error *err)
{
    struct history h = {.r = r, .row = {.out = out}};
    fputs("t,name,users,started,ok,errors,bytes_sent,bytes_received," TIMES_HEADER(
              "response") ",service_p50_ms,"
                          "service_p99_ms\n",
          out);
    return pelt_results_each_request_second(r, on_request_second, &h, err);
}

/* used, max, events, then what counters and caches counted in the second: of each kind its own. */
static void server_row(struct row *row, const struct pelt_results *r, int32_t t,
                       const struct pelt_server_row *s)
{
    const struct pelt_server_figure_row *f = &r->figures[s->figure];
    const bool limit = f->kind == PELT_SERVER_LIMIT, cache = f->kind == PELT_SERVER_CACHE;
    const double none = (double)NAN, lookups = s->more[0] + s->more[1];
    exact(row, t);
    text(row, r->agents[f->agent].name);
    text(row, f->name);
    exact(row, cache ? s->last[3] : f->kind == PELT_SERVER_COUNTER ? none : s->last[0]);
    exact(row, cache ? s->last[4] : limit ? s->last[1] : none);
    exact(row, limit && isfinite(s->last[2]) ? s->more[2] : none);
    text(row, f->target);
    text(row, pelt_server_kind_name(f->kind));
    text(row, f->unit);
    exact(row, s->most);
    exact(row, f->kind == PELT_SERVER_COUNTER ? s->more[0] : none);
    exact(row, cache ? s->more[0] : none);
    exact(row, cache ? s->more[1] : none);
    exact(row, cache && lookups >= PELT_LOOKUPS_MIN ? s->more[0] / lookups : none);
    exact(row, cache && isfinite(s->last[2]) ? s->more[2] : none);
    exact(row, f->kind == PELT_SERVER_COUNTER ? none : s->mean);
    end_row(row);
}

static enum pelt_status write_server_history(const struct pelt_results *r, FILE *out,
                                             struct pelt_error *err)
{
    struct row row = {.out = out};
    struct pelt_server_walk *w = NULL;
    const struct pelt_server_row *rows;
    size_t len;
    int32_t t;
    fputs("t,agent,limit,used,max,events,target,kind,unit,most,count,hits,misses,hit_share,"
          "evictions,mean\n",
          out);
    enum pelt_status status = pelt_server_walk_new(r, &w, err);
    while (status == PELT_OK) {
        status = pelt_server_walk_next(w, &t, &rows, &len, err);
        for (size_t i = 0; status == PELT_OK && i < len; i++) {
            server_row(&row, r, t, &rows[i]);
        }
    }
    pelt_server_walk_free(w);
    return status == PELT_EOF ? PELT_OK : status;
}

static enum pelt_status write_failures(const struct pelt_results *r, FILE *out,
                                       struct pelt_error *err)
{
    struct row row = {.out = out};
    fputs("class,name,count,first_s,last_s,sample\n", out);
    for (size_t i = 0; i < r->errors_len; i++) {
        const struct pelt_error_row *e = &r->errors[i];
        text(&row, pelt_outcome_name(e->outcome));
        text(&row, request_name(r, e->series));
        count(&row, e->e.count);
        number(&row, (double)e->e.first_ns / (double)PELT_NS_PER_S);
        number(&row, (double)e->e.last_ns / (double)PELT_NS_PER_S);
        text(&row, e->e.sample);
        end_row(&row);
    }
    return PELT_OK;
}

static enum pelt_status write_checks(const struct pelt_results *r, FILE *out,
                                     struct pelt_error *err)
{
    struct row row = {.out = out};
    fputs("name,passed,failed,passed_share,first_failure_t\n", out);
    for (size_t i = 0; i < r->checks_len; i++) {
        const struct pelt_check_row *c = &r->checks[i];
        text(&row, pelt_registry_name(r->names, PELT_NAME_CHECK, c->check));
        count(&row, c->passed);
        count(&row, c->failed);
        share(&row, report_share(c->passed, c->passed + c->failed));
        next_field(&row);
        if (c->failed > 0) {
            fprintf(out, "%d", c->first_failed_t);
        }
        end_row(&row);
    }
    return PELT_OK;
}

/* The columns behind name, type, tags, unit, which the type fills in part. */
static void metric_figures(struct row *row, const struct pelt_results *r,
                           const struct report_series *s)
{
    const struct pelt_metric *metric = s->metric;
    const struct pelt_metric_frame *f = s->frame, *late = pelt_results_after_metric(r, s->id);
    switch (metric->type) {
    case PELT_METRIC_COUNTER:
        number(row, pelt_results_per_s(r, f->sum, late->sum) / pelt_metric_scale(metric));
        empty(row, 2);
        exact(row, (double)f->sum / pelt_metric_scale(metric));
        empty(row, 9);
        return;
    case PELT_METRIC_GAUGE:
        empty(row, 1);
        exact(row, f->last);
        empty(row, 2);
        exact(row, f->min);
        empty(row, 7);
        exact(row, f->max);
        return;
    case PELT_METRIC_SHARE:
        empty(row, 2);
        share(row, report_share(f->sum, f->values));
        count(row, f->values);
        empty(row, 9);
        return;
    case PELT_METRIC_TREND:
        number(row, pelt_results_per_s(r, f->values, late->values));
        empty(row, 2);
        trend_figures(row, &f->hist, pelt_metric_scale(metric));
        return;
    case PELT_METRIC_TYPES:
        return;
    }
}

static enum pelt_status write_metrics(const struct pelt_results *r, FILE *out,
                                      struct pelt_error *err)
{
    struct row row = {.out = out};
    fputs("name,type,tags,unit,per_second,last,share,count,min,mean,p50,p90,p95,p99,p99.9,p99.99,"
          "max\n",
          out);
    struct report_series series[PELT_METRIC_SERIES_MAX];
    size_t len = report_metrics(r, r->total, series);
    for (size_t i = 0; i < len; i++) {
        const struct pelt_metric *metric = series[i].metric;
        text(&row, metric->name);
        text(&row, pelt_metric_type_name(metric->type));
        text(&row, series[i].tags);
        text(&row, metric->unit);
        metric_figures(&row, r, &series[i]);
        end_row(&row);
    }
    return PELT_OK;
}

/* What else was asked for, and which seconds the value is of; empty: not asked for, the whole load.
 */
static void threshold_time(struct row *row, const struct pelt_threshold *t,
                           const struct pelt_verdict_line *line)
{
    bool window = line->to_s > 0;
    exact(row, t->limit_ms > 0 ? t->limit_ms : (double)NAN);
    exact(row, t->over_s > 0 ? t->over_s : (double)NAN);
    exact(row, t->for_s > 0 ? t->for_s : (double)NAN);
    exact(row, t->trend ? 1 : (double)NAN);
    exact(row, t->abort ? 1 : (double)NAN);
    exact(row, t->delay_s > 0 ? t->delay_s : (double)NAN);
    exact(row, window ? line->from_s : (double)NAN);
    exact(row, window ? line->to_s : (double)NAN);
    exact(row, line->aborted ? 1 : (double)NAN);
}

static enum pelt_status write_thresholds(const struct pelt_results *r, FILE *out,
                                         struct pelt_error *err)
{
    struct row row = {.out = out};
    fputs("metric,name,stat,unit,value,level,target,warning,critical,max,min,why,t_ms,over_s,for_s,"
          "trend,abort,delay_s,from_s,to_s,aborted\n",
          out);
    for (size_t i = 0; i < r->thresholds_len; i++) {
        const struct pelt_threshold *t = &r->thresholds[i].threshold;
        const struct pelt_verdict_line *line = &r->thresholds[i].line;
        bool judged = r->thresholds[i].judged;
        char name[PELT_NAME_MAX + 1];
        pelt_threshold_name(t, name);
        text(&row, t->metric);
        text(&row, name);
        text(&row, t->stat);
        text(&row, pelt_unit_name(t->unit));
        double value = judged && line->has_value ? line->value : (double)NAN;
        (t->unit == PELT_UNIT_MS ? number : exact)(&row, value);
        text(&row, pelt_level_name(judged ? line->level : PELT_LEVEL_UNJUDGED));
        exact(&row, t->single ? (double)NAN : t->target);
        exact(&row, t->single ? (double)NAN : t->warning);
        exact(&row, t->single ? (double)NAN : t->critical);
        exact(&row, t->single && t->lower_is_better ? t->critical : (double)NAN);
        exact(&row, t->single && !t->lower_is_better ? t->critical : (double)NAN);
        text(&row, judged ? line->why : "");
        threshold_time(&row, t, judged ? line : &(struct pelt_verdict_line){0});
        end_row(&row);
    }
    return PELT_OK;
}

/* kind, name, outcome, sent, count, bytes_sent, bytes_received, sample */
static void outside_request(struct row *row, const struct pelt_results *r, uint32_t id,
                            const struct pelt_request_frame *frame)
{
    text(row, "request");
    text(row, request_name(r, id));
    text(row, "all");
    empty(row, 1);
    count(row, frame->started);
    count(row, frame->bytes_sent);
    count(row, frame->bytes_received);
    empty(row, 1);
    end_row(row);
}

static void outside_outcome(struct row *row, const struct pelt_results *r, uint32_t id,
                            enum pelt_outcome outcome)
{
    const struct pelt_error_frame *kept = pelt_frame_find_error(r->outside, id, outcome);
    text(row, "request");
    text(row, request_name(r, id));
    text(row, pelt_outcome_name(outcome));
    text(row, sent_name(pelt_outcome_sent(outcome)));
    count(row, r->outside->requests[id]->outcomes[outcome]);
    empty(row, 2);
    text(row, kept != NULL ? kept->sample : "");
    end_row(row);
}

static void outside_check(struct row *row, const char *name, const char *outcome, uint64_t n)
{
    text(row, "check");
    text(row, name);
    text(row, outcome);
    empty(row, 1);
    count(row, n);
    empty(row, 3);
    end_row(row);
}

/* A counter's sum; of the others how many values there were: JSON has the rest. */
static void outside_metric(struct row *row, const struct pelt_results *r,
                           const struct report_series *series)
{
    char name[PELT_METRIC_TEXT];
    bool counter = series->metric->type == PELT_METRIC_COUNTER;
    pelt_metrics_format(pelt_registry_metrics(r->names), series->id, name, sizeof name);
    text(row, "metric");
    text(row, name);
    empty(row, 2);
    count(row, counter ? series->frame->sum : series->frame->values);
    empty(row, 3);
    end_row(row);
}

/* What setup and teardown did, which is in no other table. */
static enum pelt_status write_setup_teardown(const struct pelt_results *r, FILE *out,
                                             struct pelt_error *err)
{
    struct row row = {.out = out};
    fputs("kind,name,outcome,sent,count,bytes_sent,bytes_received,sample\n", out);
    REPORT_EACH_REQUEST(r->outside, id, frame)
    {
        outside_request(&row, r, id, frame);
        for (int o = 0; o < PELT_OUTCOME_COUNT; o++) {
            if (frame->outcomes[o] > 0) {
                outside_outcome(&row, r, id, o);
            }
        }
    }
    REPORT_EACH_CHECK(r->outside, id, check)
    {
        const char *name = pelt_registry_name(r->names, PELT_NAME_CHECK, id);
        outside_check(&row, name, "passed", check->passed);
        outside_check(&row, name, "failed", check->failed);
    }
    struct report_series series[PELT_METRIC_SERIES_MAX];
    size_t len = report_metrics(r, r->outside, series);
    for (size_t i = 0; i < len; i++) {
        outside_metric(&row, r, &series[i]);
    }
    return PELT_OK;
}

const struct report_csv_file report_csv_files[REPORT_CSV_FILES] = {
    {"stats.csv", write_stats},
    {"stats_history.csv", write_stats_history},
    {"server_history.csv", write_server_history},
    {"failures.csv", write_failures},
    {"checks.csv", write_checks},
    {"metrics.csv", write_metrics},
    {"thresholds.csv", write_thresholds},
    {"setup_teardown.csv", write_setup_teardown},
};
