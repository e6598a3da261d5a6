/*
 * servers: see the header.
 */
#include "servers.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "figures.h"
#include "pelt/server_metric.h"

/* ---- parts of the run ---- */

static bool has_part(const struct pelt_stage_row *stage, const char *const *parts)
{
    for (; *parts != NULL; parts++) {
        if (strcmp(stage->part, *parts) == 0) {
            return true;
        }
    }
    return false;
}

static const char *const STEADY[] = {"steady", "trial", NULL};
static const char *const WARMING[] = {"warmup", "ramp", "wait", NULL};

/* The whole seconds of the stages that have one of the parts, or that have none of them. Returns
 * how many windows; `out` has room for one a stage. */
static size_t windows_of(const struct pelt_results *r, const char *const *parts, bool others,
                         struct pelt_server_window *out)
{
    size_t len = 0;
    for (size_t i = 0; i < r->stages_len; i++) {
        const struct pelt_stage_row *stage = &r->stages[i];
        const double begin_s = fmax(stage->from_s, pelt_results_from_s(r));
        const double end_s = fmin(stage->to_s, pelt_results_end_s(r));
        const struct pelt_server_window w = {.from = (int32_t)ceil(begin_s - 1e-6),
                                             .to = (int32_t)floor(fmin(end_s, INT32_MAX) + 1e-6)};
        if (has_part(stage, parts) != others && w.from < w.to) {
            out[len++] = w;
        }
    }
    return len;
}

static void set_ends(struct report_servers *s, const struct pelt_server_window *w, size_t len)
{
    s->from_s = w[0].from;
    s->to_s = w[0].to;
    for (size_t i = 1; i < len; i++) {
        s->from_s = w[i].from < s->from_s ? w[i].from : s->from_s;
        s->to_s = w[i].to > s->to_s ? w[i].to : s->to_s;
    }
}

/* What lies before the steady part, in pieces of whole seconds. */
static void cut_warmup(struct report_servers *s)
{
    const int32_t begin = pelt_results_from_s(s->r);
    const int32_t len = s->from_s < begin + 1 ? 0 : s->from_s - begin;
    const int32_t piece = (len + REPORT_CURVE_MAX - 1) / REPORT_CURVE_MAX;
    for (int32_t at = 0; at < len; at += piece) {
        const int32_t end = at + piece < len ? at + piece : len;
        s->pieces[s->curve_len++] =
            (struct pelt_server_window){.from = begin + at, .to = begin + end};
    }
}

static enum pelt_status sum_up(struct report_servers *s, const struct pelt_server_window *steady,
                               size_t steady_len, const struct pelt_server_window *whole)
{
    const struct pelt_server_window before = {.from = pelt_results_from_s(s->r), .to = s->from_s};
    const bool to_the_end = !s->r->has_part;
    struct pelt_server_period periods[3 + REPORT_CURVE_MAX] = {
        {.windows = whole, .len = 1, .to_the_end = to_the_end, .sums = s->whole},
        {.windows = steady,
         .len = steady_len,
         .to_the_end = to_the_end && s->to_s >= floor(pelt_results_end_s(s->r)),
         .sums = s->steady},
        {.windows = &before, .len = 1, .sums = s->warmup}};
    for (size_t i = 0; i < s->curve_len; i++) {
        periods[3 + i] =
            (struct pelt_server_period){.windows = &s->pieces[i], .len = 1, .sums = s->curve[i]};
    }
    return pelt_results_server_sums(s->r, periods, 3 + s->curve_len, &s->why);
}

static bool make_room(struct report_servers *s)
{
    const size_t figures = s->r->figures_len + 1;
    s->room = calloc(figures * (3 + REPORT_CURVE_MAX), sizeof *s->room);
    s->whole = s->room;
    s->steady = s->room + figures;
    s->warmup = s->room + 2 * figures;
    for (size_t i = 0; i < REPORT_CURVE_MAX; i++) {
        s->curve[i] = s->room + (3 + i) * figures;
    }
    return s->room != NULL;
}

struct report_servers *report_servers_new(const struct pelt_results *r)
{
    if (r->agents_len == 0) {
        return NULL;
    }
    struct report_servers *s = calloc(1, sizeof *s);
    struct pelt_server_window *steady = calloc(r->stages_len + 1, sizeof *steady);
    const int32_t begin = pelt_results_from_s(r);
    const double end_s = fmin(fmax(ceil(pelt_results_end_s(r)), begin + 1.0), INT32_MAX);
    const struct pelt_server_window whole = {.from = begin, .to = (int32_t)end_s};
    if (s == NULL || steady == NULL || (s->r = r, !make_room(s))) {
        free(steady);
        report_servers_free(s);
        return NULL;
    }
    size_t len = windows_of(r, STEADY, false, steady);
    len = len > 0 ? len : windows_of(r, WARMING, true, steady);
    if (len == 0) {
        steady[len++] = whole;
    }
    set_ends(s, steady, len);
    cut_warmup(s);
    if (sum_up(s, steady, len, &whole) != PELT_OK && s->why.text[0] == '\0') {
        snprintf(s->why.text, sizeof s->why.text, "out of memory");
    }
    free(steady);
    return s;
}

void report_servers_free(struct report_servers *s)
{
    if (s != NULL) {
        free(s->room);
        free(s);
    }
}

/* ---- limits ---- */

static double fullness(const struct report_servers *s, uint32_t figure)
{
    const double full = s->whole[figure].full;
    return isfinite(full) ? full : -1;
}

static int by_fullness(const void *a, const void *b, void *arg)
{
    const struct report_servers *s = arg;
    const uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    const double fx = fullness(s, x), fy = fullness(s, y);
    return fx != fy ? (fx < fy) - (fx > fy) : (x > y) - (x < y);
}

size_t report_servers_limits(const struct report_servers *s, uint32_t *out)
{
    size_t len = 0;
    for (size_t i = 0; i < s->r->figures_len; i++) {
        if (s->r->figures[i].kind == PELT_SERVER_LIMIT && s->whole[i].seconds > 0) {
            out[len++] = (uint32_t)i;
        }
    }
    if (len > 1) {
        qsort_r(out, len, sizeof *out, by_fullness, (void *)s);
    }
    return len;
}

void report_servers_name(const struct report_servers *s, uint32_t figure,
                         char out[REPORT_FIGURE_TEXT])
{
    const struct pelt_server_figure_row *f = &s->r->figures[figure];
    const bool several = s->r->agents_len > 1, target = f->target[0] != '\0';
    snprintf(out, REPORT_FIGURE_TEXT, "%.63s%s%.100s%s%.200s%s",
             several ? s->r->agents[f->agent].name : "", several ? " " : "", f->name,
             target ? "{" : "", target ? f->target : "", target ? "}" : "");
}

/* ---- caches ---- */

double report_servers_hit_share(const struct pelt_server_sum *sum)
{
    const double hits = sum->more[0], lookups = hits + sum->more[1];
    return lookups >= PELT_LOOKUPS_MIN ? hits / lookups : (double)NAN;
}

static size_t caches_of(const struct pelt_results *r)
{
    size_t len = 0;
    for (size_t i = 0; i < r->figures_len; i++) {
        len += r->figures[i].kind == PELT_SERVER_CACHE;
    }
    return len;
}

/* Hits and lookups that response headers tell of: of the cache of this name, or of all. */
static void add_client(const struct pelt_results *r, const char *metric, const char *cache,
                       uint64_t *hits, uint64_t *lookups)
{
    struct report_series series[PELT_METRIC_SERIES_MAX];
    const size_t len = report_metrics(r, r->total, series);
    char tag[PELT_TAGS_TEXT + 1] = "";
    struct pelt_tag named = {pelt_span_of("cache"), pelt_span_of(cache != NULL ? cache : "")};
    if (cache != NULL && !pelt_tags_write(&named, 1, tag)) {
        return;
    }
    for (size_t i = 0; i < len; i++) {
        if (strcmp(series[i].metric->name, metric) == 0 && pelt_tags_include(series[i].tags, tag)) {
            *hits += series[i].frame->sum;
            *lookups += series[i].frame->values;
        }
    }
}

bool report_servers_client(const struct report_servers *s, uint32_t figure,
                           struct report_client_share *out)
{
    uint64_t hits = 0, lookups = 0;
    add_client(s->r, "cache.status.hit_share", s->r->figures[figure].name, &hits, &lookups);
    if (lookups == 0 && caches_of(s->r) == 1) {
        add_client(s->r, "cache.http.hit_share", NULL, &hits, &lookups);
    }
    out->client = report_share(hits, lookups);
    out->server = report_servers_hit_share(&s->whole[figure]);
    out->points = 100 * fabs(out->client - out->server);
    return lookups >= PELT_LOOKUPS_MIN && isfinite(out->server);
}
