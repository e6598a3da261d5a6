/*
 * stats under want of memory: each flow runs again and again while the first, second, third ...
 * allocation fails, until none does. Nothing may crash, nothing may leak (LeakSanitizer looks on in
 * the asan build), and what was lost is said.
 */
#include "test.h"

#include <string.h>

#include "failing_malloc.h"
#include "pelt/hist_codec.h"
#include "pelt/recorder.h"

typedef void (*flow_fn)(void);

/* Runs `flow` with each of its allocations failing in turn; returns how many it has. */
static long fail_each(flow_fn flow)
{
    for (long n = 0;; n++) {
        failing_malloc_at = n;
        flow();
        bool reached = failing_malloc_at < 0;
        failing_malloc_at = -1;
        if (!reached) {
            return n;
        }
        assert_true(n < 100000);
    }
}

/* What must not fail: made while no failure is due. */
static struct pelt_frame *filled_frame(void)
{
    long due = failing_malloc_at;
    failing_malloc_at = -1;
    struct pelt_frame *f = pelt_frame_new(NULL);
    for (uint32_t series = 0; series < 20; series++) {
        struct pelt_request_frame *r = pelt_frame_request(f, series);
        for (uint64_t us = 1; us < 100000000; us *= 3) {
            pelt_hist_record_n(&r->hist[PELT_HIST_RESPONSE], &f->pool, us, series + 1);
        }
        r->started = 1;
        pelt_frame_check(f, series)->failed = 1;
    }
    failing_malloc_at = due;
    return f;
}

static uint64_t in_hist(const struct pelt_frame *f)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < f->requests_len; i++) {
        if (f->requests[i] != NULL) {
            const struct pelt_hist *h = &f->requests[i]->hist[PELT_HIST_RESPONSE];
            sum += h->count + h->lost;
        }
    }
    return sum;
}

static void add_frames(void)
{
    struct pelt_frame *from = filled_frame();
    struct pelt_frame *into = pelt_frame_new(NULL);
    if (into != NULL) {
        enum pelt_status status = pelt_frame_add(into, from);
        assert_true(status == PELT_OK || status == PELT_ENOMEM);
        if (status == PELT_OK) { /* no sample disappears: counted or lost */
            assert_int_equal(in_hist(into), in_hist(from));
        }
        pelt_frame_reset(into);
        pelt_frame_free(into);
    }
    pelt_frame_free(from);
}

static void encode_and_decode(void)
{
    struct pelt_frame *f = filled_frame();
    struct pelt_buf out;
    struct pelt_hist back = {0};
    struct pelt_hist_pool pool;
    const struct pelt_hist *h = &f->requests[3]->hist[PELT_HIST_RESPONSE];
    pelt_buf_init(&out, 0);
    pelt_hist_pool_init(&pool, NULL);
    enum pelt_status status = pelt_hist_encode(h, &out);
    assert_true(status == PELT_OK || status == PELT_ENOMEM || status == PELT_ELIMIT);
    if (status == PELT_OK) {
        status = pelt_hist_decode_add(&back, &pool, pelt_span(out.data, out.len), 1, NULL);
        assert_true(status == PELT_OK || status == PELT_ENOMEM);
        assert_int_equal(back.count + back.lost, status == PELT_OK ? h->count : 0);
    }
    pelt_hist_pool_deinit(&pool);
    pelt_buf_deinit(&out);
    pelt_frame_free(f);
}

static void record_events(void)
{
    static const struct pelt_sample SAMPLE = {.outcome = PELT_OUTCOME_TIMEOUT,
                                              .sent = true,
                                              .answered = true,
                                              .dns_ns = PELT_NEVER,
                                              .connect_ns = 5,
                                              .tls_ns = PELT_NEVER};
    struct pelt_frame *f = pelt_frame_new(NULL);
    if (f == NULL) {
        return;
    }
    struct pelt_recorder r;
    pelt_recorder_init(&r, f, 0, NULL, NULL);
    uint64_t events = 0;
    for (uint32_t series = 0; series < 20; series++) {
        pelt_recorder_started(&r, series, 0, 0);
        pelt_recorder_ended(&r, series, &SAMPLE);
        pelt_recorder_check(&r, series, true, 0);
        events += 3;
    }
    uint64_t seen = f->lost;
    for (uint32_t i = 0; i < f->requests_len; i++) {
        if (f->requests[i] != NULL) {
            seen += f->requests[i]->started + f->requests[i]->outcomes[PELT_OUTCOME_TIMEOUT];
        }
    }
    for (uint32_t i = 0; i < f->checks_len; i++) {
        seen += f->checks[i].passed;
    }
    assert_int_equal(seen, events);
    pelt_frame_free(f);
}

static void name_things(void)
{
    struct pelt_registry *reg = pelt_registry_new();
    if (reg == NULL) {
        return;
    }
    uint32_t first = pelt_registry_intern(reg, PELT_NAME_REQUEST, pelt_span_of("a"));
    uint32_t again = pelt_registry_intern(reg, PELT_NAME_REQUEST, pelt_span_of("a"));
    assert_true(again == 1);
    assert_int_equal(pelt_registry_refused(reg, PELT_NAME_REQUEST), first == 0);
    pelt_registry_free(reg);
}

static void adding_frames_survives_each_failing_allocation(void **state)
{
    assert_true(fail_each(add_frames) > 20);
}

static void encoding_and_decoding_survive_each_failing_allocation(void **state)
{
    assert_true(fail_each(encode_and_decode) >= 3);
}

static void recorded_events_are_counted_or_lost_never_gone(void **state)
{
    assert_true(fail_each(record_events) > 20);
}

static void naming_survives_each_failing_allocation(void **state)
{
    assert_true(fail_each(name_things) >= 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(adding_frames_survives_each_failing_allocation),
        cmocka_unit_test(encoding_and_decoding_survive_each_failing_allocation),
        cmocka_unit_test(recorded_events_are_counted_or_lost_never_gone),
        cmocka_unit_test(naming_survives_each_failing_allocation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
