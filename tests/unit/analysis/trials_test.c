/* trials and interval: by hand. */
#include "test.h"

#include <math.h>

#include "near.h"
#include "pelt/interval.h"
#include "pelt/trials.h"

static void the_interval_is_students_of_the_mean(void **state)
{
    /* mean 11, sd 1, t(0.975, 2) = 4.302653: half 4.302653 / sqrt(3). */
    const double values[4] = {10, NAN, 11, 12};
    struct pelt_interval i;
    assert_int_equal(pelt_trials_interval(values, 4, 0.95, &i, NULL), PELT_OK);
    assert_near(i.value, 11, 1e-12);
    assert_near(i.high - i.value, 2.484138, 1e-6);
    assert_near(i.value - i.low, 2.484138, 1e-6);
}

static void too_few_trials_are_refused(void **state)
{
    const double values[2] = {10, 11};
    struct pelt_interval i;
    struct pelt_error err;
    assert_int_equal(pelt_trials_interval(values, 2, 0.95, &i, &err), PELT_EINVAL);
    assert_string_equal(err.text, "interval of 2 trials: needs at least 3");
    assert_near(pelt_trials_missing(values, 2, 0.95, 0.05), 1, 0);
}

static void missing_trials_are_those_that_make_it_precise(void **state)
{
    /* sd 1, wanted half 0.55: t(0.975, n - 1) / sqrt(n) is 0.5540 for n = 15 and 0.5329 for 16. */
    const double values[3] = {10, 11, 12};
    assert_near(pelt_trials_missing(values, 3, 0.95, 0.05), 13, 0);
    const double same[3] = {10, 10, 10};
    assert_near(pelt_trials_missing(same, 3, 0.95, 0.05), 0, 0);
    const double around_nothing[3] = {-1, 0, 1};
    assert_true(isinf(pelt_trials_missing(around_nothing, 3, 0.95, 0.05)));
}

static void missing_seconds_grow_with_the_square_of_precision(void **state)
{
    struct pelt_interval i = {.value = 100, .low = 90, .high = 110};
    assert_near(pelt_interval_precision(&i), 0.1, 1e-12);
    assert_near(pelt_interval_missing(&i, 300, 0.1), 0, 0);
    assert_near(pelt_interval_missing(&i, 300, 0.05), 900, 0);
    i.high = INFINITY;
    assert_true(isinf(pelt_interval_missing(&i, 300, 0.05)));
    i = (struct pelt_interval){0};
    assert_near(pelt_interval_missing(&i, 300, 0.05), 0, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_interval_is_students_of_the_mean),
        cmocka_unit_test(too_few_trials_are_refused),
        cmocka_unit_test(missing_trials_are_those_that_make_it_precise),
        cmocka_unit_test(missing_seconds_grow_with_the_square_of_precision),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
