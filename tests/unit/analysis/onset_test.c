/* onset: by hand. */
#include "test.h"

#include "near.h"
#include "pelt/onset.h"

/* Baseline: median 10, MAD 1. */
static const double y[14] = {9, 10, 11, 9, 11, 10, 40, 10, 30, 31, 32, 9, 50, 51};
static const struct pelt_onset_rule rule = {.base_to = 6, .mads = 3, .hold = 3};

static void the_limit_is_the_median_and_several_mads(void **state)
{
    double level, limit;
    struct pelt_onset_rule least = rule, times = rule;
    assert_int_equal(pelt_onset_limit(y, &rule, &level, &limit), PELT_OK);
    assert_near(level, 10, 0);
    assert_near(limit, 10 + 3 * 1.4826, 1e-12);
    least.least = 20;
    assert_int_equal(pelt_onset_limit(y, &least, &level, &limit), PELT_OK);
    assert_near(limit, 30, 0);
    times.times = 4;
    assert_int_equal(pelt_onset_limit(y, &times, &level, &limit), PELT_OK);
    assert_near(limit, 40, 0);
}

static void the_onset_is_the_first_of_a_row(void **state)
{
    struct pelt_onset o;
    assert_int_equal(pelt_onset_find(y, 14, 6, &rule, &o), PELT_OK);
    assert_true(o.found);
    assert_int_equal(o.at, 8);
    assert_int_equal(o.to, 11);
    struct pelt_onset_rule longer = rule;
    longer.hold = 4;
    assert_int_equal(pelt_onset_find(y, 14, 6, &longer, &o), PELT_OK);
    assert_false(o.found);
    longer.gap = 1; /* 40 _ 30 31 32 _ 50 51 are one row then */
    assert_int_equal(pelt_onset_find(y, 14, 6, &longer, &o), PELT_OK);
    assert_true(o.found);
    assert_int_equal(o.at, 6);
    assert_int_equal(o.to, 14);
}

static void what_was_not_measured_neither_holds_nor_breaks_a_row(void **state)
{
    struct pelt_onset o;
    double holes[14];
    for (size_t i = 0; i < 14; i++) {
        holes[i] = y[i];
    }
    holes[9] = NAN;
    assert_int_equal(pelt_onset_find(holes, 14, 6, &rule, &o), PELT_OK);
    assert_false(o.found); /* 30 and 32 are two */
    holes[11] = NAN;       /* 30, 32, 50, 51 */
    assert_int_equal(pelt_onset_find(holes, 14, 6, &rule, &o), PELT_OK);
    assert_true(o.found);
    assert_int_equal(o.at, 8);
    for (size_t i = 0; i < 6; i++) {
        holes[i] = NAN;
    }
    assert_int_equal(pelt_onset_find(holes, 14, 6, &rule, &o), PELT_OK);
    assert_false(o.found);
    assert_true(isnan(o.level));
}

static void the_row_around_a_moment_is_the_last_that_reaches_into_it(void **state)
{
    struct pelt_onset o;
    pelt_onset_around(y, 14, 7, 9, 20, 1, 0, &o);
    assert_true(o.found);
    assert_int_equal(o.at, 8);
    pelt_onset_around(y, 14, 10, 10, 20, 1, 0, &o); /* it began before */
    assert_int_equal(o.at, 8);
    pelt_onset_around(y, 14, 11, 11, 20, 1, 0, &o); /* none: the next one */
    assert_int_equal(o.at, 12);
    pelt_onset_around(y, 14, 6, 12, 20, 1, 0, &o);
    assert_int_equal(o.at, 12);
    pelt_onset_around(y, 12, 11, 11, 20, 1, 0, &o);
    assert_false(o.found);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_limit_is_the_median_and_several_mads),
        cmocka_unit_test(the_onset_is_the_first_of_a_row),
        cmocka_unit_test(what_was_not_measured_neither_holds_nor_breaks_a_row),
        cmocka_unit_test(the_row_around_a_moment_is_the_last_that_reaches_into_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
