/* step: it costs CPU time, but where its result is remembered. */
#include "test.h"

#include <stdlib.h>
#include <string.h>

#include "step.h"

#define MS UINT64_C(1000000)

static const struct target_step_settings on = {.cpu_ns = 4 * MS, .memo = 2, .ttl_ns = 100 * MS};
static void *step;

static int start(void **state)
{
    step = target_step_system.start(&on, 0);
    return step ? 0 : -1;
}

static int stop(void **state)
{
    target_step_system.stop(step, &(struct target_scene){.now_ns = 0});
    return 0;
}

/* The CPU time that it took, of CLOCK_THREAD_CPUTIME_ID. */
static uint64_t spent_ns(const char *body, uint64_t now_ns)
{
    struct target_admission admission = {
        .path = "/work", .body = body, .body_bytes = body ? strlen(body) : 0};

    assert_int_equal(
        target_step_system.work(step, &admission, &(struct target_scene){.now_ns = now_ns}),
        TARGET_GO);
    return admission.spans > 0 ? admission.span[0].call_ns : 0;
}

static void the_second_time_costs_next_to_nothing(void **state)
{
    uint64_t first_ns = spent_ns("hello", 0), second_ns = spent_ns("hello", 99 * MS);

    assert_true(first_ns >= 4 * MS);
    assert_true(second_ns < first_ns / 20);
    assert_true(spent_ns("hello", 100 * MS) >= 4 * MS); /* expired */
    assert_true(spent_ns(NULL, 0) >= 4 * MS);
}

static void the_one_not_used_for_longest_is_forgotten(void **state)
{
    spent_ns("one", 0);
    spent_ns("two", 0);
    spent_ns("one", 0);
    spent_ns("three", 0);
    assert_true(spent_ns("one", 0) < MS);
    assert_true(spent_ns("two", 0) >= 4 * MS);
}

static void off_it_costs_nothing_and_without_memo_always_the_same(void **state)
{
    struct target_step_settings settings = on;

    settings.memo = 0;
    assert_true(target_step_system.apply(step, &settings, &(struct target_scene){.now_ns = 0}));
    spent_ns("hello", 0);
    assert_true(spent_ns("hello", 0) >= 4 * MS);
    settings.cpu_ns = 0;
    assert_true(target_step_system.apply(step, &settings, &(struct target_scene){.now_ns = 0}));
    assert_int_equal(spent_ns("hello", 0), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_second_time_costs_next_to_nothing, start, stop),
        cmocka_unit_test_setup_teardown(the_one_not_used_for_longest_is_forgotten, start, stop),
        cmocka_unit_test_setup_teardown(off_it_costs_nothing_and_without_memo_always_the_same,
                                        start, stop),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
