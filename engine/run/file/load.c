/*
 * load: see the header. A section of the file is one function over one or two tables; what belongs
 * together is a file: load_totals.c, load_seconds.c, load_end.c.
 */
#include "load.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "loader.h"
#include "pelt/clock.h"
#include "pelt/runfile.h"

#define BEHIND_S 86400 /* a grace period, and what clocks may do */

/* ---- names ---- */

static void load_meta(struct pelt_loader *l)
{
    sqlite3_stmt *s = pelt_loader_query(l, "SELECT key, value FROM meta");
    while (pelt_loader_rows(l, s)) {
        pelt_loader_append_text(l, &l->r->meta, pelt_column_text(s, 0));
        pelt_loader_append_text(l, &l->r->meta, pelt_column_text(s, 1));
    }
    sqlite3_finalize(s);
}

/* Names are written in the order of their ids, so interning them again gives the same ids. */
static void load_names(struct pelt_loader *l)
{
    sqlite3_stmt *s =
        pelt_loader_query(l, "SELECT kind, id, name FROM name WHERE id > 0 ORDER BY kind, id");
    while (pelt_loader_rows(l, s)) {
        bool check = strcmp(pelt_column_text(s, 0), pelt_name_kind_name(PELT_NAME_CHECK)) == 0;
        enum pelt_name_kind kind = check ? PELT_NAME_CHECK : PELT_NAME_REQUEST;
        uint32_t id = pelt_registry_intern(l->r->names, kind, pelt_span_of(pelt_column_text(s, 2)));
        if (id != pelt_column(s, 1)) {
            pelt_loader_damaged(l, "name");
        }
    }
    sqlite3_finalize(s);
}

static void load_metric(struct pelt_loader *l, sqlite3_stmt *s)
{
    struct pelt_metric metric = {.decimals = (unsigned)pelt_column(s, 4)};
    uint32_t id = 0;
    snprintf(metric.name, sizeof metric.name, "%s", pelt_column_text(s, 1));
    snprintf(metric.unit, sizeof metric.unit, "%s", pelt_column_text(s, 3));
    if (!pelt_metric_type_find(pelt_column_text(s, 2), &metric.type) ||
        metric.decimals > PELT_METRIC_DECIMALS_MAX ||
        pelt_metrics_put(pelt_registry_metrics(l->r->names), &metric, &id, NULL) != PELT_OK ||
        id != pelt_column(s, 0)) {
        pelt_loader_damaged(l, "metric");
    }
}

/* As names: in the order of their ids, which are the same then. Before version 3 of the schema
 * there were none. */
static void load_metrics(struct pelt_loader *l)
{
    struct pelt_metrics *m = pelt_registry_metrics(l->r->names);
    if (l->d->version < 3) {
        return;
    }
    sqlite3_stmt *s =
        pelt_loader_query(l, "SELECT id, name, type, unit, decimals FROM metric ORDER BY id");
    while (pelt_loader_rows(l, s)) {
        load_metric(l, s);
    }
    sqlite3_finalize(s);
    s = pelt_loader_query(l, "SELECT id, metric, tags FROM metric_series ORDER BY id");
    while (pelt_loader_rows(l, s)) {
        const int64_t id = pelt_loader_series(l, sqlite3_column_int64(s, 0));
        bool known = pelt_column(s, 1) < pelt_metrics_count(m);
        if (id < PELT_METRIC_TAGGED) {
            continue; /* each metric has two of those */
        }
        if (!known || pelt_metrics_series(m, (uint32_t)pelt_column(s, 1), pelt_column_text(s, 2),
                                          NULL) != id) {
            pelt_loader_damaged(l, "metric_series");
        }
    }
    sqlite3_finalize(s);
}

/* ---- what follows from it ---- */

static int32_t last_second(struct pelt_loader *l)
{
    int32_t last = -1;
    sqlite3_stmt *s = pelt_loader_query(l, "SELECT coalesce(max(t), -1) FROM main.second");
    if (pelt_loader_rows(l, s)) {
        last = sqlite3_column_int(s, 0);
    }
    sqlite3_finalize(s);
    return last;
}

static void find_duration(struct pelt_loader *l)
{
    struct pelt_results *r = l->r;
    const char *planned = pelt_results_meta(r, "duration_ns");
    double reached_s = last_second(l) + 1;
    double planned_s = planned ? (double)strtoull(planned, NULL, 10) / (double)PELT_NS_PER_S : 0;
    bool in_order = r->finished && planned_s > 0;
    r->duration_s = in_order || (planned_s > 0 && planned_s < reached_s) ? planned_s : reached_s;
    if (pelt_results_narrowed(r)) {
        r->part.to_s = r->part.to_s < reached_s ? r->part.to_s : (int32_t)reached_s;
        r->duration_s = fmax(fmin(r->duration_s, r->part.to_s) - r->part.from_s, 0);
    }
    if (r->has_part && r->seconds_len == 0 && l->status == PELT_OK) {
        l->status = pelt_fail(l->err, PELT_EINVAL,
                              "%s: no second from %d s on is before %d s: the run has seconds 0 to "
                              "%d",
                              r->path, r->part.from_s, r->part.to_s, (int)reached_s - 1);
    }
}

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash != NULL ? slash + 1 : path;
}

/* A run that says nothing of itself has begun in its -wal file, which somebody left behind. */
static void check_wal(struct pelt_loader *l)
{
    if (l->status == PELT_OK && l->r->meta == NULL && l->d->lacks_wal && !l->r->running) {
        l->status = pelt_fail(l->err, PELT_EPARSE,
                              "%s: a run that was killed, without what it wrote: that is in "
                              "%s-wal, which is not beside it; fetch both files",
                              l->r->path, base_name(l->r->path));
    }
}

/* A run without its end: what is known is told and judged, and no more is claimed. */
static void explain_unfinished(struct pelt_loader *l)
{
    struct pelt_results *r = l->r;
    char text[400], upto[40] = "no second was completed";
    uint64_t lost = pelt_results_lost(r);
    if (r->seconds_len > 0) {
        snprintf(upto, sizeof upto, "data up to second %d", last_second(l));
    }
    snprintf(text, sizeof text, "%s: %s",
             r->running ? "this run is still going on" : "this run was killed", upto);
    pelt_loader_append_text(l, &r->verdict_reasons, text);
    if (l->d->lacks_wal && !r->running) {
        snprintf(text, sizeof text,
                 "%.300s-wal is not beside the run file, and may hold later seconds: fetch it, too",
                 base_name(r->path));
        pelt_loader_append_text(l, &r->verdict_reasons, text);
    }
    if (lost > 0) {
        snprintf(text, sizeof text, PELT_REASON_LOST, (unsigned long long)lost);
        pelt_loader_append_text(l, &r->verdict_reasons, text);
    }
    r->verdict = lost > 0 ? PELT_INVALID : PELT_SUSPECT;
    r->exit_code = 1;
    pelt_loader_append_text(l, &r->exit_reasons,
                            r->running ? "the run has not ended" : "the run did not end in order");
    if (l->status == PELT_OK) {
        pelt_load_rules(l);
    }
    for (size_t i = 0; !r->running && i < r->thresholds_len && l->status == PELT_OK; i++) {
        const struct pelt_threshold_row *row = &r->thresholds[i];
        if (row->judged &&
            (row->line.level == PELT_LEVEL_MISSED || row->line.level == PELT_LEVEL_UNJUDGED)) {
            char reason[PELT_THRESHOLD_REASON];
            pelt_threshold_reason(&row->threshold, &row->line, reason);
            pelt_loader_append_text(l, &r->exit_reasons, reason);
        }
    }
}

/* Nothing that happened is negative, or more than counts can be; and no second lies far behind the
 * plan's end. Who reads on would make billions of seconds, or requests, of one such row. */
static void check_ranges(struct pelt_loader *l)
{
    static const struct {
        const char *table, *bad;
    } tables[] = {
        {"request", "started NOT BETWEEN 0 AND 1e15"},
        {"outcome", "count NOT BETWEEN 0 AND 1e15"},
        {"checks", "passed NOT BETWEEN 0 AND 1e15 OR failed NOT BETWEEN 0 AND 1e15"},
        {"second", "iterations NOT BETWEEN 0 AND 1e15 OR planned NOT BETWEEN 0 AND 1e15"
                   " OR dropped NOT BETWEEN 0 AND 1e15"},
    };
    const char *planned = pelt_results_meta(l->r, "duration_ns");
    const double last_s =
        planned != NULL ? strtod(planned, NULL) / (double)PELT_NS_PER_S + BEHIND_S : INT32_MAX;
    for (size_t i = 0; i < sizeof tables / sizeof *tables && l->status == PELT_OK; i++) {
        char sql[400];
        snprintf(sql, sizeof sql, "SELECT 1 FROM %s WHERE t > %.0f OR %s LIMIT 1", tables[i].table,
                 last_s, tables[i].bad);
        sqlite3_stmt *s = pelt_loader_query(l, sql);
        if (pelt_loader_rows(l, s)) {
            pelt_loader_damaged(l, tables[i].table);
        }
        sqlite3_finalize(s);
    }
}

/* Which seconds count: those of the part that was asked for, and none of the warm-up unless that
 * begins in it. */
static void choose_seconds(struct pelt_loader *l, const struct pelt_period *part)
{
    struct pelt_results *r = l->r;
    const char *text = pelt_results_meta(r, "warmup_s");
    const int32_t warmup_s = text != NULL ? (int32_t)strtol(text, NULL, 10) : 0;
    r->has_part = part != NULL;
    r->part = part != NULL ? *part : (struct pelt_period){.from_s = -1, .to_s = INT32_MAX};
    r->part.from_s = r->part.from_s < 0 ? warmup_s : r->part.from_s;
    r->warmup.length_s = r->part.from_s >= warmup_s ? warmup_s : 0;
    if (l->status == PELT_OK && pelt_results_narrowed(r)) {
        l->status = pelt_database_narrow(l->d, r->part.from_s, r->part.to_s, !r->has_part, l->err);
    }
}

static void load_warmup(struct pelt_loader *l)
{
    struct pelt_warmup_row *w = &l->r->warmup;
    if (w->length_s == 0) {
        return;
    }
    sqlite3_stmt *s = pelt_loader_query(
        l, "SELECT (SELECT coalesce(sum(started), 0) FROM main.request WHERE t >= 0 AND t < ?1),"
           " coalesce(sum(count), 0), coalesce(sum((outcome = 'ok') * count), 0)"
           " FROM main.outcome WHERE t >= 0 AND t < ?1");
    const struct pelt_cell to = PELT_INT(w->length_s);
    if (s != NULL) {
        pelt_statement_bind(s, &to, 1);
    }
    if (pelt_loader_rows(l, s)) {
        w->started = pelt_column(s, 0);
        w->ended = pelt_column(s, 1);
        w->ok = pelt_column(s, 2);
    }
    sqlite3_finalize(s);
}

static void load_all(struct pelt_loader *l, const struct pelt_period *part)
{
    load_meta(l);
    check_wal(l);
    check_ranges(l);
    choose_seconds(l, part);
    load_warmup(l);
    load_names(l);
    load_metrics(l);
    pelt_load_server(l);
    pelt_load_workers(l);
    pelt_load_totals(l);
    pelt_load_seconds(l);
    pelt_load_end(l);
    pelt_load_kept(l);
    if (l->status == PELT_OK) {
        find_duration(l);
        pelt_load_after(l);
        pelt_load_generator(l);
    }
    if (l->status == PELT_OK && !l->r->finished) {
        explain_unfinished(l);
    } else if (l->status == PELT_OK && l->r->has_part) {
        pelt_load_rules(l);
    }
}

static struct pelt_results *results_new(const char *path)
{
    struct pelt_results *r = calloc(1, sizeof *r);
    if (r == NULL) {
        return NULL;
    }
    r->names = pelt_registry_new();
    r->total = pelt_frame_new(NULL);
    r->after = pelt_frame_new(NULL);
    r->outside = pelt_frame_new(NULL);
    r->path = path ? strdup(path) : NULL;
    if (r->names == NULL || r->total == NULL || r->after == NULL || r->outside == NULL ||
        (path != NULL && r->path == NULL)) {
        pelt_results_free(r);
        return NULL;
    }
    r->outside->second = -1;
    return r;
}

static enum pelt_status load(struct pelt_database *d, bool writing, const struct pelt_period *part,
                             struct pelt_results **out, struct pelt_error *err)
{
    struct pelt_loader l = {.d = d, .r = results_new(d->path), .err = err};
    if (l.r == NULL) {
        return pelt_fail(err, PELT_ENOMEM, "out of memory");
    }
    l.r->running = writing;
    pelt_hist_pool_init(&l.pool, NULL);
    /* One read transaction, so that all tables show the same moment while a writer goes on. */
    if (l.status == PELT_OK && sqlite3_exec(d->db, "BEGIN", NULL, NULL, NULL) != SQLITE_OK) {
        l.status = pelt_database_fail(d, "cannot be read", err);
    }
    load_all(&l, part);
    sqlite3_exec(d->db, "ROLLBACK", NULL, NULL, NULL);
    pelt_hist_pool_deinit(&l.pool);
    if (l.status != PELT_OK) {
        pelt_results_free(l.r);
        return l.status;
    }
    l.r->running = l.r->running && !l.r->finished;
    l.r->database = d->path == NULL ? pelt_database_hold(d) : NULL;
    *out = l.r;
    return PELT_OK;
}

enum pelt_status pelt_load_results(struct pelt_database *d, bool writing, struct pelt_results **out,
                                   struct pelt_error *err)
{
    return load(d, writing, NULL, out, err);
}

static enum pelt_status load_file(const char *path, const struct pelt_period *part,
                                  struct pelt_results **out, struct pelt_error *err)
{
    struct pelt_database *d = NULL;
    bool writing = pelt_database_is_written(path); /* before SQLite opens it: see there */
    enum pelt_status status = pelt_database_open(path, &d, err);
    if (status == PELT_OK) {
        status = load(d, writing, part, out, err);
    }
    pelt_database_release(d);
    return status;
}

enum pelt_status pelt_results_load(const char *path, struct pelt_results **out,
                                   struct pelt_error *err)
{
    return load_file(path, NULL, out, err);
}

enum pelt_status pelt_results_load_part(const char *path, struct pelt_period part,
                                        struct pelt_results **out, struct pelt_error *err)
{
    return load_file(path, &part, out, err);
}
