/*
 * wire and bus under want of memory: each flow runs again and again while its first, second, third
 * ... allocation fails, until none does. Nothing may crash or leak, and each failure is told.
 */
#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "failing_malloc.h"
#include "pelt/bus.h"
#include "pelt/bus_acl.h"
#include "pelt/spool.h"
#include "pelt/wire_frame.h"
#include "pelt/wire_hello.h"
#include "pelt/wire_order.h"

typedef bool (*flow_fn)(void); /* true: all went well */

static long fail_each(flow_fn flow)
{
    for (long n = 0;; n++) {
        failing_malloc_at = n;
        const bool good = flow();
        const bool reached = failing_malloc_at < 0;
        failing_malloc_at = -1;
        if (!reached) {
            assert_true(good);
            return n;
        }
        assert_false(good);
        assert_true(n < 100000);
    }
}

/* ---- frames: what must not fail is made while no failure is due ---- */

static struct pelt_registry *names;
static struct pelt_frame *frame;
static struct pelt_buf part;

static enum pelt_status keep_part(void *arg, uint32_t i, struct pelt_span bytes)
{
    pelt_buf_reset(&part);
    return pelt_buf_add(&part, bytes.ptr, bytes.len);
}

static bool encode(void)
{
    const struct pelt_wire_totals totals = {0};
    const struct pelt_wire_thread thread = {.thread = 1};
    const struct pelt_wire_second s = {
        .frame = frame, .names = names, .totals = &totals, .threads = &thread, .threads_len = 1};
    enum pelt_status status = pelt_wire_frame_encode(&s, keep_part, NULL);
    assert_true(status == PELT_OK || status == PELT_ENOMEM);
    return status == PELT_OK;
}

static void make_frame(void)
{
    static const struct pelt_metric think = {.name = "think", .type = PELT_METRIC_TREND};
    names = pelt_registry_new();
    frame = pelt_frame_new(NULL);
    uint32_t metric, id = pelt_registry_intern(names, PELT_NAME_REQUEST, pelt_span_of("GET /"));
    struct pelt_request_frame *r = pelt_frame_request(frame, id);
    for (uint64_t us = 1; us < 1000000; us += 977) {
        pelt_hist_record(&r->hist[PELT_HIST_RESPONSE], &frame->pool, us);
        r->outcomes[PELT_OUTCOME_OK]++;
        r->started++;
    }
    const struct pelt_kept k = {.series = id};
    assert_int_equal(pelt_frame_slow(frame, &k), PELT_OK);
    pelt_frame_check(frame, 1)->passed = 1;
    (void)pelt_registry_intern(names, PELT_NAME_CHECK, pelt_span_of("c"));
    assert_int_equal(pelt_metrics_put(pelt_registry_metrics(names), &think, &metric, NULL),
                     PELT_OK);
    struct pelt_metric_frame *m = pelt_frame_metric(
        frame, pelt_metrics_series(pelt_registry_metrics(names), metric, "a=b", NULL));
    m->values = 1;
    pelt_hist_record(&m->hist, &frame->pool, 5);
    assert_true(encode());
}

static bool check(void)
{
    struct pelt_wire_part p;
    enum pelt_status status = pelt_wire_frame_check(pelt_span(part.data, part.len), &p, NULL);
    assert_true(status == PELT_OK || status == PELT_ENOMEM);
    pelt_wire_part_deinit(&p);
    return status == PELT_OK;
}

/* What finds no memory is counted as lost, wherever it would have gone. */
static bool add(void)
{
    const long due = failing_malloc_at;
    failing_malloc_at = -1;
    struct pelt_registry *there = pelt_registry_new();
    struct pelt_frame *sum = pelt_frame_new(NULL);
    struct pelt_wire_into into = {.frame = sum, .names = there};
    failing_malloc_at = due;
    enum pelt_status status = pelt_wire_frame_add(pelt_span(part.data, part.len), &into, NULL);
    const bool refused = pelt_registry_refused(there, PELT_NAME_REQUEST) +
                             pelt_registry_refused(there, PELT_NAME_CHECK) +
                             pelt_metrics_refused(pelt_registry_metrics(there)) >
                         0; /* it went to _other */
    const bool lost = pelt_frame_lost(sum) > 0;
    const struct pelt_counts n = pelt_frame_counts(sum), all = pelt_frame_counts(frame);
    assert_true(status == PELT_OK || status == PELT_ENOMEM);
    assert_true(n.started == all.started || lost || status == PELT_ENOMEM);
    pelt_frame_free(sum);
    pelt_registry_free(there);
    return status == PELT_OK && !lost && !refused;
}

static void frames_survive_want_of_memory(void **state)
{
    make_frame();
    assert_true(fail_each(encode) > 2);
    assert_true(encode());
    assert_true(fail_each(check) > 0);
    assert_true(fail_each(add) > 5);
    pelt_buf_deinit(&part);
    pelt_frame_free(frame);
    pelt_registry_free(names);
}

/* ---- orders ---- */

static bool order(void)
{
    static const struct pelt_run_key key = {{1}};
    struct pelt_order o = {.kind = PELT_ORDER_PLAN}, back = {.kind = PELT_ORDER_PLAN};
    struct pelt_buf b;
    pelt_buf_init(&b, 0);
    o.plan.slots = 3;
    o.text = strdup("why");
    bool good =
        o.text != NULL && pelt_order_set(&o.plan, "k", "v", NULL) == PELT_OK &&
        pelt_parcel_add(&o.plan.files, pelt_span_of("f"), pelt_span_of("x"), NULL) == PELT_OK &&
        pelt_order_encode(&o, "r", &key, &b, NULL) == PELT_OK;
    if (good) {
        enum pelt_status status =
            pelt_order_decode(pelt_span(b.data, b.len), "r", &key, &back, NULL);
        assert_true(status == PELT_OK || status == PELT_ENOMEM);
        good = status == PELT_OK;
    }
    pelt_order_deinit(&o);
    pelt_order_deinit(&back);
    pelt_buf_deinit(&b);
    return good;
}

static void orders_survive_want_of_memory(void **state)
{
    assert_true(fail_each(order) > 8);
}

/* ---- the bus' options, the spool ---- */

static bool bus(void)
{
    static const struct pelt_bus_options options = {.url = "redis://u:p@127.0.0.1:1/2"};
    struct pelt_bus *b = NULL;
    enum pelt_status status = pelt_bus_new(&options, &b, NULL);
    assert_true(status == PELT_OK || (status == PELT_ENOMEM && b == NULL));
    pelt_bus_free(b);
    struct pelt_buf rules;
    pelt_buf_init(&rules, 0);
    bool good = pelt_bus_acl(PELT_BUS_WORKER, "r", &rules) == PELT_OK;
    pelt_buf_deinit(&rules);
    return good && status == PELT_OK;
}

static void bus_survives_want_of_memory(void **state)
{
    assert_true(fail_each(bus) > 5);
}

static bool spool(void)
{
    static const struct pelt_spool_owner owner = {"r", 1, "0123456789abcdef"};
    char path[64];
    struct pelt_spool *s = NULL;
    snprintf(path, sizeof path, "/tmp/pelt-spool-memory-%d", (int)getpid());
    enum pelt_status status = pelt_spool_create(path, &owner, &s, NULL);
    bool good = status == PELT_OK &&
                pelt_spool_add(s, (struct pelt_spool_id){1, 1}, pelt_span("x", 1)) == PELT_OK;
    pelt_spool_free(s);
    if (good) {
        good = pelt_spool_recover(path, &s, NULL) == PELT_OK;
        pelt_spool_remove(s);
    }
    unlink(path);
    return good;
}

static void spool_survives_want_of_memory(void **state)
{
    assert_true(fail_each(spool) > 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frames_survive_want_of_memory),
        cmocka_unit_test(orders_survive_want_of_memory),
        cmocka_unit_test(bus_survives_want_of_memory),
        cmocka_unit_test(spool_survives_want_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
