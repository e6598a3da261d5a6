/* mixture: distributions whose mixture is known. */
#include "test.h"

#include <stdlib.h>

#include "near.h"
#include "pelt/mixture.h"
#include "pelt/rng.h"

#define RUNS   400
#define BLOCKS 20

static struct pelt_hist_pool pool;

static int setup(void **state)
{
    pelt_hist_pool_init(&pool, NULL);
    return 0;
}

static int teardown(void **state)
{
    pelt_hist_pool_deinit(&pool);
    return 0;
}

/* Hits take 1 ms, misses each of 1 to 100 ms. */
static void percentiles_are_those_of_the_mixed_distribution(void **state)
{
    struct pelt_hist hit = {0}, miss = {0};
    struct pelt_mixture m = {.hit = &hit, .miss = &miss, .hit_share = 0.9};
    for (uint64_t i = 1; i <= 100; i++) {
        pelt_hist_record_n(&hit, &pool, 1000, 1);
        pelt_hist_record_n(&miss, &pool, i * 1000, 1);
    }
    assert_near((double)pelt_mixture_percentile_us(&m, 95), 50000, 50); /* half of the misses */
    assert_near((double)pelt_mixture_percentile_us(&m, 99), 90000, 90);
    assert_near((double)pelt_mixture_percentile_us(&m, 50), 1000, 1);
    m.hit_share = 0.95;
    assert_near((double)pelt_mixture_percentile_us(&m, 95), 1000, 1); /* and those of a miss of 1 */
    m.hit_share = 0;
    assert_near((double)pelt_mixture_percentile_us(&m, 95), 95000, 95);
    m.hit_share = 1;
    assert_near((double)pelt_mixture_percentile_us(&m, 99.9), 1000, 1);
    pelt_hist_reset(&hit, &pool);
    pelt_hist_reset(&miss, &pool);
}

/* At the share that was measured it is the percentile of all together. */
static void the_measured_share_gives_what_was_measured(void **state)
{
    struct pelt_hist hit = {0}, miss = {0}, all = {0};
    struct pelt_rng rng;
    pelt_rng_init(&rng, 3, 1);
    for (int i = 0; i < 5000; i++) {
        const bool is_hit = pelt_rng_uniform(&rng) < 0.7;
        const uint64_t us = (uint64_t)pelt_rng_exponential(&rng, is_hit ? 2000 : 30000);
        pelt_hist_record_n(is_hit ? &hit : &miss, &pool, us, 1);
        pelt_hist_record_n(&all, &pool, us, 1);
    }
    struct pelt_mixture m = {
        .hit = &hit, .miss = &miss, .hit_share = (double)hit.count / (double)all.count};
    const double q[] = {1, 50, 90, 95, 99, 99.9};
    for (size_t i = 0; i < sizeof q / sizeof *q; i++) {
        assert_int_equal(pelt_mixture_percentile_us(&m, q[i]), pelt_hist_percentile_us(&all, q[i]));
    }
    pelt_hist_reset(&hit, &pool);
    pelt_hist_reset(&miss, &pool);
    pelt_hist_reset(&all, &pool);
}

static void what_was_not_measured_cannot_be_mixed_in(void **state)
{
    struct pelt_hist hit = {0}, none = {0};
    pelt_hist_record_n(&hit, &pool, 5, 10);
    struct pelt_mixture m = {.hit = &hit, .miss = &none, .hit_share = 0.5};
    assert_int_equal(pelt_mixture_percentile_us(&m, 50), 0);
    assert_true(isnan(pelt_mixture_interval(&m, 50, 0.95).low));
    m.hit_share = 1;
    assert_int_equal(pelt_mixture_percentile_us(&m, 50), 5);
    pelt_hist_reset(&hit, &pool);
}

/* Misses take 20 ms and an exponential time of mean 5 ms; of hits (mean 1 ms) none takes so long.
 * At 90% hits p95 is the median of misses, 20 ms + 5 ms ln 2. */
static void intervals_hold_as_often_as_they_say(void **state)
{
    const char *seed = getenv("PELT_TEST_SEED");
    const double truth_us = 20000 + 5000 * M_LN2;
    struct pelt_rng rng;
    int held = 0;
    pelt_rng_init(&rng, seed != NULL ? strtoull(seed, NULL, 10) : 1, 2);
    for (int run = 0; run < RUNS; run++) {
        struct pelt_hist hit[BLOCKS] = {{0}}, miss[BLOCKS] = {{0}}, hits = {0}, misses = {0};
        for (int i = 0; i < BLOCKS * 50; i++) {
            const bool is_hit = pelt_rng_uniform(&rng) < 0.6;
            const double us = is_hit ? fmin(pelt_rng_exponential(&rng, 1000), 15000)
                                     : 20000 + pelt_rng_exponential(&rng, 5000);
            pelt_hist_record_n(is_hit ? &hit[i / 50] : &miss[i / 50], &pool, (uint64_t)us, 1);
        }
        for (int i = 0; i < BLOCKS; i++) {
            pelt_hist_add(&hits, &pool, &hit[i]);
            pelt_hist_add(&misses, &pool, &miss[i]);
        }
        struct pelt_mixture m = {&hits, &misses, hit, miss, BLOCKS, 0.9};
        struct pelt_interval p95 = pelt_mixture_interval(&m, 95, 0.95);
        held += p95.low <= truth_us + 10 && truth_us - 10 <= p95.high;
        for (int i = 0; i < BLOCKS; i++) {
            pelt_hist_reset(&hit[i], &pool);
            pelt_hist_reset(&miss[i], &pool);
        }
        pelt_hist_reset(&hits, &pool);
        pelt_hist_reset(&misses, &pool);
    }
    print_message("%d of %d hold\n", held, RUNS);
    assert_true(seed != NULL || held >= 368);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(percentiles_are_those_of_the_mixed_distribution),
        cmocka_unit_test(the_measured_share_gives_what_was_measured),
        cmocka_unit_test(what_was_not_measured_cannot_be_mixed_in),
        cmocka_unit_test(intervals_hold_as_often_as_they_say),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
