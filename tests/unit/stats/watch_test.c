/* watch: any window that is kept is judged as a run of those seconds would be. */
#include "test.h"

#include <stdlib.h>
#include <string.h>

#include "pelt/watch.h"

struct fixture {
    struct pelt_registry *names;
    struct pelt_frame *second;
    uint32_t chat;
    struct pelt_threshold t;
    struct pelt_watch *watch;
    struct pelt_verdict_line line;
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    f->names = pelt_registry_new();
    f->second = pelt_frame_new(NULL);
    f->chat = pelt_registry_intern(f->names, PELT_NAME_REQUEST, pelt_span_of("chat"));
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    pelt_watch_free(f->watch);
    pelt_frame_free(f->second);
    pelt_registry_free(f->names);
    free(f);
    return 0;
}

static void watch(struct fixture *f, const char *text, uint32_t kept)
{
    struct pelt_error err;
    if (pelt_threshold_parse(text, &f->t, &err) != PELT_OK) {
        fail_msg("%s: %s", text, err.text);
    }
    f->watch = pelt_watch_new(&f->t, kept, f->names);
}

/* Fills second `t` with `n` exchanges of `us` and `failed` more that were answered so late too. */
static void fill(struct fixture *f, int32_t t, uint64_t us, uint64_t n, uint64_t failed)
{
    pelt_frame_reset(f->second);
    f->second->second = t;
    if (n + failed == 0) {
        return;
    }
    struct pelt_request_frame *r = pelt_frame_request(f->second, f->chat);
    r->started = n + failed;
    r->outcomes[PELT_OUTCOME_OK] = n;
    r->outcomes[PELT_OUTCOME_HTTP_STATUS] = failed;
    pelt_hist_record_n(&r->hist[PELT_HIST_RESPONSE], &f->second->pool, us, n + failed);
    if (failed > 0) {
        pelt_hist_record_n(&r->hist[PELT_HIST_FAILED], &f->second->pool, us, failed);
    }
}

static void add(struct fixture *f, int32_t t, uint64_t us, uint64_t n, uint64_t failed)
{
    fill(f, t, us, n, failed);
    assert_int_equal(pelt_watch_add(f->watch, f->second), PELT_OK);
}

static void a_window_is_judged_as_a_run_of_its_seconds_would_be(void **state)
{
    static const char *const TEXTS[] = {
        "http_response p95 < 12ms",     "http_response{chat} mean < 1ms",
        "errors share < 1%",            "requests{chat} per_second > 100/s",
        "apdex{chat} 12ms > 0.9",       "goodput 12ms per_second > 1/s",
        "http_failed{chat} count <= 5",
    };
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof TEXTS / sizeof TEXTS[0]; i++) {
        struct pelt_verdict_line whole;
        struct pelt_frame *sum = pelt_frame_new(NULL);
        watch(f, TEXTS[i], 4);
        for (int32_t t = 0; t < 20; t++) {
            add(f, t, 1000 * (uint64_t)t, 50 + 3 * (uint64_t)t, (uint64_t)t % 3);
            if (t >= 15 && t < 19) {
                assert_int_equal(pelt_frame_add(sum, f->second), PELT_OK);
            }
            if (t == 18) {
                pelt_threshold_judge(&f->t, sum, f->names, 4, &whole);
                pelt_watch_judge(f->watch, 15, 19, &f->line);
                assert_true(whole.has_value);
                assert_true(f->line.value == whole.value);
                assert_int_equal(f->line.level, whole.level);
                assert_string_equal(f->line.why, whole.why);
                assert_int_equal(f->line.from_s, 15);
                assert_int_equal(f->line.to_s, 19);
            }
        }
        pelt_frame_free(sum);
        pelt_watch_free(f->watch);
        f->watch = NULL;
    }
}

static void a_second_left_out_is_an_empty_one(void **state)
{
    struct fixture *f = *state;
    watch(f, "requests per_second > 10/s", 8);
    add(f, 0, 1000, 40, 0);
    add(f, 3, 1000, 40, 0);
    pelt_watch_judge(f->watch, 0, 4, &f->line);
    assert_true(f->line.value == 20);
    pelt_watch_judge(f->watch, 1, 3, &f->line);
    assert_true(f->line.value == 0);
    assert_int_equal(f->line.level, PELT_LEVEL_MISSED);
    add(f, 11, 1000, 1, 0); /* takes the place of second 3 */
    pelt_watch_judge(f->watch, 3, 11, &f->line);
    assert_true(f->line.value == 0);
}

static void seconds_come_once_and_in_order(void **state)
{
    struct fixture *f = *state;
    watch(f, "requests count > 10", 8);
    add(f, 2, 1000, 5, 0);
    fill(f, 2, 1000, 5, 0);
    assert_int_equal(pelt_watch_add(f->watch, f->second), PELT_EINVAL);
    fill(f, 1, 1000, 5, 0);
    assert_int_equal(pelt_watch_add(f->watch, f->second), PELT_EINVAL);
    fill(f, -1, 1000, 5, 0);
    assert_int_equal(pelt_watch_add(f->watch, f->second), PELT_EINVAL);
}

static void a_window_with_too_few_samples_is_unjudged_and_says_how_many_it_needs(void **state)
{
    struct fixture *f = *state;
    watch(f, "http_response p99 < 5ms", 8);
    add(f, 0, 1000, 200, 0);
    add(f, 1, 1000, 200, 0);
    pelt_watch_judge(f->watch, 0, 1, &f->line);
    assert_int_equal(f->line.level, PELT_LEVEL_UNJUDGED);
    assert_int_equal(f->line.needs, 368);
    pelt_watch_judge(f->watch, 0, 2, &f->line);
    assert_int_equal(f->line.level, PELT_LEVEL_TARGET);
}

static void a_name_that_nobody_used_is_unjudged_until_somebody_does(void **state)
{
    struct fixture *f = *state;
    watch(f, "requests{later} per_second < 1/s", 8);
    add(f, 0, 1000, 5, 0);
    pelt_watch_judge(f->watch, 0, 1, &f->line);
    assert_int_equal(f->line.level, PELT_LEVEL_UNJUDGED);
    assert_non_null(strstr(f->line.why, "no request \"later\""));
    assert_false(pelt_watch_is_met(f->watch));
    uint32_t id = pelt_registry_intern(f->names, PELT_NAME_REQUEST, pelt_span_of("later"));
    fill(f, 1, 1000, 5, 0);
    pelt_frame_request(f->second, id)->started = 3;
    assert_int_equal(pelt_watch_add(f->watch, f->second), PELT_OK);
    assert_true(pelt_watch_is_met(f->watch));
    pelt_watch_judge(f->watch, 1, 2, &f->line);
    assert_true(f->line.value == 3);
}

static void apdex_counts_ok_answers_by_their_time(void **state)
{
    struct fixture *f = *state;
    watch(f, "apdex{chat} 10ms > 0.9", 8);
    add(f, 0, 5000, 50, 10); /* satisfied; the failed ones are not, however quick */
    add(f, 1, 30000, 20, 0); /* tolerated: within 4 t */
    add(f, 2, 50000, 20, 0);
    pelt_watch_judge(f->watch, 0, 3, &f->line);
    assert_true(f->line.value == (50 + 10) / 100.0);
    assert_int_equal(f->line.level, PELT_LEVEL_MISSED);
}

static void goodput_is_what_ended_ok_in_time(void **state)
{
    struct fixture *f = *state;
    watch(f, "goodput{chat} 10ms share > 95%", 8);
    add(f, 0, 5000, 60, 20);
    add(f, 1, 30000, 20, 0);
    pelt_watch_judge(f->watch, 0, 2, &f->line);
    assert_true(f->line.value == 0.6);
}

static void users_are_a_gauge_of_the_seconds_ends(void **state)
{
    struct fixture *f = *state;
    watch(f, "users max <= 20", 8);
    for (int32_t t = 0; t < 4; t++) {
        fill(f, t, 1000, 1, 0);
        f->second->users = 5 + (uint32_t)t;
        assert_int_equal(pelt_watch_add(f->watch, f->second), PELT_OK);
    }
    pelt_watch_judge(f->watch, 0, 4, &f->line);
    assert_true(f->line.value == 8);
    pelt_watch_judge(f->watch, 0, 2, &f->line);
    assert_true(f->line.value == 6);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_window_is_judged_as_a_run_of_its_seconds_would_be, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_second_left_out_is_an_empty_one, setup, teardown),
        cmocka_unit_test_setup_teardown(seconds_come_once_and_in_order, setup, teardown),
        cmocka_unit_test_setup_teardown(
            a_window_with_too_few_samples_is_unjudged_and_says_how_many_it_needs, setup, teardown),
        cmocka_unit_test_setup_teardown(a_name_that_nobody_used_is_unjudged_until_somebody_does,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(apdex_counts_ok_answers_by_their_time, setup, teardown),
        cmocka_unit_test_setup_teardown(goodput_is_what_ended_ok_in_time, setup, teardown),
        cmocka_unit_test_setup_teardown(users_are_a_gauge_of_the_seconds_ends, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
