/* holm: the rule by hand. */
#include "test.h"

#include <math.h>

#include "pelt/holm.h"

static void smallest_first_each_with_its_own_share_of_the_family(void **state)
{
    /* 0.01 <= 0.05 / 4, 0.013 <= 0.05 / 3, 0.03 > 0.05 / 2: it and what is larger stay. */
    const double p[4] = {0.03, 0.01, 0.04, 0.013};
    bool rejected[4];
    pelt_holm(p, 4, 0.05, rejected);
    assert_false(rejected[0]);
    assert_true(rejected[1]);
    assert_false(rejected[2]);
    assert_true(rejected[3]);
}

static void a_value_after_the_first_that_fails_is_not_rejected(void **state)
{
    const double p[3] = {0.02, 0.03, 0.04}; /* 0.04 <= 0.05 / 1, but 0.02 > 0.05 / 3 */
    bool rejected[3] = {true, true, true};
    pelt_holm(p, 3, 0.05, rejected);
    assert_false(rejected[0] || rejected[1] || rejected[2]);
}

static void what_is_no_number_is_no_test(void **state)
{
    const double p[3] = {NAN, 0.02, NAN}; /* alone, so held against 0.05 */
    bool rejected[3];
    pelt_holm(p, 3, 0.05, rejected);
    assert_false(rejected[0] || rejected[2]);
    assert_true(rejected[1]);
    pelt_holm(p, 1, 0.05, rejected);
    assert_false(rejected[0]);
    pelt_holm(p, 0, 0.05, rejected);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(smallest_first_each_with_its_own_share_of_the_family),
        cmocka_unit_test(a_value_after_the_first_that_fails_is_not_rejected),
        cmocka_unit_test(what_is_no_number_is_no_test),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
