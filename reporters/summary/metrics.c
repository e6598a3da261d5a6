/*
 * metrics: the series of the metrics that the script declared.
 */
#include "sections.h"

#include <string.h>

#include "figures.h"
#include "pelt/own_metric.h"
#include "served.h"
#include "text.h"

#define METRIC_WIDTH 50 /* columns of the figures of a series */

/* A value of a trend: a time, or a number. */
static void trend_value(const struct pelt_metric *m, double value, char out[REPORT_TEXT_MAX])
{
    (pelt_metric_is_time(m) ? report_text_time_ms : report_text_number)(value, out);
}

/* "p50 1.2ms  p95 3ms  p99 n/a  max 4ms  of 1,000" */
static void trend_text(const struct pelt_metric *m, const struct pelt_hist *h, char *out,
                       size_t size)
{
    static const int SHOWN[] = {0, 2, 3}; /* of report_percentiles */
    const double scale = pelt_metric_scale(m);
    char value[REPORT_TEXT_MAX], count[REPORT_TEXT_MAX];
    size_t at = 0;
    for (size_t i = 0; i < sizeof SHOWN / sizeof *SHOWN; i++) {
        const struct report_percentile *p = &report_percentiles[SHOWN[i]];
        double q;
        snprintf(value, sizeof value, "n/a");
        if (report_percentile(h, p->q, scale, &q)) {
            trend_value(m, q, value);
        }
        at += (size_t)snprintf(out + at, size - at, "%s %s  ", p->name, value);
    }
    trend_value(m, (double)h->max_us / scale, value);
    report_text_count(h->count, count);
    snprintf(out + at, size - at, "max %s  of %s", h->count > 0 ? value : "-", count);
}

static void metric_text(struct report_page *p, const struct report_series *s, char *out,
                        size_t size)
{
    const struct pelt_metric *m = s->metric;
    const struct pelt_metric_frame *f = s->frame;
    char a[REPORT_TEXT_MAX], b[REPORT_TEXT_MAX], c[REPORT_TEXT_MAX];
    switch (m->type) {
    case PELT_METRIC_COUNTER:
        report_text_number((double)f->sum / pelt_metric_scale(m), a);
        report_text_rate(
            pelt_results_per_s(p->r, f->sum, pelt_results_after_metric(p->r, s->id)->sum) /
                pelt_metric_scale(m),
            b);
        snprintf(out, size, "%s  %s", a, b);
        return;
    case PELT_METRIC_GAUGE:
        report_text_number(f->last, a);
        report_text_number(f->min, b);
        report_text_number(f->max, c);
        snprintf(out, size, "last %s  min %s  max %s", a, b, c);
        return;
    case PELT_METRIC_SHARE:
        report_text_share(report_share(f->sum, f->values), a);
        report_text_count(f->values, b);
        snprintf(out, size, "%s  of %s", a, b);
        return;
    case PELT_METRIC_TREND:
        trend_text(m, &f->hist, out, size);
        return;
    case PELT_METRIC_TYPES:
        return;
    }
}

/* "  orders{route=a}   1,234  61.7/s" */
static void metric_row(struct report_page *p, const struct report_series *s)
{
    const int wanted = p->width - 4 - METRIC_WIDTH, name_width = wanted > 16 ? wanted : 16;
    char name[PELT_METRIC_TEXT + PELT_METRIC_UNIT_MAX + 4], line[8 * REPORT_TEXT_MAX];
    pelt_metrics_format(pelt_registry_metrics(p->r->names), s->id, name, PELT_METRIC_TEXT);
    if (s->metric->type == PELT_METRIC_TREND && !pelt_metric_is_time(s->metric)) {
        size_t used = strlen(name);
        snprintf(name + used, sizeof name - used, " (%s)", s->metric->unit);
    }
    metric_text(p, s, line, sizeof line);
    report_text_name(p->out, name, name_width, p->width);
    fputs("  ", p->out);
    report_text_print(p->out, line, p->width - name_width - 4, 0);
    fputc('\n', p->out);
}

/* Websockets have a section of their own; what servers and caches said of their answers, too
 * (served.c). */
enum family { OF_WEBSOCKETS, OF_SERVERS, OTHERS };

static enum family family_of(const struct report_series *s)
{
    if (report_served_has(s)) {
        return OF_SERVERS;
    }
    return strncmp(s->metric->name, "ws_", 3) == 0 ? OF_WEBSOCKETS : OTHERS;
}

/* How pelt's own are reckoned where tools differ, each once. `series` is sorted by metric. */
static void definitions(struct report_page *p, const struct report_series *series, size_t len)
{
    const struct pelt_metric *before = NULL;
    for (size_t i = 0; i < len; i++) {
        const struct pelt_metric *m = series[i].metric;
        const char *said = m != before ? pelt_own_metric_definition(m->name) : NULL;
        if (said != NULL) {
            char line[300];
            snprintf(line, sizeof line, "%s = %s", m->name, said);
            fputs("    ", p->out);
            report_text_hanging(p->out, line, p->width, 8);
        }
        before = m;
    }
}

static void metric_rows(struct report_page *p, const char *title,
                        const struct report_series *series, size_t len, enum family family)
{
    size_t shown = 0;
    for (size_t i = 0; i < len; i++) {
        if (family_of(&series[i]) != family) {
            continue;
        }
        if (shown == 0) {
            report_page_heading(p, title);
        }
        if (shown++ < REPORT_ROWS_SHOWN) {
            metric_row(p, &series[i]);
        }
    }
    report_page_more(p, shown, REPORT_ROWS_SHOWN, "series of metrics");
}

void report_section_metrics(struct report_page *p)
{
    struct report_series series[PELT_METRIC_SERIES_MAX];
    const size_t len = report_metrics(p->r, p->r->total, series);
    metric_rows(p, "websockets\n", series, len, OF_WEBSOCKETS);
    metric_rows(p, "metrics\n", series, len, OTHERS);
    definitions(p, series, len);
}
