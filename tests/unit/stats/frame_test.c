/* frame: parts on demand, reuse after a reset, and sums that lose nothing. */
#include "test.h"

#include <string.h>

#include "pelt/frame.h"
#include "pelt/rng.h"

#define SERIES  40
#define CHECKS  12
#define EVENTS  5000
#define THREADS 3

static struct pelt_frame *new_frame(void)
{
    struct pelt_frame *f = pelt_frame_new(NULL);
    assert_non_null(f);
    return f;
}

/* One random event of any kind into `f`. */
static void random_event(struct pelt_frame *f, struct pelt_rng *rng)
{
    struct pelt_request_frame *r = pelt_frame_request(f, (uint32_t)pelt_rng_below(rng, SERIES));
    struct pelt_check_frame *c = pelt_frame_check(f, (uint32_t)pelt_rng_below(rng, CHECKS));
    assert_non_null(r);
    assert_non_null(c);
    r->started += pelt_rng_below(rng, 2);
    r->outcomes[pelt_rng_below(rng, PELT_OUTCOME_COUNT)]++;
    r->bytes_sent += pelt_rng_below(rng, 500);
    r->bytes_received += pelt_rng_below(rng, 5000);
    pelt_hist_record_n(&r->hist[pelt_rng_below(rng, PELT_HIST_REQUEST_KINDS)], &f->pool,
                       pelt_rng_below(rng, 100000), 1);
    c->passed += pelt_rng_below(rng, 2);
    c->failed += pelt_rng_below(rng, 2);
    pelt_hist_record_n(&f->hist[pelt_rng_below(rng, PELT_RUNHIST_KINDS)], &f->pool,
                       pelt_rng_below(rng, 5000), 1);
    f->iterations++;
    f->script_errors += pelt_rng_below(rng, 2);
    f->planned += 2;
    f->dropped++;
    f->cpu_ns += 70;
    f->spin_ns += 7;
    f->run_wait_ns += 3;
    f->run_wait_unread += 1;
    f->lua_looks += 20;
    f->lua_seen += 2;
    f->flight_ns -= 11; /* a second alone may be below 0 */
    f->unanswered_ns += 13;
    f->lost += pelt_rng_below(rng, 2);
}

static void assert_same_hist(const struct pelt_hist *a, const struct pelt_hist *b)
{
    assert_int_equal(a->count, b->count);
    assert_int_equal(a->min_us * (a->count > 0), b->min_us * (a->count > 0));
    assert_int_equal(a->max_us * (a->count > 0), b->max_us * (a->count > 0));
    for (double p = 1; p <= 100; p += 1) {
        assert_int_equal(pelt_hist_percentile_us(a, p), pelt_hist_percentile_us(b, p));
    }
}

static void assert_same_request(struct pelt_frame *a, struct pelt_frame *b, uint32_t series)
{
    struct pelt_request_frame *x = pelt_frame_request(a, series);
    struct pelt_request_frame *y = pelt_frame_request(b, series);
    assert_int_equal(x->started, y->started);
    assert_memory_equal(x->outcomes, y->outcomes, sizeof x->outcomes);
    assert_int_equal(x->bytes_sent, y->bytes_sent);
    assert_int_equal(x->bytes_received, y->bytes_received);
    for (unsigned kind = 0; kind < PELT_HIST_REQUEST_KINDS; kind++) {
        assert_same_hist(&x->hist[kind], &y->hist[kind]);
    }
}

static void frames_of_threads_added_equal_one_frame_of_all(void **state)
{
    struct pelt_frame *whole = new_frame(), *sum = new_frame();
    for (unsigned t = 0; t < THREADS; t++) {
        struct pelt_frame *part = new_frame();
        struct pelt_rng mine, again;
        pelt_rng_init(&mine, 11, t);
        pelt_rng_init(&again, 11, t);
        for (unsigned i = 0; i < EVENTS; i++) {
            random_event(part, &mine);
            random_event(whole, &again);
        }
        assert_int_equal(pelt_frame_add(sum, part), PELT_OK);
        pelt_frame_free(part);
    }
    for (uint32_t series = 0; series < SERIES; series++) {
        assert_same_request(sum, whole, series);
    }
    for (unsigned kind = 0; kind < PELT_RUNHIST_KINDS; kind++) {
        assert_same_hist(&sum->hist[kind], &whole->hist[kind]);
    }
    for (uint32_t check = 0; check < CHECKS; check++) {
        assert_memory_equal(pelt_frame_check(sum, check), pelt_frame_check(whole, check),
                            sizeof(struct pelt_check_frame));
    }
    assert_int_equal(sum->iterations, whole->iterations);
    assert_int_equal(sum->script_errors, whole->script_errors);
    assert_int_equal(sum->planned, whole->planned);
    assert_int_equal(sum->dropped, whole->dropped);
    assert_int_equal(sum->cpu_ns, whole->cpu_ns);
    assert_int_equal(sum->spin_ns, whole->spin_ns);
    assert_int_equal(sum->run_wait_ns, whole->run_wait_ns);
    assert_int_equal(sum->run_wait_unread, whole->run_wait_unread);
    assert_int_equal(sum->lua_looks, whole->lua_looks);
    assert_int_equal(sum->lua_seen, whole->lua_seen);
    assert_int_equal(sum->flight_ns, whole->flight_ns);
    assert_int_equal(sum->unanswered_ns, whole->unanswered_ns);
    assert_int_equal(sum->lost, whole->lost);
    pelt_frame_free(whole);
    pelt_frame_free(sum);
}

static void gauges_add_and_labels_stay(void **state)
{
    struct pelt_frame *into = new_frame(), *from = new_frame();
    into->second = 7;
    into->thread = 1;
    into->users = 10;
    from->second = 8;
    from->thread = 2;
    from->last = true;
    from->users = 5;
    from->waiting = 3;
    into->slots[2] = (struct pelt_slot){.started = 4, .ended = 3, .waiting = 1};
    from->slots[2] = (struct pelt_slot){.started = 1, .ended = 2, .waiting = -5};
    assert_int_equal(pelt_frame_add(into, from), PELT_OK);
    assert_int_equal(into->users, 15);
    assert_int_equal(into->waiting, 3);
    assert_int_equal(into->slots[2].started, 5);
    assert_int_equal(into->slots[2].ended, 5);
    assert_int_equal(into->slots[2].waiting, -4);
    assert_int_equal(into->second, 7);
    assert_int_equal(into->thread, 1);
    assert_false(into->last);
    pelt_frame_free(into);
    pelt_frame_free(from);
}

static void untouched_series_stay_absent(void **state)
{
    struct pelt_frame *into = new_frame(), *from = new_frame();
    pelt_frame_request(from, 5)->started = 1;
    assert_int_equal(pelt_frame_add(into, from), PELT_OK);
    for (uint32_t i = 0; i < into->requests_len; i++) {
        assert_int_equal(into->requests[i] != NULL, i == 5);
    }
    pelt_frame_free(into);
    pelt_frame_free(from);
}

static void all_that_is_missing_in_a_frame_is_counted(void **state)
{
    struct pelt_frame *f = new_frame();
    assert_int_equal(pelt_frame_lost(f), 0);
    f->lost = 1;
    f->hist[PELT_RUNHIST_LOOP_LAG].lost = 2;
    pelt_frame_request(f, 5)->hist[PELT_HIST_RECEIVE].lost = 4;
    assert_int_equal(pelt_frame_lost(f), 7);
    pelt_frame_free(f);
}

static void an_error_is_found_by_its_series_and_outcome(void **state)
{
    struct pelt_frame *f = new_frame();
    pelt_frame_error(f, 1, PELT_OUTCOME_RESET, 5, "one");
    pelt_frame_error(f, 2, PELT_OUTCOME_RESET, 5, "two");
    assert_string_equal(pelt_frame_find_error(f, 2, PELT_OUTCOME_RESET)->sample, "two");
    assert_null(pelt_frame_find_error(f, 2, PELT_OUTCOME_TIMEOUT));
    pelt_frame_free(f);
}

static void a_reset_frame_is_empty_and_reuses_its_memory(void **state)
{
    struct pelt_frame *f = new_frame();
    struct pelt_rng rng;
    pelt_rng_init(&rng, 12, 0);
    for (unsigned i = 0; i < EVENTS; i++) {
        random_event(f, &rng);
    }
    pelt_frame_error(f, 1, PELT_OUTCOME_RESET, 5, "x");
    f->second = 9;
    f->last = true;
    size_t bytes = f->pool.bytes;
    struct pelt_request_frame *first = pelt_frame_request(f, 0);
    pelt_frame_reset(f);
    assert_int_equal(f->iterations + f->planned + f->errors_len + f->last + f->second, 0);
    assert_int_equal(f->hist[PELT_RUNHIST_ITERATION].count, 0);
    for (uint32_t i = 0; i < f->requests_len; i++) {
        assert_null(f->requests[i]);
    }
    bool reused = false;
    for (uint32_t i = 0; i < SERIES; i++) {
        struct pelt_request_frame *r = pelt_frame_request(f, i);
        reused = reused || r == first;
        assert_int_equal(r->started + r->bytes_sent + r->hist[0].count, 0);
        assert_null(r->next_spare);
    }
    assert_true(reused);
    assert_int_equal(pelt_frame_check(f, 3)->passed, 0);
    pelt_rng_init(&rng, 12, 0);
    for (unsigned i = 0; i < EVENTS; i++) {
        random_event(f, &rng);
    }
    assert_int_equal(f->pool.bytes, bytes);
    pelt_frame_free(f);
}

static void a_frames_memory_counts_in_its_quota_until_it_is_freed(void **state)
{
    struct pelt_quota quota;
    struct pelt_rng rng;
    pelt_quota_init(&quota, 1); /* spent by the first part: what is there grows nevertheless */
    struct pelt_frame *f = pelt_frame_new(&quota);
    pelt_rng_init(&rng, 13, 0);
    for (unsigned i = 0; i < EVENTS; i++) {
        random_event(f, &rng);
    }
    pelt_frame_metric(f, 7)->values = 1;
    assert_true(pelt_quota_spent(&quota));
    const size_t parts =
        SERIES * sizeof(struct pelt_request_frame) + sizeof(struct pelt_metric_frame);
    assert_int_equal(pelt_quota_used(&quota), f->pool.bytes + parts);
    f->lost = 0;
    assert_int_equal(pelt_frame_lost(f), 0);
    pelt_frame_reset(f); /* spare parts and slabs are still there */
    assert_int_equal(pelt_quota_used(&quota), f->pool.bytes + parts);
    pelt_frame_free(f);
    assert_int_equal(pelt_quota_used(&quota), 0);
}

static void equal_errors_keep_count_span_and_the_first_sample(void **state)
{
    struct pelt_frame *f = new_frame();
    pelt_frame_error(f, 3, PELT_OUTCOME_RESET, 20, "second");
    pelt_frame_error(f, 3, PELT_OUTCOME_RESET, 10, "first");
    pelt_frame_error(f, 3, PELT_OUTCOME_RESET, 30, "third");
    pelt_frame_error(f, 3, PELT_OUTCOME_TIMEOUT, 5, "other class");
    assert_int_equal(f->errors_len, 2);
    assert_int_equal(f->errors[0].e.count, 3);
    assert_int_equal(f->errors[0].e.first_ns, 10);
    assert_int_equal(f->errors[0].e.last_ns, 30);
    assert_string_equal(f->errors[0].e.sample, "first");
    pelt_frame_free(f);
}

static void merged_errors_keep_the_earliest_sample_in_any_order(void **state)
{
    for (int swapped = 0; swapped < 2; swapped++) {
        struct pelt_frame *early = new_frame(), *late = new_frame(), *sum = new_frame();
        pelt_frame_error(early, 1, PELT_OUTCOME_RESET, 100, "early");
        pelt_frame_error(late, 1, PELT_OUTCOME_RESET, 200, "late");
        pelt_frame_error(late, 1, PELT_OUTCOME_RESET, 300, "later");
        assert_int_equal(pelt_frame_add(sum, swapped ? late : early), PELT_OK);
        assert_int_equal(pelt_frame_add(sum, swapped ? early : late), PELT_OK);
        assert_int_equal(sum->errors_len, 1);
        assert_int_equal(sum->errors[0].e.count, 3);
        assert_int_equal(sum->errors[0].e.first_ns, 100);
        assert_int_equal(sum->errors[0].e.last_ns, 300);
        assert_string_equal(sum->errors[0].e.sample, "early");
        pelt_frame_free(early);
        pelt_frame_free(late);
        pelt_frame_free(sum);
    }
}

static void distinct_errors_are_bounded_and_old_ones_still_count(void **state)
{
    struct pelt_frame *f = new_frame(), *sum = new_frame();
    for (uint32_t i = 0; i < PELT_FRAME_ERRORS + 10; i++) {
        pelt_frame_error(f, i, PELT_OUTCOME_TIMEOUT, i, "slow");
    }
    pelt_frame_error(f, 0, PELT_OUTCOME_TIMEOUT, 99, "slow");
    assert_int_equal(f->errors_len, PELT_FRAME_ERRORS);
    assert_int_equal(f->errors[0].e.count, 2);
    pelt_frame_error(sum, 900, PELT_OUTCOME_RESET, 1, "there before");
    assert_int_equal(pelt_frame_add(sum, f), PELT_OK);
    assert_int_equal(sum->errors_len, PELT_FRAME_ERRORS);
    pelt_frame_free(f);
    pelt_frame_free(sum);
}

static void long_samples_are_cut(void **state)
{
    struct pelt_frame *f = new_frame();
    char text[400];
    memset(text, 'z', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    pelt_frame_error(f, 0, PELT_OUTCOME_CONNECT, 0, text);
    assert_int_equal(strlen(f->errors[0].e.sample), sizeof f->errors[0].e.sample - 1);
    pelt_frame_free(f);
}

/* The same values on one frame, and on two that are added in either order. */
static void metrics_of_threads_add_exactly(void **state)
{
    struct pelt_frame *one = new_frame(), *two = new_frame(), *sum = new_frame();
    struct pelt_metric_frame *a = pelt_frame_metric(one, 3), *b = pelt_frame_metric(two, 3);
    *a = (struct pelt_metric_frame){
        .values = 2, .sum = 5, .at_ns = 70, .last = 1, .min = -2, .max = 1};
    *b = (struct pelt_metric_frame){
        .values = 1, .sum = PELT_METRIC_SUM_MAX - 1, .at_ns = 60, .last = 9, .min = 9, .max = 9};
    pelt_hist_record_n(&a->hist, &one->pool, 1000, 2);
    pelt_hist_record_n(&b->hist, &two->pool, 50, 1);
    assert_int_equal(pelt_frame_add(sum, two), PELT_OK);
    assert_int_equal(pelt_frame_add(sum, one), PELT_OK);
    const struct pelt_metric_frame *s = sum->metrics[3];
    assert_int_equal(s->values, 3);
    assert_int_equal(s->sum, PELT_METRIC_SUM_MAX);
    assert_true(s->last == 1 && s->min == -2 && s->max == 9);
    assert_int_equal(s->hist.count, 3);
    assert_int_equal(s->hist.min_us, 50);
    b->at_ns = 70; /* as late as the other: the larger one, whichever comes first */
    pelt_metric_frame_add(a, &one->pool, b);
    assert_true(a->last == 9);
    pelt_frame_reset(sum);
    assert_null(sum->metrics[3]);
    assert_ptr_equal(pelt_frame_metric(sum, 900), s); /* kept for reuse */
    assert_int_equal(s->values + s->hist.count, 0);
    sum->metrics[900]->hist.lost = 2;
    assert_int_equal(pelt_frame_lost(sum), 2);
    pelt_frame_free(one);
    pelt_frame_free(two);
    pelt_frame_free(sum);
}

static void histograms_have_the_names_of_the_metrics(void **state)
{
    assert_string_equal(pelt_request_hist_name(PELT_HIST_RESPONSE), "http_response");
    assert_string_equal(pelt_request_hist_name(PELT_HIST_RECEIVE), "http_receive");
    assert_string_equal(pelt_run_hist_name(PELT_RUNHIST_LOOP_LAG), "loop_lag");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frames_of_threads_added_equal_one_frame_of_all),
        cmocka_unit_test(gauges_add_and_labels_stay),
        cmocka_unit_test(untouched_series_stay_absent),
        cmocka_unit_test(all_that_is_missing_in_a_frame_is_counted),
        cmocka_unit_test(an_error_is_found_by_its_series_and_outcome),
        cmocka_unit_test(a_reset_frame_is_empty_and_reuses_its_memory),
        cmocka_unit_test(a_frames_memory_counts_in_its_quota_until_it_is_freed),
        cmocka_unit_test(equal_errors_keep_count_span_and_the_first_sample),
        cmocka_unit_test(merged_errors_keep_the_earliest_sample_in_any_order),
        cmocka_unit_test(distinct_errors_are_bounded_and_old_ones_still_count),
        cmocka_unit_test(long_samples_are_cut),
        cmocka_unit_test(metrics_of_threads_add_exactly),
        cmocka_unit_test(histograms_have_the_names_of_the_metrics),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
