/*
 * exit_code: which of several codes a process ends with.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "exit_code.h"

static void of_two_codes_the_one_that_goes_first_is_given(void **state)
{
    static const int order[] = {130, 1, 2, 6, 4, 3, 5, 0};
    const int len = sizeof order / sizeof *order;
    for (int i = 0; i < len; i++) {
        for (int j = i; j < len; j++) {
            assert_int_equal(cli_exit_merge(order[i], order[j]), order[i]);
            assert_int_equal(cli_exit_merge(order[j], order[i]), order[i]);
        }
    }
    assert_int_equal(cli_exit_merge(143, 1), 143);
    assert_int_equal(cli_exit_merge(1, 143), 143);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(of_two_codes_the_one_that_goes_first_is_given),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
