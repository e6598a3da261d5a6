/*
 * exposition: see the header. https://prometheus.io/docs/specs/om/open_metrics_spec/
 *
 * A family's samples stand together, so each is a walk of its own over the series.
 */
#include "pelt/exposition.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "figures.h"
#include "text.h"

struct page {
    FILE *out;
    const struct report_exposition *e;
};

void report_exposition_label(FILE *out, const char *text)
{
    fputc('"', out);
    for (const unsigned char *s = (const unsigned char *)text; *s != '\0';) {
        const size_t len = report_text_utf8(s);
        if (*s == '\n') {
            fputs("\\n", out);
        } else if (*s == '"' || *s == '\\') {
            fprintf(out, "\\%c", *s);
        } else {
            fwrite(len > 0 ? (const char *)s : "\xef\xbf\xbd", 1, len > 0 ? len : 3, out);
        }
        s += len > 0 ? len : 1;
    }
    fputc('"', out);
}

static void head(FILE *out, const char *name, const char *suffix, const char *type,
                 const char *unit, const char *help)
{
    fprintf(out, "# HELP %s%s %s\n# TYPE %s%s %s\n", name, suffix, help, name, suffix, type);
    if (unit != NULL && unit[0] != '\0') {
        fprintf(out, "# UNIT %s%s %s\n", name, suffix, unit);
    }
}

void report_exposition_gauge(FILE *out, const char *name, const char *unit, const char *help)
{
    head(out, name, "", "gauge", unit, help);
}

void report_exposition_end(FILE *out)
{
    fputs("# EOF\n", out);
}

/* ---- values ---- */

/* Of a counter's samples. */
static const char *total_of(const struct page *p)
{
    return p->e->form == REPORT_EXPOSITION_FINAL ? "" : "_total";
}

static void counter_head(const struct page *p, const char *name, const char *unit, const char *help)
{
    const bool final = p->e->form == REPORT_EXPOSITION_FINAL;
    head(p->out, name, p->e->form == REPORT_EXPOSITION_TEXT ? "_total" : "",
         final ? "gauge" : "counter", p->e->form == REPORT_EXPOSITION_TEXT ? NULL : unit, help);
}

static void count_line(const struct page *p, uint64_t value)
{
    fprintf(p->out, " %llu\n", (unsigned long long)value);
}

static const char *request_name(const struct page *p, uint32_t id)
{
    return pelt_registry_name(p->e->names, PELT_NAME_REQUEST, id);
}

static void count(const struct page *p, const char *name, const char *unit, const char *help,
                  uint64_t value)
{
    counter_head(p, name, unit, help);
    fprintf(p->out, "%s%s", name, total_of(p));
    count_line(p, value);
}

static void gauge(const struct page *p, const char *name, const char *unit, const char *help,
                  double value)
{
    report_exposition_gauge(p->out, name, unit, help);
    fprintf(p->out, "%s %.15g\n", name, value);
}

/* ---- summaries ---- */

/* Percentiles for which there are enough samples; `label`: "" or `key="value"`. */
static void summary(const struct page *p, const char *name, const char *label,
                    const struct pelt_hist *h, double scale)
{
    const char *comma = label[0] != '\0' ? "," : "";
    for (int i = 0; i < REPORT_PERCENTILES; i++) {
        double value;
        if (report_percentile(h, report_percentiles[i].q, scale, &value)) {
            fprintf(p->out, "%s{%s%squantile=\"%.15g\"} %.15g\n", name, label, comma,
                    report_percentiles[i].q / 100, value);
        }
    }
    const char *open = label[0] != '\0' ? "{" : "", *close = label[0] != '\0' ? "}" : "";
    fprintf(p->out, "%s_sum%s%s%s %.15g\n", name, open, label, close,
            h->count > 0 ? pelt_hist_mean_us(h) * (double)h->count / scale : 0.0);
    fprintf(p->out, "%s_count%s%s%s %llu\n", name, open, label, close,
            (unsigned long long)h->count);
}

/* `label` of `size` bytes becomes key="value". False: out of memory. */
static bool write_label(char **label, const char *key, const char *value)
{
    size_t size = 0;
    FILE *out = open_memstream(label, &size);
    if (out == NULL) {
        return false;
    }
    fprintf(out, "%s=", key);
    report_exposition_label(out, value);
    return fclose(out) == 0;
}

static bool summaries(const struct page *p, const char *name, enum pelt_request_hist kind,
                      const char *help)
{
    head(p->out, name, "", "summary", "seconds", help);
    REPORT_EACH_REQUEST(p->e->total, id, frame)
    {
        char *label = NULL;
        if (!write_label(&label, "request", request_name(p, id))) {
            return false;
        }
        summary(p, name, label, &frame->hist[kind], 1e6);
        free(label);
    }
    return true;
}

static void run_summary(const struct page *p, const char *name, enum pelt_run_hist kind,
                        const char *help)
{
    head(p->out, name, "", "summary", "seconds", help);
    summary(p, name, "", &p->e->total->hist[kind], 1e6);
}

/* ---- requests and checks ---- */

static void request_counts(const struct page *p)
{
    counter_head(p, "pelt_requests", NULL, "Exchanges that were started.");
    REPORT_EACH_REQUEST(p->e->total, id, frame)
    {
        fprintf(p->out, "pelt_requests%s{request=", total_of(p));
        report_exposition_label(p->out, request_name(p, id));
        fputc('}', p->out);
        count_line(p, frame->started);
    }
    counter_head(p, "pelt_outcomes", NULL, "Exchanges that ended, by outcome.");
    REPORT_EACH_REQUEST(p->e->total, id, frame)
    {
        for (int o = 0; o < PELT_OUTCOME_COUNT; o++) {
            if (frame->outcomes[o] > 0) {
                fprintf(p->out, "pelt_outcomes%s{request=", total_of(p));
                report_exposition_label(p->out, request_name(p, id));
                fprintf(p->out, ",outcome=\"%s\"}", pelt_outcome_name(o));
                count_line(p, frame->outcomes[o]);
            }
        }
    }
    for (int sent = 1; sent >= 0; sent--) {
        const char *name = sent ? "pelt_sent_bytes" : "pelt_received_bytes";
        counter_head(p, name, "bytes", sent ? "Bytes that were sent." : "Bytes that came.");
        REPORT_EACH_REQUEST(p->e->total, id, frame)
        {
            fprintf(p->out, "%s%s{request=", name, total_of(p));
            report_exposition_label(p->out, request_name(p, id));
            fputc('}', p->out);
            count_line(p, sent ? frame->bytes_sent : frame->bytes_received);
        }
    }
}

static void check_counts(const struct page *p)
{
    counter_head(p, "pelt_checks", NULL, "Checks, by what came of them.");
    REPORT_EACH_CHECK(p->e->total, id, c)
    {
        for (int passed = 1; passed >= 0; passed--) {
            fprintf(p->out, "pelt_checks%s{check=", total_of(p));
            report_exposition_label(p->out, pelt_registry_name(p->e->names, PELT_NAME_CHECK, id));
            fprintf(p->out, ",result=\"%s\"}", passed ? "passed" : "failed");
            count_line(p, passed ? c->passed : c->failed);
        }
    }
}

/* ---- metrics of the script, and pelt's own beside requests ---- */

#define FAMILY_NAME (PELT_METRIC_NAME_MAX + 48)

/* What a name may hold. */
static void clean(char *name)
{
    for (char *c = name; *c != '\0'; c++) {
        *c = isalnum((unsigned char)*c) ? *c : '_';
    }
}

/* "pelt_metric_NAME", with its number among those of the same name, and the unit behind a time. */
static void numbered_name(const struct pelt_metric *metric, unsigned number, char out[FAMILY_NAME])
{
    char name[PELT_METRIC_NAME_MAX + 1], suffix[16] = "";
    snprintf(name, sizeof name, "%s", metric->name);
    clean(name);
    if (number > 1) {
        snprintf(suffix, sizeof suffix, "_%u", number);
    }
    snprintf(out, FAMILY_NAME, "pelt_metric_%s%s%s", name, suffix,
             pelt_metric_is_time(metric) ? "_seconds" : "");
}

/* Two that were told apart may be the same once cleaned. */
static void family_name(struct pelt_metrics *m, uint32_t metric, char out[FAMILY_NAME])
{
    unsigned number = 1;
    numbered_name(pelt_metrics_at(m, metric), 1, out);
    for (uint32_t i = 0; i < metric; i++) {
        char other[FAMILY_NAME];
        numbered_name(pelt_metrics_at(m, i), 1, other);
        number += strcmp(other, out) == 0;
    }
    numbered_name(pelt_metrics_at(m, metric), number, out);
}

/* "key="value",..."; a key is cleaned, and not one of those that mean something. */
static bool write_tags(char **label, const char *tags)
{
    char key[PELT_TAGS_TEXT + 1], value[PELT_TAGS_TEXT + 1];
    size_t size = 0;
    FILE *out = open_memstream(label, &size);
    if (out == NULL) {
        return false;
    }
    for (const char *comma = ""; pelt_tags_next(&tags, key, value); comma = ",") {
        const bool odd = isdigit((unsigned char)key[0]) || strncmp(key, "__", 2) == 0 ||
                         strcmp(key, "quantile") == 0;
        clean(key);
        fprintf(out, "%s%s%s=", comma, odd ? "tag_" : "", key);
        report_exposition_label(out, value);
    }
    return fclose(out) == 0;
}

static void metric_sample(const struct page *p, const char *name, const char *label,
                          const struct report_series *s)
{
    const double scale = pelt_metric_scale(s->metric);
    const char *open = label[0] != '\0' ? "{" : "", *close = label[0] != '\0' ? "}" : "";
    switch (s->metric->type) {
    case PELT_METRIC_TREND:
        summary(p, name, label, &s->frame->hist,
                pelt_metric_is_time(s->metric) ? scale * 1000 : scale);
        return;
    case PELT_METRIC_COUNTER:
        fprintf(p->out, "%s%s%s%s%s %.15g\n", name, total_of(p), open, label, close,
                (double)s->frame->sum / scale);
        return;
    case PELT_METRIC_GAUGE:
        fprintf(p->out, "%s%s%s%s %.15g\n", name, open, label, close, s->frame->last);
        return;
    case PELT_METRIC_SHARE:
        fprintf(p->out, "%s%s%s%s %.15g\n", name, open, label, close,
                report_share(s->frame->sum, s->frame->values));
        return;
    case PELT_METRIC_TYPES:
        return;
    }
}

static void metric_head(const struct page *p, const char *name, const struct pelt_metric *metric)
{
    const bool time = pelt_metric_is_time(metric);
    char help[160];
    snprintf(help, sizeof help, "Metric %.60s, a %s%s%.20s.", metric->name,
             pelt_metric_type_name(metric->type), metric->unit[0] != '\0' && !time ? " in " : "",
             time ? "" : metric->unit);
    for (char *c = help; *c != '\0'; c++) {
        *c = *c == '\\' || (unsigned char)*c < ' ' ? '_' : *c;
    }
    if (metric->type == PELT_METRIC_COUNTER) {
        counter_head(p, name, NULL, help);
    } else {
        head(p->out, name, "", metric->type == PELT_METRIC_TREND ? "summary" : "gauge",
             time ? "seconds" : NULL, help);
    }
}

static bool metrics(const struct page *p)
{
    struct pelt_metrics *m = pelt_registry_metrics(p->e->names);
    struct report_series series[PELT_METRIC_SERIES_MAX];
    const size_t len = report_metrics_of(p->e->names, p->e->total, series);
    const struct pelt_metric *before = NULL;
    char name[FAMILY_NAME];
    for (size_t i = 0; i < len; i++) {
        char *label = NULL;
        if (series[i].metric != before) {
            uint32_t id = 0;
            pelt_metrics_tags(m, series[i].id, &id);
            before = series[i].metric;
            family_name(m, id, name);
            metric_head(p, name, before);
        }
        if (!write_tags(&label, series[i].tags)) {
            return false;
        }
        metric_sample(p, name, label, &series[i]);
        free(label);
    }
    return true;
}

/* ---- all ---- */

static void info(const struct page *p)
{
    const struct report_exposition *e = p->e;
    report_exposition_gauge(p->out, "pelt_run_info", NULL, "The run that the figures are of.");
    fputs("pelt_run_info{run_id=", p->out);
    report_exposition_label(p->out, e->run_id != NULL ? e->run_id : "");
    fputs(",scenario=", p->out);
    report_exposition_label(p->out, e->scenario != NULL ? e->scenario : "");
    fputs(",version=", p->out);
    report_exposition_label(p->out, e->version != NULL ? e->version : "");
    fputs("} 1\n", p->out);
}

enum pelt_status report_exposition(FILE *out, const struct report_exposition *e)
{
    const struct page p = {out, e};
    const struct pelt_frame *f = e->total;
    info(&p);
    gauge(&p, "pelt_elapsed_seconds", "seconds", "Length of the load.", e->elapsed_s);
    gauge(&p, "pelt_users", NULL, "Users that are there.", f->users);
    gauge(&p, "pelt_arrivals_waiting", NULL, "Arrivals that wait for a user.", f->waiting);
    count(&p, "pelt_iterations", NULL, "Iterations that ended.", f->iterations);
    count(&p, "pelt_script_errors", NULL, "Lua errors that ended an iteration.", f->script_errors);
    count(&p, "pelt_arrivals_planned", NULL, "Arrivals that fell due.", f->planned);
    count(&p, "pelt_arrivals_dropped", NULL, "Arrivals that were refused, as too many waited.",
          f->dropped);
    count(&p, "pelt_events_lost", NULL, "Events missing in the figures, as memory was out.",
          pelt_frame_lost(f));
    request_counts(&p);
    check_counts(&p);
    bool whole = summaries(&p, "pelt_response_seconds", PELT_HIST_RESPONSE,
                           "Response times, from due to done.") &&
                 summaries(&p, "pelt_service_seconds", PELT_HIST_SERVICE,
                           "Service times, from sent to done.");
    run_summary(&p, "pelt_iteration_seconds", PELT_RUNHIST_ITERATION, "Lengths of iterations.");
    run_summary(&p, "pelt_send_lag_seconds", PELT_RUNHIST_SEND_LAG,
                "How late arrivals were begun.");
    run_summary(&p, "pelt_loop_lag_seconds", PELT_RUNHIST_LOOP_LAG,
                "How long the generator's loops were held up.");
    whole = whole && metrics(&p);
    return whole ? PELT_OK : PELT_ENOMEM;
}
