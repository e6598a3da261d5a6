/* hostcpu: the first line of /proc/stat, and the share between two of them. */
#include "test.h"

#include "hostcpu.h"

static void the_first_line_is_read(void **state)
{
    struct target_hostcpu_ticks ticks;

    assert_true(target_hostcpu_parse("cpu  100 20 30 800 50 6 7 8 9 10\ncpu0 1 1 1 1 1 1 1 1 1 1\n",
                                     &ticks));
    assert_int_equal(ticks.busy, 100 + 20 + 30 + 6 + 7 + 8);
    assert_int_equal(ticks.total, ticks.busy + 800 + 50);
    assert_false(target_hostcpu_parse("", &ticks));
    assert_false(target_hostcpu_parse("cpu  1 2 3\n", &ticks));
    assert_false(target_hostcpu_parse("intr 1 2 3 4 5 6 7 8\n", &ticks));
}

static void the_share_is_of_the_time_between(void **state)
{
    const struct target_hostcpu_ticks from = {.busy = 100, .total = 1000};

    assert_true(target_hostcpu_share(&from, &(struct target_hostcpu_ticks){175, 1100}) == 0.75);
    assert_true(target_hostcpu_share(&from, &(struct target_hostcpu_ticks){200, 1100}) == 1);
    assert_true(target_hostcpu_share(&from, &(struct target_hostcpu_ticks){300, 1100}) == 1);
    assert_true(target_hostcpu_share(&from, &from) == 0);
    assert_true(target_hostcpu_share(&from, &(struct target_hostcpu_ticks){90, 1100}) == 0);
}

static void this_host_is_read(void **state)
{
    struct target_hostcpu cpu;
    double share;

    target_hostcpu_init(&cpu);
    assert_true(target_hostcpu_busy(&cpu) == 0);
    share = target_hostcpu_busy(&cpu);
    assert_true(share >= 0 && share <= 1);
    assert_true(cpu.last.total > 0);
    target_hostcpu_forget(&cpu);
    assert_true(target_hostcpu_busy(&cpu) == 0);
    target_hostcpu_deinit(&cpu);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_line_is_read),
        cmocka_unit_test(the_share_is_of_the_time_between),
        cmocka_unit_test(this_host_is_read),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
