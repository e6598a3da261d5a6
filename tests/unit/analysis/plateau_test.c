/* plateau: both reasons, and neither. */
#include "test.h"

#include "near.h"
#include "pelt/plateau.h"

static const double load[5] = {100, 200, 300, 400, 500};

static void throughput_that_keeps_up_has_no_plateau(void **state)
{
    const double x[5] = {100, 199, 297, 391, 480};
    struct pelt_plateau p;
    assert_int_equal(pelt_plateau_find(load, load, x, 5, &p, NULL), PELT_OK);
    assert_int_equal(p.reason, PELT_PLATEAU_NONE);
    assert_near(p.best_per_s, 480, 0);
}

static void less_than_95_percent_of_what_was_offered_is_one(void **state)
{
    const double x[5] = {100, 200, 284, 300, 302};
    struct pelt_plateau p;
    assert_int_equal(pelt_plateau_find(load, load, x, 5, &p, NULL), PELT_OK);
    assert_int_equal(p.reason, PELT_PLATEAU_SHORT);
    assert_int_equal(p.index, 2);
    assert_near(p.load, 300, 0);
    assert_near(p.throughput_per_s, 284, 0);
    assert_near(p.best_per_s, 302, 0);
}

/* 10% more load must give 2% more: a third more load 6.7%. */
static void more_users_without_more_throughput_is_one(void **state)
{
    const double x[5] = {50, 90, 120, 127, 128};
    struct pelt_plateau p;
    assert_int_equal(pelt_plateau_find(load, NULL, x, 5, &p, NULL), PELT_OK);
    assert_int_equal(p.reason, PELT_PLATEAU_FLAT);
    assert_int_equal(p.index, 3);
    const double just_enough[5] = {50, 90, 120, 128.1, 140};
    assert_int_equal(pelt_plateau_find(load, NULL, just_enough, 5, &p, NULL), PELT_OK);
    assert_int_equal(p.reason, PELT_PLATEAU_NONE);
}

static void levels_that_do_not_rise_are_refused(void **state)
{
    const double falling[2] = {200, 100};
    struct pelt_plateau p;
    struct pelt_error err;
    assert_int_equal(pelt_plateau_find(falling, NULL, load, 2, &p, &err), PELT_EINVAL);
    assert_string_equal(err.text, "plateau: level 2, 100, is not above the one before");
    assert_int_equal(pelt_plateau_find(load, NULL, load, 1, &p, &err), PELT_EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(throughput_that_keeps_up_has_no_plateau),
        cmocka_unit_test(less_than_95_percent_of_what_was_offered_is_one),
        cmocka_unit_test(more_users_without_more_throughput_is_one),
        cmocka_unit_test(levels_that_do_not_rise_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
