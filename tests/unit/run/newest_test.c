/* newest: rows of a figure, second by second, of samples as they come. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <math.h>

#include "newest.h"

static void a_limit_has_its_last_sample_and_how_full_it_is(void **state)
{
    struct pelt_newest n = {0};
    struct pelt_server_row row;
    pelt_newest_put(&n, (double[]){1, 10, 100}, 3, -1);
    pelt_newest_put(&n, (double[]){2, 10, 101}, 3, 0);
    pelt_newest_put(&n, (double[]){5, 10, 104}, 3, 0);
    assert_true(pelt_newest_row(&n, PELT_SERVER_LIMIT, 0, &row));
    assert_float_equal(row.last[0], 5, 0);
    assert_float_equal(row.full, 0.5, 1e-9);
    assert_float_equal(row.more[2], 4, 0); /* since the baseline */
    assert_false(pelt_newest_row(&n, PELT_SERVER_LIMIT, 1, &row));
}

static void samples_of_the_next_second_do_not_take_a_second_s_place(void **state)
{
    struct pelt_newest n = {0};
    struct pelt_server_row row;
    pelt_newest_put(&n, (double[]){7}, 1, 0);
    pelt_newest_put(&n, (double[]){8}, 1, 1);
    assert_true(pelt_newest_row(&n, PELT_SERVER_GAUGE, 0, &row));
    assert_float_equal(row.last[0], 7, 0);
    assert_true(pelt_newest_row(&n, PELT_SERVER_GAUGE, 1, &row));
    assert_float_equal(row.last[0], 8, 0);
}

static void counts_that_begin_anew_count_from_nought(void **state)
{
    struct pelt_newest n = {0};
    struct pelt_server_row row;
    pelt_newest_put(&n, (double[]){100}, 1, -1);
    pelt_newest_put(&n, (double[]){130}, 1, 0);
    assert_true(pelt_newest_row(&n, PELT_SERVER_COUNTER, 0, &row));
    assert_float_equal(row.more[0], 30, 0);
    pelt_newest_put(&n, (double[]){5}, 1, 1);
    assert_true(pelt_newest_row(&n, PELT_SERVER_COUNTER, 1, &row));
    assert_float_equal(row.more[0], 5, 0);
}

static void what_was_never_read_has_no_row(void **state)
{
    struct pelt_newest n = {0};
    struct pelt_server_row row;
    assert_false(pelt_newest_row(&n, PELT_SERVER_LIMIT, 0, &row));
    pelt_newest_put(&n, (double[]){1, NAN, NAN}, 3, 0);
    assert_true(pelt_newest_row(&n, PELT_SERVER_LIMIT, 0, &row));
    assert_true(isnan(row.full));
    assert_float_equal(row.more[2], 0, 0); /* there was no baseline */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_limit_has_its_last_sample_and_how_full_it_is),
        cmocka_unit_test(samples_of_the_next_second_do_not_take_a_second_s_place),
        cmocka_unit_test(counts_that_begin_anew_count_from_nought),
        cmocka_unit_test(what_was_never_read_has_no_row),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
