/*
 * load_totals: the sums of the whole run, those of the load apart from those of setup and teardown
 * (rows of second -1).
 *
 * Counts are sums that SQLite makes; histograms are `hist_sum` (seconds 0 to its t) and the rows of
 * `hist` that it does not cover. Adding is exact, so this is the same as adding every row.
 */
#include <stdlib.h>
#include <string.h>

#include "loader.h"
#include "pelt/clock.h"

/* The sum that a row belongs to. */
static struct pelt_frame *frame_of(struct pelt_loader *l, bool outside)
{
    return outside ? l->r->outside : l->r->total;
}

struct pelt_request_frame *pelt_loader_request(struct pelt_loader *l, struct pelt_frame *frame,
                                               int64_t series, const char *table)
{
    if (series < 0 || series >= pelt_registry_count(l->r->names, PELT_NAME_REQUEST)) {
        pelt_loader_damaged(l, table);
        return NULL;
    }
    struct pelt_request_frame *r = pelt_frame_request(frame, (uint32_t)series);
    if (r == NULL) {
        pelt_loader_out_of_memory(l);
    }
    return r;
}

struct pelt_metric_frame *pelt_loader_metric(struct pelt_loader *l, struct pelt_frame *frame,
                                             int64_t series, const char *table)
{
    struct pelt_metrics *metrics = pelt_registry_metrics(l->r->names);
    uint32_t metric;
    series = pelt_loader_series(l, series);
    if (series < 0 || series >= PELT_METRIC_SERIES_MAX ||
        pelt_metrics_tags(metrics, (uint32_t)series, &metric) == NULL) {
        pelt_loader_damaged(l, table);
        return NULL;
    }
    struct pelt_metric_frame *m = pelt_frame_metric(frame, (uint32_t)series);
    if (m == NULL) {
        pelt_loader_out_of_memory(l);
    }
    return m;
}

/* ---- histograms ---- */

struct pelt_hist *pelt_loader_hist_of(struct pelt_loader *l, struct pelt_frame *frame,
                                      int64_t series, const char *kind, const char *table)
{
    if (series != PELT_WHOLE_RUN && strcmp(kind, PELT_TREND) == 0) {
        struct pelt_metric_frame *m = pelt_loader_metric(l, frame, series, table);
        return m != NULL ? &m->hist : NULL;
    }
    if (series != PELT_WHOLE_RUN) {
        struct pelt_request_frame *r = pelt_loader_request(l, frame, series, table);
        for (int k = 0; r != NULL && k < PELT_HIST_REQUEST_KINDS; k++) {
            if (strcmp(kind, pelt_request_hist_name(k)) == 0) {
                return &r->hist[k];
            }
        }
    } else {
        for (int k = 0; k < PELT_RUNHIST_KINDS; k++) {
            if (strcmp(kind, pelt_run_hist_name(k)) == 0) {
                return &frame->hist[k];
            }
        }
        if (strcmp(kind, PELT_ALL_RESPONSES) == 0) {
            return NULL;
        }
    }
    pelt_loader_damaged(l, table);
    return NULL;
}

#define HIST_COLUMNS "series, kind, count, min_us, max_us, clamped, lost, payload"

/* Finalizes `s`. */
static void add_hists(struct pelt_loader *l, struct pelt_frame *frame, sqlite3_stmt *s,
                      const char *table)
{
    while (pelt_loader_rows(l, s)) { /* HIST_COLUMNS */
        struct pelt_hist *h = pelt_loader_hist_of(l, frame, sqlite3_column_int64(s, 0),
                                                  pelt_column_text(s, 1), table);
        if (h != NULL) {
            pelt_loader_hist(l, s, 2, h, &frame->pool, table);
        }
    }
    sqlite3_finalize(s);
}

static void load_hists(struct pelt_loader *l)
{
    add_hists(l, l->r->total, pelt_loader_query(l, "SELECT " HIST_COLUMNS " FROM hist_sum"),
              "hist_sum");
    add_hists(l, l->r->total,
              pelt_loader_query(l, "SELECT " HIST_COLUMNS
                                   " FROM hist WHERE t > (SELECT coalesce(max(t), -1)"
                                   " FROM hist_sum)"),
              "hist");
    add_hists(l, l->r->outside,
              pelt_loader_query(l, "SELECT " HIST_COLUMNS " FROM hist WHERE t < 0"), "hist");
}

/* ---- counts ---- */

static void load_requests(struct pelt_loader *l)
{
    sqlite3_stmt *s = pelt_loader_query(
        l, "SELECT t < 0, series, sum(started), sum(bytes_sent), sum(bytes_received)"
           " FROM request GROUP BY t < 0, series");
    while (pelt_loader_rows(l, s)) {
        struct pelt_request_frame *r = pelt_loader_request(l, frame_of(l, pelt_column(s, 0) != 0),
                                                           sqlite3_column_int64(s, 1), "request");
        if (r != NULL) {
            r->started = pelt_column(s, 2);
            r->bytes_sent = pelt_column(s, 3);
            r->bytes_received = pelt_column(s, 4);
        }
    }
    sqlite3_finalize(s);
}

static void add_error(struct pelt_loader *l, uint32_t series, enum pelt_outcome outcome,
                      uint64_t count, int32_t first_t, int32_t last_t)
{
    struct pelt_error_row *row =
        pelt_loader_append(l, &l->r->errors, l->r->errors_len, sizeof *row);
    if (row != NULL) {
        row->series = series;
        row->outcome = outcome;
        row->e.count = count;
        row->e.first_ns = (uint64_t)first_t * PELT_NS_PER_S;
        row->e.last_ns = ((uint64_t)last_t + 1) * PELT_NS_PER_S;
        l->r->errors_len++;
    }
}

static void load_outcomes(struct pelt_loader *l)
{
    sqlite3_stmt *s =
        pelt_loader_query(l, "SELECT t < 0, series, outcome, sum(count), min(t), max(t)"
                             " FROM outcome GROUP BY t < 0, series, outcome");
    while (pelt_loader_rows(l, s)) {
        bool outside = pelt_column(s, 0) != 0;
        enum pelt_outcome outcome;
        struct pelt_request_frame *r =
            pelt_loader_request(l, frame_of(l, outside), sqlite3_column_int64(s, 1), "outcome");
        if (r == NULL || !pelt_outcome_find(pelt_column_text(s, 2), &outcome)) {
            pelt_loader_damaged(l, "outcome");
            break;
        }
        r->outcomes[outcome] = pelt_column(s, 3);
        if (pelt_outcome_is_error(outcome) && !outside) {
            add_error(l, (uint32_t)pelt_column(s, 1), outcome, r->outcomes[outcome],
                      (int32_t)sqlite3_column_int64(s, 4), (int32_t)sqlite3_column_int64(s, 5));
        }
    }
    sqlite3_finalize(s);
}

/* A sample text and the exact moments, for those errors of the load of which a frame kept them. */
static void load_error_samples(struct pelt_loader *l)
{
    /* SQLite: beside one min(), bare columns are those of its row. */
    sqlite3_stmt *s = pelt_loader_query(
        l, "SELECT series, outcome, min(first_ns), last, sample FROM error JOIN"
           " (SELECT series AS of, outcome AS o, max(last_ns) AS last FROM error"
           " WHERE t >= 0 GROUP BY 1, 2)"
           " ON of = series AND o = outcome WHERE t >= 0 GROUP BY series, outcome");
    while (pelt_loader_rows(l, s)) {
        for (size_t i = 0; i < l->r->errors_len; i++) {
            struct pelt_error_row *row = &l->r->errors[i];
            if (row->series == pelt_column(s, 0) &&
                strcmp(pelt_outcome_name(row->outcome), pelt_column_text(s, 1)) == 0) {
                row->e.first_ns = pelt_column(s, 2);
                row->e.last_ns = pelt_column(s, 3);
                snprintf(row->e.sample, sizeof row->e.sample, "%s", pelt_column_text(s, 4));
            }
        }
    }
    sqlite3_finalize(s);
}

/* Those of setup and teardown are as many as a frame keeps. */
static void load_outside_errors(struct pelt_loader *l)
{
    struct pelt_frame *f = l->r->outside;
    sqlite3_stmt *s = pelt_loader_query(
        l, "SELECT series, outcome, count, first_ns, last_ns, sample FROM error WHERE t < 0"
           " ORDER BY first_ns");
    while (f->errors_len < PELT_FRAME_ERRORS && pelt_loader_rows(l, s)) {
        enum pelt_outcome outcome;
        if (pelt_loader_request(l, f, sqlite3_column_int64(s, 0), "error") == NULL ||
            !pelt_outcome_find(pelt_column_text(s, 1), &outcome)) {
            pelt_loader_damaged(l, "error");
            break;
        }
        uint32_t i = f->errors_len++;
        f->errors[i].series = (uint32_t)pelt_column(s, 0);
        f->errors[i].outcome = outcome;
        struct pelt_error_frame *e = &f->errors[i].e;
        e->count = pelt_column(s, 2);
        e->first_ns = pelt_column(s, 3);
        e->last_ns = pelt_column(s, 4);
        snprintf(e->sample, sizeof e->sample, "%s", pelt_column_text(s, 5));
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

static void add_check(struct pelt_loader *l, uint32_t id, const struct pelt_check_frame *c,
                      int32_t first_failed_t)
{
    struct pelt_check_row *row =
        pelt_loader_append(l, &l->r->checks, l->r->checks_len, sizeof *row);
    if (row != NULL) {
        *row = (struct pelt_check_row){id, c->passed, c->failed, first_failed_t};
        l->r->checks_len++;
    }
}

static void load_checks(struct pelt_loader *l)
{
    sqlite3_stmt *s = pelt_loader_query(l, "SELECT t < 0, id, sum(passed), sum(failed),"
                                           " min(CASE WHEN failed > 0 THEN t END)"
                                           " FROM checks GROUP BY t < 0, id ORDER BY id");
    while (pelt_loader_rows(l, s)) {
        bool outside = pelt_column(s, 0) != 0;
        int64_t id = sqlite3_column_int64(s, 1);
        if (id < 0 || id >= pelt_registry_count(l->r->names, PELT_NAME_CHECK)) {
            pelt_loader_damaged(l, "checks");
            break;
        }
        struct pelt_check_frame *c = pelt_frame_check(frame_of(l, outside), (uint32_t)id);
        if (c == NULL) {
            pelt_loader_out_of_memory(l);
            break;
        }
        *c = (struct pelt_check_frame){pelt_column(s, 2), pelt_column(s, 3)};
        if (!outside) {
            add_check(l, (uint32_t)id, c, (int32_t)sqlite3_column_int64(s, 4));
        }
    }
    sqlite3_finalize(s);
}

static void load_metric_values(struct pelt_loader *l)
{
    if (l->d->version < 3) {
        return;
    }
    /* SQLite: beside one max(), bare columns are those of its row. */
    sqlite3_stmt *s = pelt_loader_query(
        l, "SELECT v.t < 0, v.series, n, total, low, high, max(at_ns), last FROM metric_value AS v"
           " JOIN (SELECT t < 0 AS out, series AS of, sum(count) AS n, sum(sum) AS total,"
           " min(min) AS low, max(max) AS high FROM metric_value GROUP BY t < 0, series)"
           " ON out = (v.t < 0) AND of = v.series GROUP BY v.t < 0, v.series");
    while (pelt_loader_rows(l, s)) {
        struct pelt_metric_frame *m = pelt_loader_metric(
            l, frame_of(l, pelt_column(s, 0) != 0), sqlite3_column_int64(s, 1), "metric_value");
        if (m == NULL) {
            break;
        }
        m->values = pelt_column(s, 2);
        m->sum = pelt_column(s, 3) < PELT_METRIC_SUM_MAX ? pelt_column(s, 3) : PELT_METRIC_SUM_MAX;
        m->min = sqlite3_column_double(s, 4);
        m->max = sqlite3_column_double(s, 5);
        m->at_ns = pelt_column(s, 6);
        m->last = sqlite3_column_double(s, 7);
    }
    sqlite3_finalize(s);
}

/* Before version 2 of the schema, events that no memory could be had for were not written. */
static const char *run_counts_sql(const struct pelt_loader *l)
{
#define RUN_COUNTS(lost)                                                                           \
    "SELECT t < 0, sum(iterations), sum(script_errors), sum(planned), sum(dropped), max(users),"   \
    " max(waiting), " lost " FROM second GROUP BY t < 0"
    return l->d->version < 2 ? RUN_COUNTS("0") : RUN_COUNTS("sum(lost)");
#undef RUN_COUNTS
}

static void load_run_counts(struct pelt_loader *l)
{
    sqlite3_stmt *s = pelt_loader_query(l, run_counts_sql(l));
    while (pelt_loader_rows(l, s)) {
        struct pelt_frame *f = frame_of(l, pelt_column(s, 0) != 0);
        f->iterations = pelt_column(s, 1);
        f->script_errors = pelt_column(s, 2);
        f->planned = pelt_column(s, 3);
        f->dropped = pelt_column(s, 4);
        f->users = (uint32_t)pelt_column(s, 5);
        f->waiting = (uint32_t)pelt_column(s, 6);
        f->lost = pelt_column(s, 7);
    }
    sqlite3_finalize(s);
}

void pelt_load_totals(struct pelt_loader *l)
{
    load_requests(l);
    load_outcomes(l);
    load_error_samples(l);
    load_outside_errors(l);
    load_checks(l);
    load_metric_values(l);
    load_run_counts(l);
    load_hists(l);
    if (l->status == PELT_OK && l->r->errors_len > 0) {
        qsort(l->r->errors, l->r->errors_len, sizeof *l->r->errors, errors_by_count);
    }
}

/* ---- behind the load's whole seconds ---- */

static sqlite3_stmt *query_after(struct pelt_loader *l, const char *sql)
{
    sqlite3_stmt *s = pelt_loader_query(l, sql);
    const struct pelt_cell whole = PELT_INT(pelt_results_whole_s(l->r));
    if (s != NULL) {
        pelt_statement_bind(s, &whole, 1);
    }
    return s;
}

static void load_after_requests(struct pelt_loader *l)
{
    sqlite3_stmt *s =
        query_after(l, "SELECT series, sum(started), sum(bytes_sent), sum(bytes_received)"
                       " FROM request WHERE t >= ? GROUP BY series");
    while (pelt_loader_rows(l, s)) {
        struct pelt_request_frame *r =
            pelt_loader_request(l, l->r->after, sqlite3_column_int64(s, 0), "request");
        if (r != NULL) {
            r->started = pelt_column(s, 1);
            r->bytes_sent = pelt_column(s, 2);
            r->bytes_received = pelt_column(s, 3);
        }
    }
    sqlite3_finalize(s);
    s = query_after(l, "SELECT series, outcome, sum(count) FROM outcome WHERE t >= ?"
                       " GROUP BY series, outcome");
    while (pelt_loader_rows(l, s)) {
        enum pelt_outcome outcome;
        struct pelt_request_frame *r =
            pelt_loader_request(l, l->r->after, sqlite3_column_int64(s, 0), "outcome");
        if (r != NULL && pelt_outcome_find(pelt_column_text(s, 1), &outcome)) {
            r->outcomes[outcome] = pelt_column(s, 2);
        }
    }
    sqlite3_finalize(s);
}

/* Of a script's metrics only what rates are made of. */
static void load_after_values(struct pelt_loader *l)
{
    sqlite3_stmt *s = l->d->version < 3
                          ? NULL
                          : query_after(l, "SELECT series, sum(count), sum(sum) FROM metric_value"
                                           " WHERE t >= ? GROUP BY series");
    while (s != NULL && pelt_loader_rows(l, s)) {
        struct pelt_metric_frame *m =
            pelt_loader_metric(l, l->r->after, sqlite3_column_int64(s, 0), "metric_value");
        if (m != NULL) {
            m->values = pelt_column(s, 1);
            m->sum = pelt_column(s, 2);
        }
    }
    sqlite3_finalize(s);
}

static void load_after_counts(struct pelt_loader *l)
{
    sqlite3_stmt *s =
        query_after(l, "SELECT coalesce(sum(iterations), 0), coalesce(sum(planned), 0),"
                       " coalesce(sum(dropped), 0) FROM second WHERE t >= ?");
    if (pelt_loader_rows(l, s)) {
        l->r->after->iterations = pelt_column(s, 0);
        l->r->after->planned = pelt_column(s, 1);
        l->r->after->dropped = pelt_column(s, 2);
    }
    sqlite3_finalize(s);
}

void pelt_load_after(struct pelt_loader *l)
{
    load_after_requests(l);
    load_after_values(l);
    load_after_counts(l);
    add_hists(l, l->r->after,
              query_after(l, "SELECT " HIST_COLUMNS
                             " FROM hist WHERE t >= ? AND kind <> '" PELT_ALL_RESPONSES "'"),
              "hist");
}
