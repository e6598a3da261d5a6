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

static void what_fails_before_a_run_has_the_code_of_its_reason(void **state)
{
    const struct pelt_error err = {"why"};
    assert_int_equal(cli_fail(PELT_EINVAL, &err), CLI_EXIT_USAGE);
    assert_int_equal(cli_fail(PELT_ELOST, &err), 6);
    assert_int_equal(cli_fail(PELT_EIO, &err), CLI_EXIT_FAILED);
    assert_int_equal(cli_fail(PELT_ESTOPPED, &err), CLI_EXIT_SIGINT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(of_two_codes_the_one_that_goes_first_is_given),
        cmocka_unit_test(what_fails_before_a_run_has_the_code_of_its_reason),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
