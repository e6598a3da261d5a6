/* deadline: passes in order of due time, costs no wake-up when cleared. */
#include "deadline.h"

#include "pelt/clock.h"
#include "test.h"

struct watched {
    struct pelt_deadline deadline;
    int id;
};

struct fixture {
    struct pelt_timerq timers;
    struct pelt_deadlines all;
    struct watched w[8];
    int passed[8];
    int passed_len;
};

static void on_passed(void *arg, struct pelt_deadline *d, uint64_t now_ns)
{
    struct fixture *f = arg;
    f->passed[f->passed_len++] = ((struct watched *)d)->id;
}

static int setup(void **state)
{
    struct fixture *f = test_calloc(1, sizeof(struct fixture));
    pelt_timerq_init(&f->timers);
    pelt_deadlines_init(&f->all, &f->timers, on_passed, f);
    for (int i = 0; i < 8; i++) {
        f->w[i].id = i;
    }
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    pelt_deadlines_deinit(&f->all);
    pelt_timerq_deinit(&f->timers);
    test_free(f);
    return 0;
}

static void deadline_passes_once_at_its_time(void **state)
{
    struct fixture *f = *state;
    pelt_deadline_set(&f->all, &f->w[0].deadline, 100, 1100);
    assert_int_equal(pelt_timerq_next(&f->timers), 1100);
    pelt_timerq_run(&f->timers, 1099, 10);
    assert_int_equal(f->passed_len, 0);
    pelt_timerq_run(&f->timers, 1100, 10);
    pelt_timerq_run(&f->timers, 9999, 10);
    assert_int_equal(f->passed_len, 1);
}

static void deadlines_pass_in_order_of_due_time_whatever_the_order_of_setting(void **state)
{
    struct fixture *f = *state;
    pelt_deadline_set(&f->all, &f->w[0].deadline, 100, 300);
    pelt_deadline_set(&f->all, &f->w[1].deadline, 100, 100);
    pelt_deadline_set(&f->all, &f->w[2].deadline, 100, 200);
    pelt_timerq_run(&f->timers, 250, 10);
    assert_int_equal(f->passed_len, 2);
    assert_int_equal(f->passed[0], 1);
    assert_int_equal(f->passed[1], 2);
    pelt_timerq_run(&f->timers, 300, 10);
    assert_int_equal(f->passed[2], 0);
}

static void cleared_deadline_never_passes(void **state)
{
    struct fixture *f = *state;
    pelt_deadline_set(&f->all, &f->w[0].deadline, 100, 100);
    pelt_deadline_set(&f->all, &f->w[1].deadline, 100, 150);
    pelt_deadline_clear(&f->w[0].deadline);
    pelt_deadline_clear(&f->w[0].deadline); /* twice is fine */
    pelt_timerq_run(&f->timers, 120, 10);
    assert_int_equal(f->passed_len, 0);
    pelt_timerq_run(&f->timers, 150, 10);
    assert_int_equal(f->passed_len, 1);
    assert_int_equal(f->passed[0], 1);
}

static void lengths_do_not_hide_each_other(void **state)
{
    struct fixture *f = *state;
    pelt_deadline_set(&f->all, &f->w[0].deadline, 1000, 1000);
    pelt_deadline_set(&f->all, &f->w[1].deadline, 10, 10);
    assert_int_equal(pelt_timerq_next(&f->timers), 10);
    pelt_timerq_run(&f->timers, 10, 10);
    assert_int_equal(f->passed_len, 1);
    assert_int_equal(pelt_timerq_next(&f->timers), 1000);
}

static void moved_deadline_passes_at_the_new_time_only(void **state)
{
    struct fixture *f = *state;
    pelt_deadline_set(&f->all, &f->w[0].deadline, 100, 100);
    pelt_deadline_set(&f->all, &f->w[0].deadline, 200, 500);
    pelt_timerq_run(&f->timers, 499, 10);
    assert_int_equal(f->passed_len, 0);
    pelt_timerq_run(&f->timers, 500, 10);
    assert_int_equal(f->passed_len, 1);
}

static void busy_list_wakes_nobody(void **state)
{
    struct fixture *f = *state;
    for (uint64_t t = 0; t < 1000; t++) { /* a deadline set and met, a thousand times */
        pelt_deadline_set(&f->all, &f->w[0].deadline, 60000, t + 60000);
        pelt_deadline_clear(&f->w[0].deadline);
    }
    assert_int_equal(pelt_timerq_next(&f->timers), 60000);
    assert_int_equal(pelt_timerq_run(&f->timers, 60000, 10), 1);
    assert_int_equal(pelt_timerq_next(&f->timers), PELT_NEVER);
    assert_int_equal(f->passed_len, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(deadline_passes_once_at_its_time),
        TEST(deadlines_pass_in_order_of_due_time_whatever_the_order_of_setting),
        TEST(cleared_deadline_never_passes),
        TEST(lengths_do_not_hide_each_other),
        TEST(moved_deadline_passes_at_the_new_time_only),
        TEST(busy_list_wakes_nobody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
