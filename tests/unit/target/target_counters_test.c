/* counters: sums over loops, and the texts of /count and /metrics. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "counters.h"

static struct target_counters sets[2];
static const struct target_tally tally = {.set = sets, .sets = 2};

/* Two loops: one /health answered 200, one /health answered 500, one /api/chat not yet answered. */
static int count_three(void **state)
{
    memset(sets, 0, sizeof sets);
    target_counters_head(&sets[0], TARGET_ROUTE_HEALTH);
    target_counters_answer(&sets[0], TARGET_ROUTE_HEALTH, 200);
    target_counters_done(&sets[0], TARGET_ROUTE_HEALTH, 200000);
    target_counters_head(&sets[1], TARGET_ROUTE_HEALTH);
    target_counters_answer(&sets[1], TARGET_ROUTE_HEALTH, 500);
    target_counters_done(&sets[1], TARGET_ROUTE_HEALTH, 200000);
    target_counters_head(&sets[1], TARGET_ROUTE_CHAT);
    return 0;
}

static void the_count_sums_all_loops(void **state)
{
    char *text = target_tally_json(&tally);

    assert_string_equal(
        text, "{\"paths\": {\"/api/chat\": 1, \"/health\": 2}, "
              "\"statuses\": {\"200\": 1, \"500\": 1}, \"unanswered\": 0, \"total\": 3}\n");
    free(text);
}

static void what_is_not_answered_is_in_flight(void **state)
{
    assert_int_equal(target_tally_in_flight(&tally), 1);
    target_counters_done(&sets[1], TARGET_ROUTE_CHAT, 200000); /* the client left */
    assert_int_equal(target_tally_in_flight(&tally), 0);
}

static void how_long_requests_took_is_a_histogram_over_all_loops(void **state)
{
    struct target_figures figures = {.histograms = 0};

    target_counters_done(&sets[1], TARGET_ROUTE_CHAT, 100000);
    target_counters_done(&sets[1], TARGET_ROUTE_COUNT, 100000); /* an observer */
    target_counters_done(&sets[0], TARGET_ROUTE_WORK, UINT64_C(3600000000000));
    target_tally_add_times(&tally, &figures);
    assert_int_equal(figures.histograms, 1);
    assert_int_equal(figures.histogram[0].bucket[0].count, 1);
    assert_int_equal(figures.histogram[0].bucket[1].count, 2);
    assert_int_equal(figures.histogram[0].bucket[TARGET_TOOK_BUCKETS - 1].count, 1);
    assert_true(figures.histogram[0].sum > 3600.0004 && figures.histogram[0].sum < 3600.0006);
}

static void who_left_is_counted_as_unanswered(void **state)
{
    char *text;

    target_counters_unanswered(&sets[1], TARGET_ROUTE_CHAT);
    target_counters_done(&sets[1], TARGET_ROUTE_CHAT, 200000);
    target_counters_head(&sets[0], TARGET_ROUTE_WORK);
    target_counters_unanswered(&sets[0], TARGET_ROUTE_WORK);
    target_counters_done(&sets[0], TARGET_ROUTE_WORK, 200000);
    text = target_tally_json(&tally);
    assert_non_null(strstr(text, "500\": 1}, \"unanswered\": 2, \"total\": 4}\n"));
    free(text);
    text = target_tally_prometheus(&tally, 0, NULL, 0);
    assert_non_null(strstr(text, "\npelt_target_unanswered_total{path=\"/api/chat\"} 1\n"));
    assert_non_null(strstr(text, "\npelt_target_unanswered_total{path=\"/work\"} 1\n"));
    assert_null(strstr(text, "unanswered_total{path=\"/health\"}"));
    free(text);
}

static void looking_on_is_not_counted(void **state)
{
    char *before = target_tally_json(&tally);
    char *after;

    target_counters_head(&sets[0], TARGET_ROUTE_COUNT);
    target_counters_answer(&sets[0], TARGET_ROUTE_COUNT, 200);
    target_counters_head(&sets[0], TARGET_ROUTE_METRICS);
    target_counters_unanswered(&sets[0], TARGET_ROUTE_METRICS);
    after = target_tally_json(&tally);
    assert_string_equal(before, after);
    assert_int_equal(target_tally_in_flight(&tally), 1);
    free(before);
    free(after);
}

static void metrics_name_path_and_status(void **state)
{
    char *text = target_tally_prometheus(&tally, 4, NULL, 2500000000);

    assert_non_null(strstr(text, "\npelt_target_requests_total{path=\"/health\"} 2\n"));
    assert_non_null(
        strstr(text, "\npelt_target_answers_total{path=\"/health\",status=\"500\"} 1\n"));
    assert_non_null(strstr(text, "\npelt_target_in_flight 1\n"));
    assert_non_null(strstr(text, "\npelt_target_stalls_total 4\n"));
    assert_non_null(strstr(text, "\nsystem_uptime_seconds 2.500\n"));
    free(text);
}

static void actions_and_their_errors_are_told_by_path(void **state)
{
    char *text = target_tally_prometheus(&tally, 0, NULL, 0);

    assert_non_null(strstr(text, "\nactions_total{action=\"/health\"} 2\n"));
    assert_non_null(strstr(text, "\nerrors_total{action=\"/health\"} 1\n"));
    assert_null(strstr(text, "action=\"/api/chat\""));
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(the_count_sums_all_loops, count_three),
        cmocka_unit_test_setup(what_is_not_answered_is_in_flight, count_three),
        cmocka_unit_test_setup(who_left_is_counted_as_unanswered, count_three),
        cmocka_unit_test_setup(how_long_requests_took_is_a_histogram_over_all_loops, count_three),
        cmocka_unit_test_setup(looking_on_is_not_counted, count_three),
        cmocka_unit_test_setup(metrics_name_path_and_status, count_three),
        cmocka_unit_test_setup(actions_and_their_errors_are_told_by_path, count_three),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
