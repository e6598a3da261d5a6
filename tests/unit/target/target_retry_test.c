/* retry: waits are uniform below a bound that doubles up to a cap, and follow from the seed. */
#include "test.h"

#include <math.h>

#include "retry.h"

#define MS    UINT64_C(1000000)
#define CALLS 20000

static const struct target_retry retry = {
    .attempts = 6, .base_ns = 100 * MS, .cap_ns = 1000 * MS, .seed = 1};

static void bounds_double_up_to_the_cap(void **state)
{
    static const uint64_t bound_ms[] = {100, 200, 400, 800, 1000, 1000};
    static const struct target_retry endless = {.attempts = 16, .base_ns = 3, .cap_ns = UINT64_MAX};
    static const struct target_retry low = {.attempts = 2, .base_ns = 100, .cap_ns = 10};

    for (uint64_t failed = 1; failed <= 6; failed++) {
        assert_int_equal(target_retry_bound_ns(&retry, failed), bound_ms[failed - 1] * MS);
    }
    assert_int_equal(target_retry_bound_ns(&endless, 5), 48);
    assert_int_equal(target_retry_bound_ns(&endless, 100), UINT64_MAX);
    assert_int_equal(target_retry_bound_ns(&low, 1), 10);
}

static void there_are_as_many_attempts_as_allowed(void **state)
{
    uint64_t wait_ns;

    for (uint64_t failed = 1; failed < 6; failed++) {
        assert_true(target_retry_wait(&retry, 0, failed, &wait_ns));
    }
    assert_false(target_retry_wait(&retry, 0, 6, &wait_ns));
}

static void waits_are_spread_over_all_below_the_bound(void **state)
{
    for (uint64_t failed = 1; failed < 6; failed++) {
        double bound = (double)target_retry_bound_ns(&retry, failed), sum = 0;
        unsigned tenth[10] = {0};

        for (uint64_t call = 0; call < CALLS; call++) {
            uint64_t wait_ns;

            assert_true(target_retry_wait(&retry, call, failed, &wait_ns));
            assert_true((double)wait_ns < bound);
            sum += (double)wait_ns / bound;
            tenth[(size_t)((double)wait_ns / bound * 10)]++;
        }
        assert_true(fabs(sum / CALLS - 0.5) < 4 / sqrt(12.0 * CALLS));
        for (size_t i = 0; i < 10; i++) {
            assert_in_range(tenth[i], CALLS / 10 - 4 * 43, CALLS / 10 + 4 * 43); /* 4 sigma */
        }
    }
}

static void waits_of_one_call_are_independent(void **state)
{
    double sum = 0;

    for (uint64_t call = 0; call < CALLS; call++) {
        uint64_t first_ns, second_ns;

        assert_true(target_retry_wait(&retry, call, 1, &first_ns));
        assert_true(target_retry_wait(&retry, call, 2, &second_ns));
        sum += ((double)first_ns / 100e6 - 0.5) * ((double)second_ns / 200e6 - 0.5);
    }
    assert_true(fabs(sum / CALLS) < 4.0 / 12 / sqrt(CALLS)); /* the product's deviation is 1/12 */
}

static void the_seed_fixes_the_schedule(void **state)
{
    struct target_retry other = retry;
    uint64_t first_ns, again_ns, other_ns, next_ns;

    other.seed = 2;
    assert_true(target_retry_wait(&retry, 7, 2, &first_ns));
    assert_true(target_retry_wait(&retry, 7, 2, &again_ns));
    assert_true(target_retry_wait(&other, 7, 2, &other_ns));
    assert_true(target_retry_wait(&retry, 8, 2, &next_ns));
    assert_int_equal(first_ns, again_ns);
    assert_int_not_equal(first_ns, other_ns);
    assert_int_not_equal(first_ns, next_ns);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bounds_double_up_to_the_cap),
        cmocka_unit_test(there_are_as_many_attempts_as_allowed),
        cmocka_unit_test(waits_are_spread_over_all_below_the_bound),
        cmocka_unit_test(waits_of_one_call_are_independent),
        cmocka_unit_test(the_seed_fixes_the_schedule),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
