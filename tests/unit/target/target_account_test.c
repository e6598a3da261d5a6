/* account: a loop's CPU time is charged to its requests without a gap. */
#include "test.h"

#include <stdlib.h>

#include "account.h"
#include "threadcpu.h"

#define MS UINT64_C(1000000)

static struct target_account *account;

static void set(bool is_on)
{
    struct target_account_settings settings = {.is_on = is_on};

    target_account_system.apply(account, &settings, &(struct target_scene){.now_ns = 0});
}

static int start(void **state)
{
    account = target_account_system.start(&(struct target_account_settings){.is_on = true}, 0);
    return account ? 0 : -1;
}

static int stop(void **state)
{
    target_account_system.stop(account, &(struct target_scene){.now_ns = 0});
    return 0;
}

static void burn(uint64_t ns)
{
    uint64_t end_ns = target_threadcpu_ns() + ns;

    while (target_threadcpu_ns() < end_ns) {
    }
}

static void what_each_took_and_what_was_between_is_charged(void **state)
{
    struct target_cost cost[2] = {{0}};
    struct target_meter meter = {0};
    uint64_t begin_ns = target_threadcpu_ns(), end_ns;

    target_meter_enter(&meter, account, &cost[0]);
    burn(5 * MS);
    target_meter_leave(&meter, &cost[0]);
    burn(2 * MS); /* reads the next */
    target_meter_enter(&meter, account, &cost[1]);
    burn(1 * MS);
    target_meter_leave(&meter, &cost[1]);
    target_meter_enter(&meter, account, &cost[0]);
    burn(1 * MS);
    target_meter_leave(&meter, &cost[0]);
    end_ns = target_threadcpu_ns();
    assert_true(cost[0].cpu_ns >= 6 * MS && cost[0].cpu_ns < 7 * MS);
    assert_true(cost[1].cpu_ns >= 3 * MS && cost[1].cpu_ns < 4 * MS);
    assert_true(cost[0].cpu_ns + cost[1].cpu_ns <= end_ns - begin_ns);
    assert_true((double)(cost[0].cpu_ns + cost[1].cpu_ns) > 0.99 * (double)(end_ns - begin_ns));
}

static void off_nothing_is_charged(void **state)
{
    struct target_figures figures = {.events = 0};
    struct target_cost cost = {0};
    struct target_meter meter = {0};

    set(false);
    target_meter_enter(&meter, account, &cost);
    burn(MS);
    target_meter_leave(&meter, &cost);
    target_account_add(account, &cost);
    assert_int_equal(cost.cpu_ns, 0);
    assert_false(cost.is_counted);
    target_account_system.figures(account, &figures, &(struct target_scene){.now_ns = 0});
    assert_int_equal(figures.events, 0);
    set(true); /* what was used while it was off is nobody's */
    target_meter_enter(&meter, account, &cost);
    target_meter_leave(&meter, &cost);
    assert_true(cost.cpu_ns < MS);
}

static void sums_are_told(void **state)
{
    struct target_figures figures = {.events = 0};
    struct target_cost cost = {
        .is_counted = true, .cpu_ns = 3000, .bytes_in = 5, .bytes_out = 7, .tokens = 2};

    target_account_add(account, &cost);
    target_account_add(account, &cost);
    target_account_system.figures(account, &figures, &(struct target_scene){.now_ns = 0});
    assert_int_equal(figures.event[0].count, 2);
    assert_int_equal(figures.event[1].count, 6);
    assert_int_equal(figures.event[2].count, 10);
    assert_int_equal(figures.event[3].count, 14);
    assert_int_equal(figures.event[4].count, 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_each_took_and_what_was_between_is_charged, start,
                                        stop),
        cmocka_unit_test_setup_teardown(off_nothing_is_charged, start, stop),
        cmocka_unit_test_setup_teardown(sums_are_told, start, stop),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
