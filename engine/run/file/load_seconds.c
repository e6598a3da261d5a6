/*
 * load_seconds: what each second of the load held: of all requests together and of the generator's
 * threads and host into the results, and of each request on a walk that keeps nothing.
 */
#include <limits.h>
#include <math.h>
#include <string.h>

#include "loader.h"
#include "pelt/clock.h"

/* Before version 4 nobody recorded what is in flight, or what was tainted. */
static const char *seconds_sql(const struct pelt_loader *l)
{
#define SECONDS(more)                                                                              \
    "SELECT t, iterations, script_errors, planned, dropped, users, waiting" more                   \
    " FROM second WHERE t >= 0 ORDER BY t"
    return l->d->version < 4 ? SECONDS("") : SECONDS(", flight_ns, unanswered_ns, slots");
#undef SECONDS
}

static void load_second_rows(struct pelt_loader *l)
{
    struct pelt_frame *total = l->r->total;
    const bool flights = l->d->version >= 4;
    l->r->taint_known = flights;
    sqlite3_stmt *s = pelt_loader_query(l, seconds_sql(l));
    while (pelt_loader_rows(l, s)) {
        struct pelt_second_row *row =
            pelt_loader_append(l, &l->r->seconds, l->r->seconds_len, sizeof *row);
        if (row == NULL || pelt_column(s, 0) > INT32_MAX) {
            pelt_loader_damaged(l, "second");
            break;
        }
        row->t = (int32_t)pelt_column(s, 0);
        row->iterations = pelt_column(s, 1);
        row->script_errors = pelt_column(s, 2);
        row->planned = pelt_column(s, 3);
        row->dropped = pelt_column(s, 4);
        row->users = (uint32_t)pelt_column(s, 5);
        row->waiting = (uint32_t)pelt_column(s, 6);
        row->in_flight = flights ? (double)sqlite3_column_int64(s, 7) / 1e9 : (double)NAN;
        total->flight_ns += flights ? pelt_column(s, 7) : 0;
        total->unanswered_ns += flights ? pelt_column(s, 8) : 0;
        if (flights) {
            row->has_slots = pelt_slots_decode(sqlite3_column_blob(s, 9),
                                               (size_t)sqlite3_column_bytes(s, 9), row->slots);
        }
        l->r->seconds_len++;
    }
    sqlite3_finalize(s);
}

/* The row of second t at or behind *at; rows come in ascending order, so one walk over all is
 * enough. */
static struct pelt_second_row *second_at(struct pelt_loader *l, size_t *at, int64_t t)
{
    while (*at < l->r->seconds_len && l->r->seconds[*at].t < t) {
        (*at)++;
    }
    return *at < l->r->seconds_len && l->r->seconds[*at].t == t ? &l->r->seconds[*at] : NULL;
}

static void load_second_requests(struct pelt_loader *l)
{
    size_t at = 0;
    struct pelt_second_row *row;
    sqlite3_stmt *s = pelt_loader_query(
        l, "SELECT t, sum(started), sum(bytes_sent), sum(bytes_received) FROM request WHERE t >= 0"
           " GROUP BY t ORDER BY t");
    while (pelt_loader_rows(l, s)) {
        if ((row = second_at(l, &at, sqlite3_column_int64(s, 0))) != NULL) {
            row->started = pelt_column(s, 1);
            row->bytes_sent = pelt_column(s, 2);
            row->bytes_received = pelt_column(s, 3);
        }
    }
    sqlite3_finalize(s);
    at = 0;
    s = pelt_loader_query(
        l, "SELECT t, sum((outcome = 'ok') * count), sum((outcome = 'abandoned') * count),"
           " sum((outcome NOT IN ('ok', 'abandoned')) * count) FROM outcome WHERE t >= 0"
           " GROUP BY t ORDER BY t");
    while (pelt_loader_rows(l, s)) {
        if ((row = second_at(l, &at, sqlite3_column_int64(s, 0))) != NULL) {
            row->ok = pelt_column(s, 1);
            row->abandoned = pelt_column(s, 2);
            row->errors = pelt_column(s, 3);
        }
    }
    sqlite3_finalize(s);
}

/* Of a part: how many were in flight as it began. */
static double begun_before(struct pelt_loader *l)
{
    double begun = 0;
    if (!pelt_results_narrowed(l->r)) {
        return 0;
    }
    sqlite3_stmt *s = pelt_loader_query(
        l, "SELECT (SELECT total(started) FROM main.request WHERE t >= 0 AND t < ?1)"
           " - (SELECT total(count) FROM main.outcome WHERE t >= 0 AND t < ?1)");
    const struct pelt_cell from = PELT_INT(l->r->part.from_s);
    if (s != NULL) {
        pelt_statement_bind(s, &from, 1);
    }
    if (pelt_loader_rows(l, s)) {
        begun = sqlite3_column_double(s, 0);
    }
    sqlite3_finalize(s);
    return begun;
}

/* The area below the number in flight, of a second that ends at E: how many there were at its
 * beginning, and E less each begin, and less E less each end. */
static void settle_in_flight(struct pelt_loader *l)
{
    double begun = begun_before(l); /* and not ended, at the second's beginning */
    for (size_t i = 0; i < l->r->seconds_len; i++) {
        struct pelt_second_row *row = &l->r->seconds[i];
        double more =
            (double)row->started - (double)row->ok - (double)row->errors - (double)row->abandoned;
        row->in_flight += begun + more * (row->t + 1.0);
        begun += more;
    }
}

static void load_second_times(struct pelt_loader *l)
{
    sqlite3_stmt *s = pelt_loader_query(
        l,
        "SELECT count, min_us, max_us, clamped, lost, payload FROM hist WHERE t = ? AND series = -1"
        " AND kind = '" PELT_ALL_RESPONSES "'");
    for (size_t i = 0; i < l->r->seconds_len && l->status == PELT_OK; i++) {
        struct pelt_second_row *row = &l->r->seconds[i];
        struct pelt_hist h = {0};
        const struct pelt_cell key = PELT_INT(row->t);
        pelt_statement_bind(s, &key, 1);
        if (pelt_loader_rows(l, s)) {
            pelt_loader_hist(l, s, 0, &h, &l->pool, "hist");
            row->count = h.count;
            row->p50_us = pelt_hist_percentile_us(&h, 50);
            row->p90_us = pelt_hist_percentile_us(&h, 90);
            row->p95_us = pelt_hist_percentile_us(&h, 95);
            row->p99_us = pelt_hist_percentile_us(&h, 99);
            row->p999_us = pelt_hist_percentile_us(&h, 99.9);
            row->max_us = h.count > 0 ? h.max_us : 0;
        }
        pelt_hist_reset(&h, &l->pool);
    }
    sqlite3_finalize(s);
}

static const char *threads_sql(const struct pelt_loader *l)
{
#define IN_LOAD " FILTER (WHERE t < ?1)"
#define THREADS(more)                                                                              \
    "SELECT thread, sum(started), sum(cpu_ns), sum(spin_ns), total(cpu_ns)" IN_LOAD                \
    ", min(t) FILTER (WHERE t >= ?1), " more                                                       \
    " FROM thread WHERE t >= 0 GROUP BY thread ORDER BY thread"
    return l->d->version < 4 ? THREADS("0, count(*), 0, 0")
                             : THREADS("total(run_wait_ns)" IN_LOAD ", count(*)" IN_LOAD
                                       " - count(run_wait_ns)" IN_LOAD ", sum(lua_looks),"
                                       " sum(lua_seen)");
#undef THREADS
#undef IN_LOAD
}

/* The seconds before `whole` took until the next one that something was measured in, which is a
 * later one where a script held the thread. */
static double measured_s(const struct pelt_loader *l, sqlite3_stmt *s, int next)
{
    return sqlite3_column_type(s, next) != SQLITE_NULL
               ? (double)sqlite3_column_int64(s, next) - pelt_results_from_s(l->r)
               : pelt_load_measured_s(l->r->duration_s);
}

static void load_threads(struct pelt_loader *l)
{
    sqlite3_stmt *s = pelt_loader_query(l, threads_sql(l));
    const struct pelt_cell whole = PELT_INT(pelt_results_whole_s(l->r));
    if (s != NULL) {
        pelt_statement_bind(s, &whole, 1);
    }
    while (pelt_loader_rows(l, s)) {
        struct pelt_thread_row *row =
            pelt_loader_append(l, &l->r->threads, l->r->threads_len, sizeof *row);
        if (row == NULL) {
            break;
        }
        row->thread = (uint32_t)pelt_column(s, 0);
        row->started = pelt_column(s, 1);
        l->r->total->cpu_ns += pelt_column(s, 2);
        l->r->total->spin_ns += row->spin_ns = pelt_column(s, 3);
        row->cpu_ns = pelt_column(s, 4);
        row->measured_s = measured_s(l, s, 5);
        row->run_wait_ns = pelt_column(s, 6);
        row->run_wait_unread = (uint32_t)pelt_column(s, 7);
        row->lua_looks = (uint32_t)pelt_column(s, 8);
        row->lua_seen = (uint32_t)pelt_column(s, 9);
        l->r->threads_len++;
    }
    sqlite3_finalize(s);
}

/* A counter that could not be read in one second cannot be summed up. */
static uint64_t read_or_unread(sqlite3_stmt *s, int i)
{
    return sqlite3_column_type(s, i) == SQLITE_NULL ? PELT_UNREAD : pelt_column(s, i);
}

static void load_host(struct pelt_loader *l)
{
    l->r->host = (struct pelt_host_row)PELT_HOST_UNREAD;
    if (l->d->version < 4) {
        return;
    }
    sqlite3_stmt *s = pelt_loader_query(l, "SELECT throttled, throttled_ns, pressure_ns, stolen_ns,"
                                           " busy_ns, own_ns, t FROM host ORDER BY t");
    const int32_t whole = pelt_results_whole_s(l->r);
    l->r->host_measured_s = pelt_load_measured_s(l->r->duration_s);
    for (bool first = true; pelt_loader_rows(l, s); first = false) {
        if (sqlite3_column_int64(s, 6) >= whole) {
            l->r->host_measured_s = sqlite3_column_double(s, 6) - pelt_results_from_s(l->r);
            break;
        }
        struct pelt_host_row row = {read_or_unread(s, 0), read_or_unread(s, 1),
                                    read_or_unread(s, 2), read_or_unread(s, 3),
                                    read_or_unread(s, 4), read_or_unread(s, 5)};
        if (first) {
            l->r->host = row;
        } else {
            pelt_host_row_add(&l->r->host, &row);
        }
    }
    sqlite3_finalize(s);
}

void pelt_load_seconds(struct pelt_loader *l)
{
    load_second_rows(l);
    load_second_requests(l);
    settle_in_flight(l);
    load_second_times(l);
}

void pelt_load_generator(struct pelt_loader *l)
{
    load_host(l);
    load_threads(l);
}

/* ---- response times of seconds ---- */

static enum pelt_status walk_hists(struct pelt_database *d, int32_t from, int32_t to,
                                   pelt_second_hist_fn fn, void *arg, struct pelt_error *err)
{
    struct pelt_loader l = {.d = d, .err = err};
    pelt_hist_pool_init(&l.pool, NULL);
    sqlite3_stmt *s = pelt_loader_query(
        &l, "SELECT t, count, min_us, max_us, clamped, lost, payload FROM hist WHERE t >= ? AND"
            " t < ? AND series = -1 AND kind = '" PELT_ALL_RESPONSES "' ORDER BY t");
    const struct pelt_cell range[] = {PELT_INT(from < 0 ? 0 : from), PELT_INT(to)};
    if (s != NULL) {
        pelt_statement_bind(s, range, 2);
    }
    while (pelt_loader_rows(&l, s)) {
        struct pelt_hist h = {0};
        pelt_loader_hist(&l, s, 1, &h, &l.pool, "hist");
        if (l.status == PELT_OK) {
            fn(arg, (int32_t)sqlite3_column_int64(s, 0), &h);
        }
        pelt_hist_reset(&h, &l.pool);
    }
    sqlite3_finalize(s);
    pelt_hist_pool_deinit(&l.pool);
    return l.status;
}

enum pelt_status pelt_results_reopen(const struct pelt_results *r, struct pelt_database **d,
                                     struct pelt_error *err)
{
    enum pelt_status status = PELT_OK;
    if (r->database != NULL) {
        *d = pelt_database_hold(r->database);
    } else {
        status = pelt_database_open(r->path, d, err);
    }
    if (status == PELT_OK && pelt_results_narrowed(r)) {
        status = pelt_database_narrow(*d, r->part.from_s, r->part.to_s, !r->has_part, err);
    }
    return status;
}

enum pelt_status pelt_results_each_second_hist(const struct pelt_results *r, int32_t from,
                                               int32_t to, pelt_second_hist_fn fn, void *arg,
                                               struct pelt_error *err)
{
    struct pelt_database *d = NULL;
    enum pelt_status status = pelt_results_reopen(r, &d, err);
    if (status == PELT_OK) {
        status = walk_hists(d, from, to, fn, arg, err);
    }
    pelt_database_release(d);
    return status;
}

/* ---- payloads ---- */

static enum pelt_status walk_payloads(struct pelt_database *d, const struct pelt_results *r,
                                      pelt_payload_fn fn, void *arg, struct pelt_error *err)
{
    struct pelt_loader l = {.d = d, .err = err};
    const int64_t names = pelt_registry_count(r->names, PELT_NAME_REQUEST);
    sqlite3_stmt *s = pelt_loader_query(
        &l, "SELECT t, series, count, max_us, payload FROM hist WHERE t >= 0 AND count > 0 AND"
            " (kind = 'http_response' OR kind = '" PELT_ALL_RESPONSES "') ORDER BY t, series");
    while (pelt_loader_rows(&l, s)) {
        const int64_t series = sqlite3_column_int64(s, 1);
        if (series >= names) {
            break; /* younger than the results: the run goes on */
        }
        const struct pelt_payload p = {
            .t = (int32_t)sqlite3_column_int64(s, 0),
            .series = series < 0 ? PELT_WHOLE_RUN : (int32_t)series,
            .count = pelt_column(s, 2),
            .max_us = pelt_column(s, 3),
            .bytes = pelt_span(sqlite3_column_blob(s, 4), (size_t)sqlite3_column_bytes(s, 4)),
        };
        fn(arg, &p);
    }
    sqlite3_finalize(s);
    return l.status;
}

enum pelt_status pelt_results_each_payload(const struct pelt_results *r, pelt_payload_fn fn,
                                           void *arg, struct pelt_error *err)
{
    struct pelt_database *d = NULL;
    enum pelt_status status = pelt_results_reopen(r, &d, err);
    if (status == PELT_OK) {
        status = walk_payloads(d, r, fn, arg, err);
    }
    pelt_database_release(d);
    return status;
}

/* ---- seconds of each request ---- */

/* Rows of a table in the order of seconds and series, the first of which was stepped to. */
struct rows {
    sqlite3_stmt *s; /* columns t, series, ... */
    bool waits;      /* on a row that was not taken */
};

struct walk {
    struct pelt_loader l;
    struct rows request, outcome, hist;
    struct pelt_request_frame frame; /* of the running row */
};

static void begin_rows(struct walk *w, struct rows *rows, const char *sql)
{
    rows->s = pelt_loader_query(&w->l, sql);
    rows->waits = rows->s != NULL && pelt_loader_rows(&w->l, rows->s);
}

static void next_row(struct walk *w, struct rows *rows)
{
    rows->waits = pelt_loader_rows(&w->l, rows->s);
}

/* Goes on to the rows of second `t` of a series. False: there is none (any more). */
static bool finds(struct walk *w, struct rows *rows, int64_t t, int64_t series)
{
    for (; rows->waits; next_row(w, rows)) {
        const int64_t at = sqlite3_column_int64(rows->s, 0);
        const int64_t of = sqlite3_column_int64(rows->s, 1);
        if (at > t || (at == t && of >= series)) {
            return at == t && of == series;
        }
    }
    return false;
}

static void read_request_second(struct walk *w, int32_t t, int64_t series)
{
    enum pelt_outcome outcome;
    w->frame.started = pelt_column(w->request.s, 2);
    w->frame.bytes_sent = pelt_column(w->request.s, 3);
    w->frame.bytes_received = pelt_column(w->request.s, 4);
    for (; finds(w, &w->outcome, t, series); next_row(w, &w->outcome)) {
        if (pelt_outcome_find(pelt_column_text(w->outcome.s, 2), &outcome)) {
            w->frame.outcomes[outcome] = pelt_column(w->outcome.s, 3);
        }
    }
    for (; finds(w, &w->hist, t, series); next_row(w, &w->hist)) {
        bool service =
            strcmp(pelt_column_text(w->hist.s, 2), pelt_request_hist_name(PELT_HIST_SERVICE)) == 0;
        pelt_loader_hist(&w->l, w->hist.s, 3,
                         &w->frame.hist[service ? PELT_HIST_SERVICE : PELT_HIST_RESPONSE],
                         &w->l.pool, "hist");
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
    pelt_hist_pool_init(&w.l.pool, NULL);
    begin_rows(&w, &w.request,
               "SELECT t, series, started, bytes_sent, bytes_received FROM request WHERE t >= 0"
               " ORDER BY t, series");
    begin_rows(&w, &w.outcome,
               "SELECT t, series, outcome, count FROM outcome WHERE t >= 0 ORDER BY t, series");
    begin_rows(&w, &w.hist,
               "SELECT t, series, kind, count, min_us, max_us, clamped, lost, payload FROM hist"
               " WHERE t >= 0 AND kind IN ('http_response', 'http_service') ORDER BY t, series");
    for (; w.request.waits; next_row(&w, &w.request)) {
        int32_t t = (int32_t)sqlite3_column_int64(w.request.s, 0);
        int64_t series = sqlite3_column_int64(w.request.s, 1);
        if (series < 0 || series >= pelt_registry_count(r->names, PELT_NAME_REQUEST)) {
            break; /* younger than the results: the run goes on */
        }
        read_request_second(&w, t, series);
        if (w.l.status == PELT_OK) {
            fn(arg, t, (uint32_t)series, &w.frame);
        }
        clear_frame(&w);
    }
    sqlite3_finalize(w.request.s);
    sqlite3_finalize(w.outcome.s);
    sqlite3_finalize(w.hist.s);
    pelt_hist_pool_deinit(&w.l.pool);
    return w.l.status;
}

enum pelt_status pelt_results_each_request_second(const struct pelt_results *r,
                                                  pelt_request_second_fn fn, void *arg,
                                                  struct pelt_error *err)
{
    struct pelt_database *d = NULL;
    enum pelt_status status = pelt_results_reopen(r, &d, err);
    if (status == PELT_OK) {
        status = walk_database(d, r, fn, arg, err);
    }
    pelt_database_release(d);
    return status;
}
