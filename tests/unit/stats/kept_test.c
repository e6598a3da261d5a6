/* kept: the slowest exchanges of a run are the same however its threads and seconds are added up.
 */
#include "test.h"

#include <stdlib.h>
#include <string.h>

#include "pelt/recorder.h"
#include "pelt/rng.h"

#define S       PELT_NS_PER_S
#define START   (1000 * S)
#define THREADS 3
#define SECONDS 20
#define NAMES   4
#define EVENTS  6000

static struct pelt_frame *frames[THREADS * (SECONDS + 2)];
static unsigned frames_len;

static struct pelt_frame *on_turn(void *arg, struct pelt_frame *full)
{
    frames[frames_len++] = full;
    return pelt_frame_new(NULL);
}

static void describe(const void *of, struct pelt_kept *k)
{
    k->has_user = true;
    k->user = *(const uint64_t *)of;
    snprintf(k->id, sizeof k->id, "%032llx", (unsigned long long)k->user);
}

static struct pelt_sample sample(uint64_t response_ns, uint64_t done_ns, const uint64_t *number)
{
    return (struct pelt_sample){.outcome = PELT_OUTCOME_OK,
                                .sent = true,
                                .answered = true,
                                .done_ns = done_ns,
                                .response_ns = response_ns,
                                .service_ns = response_ns / 2,
                                .blocked_ns = response_ns / 2,
                                .dns_ns = PELT_NEVER,
                                .connect_ns = PELT_NEVER,
                                .tls_ns = PELT_NEVER,
                                .send_ns = PELT_NEVER,
                                .wait_ns = response_ns / 4,
                                .receive_ns = response_ns / 4,
                                .of = number};
}

/* All exchanges, to be sorted; many of them take equally long. */
static struct pelt_kept all[EVENTS];

static int by_order(const void *a, const void *b)
{
    return pelt_kept_compare(a, b);
}

static void record_all(struct pelt_recorder recorders[THREADS])
{
    struct pelt_rng rng;
    pelt_rng_init(&rng, 11, 0);
    for (uint64_t i = 0; i < EVENTS; i++) {
        const uint64_t now_ns = START + i * (SECONDS * S / EVENTS);
        const uint32_t series = 1 + (uint32_t)pelt_rng_below(&rng, NAMES);
        const unsigned thread = (unsigned)pelt_rng_below(&rng, THREADS);
        const uint64_t rising = i * 100 * (series == 2); /* one name gets slower all the time */
        const struct pelt_sample s =
            sample(1000 * (1 + pelt_rng_below(&rng, 500)) + rising, now_ns, &i);
        pelt_recorder_started(&recorders[thread], series, now_ns - s.response_ns, now_ns);
        pelt_recorder_ended(&recorders[thread], series, &s);
        all[i] = (struct pelt_kept){.series = series,
                                    .thread = (uint16_t)thread,
                                    .done_ns = now_ns - START,
                                    .response_ns = s.response_ns,
                                    .user = i};
        describe(&i, &all[i]);
    }
    for (unsigned t = 0; t < THREADS; t++) {
        frames[frames_len++] = recorders[t].frame;
    }
    qsort(all, EVENTS, sizeof *all, by_order);
}

static void assert_slowest(const struct pelt_frame *sum)
{
    assert_int_equal(sum->slowest_len, PELT_KEPT_OF_RUN);
    for (unsigned i = 0; i < PELT_KEPT_OF_RUN; i++) {
        assert_int_equal(pelt_kept_compare(&sum->slowest[i], &all[i]), 0);
    }
    for (uint32_t series = 1; series <= NAMES; series++) {
        const struct pelt_slowest_frame *of = sum->requests[series]->slowest;
        unsigned at = 0;
        assert_int_equal(of->len, PELT_KEPT_OF_NAME);
        for (unsigned i = 0; i < EVENTS && at < PELT_KEPT_OF_NAME; i++) {
            if (all[i].series == series) {
                assert_int_equal(pelt_kept_compare(&of->list[at++], &all[i]), 0);
            }
        }
        assert_int_equal(at, PELT_KEPT_OF_NAME);
    }
}

static void the_slowest_of_a_run_are_exact_in_any_order_of_adding(void **state)
{
    struct pelt_recorder *recorders = calloc(THREADS, sizeof *recorders);
    frames_len = 0;
    for (unsigned t = 0; t < THREADS; t++) {
        struct pelt_frame *first = pelt_frame_new(NULL);
        first->thread = (uint16_t)t;
        pelt_recorder_init(&recorders[t], first, START, on_turn, NULL);
        recorders[t].describe = describe;
    }
    record_all(recorders);
    assert_in_range(frames_len, THREADS * (SECONDS - 1), THREADS * (SECONDS + 1));
    struct pelt_frame *forth = pelt_frame_new(NULL), *back = pelt_frame_new(NULL);
    for (unsigned i = 0; i < frames_len; i++) {
        assert_int_equal(pelt_frame_add(forth, frames[i]), PELT_OK);
        assert_int_equal(pelt_frame_add(back, frames[frames_len - 1 - i]), PELT_OK);
    }
    assert_slowest(forth);
    assert_slowest(back);
    for (unsigned i = 0; i < frames_len; i++) {
        pelt_frame_free(frames[i]);
    }
    pelt_frame_free(forth);
    pelt_frame_free(back);
    free(recorders);
}

/* What is asked of a frame that nothing is turned of. */
struct alone {
    struct pelt_recorder r;
    struct pelt_frame *frame;
};

static struct alone *alone_new(int32_t second)
{
    struct alone *a = calloc(1, sizeof *a);
    a->frame = pelt_frame_new(NULL);
    a->frame->second = second;
    pelt_recorder_init(&a->r, a->frame, START, NULL, NULL);
    a->r.describe = describe;
    return a;
}

static void alone_free(struct alone *a)
{
    pelt_frame_free(a->frame);
    free(a);
}

static void nothing_slow_is_kept_of_setup(void **state)
{
    struct alone *a = alone_new(-1);
    uint64_t number = 7;
    const struct pelt_sample s = sample(S, START + S, &number);
    pelt_recorder_ended(&a->r, 1, &s);
    assert_int_equal(a->frame->slowest_len, 0);
    assert_null(a->frame->requests[1]->slowest);
    alone_free(a);
}

static void the_first_failed_one_of_a_class_is_kept_and_is_no_slow_one(void **state)
{
    struct alone *a = alone_new(0);
    for (uint64_t number = 1; number < 4; number++) {
        struct pelt_sample s = sample(number * S, START + 10 * S + number, &number);
        s.outcome = PELT_OUTCOME_TIMEOUT;
        s.answered = false;
        pelt_recorder_ended(&a->r, 1, &s);
    }
    const struct pelt_error_frame *e = pelt_frame_find_error(a->frame, 1, PELT_OUTCOME_TIMEOUT);
    assert_true(e->has_exchange);
    assert_int_equal(e->exchange.user, 1);
    assert_int_equal(e->exchange.response_ns, S);
    assert_int_equal(pelt_kept_due_ns(&e->exchange), 9 * S + 1);
    assert_string_equal(e->exchange.id, "00000000000000000000000000000001");
    assert_int_equal(a->frame->slowest_len, 0);
    alone_free(a);
}

static void of_equally_slow_ones_the_first_stay(void **state)
{
    struct alone *a = alone_new(0);
    for (uint64_t number = 0; number < 50; number++) {
        const struct pelt_sample s = sample(S, START + S + number, &number);
        pelt_recorder_ended(&a->r, 1, &s);
    }
    for (unsigned i = 0; i < PELT_KEPT_OF_RUN; i++) {
        assert_int_equal(a->frame->slowest[i].user, i);
    }
    assert_int_equal(a->frame->requests[1]->slowest->list[2].user, 2);
    alone_free(a);
}

static void a_folded_name_takes_its_slowest_with_it(void **state)
{
    struct alone *a = alone_new(0);
    for (uint64_t number = 0; number < 2; number++) {
        const struct pelt_sample s = sample(S + number, START + 2 * S, &number);
        pelt_recorder_ended(&a->r, 1 + (uint32_t)number, &s);
    }
    pelt_frame_fold(a->frame, 1);
    pelt_frame_fold(a->frame, 2);
    const struct pelt_slowest_frame *of = a->frame->requests[PELT_SERIES_OTHER]->slowest;
    assert_int_equal(of->len, 2);
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(of->list[i].series, PELT_SERIES_OTHER);
        assert_int_equal(a->frame->slowest[i].series, PELT_SERIES_OTHER);
        assert_int_equal(of->list[i].user, 1 - i);
    }
    alone_free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_slowest_of_a_run_are_exact_in_any_order_of_adding),
        cmocka_unit_test(nothing_slow_is_kept_of_setup),
        cmocka_unit_test(the_first_failed_one_of_a_class_is_kept_and_is_no_slow_one),
        cmocka_unit_test(of_equally_slow_ones_the_first_stay),
        cmocka_unit_test(a_folded_name_takes_its_slowest_with_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
