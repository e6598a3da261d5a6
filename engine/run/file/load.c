/*
 * Each section is one function over one or two tables. The loader carries the status: after a
 * failure rows() ends every loop at once, so sections read straight and the caller checks once.
 *
 * Totals come from sums that SQLite makes, and from histograms: `hist_sum` (seconds 0 to its t) and
 * the rows of `hist` that it does not cover. Adding is exact, so this is the same as adding every
 * row.
 */
#include "load.h"

#include <limits.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "pelt/clock.h"
#include "pelt/hist_codec.h"
#include "pelt/runfile.h"

struct loader {
    struct pelt_database *d;
    struct pelt_results *r;
    struct pelt_hist_pool pool; /* pages of histograms in passing */
    enum pelt_status status;
    struct pelt_error *err;
};

const char *pelt_name_kind_name(enum pelt_name_kind kind)
{
    return kind == PELT_NAME_REQUEST ? "request" : "check";
}

/* ---- rows and columns ---- */

static sqlite3_stmt *query(struct loader *l, const char *sql)
{
    sqlite3_stmt *s = NULL;
    if (l->status == PELT_OK && sqlite3_prepare_v2(l->d->db, sql, -1, &s, NULL) != SQLITE_OK) {
        l->status = pelt_database_fail(l->d, "cannot be read", l->err);
    }
    return s;
}

/* Steps to the next row; at the end, or once the loader has failed, false. */
static bool rows(struct loader *l, sqlite3_stmt *s)
{
    if (l->status != PELT_OK) {
        return false;
    }
    int rc = sqlite3_step(s);
    if (rc != SQLITE_ROW && rc != SQLITE_DONE) {
        l->status = pelt_database_fail(l->d, "cannot be read", l->err);
    }
    return rc == SQLITE_ROW;
}

static void damaged(struct loader *l, const char *table)
{
    if (l->status == PELT_OK) {
        l->status =
            pelt_fail(l->err, PELT_EPARSE,
                      "%s: damaged: table %s holds what pelt never writes; fetch the file again",
                      l->d->path ? l->d->path : "temporary run file", table);
    }
}

static void out_of_memory(struct loader *l)
{
    if (l->status == PELT_OK) {
        l->status = pelt_fail(l->err, PELT_ENOMEM, "out of memory");
    }
}

static uint64_t column(sqlite3_stmt *s, int i)
{
    return (uint64_t)sqlite3_column_int64(s, i);
}

static double column_real(sqlite3_stmt *s, int i) /* NaN: NULL */
{
    return sqlite3_column_type(s, i) == SQLITE_NULL ? (double)NAN : sqlite3_column_double(s, i);
}

static const char *column_text(sqlite3_stmt *s, int i) /* "": NULL */
{
    const char *text = (const char *)sqlite3_column_text(s, i);
    return text ? text : "";
}

static char *copy_text(struct loader *l, sqlite3_stmt *s, int i)
{
    char *copy = strdup(column_text(s, i));
    if (copy == NULL) {
        out_of_memory(l);
    }
    return copy;
}

/*
 * Room for item `len` of the array that `array_ptr` points to; grows by doubling; the item is
 * zeroed. NULL: out of memory, and the loader has failed. The pointer is copied bytewise because
 * its type is the caller's (C11 6.5p7).
 */
static void *append(struct loader *l, void *array_ptr, size_t len, size_t item_bytes)
{
    void *array;
    memcpy(&array, array_ptr, sizeof array);
    if ((len & (len - 1)) == 0) { /* 0 or a power of two: full */
        array = realloc(array, (len ? 2 * len : 1) * item_bytes);
        if (array == NULL) {
            out_of_memory(l);
            return NULL;
        }
        memcpy(array_ptr, &array, sizeof array);
    }
    return memset((char *)array + len * item_bytes, 0, item_bytes);
}

static struct pelt_request_frame *total_request(struct loader *l, int64_t series, const char *table)
{
    if (series < 0 || series >= pelt_registry_count(l->r->names, PELT_NAME_REQUEST)) {
        damaged(l, table);
        return NULL;
    }
    struct pelt_request_frame *r = pelt_frame_request(l->r->total, (uint32_t)series);
    if (r == NULL) {
        out_of_memory(l);
    }
    return r;
}

/* ---- histograms ---- */

enum pelt_status pelt_load_hist(sqlite3_stmt *row, int first, struct pelt_hist *h,
                                struct pelt_hist_pool *pool, struct pelt_error *err)
{
    const uint64_t count = column(row, first), min_us = column(row, first + 1),
                   max_us = column(row, first + 2);
    struct pelt_hist before = *h; /* scalars only; its pages are h's */
    const char *bytes = sqlite3_column_blob(row, first + 5);
    size_t len = (size_t)sqlite3_column_bytes(row, first + 5);
    if (count > 0) {
        enum pelt_status status = pelt_hist_decode_add(h, pool, pelt_span(bytes, len), 1, err);
        if (status != PELT_OK) {
            return status;
        }
        if (h->count - before.count + (h->lost - before.lost) != count || min_us > max_us ||
            max_us > PELT_HIST_MAX_US) {
            return pelt_fail(err, PELT_EPARSE, "histogram payload and its row differ");
        }
        /* The payload has counters only; the row has the exact ends. */
        h->min_us = before.count > 0 && before.min_us < min_us ? before.min_us : min_us;
        h->max_us = before.count > 0 && before.max_us > max_us ? before.max_us : max_us;
    }
    h->clamped = before.clamped + column(row, first + 3);
    h->lost += column(row, first + 4);
    return PELT_OK;
}

static void load_hist(struct loader *l, sqlite3_stmt *s, int first, struct pelt_hist *h,
                      struct pelt_hist_pool *pool, const char *table)
{
    struct pelt_error why = {""};
    enum pelt_status status = pelt_load_hist(s, first, h, pool, &why);
    if (status != PELT_OK && l->status == PELT_OK) {
        l->status = pelt_fail(l->err, status, "%s: damaged: table %s: %s; fetch the file again",
                              l->d->path ? l->d->path : "temporary run file", table, why.text);
    }
}

/* Where (series, kind) is summed; NULL: nowhere (the response times of all requests together are
 * there a second only). */
static struct pelt_hist *total_hist(struct loader *l, int64_t series, const char *kind,
                                    const char *table)
{
    if (series != PELT_WHOLE_RUN) {
        struct pelt_request_frame *r = total_request(l, series, table);
        for (int k = 0; r != NULL && k < PELT_HIST_REQUEST_KINDS; k++) {
            if (strcmp(kind, pelt_request_hist_name(k)) == 0) {
                return &r->hist[k];
            }
        }
    } else {
        for (int k = 0; k < PELT_RUNHIST_KINDS; k++) {
            if (strcmp(kind, pelt_run_hist_name(k)) == 0) {
                return &l->r->total->hist[k];
            }
        }
        if (strcmp(kind, PELT_ALL_RESPONSES) == 0) {
            return NULL;
        }
    }
    damaged(l, table);
    return NULL;
}

static void add_hists(struct loader *l, sqlite3_stmt *s, const char *table)
{
    while (rows(l, s)) { /* series, kind, count ... payload */
        struct pelt_hist *h = total_hist(l, sqlite3_column_int64(s, 0), column_text(s, 1), table);
        if (h != NULL) {
            load_hist(l, s, 2, h, &l->r->total->pool, table);
        }
    }
    sqlite3_finalize(s);
}

static void load_hists(struct loader *l)
{
    add_hists(
        l,
        query(l,
              "SELECT series, kind, count, min_us, max_us, clamped, lost, payload FROM hist_sum"),
        "hist_sum");
    add_hists(l,
              query(l,
                    "SELECT series, kind, count, min_us, max_us, clamped, lost, payload FROM hist"
                    " WHERE t < 0"),
              "hist");
    add_hists(l,
              query(l,
                    "SELECT series, kind, count, min_us, max_us, clamped, lost, payload FROM hist"
                    " WHERE t > (SELECT coalesce(max(t), -1) FROM hist_sum)"),
              "hist");
}

/* ---- names and totals ---- */

static void load_meta(struct loader *l)
{
    size_t len = 0;
    sqlite3_stmt *s = query(l, "SELECT key, value FROM meta UNION ALL SELECT NULL, NULL");
    while (rows(l, s)) { /* the last row ends the list */
        for (int i = 0; i < 2; i++) {
            char **slot = append(l, &l->r->meta, len, sizeof *slot);
            if (slot != NULL) {
                *slot = sqlite3_column_type(s, i) == SQLITE_NULL ? NULL : copy_text(l, s, i);
                len++;
            }
        }
    }
    sqlite3_finalize(s);
}

/* Names are written in the order of their ids, so interning them again gives the same ids. */
static void load_names(struct loader *l)
{
    sqlite3_stmt *s = query(l, "SELECT kind, id, name FROM name WHERE id > 0 ORDER BY kind, id");
    while (rows(l, s)) {
        bool check = strcmp(column_text(s, 0), pelt_name_kind_name(PELT_NAME_CHECK)) == 0;
        enum pelt_name_kind kind = check ? PELT_NAME_CHECK : PELT_NAME_REQUEST;
        uint32_t id = pelt_registry_intern(l->r->names, kind, pelt_span_of(column_text(s, 2)));
        if (id != column(s, 1)) {
            damaged(l, "name");
        }
    }
    sqlite3_finalize(s);
}

static void load_requests(struct loader *l)
{
    sqlite3_stmt *s = query(l, "SELECT series, sum(started), sum(bytes_sent), sum(bytes_received) "
                               "FROM request GROUP BY series");
    while (rows(l, s)) {
        struct pelt_request_frame *r = total_request(l, sqlite3_column_int64(s, 0), "request");
        if (r != NULL) {
            r->started = column(s, 1);
            r->bytes_sent = column(s, 2);
            r->bytes_received = column(s, 3);
        }
    }
    sqlite3_finalize(s);
}

static void add_error(struct loader *l, uint32_t series, enum pelt_outcome outcome, sqlite3_stmt *s)
{
    struct pelt_error_row *row = append(l, &l->r->errors, l->r->errors_len, sizeof *row);
    if (row == NULL) {
        return;
    }
    int64_t first_t = sqlite3_column_int64(s, 3), last_t = sqlite3_column_int64(s, 4);
    row->series = series;
    row->outcome = outcome;
    row->e.count = column(s, 2);
    row->e.first_ns = (uint64_t)(first_t < 0 ? 0 : first_t) * PELT_NS_PER_S;
    row->e.last_ns = (uint64_t)(last_t + 1) * PELT_NS_PER_S;
    l->r->errors_len++;
}

static void load_outcomes(struct loader *l)
{
    sqlite3_stmt *s = query(
        l,
        "SELECT series, outcome, sum(count), min(t), max(t) FROM outcome GROUP BY series, outcome");
    while (rows(l, s)) {
        enum pelt_outcome outcome;
        struct pelt_request_frame *r = total_request(l, sqlite3_column_int64(s, 0), "outcome");
        if (r == NULL || !pelt_outcome_find(column_text(s, 1), &outcome)) {
            damaged(l, "outcome");
            break;
        }
        r->outcomes[outcome] = column(s, 2);
        if (outcome != PELT_OUTCOME_OK) {
            add_error(l, (uint32_t)column(s, 0), outcome, s);
        }
    }
    sqlite3_finalize(s);
}

/* A sample text and the exact moments, for those errors of which a frame kept them. */
static void load_error_samples(struct loader *l)
{
    /* SQLite: beside one min(), bare columns are those of its row. */
    sqlite3_stmt *s = query(
        l, "SELECT series, outcome, min(first_ns), last, sample FROM error JOIN"
           " (SELECT series AS of, outcome AS o, max(last_ns) AS last FROM error GROUP BY 1, 2)"
           " ON of = series AND o = outcome GROUP BY series, outcome");
    while (rows(l, s)) {
        for (size_t i = 0; i < l->r->errors_len; i++) {
            struct pelt_error_row *row = &l->r->errors[i];
            if (row->series == column(s, 0) &&
                strcmp(pelt_outcome_name(row->outcome), column_text(s, 1)) == 0) {
                row->e.first_ns = column(s, 2);
                row->e.last_ns = column(s, 3);
                snprintf(row->e.sample, sizeof row->e.sample, "%s", column_text(s, 4));
            }
        }
    }
    sqlite3_finalize(s);
}

static int errors_by_count(const void *a, const void *b)
{
    const struct pelt_error_row *x = a, *y = b;
    if (x->e.count != y->e.count) {
        return x->e.count < y->e.count ? 1 : -1;
    }
    return x->series != y->series ? (x->series > y->series) - (x->series < y->series)
                                  : (int)x->outcome - (int)y->outcome;
}

static void load_checks(struct loader *l)
{
    sqlite3_stmt *s = query(
        l, "SELECT id, sum(passed), sum(failed), min(CASE WHEN failed > 0 THEN t END) FROM checks"
           " GROUP BY id ORDER BY id");
    while (rows(l, s)) {
        int64_t id = sqlite3_column_int64(s, 0);
        if (id < 0 || id >= pelt_registry_count(l->r->names, PELT_NAME_CHECK)) {
            damaged(l, "checks");
            break;
        }
        struct pelt_check_row *row = append(l, &l->r->checks, l->r->checks_len, sizeof *row);
        struct pelt_check_frame *total = pelt_frame_check(l->r->total, (uint32_t)id);
        if (row == NULL || total == NULL) {
            out_of_memory(l);
            break;
        }
        *row = (struct pelt_check_row){(uint32_t)id, column(s, 1), column(s, 2),
                                       (int32_t)sqlite3_column_int64(s, 3)};
        *total = (struct pelt_check_frame){row->passed, row->failed};
        l->r->checks_len++;
    }
    sqlite3_finalize(s);
}

static void load_run_counts(struct loader *l)
{
    struct pelt_frame *total = l->r->total;
    sqlite3_stmt *s = query(
        l, "SELECT sum(iterations), sum(script_errors), sum(planned), sum(dropped), max(users),"
           " max(waiting) FROM second");
    if (rows(l, s)) {
        total->iterations = column(s, 0);
        total->script_errors = column(s, 1);
        total->planned = column(s, 2);
        total->dropped = column(s, 3);
        total->users = (uint32_t)column(s, 4);
        total->waiting = (uint32_t)column(s, 5);
    }
    sqlite3_finalize(s);
}

/* ---- seconds and threads ---- */

static void load_second_rows(struct loader *l)
{
    sqlite3_stmt *s =
        query(l, "SELECT t, iterations, script_errors, planned, dropped, users, waiting FROM second"
                 " WHERE t >= 0 ORDER BY t");
    while (rows(l, s)) {
        struct pelt_second_row *row = append(l, &l->r->seconds, l->r->seconds_len, sizeof *row);
        if (row == NULL || column(s, 0) > INT32_MAX) {
            damaged(l, "second");
            break;
        }
        row->t = (int32_t)column(s, 0);
        row->iterations = column(s, 1);
        row->script_errors = column(s, 2);
        row->planned = column(s, 3);
        row->dropped = column(s, 4);
        row->users = (uint32_t)column(s, 5);
        row->waiting = (uint32_t)column(s, 6);
        l->r->seconds_len++;
    }
    sqlite3_finalize(s);
}

/* The row of second t at or behind *at; rows come in ascending order, so one walk over all is
 * enough. */
static struct pelt_second_row *second_at(struct loader *l, size_t *at, int64_t t)
{
    while (*at < l->r->seconds_len && l->r->seconds[*at].t < t) {
        (*at)++;
    }
    return *at < l->r->seconds_len && l->r->seconds[*at].t == t ? &l->r->seconds[*at] : NULL;
}

static void load_second_requests(struct loader *l)
{
    size_t at = 0;
    struct pelt_second_row *row;
    sqlite3_stmt *s = query(
        l, "SELECT t, sum(started), sum(bytes_sent), sum(bytes_received) FROM request WHERE t >= 0"
           " GROUP BY t ORDER BY t");
    while (rows(l, s)) {
        if ((row = second_at(l, &at, sqlite3_column_int64(s, 0))) != NULL) {
            row->started = column(s, 1);
            row->bytes_sent = column(s, 2);
            row->bytes_received = column(s, 3);
        }
    }
    sqlite3_finalize(s);
    at = 0;
    s = query(l, "SELECT t, sum((outcome = 'ok') * count), sum((outcome <> 'ok') * count) FROM "
                 "outcome WHERE t >= 0"
                 " GROUP BY t ORDER BY t");
    while (rows(l, s)) {
        if ((row = second_at(l, &at, sqlite3_column_int64(s, 0))) != NULL) {
            row->ok = column(s, 1);
            row->errors = column(s, 2);
        }
    }
    sqlite3_finalize(s);
}

static void load_second_times(struct loader *l)
{
    sqlite3_stmt *s = query(
        l,
        "SELECT count, min_us, max_us, clamped, lost, payload FROM hist WHERE t = ? AND series = -1"
        " AND kind = '" PELT_ALL_RESPONSES "'");
    for (size_t i = 0; i < l->r->seconds_len && l->status == PELT_OK; i++) {
        struct pelt_second_row *row = &l->r->seconds[i];
        struct pelt_hist h = {0};
        const struct pelt_cell key = PELT_INT(row->t);
        pelt_statement_bind(s, &key, 1);
        if (rows(l, s)) {
            load_hist(l, s, 0, &h, &l->pool, "hist");
            row->count = h.count;
            row->p50_us = pelt_hist_percentile_us(&h, 50);
            row->p95_us = pelt_hist_percentile_us(&h, 95);
            row->p99_us = pelt_hist_percentile_us(&h, 99);
            row->max_us = h.count > 0 ? h.max_us : 0;
        }
        pelt_hist_reset(&h, &l->pool);
    }
    sqlite3_finalize(s);
}

static void load_threads(struct loader *l)
{
    sqlite3_stmt *s =
        query(l, "SELECT thread, sum(started), sum(cpu_ns), sum(spin_ns) FROM thread WHERE t >= 0"
                 " GROUP BY thread ORDER BY thread");
    while (rows(l, s)) {
        struct pelt_thread_row *row = append(l, &l->r->threads, l->r->threads_len, sizeof *row);
        if (row == NULL) {
            break;
        }
        row->thread = (uint32_t)column(s, 0);
        row->started = column(s, 1);
        row->cpu_ns = column(s, 2);
        row->spin_ns = column(s, 3);
        l->r->total->cpu_ns += row->cpu_ns;
        l->r->total->spin_ns += row->spin_ns;
        l->r->threads_len++;
    }
    sqlite3_finalize(s);
}

/* ---- events, thresholds, verdict ---- */

static void load_events(struct loader *l)
{
    sqlite3_stmt *s = query(l, "SELECT t_s, kind, text FROM event ORDER BY id");
    while (rows(l, s)) {
        struct pelt_event_row *row = append(l, &l->r->events, l->r->events_len, sizeof *row);
        if (row == NULL) {
            break;
        }
        l->r->events_len++;
        row->t_s = sqlite3_column_double(s, 0);
        row->kind = copy_text(l, s, 1);
        row->text = copy_text(l, s, 2);
    }
    sqlite3_finalize(s);
}

static bool find_unit(const char *name, enum pelt_unit *out)
{
    for (int unit = PELT_UNIT_MS; unit <= PELT_UNIT_BYTES; unit++) {
        if (strcmp(pelt_unit_name(unit), name) == 0) {
            *out = unit;
            return true;
        }
    }
    return false;
}

static bool find_level(const char *name, enum pelt_level *out)
{
    for (int level = PELT_LEVEL_TARGET; level <= PELT_LEVEL_UNJUDGED; level++) {
        if (strcmp(pelt_level_name(level), name) == 0) {
            *out = level;
            return true;
        }
    }
    return false;
}

static void read_threshold(struct loader *l, sqlite3_stmt *s, struct pelt_threshold_row *row)
{
    struct pelt_threshold *t = &row->threshold;
    snprintf(t->metric, sizeof t->metric, "%s", column_text(s, 0));
    snprintf(t->name, sizeof t->name, "%s", column_text(s, 1));
    snprintf(t->stat, sizeof t->stat, "%s", column_text(s, 2));
    t->lower_is_better = column(s, 4) != 0;
    t->single = column(s, 5) != 0;
    t->target = column_real(s, 6);
    t->warning = column_real(s, 7);
    t->critical = column_real(s, 8);
    row->judged = sqlite3_column_type(s, 9) != SQLITE_NULL;
    row->line.has_value = sqlite3_column_type(s, 10) != SQLITE_NULL;
    row->line.value = row->line.has_value ? sqlite3_column_double(s, 10) : 0;
    row->line.needs = column(s, 11);
    snprintf(row->line.why, sizeof row->line.why, "%s", column_text(s, 12));
    if (!find_unit(column_text(s, 3), &t->unit) ||
        (row->judged && !find_level(column_text(s, 9), &row->line.level))) {
        damaged(l, "threshold");
    }
}

static void load_thresholds(struct loader *l)
{
    sqlite3_stmt *s = query(l, "SELECT metric, name, stat, unit, lower_is_better, single, target, "
                               "warning, critical, level,"
                               " value, needs, why FROM threshold ORDER BY id");
    while (rows(l, s)) {
        struct pelt_threshold_row *row =
            append(l, &l->r->thresholds, l->r->thresholds_len, sizeof *row);
        if (row == NULL) {
            break;
        }
        l->r->thresholds_len++;
        read_threshold(l, s, row);
    }
    sqlite3_finalize(s);
}

static char **load_reasons(struct loader *l, const char *scope)
{
    char **reasons = NULL;
    size_t len = 0;
    sqlite3_stmt *s =
        query(l, "SELECT text FROM (SELECT id, text FROM reason WHERE scope = ?1 ORDER BY id)"
                 " UNION ALL SELECT NULL");
    const struct pelt_cell key = PELT_TEXT(scope);
    if (s != NULL) {
        pelt_statement_bind(s, &key, 1);
    }
    while (rows(l, s)) { /* the last row ends the list */
        char **slot = append(l, &reasons, len, sizeof *slot);
        if (slot != NULL) {
            *slot = sqlite3_column_type(s, 0) == SQLITE_NULL ? NULL : copy_text(l, s, 0);
            len++;
        }
    }
    sqlite3_finalize(s);
    return reasons;
}

static void load_verdict(struct loader *l)
{
    sqlite3_stmt *s = query(l, "SELECT status, exit_code FROM verdict");
    if (rows(l, s)) {
        const char *status = column_text(s, 0);
        enum pelt_verdict v = PELT_VALID;
        while (v < PELT_INVALID && strcmp(status, pelt_verdict_name(v)) != 0) {
            v++;
        }
        l->r->finished = true;
        l->r->verdict = v; /* an unknown word counts as the worst */
        l->r->exit_code = sqlite3_column_int(s, 1);
    }
    sqlite3_finalize(s);
    if (l->r->finished) {
        l->r->verdict_reasons = load_reasons(l, "verdict");
        l->r->exit_reasons = load_reasons(l, "exit");
    }
}

/* ---- what follows from it ---- */

static void find_duration(struct loader *l)
{
    struct pelt_results *r = l->r;
    const char *planned = pelt_results_meta(r, "duration_ns");
    double reached_s = r->seconds_len > 0 ? r->seconds[r->seconds_len - 1].t + 1 : 0;
    double planned_s = planned ? (double)strtoull(planned, NULL, 10) / (double)PELT_NS_PER_S : 0;
    bool in_order = r->finished && planned_s > 0;
    r->duration_s = in_order || (planned_s > 0 && planned_s < reached_s) ? planned_s : reached_s;
}

static char **one_reason(struct loader *l, const char *text)
{
    char **reasons = calloc(2, sizeof *reasons);
    if (reasons == NULL || (reasons[0] = strdup(text)) == NULL) {
        out_of_memory(l);
    }
    return reasons;
}

/* A run without its end: what is known is told and judged, and no more is claimed. */
static void explain_unfinished(struct loader *l)
{
    struct pelt_results *r = l->r;
    char text[120], upto[40] = "no second was completed";
    if (r->seconds_len > 0) {
        snprintf(upto, sizeof upto, "data up to second %d", r->seconds[r->seconds_len - 1].t);
    }
    snprintf(text, sizeof text, "%s: %s",
             r->running ? "this run is still going on" : "this run was killed", upto);
    r->verdict = PELT_SUSPECT;
    r->exit_code = 1;
    r->verdict_reasons = one_reason(l, text);
    r->exit_reasons =
        one_reason(l, r->running ? "the run has not ended" : "the run did not end in order");
    for (size_t i = 0; i < r->thresholds_len && l->status == PELT_OK; i++) {
        struct pelt_threshold_row *row = &r->thresholds[i];
        pelt_threshold_judge(&row->threshold, r->total, r->names, r->duration_s, &row->line);
        row->judged = true;
    }
}

static void load_all(struct loader *l)
{
    load_meta(l);
    load_names(l);
    load_requests(l);
    load_outcomes(l);
    load_error_samples(l);
    load_checks(l);
    load_run_counts(l);
    load_hists(l);
    load_second_rows(l);
    load_second_requests(l);
    load_second_times(l);
    load_threads(l);
    load_events(l);
    load_thresholds(l);
    load_verdict(l);
    if (l->status == PELT_OK) {
        if (l->r->errors_len > 0) {
            qsort(l->r->errors, l->r->errors_len, sizeof *l->r->errors, errors_by_count);
        }
        find_duration(l);
    }
    if (l->status == PELT_OK && !l->r->finished) {
        explain_unfinished(l);
    }
}

static struct pelt_results *results_new(const char *path)
{
    struct pelt_results *r = calloc(1, sizeof *r);
    if (r == NULL) {
        return NULL;
    }
    r->names = pelt_registry_new();
    r->total = pelt_frame_new(0);
    r->path = path ? strdup(path) : NULL;
    if (r->names == NULL || r->total == NULL || (path != NULL && r->path == NULL)) {
        pelt_results_free(r);
        return NULL;
    }
    r->total->second = -1;
    return r;
}

enum pelt_status pelt_load_results(struct pelt_database *d, bool writing, struct pelt_results **out,
                                   struct pelt_error *err)
{
    struct loader l = {.d = d, .r = results_new(d->path), .err = err};
    if (l.r == NULL) {
        return pelt_fail(err, PELT_ENOMEM, "out of memory");
    }
    l.r->running = writing;
    pelt_hist_pool_init(&l.pool, 0);
    /* One read transaction, so that all tables show the same moment while a writer goes on. */
    if (sqlite3_exec(d->db, "BEGIN", NULL, NULL, NULL) != SQLITE_OK) {
        l.status = pelt_database_fail(d, "cannot be read", err);
    }
    load_all(&l);
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

enum pelt_status pelt_results_load(const char *path, struct pelt_results **out,
                                   struct pelt_error *err)
{
    struct pelt_database *d = NULL;
    bool writing = pelt_database_is_written(path); /* before SQLite opens it: see there */
    enum pelt_status status = pelt_database_open(path, &d, err);
    if (status == PELT_OK) {
        status = pelt_load_results(d, writing, out, err);
    }
    pelt_database_release(d);
    return status;
}

/* ---- seconds of each request ---- */

struct walk {
    struct loader l;
    sqlite3_stmt *request, *outcome, *hist;
    struct pelt_request_frame frame; /* of the running row */
};

static void read_request_second(struct walk *w, int32_t t, int64_t series)
{
    const struct pelt_cell key[] = {PELT_INT(t), PELT_INT(series)};
    enum pelt_outcome outcome;
    w->frame.started = column(w->request, 2);
    w->frame.bytes_sent = column(w->request, 3);
    w->frame.bytes_received = column(w->request, 4);
    pelt_statement_bind(w->outcome, key, 2);
    while (rows(&w->l, w->outcome)) {
        if (pelt_outcome_find(column_text(w->outcome, 0), &outcome)) {
            w->frame.outcomes[outcome] = column(w->outcome, 1);
        }
    }
    pelt_statement_bind(w->hist, key, 2);
    while (rows(&w->l, w->hist)) {
        bool service =
            strcmp(column_text(w->hist, 0), pelt_request_hist_name(PELT_HIST_SERVICE)) == 0;
        load_hist(&w->l, w->hist, 1,
                  &w->frame.hist[service ? PELT_HIST_SERVICE : PELT_HIST_RESPONSE], &w->l.pool,
                  "hist");
    }
}

static void clear_frame(struct walk *w)
{
    for (int k = 0; k < PELT_HIST_REQUEST_KINDS; k++) {
        pelt_hist_reset(&w->frame.hist[k], &w->l.pool);
    }
    w->frame = (struct pelt_request_frame){0};
}

static enum pelt_status walk_database(struct pelt_database *d, const struct pelt_results *r,
                                      pelt_request_second_fn fn, void *arg, struct pelt_error *err)
{
    struct walk w = {.l = {.d = d, .err = err}};
    pelt_hist_pool_init(&w.l.pool, 0);
    w.request = query(
        &w.l, "SELECT t, series, started, bytes_sent, bytes_received FROM request WHERE t >= 0"
              " ORDER BY t, series");
    w.outcome = query(&w.l, "SELECT outcome, count FROM outcome WHERE t = ? AND series = ?");
    w.hist = query(&w.l, "SELECT kind, count, min_us, max_us, clamped, lost, payload FROM hist "
                         "WHERE t = ? AND series = ?"
                         " AND kind IN ('http_response', 'http_service')");
    while (rows(&w.l, w.request)) {
        int32_t t = (int32_t)sqlite3_column_int64(w.request, 0);
        int64_t series = sqlite3_column_int64(w.request, 1);
        if (series < 0 || series >= pelt_registry_count(r->names, PELT_NAME_REQUEST)) {
            break; /* younger than the results: the run goes on */
        }
        read_request_second(&w, t, series);
        if (w.l.status == PELT_OK) {
            fn(arg, t, (uint32_t)series, &w.frame);
        }
        clear_frame(&w);
    }
    sqlite3_finalize(w.request);
    sqlite3_finalize(w.outcome);
    sqlite3_finalize(w.hist);
    pelt_hist_pool_deinit(&w.l.pool);
    return w.l.status;
}

enum pelt_status pelt_results_each_request_second(const struct pelt_results *r,
                                                  pelt_request_second_fn fn, void *arg,
                                                  struct pelt_error *err)
{
    if (r->database != NULL) {
        return walk_database(r->database, r, fn, arg, err);
    }
    struct pelt_database *d = NULL;
    enum pelt_status status = pelt_database_open(r->path, &d, err);
    if (status == PELT_OK) {
        status = walk_database(d, r, fn, arg, err);
    }
    pelt_database_release(d);
    return status;
}
