/* recovery: by hand. */
#include "test.h"

#include <math.h>

#include "near.h"
#include "pelt/recovery.h"

static const struct pelt_recovery_rule rule = {.tolerance = 0.1, .hold = 3};

/* Baseline 10 (median), spike in [5, 7), as before from 10 on. */
static const double seconds[16] = {10, 11, 10, 9, 10, 50, 80, 70, 40, 12, 11, 10, 10, 10, 10, 10};

static void the_time_is_to_the_first_of_the_good_samples(void **state)
{
    struct pelt_recovery r;
    assert_int_equal(pelt_recovery_find(seconds, 16, 1, 5, 7, &rule, &r, NULL), PELT_OK);
    assert_true(r.recovered);
    assert_near(r.baseline, 10, 0);
    assert_near(r.limit, 11, 1e-12);
    assert_near(r.time_s, 3, 0);
    assert_near(r.worst, 80, 0);
    assert_near(r.worst_s, 1, 0);
}

static void a_good_second_between_bad_ones_is_no_recovery(void **state)
{
    double y[16];
    struct pelt_recovery r;
    for (size_t i = 0; i < 16; i++) {
        y[i] = seconds[i];
    }
    y[12] = 30;
    y[14] = NAN; /* neither holds nor breaks */
    assert_int_equal(pelt_recovery_find(y, 16, 1, 5, 7, &rule, &r, NULL), PELT_OK);
    assert_false(r.recovered);
    assert_near(r.time_s, 9, 0);
    struct pelt_recovery_rule two = {.tolerance = 0.1, .hold = 2};
    assert_int_equal(pelt_recovery_find(y, 16, 1, 5, 7, &two, &r, NULL), PELT_OK);
    assert_near(r.time_s, 3, 0);
    y[10] = 30;
    assert_int_equal(pelt_recovery_find(y, 16, 1, 5, 7, &two, &r, NULL), PELT_OK);
    assert_near(r.time_s, 6, 0);
}

static void a_spike_that_changes_nothing_is_recovered_at_once(void **state)
{
    static const double y[10] = {5, 5, 5, 5, 5, 5, 5, 5, 5, 5};
    struct pelt_recovery r;
    assert_int_equal(pelt_recovery_find(y, 10, 1, 3, 5, &rule, &r, NULL), PELT_OK);
    assert_true(r.recovered);
    assert_near(r.time_s, 0, 0);
}

static void finer_samples_give_finer_times(void **state)
{
    double y[200];
    struct pelt_recovery r;
    for (size_t i = 0; i < 200; i++) {
        double t = (double)i * 0.1;
        y[i] = t >= 4 && t < 9.25 ? 100 : 1;
    }
    assert_int_equal(pelt_recovery_find(y, 200, 0.1, 4, 6, &rule, &r, NULL), PELT_OK);
    assert_near(r.time_s, 3.3, 1e-9);
}

static void slack_is_for_baselines_near_nothing(void **state)
{
    static const double errors[9] = {0, 0, 0, 40, 50, 3, 2, 2, 1};
    struct pelt_recovery_rule slack = {.tolerance = 0.1, .slack = 2, .hold = 2};
    struct pelt_recovery r;
    assert_int_equal(pelt_recovery_find(errors, 9, 1, 3, 5, &slack, &r, NULL), PELT_OK);
    assert_true(r.recovered);
    assert_near(r.time_s, 1, 0);
    assert_int_equal(pelt_recovery_find(errors, 9, 1, 3, 5, &rule, &r, NULL), PELT_OK);
    assert_false(r.recovered);
}

static void what_the_next_spike_begins_is_not_looked_at(void **state)
{
    struct pelt_recovery r;
    assert_int_equal(pelt_recovery_find(seconds, 12, 1, 5, 7, &rule, &r, NULL), PELT_OK);
    assert_false(r.recovered);
    assert_near(r.time_s, 5, 0);
}

static void a_spike_without_before_or_after_is_refused(void **state)
{
    struct pelt_recovery r;
    struct pelt_error err;
    assert_int_equal(pelt_recovery_find(seconds, 16, 1, 0, 7, &rule, &r, &err), PELT_EINVAL);
    assert_string_equal(err.text, "recovery: nothing was measured before the spike at 0 s");
    assert_int_equal(pelt_recovery_find(seconds, 7, 1, 5, 7, &rule, &r, &err), PELT_EINVAL);
    assert_string_equal(err.text, "recovery: nothing was measured after the spike's end at 7 s");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_time_is_to_the_first_of_the_good_samples),
        cmocka_unit_test(a_good_second_between_bad_ones_is_no_recovery),
        cmocka_unit_test(a_spike_that_changes_nothing_is_recovered_at_once),
        cmocka_unit_test(finer_samples_give_finer_times),
        cmocka_unit_test(slack_is_for_baselines_near_nothing),
        cmocka_unit_test(what_the_next_spike_begins_is_not_looked_at),
        cmocka_unit_test(a_spike_without_before_or_after_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
