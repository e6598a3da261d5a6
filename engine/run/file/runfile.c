/*
 * The writer. One transaction a call; inside it, put() goes quiet after the first failure and
 * commit() tells it, so that the code between reads straight. What a failed transaction held is
 * lost from the file, counted, and told at close.
 *
 * Every `SUM_EVERY_S` seconds, and at the end, the sums of all histograms so far go to `hist_sum`,
 * so that a reader decodes those and at most a minute of seconds, not the whole run. `sum` here is
 * always what the file's seconds >= 0 add up to: a sum of its own is added to only after a commit,
 * a shared one is forgotten once a second was not taken.
 */
#include "pelt/runfile.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "database.h"
#include "load.h"
#include "pelt/hist_codec.h"

#define SUM_EVERY_S 60

/* The sums of rows written again (setup and teardown share second -1) are made in SQL; histograms
 * by merge_stored(). */
#define STATEMENTS(X)                                                                              \
    X(BEGIN, "BEGIN IMMEDIATE")                                                                    \
    X(COMMIT, "COMMIT")                                                                            \
    X(ROLLBACK, "ROLLBACK")                                                                        \
    X(META, "INSERT OR REPLACE INTO meta VALUES (?, ?)")                                           \
    X(NAME, "INSERT INTO name VALUES (?, ?, ?)")                                                   \
    X(SECOND, "INSERT INTO second VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"                        \
              " ON CONFLICT DO UPDATE SET"                                                         \
              " iterations = iterations + excluded.iterations,"                                    \
              " script_errors = script_errors + excluded.script_errors,"                           \
              " planned = planned + excluded.planned, dropped = dropped + excluded.dropped,"       \
              " users = excluded.users, waiting = excluded.waiting, lost = lost + excluded.lost,"  \
              " flight_ns = flight_ns + excluded.flight_ns,"                                       \
              " unanswered_ns = unanswered_ns + excluded.unanswered_ns,"                           \
              " slots = excluded.slots")                                                           \
    X(SLOTS_GET, "SELECT slots FROM second WHERE t = ?")                                           \
    X(THREAD, "INSERT INTO thread VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET"       \
              " started = started + excluded.started, cpu_ns = cpu_ns + excluded.cpu_ns,"          \
              " spin_ns = spin_ns + excluded.spin_ns,"                                             \
              " run_wait_ns = run_wait_ns + excluded.run_wait_ns,"                                 \
              " lua_looks = lua_looks + excluded.lua_looks,"                                       \
              " lua_seen = lua_seen + excluded.lua_seen")                                          \
    X(HOST, "INSERT INTO host VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET"              \
            " throttled = throttled + excluded.throttled,"                                         \
            " throttled_ns = throttled_ns + excluded.throttled_ns,"                                \
            " pressure_ns = pressure_ns + excluded.pressure_ns,"                                   \
            " stolen_ns = stolen_ns + excluded.stolen_ns, busy_ns = busy_ns + excluded.busy_ns,"   \
            " own_ns = own_ns + excluded.own_ns")                                                  \
    X(REQUEST,                                                                                     \
      "INSERT INTO request VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET"                       \
      " started = started + excluded.started, bytes_sent = bytes_sent + excluded.bytes_sent,"      \
      " bytes_received = bytes_received + excluded.bytes_received")                                \
    X(OUTCOME, "INSERT INTO outcome VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET"                 \
               " count = count + excluded.count")                                                  \
    X(CHECK, "INSERT INTO checks VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET"                    \
             " passed = passed + excluded.passed, failed = failed + excluded.failed")              \
    X(METRIC, "INSERT INTO metric VALUES (?, ?, ?, ?, ?)")                                         \
    X(METRIC_SERIES, "INSERT INTO metric_series VALUES (?, ?, ?)")                                 \
    X(METRIC_VALUE,                                                                                \
      "INSERT INTO metric_value VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET"         \
      " count = count + excluded.count, sum = sum + excluded.sum,"                                 \
      " last = iif(excluded.at_ns >= at_ns, excluded.last, last),"                                 \
      " at_ns = max(at_ns, excluded.at_ns), min = min(min, excluded.min),"                         \
      " max = max(max, excluded.max)")                                                             \
    X(ERROR, "INSERT INTO error VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET"            \
             " count = count + excluded.count, first_ns = min(first_ns, excluded.first_ns),"       \
             " last_ns = max(last_ns, excluded.last_ns)")                                          \
    X(HIST, "INSERT OR REPLACE INTO hist VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)")                      \
    X(HIST_GET, "SELECT count, min_us, max_us, clamped, lost, payload FROM hist"                   \
                " WHERE t = ? AND series = ? AND kind = ?")                                        \
    X(EXCHANGE,                                                                                    \
      "INSERT INTO exchange (t, series, failed, outcome, status, thread, done_ns, response_ns,"    \
      " service_ns, blocked_ns, dns_ns, connect_ns, tls_ns, send_ns, wait_ns, receive_ns,"         \
      " bytes_sent, bytes_received, user, iteration, trace_id)"                                    \
      " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)")                   \
    X(EXCHANGE_CLEAR, "DELETE FROM exchange WHERE failed = 0 AND series = ? AND response_ns < ?")  \
    X(SUM_CLEAR, "DELETE FROM hist_sum")                                                           \
    X(SUM, "INSERT INTO hist_sum VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)")                              \
    X(AGENT, "INSERT OR REPLACE INTO agent VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)")  \
    X(FIGURE, "INSERT OR REPLACE INTO server_figure VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)")           \
    X(TAKEN, "INSERT OR REPLACE INTO taken VALUES (?, ?, ?)")                                      \
    X(WORKER,                                                                                      \
      "INSERT OR REPLACE INTO worker VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?,"      \
      " ?, ?, ?, ?, ?)")                                                                           \
    X(GAP, "INSERT OR REPLACE INTO server_gap VALUES (?, ?, ?, ?)")                                \
    X(SAMPLES,                                                                                     \
      "INSERT INTO server_second SELECT ?1, ?2, count(*), ?3 FROM server_second WHERE t = ?1"      \
      " AND agent = ?2")                                                                           \
    X(EVENT, "INSERT INTO event (t_s, kind, text) VALUES (?, ?, ?)")                               \
    X(STAGE,                                                                                       \
      "INSERT INTO stage (from_s, to_s, level_from, level_to, exponential, span, part, load)"      \
      " VALUES (?, ?, ?, ?, ?, ?, ?, ?)")                                                          \
    X(STEP, "INSERT INTO step (t_s, number, judgement, slo, reason, from_s, to_s) "                \
            "VALUES (?, ?, ?, ?, ?, ?, ?)")                                                        \
    X(THRESHOLD,                                                                                   \
      "INSERT INTO threshold (id, metric, name, stat, unit, lower_is_better, single, target,"      \
      " warning, critical, limit_ms, over_s, for_s, trend, abort, delay_s)"                        \
      " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)")                                  \
    X(JUDGE, "UPDATE threshold SET level = ?, value = ?, needs = ?, why = ?, from_s = ?,"          \
             " to_s = ?, aborted = ? WHERE id = ?")                                                \
    X(VERDICT, "INSERT INTO verdict VALUES (1, ?, ?)")                                             \
    X(REASON, "INSERT INTO reason VALUES (?, ?, ?)")

enum statement {
#define X(symbol, sql) ST_##symbol,
    STATEMENTS(X)
#undef X
        ST_COUNT
};

static const char *const statement_sql[] = {
#define X(symbol, sql) sql,
    STATEMENTS(X)
#undef X
};

struct pelt_runfile {
    struct pelt_database *d;
    sqlite3_stmt *statement[ST_COUNT];
    enum pelt_status status;      /* of the running transaction */
    struct pelt_error error;      /* of the running transaction */
    struct pelt_error first;      /* first error of the run; empty: none */
    uint64_t failed;              /* transactions that were lost */
    const struct pelt_frame *sum; /* seconds 0 to last_t: `own`, or shared; NULL: not known */
    struct pelt_frame *own;       /* NULL where it is shared */
    struct pelt_hist_pool pool;   /* pages of histograms in passing */
    struct pelt_buf payload;
    const struct pelt_taken_row *taken; /* of the next second; borrowed */
    size_t taken_len;
    bool resumed;
    int32_t last_t;                  /* newest second in the file; -1: none */
    int32_t summed_t;                /* hist_sum holds the sum of seconds 0 to this; -1: nothing */
    uint32_t names[PELT_NAME_KINDS]; /* how many of each are in the file */
    uint32_t metrics, metric_series; /* likewise; of the series, the end of those with tags */
};

/* ---- transactions ---- */

static void put(struct pelt_runfile *f, enum statement which, const struct pelt_cell *cells,
                size_t len)
{
    if (f->status != PELT_OK) {
        return;
    }
    int rc = pelt_statement_bind(f->statement[which], cells, len);
    if (rc == SQLITE_OK) {
        rc = sqlite3_step(f->statement[which]);
    }
    if (rc != SQLITE_DONE && rc != SQLITE_ROW) {
        f->status = pelt_database_fail(f->d, "cannot be written", &f->error);
    }
    sqlite3_reset(f->statement[which]);
}
#define PUT(f, which, ...)                                                                         \
    put(f, ST_##which, (const struct pelt_cell[]){__VA_ARGS__},                                    \
        sizeof((const struct pelt_cell[]){__VA_ARGS__}) / sizeof(struct pelt_cell))

static void begin(struct pelt_runfile *f)
{
    f->status = PELT_OK;
    f->error.text[0] = '\0';
    put(f, ST_BEGIN, NULL, 0);
}

static enum pelt_status commit(struct pelt_runfile *f)
{
    put(f, ST_COMMIT, NULL, 0);
    enum pelt_status status = f->status;
    if (status != PELT_OK) {
        f->failed++;
        if (f->first.text[0] == '\0') {
            f->first = f->error;
        }
        if (!sqlite3_get_autocommit(f->d->db)) { /* some errors roll back by themselves */
            f->status = PELT_OK;
            put(f, ST_ROLLBACK, NULL, 0);
        }
    }
    return status;
}

/* Fails the running transaction for a reason that is not SQLite's. */
static void fail(struct pelt_runfile *f, enum pelt_status status)
{
    if (f->status == PELT_OK && status != PELT_OK) {
        f->status =
            pelt_fail(&f->error, status, "%s: cannot be written: %s",
                      f->d->path ? f->d->path : "temporary run file", pelt_status_name(status));
    }
}

/* ---- histograms ---- */

/* A second that is written again: what its row holds already is added to `h`. */
static void merge_stored(struct pelt_runfile *f, int32_t t, int32_t series, const char *kind,
                         struct pelt_hist *h)
{
    sqlite3_stmt *s = f->statement[ST_HIST_GET];
    const struct pelt_cell key[] = {PELT_INT(t), PELT_INT(series), PELT_TEXT(kind)};
    if (pelt_statement_bind(s, key, 3) == SQLITE_OK && sqlite3_step(s) == SQLITE_ROW) {
        fail(f, pelt_load_hist(s, 0, h, &f->pool, &f->error));
    }
    sqlite3_reset(s);
}

static void put_hist_row(struct pelt_runfile *f, enum statement which, int32_t t, int32_t series,
                         const char *kind, const struct pelt_hist *h)
{
    pelt_buf_reset(&f->payload);
    fail(f, pelt_hist_encode(h, &f->payload));
    const struct pelt_cell row[] = {PELT_INT(t),
                                    PELT_INT(series),
                                    PELT_TEXT(kind),
                                    PELT_INT(h->count),
                                    PELT_INT(h->count ? h->min_us : 0),
                                    PELT_INT(h->count ? h->max_us : 0),
                                    PELT_INT(h->clamped),
                                    PELT_INT(h->lost),
                                    PELT_BLOB(f->payload.data, f->payload.len)};
    put(f, which, row, sizeof row / sizeof *row);
}

static void put_hist(struct pelt_runfile *f, int32_t t, int32_t series, const char *kind,
                     const struct pelt_hist *h)
{
    if (h->count == 0 && h->lost == 0) {
        return;
    }
    if (t > f->last_t) {
        put_hist_row(f, ST_HIST, t, series, kind, h);
        return;
    }
    struct pelt_hist merged = {0};
    pelt_hist_add(&merged, &f->pool, h);
    merge_stored(f, t, series, kind, &merged);
    put_hist_row(f, ST_HIST, t, series, kind, &merged);
    pelt_hist_reset(&merged, &f->pool);
}

static void put_sum(struct pelt_runfile *f, int32_t t, int32_t series, const char *kind,
                    const struct pelt_hist *h)
{
    if (h->count > 0 || h->lost > 0) {
        put_hist_row(f, ST_SUM, t, series, kind, h);
    }
}

static void put_sums(struct pelt_runfile *f, int32_t t)
{
    put(f, ST_SUM_CLEAR, NULL, 0);
    for (uint32_t id = 0; id < f->sum->requests_len; id++) {
        for (int k = 0; f->sum->requests[id] != NULL && k < PELT_HIST_REQUEST_KINDS; k++) {
            put_sum(f, t, (int32_t)id, pelt_request_hist_name(k), &f->sum->requests[id]->hist[k]);
        }
    }
    for (uint32_t id = 0; id < f->sum->metrics_len; id++) {
        if (f->sum->metrics[id] != NULL) {
            put_sum(f, t, (int32_t)id, PELT_TREND, &f->sum->metrics[id]->hist);
        }
    }
    for (int k = 0; k < PELT_RUNHIST_KINDS; k++) {
        put_sum(f, t, PELT_WHOLE_RUN, pelt_run_hist_name(k), &f->sum->hist[k]);
    }
}

/* ---- one second ---- */

static void put_names(struct pelt_runfile *f, struct pelt_registry *names,
                      uint32_t upto[PELT_NAME_KINDS])
{
    for (int kind = 0; kind < PELT_NAME_KINDS; kind++) {
        upto[kind] = pelt_registry_count(names, kind);
        for (uint32_t id = f->names[kind]; id < upto[kind]; id++) {
            PUT(f, NAME, PELT_TEXT(pelt_name_kind_name(kind)), PELT_INT(id),
                PELT_TEXT(pelt_registry_name(names, kind, id)));
        }
    }
}

static void put_metric_series(struct pelt_runfile *f, struct pelt_metrics *m, uint32_t id)
{
    uint32_t metric = 0;
    const char *tags = pelt_metrics_tags(m, id, &metric);
    PUT(f, METRIC_SERIES, PELT_INT(id), PELT_INT(metric), PELT_TEXT(tags));
}

/* Metrics and their series that are not in the file yet. */
static void put_metrics(struct pelt_runfile *f, struct pelt_metrics *m, uint32_t *metrics,
                        uint32_t *series)
{
    *series = pelt_metrics_series_end(m); /* before their metrics are counted: those are there */
    *metrics = pelt_metrics_count(m);
    for (uint32_t id = f->metrics; id < *metrics; id++) {
        const struct pelt_metric *metric = pelt_metrics_at(m, id);
        PUT(f, METRIC, PELT_INT(id), PELT_TEXT(metric->name),
            PELT_TEXT(pelt_metric_type_name(metric->type)), PELT_TEXT(metric->unit),
            PELT_INT(metric->decimals));
        put_metric_series(f, m, PELT_METRIC_PLAIN(id));
        put_metric_series(f, m, PELT_METRIC_OTHER(id));
    }
    for (uint32_t id = f->metric_series; id < *series; id++) {
        put_metric_series(f, m, id);
    }
}

static void put_metric_values(struct pelt_runfile *f, const struct pelt_frame *sum,
                              struct pelt_metrics *m)
{
    for (uint32_t id = 0; id < sum->metrics_len; id++) {
        const struct pelt_metric_frame *v = sum->metrics[id];
        uint32_t metric = 0;
        if (v == NULL || v->values == 0 || pelt_metrics_tags(m, id, &metric) == NULL) {
            continue;
        }
        if (pelt_metrics_at(m, metric)->type == PELT_METRIC_GAUGE) {
            PUT(f, METRIC_VALUE, PELT_INT(sum->second), PELT_INT(id), PELT_INT(v->values),
                PELT_INT(v->sum), PELT_INT(v->at_ns), PELT_REAL(v->last), PELT_REAL(v->min),
                PELT_REAL(v->max));
        } else {
            PUT(f, METRIC_VALUE, PELT_INT(sum->second), PELT_INT(id), PELT_INT(v->values),
                PELT_INT(v->sum), PELT_TEXT(NULL), PELT_REAL(NAN), PELT_REAL(NAN), PELT_REAL(NAN));
        }
        put_hist(f, sum->second, (int32_t)id, PELT_TREND, &v->hist);
    }
}

static bool touched(const struct pelt_request_frame *r)
{
    uint64_t ended = 0;
    for (int o = 0; o < PELT_OUTCOME_COUNT; o++) {
        ended += r->outcomes[o];
    }
    return r->started > 0 || ended > 0 || r->bytes_sent > 0 || r->bytes_received > 0;
}

static void put_request(struct pelt_runfile *f, int32_t t, uint32_t id,
                        const struct pelt_request_frame *r)
{
    if (!touched(r)) {
        return;
    }
    PUT(f, REQUEST, PELT_INT(t), PELT_INT(id), PELT_INT(r->started), PELT_INT(r->bytes_sent),
        PELT_INT(r->bytes_received));
    for (int o = 0; o < PELT_OUTCOME_COUNT; o++) {
        if (r->outcomes[o] > 0) {
            PUT(f, OUTCOME, PELT_INT(t), PELT_INT(id), PELT_TEXT(pelt_outcome_name(o)),
                PELT_INT(r->outcomes[o]));
        }
    }
    for (int k = 0; k < PELT_HIST_REQUEST_KINDS; k++) {
        put_hist(f, t, (int32_t)id, pelt_request_hist_name(k), &r->hist[k]);
    }
}

/* All requests, and the response times of all together, so that a reader has a second's percentiles
 * from one row. */
static void put_requests(struct pelt_runfile *f, const struct pelt_frame *sum)
{
    struct pelt_hist all = {0};
    for (uint32_t id = 0; id < sum->requests_len; id++) {
        if (sum->requests[id] != NULL) {
            put_request(f, sum->second, id, sum->requests[id]);
            pelt_hist_add(&all, &f->pool, &sum->requests[id]->hist[PELT_HIST_RESPONSE]);
        }
    }
    put_hist(f, sum->second, PELT_WHOLE_RUN, PELT_ALL_RESPONSES, &all);
    pelt_hist_reset(&all, &f->pool);
}

/* As merge_stored(), of the parts of a second. */
static void merge_slots(struct pelt_runfile *f, int32_t t, struct pelt_slot slots[PELT_FRAME_SLOTS])
{
    sqlite3_stmt *s = f->statement[ST_SLOTS_GET];
    const struct pelt_cell key = PELT_INT(t);
    struct pelt_slot stored[PELT_FRAME_SLOTS];
    if (pelt_statement_bind(s, &key, 1) == SQLITE_OK && sqlite3_step(s) == SQLITE_ROW &&
        pelt_slots_decode(sqlite3_column_blob(s, 0), (size_t)sqlite3_column_bytes(s, 0), stored)) {
        for (unsigned i = 0; i < PELT_FRAME_SLOTS; i++) {
            slots[i].started += stored[i].started;
            slots[i].ended += stored[i].ended;
            slots[i].waiting += stored[i].waiting;
        }
    }
    sqlite3_reset(s);
}

#define PELT_DURATION(ns) PELT_INT_IF((ns) != UINT64_MAX, ns)
static void put_exchange(struct pelt_runfile *f, int32_t t, bool failed, const struct pelt_kept *k)
{
    const uint64_t *phase_ns = k->phase_ns;
    PUT(f, EXCHANGE, PELT_INT(t), PELT_INT(k->series), PELT_INT(failed),
        PELT_TEXT(pelt_outcome_name(k->outcome)), PELT_INT(k->status), PELT_INT(k->thread),
        PELT_INT(k->done_ns), PELT_INT(k->response_ns), PELT_INT_IF(k->sent, k->service_ns),
        PELT_DURATION(phase_ns[PELT_KEPT_BLOCKED]), PELT_DURATION(phase_ns[PELT_KEPT_DNS]),
        PELT_DURATION(phase_ns[PELT_KEPT_CONNECT]), PELT_DURATION(phase_ns[PELT_KEPT_TLS]),
        PELT_DURATION(phase_ns[PELT_KEPT_SEND]), PELT_DURATION(phase_ns[PELT_KEPT_WAIT]),
        PELT_DURATION(phase_ns[PELT_KEPT_RECEIVE]), PELT_INT(k->bytes_sent),
        PELT_INT(k->bytes_received), PELT_INT_IF(k->has_user, k->user),
        PELT_INT_IF(k->has_user, k->iteration), PELT_TEXT(k->id));
}
#undef PELT_DURATION

static bool is_among(const struct pelt_slowest_frame *of, const struct pelt_kept *k)
{
    for (uint8_t i = 0; i < of->len; i++) {
        if (pelt_kept_compare(&of->list[i], k) == 0) {
            return true;
        }
    }
    return false;
}

/* What is faster than the slowest of the run and of the name so far, is kept no more. */
static void clear_faster(struct pelt_runfile *f, uint32_t series)
{
    const struct pelt_slowest_frame *of =
        f->sum != NULL && series < f->sum->requests_len && f->sum->requests[series] != NULL
            ? f->sum->requests[series]->slowest
            : NULL;
    if (of == NULL || of->len < PELT_KEPT_OF_NAME || f->sum->slowest_len < PELT_KEPT_OF_RUN) {
        return;
    }
    const uint64_t of_name = of->list[PELT_KEPT_OF_NAME - 1].response_ns;
    const uint64_t of_run = f->sum->slowest[PELT_KEPT_OF_RUN - 1].response_ns;
    PUT(f, EXCHANGE_CLEAR, PELT_INT(series), PELT_INT(of_name < of_run ? of_name : of_run));
}

static void put_slowest(struct pelt_runfile *f, const struct pelt_frame *sum)
{
    static const struct pelt_slowest_frame none = {.len = 0};
    for (uint32_t id = 0; id < sum->requests_len; id++) {
        const struct pelt_slowest_frame *of = sum->requests[id] ? sum->requests[id]->slowest : NULL;
        of = of != NULL ? of : &none;
        for (uint8_t i = 0; i < of->len; i++) {
            put_exchange(f, sum->second, false, &of->list[i]);
        }
        for (uint8_t i = 0; i < sum->slowest_len; i++) {
            if (sum->slowest[i].series == id && !is_among(of, &sum->slowest[i])) {
                put_exchange(f, sum->second, false, &sum->slowest[i]);
            }
        }
        if (of->len > 0) {
            clear_faster(f, id);
        }
    }
}

static void put_run(struct pelt_runfile *f, const struct pelt_frame *sum)
{
    struct pelt_slot slots[PELT_FRAME_SLOTS];
    unsigned char bytes[PELT_SLOTS_BYTES];
    memcpy(slots, sum->slots, sizeof slots);
    if (sum->second <= f->last_t) {
        merge_slots(f, sum->second, slots);
    }
    pelt_slots_encode(slots, bytes);
    PUT(f, SECOND, PELT_INT(sum->second), PELT_INT(sum->iterations), PELT_INT(sum->script_errors),
        PELT_INT(sum->planned), PELT_INT(sum->dropped), PELT_INT(sum->users),
        PELT_INT(sum->waiting), PELT_INT(sum->lost), PELT_INT(sum->flight_ns),
        PELT_INT(sum->unanswered_ns), PELT_BLOB(sum->second >= 0 ? bytes : NULL, sizeof bytes));
    for (uint32_t id = 0; id < sum->checks_len; id++) {
        const struct pelt_check_frame *c = &sum->checks[id];
        if (c->passed > 0 || c->failed > 0) {
            PUT(f, CHECK, PELT_INT(sum->second), PELT_INT(id), PELT_INT(c->passed),
                PELT_INT(c->failed));
        }
    }
    for (uint32_t i = 0; i < sum->errors_len; i++) {
        const struct pelt_error_frame *e = &sum->errors[i].e;
        PUT(f, ERROR, PELT_INT(sum->second), PELT_INT(sum->errors[i].series),
            PELT_TEXT(pelt_outcome_name(sum->errors[i].outcome)), PELT_INT(e->count),
            PELT_INT(e->first_ns), PELT_INT(e->last_ns), PELT_TEXT(e->sample));
        if (e->has_exchange) {
            put_exchange(f, sum->second, true, &e->exchange);
        }
    }
    for (int k = 0; k < PELT_RUNHIST_KINDS; k++) {
        put_hist(f, sum->second, PELT_WHOLE_RUN, pelt_run_hist_name(k), &sum->hist[k]);
    }
}

static void put_threads(struct pelt_runfile *f, int32_t t, struct pelt_frame *const *threads,
                        size_t len)
{
    for (size_t i = 0; i < len; i++) {
        const struct pelt_frame *thread = threads[i];
        uint64_t started = 0;
        for (uint32_t id = 0; id < thread->requests_len; id++) {
            started += thread->requests[id] ? thread->requests[id]->started : 0;
        }
        PUT(f, THREAD, PELT_INT(t), PELT_INT(thread->thread), PELT_INT(started),
            PELT_INT(thread->cpu_ns), PELT_INT(thread->spin_ns),
            PELT_INT_IF(thread->run_wait_unread == 0, thread->run_wait_ns),
            PELT_INT(thread->lua_looks), PELT_INT(thread->lua_seen));
    }
}

/* What hist_sum holds stays true, but cannot grow. */
static void forget_sum(struct pelt_runfile *f)
{
    pelt_frame_free(f->own);
    f->own = NULL;
    f->sum = NULL;
}

/* After the second's commit: the sum follows, and once a minute goes to the file. */
static enum pelt_status follow(struct pelt_runfile *f, const struct pelt_frame *second)
{
    if (f->sum == NULL) {
        return PELT_OK;
    }
    if (f->own != NULL && pelt_frame_add(f->own, second) != PELT_OK) {
        forget_sum(f);
        return PELT_ENOMEM;
    }
    if (f->last_t - f->summed_t < SUM_EVERY_S) {
        return PELT_OK;
    }
    begin(f);
    put_sums(f, f->last_t);
    enum pelt_status status = commit(f);
    if (status == PELT_OK) {
        f->summed_t = f->last_t;
    }
    return status;
}

enum pelt_status pelt_runfile_second(struct pelt_runfile *f, const struct pelt_frame *sum,
                                     struct pelt_frame *const *threads, size_t threads_len,
                                     struct pelt_registry *names)
{
    struct pelt_metrics *m = pelt_registry_metrics(names);
    uint32_t upto[PELT_NAME_KINDS], metrics, metric_series;
    bool behind =
        sum->second >= 0 && sum->second <= f->summed_t; /* written again: hist_sum lacks it */
    begin(f);
    put_names(f, names, upto);
    put_metrics(f, m, &metrics, &metric_series);
    put_requests(f, sum);
    put_slowest(f, sum);
    put_metric_values(f, sum, m);
    put_run(f, sum);
    put_threads(f, sum->second, threads, threads_len);
    for (size_t i = 0; i < f->taken_len; i++) {
        PUT(f, TAKEN, PELT_INT(i), PELT_INT(f->taken[i].major), PELT_INT(f->taken[i].minor));
    }
    f->taken_len = 0;
    if (behind) { /* so that a kill before follow() leaves no sums that lack it */
        put(f, ST_SUM_CLEAR, NULL, 0);
    }
    enum pelt_status status = commit(f);
    if (status != PELT_OK) {
        if (f->own == NULL && sum->second >= 0) { /* a shared sum has what the file has not */
            forget_sum(f);
        }
        return status;
    }
    memcpy(f->names, upto, sizeof upto);
    f->metrics = metrics;
    f->metric_series = metric_series;
    f->summed_t = behind ? -1 : f->summed_t;
    f->last_t = sum->second > f->last_t ? sum->second : f->last_t;
    return sum->second >= 0 ? follow(f, sum) : PELT_OK;
}

enum pelt_status pelt_runfile_values(struct pelt_runfile *f, const struct pelt_frame *late,
                                     struct pelt_registry *names)
{
    struct pelt_metrics *m = pelt_registry_metrics(names);
    uint32_t metrics, metric_series;
    begin(f);
    put_metrics(f, m, &metrics, &metric_series);
    put_metric_values(f, late, m);
    enum pelt_status status = commit(f);
    if (status == PELT_OK) {
        f->metrics = metrics;
        f->metric_series = metric_series;
    }
    return status;
}

/* ---- the rest of the run ---- */

enum pelt_status pelt_runfile_meta(struct pelt_runfile *f, const char *key, const char *value)
{
    begin(f);
    PUT(f, META, PELT_TEXT(key), PELT_TEXT(value));
    return commit(f);
}

void pelt_runfile_taken(struct pelt_runfile *f, const struct pelt_taken_row *taken, size_t len)
{
    f->taken = taken;
    f->taken_len = len;
}

enum pelt_status pelt_runfile_event(struct pelt_runfile *f, double t_s, const char *kind,
                                    const char *text)
{
    begin(f);
    PUT(f, EVENT, PELT_REAL(t_s), PELT_TEXT(kind), PELT_TEXT(text));
    return commit(f);
}

#define PELT_READ(value) PELT_INT_IF((value) != PELT_UNREAD, value)
enum pelt_status pelt_runfile_host(struct pelt_runfile *f, int32_t t,
                                   const struct pelt_host_row *row)
{
    begin(f);
    PUT(f, HOST, PELT_INT(t), PELT_READ(row->throttled), PELT_READ(row->throttled_ns),
        PELT_READ(row->pressure_ns), PELT_READ(row->stolen_ns), PELT_READ(row->busy_ns),
        PELT_READ(row->own_ns));
    return commit(f);
}
#undef PELT_READ

enum pelt_status pelt_runfile_stage(struct pelt_runfile *f, const struct pelt_stage_row *stage)
{
    begin(f);
    PUT(f, STAGE, PELT_REAL(stage->from_s), PELT_REAL(stage->to_s), PELT_REAL(stage->from),
        PELT_REAL(stage->to), PELT_INT(stage->exponential), PELT_INT(stage->span),
        PELT_TEXT(stage->part), PELT_TEXT(stage->load));
    return commit(f);
}

enum pelt_status pelt_runfile_step(struct pelt_runfile *f, const struct pelt_step_row *step)
{
    begin(f);
    PUT(f, STEP, PELT_REAL(step->t_s), PELT_INT(step->number),
        PELT_TEXT(pelt_step_judgement_name(step->judgement)), PELT_TEXT(step->slo),
        PELT_TEXT(step->reason), PELT_REAL(step->from_s), PELT_REAL(step->to_s));
    return commit(f);
}

enum pelt_status pelt_runfile_agent(struct pelt_runfile *f, uint32_t agent,
                                    const struct pelt_agent_row *row)
{
    begin(f);
    PUT(f, AGENT, PELT_INT(agent), PELT_TEXT(row->name), PELT_TEXT(row->url),
        PELT_TEXT(row->version), PELT_TEXT(row->host), PELT_INT(row->offset_ns),
        PELT_INT(row->bound_ns), PELT_REAL(row->drift_ppm),
        PELT_INT_IF(row->measured_ns > 0, row->cpu_ns),
        PELT_INT_IF(row->measured_ns > 0, row->measured_ns),
        PELT_INT_IF(row->measured_ns > 0, row->rss_bytes), PELT_INT(row->degraded),
        PELT_INT(row->frames), PELT_INT(row->late), PELT_INT(row->missed));
    return commit(f);
}

enum pelt_status pelt_runfile_figures(struct pelt_runfile *f,
                                      const struct pelt_server_figure_row *rows, size_t len)
{
    begin(f);
    for (size_t i = 0; i < len; i++) {
        const struct pelt_server_figure_row *row = &rows[i];
        PUT(f, FIGURE, PELT_INT(row->agent), PELT_INT(row->i), PELT_TEXT(row->name),
            PELT_TEXT(row->target), PELT_TEXT(pelt_server_kind_name(row->kind)),
            PELT_TEXT(row->unit), PELT_TEXT(row->tier), PELT_TEXT(row->source),
            PELT_TEXT(row->why));
    }
    return commit(f);
}

enum pelt_status pelt_runfile_gap(struct pelt_runfile *f, const struct pelt_server_gap_row *row)
{
    begin(f);
    PUT(f, GAP, PELT_INT(row->agent), PELT_REAL(row->from_s), PELT_REAL(row->to_s),
        PELT_TEXT(row->why));
    return commit(f);
}

enum pelt_status pelt_runfile_worker(struct pelt_runfile *f, const struct pelt_worker_row *row)
{
    begin(f);
    PUT(f, WORKER, PELT_INT(row->slot), PELT_TEXT(row->host), PELT_TEXT(row->version),
        PELT_INT(row->threads), PELT_INT(row->cpus), PELT_INT(row->started), PELT_INT(row->frames),
        PELT_INT(row->offset_ns), PELT_INT(row->bound_ns), PELT_INT(row->cpu_ns),
        PELT_INT(row->lag_p99_us), PELT_TEXT(row->verdict), PELT_TEXT(row->reason),
        PELT_TEXT(row->state), PELT_REAL(row->lost_s), PELT_INT(row->gap_from_s),
        PELT_INT(row->gap_to_s), PELT_INT(row->missing_least), PELT_INT(row->missing_most),
        PELT_INT(row->unknown), PELT_INT(row->refused));
    return commit(f);
}

enum pelt_status pelt_runfile_samples(struct pelt_runfile *f, int32_t t, uint32_t agent,
                                      struct pelt_samples *samples)
{
    begin(f);
    pelt_buf_reset(&f->payload);
    fail(f, pelt_samples_encode(samples, &f->payload));
    PUT(f, SAMPLES, PELT_INT(t), PELT_INT(agent), PELT_BLOB(f->payload.data, f->payload.len));
    return commit(f);
}

enum pelt_status pelt_runfile_thresholds(struct pelt_runfile *f, const struct pelt_threshold *t,
                                         size_t len)
{
    begin(f);
    for (size_t i = 0; i < len; i++) {
        PUT(f, THRESHOLD, PELT_INT(i), PELT_TEXT(t[i].metric), PELT_TEXT(t[i].name),
            PELT_TEXT(t[i].stat), PELT_TEXT(pelt_unit_name(t[i].unit)),
            PELT_INT(t[i].lower_is_better), PELT_INT(t[i].single), PELT_REAL(t[i].target),
            PELT_REAL(t[i].warning), PELT_REAL(t[i].critical), PELT_REAL(t[i].limit_ms),
            PELT_INT(t[i].over_s), PELT_INT(t[i].for_s), PELT_INT(t[i].trend), PELT_INT(t[i].abort),
            PELT_INT(t[i].delay_s));
    }
    return commit(f);
}

static void put_reasons(struct pelt_runfile *f, const char *scope, const char *const *reasons)
{
    for (size_t i = 0; reasons != NULL && reasons[i] != NULL; i++) {
        PUT(f, REASON, PELT_TEXT(scope), PELT_INT(i), PELT_TEXT(reasons[i]));
    }
}

static void put_figure(struct pelt_runfile *f, const char *key, uint64_t value)
{
    char text[24];
    snprintf(text, sizeof text, "%llu", (unsigned long long)value);
    PUT(f, META, PELT_TEXT(key), PELT_TEXT(text));
}

/* What a list of runs shows, so that it need not read all of each (brief.c). */
static void put_figures(struct pelt_runfile *f)
{
    uint64_t started = 0, ended = 0, ok = 0; /* ok: or abandoned */
    struct pelt_hist all = {0};
    for (uint32_t id = 0; id < f->sum->requests_len; id++) {
        const struct pelt_request_frame *r = f->sum->requests[id];
        for (int o = 0; r != NULL && o < PELT_OUTCOME_COUNT; o++) {
            ended += r->outcomes[o];
        }
        if (r != NULL) {
            started += r->started;
            ok += r->outcomes[PELT_OUTCOME_OK] + r->outcomes[PELT_OUTCOME_ABANDONED];
            pelt_hist_add(&all, &f->pool, &r->hist[PELT_HIST_RESPONSE]);
        }
    }
    put_figure(f, PELT_META_STARTED, started);
    put_figure(f, PELT_META_ENDED, ended);
    put_figure(f, PELT_META_ERRORS, ended - ok);
    put_figure(f, PELT_META_COUNT, all.count);
    put_figure(f, PELT_META_P95, pelt_hist_percentile_us(&all, 95));
    put_figure(f, PELT_META_P99, pelt_hist_percentile_us(&all, 99));
    pelt_hist_reset(&all, &f->pool);
}

enum pelt_status pelt_runfile_finish(struct pelt_runfile *f, const struct pelt_verdict_line *lines,
                                     size_t len, enum pelt_verdict verdict,
                                     const char *const *verdict_reasons, int exit_code,
                                     const char *const *exit_reasons)
{
    struct pelt_error err;
    if (pelt_database_widen(f->d, &err) != PELT_OK) {
        return PELT_EIO;
    }
    begin(f);
    for (size_t i = 0; i < len; i++) {
        PUT(f, JUDGE, PELT_TEXT(pelt_level_name(lines[i].level)),
            PELT_REAL(lines[i].has_value ? lines[i].value : NAN), PELT_INT(lines[i].needs),
            PELT_TEXT(lines[i].why), PELT_INT(lines[i].from_s), PELT_INT(lines[i].to_s),
            PELT_INT(lines[i].aborted), PELT_INT(i));
    }
    PUT(f, VERDICT, PELT_TEXT(pelt_verdict_name(verdict)), PELT_INT(exit_code));
    put_reasons(f, "verdict", verdict_reasons);
    put_reasons(f, "exit", exit_reasons);
    if (f->sum != NULL && f->last_t >= 0) {
        put_sums(f, f->last_t);
    }
    if (f->sum != NULL) {
        put_figures(f);
    }
    enum pelt_status status = commit(f);
    if (status == PELT_OK && f->sum != NULL) {
        f->summed_t = f->last_t;
    }
    return status;
}

enum pelt_status pelt_runfile_results(struct pelt_runfile *f, struct pelt_results **out,
                                      struct pelt_error *err)
{
    return pelt_load_results(f->d, true, out, err);
}

/* ---- lifetime ---- */

/* Everything but the first error, which close() still has to tell. */
static void release(struct pelt_runfile *f)
{
    for (int i = 0; i < ST_COUNT; i++) {
        sqlite3_finalize(f->statement[i]);
    }
    pelt_database_release(f->d);
    pelt_frame_free(f->own);
    pelt_hist_pool_deinit(&f->pool);
    pelt_buf_deinit(&f->payload);
}

static struct pelt_runfile *runfile_new(void)
{
    struct pelt_runfile *f = calloc(1, sizeof *f);
    if (f != NULL) {
        f->last_t = f->summed_t = -1;
        f->metric_series = PELT_METRIC_TAGGED;
        pelt_buf_init(&f->payload, 0);
        pelt_hist_pool_init(&f->pool, NULL);
    }
    return f;
}

static enum pelt_status prepare(struct pelt_runfile *f, enum pelt_status status,
                                struct pelt_error *err)
{
    for (int i = 0; i < ST_COUNT && status == PELT_OK; i++) {
        if (sqlite3_prepare_v3(f->d->db, statement_sql[i], -1, SQLITE_PREPARE_PERSISTENT,
                               &f->statement[i], NULL)) {
            status = pelt_database_fail(f->d, "cannot be made", err);
        }
    }
    return status;
}

/* What the file has already. */
static void follow_past(struct pelt_runfile *f, const struct pelt_results *past)
{
    struct pelt_metrics *m = pelt_registry_metrics(past->names);
    f->resumed = true;
    f->last_t = past->seconds_len > 0 ? past->seconds[past->seconds_len - 1].t : -1;
    for (int kind = 0; kind < PELT_NAME_KINDS; kind++) {
        f->names[kind] = pelt_registry_count(past->names, kind);
    }
    f->metrics = pelt_metrics_count(m);
    f->metric_series = pelt_metrics_series_end(m);
}

enum pelt_status pelt_runfile_unfinished(const struct pelt_results *past, const char *path,
                                         struct pelt_error *err)
{
    return past->finished ? pelt_fail(err, PELT_EINVAL,
                                      "%s: that run has ended: there is nothing to resume", path)
                          : PELT_OK;
}

enum pelt_status pelt_runfile_resume(const char *path, struct pelt_rulebook *rules,
                                     struct pelt_runfile **out, struct pelt_results **past,
                                     struct pelt_error *err)
{
    struct pelt_results *r = NULL;
    enum pelt_status status = pelt_results_load(path, &r, err);
    if (status == PELT_OK) {
        status = pelt_runfile_unfinished(r, path, err);
    }
    struct pelt_runfile *f = status == PELT_OK ? runfile_new() : NULL;
    if (status == PELT_OK && f == NULL) {
        status = pelt_fail(err, PELT_ENOMEM, "out of memory");
    }
    if (status == PELT_OK) {
        status = pelt_database_reopen(path, &f->d, err);
    }
    if (status == PELT_OK) {
        status = prepare(f, status, err);
    }
    if (status == PELT_OK) {
        follow_past(f, r);
        status = pelt_load_feed(f->d, r, rules, err);
    }
    if (status != PELT_OK) {
        if (f != NULL) {
            release(f);
        }
        free(f);
        pelt_results_free(r);
        return status;
    }
    *out = f;
    *past = r;
    return PELT_OK;
}

enum pelt_status pelt_runfile_create(const char *path, struct pelt_runfile **out,
                                     struct pelt_error *err)
{
    struct pelt_runfile *f = runfile_new();
    if (f == NULL) {
        return pelt_fail(err, PELT_ENOMEM, "out of memory");
    }
    bool temporary = path == NULL || strcmp(path, ":memory:") == 0;
    enum pelt_status status = pelt_database_create(temporary ? NULL : path, &f->d, err);
    status = prepare(f, status, err);
    f->sum = f->own = pelt_frame_new(NULL);
    if (status == PELT_OK && f->sum == NULL) {
        status = pelt_fail(err, PELT_ENOMEM, "out of memory");
    }
    if (status != PELT_OK) {
        release(f);
        free(f);
        return status;
    }
    *out = f;
    return PELT_OK;
}

void pelt_runfile_share_total(struct pelt_runfile *f, const struct pelt_frame *total)
{
    assert(total == NULL || f->last_t < 0 || f->resumed);
    pelt_frame_free(f->own);
    f->own = NULL;
    f->sum = total;
}

enum pelt_status pelt_runfile_close(struct pelt_runfile *f, struct pelt_error *err)
{
    if (f == NULL) {
        return PELT_OK;
    }
    if (f->d->path != NULL && f->d->holders == 1) {
        /* Checkpoints and leaves a plain file that read-only media can hold; refused while someone
         * reads, which is harmless. */
        sqlite3_exec(f->d->db, "PRAGMA journal_mode = DELETE", NULL, NULL, NULL);
    }
    enum pelt_status status = PELT_OK;
    if (f->failed > 0) {
        status = pelt_fail(err, PELT_EIO,
                           "%s (%llu write%s failed; what they held is missing from the run file)",
                           f->first.text, (unsigned long long)f->failed, f->failed == 1 ? "" : "s");
    }
    release(f);
    free(f);
    return status;
}
