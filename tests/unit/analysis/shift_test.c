/* shift: distances and deciles of histograms whose distributions are known. */
#include "test.h"

#include "near.h"
#include "pelt/shift.h"

struct both {
    struct pelt_hist_pool pool;
    struct pelt_hist base, more;
};

static void clear(struct both *b)
{
    pelt_hist_pool_deinit(&b->pool);
    *b = (struct both){0};
    pelt_hist_pool_init(&b->pool, NULL);
}

static void uniform(struct both *b, struct pelt_hist *h, uint64_t from, uint64_t to)
{
    for (uint64_t us = from; us < to; us++) {
        pelt_hist_record_n(h, &b->pool, us, 10);
    }
}

static void two_uniform_ones_are_apart_by_their_shift(void **state)
{
    struct both b = {0};
    struct pelt_shift s;
    clear(&b);
    uniform(&b, &b.base, 1000, 2000);
    uniform(&b, &b.more, 1100, 2100);
    assert_int_equal(pelt_shift_of(&b.base, &b.more, &s), PELT_OK);
    assert_near(s.distance, 0.1, 0.002);
    assert_true(s.more_below);
    for (int i = 0; i < PELT_SHIFT_DECILES; i++) {
        assert_near(s.base_us[i], 1000 + 100 * (i + 1), 3);
        assert_near(s.more_us[i], 1100 + 100 * (i + 1), 3);
    }
    assert_int_equal(pelt_shift_of(&b.more, &b.base, &s), PELT_OK);
    assert_near(s.distance, 0.1, 0.002);
    assert_false(s.more_below);
    clear(&b);
    pelt_hist_pool_deinit(&b.pool);
}

static void the_same_ones_are_not_apart_and_strangers_wholly(void **state)
{
    struct both b = {0};
    struct pelt_shift s;
    clear(&b);
    uniform(&b, &b.base, 1000, 2000);
    uniform(&b, &b.more, 1000, 2000);
    assert_int_equal(pelt_shift_of(&b.base, &b.more, &s), PELT_OK);
    assert_near(s.distance, 0, 1e-12);
    pelt_hist_reset(&b.more, &b.pool);
    pelt_hist_record(&b.more, &b.pool, 5000);
    assert_int_equal(pelt_shift_of(&b.base, &b.more, &s), PELT_OK);
    assert_near(s.distance, 1, 1e-12);
    assert_near(s.at_us, 1999, 2);
    clear(&b);
    pelt_hist_pool_deinit(&b.pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_uniform_ones_are_apart_by_their_shift),
        cmocka_unit_test(the_same_ones_are_not_apart_and_strangers_wholly),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
