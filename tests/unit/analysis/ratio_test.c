/* ratio: shares and means of blocks, reckoned by hand, and how often the intervals hold. */
#include "test.h"

#include <stdlib.h>

#include "autocorrelated.h"
#include "near.h"
#include "pelt/ratio.h"

#define RUNS   400
#define BLOCKS 20

/* Of equal wholes the jackknife is the mean's standard error: deviations of 0.1, variance 0.08 / 7,
 * t(0.975, 7) = 2.364624. */
static void equal_blocks_have_the_interval_of_a_mean(void **state)
{
    struct pelt_ratio_block b[8];
    for (int i = 0; i < 8; i++) {
        b[i] = (struct pelt_ratio_block){i % 2 == 0 ? 6 : 8, 10};
    }
    struct pelt_interval r = pelt_ratio_interval(b, 8, 0.95);
    assert_near(r.value, 0.7, 1e-12);
    assert_near(r.high - r.value, 2.364624 * sqrt(0.08 / 7 / 8), 1e-6);
    assert_near(r.value - r.low, r.high - r.value, 1e-12);
}

static void a_ratio_is_of_sums_and_no_mean_of_ratios(void **state)
{
    const struct pelt_ratio_block b[2] = {{1, 1}, {0, 9}}, none[2] = {{0, 0}, {0, 0}};
    assert_near(pelt_ratio_value(b, 2), 0.1, 1e-12);
    assert_true(isnan(pelt_ratio_value(none, 2)));
    assert_true(isnan(pelt_ratio_share(none, 2, 0.95).value));
}

static void fewer_than_eight_blocks_have_no_interval(void **state)
{
    struct pelt_ratio_block b[9] = {{0, 0}};
    for (int i = 1; i < 8; i++) {
        b[i] = (struct pelt_ratio_block){i, 10};
    }
    struct pelt_interval r = pelt_ratio_share(b, 9, 0.95);
    assert_near(r.value, 28.0 / 70, 1e-12);
    assert_true(isnan(r.low) && isnan(r.high));
    b[8] = (struct pelt_ratio_block){3, 10};
    assert_true(isfinite(pelt_ratio_share(b, 9, 0.95).low));
}

/* Wilson's interval of 80 of 80: z^2 / (n + z^2) = 3.841459 / 83.841459 below 1. */
static void a_share_that_was_always_1_is_not_known_to_be(void **state)
{
    struct pelt_ratio_block b[8];
    for (int i = 0; i < 8; i++) {
        b[i] = (struct pelt_ratio_block){10, 10};
    }
    struct pelt_interval r = pelt_ratio_share(b, 8, 0.95);
    assert_near(r.low, 1 - 3.841459 / 83.841459, 1e-6);
    assert_near(r.high, 1, 1e-12);
}

/* Means 3 and 1; the blocks of both move together, so that nothing is left of it. */
static void what_moves_both_is_not_in_their_difference(void **state)
{
    struct pelt_ratio_block a[8], b[8];
    for (int i = 0; i < 8; i++) {
        const double move = i % 2 == 0 ? 0.5 : -0.5;
        a[i] = (struct pelt_ratio_block){10 * (3 + move), 10};
        b[i] = (struct pelt_ratio_block){10 * (1 + move), 10};
    }
    struct pelt_interval d = pelt_ratio_difference(a, b, 8, 0.95);
    assert_near(d.value, 2, 1e-12);
    assert_near(d.high - d.low, 0, 1e-9);
    assert_true(pelt_ratio_interval(a, 8, 0.95).high > 3.3);
}

/* 120 s in blocks of 6; 50 look-ups a second at a share of 0.8 that wanders by 0.05. */
static int covered(double phi, uint64_t seed)
{
    struct pelt_rng rng;
    int held = 0;
    pelt_rng_init(&rng, seed, 7);
    for (int run = 0; run < RUNS; run++) {
        struct pelt_ratio_block b[BLOCKS] = {{0, 0}};
        struct autocorrelated wander = autocorrelated_begin(&rng, phi);
        for (int t = 0; t < 120; t++) {
            const double share = fmin(0.8 + 0.05 * autocorrelated_next(&wander), 1);
            for (int i = 0; i < 50; i++) {
                b[t / 6].whole++;
                b[t / 6].part += pelt_rng_uniform(&rng) < share;
            }
        }
        struct pelt_interval r = pelt_ratio_share(b, BLOCKS, 0.95);
        held += r.low <= 0.8 && 0.8 <= r.high;
    }
    print_message("phi %g: %d of %d hold\n", phi, held, RUNS);
    return held;
}

static void intervals_hold_as_often_as_they_say(void **state)
{
    const char *seed = getenv("PELT_TEST_SEED");
    const uint64_t of = seed != NULL ? strtoull(seed, NULL, 10) : 1;
    const int apart = covered(0, of), alike = covered(0.6, of);
    assert_true(seed != NULL || (apart >= 368 && alike >= 360));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal_blocks_have_the_interval_of_a_mean),
        cmocka_unit_test(a_ratio_is_of_sums_and_no_mean_of_ratios),
        cmocka_unit_test(fewer_than_eight_blocks_have_no_interval),
        cmocka_unit_test(a_share_that_was_always_1_is_not_known_to_be),
        cmocka_unit_test(what_moves_both_is_not_in_their_difference),
        cmocka_unit_test(intervals_hold_as_often_as_they_say),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
