/* Own cost: slower above the limit, faster again once that is far enough away. */
#include "test.h"

#include "cost.h"

#define MS UINT64_C(1000000)

static struct cost make(void)
{
    struct cost c;

    cost_init(&c, 0.01, 0, 0);
    return c;
}

static void nothing_happens_within_a_window(void **state)
{
    struct cost c = make();

    assert_int_equal(cost_note(&c, 1999 * MS, 1999 * MS), COST_SAME);
    assert_int_equal(c.factor, 1);
}

static void above_the_limit_it_doubles_up_to_an_end(void **state)
{
    struct cost c = make();

    assert_int_equal(cost_note(&c, 2000 * MS, 21 * MS), COST_SAME); /* once may be chance */
    for (unsigned i = 2; i <= 5; i++) {
        assert_int_equal(cost_note(&c, i * 2000 * MS, i * 21 * MS), COST_SLOWER);
        assert_int_equal(c.factor, 1 << (i - 1));
    }
    assert_int_equal(cost_note(&c, 12000 * MS, 126 * MS), COST_SAME);
    assert_int_equal(c.factor, COST_FACTOR_MAX);
}

static void windows_above_the_limit_that_are_apart_are_forgiven(void **state)
{
    struct cost c = make();

    for (unsigned i = 0; i < 4; i++) {
        assert_int_equal(cost_note(&c, (4 * i + 2) * 1000 * MS, (i + 1) * 30 * MS), COST_SAME);
        assert_int_equal(cost_note(&c, (4 * i + 4) * 1000 * MS, (i + 1) * 30 * MS), COST_SAME);
    }
}

static void at_the_limit_all_is_well(void **state)
{
    struct cost c = make();

    assert_int_equal(cost_note(&c, 2000 * MS, 20 * MS), COST_SAME);
    assert_float_equal(c.share, 0.01, 1e-12);
}

static void it_recovers_only_where_half_the_tick_would_do(void **state)
{
    struct cost c = make();

    c.above = COST_PATIENCE - 1;
    assert_int_equal(cost_note(&c, 2000 * MS, 30 * MS), COST_SLOWER);
    assert_int_equal(cost_note(&c, 4000 * MS, 30 * MS + 9 * MS), COST_SAME); /* 0.45%: 0.9% */
    assert_int_equal(cost_note(&c, 6000 * MS, 39 * MS + 7 * MS), COST_FASTER);
    assert_int_equal(c.factor, 1);
    assert_int_equal(cost_note(&c, 8000 * MS, 46 * MS), COST_SAME);
    assert_int_equal(c.factor, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_happens_within_a_window),
        cmocka_unit_test(above_the_limit_it_doubles_up_to_an_end),
        cmocka_unit_test(windows_above_the_limit_that_are_apart_are_forgiven),
        cmocka_unit_test(at_the_limit_all_is_well),
        cmocka_unit_test(it_recovers_only_where_half_the_tick_would_do),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
