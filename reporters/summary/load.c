/*
 * load: what was asked for: target, plan, when and how long.
 */
#include "sections.h"

#include <stdlib.h>
#include <string.h>

#include "figures.h"
#include "pelt/clock.h"
#include "pelt/units.h"
#include "text.h"

/* A line for each of several loads side by side, else one. */
static void plan_lines(struct report_page *p, const char *plan, const char *loop)
{
    char line[1100]; /* a run file's plan has at most 1,023 bytes */
    if (strstr(plan, "; ") == NULL) {
        snprintf(line, sizeof line, "%s%s%s%s", plan,
                 plan[0] != '\0' && loop[0] != '\0' ? ", " : "", loop,
                 loop[0] != '\0' ? " loop" : "");
        report_page_labelled_whole(p, "plan", line);
        return;
    }
    for (const char *label = "plan"; plan != NULL; label = "") {
        const char *end = strstr(plan, "; ");
        size_t len = end != NULL ? (size_t)(end - plan) : strlen(plan);
        snprintf(line, sizeof line, "%.*s", (int)len, plan);
        report_page_labelled_whole(p, label, line);
        plan = end != NULL ? end + 2 : NULL;
    }
}

/* Handshakes of the load with this tag. */
static uint64_t handshakes(struct report_page *p, const char *tag)
{
    struct report_series series[PELT_METRIC_SERIES_MAX];
    const size_t len = report_metrics(p->r, p->r->total, series);
    uint64_t n = 0;
    for (size_t i = 0; i < len; i++) {
        bool counts = strcmp(series[i].metric->name, "tls_handshake") == 0 &&
                      pelt_tags_include(series[i].tags, tag);
        n += counts ? series[i].frame->hist.count : 0;
    }
    return n;
}

/* "  tls       OpenSSL 3.0.19: 16 full and 1,984 resumed handshakes" */
static void tls(struct report_page *p)
{
    const char *library = pelt_results_meta(p->r, "tls_library");
    const char *insecure = pelt_results_meta(p->r, "tls_insecure");
    if (library == NULL) {
        return;
    }
    char full[REPORT_TEXT_MAX], resumed[REPORT_TEXT_MAX];
    report_text_count(handshakes(p, "resumed=false"), full);
    report_text_count(handshakes(p, "resumed=true"), resumed);
    fprintf(p->out, "  %-10s%s: %s full and %s resumed handshakes\n", "tls", library, full,
            resumed);
    if (insecure != NULL && strcmp(insecure, "yes") == 0) {
        fprintf(p->out, "%12s", "");
        report_page_say(p, REPORT_YELLOW, "certificates were not verified (--insecure)\n");
    }
}

#define ADDRESSES_SHOWN 8

/* "  addresses 10.0.0.1:80 50, 10.0.0.2:80 50 connections": of names with addresses. */
static void addresses(struct report_page *p)
{
    struct report_series series[PELT_METRIC_SERIES_MAX];
    const size_t len = report_metrics(p->r, p->r->total, series);
    size_t shown = 0;
    bool more = false;
    char line[1024] = "";
    for (size_t i = 0; i < len; i++) {
        const char *tags = series[i].tags, *key = "address=";
        if (strcmp(series[i].metric->name, "http_connections") != 0) {
            continue;
        }
        if (shown == ADDRESSES_SHOWN) {
            more = true;
            continue;
        }
        char count[REPORT_TEXT_MAX];
        const size_t at = strlen(line);
        report_text_count(series[i].frame->sum, count);
        tags += strncmp(tags, key, strlen(key)) == 0 ? strlen(key) : 0;
        snprintf(line + at, sizeof line - at, "%s%.80s %s", shown++ > 0 ? ", " : "", tags, count);
    }
    if (shown > 0) {
        const size_t at = strlen(line);
        snprintf(line + at, sizeof line - at, " connections%s",
                 more ? " (and further addresses)" : "");
        report_page_labelled_whole(p, "addresses", line);
    }
}

static void http2(struct report_page *p)
{
    const char *streams = pelt_results_meta(p->r, "http2_streams");
    char line[64];
    if (streams != NULL) {
        snprintf(line, sizeof line, "HTTP/2, at most %s stream%s a connection", streams,
                 strcmp(streams, "1") == 0 ? "" : "s");
        report_page_labelled(p, "http", line);
    }
}

void report_section_load(struct report_page *p)
{
    const struct pelt_results *r = p->r;
    const char *start_ns = pelt_results_meta(r, "start_wall_ns"),
               *threads = pelt_results_meta(r, "threads");
    const char *seed = pelt_results_meta(r, "seed"), *loop = pelt_results_meta(r, "loop");
    const char *plan = pelt_results_meta(r, "plan");
    char start[32] = "", length[32], line[512];
    if (start_ns != NULL) {
        pelt_clock_rfc3339(strtoull(start_ns, NULL, 10), start);
        start[10] = ' ';
    }
    pelt_format_duration((uint64_t)(r->duration_s * (double)PELT_NS_PER_S), length, sizeof length);
    report_page_heading(p, "load\n");
    report_page_labelled(p, "target", pelt_results_meta(r, "target"));
    http2(p);
    tls(p);
    addresses(p);
    plan_lines(p, plan ? plan : "", loop ? loop : "");
    snprintf(line, sizeof line, "%.19s UTC for %s, %s thread%s, seed %s", start, length,
             threads ? threads : "?", threads && strcmp(threads, "1") == 0 ? "" : "s",
             seed ? seed : "?");
    report_page_labelled(p, "run", line);
    if (r->warmup.length_s > 0) {
        char started[REPORT_TEXT_MAX], ok[REPORT_TEXT_MAX];
        report_text_count(r->warmup.started, started);
        report_text_count(r->warmup.ok, ok);
        snprintf(line, sizeof line,
                 "%d s before that: %s requests started, %s ok; not counted below",
                 (int)r->warmup.length_s, started, ok);
        report_page_labelled_whole(p, "warm-up", line);
    }
    if (r->has_part) {
        snprintf(line, sizeof line,
                 "from %d s to %d s; thresholds are judged on it; verdict and exit code are of the "
                 "whole run",
                 r->part.from_s, r->part.to_s);
        report_page_labelled_whole(p, "part", line);
    }
}
