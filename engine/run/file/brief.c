/*
 * brief: see the header. The figures in meta are written by runfile.c (PELT_META_STARTED ...).
 */
#include "pelt/brief.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "loader.h"
#include "pelt/clock.h"

/* ---- meta ---- */

static uint64_t number(const char *text)
{
    return strtoull(text, NULL, 10);
}

/* Takes one key; true: it is one of the figures that the end of a run leaves. */
static bool take_meta(struct pelt_brief *b, const char *key, const char *value)
{
    const struct {
        const char *key;
        uint64_t *into;
        bool figure;
    } numbers[] = {
        {"start_wall_ns", &b->start_wall_ns, false}, {"duration_ns", &b->planned_ns, false},
        {PELT_META_STARTED, &b->started, true},      {PELT_META_ENDED, &b->ended, true},
        {PELT_META_ERRORS, &b->errors, true},        {PELT_META_COUNT, &b->count, true},
        {PELT_META_P95, &b->p95_us, true},           {PELT_META_P99, &b->p99_us, true},
    };
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        if (strcmp(key, numbers[i].key) == 0) {
            *numbers[i].into = number(value);
            return numbers[i].figure;
        }
    }
    if (strcmp(key, "scenario") == 0) {
        snprintf(b->scenario, sizeof b->scenario, "%s", value);
    } else if (strcmp(key, "plan") == 0) {
        snprintf(b->plan, sizeof b->plan, "%s", value);
    } else if (strcmp(key, "loop") == 0) {
        b->open = strcmp(value, "open") == 0;
    } else if (strcmp(key, "peak") == 0) {
        b->peak = strtod(value, NULL);
    }
    return false;
}

/* How many of the figures there are; and how many seconds do not count. */
static size_t read_meta(struct pelt_loader *l, struct pelt_brief *b, int *warmup_s)
{
    size_t figures = 0;
    sqlite3_stmt *s = pelt_loader_query(l, "SELECT key, value FROM meta");
    while (pelt_loader_rows(l, s)) {
        const char *key = pelt_column_text(s, 0), *value = pelt_column_text(s, 1);
        figures += take_meta(b, key, value);
        if (strcmp(key, "warmup_s") == 0) {
            *warmup_s = (int)strtol(value, NULL, 10);
        }
    }
    sqlite3_finalize(s);
    return figures;
}

static void read_verdict(struct pelt_loader *l, struct pelt_brief *b)
{
    sqlite3_stmt *s = pelt_loader_query(l, "SELECT status, exit_code FROM verdict");
    if (pelt_loader_rows(l, s)) {
        b->finished = true;
        b->verdict = PELT_VALID;
        while (b->verdict < PELT_INVALID && /* an unknown word counts as the worst */
               strcmp(pelt_column_text(s, 0), pelt_verdict_name(b->verdict)) != 0) {
            b->verdict++;
        }
        b->exit_code = sqlite3_column_int(s, 1);
    }
    sqlite3_finalize(s);
}

/* ---- a run that left no figures: killed, going on, or of an older pelt ---- */

static void add_counts(struct pelt_loader *l, struct pelt_brief *b, int from_s)
{
    const struct pelt_cell from = PELT_INT(from_s);
    sqlite3_stmt *s =
        pelt_loader_query(l, "SELECT (SELECT coalesce(sum(started), 0) FROM request WHERE t >= ?1),"
                             " coalesce(sum(count), 0), "
                             " coalesce(sum((outcome NOT IN ('ok', 'abandoned')) * count), 0)"
                             " FROM outcome WHERE t >= ?1");
    if (s != NULL) {
        pelt_statement_bind(s, &from, 1);
    }
    if (pelt_loader_rows(l, s)) {
        b->started = pelt_column(s, 0);
        b->ended = pelt_column(s, 1);
        b->errors = pelt_column(s, 2);
    }
    sqlite3_finalize(s);
}

/* The sums of each request, and the seconds behind them, of which one row has all requests. */
static void add_times(struct pelt_loader *l, struct pelt_brief *b, int from_s)
{
    const struct pelt_cell from = PELT_INT(from_s);
    struct pelt_hist h = {0};
    sqlite3_stmt *s = pelt_loader_query(
        l, "SELECT count, min_us, max_us, clamped, lost, payload FROM hist_sum"
           " WHERE series >= 0 AND kind = 'http_response' AND ?1 = 0"
           " UNION ALL SELECT count, min_us, max_us, clamped, lost, payload FROM hist"
           " WHERE (?1 > 0 OR t > (SELECT coalesce(max(t), -1) FROM hist_sum)) AND t >= ?1"
           " AND series = -1 AND kind = '" PELT_ALL_RESPONSES "'");
    if (s != NULL) {
        pelt_statement_bind(s, &from, 1);
    }
    while (pelt_loader_rows(l, s)) {
        pelt_loader_hist(l, s, 0, &h, &l->pool, "hist");
    }
    sqlite3_finalize(s);
    b->count = h.count;
    b->p95_us = pelt_hist_percentile_us(&h, 95);
    b->p99_us = pelt_hist_percentile_us(&h, 99);
    pelt_hist_reset(&h, &l->pool);
}

static double reached_s(struct pelt_loader *l)
{
    double s_reached = 0;
    sqlite3_stmt *s =
        pelt_loader_query(l, "SELECT coalesce(max(t) + 1, 0) FROM second WHERE t >= 0");
    if (pelt_loader_rows(l, s)) {
        s_reached = sqlite3_column_double(s, 0);
    }
    sqlite3_finalize(s);
    return s_reached;
}

static void add_after(struct pelt_loader *l, struct pelt_brief *b)
{
    sqlite3_stmt *s =
        pelt_loader_query(l, "SELECT coalesce(sum(started), 0) FROM request WHERE t >= ?");
    const struct pelt_cell whole = PELT_INT(pelt_load_whole_s(b->duration_s));
    if (s != NULL) {
        pelt_statement_bind(s, &whole, 1);
    }
    if (pelt_loader_rows(l, s)) {
        b->after = pelt_column(s, 0);
    }
    sqlite3_finalize(s);
}

static void read_all(struct pelt_loader *l, struct pelt_brief *b)
{
    int warmup_s = 0;
    bool whole = read_meta(l, b, &warmup_s) == PELT_META_FIGURES;
    read_verdict(l, b);
    if (!whole || warmup_s > 0) {
        add_counts(l, b, warmup_s);
        add_times(l, b, warmup_s);
    }
    double planned_s = (double)b->planned_ns / (double)PELT_NS_PER_S;
    b->duration_s = planned_s;
    if (!b->finished || planned_s <= 0) { /* as load.c finds it */
        double s = reached_s(l);
        b->duration_s = planned_s > 0 && planned_s < s ? planned_s : s;
    }
    add_after(l, b);
    b->duration_s = fmax(b->duration_s - warmup_s, 0);
}

enum pelt_status pelt_brief_read(const char *path, struct pelt_brief *out, struct pelt_error *err)
{
    *out = (struct pelt_brief){0};
    struct pelt_loader l = {.err = err};
    bool writing = pelt_database_is_written(path); /* before SQLite opens it: see there */
    enum pelt_status status = pelt_database_open(path, &l.d, err);
    if (status != PELT_OK) {
        return status;
    }
    pelt_hist_pool_init(&l.pool, NULL);
    if (sqlite3_exec(l.d->db, "BEGIN", NULL, NULL, NULL) != SQLITE_OK) {
        l.status = pelt_database_fail(l.d, "cannot be read", err);
    }
    read_all(&l, out);
    sqlite3_exec(l.d->db, "ROLLBACK", NULL, NULL, NULL);
    pelt_hist_pool_deinit(&l.pool);
    pelt_database_release(l.d);
    out->running = writing && !out->finished;
    return l.status;
}
