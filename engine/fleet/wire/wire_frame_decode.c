/*
 * wire_frame_decode: parts back, in up to three walks over the same records.
 *
 *   check    every record, every counter of every histogram; nothing is touched
 *   declare  metrics get their ids here, where one may turn out to be another metric
 *   add      nothing can be wrong any more, but memory may be out
 *
 * A record is read into `struct record`, which borrows of the message, by the same functions in all
 * walks.
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "frame_record.h"
#include "hist_wire.h"
#include "pelt/own_metric.h"
#include "pelt/wire_frame.h"
#include "totals.h"
#include "wire_kept.h"

#define COUNT_MAX (UINT64_C(1) << 40) /* of anything in a second of a host */
#define LARGE_MAX (UINT64_C(1) << 50) /* bytes, nanoseconds */
#define TIME_MAX  (UINT64_C(1) << 60) /* ns since the run's start */
#define SMALL_MAX (UINT64_C(1) << 24) /* users, looks: sums of hosts fit into 32 bits */

#define CANNOT_BE "a figure that cannot be"

struct request_record {
    struct pelt_span name;
    bool goes_on;
    uint64_t started, bytes_sent, bytes_received, ended;
    uint64_t outcomes[PELT_OUTCOME_COUNT];
    uint8_t slowest_len;
    struct pelt_kept slowest[PELT_KEPT_OF_NAME];
    unsigned kinds;
    struct pelt_hist_wire hist[PELT_HIST_REQUEST_KINDS]; /* those of `kinds` */
};

struct metric_record {
    struct pelt_metric metric;
    char tags[PELT_TAGS_TEXT + 1];
    struct pelt_metric_frame figures; /* without its histogram */
    struct pelt_hist_wire hist;
};

struct error_record {
    struct pelt_span name;
    enum pelt_outcome outcome;
    struct pelt_error_frame e;
};

struct check_record {
    struct pelt_span name;
    struct pelt_check_frame c;
};

struct slow_record {
    struct pelt_span name;
    struct pelt_kept k;
};

struct run_hist_record {
    unsigned kind;
    struct pelt_hist_wire hist;
};

struct run_record { /* as in struct pelt_frame */
    uint64_t iterations, script_errors, planned, dropped;
    uint32_t users, waiting;
    uint64_t cpu_ns, spin_ns, run_wait_ns;
    uint32_t run_wait_unread, lua_looks, lua_seen;
    uint64_t unanswered_ns, lost, flight_ns;
    struct pelt_slot slots[PELT_FRAME_SLOTS];
};

struct record {
    enum pelt_frame_record type;
    union {
        struct request_record request;
        struct metric_record metric;
        struct error_record error;
        struct check_record check;
        struct slow_record slow;
        struct run_hist_record run_hist;
        struct run_record run;
        struct pelt_wire_thread thread;
        struct pelt_wire_host host;
    } u;
};

/* ---- reading records ---- */

static void get_figures(struct pelt_wire_reader *r, uint64_t *const *figures, size_t len,
                        uint64_t most)
{
    for (size_t i = 0; i < len; i++) {
        *figures[i] = pelt_wire_get_most(r, most, CANNOT_BE);
    }
}

static uint32_t get_small(struct pelt_wire_reader *r)
{
    return (uint32_t)pelt_wire_get_most(r, SMALL_MAX, CANNOT_BE);
}

static void get_run(struct pelt_wire_reader *r, struct run_record *f)
{
    uint64_t *const counts[] = {&f->iterations, &f->script_errors, &f->planned, &f->dropped};
    uint64_t *const times[] = {&f->cpu_ns, &f->spin_ns, &f->run_wait_ns};
    get_figures(r, counts, 4, COUNT_MAX);
    f->users = get_small(r);
    f->waiting = get_small(r);
    get_figures(r, times, 3, LARGE_MAX);
    f->run_wait_unread = get_small(r);
    f->lua_looks = get_small(r);
    f->lua_seen = (uint32_t)pelt_wire_get_most(r, f->lua_looks, CANNOT_BE);
    f->unanswered_ns = pelt_wire_get_most(r, TIME_MAX, CANNOT_BE);
    f->lost = pelt_wire_get_most(r, COUNT_MAX, CANNOT_BE);
    f->flight_ns = pelt_wire_get_word(r);
    for (unsigned i = 0; i < PELT_FRAME_SLOTS; i++) {
        f->slots[i].started = get_small(r);
        f->slots[i].ended = get_small(r);
        const int64_t waiting = pelt_wire_get_signed(r);
        if (waiting > (int64_t)SMALL_MAX || waiting < -(int64_t)SMALL_MAX) {
            pelt_wire_bad(r, CANNOT_BE);
        }
        f->slots[i].waiting = (int32_t)waiting;
    }
}

static void get_request(struct pelt_wire_reader *r, struct request_record *q)
{
    q->name = pelt_wire_get_text(r, PELT_NAME_MAX);
    q->goes_on = pelt_wire_get_bool(r);
    q->started = q->bytes_sent = q->bytes_received = q->ended = 0;
    q->slowest_len = 0;
    memset(q->outcomes, 0, sizeof q->outcomes);
    if (!q->goes_on) {
        q->started = pelt_wire_get_most(r, COUNT_MAX, CANNOT_BE);
        q->bytes_sent = pelt_wire_get_most(r, LARGE_MAX, CANNOT_BE);
        q->bytes_received = pelt_wire_get_most(r, LARGE_MAX, CANNOT_BE);
        const uint64_t classes = pelt_wire_get_most(r, (UINT64_C(1) << PELT_OUTCOME_COUNT) - 1,
                                                    "outcomes that are none");
        for (unsigned o = 0; o < PELT_OUTCOME_COUNT; o++) {
            if ((classes >> o & 1) != 0) {
                q->outcomes[o] = pelt_wire_get_most(r, COUNT_MAX, CANNOT_BE);
                q->ended += q->outcomes[o];
            }
        }
        q->slowest_len = (uint8_t)pelt_wire_get_most(r, PELT_KEPT_OF_NAME, "too many slowest");
        for (uint8_t i = 0; i < q->slowest_len; i++) {
            pelt_wire_get_kept(r, &q->slowest[i]);
        }
    }
    q->kinds = (unsigned)pelt_wire_get_most(r, (1u << PELT_HIST_REQUEST_KINDS) - 1,
                                            "histograms that are none");
    for (unsigned kind = 0; kind < PELT_HIST_REQUEST_KINDS; kind++) {
        if ((q->kinds >> kind & 1) != 0) {
            pelt_wire_get_hist(r, &q->hist[kind]);
        }
    }
}

static void get_metric(struct pelt_wire_reader *r, struct metric_record *m)
{
    struct pelt_metric_frame *f = &m->figures;
    *m = (struct metric_record){0};
    pelt_wire_get_clean(r, m->metric.name, sizeof m->metric.name, false);
    m->metric.type =
        (enum pelt_metric_type)pelt_wire_get_most(r, PELT_METRIC_TYPES - 1, "a metric of no type");
    pelt_wire_get_clean(r, m->metric.unit, sizeof m->metric.unit, false);
    m->metric.decimals =
        (unsigned)pelt_wire_get_most(r, PELT_METRIC_DECIMALS_MAX, "too many decimals");
    pelt_wire_get_clean(r, m->tags, sizeof m->tags, false);
    f->values = pelt_wire_get_most(r, COUNT_MAX, CANNOT_BE);
    switch (m->metric.type) {
    case PELT_METRIC_COUNTER:
        f->sum = pelt_wire_get_most(r, PELT_METRIC_SUM_MAX, CANNOT_BE);
        break;
    case PELT_METRIC_SHARE:
        f->sum = pelt_wire_get_most(r, f->values, CANNOT_BE);
        break;
    case PELT_METRIC_GAUGE:
        f->at_ns = pelt_wire_get_most(r, TIME_MAX, CANNOT_BE);
        f->last = pelt_wire_get_double(r);
        f->min = pelt_wire_get_double(r);
        f->max = pelt_wire_get_double(r);
        break;
    default:
        pelt_wire_get_hist(r, &m->hist);
        break;
    }
}

static void get_error(struct pelt_wire_reader *r, struct error_record *e)
{
    e->name = pelt_wire_get_text(r, PELT_NAME_MAX);
    e->outcome =
        (enum pelt_outcome)pelt_wire_get_most(r, PELT_OUTCOME_COUNT - 1, "an outcome that is none");
    e->e.count = pelt_wire_get_most(r, COUNT_MAX, CANNOT_BE);
    e->e.first_ns = pelt_wire_get_most(r, TIME_MAX, CANNOT_BE);
    e->e.last_ns = pelt_wire_get_most(r, TIME_MAX, CANNOT_BE);
    pelt_wire_get_clean(r, e->e.sample, sizeof e->e.sample, false);
    e->e.has_exchange = pelt_wire_get_bool(r);
    e->e.exchange = (struct pelt_kept){0};
    if (e->e.has_exchange) {
        pelt_wire_get_kept(r, &e->e.exchange);
    }
    if (e->e.count == 0 || !pelt_outcome_is_error(e->outcome) || e->e.first_ns > e->e.last_ns) {
        pelt_wire_bad(r, "an error that is none");
    }
}

static void get_thread(struct pelt_wire_reader *r, struct pelt_wire_thread *t)
{
    t->thread = (uint32_t)pelt_wire_get_most(r, UINT16_MAX, "a thread that is none");
    t->started = pelt_wire_get_most(r, COUNT_MAX, CANNOT_BE);
    t->cpu_ns = pelt_wire_get_most(r, LARGE_MAX, CANNOT_BE);
    t->spin_ns = pelt_wire_get_most(r, LARGE_MAX, CANNOT_BE);
    t->run_wait_ns = pelt_wire_get_most(r, LARGE_MAX, CANNOT_BE);
    t->run_wait_unread = get_small(r);
    t->lua_looks = get_small(r);
    t->lua_seen = (uint32_t)pelt_wire_get_most(r, t->lua_looks, CANNOT_BE);
}

static void get_host(struct pelt_wire_reader *r, struct pelt_wire_host *h)
{
    uint64_t *const figures[] = {&h->throttled, &h->throttled_ns, &h->pressure_ns,
                                 &h->stolen_ns, &h->busy_ns,      &h->own_ns};
    for (size_t i = 0; i < sizeof figures / sizeof figures[0]; i++) {
        const uint64_t figure = pelt_wire_get_most(r, LARGE_MAX, CANNOT_BE);
        *figures[i] = figure == 0 ? PELT_WIRE_UNREAD : figure - 1;
    }
}

static void get_totals(struct pelt_wire_reader *r, struct pelt_wire_part *p)
{
    p->in_flight = pelt_wire_get_signed(r);
    if (p->in_flight > (int64_t)COUNT_MAX || p->in_flight < -(int64_t)COUNT_MAX) {
        pelt_wire_bad(r, CANNOT_BE);
    }
    p->clock_bound_ns = pelt_wire_get_number(r);
    pelt_wire_get_totals(r, &p->totals);
}

/* Head of a part. */
static void get_head(struct pelt_wire_reader *r, struct pelt_wire_part *p)
{
    if (pelt_wire_get_byte(r) != PELT_WIRE_FRAME) {
        pelt_wire_bad(r, "of another kind");
    }
    const unsigned flags = (unsigned)pelt_wire_get_most(r, PELT_PART_FLAGS, "unknown flags");
    const int64_t second = pelt_wire_get_signed(r);
    p->last = (flags & PELT_PART_LAST) != 0;
    p->frame_last = (flags & PELT_PART_FRAME_LAST) != 0;
    p->part = (uint32_t)pelt_wire_get_most(r, PELT_WIRE_PARTS_MAX - 1, "a part that is none");
    if (second < -1 || second > INT32_MAX - 2 || (p->frame_last && !p->last)) {
        pelt_wire_bad(r, "a second that cannot be");
    }
    p->second = (int32_t)second;
}

/* The next record; false: the end, or something is wrong. Of TOTALS it reads into `p`. */
static bool get_record(struct pelt_wire_reader *r, struct record *rec, struct pelt_wire_part *p)
{
    rec->type = (enum pelt_frame_record)pelt_wire_get_byte(r);
    switch (rec->type) {
    case PELT_RECORD_END:
        return false;
    case PELT_RECORD_RUN:
        get_run(r, &rec->u.run);
        break;
    case PELT_RECORD_RUN_HIST:
        rec->u.run_hist.kind =
            (unsigned)pelt_wire_get_most(r, PELT_RUNHIST_KINDS - 1, "a histogram that is none");
        pelt_wire_get_hist(r, &rec->u.run_hist.hist);
        break;
    case PELT_RECORD_REQUEST:
        get_request(r, &rec->u.request);
        break;
    case PELT_RECORD_CHECK:
        rec->u.check.name = pelt_wire_get_text(r, PELT_NAME_MAX);
        rec->u.check.c.passed = pelt_wire_get_most(r, COUNT_MAX, CANNOT_BE);
        rec->u.check.c.failed = pelt_wire_get_most(r, COUNT_MAX, CANNOT_BE);
        break;
    case PELT_RECORD_METRIC:
        get_metric(r, &rec->u.metric);
        break;
    case PELT_RECORD_ERROR:
        get_error(r, &rec->u.error);
        break;
    case PELT_RECORD_SLOW:
        rec->u.slow.name = pelt_wire_get_text(r, PELT_NAME_MAX);
        pelt_wire_get_kept(r, &rec->u.slow.k);
        break;
    case PELT_RECORD_THREAD:
        get_thread(r, &rec->u.thread);
        break;
    case PELT_RECORD_HOST:
        get_host(r, &rec->u.host);
        break;
    case PELT_RECORD_TOTALS:
        get_totals(r, p);
        break;
    default:
        pelt_wire_bad(r, "a record that is none");
    }
    return r->why == NULL;
}

/* ---- the first walk: is it good? ---- */

static void check_hist(struct pelt_wire_reader *r, const struct pelt_hist_wire *h,
                       struct pelt_wire_part *p)
{
    const char *why = pelt_hist_wire_check(h);
    p->hists++;
    if (why != NULL) {
        pelt_wire_bad(r, why);
    }
}

static void check_request(struct pelt_wire_reader *r, const struct request_record *q,
                          struct pelt_wire_part *p)
{
    for (unsigned kind = 0; kind < PELT_HIST_REQUEST_KINDS; kind++) {
        if ((q->kinds >> kind & 1) == 0) {
            continue;
        }
        if (!q->goes_on && q->hist[kind].count > q->ended) {
            pelt_wire_bad(r, "a histogram of more samples than exchanges that ended");
        }
        check_hist(r, &q->hist[kind], p);
    }
}

static void check_metric(struct pelt_wire_reader *r, const struct metric_record *m,
                         struct pelt_wire_part *p)
{
    const struct pelt_metric_frame *f = &m->figures;
    char canonical[PELT_TAGS_TEXT + 1];
    if (m->tags[0] != '\0' &&
        (!pelt_tags_parse(m->tags, canonical) || strcmp(canonical, m->tags) != 0)) {
        pelt_wire_bad(r, "tags that are none");
    }
    if (f->values == 0 || (m->metric.type == PELT_METRIC_GAUGE &&
                           (f->min > f->max || f->last < f->min || f->last > f->max))) {
        pelt_wire_bad(r, "a metric's figures that cannot be");
    }
    if (m->metric.type == PELT_METRIC_TREND) {
        if (m->hist.count > f->values) {
            pelt_wire_bad(r, "a metric's figures that cannot be");
        }
        check_hist(r, &m->hist, p);
    }
}

static bool keep_thread(struct pelt_wire_part *p, const struct pelt_wire_thread *t)
{
    if (p->threads_len % 16 == 0) {
        struct pelt_wire_thread *grown = realloc(p->threads, (p->threads_len + 16) * sizeof *grown);
        if (grown == NULL) {
            return false;
        }
        p->threads = grown;
    }
    p->threads[p->threads_len++] = *t;
    return true;
}

struct seen { /* records that come once */
    bool run, totals, metrics;
};

/* False: out of memory. */
static bool check_record(struct pelt_wire_reader *r, const struct record *rec,
                         struct pelt_wire_part *p, struct seen *seen)
{
    switch (rec->type) {
    case PELT_RECORD_RUN:
        if (seen->run || p->part != 0) {
            pelt_wire_bad(r, "a second's counters twice");
        }
        seen->run = true;
        break;
    case PELT_RECORD_RUN_HIST:
        check_hist(r, &rec->u.run_hist.hist, p);
        break;
    case PELT_RECORD_REQUEST:
        p->started += rec->u.request.started;
        check_request(r, &rec->u.request, p);
        break;
    case PELT_RECORD_METRIC:
        seen->metrics = true;
        check_metric(r, &rec->u.metric, p);
        break;
    case PELT_RECORD_THREAD:
        if (p->threads_len == PELT_WIRE_THREADS_MAX) {
            pelt_wire_bad(r, "too many threads");
            break;
        }
        return keep_thread(p, &rec->u.thread);
    case PELT_RECORD_HOST:
        if (p->has_host) {
            pelt_wire_bad(r, "two hosts");
        }
        p->has_host = true;
        p->host = rec->u.host;
        break;
    case PELT_RECORD_TOTALS:
        if (seen->totals || !p->last) {
            pelt_wire_bad(r, "totals where none should be");
        }
        seen->totals = true;
        break;
    default:
        break;
    }
    return true;
}

static enum pelt_status check(struct pelt_span message, struct pelt_wire_part *p, struct seen *seen,
                              struct pelt_error *err)
{
    struct pelt_wire_reader r = pelt_wire_read(message);
    struct record rec;
    if (message.len > PELT_WIRE_MESSAGE_MAX) {
        pelt_wire_bad(&r, "too long");
    }
    get_head(&r, p);
    while (get_record(&r, &rec, p)) {
        if (!check_record(&r, &rec, p, seen)) {
            return pelt_fail(err, PELT_ENOMEM, "out of memory");
        }
    }
    if (seen->run != (p->part == 0) || seen->totals != p->last) {
        pelt_wire_bad(&r, "a part without what it must have");
    }
    return pelt_wire_done(&r, "FRAME", err);
}

void pelt_wire_part_deinit(struct pelt_wire_part *p)
{
    free(p->threads);
    *p = (struct pelt_wire_part){0};
}

enum pelt_status pelt_wire_frame_check(struct pelt_span message, struct pelt_wire_part *out,
                                       struct pelt_error *err)
{
    struct seen seen = {0};
    *out = (struct pelt_wire_part){0};
    enum pelt_status status = check(message, out, &seen, err);
    if (status != PELT_OK) {
        pelt_wire_part_deinit(out);
    }
    return status;
}

/* ---- the second: metrics ---- */

/* False: it is another one here. One of pelt's own is what this pelt says that it is, so that no
 * worker can make it another for the rest. */
static bool put_metric(struct pelt_metrics *metrics, const struct pelt_metric *metric,
                       struct pelt_error *why)
{
    enum pelt_own_metric own;
    uint32_t id;
    if (pelt_own_metric_find(metric->name, &own)) {
        const struct pelt_metric *ours = pelt_own_metric_at(own);
        if (ours->type != metric->type || ours->decimals != metric->decimals ||
            strcmp(ours->unit, metric->unit) != 0) {
            pelt_fail(why, PELT_EINVAL, "metric '%s': is another kind of metric", metric->name);
            return false;
        }
    }
    return pelt_metrics_put(metrics, metric, &id, why) == PELT_OK;
}

static enum pelt_status declare(struct pelt_span message, struct pelt_registry *names,
                                struct pelt_error *err)
{
    struct pelt_wire_reader r = pelt_wire_read(message);
    struct pelt_wire_part p = {0};
    struct record rec;
    get_head(&r, &p);
    while (get_record(&r, &rec, &p)) {
        struct pelt_error why = {""};
        if (rec.type == PELT_RECORD_METRIC &&
            !put_metric(pelt_registry_metrics(names), &rec.u.metric.metric, &why)) {
            return pelt_fail(err, PELT_EPARSE, "FRAME: %s", why.text);
        }
    }
    return PELT_OK;
}

/* ---- the third: adding ---- */

struct adding {
    struct pelt_wire_into *into;
    bool oom;
};

static uint32_t request_id(const struct adding *a, struct pelt_span name)
{
    return pelt_registry_intern(a->into->names, PELT_NAME_REQUEST, name);
}

static struct pelt_kept kept_here(const struct adding *a, const struct pelt_kept *k, uint32_t id)
{
    struct pelt_kept here = *k;
    here.series = id;
    here.thread = (uint16_t)(a->into->thread_base + k->thread);
    return here;
}

static void add_run(struct pelt_frame *into, const struct run_record *f)
{
    into->iterations += f->iterations;
    into->script_errors += f->script_errors;
    into->planned += f->planned;
    into->dropped += f->dropped;
    into->users += f->users;
    into->waiting += f->waiting;
    for (unsigned i = 0; i < PELT_FRAME_SLOTS; i++) {
        into->slots[i].started += f->slots[i].started;
        into->slots[i].ended += f->slots[i].ended;
        into->slots[i].waiting += f->slots[i].waiting;
    }
    into->cpu_ns += f->cpu_ns;
    into->spin_ns += f->spin_ns;
    into->run_wait_ns += f->run_wait_ns;
    into->run_wait_unread += f->run_wait_unread;
    into->lua_looks += f->lua_looks;
    into->lua_seen += f->lua_seen;
    into->flight_ns += f->flight_ns;
    into->unanswered_ns += f->unanswered_ns;
    into->lost += f->lost;
}

static void add_slowest(struct adding *a, struct pelt_frame *f, struct pelt_request_frame *r,
                        uint32_t id, const struct request_record *q)
{
    if (q->slowest_len == 0) {
        return;
    }
    if (r->slowest == NULL) {
        r->slowest = calloc(1, sizeof *r->slowest);
        if (r->slowest == NULL) {
            a->oom = true;
            return;
        }
        pelt_quota_draw(f->pool.quota, sizeof *r->slowest);
    }
    for (uint8_t i = 0; i < q->slowest_len; i++) {
        struct pelt_kept k = kept_here(a, &q->slowest[i], id);
        (void)pelt_kept_add(r->slowest->list, &r->slowest->len, PELT_KEPT_OF_NAME, &k);
    }
}

static void add_request(struct adding *a, const struct request_record *q)
{
    struct pelt_frame *f = a->into->frame;
    const uint32_t id = request_id(a, q->name);
    struct pelt_request_frame *r = pelt_frame_request(f, id);
    if (r == NULL) {
        a->oom = true;
        f->lost += q->started + q->ended;
        return;
    }
    r->started += q->started;
    r->bytes_sent += q->bytes_sent;
    r->bytes_received += q->bytes_received;
    for (unsigned o = 0; o < PELT_OUTCOME_COUNT; o++) {
        r->outcomes[o] += q->outcomes[o];
    }
    for (unsigned kind = 0; kind < PELT_HIST_REQUEST_KINDS; kind++) {
        if ((q->kinds >> kind & 1) != 0) {
            pelt_hist_wire_add(&q->hist[kind], &r->hist[kind], &f->pool);
        }
    }
    add_slowest(a, f, r, id, q);
}

static void add_check(struct adding *a, const struct check_record *c)
{
    struct pelt_check_frame *f = pelt_frame_check(
        a->into->frame, pelt_registry_intern(a->into->names, PELT_NAME_CHECK, c->name));
    if (f == NULL) {
        a->oom = true;
        a->into->frame->lost += c->c.passed + c->c.failed;
        return;
    }
    f->passed += c->c.passed;
    f->failed += c->c.failed;
}

static void add_metric(struct adding *a, const struct metric_record *m)
{
    struct pelt_metrics *metrics = pelt_registry_metrics(a->into->names);
    struct pelt_frame *f = a->into->frame;
    uint32_t id = 0;
    if (!pelt_metrics_find(metrics, m->metric.name, &id)) {
        assert(!"it was declared");
        return;
    }
    const uint32_t series = pelt_metrics_series(metrics, id, m->tags, NULL);
    struct pelt_metric_frame *into = pelt_frame_metric(f, series);
    if (into == NULL) {
        a->oom = true;
        f->lost += m->figures.values;
        return;
    }
    pelt_metric_frame_add(into, &f->pool, &m->figures);
    if (m->metric.type == PELT_METRIC_TREND) {
        pelt_hist_wire_add(&m->hist, &into->hist, &f->pool);
    }
}

/* As the frame of a thread would be added: the earliest sample stays, counts add up. */
static void add_error(struct adding *a, const struct error_record *e)
{
    struct pelt_frame *f = a->into->frame;
    const uint32_t id = request_id(a, e->name);
    struct pelt_error_frame *kept = pelt_frame_error(f, id, e->outcome, e->e.first_ns, e->e.sample);
    if (kept != NULL) {
        kept->has_exchange = e->e.has_exchange;
        if (e->e.has_exchange) {
            kept->exchange = kept_here(a, &e->e.exchange, id);
        }
    }
    for (uint32_t i = 0; i < f->errors_len; i++) {
        if (f->errors[i].series == id && f->errors[i].outcome == e->outcome) {
            struct pelt_error_frame *all = &f->errors[i].e;
            all->count += e->e.count - 1; /* one was counted above */
            all->last_ns = e->e.last_ns > all->last_ns ? e->e.last_ns : all->last_ns;
        }
    }
}

static void add_record(struct adding *a, const struct record *rec)
{
    struct pelt_frame *f = a->into->frame;
    switch (rec->type) {
    case PELT_RECORD_RUN:
        add_run(f, &rec->u.run);
        break;
    case PELT_RECORD_RUN_HIST:
        pelt_hist_wire_add(&rec->u.run_hist.hist, &f->hist[rec->u.run_hist.kind], &f->pool);
        break;
    case PELT_RECORD_REQUEST:
        add_request(a, &rec->u.request);
        break;
    case PELT_RECORD_CHECK:
        add_check(a, &rec->u.check);
        break;
    case PELT_RECORD_METRIC:
        add_metric(a, &rec->u.metric);
        break;
    case PELT_RECORD_ERROR:
        add_error(a, &rec->u.error);
        break;
    case PELT_RECORD_SLOW: {
        struct pelt_kept k = kept_here(a, &rec->u.slow.k, request_id(a, rec->u.slow.name));
        (void)pelt_kept_add(f->slowest, &f->slowest_len, PELT_KEPT_OF_RUN, &k);
        break;
    }
    default: /* threads, host, totals: pelt_wire_frame_check() gives them */
        break;
    }
}

static enum pelt_status add(struct pelt_span message, struct pelt_wire_into *into,
                            struct pelt_error *err)
{
    struct pelt_wire_reader r = pelt_wire_read(message);
    struct adding a = {.into = into};
    struct pelt_wire_part p = {0};
    struct record rec;
    get_head(&r, &p);
    while (get_record(&r, &rec, &p)) {
        add_record(&a, &rec);
    }
    return a.oom ? pelt_fail(err, PELT_ENOMEM, "out of memory") : PELT_OK;
}

enum pelt_status pelt_wire_frame_add(struct pelt_span message, struct pelt_wire_into *into,
                                     struct pelt_error *err)
{
    struct pelt_wire_part p = {0};
    struct seen seen = {0};
    enum pelt_status status = check(message, &p, &seen, err);
    pelt_wire_part_deinit(&p);
    if (status == PELT_OK && seen.metrics) {
        status = declare(message, into->names, err);
    }
    return status == PELT_OK ? add(message, into, err) : status;
}
