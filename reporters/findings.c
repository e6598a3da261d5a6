/*
 * findings: see the header.
 */
#include "findings.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "figures.h"
#include "json.h"
#include "text.h"

#define ROWS_SHOWN  40 /* of a table; JSON has all */
#define LABEL_WIDTH 12

struct pelt_findings *report_findings_of(const struct pelt_results *r)
{
    struct pelt_error err = {""};
    struct pelt_findings *f = NULL;
    if (pelt_findings_make(r, &f, &err) == PELT_OK) {
        return f;
    }
    f = calloc(1, sizeof *f);
    if (f != NULL && (f->list = calloc(1, sizeof *f->list)) != NULL) {
        f->len = 1;
        snprintf(f->list->kind, sizeof f->list->kind, "unavailable");
        snprintf(f->list->text, sizeof f->list->text, "findings cannot be made: %.280s", err.text);
    }
    return f;
}

/* ---- tables ---- */

enum cell { SECONDS, LEVEL, RATE, MS, SHARE, COUNT, TENTHS };

struct column {
    const char *head, *figure;
    enum cell cell;
    int width;
};

#define COLUMNS_MAX 8
static const struct table {
    const char *kind;
    struct column columns[COLUMNS_MAX]; /* up to the first without a head */
} tables[] = {
    {"spike",
     {{"from", "from_s", SECONDS, 8},
      {"level", "level", LEVEL, 8},
      {"p99", "p99_ms", MS, 9},
      {"slowest", "max_ms", MS, 9},
      {"errors", "errors", COUNT, 9},
      {"backlog", "backlog", COUNT, 9},
      {"recovery", "recovery_s", SECONDS, 10}}},
    {"step",
     {{"from", "from_s", SECONDS, 8},
      {"level", "level", LEVEL, 8},
      {"ok", "ok_per_s", RATE, 11},
      {"p99", "p99_ms", MS, 9},
      {"errors", "errors_share", SHARE, 9},
      {"in flight", "in_flight", TENTHS, 11}}},
    {"trial",
     {{"from", "from_s", SECONDS, 8},
      {"ok", "ok_per_s", RATE, 11},
      {"p50", "p50_ms", MS, 9},
      {"p99", "percentile_ms", MS, 9},
      {"errors", "errors_share", SHARE, 9}}},
};

static void cell_words(enum cell cell, double value, char out[REPORT_TEXT_MAX])
{
    if (!isfinite(value)) {
        snprintf(out, REPORT_TEXT_MAX, "-");
        return;
    }
    switch (cell) {
    case SECONDS:
        snprintf(out, REPORT_TEXT_MAX, "%.1fs", value);
        break;
    case LEVEL:
        snprintf(out, REPORT_TEXT_MAX, "%.*f", value < 1000 && value != round(value) ? 1 : 0,
                 value);
        break;
    case RATE:
        report_text_rate(value, out);
        break;
    case MS:
        report_text_time_ms(value, out);
        break;
    case SHARE:
        report_text_share(value, out);
        break;
    case COUNT:
        report_text_count((uint64_t)fmax(round(value), 0), out);
        break;
    case TENTHS:
        snprintf(out, REPORT_TEXT_MAX, "%.1f", value);
        break;
    }
}

/* How many columns of the table fit; `*used`: what they take. */
static size_t columns_fit(const struct table *t, int width, int *used)
{
    size_t len = 0;
    *used = 2 + LABEL_WIDTH;
    while (t->columns[len].head != NULL && *used + t->columns[len].width <= width) {
        *used += t->columns[len++].width;
    }
    return len;
}

/* p50 was asked for, which has a column of its own. */
static bool is_twice(const struct column *c, const struct pelt_finding *row)
{
    return strcmp(c->figure, "percentile_ms") == 0 && pelt_finding_value(row, "percentile") == 50;
}

static void print_head(const struct table *t, const struct pelt_finding *first, FILE *out,
                       int width)
{
    int used;
    const size_t columns = columns_fit(t, width, &used);
    double q = pelt_finding_value(first, "percentile");
    fprintf(out, "  %-*s", LABEL_WIDTH, t->kind);
    for (const struct column *c = t->columns; c < t->columns + columns; c++) {
        char head[REPORT_TEXT_MAX];
        if (is_twice(c, first)) {
            continue;
        }
        bool percentile = strcmp(c->figure, "percentile_ms") == 0 && isfinite(q);
        if (percentile) {
            snprintf(head, sizeof head, "p%g", q);
        } else {
            snprintf(head, sizeof head, "%s", c->head);
        }
        fprintf(out, "%*s", c->width, head);
    }
    fputc('\n', out);
}

static void print_row(const struct table *t, const struct pelt_finding *f, FILE *out, int width)
{
    int used;
    const size_t columns = columns_fit(t, width, &used);
    char label[LABEL_WIDTH + 4];
    snprintf(label, sizeof label, "%.7s %.7s", f->about, f->part);
    fprintf(out, "  %-*s", LABEL_WIDTH, label);
    for (const struct column *c = t->columns; c < t->columns + columns; c++) {
        char words[REPORT_TEXT_MAX];
        if (!is_twice(c, f)) {
            cell_words(c->cell, pelt_finding_value(f, c->figure), words);
            fprintf(out, "%*s", c->width, words);
        }
    }
    double judged = pelt_finding_value(f, "judged"), holds = pelt_finding_value(f, "holds");
    bool cut = pelt_finding_value(f, "cut") == 1;
    if ((cut || isfinite(judged)) && used + 10 <= width) {
        fprintf(out, "  %s",
                cut           ? "cut"
                : judged == 0 ? "unjudged"
                : holds != 0  ? "holds"
                              : "breaks");
    }
    fputc('\n', out);
}

static void print_table(const struct table *t, const struct pelt_findings *f, FILE *out, int width)
{
    size_t rows = 0;
    for (size_t i = 0; i < f->len; i++) {
        const struct pelt_finding *row = &f->list[i];
        if (!row->row || strcmp(row->kind, t->kind) != 0) {
            continue;
        }
        if (rows == 0) {
            print_head(t, row, out, width);
        }
        if (rows++ < ROWS_SHOWN) {
            print_row(t, row, out, width);
        }
    }
    if (rows > ROWS_SHOWN) {
        fprintf(out, "  ... and %zu more %ss; --out json=PATH has all\n", rows - ROWS_SHOWN,
                t->kind);
    }
}

static void print_lines(const struct pelt_lines *lines, const char *before, FILE *out, int width)
{
    char text[PELT_LINE_TEXT + 16];
    for (size_t i = 0; i < lines->len; i++) {
        snprintf(text, sizeof text, "%s%s", before, lines->line[i]);
        report_text_sentence(out, text, width, 4);
    }
}

void report_findings_print(const struct pelt_findings *f, FILE *out, int width)
{
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
        print_table(&tables[i], f, out, width);
    }
    for (size_t i = 0; i < f->len; i++) {
        if (!f->list[i].row) {
            report_text_sentence(out, f->list[i].text, width, 2);
            print_lines(&f->list[i].evidence, "", out, width);
            print_lines(&f->list[i].advice, "next: ", out, width);
        }
    }
}

/* ---- JSON ---- */

static json_t *figure_json(const struct pelt_figure *f)
{
    if (f->type == PELT_FIGURE_FLAG) {
        return json_boolean(f->value != 0);
    }
    if (!isfinite(f->value)) {
        return json_null();
    }
    if (f->type == PELT_FIGURE_COUNT) {
        return json_integer((json_int_t)f->value);
    }
    size_t len = strlen(f->name);
    bool ms = len > 3 && strcmp(f->name + len - 3, "_ms") == 0;
    char digits[32];
    snprintf(digits, sizeof digits, "%.6g", f->value); /* no figure here is known better */
    return json_real(ms ? report_round3(f->value) : strtod(digits, NULL));
}

static void set_lines(json_t *o, const char *key, const struct pelt_lines *lines)
{
    if (lines->len > 0) {
        json_t *list = json_array();
        for (size_t i = 0; i < lines->len; i++) {
            json_array_append_new(list, report_json_text(lines->line[i]));
        }
        json_object_set_new(o, key, list);
    }
}

json_t *report_finding_json(const struct pelt_finding *f)
{
    json_t *o = json_object();
    json_object_set_new(o, "kind", json_string(f->kind));
    if (f->about[0] != '\0') {
        json_object_set_new(o, "about", report_json_text(f->about));
    }
    if (strcmp(f->kind, "bottleneck") == 0) {
        json_object_set_new(o, "limit", report_json_text(f->about));
    }
    if (f->part[0] != '\0') {
        json_object_set_new(o, "part", json_string(f->part));
    }
    for (size_t i = 0; i < f->figures_len; i++) {
        json_object_set_new(o, f->figures[i].name, figure_json(&f->figures[i]));
    }
    if (f->reason[0] != '\0') {
        json_object_set_new(o, "reason", report_json_text(f->reason));
    }
    if (f->runner_up[0] != '\0') {
        json_object_set_new(o, "runner_up", report_json_text(f->runner_up));
    }
    json_object_set_new(o, "text", report_json_text(f->text));
    set_lines(o, "evidence", &f->evidence);
    set_lines(o, "advice", &f->advice);
    return o;
}

/* ---- the short summary ---- */

/* `name` as part of a key. */
static void key_of(const char *name, char out[PELT_NAME_MAX + 1])
{
    size_t len = 0;
    for (const char *c = name; *c != '\0' && len < PELT_NAME_MAX; c++) {
        bool plain =
            (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') || (*c >= '0' && *c <= '9');
        if (plain) {
            out[len++] = *c;
        } else if (len > 0 && out[len - 1] != '_') {
            out[len++] = '_';
        }
    }
    if (len > 0 && out[len - 1] == '_') {
        len--;
    }
    out[len] = '\0';
}

static void set_latency(json_t *o, const char *key, const char *stat, json_t *value)
{
    char whole[PELT_NAME_MAX + 48];
    snprintf(whole, sizeof whole, "%s_latency_%s_ms", key, stat);
    json_object_set_new(o, whole, value);
}

static json_t *percentile_json(const struct pelt_hist *h, double q)
{
    double ms;
    return report_percentile_ms(h, q, &ms) ? json_real(report_round3(ms)) : json_null();
}

/* "KEY", or if that is taken "KEY_2" ... */
static void free_key(const json_t *o, const char *name, char out[PELT_NAME_MAX + 16])
{
    char key[PELT_NAME_MAX + 1], taken[PELT_NAME_MAX + 48];
    key_of(name, key);
    snprintf(out, PELT_NAME_MAX + 16, "%s", key);
    for (unsigned n = 2;; n++) {
        snprintf(taken, sizeof taken, "%s_latency_avg_ms", out);
        if (json_object_get(o, taken) == NULL) {
            return;
        }
        snprintf(out, PELT_NAME_MAX + 16, "%s_%u", key, n);
    }
}

/* Mean of all series of ws_connect; null: no WebSocket was opened. */
static json_t *ws_connect_json(const struct pelt_results *r)
{
    struct report_series series[PELT_METRIC_SERIES_MAX];
    const size_t len = report_metrics(r, r->total, series);
    double sum_us = 0;
    uint64_t count = 0;
    for (size_t i = 0; i < len; i++) {
        if (strcmp(series[i].metric->name, "ws_connect") == 0) {
            const struct pelt_hist *h = &series[i].frame->hist;
            count += h->count;
            sum_us += pelt_hist_mean_us(h) * (double)h->count;
        }
    }
    return count > 0 ? json_real(report_round3(sum_us / (double)count / 1000)) : json_null();
}

json_t *report_summary_json(const struct pelt_results *r)
{
    const struct report_totals t = report_totals(r->total);
    json_t *o = json_object(), *types = json_object();
    REPORT_EACH_REQUEST(r->total, id, frame)
    {
        const struct pelt_hist *h = &frame->hist[PELT_HIST_RESPONSE];
        char key[PELT_NAME_MAX + 16];
        free_key(o, pelt_registry_name(r->names, PELT_NAME_REQUEST, id), key);
        set_latency(o, key, "avg",
                    h->count > 0 ? json_real(report_round3(pelt_hist_mean_us(h) / 1000))
                                 : json_null());
        set_latency(o, key, "p95", percentile_json(h, 95));
        set_latency(o, key, "p99", percentile_json(h, 99));
    }
    for (int i = 0; i < PELT_OUTCOME_COUNT; i++) {
        if (pelt_outcome_is_error(i) && t.outcomes[i] > 0) {
            json_object_set_new(types, pelt_outcome_name(i),
                                json_integer((json_int_t)t.outcomes[i]));
        }
    }
    json_object_set_new(o, "ws_connect_avg_ms", ws_connect_json(r));
    json_object_set_new(o, "total_errors", json_integer((json_int_t)t.errors));
    json_object_set_new(o, "error_types", types);
    return o;
}
