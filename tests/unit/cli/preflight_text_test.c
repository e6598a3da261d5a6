/* preflight_text: numbers for people, and the sentence that says whether a plan fits. */
#include "test.h"

#include <math.h>
#include <string.h>

#include "pelt/clock.h"
#include "preflight.h"

static void assert_number(double value, bool estimate, const char *expected)
{
    char text[32];
    cli_preflight_number(value, estimate, text, sizeof text);
    assert_string_equal(text, expected);
}

static void numbers_have_commas_and_estimates_three_digits(void **state)
{
    assert_number(0, false, "0");
    assert_number(999, false, "999");
    assert_number(28232, false, "28,232");
    assert_number(5000000, false, "5,000,000");
    assert_number(0, true, "0");
    assert_number(1.234, true, "1.23");
    assert_number(47.06, true, "47.1");
    assert_number(470.6, true, "471");
    assert_number(41234.9, true, "41,200");
    assert_number(999999, true, "1 million");
    assert_number(5234567, true, "5.23 million");
    assert_number(7.2e9, true, "7.2 billion");
    assert_number(INFINITY, true, "any number");
}

/* The sentence for a plan on a host of 4 cores with 2 threads; 100 us an iteration, a descriptor a
 * user, which takes 10 KB. */
static void assert_verdict(enum pelt_loop loop, double level, double pause_s, const char *expected)
{
    const struct pelt_measured measured = {.iterations = 20000,
                                           .requests = 20000,
                                           .cpu_ns = 2 * PELT_NS_PER_S,
                                           .pause_s = pause_s,
                                           .users_more = 1000,
                                           .bytes_a_user = 10000,
                                           .fds_a_user = 1};
    const struct pelt_limits limits = {.cores = 4,
                                       .fds = 20000,
                                       .port_first = 32768,
                                       .port_last = 60999,
                                       .sources = 1,
                                       .port_rest_s = 60,
                                       .memory_bytes = UINT64_C(1000000000)};
    struct pelt_plan plan;
    struct pelt_forecast forecast;
    char text[512];
    pelt_plan_init(&plan, loop);
    assert_int_equal(pelt_plan_add(&plan, PELT_NS_PER_S, level, level), PELT_OK);
    pelt_forecast_make(&measured, &limits, &plan, 2, &forecast);
    const struct cli_preflight p = {
        .plan = &plan, .limits = &limits, .measured = &measured, .forecast = &forecast};
    cli_preflight_verdict(&p, text, sizeof text);
    assert_string_equal(text, expected);
    pelt_plan_deinit(&plan);
}

static void the_verdict_names_the_first_limit(void **state)
{
    assert_verdict(PELT_LOOP_CLOSED, 2000, 0,
                   "the plan fits; first limit: CPU, at 20,000 iterations/s");
    assert_verdict(PELT_LOOP_CLOSED, 2000, 1,
                   "the plan fits; first limit: descriptors, at 9.96 times the plan");
    assert_verdict(PELT_LOOP_CLOSED, 2000, 0.01,
                   "the plan fits; first limit: CPU, at 20,000 iterations/s");
    assert_verdict(PELT_LOOP_OPEN, 100, 10,
                   "the plan fits; first limit: users, at 10 times the plan");
    assert_verdict(PELT_LOOP_OPEN, 4000, 0, "the plan fits; first limit: CPU, at 5 times the plan");
}

static void a_plan_beyond_says_what_it_needs_and_what_to_try(void **state)
{
    assert_verdict(
        PELT_LOOP_CLOSED, 25000, 0,
        "the plan needs 25,000 users, descriptors allow 19,920: try ulimit -n, or shared "
        "connections (--connections)");
    assert_verdict(
        PELT_LOOP_OPEN, 40000, 0,
        "the plan needs 40,000 iterations/s, CPU allows 20,000 on time: try a lower --rate, more "
        "cores, or further hosts");
    assert_verdict(PELT_LOOP_OPEN, 4000, 10,
                   "the plan needs 40,000 users at least, it has users = 10000: try users = 40000 "
                   "or more (--users), as answers take time, too");
    assert_verdict(PELT_LOOP_CLOSED, 200000, 100,
                   "the plan needs 200,000 users, descriptors allow 19,920: try ulimit -n, or "
                   "shared connections (--connections)");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_have_commas_and_estimates_three_digits),
        cmocka_unit_test(the_verdict_names_the_first_limit),
        cmocka_unit_test(a_plan_beyond_says_what_it_needs_and_what_to_try),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
