/* wire_frame: what is decoded into a sum is what adding the frames themselves would have given,
 * bucket for bucket; what is malformed adds nothing. */
#include "test.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hist_counters.h"
#include "pelt/own_metric.h"
#include "pelt/rng.h"
#include "pelt/wire_frame.h"

#define WORKERS 5
#define SERIES  12
#define TAGS    6

static struct pelt_error err;

/* ---- frames as workers have them ---- */

struct worker {
    struct pelt_registry *names;
    struct pelt_frame *frame;
    uint32_t series[SERIES], checks[SERIES]; /* ids of names, in an order of its own */
    uint32_t metric[4][TAGS];
};

static void name_of(char *out, const char *what, unsigned i)
{
    snprintf(out, 40, "%s \xc3\xbc %u", what, i);
}

static void intern_all(struct worker *w, struct pelt_rng *rng)
{
    static const struct pelt_metric METRICS[] = {
        {.name = "orders", .type = PELT_METRIC_COUNTER, .decimals = 2},
        {.name = "depth", .type = PELT_METRIC_GAUGE, .unit = "m"},
        {.name = "good", .type = PELT_METRIC_SHARE},
        {.name = "think", .type = PELT_METRIC_TREND, .unit = "ms", .decimals = 3},
    };
    struct pelt_metrics *metrics = pelt_registry_metrics(w->names);
    unsigned shift = (unsigned)pelt_rng_below(rng, SERIES);
    char name[40];
    for (unsigned i = 0; i < SERIES; i++) {
        const unsigned k = (i + shift) % SERIES;
        name_of(name, "GET /", k);
        w->series[k] = k == 0
                           ? PELT_SERIES_OTHER
                           : pelt_registry_intern(w->names, PELT_NAME_REQUEST, pelt_span_of(name));
        name_of(name, "check", k);
        w->checks[k] = pelt_registry_intern(w->names, PELT_NAME_CHECK, pelt_span_of(name));
    }
    for (unsigned i = 0; i < 4; i++) {
        const unsigned m = (i + shift) % 4;
        uint32_t id;
        assert_int_equal(pelt_metrics_put(metrics, &METRICS[m], &id, &err), PELT_OK);
        for (unsigned t = 0; t < TAGS; t++) {
            char tags[40] = "";
            if (t > 1) {
                snprintf(tags, sizeof tags, "k=%u,route=a\\,b", t);
            }
            w->metric[m][t] =
                t == 1 ? PELT_METRIC_OTHER(id) : pelt_metrics_series(metrics, id, tags, NULL);
        }
    }
}

static void worker_init(struct worker *w, struct pelt_rng *rng)
{
    w->names = pelt_registry_new();
    w->frame = pelt_frame_new(NULL);
    assert_true(w->names != NULL && w->frame != NULL);
    intern_all(w, rng);
}

static void worker_deinit(struct worker *w)
{
    pelt_frame_free(w->frame);
    pelt_registry_free(w->names);
}

static uint64_t random_us(struct pelt_rng *rng)
{
    switch (pelt_rng_below(rng, 20)) {
    case 0:
        return pelt_rng_below(rng, PELT_HIST_MAX_US + 1000); /* anywhere, and above */
    case 1:
        return pelt_rng_below(rng, 3); /* 0 to 2 */
    default:
        return (uint64_t)(1000 * exp(pelt_rng_normal(rng, 1, 0.7)));
    }
}

static struct pelt_kept random_kept(struct pelt_rng *rng, uint32_t series)
{
    struct pelt_kept k = {.series = series,
                          .thread = (uint16_t)pelt_rng_below(rng, 8),
                          .status = (uint16_t)(200 + pelt_rng_below(rng, 300)),
                          .outcome = (enum pelt_outcome)pelt_rng_below(rng, PELT_OUTCOME_COUNT),
                          .sent = pelt_rng_below(rng, 2) != 0,
                          .answered = pelt_rng_below(rng, 2) != 0,
                          .done_ns = pelt_rng_below(rng, UINT64_C(1) << 50),
                          .response_ns = pelt_rng_below(rng, UINT64_C(1) << 40),
                          .service_ns = pelt_rng_below(rng, UINT64_C(1) << 30),
                          .bytes_sent = pelt_rng_below(rng, 1000),
                          .bytes_received = pelt_rng_below(rng, 100000),
                          .has_user = pelt_rng_below(rng, 2) != 0};
    for (unsigned i = 0; i < PELT_KEPT_PHASES; i++) {
        k.phase_ns[i] = pelt_rng_below(rng, 3) == 0 ? UINT64_MAX : pelt_rng_below(rng, 1u << 30);
    }
    if (k.has_user) {
        k.user = pelt_rng_u64(rng);
        k.iteration = pelt_rng_below(rng, 1000);
    }
    if (pelt_rng_below(rng, 2) != 0) {
        snprintf(k.id, sizeof k.id, "%016llx%016llx", (unsigned long long)pelt_rng_u64(rng),
                 (unsigned long long)pelt_rng_u64(rng));
    }
    return k;
}

static void random_requests(struct worker *w, struct pelt_rng *rng, unsigned events)
{
    struct pelt_frame *f = w->frame;
    for (unsigned i = 0; i < events; i++) {
        const uint32_t series = w->series[pelt_rng_below(rng, SERIES)];
        struct pelt_request_frame *r = pelt_frame_request(f, series);
        const enum pelt_outcome o =
            pelt_rng_below(rng, 10) != 0
                ? PELT_OUTCOME_OK
                : (enum pelt_outcome)pelt_rng_below(rng, PELT_OUTCOME_COUNT);
        r->started += pelt_rng_below(rng, 3);
        r->outcomes[o]++;
        r->bytes_sent += pelt_rng_below(rng, 5000);
        r->bytes_received += pelt_rng_below(rng, UINT64_C(1) << 33);
        for (unsigned kind = 0; kind < PELT_HIST_REQUEST_KINDS; kind++) {
            if (pelt_rng_below(rng, kind + 1) == 0) {
                pelt_hist_record(&r->hist[kind], &f->pool, random_us(rng));
            }
        }
        struct pelt_kept k = random_kept(rng, series);
        if (i % 50 == 0) {
            assert_int_equal(pelt_frame_slow(f, &k), PELT_OK);
        }
        if (pelt_outcome_is_error(o)) {
            struct pelt_error_frame *e = pelt_frame_error(
                f, series, o, pelt_rng_below(rng, 1u << 30), "reset by peer \xc3\xbc");
            if (e != NULL) {
                e->has_exchange = i % 2 == 0;
                e->exchange = e->has_exchange ? k : (struct pelt_kept){0};
            }
        }
        struct pelt_check_frame *c = pelt_frame_check(f, w->checks[pelt_rng_below(rng, SERIES)]);
        c->passed += pelt_rng_below(rng, 2);
        c->failed += pelt_rng_below(rng, 2);
    }
}

static void random_metrics(struct worker *w, struct pelt_rng *rng, unsigned events)
{
    struct pelt_frame *f = w->frame;
    for (unsigned i = 0; i < events; i++) {
        const unsigned m = (unsigned)pelt_rng_below(rng, 4);
        struct pelt_metric_frame one = {.values = 1}, *into;
        into = pelt_frame_metric(f, w->metric[m][pelt_rng_below(rng, TAGS)]);
        if (m == 0 || m == 2) {
            one.sum = pelt_rng_below(rng, 2);
        } else if (m == 1) {
            one.at_ns = pelt_rng_below(rng, 1000);
            one.last = one.min = one.max = pelt_rng_normal(rng, 0, 5);
        }
        pelt_metric_frame_add(into, &f->pool, &one);
        if (m == 3) {
            pelt_hist_record(&into->hist, &f->pool, random_us(rng));
        }
    }
}

static void random_frame(struct worker *w, struct pelt_rng *rng, unsigned events)
{
    struct pelt_frame *f = w->frame;
    random_requests(w, rng, events);
    random_metrics(w, rng, events);
    for (unsigned i = 0; i < events; i++) {
        pelt_hist_record(&f->hist[pelt_rng_below(rng, PELT_RUNHIST_KINDS)], &f->pool,
                         random_us(rng));
    }
    f->second = 7;
    f->iterations = pelt_rng_below(rng, 1000);
    f->script_errors = pelt_rng_below(rng, 10);
    f->planned = pelt_rng_below(rng, 1000);
    f->dropped = pelt_rng_below(rng, 10);
    f->users = (uint32_t)pelt_rng_below(rng, 1000);
    f->waiting = (uint32_t)pelt_rng_below(rng, 10);
    for (unsigned i = 0; i < PELT_FRAME_SLOTS; i++) {
        f->slots[i] = (struct pelt_slot){(uint32_t)pelt_rng_below(rng, 1000),
                                         (uint32_t)pelt_rng_below(rng, 1000),
                                         (int32_t)pelt_rng_below(rng, 100) - 50};
    }
    f->cpu_ns = pelt_rng_below(rng, 1u << 30);
    f->spin_ns = pelt_rng_below(rng, 1u << 30);
    f->run_wait_ns = pelt_rng_below(rng, 1u << 30);
    f->run_wait_unread = (uint32_t)pelt_rng_below(rng, 2);
    f->lua_looks = 20;
    f->lua_seen = (uint32_t)pelt_rng_below(rng, 20);
    f->flight_ns = pelt_rng_u64(rng);
    f->unanswered_ns = pelt_rng_below(rng, 1u << 30);
    f->lost = pelt_rng_below(rng, 2);
}

/* ---- parts ---- */

struct parts {
    struct pelt_buf part[PELT_WIRE_PARTS_MAX];
    uint32_t len;
};

static enum pelt_status on_part(void *arg, uint32_t part, struct pelt_span bytes)
{
    struct parts *p = arg;
    assert_int_equal(part, p->len);
    assert_true(bytes.len <= PELT_WIRE_MESSAGE_MAX);
    pelt_buf_init(&p->part[part], 0);
    p->len++;
    return pelt_buf_add(&p->part[part], bytes.ptr, bytes.len);
}

static void parts_deinit(struct parts *p)
{
    for (uint32_t i = 0; i < p->len; i++) {
        pelt_buf_deinit(&p->part[i]);
    }
    p->len = 0;
}

static struct pelt_span part_of(const struct parts *p, uint32_t i)
{
    return pelt_span(p->part[i].data, p->part[i].len);
}

static const struct pelt_wire_thread THREADS[2] = {
    {.thread = 0, .started = 5, .cpu_ns = 6, .spin_ns = 7, .run_wait_ns = 8, .lua_looks = 20},
    {.thread = 1, .started = 50, .run_wait_unread = 1, .lua_looks = 20, .lua_seen = 3},
};
static const struct pelt_wire_host HOST = {1, 2, PELT_WIRE_UNREAD, 0, 5, 6};

static void encode(const struct worker *w, struct parts *p)
{
    struct pelt_wire_totals totals = {0};
    pelt_wire_totals_add(&totals, w->frame);
    const struct pelt_wire_second s = {.frame = w->frame,
                                       .names = w->names,
                                       .threads = THREADS,
                                       .threads_len = 2,
                                       .host = &HOST,
                                       .totals = &totals,
                                       .in_flight = -3,
                                       .clock_bound_ns = 99};
    p->len = 0;
    assert_int_equal(pelt_wire_frame_encode(&s, on_part, p), PELT_OK);
}

static void decode(const struct parts *p, struct pelt_wire_into *into)
{
    for (uint32_t i = 0; i < p->len; i++) {
        if (pelt_wire_frame_add(part_of(p, i), into, &err) != PELT_OK) {
            fail_msg("%s", err.text);
        }
    }
}

/* ---- two sums are the same, by name ---- */

static void assert_same_hist(const struct pelt_hist *a, const struct pelt_hist *b)
{
    assert_int_equal(a->count, b->count);
    assert_int_equal(a->lost, b->lost);
    if (a->count == 0) {
        return;
    }
    assert_int_equal(a->min_us, b->min_us);
    assert_int_equal(a->max_us, b->max_us);
    assert_int_equal(a->clamped, b->clamped);
    assert_same_counters(a, b);
}

static void assert_same_kept(const struct pelt_kept *a, const struct pelt_kept *b, uint32_t series)
{
    struct pelt_kept x = *a;
    x.series = series;
    assert_memory_equal(&x, b, sizeof x);
}

static uint32_t id_there(struct pelt_registry *from, struct pelt_registry *to,
                         enum pelt_name_kind kind, uint32_t id)
{
    uint32_t there = 0;
    assert_true(
        pelt_registry_find(to, kind, pelt_span_of(pelt_registry_name(from, kind, id)), &there));
    return there;
}

static void assert_same_request(const struct pelt_request_frame *a,
                                const struct pelt_request_frame *b, uint32_t series)
{
    assert_int_equal(a->started, b->started);
    assert_int_equal(a->bytes_sent, b->bytes_sent);
    assert_int_equal(a->bytes_received, b->bytes_received);
    assert_memory_equal(a->outcomes, b->outcomes, sizeof a->outcomes);
    for (unsigned kind = 0; kind < PELT_HIST_REQUEST_KINDS; kind++) {
        assert_same_hist(&a->hist[kind], &b->hist[kind]);
    }
    const uint8_t len = a->slowest != NULL ? a->slowest->len : 0;
    assert_int_equal(len, b->slowest != NULL ? b->slowest->len : 0);
    for (uint8_t i = 0; i < len; i++) {
        assert_same_kept(&a->slowest->list[i], &b->slowest->list[i], series);
    }
}

static void assert_same_metrics(const struct pelt_frame *a, struct pelt_registry *a_names,
                                const struct pelt_frame *b, struct pelt_registry *b_names)
{
    struct pelt_metrics *am = pelt_registry_metrics(a_names), *bm = pelt_registry_metrics(b_names);
    unsigned seen = 0;
    for (uint32_t i = 0; i < a->metrics_len; i++) {
        const struct pelt_metric_frame *x = a->metrics[i];
        uint32_t metric, there;
        if (x == NULL || x->values == 0) {
            continue;
        }
        const char *tags = pelt_metrics_tags(am, i, &metric);
        const struct pelt_metric *m = pelt_metrics_at(am, metric);
        assert_true(pelt_metrics_find(bm, m->name, &there));
        assert_memory_equal(m, pelt_metrics_at(bm, there), sizeof *m);
        const uint32_t series = strcmp(tags, PELT_TAGS_OTHER) == 0
                                    ? PELT_METRIC_OTHER(there)
                                    : pelt_metrics_series(bm, there, tags, NULL);
        assert_true(series < b->metrics_len && b->metrics[series] != NULL);
        const struct pelt_metric_frame *y = b->metrics[series];
        assert_int_equal(x->values, y->values);
        assert_int_equal(x->sum, y->sum);
        if (m->type == PELT_METRIC_GAUGE) {
            assert_int_equal(x->at_ns, y->at_ns);
            assert_true(x->last == y->last && x->min == y->min && x->max == y->max);
        }
        assert_same_hist(&x->hist, &y->hist);
        seen++;
    }
    assert_true(seen > 0);
}

static void assert_same(const struct pelt_frame *a, struct pelt_registry *a_names,
                        const struct pelt_frame *b, struct pelt_registry *b_names)
{
    for (uint32_t i = 0; i < a->requests_len; i++) {
        if (a->requests[i] != NULL) {
            const uint32_t there = id_there(a_names, b_names, PELT_NAME_REQUEST, i);
            assert_true(there < b->requests_len && b->requests[there] != NULL);
            assert_same_request(a->requests[i], b->requests[there], there);
        }
    }
    struct pelt_counts x = pelt_frame_counts(a), y = pelt_frame_counts(b);
    assert_memory_equal(&x, &y, sizeof x);
    for (uint32_t i = 0; i < a->checks_len; i++) {
        if (a->checks[i].passed + a->checks[i].failed > 0) {
            const uint32_t there = id_there(a_names, b_names, PELT_NAME_CHECK, i);
            assert_memory_equal(&a->checks[i], &b->checks[there], sizeof a->checks[i]);
        }
    }
    assert_same_metrics(a, a_names, b, b_names);
    for (unsigned kind = 0; kind < PELT_RUNHIST_KINDS; kind++) {
        assert_same_hist(&a->hist[kind], &b->hist[kind]);
    }
    assert_int_equal(a->errors_len, b->errors_len);
    for (uint32_t i = 0; i < a->errors_len; i++) {
        const uint32_t there = id_there(a_names, b_names, PELT_NAME_REQUEST, a->errors[i].series);
        const struct pelt_error_frame *e = &a->errors[i].e,
                                      *f = pelt_frame_find_error(b, there, a->errors[i].outcome);
        assert_non_null(f);
        assert_int_equal(e->count, f->count);
        assert_int_equal(e->first_ns, f->first_ns);
        assert_int_equal(e->last_ns, f->last_ns);
        assert_string_equal(e->sample, f->sample);
        assert_int_equal(e->has_exchange, f->has_exchange);
        if (e->has_exchange) {
            assert_same_kept(&e->exchange, &f->exchange, there);
        }
    }
    assert_int_equal(a->slowest_len, b->slowest_len);
    for (uint8_t i = 0; i < a->slowest_len; i++) {
        assert_same_kept(&a->slowest[i], &b->slowest[i],
                         id_there(a_names, b_names, PELT_NAME_REQUEST, a->slowest[i].series));
    }
    assert_memory_equal(a->slots, b->slots, sizeof a->slots);
    const uint64_t ax[] = {a->iterations,  a->script_errors,   a->planned,   a->dropped,
                           a->users,       a->waiting,         a->cpu_ns,    a->spin_ns,
                           a->run_wait_ns, a->run_wait_unread, a->lua_looks, a->lua_seen,
                           a->flight_ns,   a->unanswered_ns,   a->lost};
    const uint64_t bx[] = {b->iterations,  b->script_errors,   b->planned,   b->dropped,
                           b->users,       b->waiting,         b->cpu_ns,    b->spin_ns,
                           b->run_wait_ns, b->run_wait_unread, b->lua_looks, b->lua_seen,
                           b->flight_ns,   b->unanswered_ns,   b->lost};
    assert_memory_equal(ax, bx, sizeof ax);
}

/* ---- tests ---- */

/* The frames of several workers, each with ids of its own, over the wire into one; and the same
 * events, drawn again, into frames of one registry that are added up. */
static void merged_is_what_one_sum_of_all_would_be(void **state)
{
    static struct parts parts;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct worker there = {0}, direct[WORKERS] = {0};
        struct pelt_rng rng;
        pelt_rng_init(&rng, seed, 99);
        worker_init(&there, &rng);
        struct pelt_frame *sum = pelt_frame_new(NULL);
        struct pelt_registry *one = pelt_registry_new();
        struct pelt_wire_into into = {.frame = there.frame, .names = there.names};
        const unsigned events = seed < 5 ? (unsigned)seed : (unsigned)(40 * seed);
        for (unsigned i = 0; i < WORKERS; i++) {
            struct pelt_rng draw, own;
            struct worker w;
            pelt_rng_init(&own, seed, 100 + i);
            pelt_rng_init(&draw, seed, i);
            worker_init(&w, &own);
            random_frame(&w, &draw, events);
            encode(&w, &parts);
            decode(&parts, &into);
            parts_deinit(&parts);
            worker_deinit(&w);
            direct[i] = (struct worker){.names = one, .frame = pelt_frame_new(NULL)};
            pelt_rng_init(&draw, seed, i);
            pelt_rng_init(&own, seed, 5);
            intern_all(&direct[i], &own);
            random_frame(&direct[i], &draw, events);
            assert_int_equal(pelt_frame_add(sum, direct[i].frame), PELT_OK);
            pelt_frame_free(direct[i].frame);
        }
        assert_same(sum, one, there.frame, there.names);
        assert_same(there.frame, there.names, sum, one);
        pelt_frame_free(sum);
        pelt_registry_free(one);
        worker_deinit(&there);
    }
}

static void empty_second_is_a_part(void **state)
{
    static struct parts parts;
    struct worker w, there;
    struct pelt_rng rng;
    struct pelt_wire_part p;
    pelt_rng_init(&rng, 1, 1);
    worker_init(&w, &rng);
    worker_init(&there, &rng);
    w.frame->second = -1;
    w.frame->last = true;
    encode(&w, &parts);
    assert_int_equal(parts.len, 1);
    assert_int_equal(pelt_wire_frame_check(part_of(&parts, 0), &p, &err), PELT_OK);
    assert_int_equal(p.second, -1);
    assert_true(p.last && p.frame_last);
    assert_int_equal(p.totals.frames, 0); /* of setup */
    pelt_wire_part_deinit(&p);
    struct pelt_wire_into into = {.frame = there.frame, .names = there.names};
    decode(&parts, &into);
    struct pelt_counts n = pelt_frame_counts(there.frame);
    assert_int_equal(n.started + n.ended, 0);
    parts_deinit(&parts);
    worker_deinit(&w);
    worker_deinit(&there);
}

static void part_tells_what_a_second_has_beside(void **state)
{
    static struct parts parts;
    struct worker w;
    struct pelt_rng rng;
    struct pelt_wire_part p;
    struct pelt_wire_totals totals = {0};
    pelt_rng_init(&rng, 3, 1);
    worker_init(&w, &rng);
    random_frame(&w, &rng, 300);
    pelt_wire_totals_add(&totals, w.frame);
    encode(&w, &parts);
    assert_int_equal(parts.len, 1);
    assert_int_equal(pelt_wire_frame_check(part_of(&parts, 0), &p, &err), PELT_OK);
    assert_int_equal(p.second, 7);
    assert_int_equal(p.part, 0);
    assert_true(p.last && !p.frame_last);
    assert_int_equal(p.in_flight, -3);
    assert_int_equal(p.clock_bound_ns, 99);
    assert_true(pelt_wire_totals_equal(&p.totals, &totals));
    assert_int_equal(p.totals.frames, 1);
    assert_int_equal(p.totals.started, pelt_frame_counts(w.frame).started);
    assert_true(p.has_host);
    assert_memory_equal(&p.host, &HOST, sizeof HOST);
    assert_int_equal(p.threads_len, 2);
    assert_int_equal(p.threads[1].started, 50);
    assert_int_equal(p.threads[0].run_wait_ns, 8);
    assert_true(p.hists > 20);
    pelt_wire_part_deinit(&p);
    parts_deinit(&parts);
    worker_deinit(&w);
}

/* Wide histograms in many series: more than a message holds, in the whole and in one request. */
static void large_second_is_split(void **state)
{
    static struct parts parts;
    struct worker w, there;
    struct pelt_rng rng;
    pelt_rng_init(&rng, 5, 1);
    worker_init(&w, &rng);
    worker_init(&there, &rng);
    random_frame(&w, &rng, 100);
    for (unsigned s = 0; s < SERIES; s++) {
        struct pelt_request_frame *r = pelt_frame_request(w.frame, w.series[s]);
        for (unsigned kind = 0; kind < PELT_HIST_REQUEST_KINDS; kind++) {
            for (unsigned i = 0; i < PELT_HIST_COUNTERS; i += s == 1 ? 1 : 9) {
                pelt_hist_record_n(&r->hist[kind], &w.frame->pool, pelt_hist_lowest_us(i),
                                   1 + pelt_rng_below(&rng, 70000));
            }
        }
        r->outcomes[PELT_OUTCOME_OK] += UINT64_C(1) << 33;
    }
    encode(&w, &parts);
    assert_true(parts.len > 5);
    for (uint32_t i = 0; i < parts.len; i++) {
        struct pelt_wire_part p;
        assert_int_equal(pelt_wire_frame_check(part_of(&parts, i), &p, &err), PELT_OK);
        assert_int_equal(p.part, i);
        assert_int_equal(p.last, i == parts.len - 1);
        pelt_wire_part_deinit(&p);
    }
    struct pelt_wire_into into = {.frame = there.frame, .names = there.names};
    decode(&parts, &into);
    assert_same(w.frame, w.names, there.frame, there.names);
    parts_deinit(&parts);
    worker_deinit(&w);
    worker_deinit(&there);
}

static void threads_of_kept_exchanges_are_told_apart(void **state)
{
    static struct parts parts;
    struct worker w, there;
    struct pelt_rng rng;
    pelt_rng_init(&rng, 6, 1);
    worker_init(&w, &rng);
    worker_init(&there, &rng);
    random_frame(&w, &rng, 100);
    encode(&w, &parts);
    struct pelt_wire_into into = {.frame = there.frame, .names = there.names, .thread_base = 1000};
    decode(&parts, &into);
    assert_true(there.frame->slowest_len > 0);
    for (uint8_t i = 0; i < there.frame->slowest_len; i++) {
        assert_int_equal(there.frame->slowest[i].thread, 1000 + w.frame->slowest[i].thread);
    }
    parts_deinit(&parts);
    worker_deinit(&w);
    worker_deinit(&there);
}

static void metric_of_another_kind_is_refused(void **state)
{
    static struct parts parts;
    struct worker w;
    struct pelt_rng rng;
    pelt_rng_init(&rng, 7, 1);
    worker_init(&w, &rng);
    random_frame(&w, &rng, 100);
    encode(&w, &parts);
    struct pelt_registry *names = pelt_registry_new();
    struct pelt_frame *f = pelt_frame_new(NULL);
    const struct pelt_metric other = {.name = "orders", .type = PELT_METRIC_GAUGE};
    uint32_t id;
    assert_int_equal(pelt_metrics_put(pelt_registry_metrics(names), &other, &id, &err), PELT_OK);
    struct pelt_wire_into into = {.frame = f, .names = names};
    assert_int_equal(pelt_wire_frame_add(part_of(&parts, 0), &into, &err), PELT_EPARSE);
    assert_non_null(strstr(err.text, "orders"));
    assert_int_equal(pelt_frame_counts(f).started, 0);
    assert_int_equal(f->iterations, 0);
    pelt_frame_free(f);
    pelt_registry_free(names);
    parts_deinit(&parts);
    worker_deinit(&w);
}

/* ---- hostile workers ---- */

/* A histogram of the run alone in a part, built by hand. */
static enum pelt_status try_hist(const unsigned char *hist, size_t len)
{
    static const unsigned char HEAD[] = {PELT_WIRE_FRAME, 0, 14, 1 /* part */, 2 /* RUN_HIST */, 0};
    struct pelt_wire_part p;
    struct pelt_buf b;
    pelt_buf_init(&b, 0);
    pelt_buf_add(&b, HEAD, sizeof HEAD);
    pelt_buf_add(&b, hist, len);
    pelt_buf_add(&b, "", 1); /* END */
    enum pelt_status status = pelt_wire_frame_check(pelt_span(b.data, b.len), &p, &err);
    pelt_wire_part_deinit(&p);
    pelt_buf_deinit(&b);
    return status;
}

static void histograms_that_lie_are_refused(void **state)
{
    /* count, lost, min, max, clamped, bytes, counters: 2 samples of 3, one of 5 */
    static const struct {
        unsigned char bytes[24];
        size_t len;
        bool good;
    } CASES[] = {
        {{3, 0, 3, 5, 0, 3, 7, 0, 2}, 9, true},
        {{0, 7}, 2, true},                       /* only lost ones */
        {{4, 0, 3, 5, 0, 3, 7, 0, 2}, 9, false}, /* another count */
        {{2, 0, 3, 5, 0, 3, 7, 0, 2}, 9, false},
        {{3, 0, 4, 5, 0, 3, 7, 0, 2}, 9, false}, /* min */
        {{3, 0, 3, 4, 0, 3, 7, 0, 2}, 9, false}, /* max */
        {{3, 0, 3, 5, 1, 3, 7, 0, 2}, 9, false}, /* clamped, but not at the end of the range */
        {{3, 0, 3, 5, 4, 3, 7, 0, 2}, 9, false}, /* more of them than samples */
        {{3, 0, 3, 5, 0, 2, 7, 0, 2}, 9, false}, /* bytes too few */
        {{3, 0, 3, 5, 0, 9, 7, 0, 2}, 9, false}, /* too many */
        {{3, 0, 3, 5, 0, 2, 7, 0x80}, 8, false}, /* a number that is cut short */
        {{1, 0, 0, 0, 0, 3, 0xfe, 0xef, 0x02}, 9, false}, /* the last but by min and max */
        {{1, 0, 0, 0, 0, 3, 0x80, 0xf0, 0x02}, 9, false}, /* one behind the last */
        {{1, 0, 0, 0, 0, 10, 0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01},
         16,
         false},
        {{1, 0, 0, 0, 0, 2, 0x80, 0x00}, 8, false}, /* a number too long */
        {{1, 0, 0, 0, 0, 0}, 6, false},
        {{1, 9, 0, 0, 0, 1, 2}, 7, true}, /* min may be of those that were lost */
        {{1, 9, 1, 0, 0, 1, 2}, 7, false},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        enum pelt_status status = try_hist(CASES[i].bytes, CASES[i].len);
        if ((status == PELT_OK) != CASES[i].good) {
            fail_msg("case %zu: %s", i, status == PELT_OK ? "taken" : err.text);
        }
    }
}

static void parts_have_what_they_must(void **state)
{
    /* kind, flags, second 7, part, records */
    static const struct {
        unsigned char bytes[8];
        size_t len;
        bool good;
    } CASES[] = {
        {{PELT_WIRE_FRAME, 0, 14, 1, 0}, 5, true},           /* one in between, with nothing */
        {{PELT_WIRE_FRAME, 0, 14, 0, 0}, 5, false},          /* a first one without counters */
        {{PELT_WIRE_FRAME, 1, 14, 1, 0}, 5, false},          /* a last one without totals */
        {{PELT_WIRE_FRAME, 2, 14, 1, 0}, 5, false},          /* the last frame, but not its end */
        {{PELT_WIRE_FRAME, 4, 14, 1, 0}, 5, false},          /* an unknown flag */
        {{PELT_WIRE_FRAME, 0, 3, 1, 0}, 5, false},           /* second -2 */
        {{PELT_WIRE_FRAME, 0, 14, 0xe8, 0x07, 0}, 6, false}, /* part 1,000 */
        {{PELT_WIRE_FRAME, 0, 14, 1, 11, 0}, 6, false},      /* a record that is none */
        {{PELT_WIRE_FRAME, 0, 14, 1, 4 /* CHECK */, 0, 0, 0}, 8, false}, /* without an end */
        {{PELT_WIRE_EVENT, 0, 14, 1, 0}, 5, false},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        struct pelt_wire_part p;
        const struct pelt_span m = pelt_span((const char *)CASES[i].bytes, CASES[i].len);
        enum pelt_status status = pelt_wire_frame_check(m, &p, &err);
        if ((status == PELT_OK) != CASES[i].good) {
            fail_msg("case %zu: %s", i, status == PELT_OK ? "taken" : err.text);
        }
        pelt_wire_part_deinit(&p);
    }
}

/* What a worker says of one of pelt's own metrics does not become what it is for all. */
static void own_metrics_stay_what_they_are(void **state)
{
    static struct parts parts;
    struct worker w, there;
    struct pelt_rng rng;
    uint32_t id;
    pelt_rng_init(&rng, 11, 1);
    worker_init(&w, &rng);
    worker_init(&there, &rng);
    const struct pelt_metric false_one = {.name = "llm_ttft", .type = PELT_METRIC_COUNTER};
    assert_int_equal(pelt_metrics_put(pelt_registry_metrics(w.names), &false_one, &id, &err),
                     PELT_OK);
    pelt_frame_metric(w.frame, PELT_METRIC_PLAIN(id))->values = 1;
    encode(&w, &parts);
    struct pelt_wire_into into = {.frame = there.frame, .names = there.names};
    assert_int_equal(pelt_wire_frame_add(part_of(&parts, 0), &into, &err), PELT_EPARSE);
    assert_non_null(strstr(err.text, "llm_ttft"));
    assert_false(pelt_metrics_find(pelt_registry_metrics(there.names), "llm_ttft", &id));
    parts_deinit(&parts);
    worker_deinit(&w);
    worker_deinit(&there);
}

static uint64_t digest(const struct pelt_frame *f)
{
    struct pelt_counts n = pelt_frame_counts(f);
    uint64_t sum = n.started + 3 * n.ended + 5 * f->iterations + 7 * f->cpu_ns + 11 * f->flight_ns;
    for (unsigned kind = 0; kind < PELT_RUNHIST_KINDS; kind++) {
        sum += 13 * f->hist[kind].count;
    }
    for (uint32_t i = 0; i < f->requests_len; i++) {
        for (unsigned kind = 0; f->requests[i] != NULL && kind < PELT_HIST_REQUEST_KINDS; kind++) {
            sum += (17 + kind) * f->requests[i]->hist[kind].count;
        }
    }
    for (uint32_t i = 0; i < f->metrics_len; i++) {
        sum += f->metrics[i] != NULL ? 19 * f->metrics[i]->values : 0;
    }
    for (uint32_t i = 0; i < f->errors_len; i++) {
        sum += 23 * f->errors[i].e.count;
    }
    return sum;
}

static void cut_parts_add_nothing(void **state)
{
    static struct parts parts;
    struct worker w, there;
    struct pelt_rng rng;
    pelt_rng_init(&rng, 8, 1);
    worker_init(&w, &rng);
    worker_init(&there, &rng);
    random_frame(&w, &rng, 30);
    encode(&w, &parts);
    struct pelt_wire_into into = {.frame = there.frame, .names = there.names};
    struct pelt_span all = part_of(&parts, 0);
    for (size_t len = 0; len < all.len; len++) {
        char *exact = malloc(len + 1); /* so that a byte too far is seen */
        memcpy(exact, all.ptr, len);
        assert_int_equal(pelt_wire_frame_add(pelt_span(exact, len), &into, &err), PELT_EPARSE);
        free(exact);
    }
    assert_int_equal(digest(there.frame), 0);
    pelt_buf_add(&parts.part[0], "", 1);
    assert_int_equal(pelt_wire_frame_add(part_of(&parts, 0), &into, &err), PELT_EPARSE);
    parts_deinit(&parts);
    worker_deinit(&w);
    worker_deinit(&there);
}

#ifdef __SANITIZE_ADDRESS__
#define MUTATIONS 100000
#else
#define MUTATIONS 1000000
#endif

static void mutate(char *bytes, size_t *len, struct pelt_rng *rng)
{
    for (uint64_t n = 1 + pelt_rng_below(rng, 4); n > 0; n--) {
        const size_t at = pelt_rng_below(rng, *len);
        switch (pelt_rng_below(rng, 4)) {
        case 0:
            bytes[at] = (char)(bytes[at] ^ (1 << pelt_rng_below(rng, 8)));
            break;
        case 1:
            bytes[at] = (char)pelt_rng_u64(rng);
            break;
        case 2: { /* a piece is repeated elsewhere */
            const size_t to = pelt_rng_below(rng, *len), most = *len - (at > to ? at : to);
            memmove(bytes + to, bytes + at, 1 + pelt_rng_below(rng, most));
            break;
        }
        default:
            *len = 1 + pelt_rng_below(rng, *len);
        }
    }
}

/* One worker sends garbage for the most part; what the others sent stays exact, and so does what
 * was sound of its own. */
static void hostile_worker_changes_nobodys_figures(void **state)
{
    static struct parts parts, good;
    struct worker w, honest, there;
    struct pelt_rng rng;
    unsigned refused = 0, taken = 0;
    pelt_rng_init(&rng, 9, 1);
    worker_init(&w, &rng);
    worker_init(&honest, &rng);
    worker_init(&there, &rng);
    random_frame(&w, &rng, 2);
    random_frame(&honest, &rng, 500);
    encode(&w, &parts);
    encode(&honest, &good);
    struct pelt_frame *scratch = pelt_frame_new(NULL);
    struct pelt_wire_into into = {.frame = scratch, .names = there.names};
    char *bytes = malloc(parts.part[0].len);
    for (unsigned i = 0; i < MUTATIONS; i++) {
        size_t len = parts.part[0].len;
        memcpy(bytes, parts.part[0].data, len);
        mutate(bytes, &len, &rng);
        enum pelt_status status = pelt_wire_frame_add(pelt_span(bytes, len), &into, &err);
        assert_true(status == PELT_OK || status == PELT_EPARSE);
        if (status == PELT_EPARSE) {
            if (i % 16 == 0) { /* what had been added would still be there */
                assert_int_equal(digest(scratch), 0);
            }
            assert_true(err.text[0] != '\0' && strchr(err.text, '\n') == NULL);
            refused++;
        } else {
            taken++;
            pelt_frame_reset(scratch);
        }
    }
    assert_true(refused > MUTATIONS / 2);
    free(bytes);
    /* The honest one's second, with the names that the other left behind. */
    into.frame = there.frame;
    decode(&good, &into);
    assert_same(honest.frame, honest.names, there.frame, there.names);
    print_message("%u refused, %u were sound\n", refused, taken);
    pelt_frame_free(scratch);
    parts_deinit(&parts);
    parts_deinit(&good);
    worker_deinit(&w);
    worker_deinit(&honest);
    worker_deinit(&there);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(merged_is_what_one_sum_of_all_would_be),
        cmocka_unit_test(empty_second_is_a_part),
        cmocka_unit_test(part_tells_what_a_second_has_beside),
        cmocka_unit_test(large_second_is_split),
        cmocka_unit_test(threads_of_kept_exchanges_are_told_apart),
        cmocka_unit_test(metric_of_another_kind_is_refused),
        cmocka_unit_test(histograms_that_lie_are_refused),
        cmocka_unit_test(parts_have_what_they_must),
        cmocka_unit_test(own_metrics_stay_what_they_are),
        cmocka_unit_test(cut_parts_add_nothing),
        cmocka_unit_test(hostile_worker_changes_nobodys_figures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
