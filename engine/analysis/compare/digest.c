/*
 * digest: see the header. The run file is read twice: its results (names, stages, totals), then the
 * histograms and outcomes of the seconds that are compared, each added to the piece it lies in.
 */
#include "pelt/digest.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "pelt/clock.h"
#include "pelt/findings.h"
#include "pelt/runfile.h"
#include "figure.h"
#include "window.h"

#define NO_SERIES UINT16_MAX

struct reading {
    const struct pelt_results *r;
    struct pelt_digest *d;
    struct pelt_window_map map; /* of seconds to those that are compared */
    int32_t piece_s;
    uint16_t requests[PELT_SERIES_MAX], trends[PELT_METRIC_SERIES_MAX]; /* index in d->series */
    uint16_t all;
    bool read_all; /* from the file: names were left out */
    bool lost;     /* memory was out */
};

const char *pelt_digest_kind_name(enum pelt_digest_kind kind)
{
    static const char *const names[PELT_DIGEST_KINDS] = {"all", "request", "trend", "cache",
                                                         "capacity"};
    return names[kind];
}

const char *pelt_digest_meta(const struct pelt_digest *d, const char *key)
{
    for (char **m = d->meta; m != NULL && m[0] != NULL; m += 2) {
        if (strcmp(m[0], key) == 0) {
            return m[1];
        }
    }
    return "";
}

/* Of a run with one name: all requests together are those of that name. */
static const struct pelt_digest_series *only_request(const struct pelt_digest *d)
{
    const struct pelt_digest_series *only = NULL;
    for (size_t i = 0; i < d->len; i++) {
        if (d->series[i].kind == PELT_DIGEST_REQUEST) {
            if (only != NULL) {
                return NULL;
            }
            only = &d->series[i];
        }
    }
    return only;
}

const struct pelt_digest_series *pelt_digest_find(const struct pelt_digest *d,
                                                  enum pelt_digest_kind kind, const char *name)
{
    for (size_t i = 0; i < d->len; i++) {
        if (d->series[i].kind == kind && strcmp(d->series[i].name, name) == 0) {
            return &d->series[i];
        }
    }
    return kind == PELT_DIGEST_ALL ? only_request(d) : NULL;
}

/* ---- series ---- */

/* NULL: out of memory, which is remembered. */
static struct pelt_digest_series *add_series(struct reading *x, enum pelt_digest_kind kind,
                                             const char *name)
{
    struct pelt_digest *d = x->d;
    struct pelt_digest_series *grown = realloc(d->series, (d->len + 1) * sizeof *grown);
    if (grown == NULL) {
        x->lost = true;
        return NULL;
    }
    d->series = grown;
    struct pelt_digest_series *s = &d->series[d->len++];
    *s = (struct pelt_digest_series){
        .kind = kind, .name = strdup(name), .scale = 1, .better = -1, .capacity = NAN};
    x->lost = s->name == NULL || x->lost;
    return x->lost ? NULL : s;
}

static void with_hists(struct reading *x, struct pelt_digest_series *s)
{
    s->hist = calloc(x->d->pieces + 1, sizeof *s->hist);
    s->list = calloc(x->d->pieces + 1, sizeof *s->list);
    x->lost = s->hist == NULL || s->list == NULL || x->lost;
    for (size_t i = 0; !x->lost && i < x->d->pieces; i++) {
        s->list[i] = &s->hist[i];
    }
}

static void with_counts(struct reading *x, struct pelt_digest_series *s)
{
    s->part = calloc(x->d->pieces + 1, sizeof *s->part);
    s->ok = calloc(x->d->pieces + 1, sizeof *s->ok);
    s->whole = calloc(x->d->pieces + 1, sizeof *s->whole);
    x->lost = s->part == NULL || s->ok == NULL || s->whole == NULL || x->lost;
}

static void add_times(struct reading *x, enum pelt_digest_kind kind, const char *name)
{
    struct pelt_digest_series *s = add_series(x, kind, name);
    if (s != NULL) {
        snprintf(s->unit, sizeof s->unit, "ms");
        s->scale = 1000;
        s->is_time = true;
        with_hists(x, s);
        with_counts(x, s);
    }
}

struct ranked {
    uint32_t id;
    uint64_t count;
};

static int by_count(const void *a, const void *b)
{
    const struct ranked *x = a, *y = b;
    return x->count != y->count ? (x->count < y->count ? 1 : -1)
                                : (x->id > y->id) - (x->id < y->id);
}

static int by_id(const void *a, const void *b)
{
    const struct ranked *x = a, *y = b;
    return (x->id > y->id) - (x->id < y->id);
}

/* Those with the most samples, in the order of ids; returns how many. */
static size_t keep_most(struct reading *x, struct ranked *list, size_t len)
{
    size_t kept = len < PELT_DIGEST_NAMES ? len : PELT_DIGEST_NAMES;
    qsort(list, len, sizeof *list, by_count);
    qsort(list, kept, sizeof *list, by_id);
    x->d->names_left_out += len - kept;
    return kept;
}

static uint64_t ended_of(const struct pelt_request_frame *f)
{
    uint64_t sum = 0;
    for (int i = 0; i < PELT_OUTCOME_COUNT; i++) {
        sum += f->outcomes[i];
    }
    return sum;
}

static void add_requests(struct reading *x)
{
    const struct pelt_frame *total = x->r->total;
    struct ranked list[PELT_SERIES_MAX];
    size_t len = 0;
    for (uint32_t id = 0; id < total->requests_len && id < PELT_SERIES_MAX; id++) {
        if (total->requests[id] != NULL && ended_of(total->requests[id]) > 0) {
            list[len++] = (struct ranked){id, ended_of(total->requests[id])};
        }
    }
    if (len > 1) {
        x->all = (uint16_t)x->d->len;
        add_times(x, PELT_DIGEST_ALL, "");
    }
    x->read_all = len > PELT_DIGEST_NAMES;
    len = keep_most(x, list, len);
    for (size_t i = 0; i < len; i++) {
        x->requests[list[i].id] = (uint16_t)x->d->len;
        add_times(x, PELT_DIGEST_REQUEST,
                  pelt_registry_name(x->r->names, PELT_NAME_REQUEST, list[i].id));
    }
}

/* Which way a metric is better, as far as a threshold on it says. */
static int better_of(const struct pelt_results *r, const struct pelt_metric *metric)
{
    for (size_t i = 0; i < r->thresholds_len; i++) {
        const struct pelt_threshold *t = &r->thresholds[i].threshold;
        if (strcmp(t->metric, metric->name) == 0 && !t->trend) {
            return t->lower_is_better ? -1 : 1;
        }
    }
    return pelt_metric_is_time(metric) ? -1 : 0;
}

static void add_trend(struct reading *x, uint32_t id)
{
    struct pelt_metrics *metrics = pelt_registry_metrics(x->r->names);
    char name[PELT_METRIC_TEXT];
    uint32_t metric;
    if (pelt_metrics_tags(metrics, id, &metric) == NULL) {
        return;
    }
    const struct pelt_metric *m = pelt_metrics_at(metrics, metric);
    pelt_metrics_format(metrics, id, name, sizeof name);
    x->trends[id] = (uint16_t)x->d->len;
    struct pelt_digest_series *s = add_series(x, PELT_DIGEST_TREND, name);
    if (s != NULL) {
        snprintf(s->unit, sizeof s->unit, "%s", m->unit);
        s->scale = pelt_metric_scale(m);
        s->is_time = pelt_metric_is_time(m);
        s->better = better_of(x->r, m);
        with_hists(x, s);
    }
}

static void add_trends(struct reading *x)
{
    const struct pelt_frame *total = x->r->total;
    struct ranked list[PELT_METRIC_SERIES_MAX];
    size_t len = 0;
    for (uint32_t id = 0; id < total->metrics_len && id < PELT_METRIC_SERIES_MAX; id++) {
        if (total->metrics[id] != NULL && total->metrics[id]->hist.count > 0) {
            list[len++] = (struct ranked){id, total->metrics[id]->hist.count};
        }
    }
    len = keep_most(x, list, len);
    for (size_t i = 0; i < len; i++) {
        add_trend(x, list[i].id);
    }
}

/* ---- seconds ---- */

/* The piece that second `t` belongs to; false: it is not compared. */
static bool piece_of(const struct reading *x, int32_t t, size_t *piece)
{
    int32_t at = pelt_window_map_at(&x->map, t);
    *piece = at >= 0 ? (size_t)(at / x->piece_s) : 0;
    return at >= 0;
}

static struct pelt_hist *hist_for(void *arg, int32_t t, enum pelt_series_kind kind, uint32_t series)
{
    struct reading *x = arg;
    uint16_t at = kind == PELT_SERIES_ALL       ? x->read_all ? x->all : NO_SERIES
                  : kind == PELT_SERIES_REQUEST ? x->requests[series]
                                                : x->trends[series];
    size_t piece;
    return at != NO_SERIES && piece_of(x, t, &piece) ? &x->d->series[at].hist[piece] : NULL;
}

static bool add_whole(struct pelt_digest *d, struct pelt_hist *into, const struct pelt_hist *from)
{
    const uint64_t before = into->count;
    pelt_hist_add(into, &d->pool, from);
    return into->count - before == from->count;
}

/* All requests together are those of all names, where none was left out. */
static void add_up_all(struct reading *x)
{
    struct pelt_digest *d = x->d;
    for (size_t i = 0; x->all != NO_SERIES && !x->read_all && i < d->len; i++) {
        for (size_t k = 0; d->series[i].kind == PELT_DIGEST_REQUEST && k < d->pieces; k++) {
            x->lost = !add_whole(d, &d->series[x->all].hist[k], &d->series[i].hist[k]) || x->lost;
        }
    }
}

static void add_outcome(struct pelt_digest_series *s, size_t piece, enum pelt_outcome outcome,
                        uint64_t count)
{
    s->whole[piece] += count;
    s->part[piece] += pelt_outcome_is_error(outcome) ? (double)count : 0;
    s->ok[piece] += outcome == PELT_OUTCOME_OK ? (double)count : 0;
}

static void on_outcome(void *arg, int32_t t, uint32_t series, enum pelt_outcome outcome,
                       uint64_t count)
{
    struct reading *x = arg;
    size_t piece;
    if (!piece_of(x, t, &piece)) {
        return;
    }
    if (x->all != NO_SERIES) {
        add_outcome(&x->d->series[x->all], piece, outcome, count);
    }
    if (x->requests[series] != NO_SERIES) {
        add_outcome(&x->d->series[x->requests[series]], piece, outcome, count);
    }
}

static enum pelt_status read_seconds(struct reading *x, struct pelt_error *err)
{
    struct pelt_digest *d = x->d;
    enum pelt_status status =
        pelt_results_add_series_hists(x->r, d->from, d->to, hist_for, x, &d->pool, err);
    if (status == PELT_OK) {
        add_up_all(x);
        status = pelt_results_each_outcome(x->r, d->from, d->to, on_outcome, x, err);
    }
    return status;
}

/* ---- caches ---- */

/* Of each figure its index in d->series; NULL: out of memory. */
static uint16_t *add_caches(struct reading *x, bool *any)
{
    const struct pelt_results *r = x->r;
    uint16_t *of = malloc((r->figures_len + 1) * sizeof *of);
    size_t taken = 0;
    *any = false;
    for (size_t i = 0; of != NULL && i < r->figures_len; i++) {
        const struct pelt_server_figure_row *f = &r->figures[i];
        char name[256];
        of[i] = NO_SERIES;
        if (f->kind != PELT_SERVER_CACHE || taken == PELT_DIGEST_NAMES) {
            continue;
        }
        taken++;
        snprintf(name, sizeof name, "%s %s%s%s", r->agents[f->agent].name, f->name,
                 f->target[0] != '\0' ? " " : "", f->target);
        of[i] = (uint16_t)x->d->len;
        struct pelt_digest_series *s = add_series(x, PELT_DIGEST_CACHE, name);
        if (s != NULL) {
            snprintf(s->unit, sizeof s->unit, "share");
            s->better = 1;
            with_counts(x, s);
            *any = true;
        }
    }
    return of;
}

static void add_lookups(struct pelt_digest_series *s, size_t piece, const double *more)
{
    if (isfinite(more[0]) && isfinite(more[1])) {
        s->part[piece] += more[0];
        s->whole[piece] += (uint64_t)fmax(more[0] + more[1], 0);
    }
}

static enum pelt_status read_caches(struct reading *x, struct pelt_error *err)
{
    bool any;
    uint16_t *of = add_caches(x, &any);
    struct pelt_server_walk *walk = NULL;
    enum pelt_status status = of == NULL ? PELT_ENOMEM : PELT_OK;
    if (any && !x->lost && status == PELT_OK) {
        status = pelt_server_walk_new(x->r, &walk, err);
    }
    while (walk != NULL && status == PELT_OK) {
        const struct pelt_server_row *rows;
        size_t len, piece;
        int32_t t;
        status = pelt_server_walk_next(walk, &t, &rows, &len, err);
        for (size_t i = 0; status == PELT_OK && i < len && piece_of(x, t, &piece); i++) {
            if (of[rows[i].figure] != NO_SERIES) {
                add_lookups(&x->d->series[of[rows[i].figure]], piece, rows[i].more);
            }
        }
    }
    pelt_server_walk_free(walk);
    free(of);
    return status == PELT_EOF ? PELT_OK : status;
}

/* ---- a stress load ---- */

static enum pelt_status read_capacity(struct reading *x, struct pelt_error *err)
{
    struct pelt_findings *findings = NULL;
    struct pelt_digest_series *s = add_series(x, PELT_DIGEST_CAPACITY, "");
    if (s == NULL) {
        return PELT_ENOMEM;
    }
    const char *loop = pelt_results_meta(x->r, "loop");
    snprintf(s->unit, sizeof s->unit, "%s",
             loop != NULL && strcmp(loop, "open") == 0 ? "per_s" : "users");
    s->better = 1;
    enum pelt_status status = pelt_findings_make(x->r, &findings, err);
    for (size_t i = 0; status == PELT_OK && i < findings->len; i++) {
        if (strcmp(findings->list[i].kind, "capacity") == 0) {
            s->capacity = pelt_finding_value(&findings->list[i], "level");
        }
    }
    pelt_findings_free(findings);
    return status;
}

/* ---- all of it ---- */

static void free_meta(char **meta)
{
    for (char **m = meta; m != NULL && *m != NULL; m++) {
        free(*m);
    }
    free(meta);
}

static char **copy_meta(char **meta)
{
    size_t len = 0;
    for (char **m = meta; m != NULL && *m != NULL; m++) {
        len++;
    }
    char **copy = calloc(len + 1, sizeof *copy);
    for (size_t i = 0; copy != NULL && i < len; i++) {
        copy[i] = strdup(meta[i]);
        if (copy[i] == NULL) {
            free_meta(copy);
            return NULL;
        }
    }
    return copy;
}

static bool copy_head(struct pelt_digest *d, const struct pelt_results *r, const char *path)
{
    const char *reason = r->verdict_reasons != NULL ? r->verdict_reasons[0] : NULL;
    d->path = strdup(path);
    d->meta = copy_meta(r->meta);
    d->reason = reason != NULL ? strdup(reason) : NULL;
    d->verdict = r->verdict;
    d->finished = r->finished;
    d->duration_s = r->duration_s;
    if (d->path == NULL || d->meta == NULL || (reason != NULL && d->reason == NULL)) {
        return false;
    }
    d->start_s = strtod(pelt_digest_meta(d, "start_wall_ns"), NULL) / (double)PELT_NS_PER_S;
    return true;
}

static bool cut_into_pieces(struct reading *x, size_t pieces)
{
    struct pelt_digest *d = x->d;
    if (!pelt_window_map_init(&x->map, x->r)) {
        return false;
    }
    d->seconds = x->map.seconds;
    d->from = x->map.from;
    d->to = x->map.to;
    d->steady = x->map.steady;
    x->piece_s = (d->seconds + (int32_t)pieces - 1) / (int32_t)pieces;
    x->piece_s = x->piece_s > 0 ? x->piece_s : 1;
    d->pieces = (size_t)((d->seconds + x->piece_s - 1) / x->piece_s);
    d->lengths = calloc(d->pieces + 1, sizeof *d->lengths);
    for (int32_t i = 0; d->lengths != NULL && i < d->seconds; i++) {
        d->lengths[i / x->piece_s]++;
    }
    return d->lengths != NULL;
}

bool pelt_digest_settle(struct pelt_digest *d)
{
    bool whole = true;
    for (size_t i = 0; i < d->len; i++) {
        struct pelt_digest_series *s = &d->series[i];
        for (size_t k = 0; s->hist != NULL && k < d->pieces; k++) {
            whole = add_whole(d, &s->sum, &s->hist[k]) && whole;
        }
        for (int f = 0; f < PELT_FIG_KINDS; f++) {
            bool has = pelt_fig_is_of(f, s->kind);
            s->values[f] = has ? pelt_fig_value(f, d, s) : (double)NAN;
            s->samples[f] = has ? pelt_fig_samples(f, d, s) : 0;
        }
    }
    return whole;
}

void pelt_digest_reduce(struct pelt_digest *d)
{
    for (size_t i = 0; i < d->len; i++) {
        struct pelt_digest_series *s = &d->series[i];
        free(s->hist);
        free(s->list);
        free(s->part);
        free(s->ok);
        free(s->whole);
        s->hist = NULL;
        s->list = NULL;
        s->part = s->ok = NULL;
        s->whole = NULL;
        s->sum = (struct pelt_hist){0};
    }
    pelt_hist_pool_deinit(&d->pool);
    pelt_hist_pool_init(&d->pool, NULL);
}

static enum pelt_status fill(struct reading *x, const char *path, size_t pieces,
                             struct pelt_error *err)
{
    const char *kind = pelt_results_meta(x->r, "load_kind");
    if (!copy_head(x->d, x->r, path) || !cut_into_pieces(x, pieces)) {
        return PELT_ENOMEM;
    }
    if (kind != NULL && strcmp(kind, "stress") == 0) {
        enum pelt_status found = read_capacity(x, err);
        x->lost = (found == PELT_OK && !pelt_digest_settle(x->d)) || x->lost;
        return found;
    }
    add_requests(x);
    add_trends(x);
    enum pelt_status status = x->lost ? PELT_ENOMEM : read_seconds(x, err);
    if (status == PELT_OK && !x->lost) {
        status = read_caches(x, err);
    }
    if (status == PELT_OK && !x->lost) {
        x->lost = !pelt_digest_settle(x->d);
    }
    return status;
}

enum pelt_status pelt_digest_of(const struct pelt_results *r, const char *path, size_t pieces,
                                struct pelt_digest **out, struct pelt_error *err)
{
    struct reading *x = calloc(1, sizeof *x);
    struct pelt_digest *d = calloc(1, sizeof *d);
    enum pelt_status status = PELT_ENOMEM;
    *out = NULL;
    if (x != NULL && d != NULL) {
        pelt_hist_pool_init(&d->pool, NULL);
        memset(x->requests, 0xff, sizeof x->requests);
        memset(x->trends, 0xff, sizeof x->trends);
        x->r = r;
        x->d = d;
        x->all = NO_SERIES;
        status = fill(x, path, pieces, err);
        status = status == PELT_OK && x->lost ? PELT_ENOMEM : status;
        pelt_window_map_deinit(&x->map);
    }
    free(x);
    if (status == PELT_OK) {
        *out = d;
        return PELT_OK;
    }
    pelt_digest_free(d);
    return status == PELT_ENOMEM ? pelt_fail(err, status, "out of memory") : status;
}

enum pelt_status pelt_digest_read(const char *path, size_t pieces, struct pelt_digest **out,
                                  struct pelt_error *err)
{
    struct pelt_results *r = NULL;
    *out = NULL;
    enum pelt_status status = pelt_results_load(path, &r, err);
    if (status == PELT_OK) {
        status = pelt_digest_of(r, path, pieces, out, err);
    }
    pelt_results_free(r);
    return status;
}

void pelt_digest_free(struct pelt_digest *d)
{
    if (d == NULL) {
        return;
    }
    pelt_digest_reduce(d);
    for (size_t i = 0; i < d->len; i++) {
        free(d->series[i].name);
    }
    free_meta(d->meta);
    pelt_hist_pool_deinit(&d->pool);
    free(d->series);
    free(d->path);
    free(d->reason);
    free(d->lengths);
    free(d);
}
