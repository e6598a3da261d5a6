/* rule: windows, persistence, trends and when a threshold stops the run. */
#include "test.h"

#include <stdlib.h>
#include <string.h>

#include "pelt/rule.h"

struct fixture {
    struct pelt_registry *names;
    struct pelt_frame *second, *total;
    struct pelt_rule *rule;
    struct pelt_threshold t;
    struct pelt_verdict_line line;
    uint32_t chat;
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    f->names = pelt_registry_new();
    f->second = pelt_frame_new(NULL);
    f->total = pelt_frame_new(NULL);
    f->chat = pelt_registry_intern(f->names, PELT_NAME_REQUEST, pelt_span_of("chat"));
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    pelt_rule_free(f->rule);
    pelt_frame_free(f->second);
    pelt_frame_free(f->total);
    pelt_registry_free(f->names);
    free(f);
    return 0;
}

static void begin(struct fixture *f, const char *text)
{
    struct pelt_error err;
    if (pelt_threshold_parse(text, &f->t, &err) != PELT_OK) {
        fail_msg("%s: %s", text, err.text);
    }
    assert_true(pelt_rule_is_needed(&f->t));
    pelt_rule_free(f->rule);
    pelt_frame_reset(f->total);
    f->rule = pelt_rule_new(&f->t, f->names);
}

/* Second `t`: `n` ok answers of `us`, and `failed` exchanges without one. It is over. */
static void add(struct fixture *f, int32_t t, uint64_t us, uint64_t n, uint64_t failed)
{
    pelt_frame_reset(f->second);
    f->second->second = t;
    struct pelt_request_frame *r = pelt_frame_request(f->second, f->chat);
    r->started = n + failed;
    r->outcomes[PELT_OUTCOME_OK] = n;
    r->outcomes[PELT_OUTCOME_RESET] = failed;
    if (n > 0) {
        pelt_hist_record_n(&r->hist[PELT_HIST_RESPONSE], &f->second->pool, us, n);
    }
    assert_int_equal(pelt_frame_add(f->total, f->second), PELT_OK);
    pelt_rule_add(f->rule, f->second);
    pelt_rule_advance(f->rule, t + 1);
}

/* Seconds of 100 answers each, of so many milliseconds. */
static void feed(struct fixture *f, const int *ms, int32_t len)
{
    for (int32_t t = 0; t < len; t++) {
        add(f, t, 1000 * (uint64_t)ms[t], 100, 0);
    }
}

static void finish(struct fixture *f, double duration_s)
{
    const struct pelt_load_sum sum = {
        .total = f->total, .duration_s = duration_s, .rate_s = duration_s};
    pelt_rule_finish(f->rule, &sum, &f->line);
}

static void assert_line(struct fixture *f, enum pelt_level level, double value, int32_t from_s,
                        int32_t to_s)
{
    if (f->line.level != level || f->line.value != value || f->line.from_s != from_s ||
        f->line.to_s != to_s) {
        fail_msg("%s: %s, %g of %d to %d: %s", f->t.stat, pelt_level_name(f->line.level),
                 f->line.value, f->line.from_s, f->line.to_s, f->line.why);
    }
}

/* ---- over ---- */

static void the_worst_window_is_the_value_and_its_time_is_told(void **state)
{
    struct fixture *f = *state;
    const int ms[] = {10, 10, 40, 10, 10, 80, 80, 10, 10, 10};
    begin(f, "http_response max <= 50ms over 2s");
    feed(f, ms, 10);
    finish(f, 10);
    assert_line(f, PELT_LEVEL_MISSED, 80, 4, 6);
    assert_non_null(strstr(f->line.why, "max is 80ms, 50ms was allowed (4 s to 6 s)"));
    begin(f, "http_response mean <= 60ms over 2s");
    feed(f, ms, 10);
    finish(f, 10);
    assert_line(f, PELT_LEVEL_MISSED, f->line.value, 5, 7);
}

static void of_what_must_not_fall_the_lowest_window_is_the_worst(void **state)
{
    struct fixture *f = *state;
    begin(f, "requests per_second >= 50/s over 2s");
    for (int32_t t = 0; t < 6; t++) {
        add(f, t, 1000, t == 3 ? 10 : 60, 0);
    }
    finish(f, 6);
    assert_line(f, PELT_LEVEL_MISSED, 35, 2, 4);
}

static void a_second_that_the_load_did_not_fill_is_in_no_window(void **state)
{
    struct fixture *f = *state;
    begin(f, "requests per_second >= 50/s over 2s");
    for (int32_t t = 0; t < 6; t++) {
        add(f, t, 1000, 60, 0);
    }
    pelt_frame_reset(f->second);
    f->second->second = 6;
    pelt_rule_add(f->rule, f->second); /* of which half a second was load */
    finish(f, 6.5);
    assert_line(f, PELT_LEVEL_TARGET, 60, 0, 2);
    assert_int_equal(f->line.why[0], '\0');
}

static void seconds_without_anything_count_as_such(void **state)
{
    struct fixture *f = *state;
    begin(f, "requests per_second >= 50/s over 2s");
    add(f, 0, 1000, 60, 0);
    add(f, 5, 1000, 60, 0);
    finish(f, 6);
    assert_line(f, PELT_LEVEL_MISSED, 0, 1, 3);
}

static void a_run_shorter_than_the_window_is_unjudged(void **state)
{
    struct fixture *f = *state;
    const int ms[] = {10, 10, 10};
    begin(f, "http_response max <= 50ms over 4s");
    feed(f, ms, 3);
    finish(f, 3.9);
    assert_line(f, PELT_LEVEL_UNJUDGED, 0, 0, 0);
    assert_non_null(strstr(f->line.why, "3 whole seconds, it is judged after 4"));
    begin(f, "http_response max <= 50ms over 4s");
    feed(f, ms, 1);
    finish(f, 1.9);
    assert_non_null(strstr(f->line.why, "the load had 1 whole second, it"));
}

static void windows_without_samples_enough_are_left_out_and_all_of_them_is_unjudged(void **state)
{
    struct fixture *f = *state;
    begin(f, "http_response p99 <= 50ms over 2s");
    for (int32_t t = 0; t < 5; t++) {
        add(f, t, t == 0 ? 90000 : 20000, 150, 0);
    }
    finish(f, 5);
    assert_line(f, PELT_LEVEL_UNJUDGED, 0, 0, 0);
    assert_int_equal(f->line.needs, 368);
    begin(f, "http_response p99 <= 50ms over 2s");
    for (int32_t t = 0; t < 5; t++) {
        add(f, t, t == 0 ? 90000 : 20000, t < 2 ? 150 : 200, 0);
    }
    finish(f, 5);
    assert_int_equal(f->line.level, PELT_LEVEL_TARGET);
    assert_int_equal(f->line.from_s, 2);
}

static void three_levels_hold_for_windows(void **state)
{
    struct fixture *f = *state;
    const struct {
        int ms;
        enum pelt_level level;
    } CASES[] = {{10, PELT_LEVEL_TARGET},
                 {30, PELT_LEVEL_WARNING},
                 {60, PELT_LEVEL_CRITICAL},
                 {200, PELT_LEVEL_MISSED}};
    for (size_t i = 0; i < 4; i++) {
        const struct pelt_threshold_table table = {.metric = "http_response",
                                                   .stat = "max",
                                                   .target = "20ms",
                                                   .warning = "50ms",
                                                   .critical = "100ms",
                                                   .over = "2s",
                                                   .for_ = "2s"};
        const int ms[] = {1, 1, CASES[i].ms, CASES[i].ms, 1, 1};
        assert_int_equal(pelt_threshold_make(&table, NULL, &f->t, NULL), PELT_OK);
        pelt_rule_free(f->rule);
        f->rule = pelt_rule_new(&f->t, f->names);
        feed(f, ms, 6);
        finish(f, 6);
        assert_int_equal(f->line.level, CASES[i].level);
    }
}

/* ---- for ---- */

static void what_is_broken_for_less_long_is_not_missed(void **state)
{
    struct fixture *f = *state;
    const int two[] = {10, 80, 90, 10, 80, 10}, three[] = {10, 80, 90, 70, 10, 10};
    begin(f, "http_response max <= 50ms for 3s");
    feed(f, two, 6);
    finish(f, 6);
    assert_line(f, PELT_LEVEL_TARGET, 10, 0, 3);
    begin(f, "http_response max <= 50ms for 3s");
    feed(f, three, 6);
    finish(f, 6);
    assert_line(f, PELT_LEVEL_MISSED, 70, 1, 4);
    begin(f, "requests per_second >= 50/s for 3s");
    for (int32_t t = 0; t < 6; t++) {
        add(f, t, 1000, t < 2 ? 10 : 60, 0); /* from the start, but for 2 s */
    }
    finish(f, 6);
    assert_line(f, PELT_LEVEL_TARGET, 60, 0, 3);
}

static void of_windows_each_in_the_row_must_be_broken(void **state)
{
    struct fixture *f = *state;
    const int ms[] = {10, 10, 80, 10, 10, 10};
    begin(f, "http_response max <= 50ms over 2s for 2s"); /* windows 1-3 and 2-4 have the 80 */
    feed(f, ms, 6);
    finish(f, 6);
    assert_line(f, PELT_LEVEL_MISSED, 80, 1, 4);
    begin(f, "http_response max <= 50ms over 2s for 3s");
    feed(f, ms, 6);
    finish(f, 6);
    assert_int_equal(f->line.level, PELT_LEVEL_TARGET);
}

static void a_second_without_a_figure_ends_the_row(void **state)
{
    struct fixture *f = *state;
    begin(f, "errors share <= 5% for 3s");
    for (int32_t t = 0; t < 8; t++) {
        bool broken = t == 1 || t == 2 || t == 4;
        add(f, t, 1000, t != 3, broken); /* nothing at all in second 3 */
    }
    finish(f, 8);
    assert_int_equal(f->line.level, PELT_LEVEL_TARGET);
}

/* ---- trend ---- */

static void a_trend_is_the_change_along_the_line_as_a_share_of_the_mean(void **state)
{
    struct fixture *f = *state;
    begin(f, "requests per_second trend <= 10%");
    for (int32_t t = 0; t < 21; t++) {
        add(f, t, 1000, 90 + (uint64_t)t, 0); /* 90 to 110 a second: 21 of 100 */
    }
    finish(f, 21);
    assert_int_equal(f->line.level, PELT_LEVEL_MISSED);
    assert_true(f->line.value > 0.2099 && f->line.value < 0.2101);
    assert_non_null(strstr(f->line.why, "trend is 21%, 10% was allowed"));
    begin(f, "requests per_second trend >= -10%");
    for (int32_t t = 0; t < 21; t++) {
        add(f, t, 1000, 110 - (uint64_t)t, 0);
    }
    finish(f, 21);
    assert_int_equal(f->line.level, PELT_LEVEL_MISSED);
    assert_true(f->line.value > -0.2101 && f->line.value < -0.2099);
}

static void a_steady_figure_has_no_trend(void **state)
{
    struct fixture *f = *state;
    begin(f, "http_response mean trend <= 10%");
    for (int32_t t = 0; t < 20; t++) {
        add(f, t, t % 2 ? 20000 : 21000, 100, 0);
    }
    finish(f, 20);
    assert_int_equal(f->line.level, PELT_LEVEL_TARGET);
    assert_int_equal(f->line.to_s, 20);
}

static void a_trend_needs_its_points_and_over_makes_windows_of_seconds(void **state)
{
    struct fixture *f = *state;
    begin(f, "http_response p99 trend <= 10%");
    for (int32_t t = 0; t < 40; t++) {
        add(f, t, 20000, 100, 0); /* a p99 needs 368 */
    }
    finish(f, 40);
    assert_int_equal(f->line.level, PELT_LEVEL_UNJUDGED);
    assert_non_null(strstr(f->line.why, "needs 10 seconds with a figure, there are 0"));
    assert_int_equal(f->line.needs, 368);
    begin(f, "http_response p99 trend <= 10% over 4s");
    for (int32_t t = 0; t < 40; t++) {
        add(f, t, 20000 + 500 * (uint64_t)t, 100, 0);
    }
    finish(f, 40);
    assert_int_equal(f->line.level, PELT_LEVEL_MISSED);
    assert_true(f->line.value > 0.6 && f->line.value < 0.72);
}

/* ---- abort ---- */

static int32_t stops_at(struct fixture *f, const char *text, const int *ms, int32_t len)
{
    begin(f, text);
    for (int32_t t = 0; t < len; t++) {
        add(f, t, 1000 * (uint64_t)ms[t], 100, 0);
        if (pelt_rule_stop(f->rule) != NULL) {
            assert_int_equal(pelt_rule_stop(f->rule)->level, PELT_LEVEL_MISSED);
            return t + 1;
        }
    }
    return 0;
}

static void what_is_broken_stops_the_run_as_its_rule_says(void **state)
{
    struct fixture *f = *state;
    const int ms[] = {10, 10, 10, 80, 80, 80, 80, 80, 80, 10};
    assert_int_equal(stops_at(f, "http_response max <= 50ms abort", ms, 10), 4);
    assert_int_equal(stops_at(f, "http_response max <= 50ms abort delay 6s", ms, 10), 6);
    assert_int_equal(stops_at(f, "http_response max <= 50ms over 2s abort", ms, 10), 4);
    assert_int_equal(stops_at(f, "http_response mean <= 50ms over 2s abort", ms, 10), 5);
    assert_int_equal(stops_at(f, "http_response max <= 50ms for 3s abort", ms, 10), 6);
    assert_int_equal(stops_at(f, "http_response max <= 50ms over 2s for 3s abort", ms, 10), 6);
    assert_int_equal(stops_at(f, "http_response max <= 50ms for 7s abort", ms, 10), 0);
    assert_int_equal(stops_at(f, "http_response max <= 50ms over 2s for 2s abort delay 9s", ms, 10),
                     10);
    assert_int_equal(stops_at(f, "http_response max <= 50ms over 2s abort delay 9s", ms, 10), 9);
    assert_int_equal(stops_at(f, "http_response p99 <= 50ms abort", ms, 10), 4);
    assert_int_equal(stops_at(f, "http_response max <= 90ms abort", ms, 10), 0);
    assert_int_equal(stops_at(f, "http_response{other} max <= 1ms abort", ms, 10), 0);
    assert_int_equal(stops_at(f, "requests{other} per_second >= 1/s over 2s abort", ms, 10), 0);
}

static void the_line_of_what_stopped_the_run_stays_as_it_was_then(void **state)
{
    struct fixture *f = *state;
    const int ms[] = {10, 80, 80, 80};
    assert_int_equal(stops_at(f, "http_response mean <= 40ms abort", ms, 4), 2);
    for (int32_t t = 2; t < 9; t++) {
        add(f, t, 1000, 1000, 0); /* what was in flight: the mean of all is fine */
    }
    finish(f, 2.3);
    assert_int_equal(f->line.level, PELT_LEVEL_MISSED);
    assert_true(f->line.aborted);
    assert_int_equal(f->line.to_s, 2);
    assert_non_null(strstr(f->line.why, "40ms was allowed (0 s to 2 s)"));
}

/* The load was over when that was known: nothing was stopped, so all of it is judged. */
static void what_breaks_in_the_last_second_stops_nothing(void **state)
{
    struct fixture *f = *state;
    const int ms[] = {10, 80};
    assert_int_equal(stops_at(f, "http_response mean <= 40ms abort", ms, 2), 2);
    finish(f, 2);
    assert_int_equal(f->line.level, PELT_LEVEL_MISSED);
    assert_false(f->line.aborted);
    assert_int_equal(f->line.to_s, 0);
    assert_non_null(strstr(f->line.why, "40ms was allowed"));
    assert_null(strstr(f->line.why, " s to "));
    assert_int_equal(stops_at(f, "http_response mean <= 40ms over 1s abort", ms, 2), 2);
    finish(f, 2);
    assert_false(f->line.aborted);
    assert_int_equal(f->line.from_s, 1);
    assert_int_equal(f->line.to_s, 2);
}

/* As few digits as still tell that the bound is broken. */
static void a_computed_value_is_told_with_few_digits(void **state)
{
    static const struct {
        double value;
        const char *why;
    } cases[] = {{0.478682170542636, "is 0.479, 0.5 was wanted"},
                 {0.49997, "is 0.49997, 0.5 was wanted"},
                 {0.0000123456, "is 1.23e-05, 0.5 was wanted"}};
    struct pelt_threshold t;
    struct pelt_verdict_line line;
    assert_int_equal(pelt_threshold_parse("apdex 1ms >= 0.5", &t, NULL), PELT_OK);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        pelt_threshold_judge_value(&t, cases[i].value, &line);
        if (strstr(line.why, cases[i].why) == NULL) {
            fail_msg("\"%s\" does not say \"%s\"", line.why, cases[i].why);
        }
    }
}

static void a_figure_so_far_stops_nothing_before_it_has_samples_enough(void **state)
{
    const struct {
        const char *text;
        int32_t at; /* with 10 broken samples a second */
    } CASES[] = {
        {"http_response p90 <= 1ms abort", 4},  /* 36 */
        {"http_response mean <= 1ms abort", 3}, /* 30 */
        {"errors share <= 1% abort", 5},        /* 100, half of which are errors */
        {"apdex 1ms >= 0.9 abort", 5},
        {"goodput 1ms share >= 90% abort", 5},
        {"requests per_second >= 1000/s abort", 10},
        {"errors count <= 5 abort", 1},   /* will not become less */
        {"errors count >= 500 abort", 0}, /* may become more */
        {"http_response max >= 500ms abort", 0},
    };
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        int32_t at = 0;
        begin(f, CASES[i].text);
        for (int32_t t = 0; t < 20 && at == 0; t++) {
            add(f, t, 20000, 10, 10);
            at = pelt_rule_stop(f->rule) != NULL ? t + 1 : 0;
        }
        if (at != CASES[i].at) {
            fail_msg("%s: stops at %d, not %d", CASES[i].text, at, CASES[i].at);
        }
    }
}

static void a_trend_stops_the_run_after_30_points(void **state)
{
    struct fixture *f = *state;
    int ms[40];
    for (int i = 0; i < 40; i++) {
        ms[i] = 20 + i;
    }
    assert_int_equal(stops_at(f, "http_response mean trend <= 10% abort", ms, 40), 30);
    assert_int_equal(stops_at(f, "http_response mean trend <= 10% abort delay 35s", ms, 40), 35);
}

/* ---- users ---- */

static void users_are_judged_from_whole_seconds(void **state)
{
    struct fixture *f = *state;
    begin(f, "users min >= 5");
    for (int32_t t = 0; t < 4; t++) {
        pelt_frame_reset(f->second);
        f->second->second = t;
        f->second->users = t < 3 ? 7 : 0; /* they left within second 3 */
        pelt_rule_add(f->rule, f->second);
    }
    finish(f, 3.4);
    assert_int_equal(f->line.level, PELT_LEVEL_TARGET);
    assert_true(f->line.value == 7);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_worst_window_is_the_value_and_its_time_is_told),
        TEST(of_what_must_not_fall_the_lowest_window_is_the_worst),
        TEST(a_second_that_the_load_did_not_fill_is_in_no_window),
        TEST(seconds_without_anything_count_as_such),
        TEST(a_run_shorter_than_the_window_is_unjudged),
        TEST(windows_without_samples_enough_are_left_out_and_all_of_them_is_unjudged),
        TEST(three_levels_hold_for_windows),
        TEST(what_is_broken_for_less_long_is_not_missed),
        TEST(of_windows_each_in_the_row_must_be_broken),
        TEST(a_second_without_a_figure_ends_the_row),
        TEST(a_trend_is_the_change_along_the_line_as_a_share_of_the_mean),
        TEST(a_steady_figure_has_no_trend),
        TEST(a_trend_needs_its_points_and_over_makes_windows_of_seconds),
        TEST(what_is_broken_stops_the_run_as_its_rule_says),
        TEST(the_line_of_what_stopped_the_run_stays_as_it_was_then),
        TEST(what_breaks_in_the_last_second_stops_nothing),
        TEST(a_computed_value_is_told_with_few_digits),
        TEST(a_figure_so_far_stops_nothing_before_it_has_samples_enough),
        TEST(a_trend_stops_the_run_after_30_points),
        TEST(users_are_judged_from_whole_seconds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
