/* difference: against values worked out by hand, and what the ask for more keeps.
 */
#include "test.h"

#include "near.h"
#include "pelt/difference.h"

static void estimates_are_compared_by_welch(void **state)
{
    const struct pelt_estimate base = {10, 0.3, 9}, more = {11, 0.4, 4};
    struct pelt_difference d = pelt_difference_of(&base, &more, 0.95);
    assert_near(d.value, 1, 1e-12);
    assert_near(d.error, 0.5, 1e-12);
    assert_near(d.df, 0.0625 / (0.0081 / 9 + 0.0256 / 4), 1e-9); /* 8.56 */
    assert_near(d.p, 0.0781754, 1e-6);
    assert_near(d.low, 1 - 2.2795 * 0.5, 2e-3);
    assert_near(d.high, 1 + 2.2795 * 0.5, 2e-3);
}

/* Means 3 and 5.2, variances 2.5 and 3.7: t = 2.2 / sqrt(1.24), df = 1.24^2 / (0.25 / 4 + 0.5476 /
 * 4); p by numeric integration of the density. */
static void five_runs_a_side_have_their_own_variances(void **state)
{
    const double a[] = {1, 2, 3, 4, 5}, b[] = {3, 4, 5, 6, 8};
    struct pelt_difference d = pelt_difference_of_runs(a, 5, b, 5, 0, 0.95);
    assert_near(d.value, 2.2, 1e-12);
    assert_near(d.value / d.error, 1.97566, 1e-4);
    assert_near(d.df, 7.71113, 1e-4);
    assert_near(d.p, 0.0849561, 1e-6);
}

/* Student's: pooled variance (10 + 2) / 5, so t = 3 / (1.549 sqrt(1/5 + 1/2)), df 5. */
static void few_runs_share_their_variance(void **state)
{
    const double a[] = {1, 2, 3, 4, 5}, b[] = {5, NAN, 7};
    struct pelt_difference d = pelt_difference_of_runs(a, 5, b, 3, 0, 0.95);
    assert_near(d.value, 3, 1e-12);
    assert_near(d.df, 5, 1e-12);
    assert_near(d.error, sqrt(12.0 / 5) * sqrt(0.7), 1e-9);
}

static void one_run_is_compared_with_several(void **state)
{
    const double one[] = {9}, several[] = {1, 2, 3, 4, 5};
    struct pelt_difference d = pelt_difference_of_runs(several, 5, one, 1, 0, 0.95);
    assert_near(d.df, 4, 1e-12);
    assert_near(d.error, sqrt(2.5) * sqrt(1.2), 1e-9);
    d = pelt_difference_of_runs(one, 1, one, 1, 0, 0.95);
    assert_true(isnan(d.p));
    assert_int_equal(pelt_difference_judge(&d, false, 0.1), PELT_CHANGE_UNKNOWN);
}

static void resolution_keeps_equal_runs_from_being_certain(void **state)
{
    const double a[] = {1, 1, 1}, b[] = {1.001, 1.001, 1.001};
    assert_near(pelt_difference_of_runs(a, 3, b, 3, 0, 0.95).p, 0, 1e-12);
    assert_true(pelt_difference_of_runs(a, 3, b, 3, 0.001, 0.95).p > 0.1);
}

static void a_difference_is_judged_by_test_and_effect(void **state)
{
    struct pelt_difference d = {.value = 0.08, .low = 0.05, .high = 0.11};
    assert_int_equal(pelt_difference_judge(&d, true, 0.05), PELT_CHANGE_UP);
    assert_int_equal(pelt_difference_judge(&d, false, 0.05), PELT_CHANGE_UNKNOWN);
    assert_int_equal(pelt_difference_judge(&d, true, 0.1), PELT_CHANGE_UNKNOWN);
    assert_int_equal(pelt_difference_judge(&d, true, 0.2), PELT_CHANGE_NONE);
    d = (struct pelt_difference){.value = -0.08, .low = -0.11, .high = -0.05};
    assert_int_equal(pelt_difference_judge(&d, true, 0.05), PELT_CHANGE_DOWN);
}

/* What was asked for is enough: the same error on so much more is small enough for both. */
static void the_factor_is_what_makes_the_error_small_enough(void **state)
{
    struct pelt_estimate base = {0, 0.05, 10}, more = {0.01, 0.05, 10};
    struct pelt_difference d = pelt_difference_of(&base, &more, 0.95);
    double factor = pelt_difference_factor(&d, 0.001, 0.95, 0.05, 0.1);
    assert_true(factor > 4);
    base.error /= sqrt(factor / 1.2);
    more.error /= sqrt(factor / 1.2);
    more.value = 0.1 - 2.05 * hypot(base.error, more.error); /* 98 of 100 are beyond that */
    d = pelt_difference_of(&base, &more, 0.95);
    assert_true(d.p <= 0.00101 && d.value >= 0.0499);
    more.value = 1.96 * hypot(base.error, more.error); /* 97.5 of 100 are below that */
    d = pelt_difference_of(&base, &more, 0.95);
    assert_true(d.high < 0.0501);
    assert_near(pelt_difference_factor(&d, 0.001, 0.95, 0.05, 0.1), 1.2, 0.05);
}

static void runs_needed_are_the_least_that_tell(void **state)
{
    const double a[] = {0, 0.1}, b[] = {0.02, 0.08};
    struct pelt_difference d = pelt_difference_of_runs(a, 2, b, 2, 0, 0.95);
    double sd = pelt_difference_sd(a, 2, b, 2);
    double runs = pelt_difference_runs_needed(&d, sd, 0.001, 0.95, 0.05, 0.1);
    assert_true(runs > 10 && runs < 100);
    assert_true(pelt_difference_runs_needed(&d, sd / 2, 0.001, 0.95, 0.05, 0.1) < runs);
    assert_true(isinf(pelt_difference_runs_needed(&d, 100, 0.001, 0.95, 0.05, 0.1)));
    assert_true(isinf(pelt_difference_runs_needed(&d, NAN, 0.001, 0.95, 0.05, 0.1)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(estimates_are_compared_by_welch),
        cmocka_unit_test(five_runs_a_side_have_their_own_variances),
        cmocka_unit_test(few_runs_share_their_variance),
        cmocka_unit_test(one_run_is_compared_with_several),
        cmocka_unit_test(resolution_keeps_equal_runs_from_being_certain),
        cmocka_unit_test(a_difference_is_judged_by_test_and_effect),
        cmocka_unit_test(the_factor_is_what_makes_the_error_small_enough),
        cmocka_unit_test(runs_needed_are_the_least_that_tell),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
