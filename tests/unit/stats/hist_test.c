/*
 * hist: counters against the definition, percentiles against sorted samples, merging against
 * recording into one, and each form that counts can lie in. All random numbers are seeded.
 */
#include "test.h"

#include <math.h>

#include "hist_counters.h"
#include "pelt/hist.h"
#include "pelt/rng.h"

#define SAMPLES 20000
#define PARTS   7

struct fixture {
    struct pelt_hist_pool pool;
    struct pelt_hist h;
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    *state = f;
    return f == NULL;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    pelt_hist_pool_deinit(&f->pool);
    free(f);
    return 0;
}

/* Log-normal around 2 ms, with a tail up to minutes. */
static uint64_t random_us(struct pelt_rng *rng)
{
    return (uint64_t)exp(pelt_rng_normal(rng, log(2000), 2)) + 1;
}

static void assert_same(const struct pelt_hist *a, const struct pelt_hist *b)
{
    assert_same_counters(a, b);
    assert_int_equal(a->count, b->count);
    assert_int_equal(a->min_us, b->min_us);
    assert_int_equal(a->max_us, b->max_us);
    assert_int_equal(a->clamped, b->clamped);
    assert_int_equal(a->lost, b->lost);
}

static void counters_cover_the_range_without_gap_to_three_digits(void **state)
{
    uint64_t next = 0;
    for (unsigned i = 0; i < PELT_HIST_COUNTERS; i++) {
        uint64_t lowest = pelt_hist_lowest_us(i);
        uint64_t highest = pelt_hist_highest_us(i);
        assert_int_equal(lowest, next);
        assert_int_equal(pelt_hist_index(lowest), i);
        assert_int_equal(pelt_hist_index(highest), i);
        assert_true((highest - lowest) * 1000 <= lowest);
        next = highest + 1;
    }
    assert_true(next > PELT_HIST_MAX_US);
    assert_true(pelt_hist_index(PELT_HIST_MAX_US) < PELT_HIST_COUNTERS);
}

static int by_value(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static void percentiles_are_those_of_the_sorted_samples(void **state)
{
    static const double PERCENTILES[] = {1, 25, 50, 75, 90, 95, 99, 99.9, 99.99};
    static uint64_t sample[SAMPLES];
    struct fixture *f = *state;
    struct pelt_rng rng;
    pelt_rng_init(&rng, 1, 0);
    for (unsigned i = 0; i < SAMPLES; i++) {
        sample[i] = random_us(&rng);
        pelt_hist_record_n(&f->h, &f->pool, sample[i], 1);
    }
    qsort(sample, SAMPLES, sizeof sample[0], by_value);
    for (unsigned i = 0; i < sizeof PERCENTILES / sizeof PERCENTILES[0]; i++) {
        unsigned rank = (unsigned)ceil(PERCENTILES[i] * SAMPLES / 100 - 1e-6);
        uint64_t exact = sample[rank - 1];
        uint64_t highest = pelt_hist_highest_us(pelt_hist_index(exact));
        assert_int_equal(pelt_hist_percentile_us(&f->h, PERCENTILES[i]), highest);
    }
    assert_int_equal(f->h.min_us, sample[0]);
    assert_int_equal(f->h.max_us, sample[SAMPLES - 1]);
    assert_int_equal(pelt_hist_percentile_us(&f->h, 0), sample[0]);
    assert_int_equal(pelt_hist_percentile_us(&f->h, 100), sample[SAMPLES - 1]);
}

static void a_rank_that_comes_out_whole_is_not_rounded_up(void **state)
{
    struct fixture *f = *state;
    for (uint64_t us = 1; us <= 1000; us++) {
        pelt_hist_record_n(&f->h, &f->pool, us, 1);
    }
    assert_int_equal(pelt_hist_percentile_us(&f->h, 0.01), 1);
    assert_int_equal(pelt_hist_percentile_us(&f->h, 50), 500);
    assert_int_equal(pelt_hist_percentile_us(&f->h, 50.01), 501);
    assert_int_equal(pelt_hist_percentile_us(&f->h, 99.9), 999);
    assert_int_equal(pelt_hist_percentile_us(&f->h, 99.91), 1000);
}

static void percentiles_never_exceed_the_largest_sample(void **state)
{
    struct fixture *f = *state;
    pelt_hist_record_n(&f->h, &f->pool, 1000001, 3);
    assert_true(pelt_hist_highest_us(pelt_hist_index(1000001)) > 1000001);
    assert_int_equal(pelt_hist_percentile_us(&f->h, 50), 1000001);
}

static void an_empty_histogram_answers_zero(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(pelt_hist_percentile_us(&f->h, 99), 0);
    assert_true(pelt_hist_mean_us(&f->h) == 0);
    assert_true(pelt_hist_share_below(&f->h, 5) == 0);
}

static void values_above_an_hour_are_clamped_and_counted(void **state)
{
    struct fixture *f = *state;
    pelt_hist_record_n(&f->h, &f->pool, PELT_HIST_MAX_US, 1);
    assert_int_equal(f->h.clamped, 0);
    pelt_hist_record_n(&f->h, &f->pool, PELT_HIST_MAX_US + 1, 2);
    pelt_hist_record_n(&f->h, &f->pool, UINT64_MAX, 1);
    assert_int_equal(f->h.clamped, 3);
    assert_int_equal(f->h.count, 4);
    assert_int_equal(f->h.max_us, PELT_HIST_MAX_US);
    assert_int_equal(pelt_hist_percentile_us(&f->h, 100), PELT_HIST_MAX_US);
}

static void nanoseconds_are_rounded_to_the_nearest_microsecond(void **state)
{
    struct fixture *f = *state;
    pelt_hist_record_ns(&f->h, &f->pool, 499);
    pelt_hist_record_ns(&f->h, &f->pool, 500);
    pelt_hist_record_ns(&f->h, &f->pool, 2499);
    assert_int_equal(hist_counter(&f->h, 0), 1);
    assert_int_equal(hist_counter(&f->h, 1), 1);
    assert_int_equal(hist_counter(&f->h, 2), 1);
}

static void parts_added_equal_the_whole_counter_for_counter(void **state)
{
    struct fixture *f = *state;
    struct pelt_hist part[PARTS] = {0};
    struct pelt_hist sum = {0};
    struct pelt_rng rng;
    pelt_rng_init(&rng, 2, 0);
    for (unsigned i = 0; i < SAMPLES; i++) {
        uint64_t us = i % 1000 == 0 ? PELT_HIST_MAX_US + i : random_us(&rng);
        uint64_t n = 1 + pelt_rng_below(&rng, 3);
        pelt_hist_record_n(&f->h, &f->pool, us, n);
        pelt_hist_record_n(&part[pelt_rng_below(&rng, PARTS)], &f->pool, us, n);
    }
    for (unsigned i = 0; i < PARTS; i++) {
        pelt_hist_add(&sum, &f->pool, &part[i]);
    }
    assert_true(sum.clamped > 0);
    assert_same(&sum, &f->h);
}

static void adding_nothing_changes_nothing(void **state)
{
    struct fixture *f = *state;
    struct pelt_hist empty = {0}, copy = {0};
    pelt_hist_record_n(&f->h, &f->pool, 70, 1);
    pelt_hist_add(&copy, &f->pool, &f->h);
    pelt_hist_add(&copy, &f->pool, &empty);
    assert_same(&copy, &f->h);
}

static void a_reset_gives_all_memory_back_for_reuse(void **state)
{
    struct fixture *f = *state;
    for (unsigned round = 0; round < 3; round++) {
        struct pelt_rng rng;
        size_t bytes = f->pool.bytes;
        pelt_rng_init(&rng, 3, 0);
        for (unsigned i = 0; i < SAMPLES; i++) {
            pelt_hist_record(&f->h, &f->pool, random_us(&rng));
        }
        assert_int_equal(f->h.count, SAMPLES);
        assert_true(f->pool.bytes > 0);
        assert_true(round == 0 || f->pool.bytes == bytes);
        pelt_hist_reset(&f->h, &f->pool);
        assert_int_equal(f->h.count, 0);
        assert_int_equal(hist_counter(&f->h, 2000), 0);
    }
}

/* ---- where the counts lie ---- */

/* Over all 22 buckets alike, as log-uniform values are. */
static uint64_t wide_us(struct pelt_rng *rng)
{
    return (uint64_t)exp(pelt_rng_uniform(rng) * log((double)PELT_HIST_MAX_US));
}

/* `h` holds exactly `us[0]` to `us[len - 1]`, each `n` times. */
static void assert_holds(const struct pelt_hist *h, const uint64_t *us, size_t len, uint64_t n)
{
    static uint64_t want[PELT_HIST_COUNTERS], have[PELT_HIST_COUNTERS];
    uint64_t min_us = UINT64_MAX, max_us = 0;
    memset(want, 0, sizeof want);
    for (size_t i = 0; i < len; i++) {
        want[pelt_hist_index(us[i])] += n;
        min_us = us[i] < min_us ? us[i] : min_us;
        max_us = us[i] > max_us ? us[i] : max_us;
    }
    hist_counters(h, have);
    for (unsigned i = 0; i < PELT_HIST_COUNTERS; i++) {
        assert_int_equal(have[i], want[i]);
    }
    assert_int_equal(h->min_us, min_us);
    assert_int_equal(h->max_us, max_us);
}

static void from_the_first_sample_to_the_last_none_is_lost_or_moved(void **state)
{
    struct fixture *f = *state;
    static uint64_t us[SAMPLES];
    struct pelt_rng rng;
    unsigned next = 1;
    pelt_rng_init(&rng, 5, 0);
    for (unsigned i = 0; i < SAMPLES; i++) {
        us[i] = wide_us(&rng);
        pelt_hist_record(&f->h, &f->pool, us[i]);
        if (i + 1 == next) { /* 1, 2, 3, 5, 7, 10 ...: each stage of log and pages */
            assert_holds(&f->h, us, i + 1, 1);
            next += next / 2 + 1;
        }
    }
    assert_holds(&f->h, us, SAMPLES, 1);
}

static void few_samples_anywhere_cost_64_bytes_for_28(void **state)
{
    struct fixture *f = *state;
    struct pelt_rng rng;
    pelt_rng_init(&rng, 6, 0);
    for (unsigned i = 0; i < 56; i++) {
        pelt_hist_record(&f->h, &f->pool, wide_us(&rng));
    }
    char *begin = pelt_hist_pool_take(&f->pool, 0);
    for (unsigned p = 0; p < PELT_HIST_PAGES; p++) {
        assert_int_equal(f->h.page[p], 0);
    }
    assert_int_equal(f->h.log_len, 56);
    assert_ptr_equal(begin, (char *)f->h.log + 64); /* two blocks, and it is the third */
}

static void a_page_with_many_samples_becomes_a_direct_one(void **state)
{
    struct fixture *f = *state;
    for (unsigned i = 0; i < 300; i++) {
        pelt_hist_record(&f->h, &f->pool, 100 + i);
    }
    assert_true(f->h.page[0] > 0);
    assert_true(f->h.log_len < 300);
    assert_int_equal(f->h.count, 300);
    assert_int_equal(hist_counter(&f->h, 399), 1);
}

/* Everywhere 65,536 times: 16 bits do not hold it, whatever form it came in. */
static void sums_widen_exactly_as_they_grow(void **state)
{
    struct fixture *f = *state;
    struct pelt_hist sum = {0};
    static uint64_t us[1000];
    struct pelt_rng rng;
    pelt_rng_init(&rng, 8, 0);
    for (unsigned i = 0; i < 1000; i++) {
        us[i] = wide_us(&rng);
        pelt_hist_record(&f->h, &f->pool, us[i]);
    }
    for (unsigned doubling = 0; doubling < 34; doubling++) {
        pelt_hist_add(&sum, &f->pool, &f->h);
        assert_holds(&sum, us, 1000, UINT64_C(1) << doubling);
        pelt_hist_reset(&f->h, &f->pool);
        pelt_hist_add(&f->h, &f->pool, &sum);
    }
}

static void a_direct_counter_goes_on_above_32_bits(void **state)
{
    struct fixture *f = *state;
    for (unsigned i = 0; i < 300; i++) {
        pelt_hist_record(&f->h, &f->pool, 100);
    }
    assert_true(f->h.page[0] > 0);
    pelt_hist_record_n(&f->h, &f->pool, 100, UINT32_MAX - hist_counter(&f->h, 100));
    assert_int_equal(hist_counter(&f->h, 100), UINT32_MAX);
    pelt_hist_record(&f->h, &f->pool, 100);
    pelt_hist_record(&f->h, &f->pool, 100);
    assert_int_equal(hist_counter(&f->h, 100), UINT64_C(1) + UINT32_MAX + 1);
    assert_int_equal(f->h.count, UINT64_C(1) + UINT32_MAX + 1);
}

static void a_wide_sum_of_few_per_counter_takes_a_byte_a_counter(void **state)
{
    struct fixture *f = *state;
    struct pelt_hist sum = {0};
    struct pelt_hist_pool pool = {0};
    struct pelt_rng rng;
    pelt_rng_init(&rng, 9, 0);
    for (unsigned second = 0; second < 1000; second++) {
        for (unsigned i = 0; i < 100; i++) {
            pelt_hist_record(&f->h, &f->pool, 2048 + wide_us(&rng));
        }
        pelt_hist_add(&sum, &pool, &f->h);
        pelt_hist_reset(&f->h, &f->pool);
    }
    assert_int_equal(sum.count, 100000);
    assert_in_range(pool.bytes, 1, 2 * PELT_HIST_COUNTERS + 65536);
    pelt_hist_pool_deinit(&pool);
}

static void the_mean_comes_from_the_counters_middles(void **state)
{
    struct fixture *f = *state;
    pelt_hist_record_n(&f->h, &f->pool, 10, 1);
    pelt_hist_record_n(&f->h, &f->pool, 20, 3);
    assert_true(pelt_hist_mean_us(&f->h) == 17.5);
    pelt_hist_reset(&f->h, &f->pool);
    pelt_hist_record_n(&f->h, &f->pool, 4096, 1); /* counter 4096..4099 */
    assert_true(pelt_hist_mean_us(&f->h) == 4098);
}

static void the_share_below_counts_the_values_counter_in(void **state)
{
    struct fixture *f = *state;
    pelt_hist_record_n(&f->h, &f->pool, 100, 1);
    pelt_hist_record_n(&f->h, &f->pool, 900, 1);
    pelt_hist_record_n(&f->h, &f->pool, 90000, 2);
    assert_true(pelt_hist_share_below(&f->h, 99) == 0);
    assert_true(pelt_hist_share_below(&f->h, 100) == 0.25);
    assert_true(pelt_hist_share_below(&f->h, 900) == 0.5);
    assert_true(pelt_hist_share_below(&f->h, 80000) == 0.5);
    assert_true(pelt_hist_share_below(&f->h, UINT64_MAX) == 1);
}

static void percentiles_need_the_samples_the_contract_names(void **state)
{
    assert_int_equal(pelt_hist_samples_needed(90), 36);
    assert_int_equal(pelt_hist_samples_needed(95), 72);
    assert_int_equal(pelt_hist_samples_needed(99), 368);
    assert_int_equal(pelt_hist_samples_needed(99.9), 3688);
    assert_int_equal(pelt_hist_samples_needed(99.99), 36888);
    assert_int_equal(pelt_hist_samples_needed(50), 6);
    assert_int_equal(pelt_hist_samples_needed(99.5), 736);
    assert_int_equal(pelt_hist_samples_needed(0), 1);
    assert_int_equal(pelt_hist_samples_needed(100), 1);
}

/* Sums that grow from lists to pages and wider ones, as those of a run do. */
static void growth_is_said_before_memory_is_taken(void **state)
{
    enum { SUMS = 50, ROUNDS = 60, VALUES = 120 };
    static struct pelt_hist sum[SUMS];
    struct pelt_hist_pool sums, seconds;
    struct pelt_rng rng;
    size_t said = 0;
    pelt_rng_init(&rng, 1, 1);
    pelt_hist_pool_init(&sums, NULL);
    pelt_hist_pool_init(&seconds, NULL);
    for (int round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < SUMS; i++) {
            struct pelt_hist second = {0};
            for (int k = 0; k < VALUES; k++) {
                double us = i % 2 ? exp(pelt_rng_uniform(&rng) * log(3.6e9)) : 500 + k;
                pelt_hist_record(&second, &seconds, (uint64_t)us);
            }
            said += pelt_hist_growth(&sum[i], &second);
            pelt_hist_add(&sum[i], &sums, &second);
            pelt_hist_reset(&second, &seconds);
        }
        assert_in_range(sums.bytes, said / 3, said + (size_t)64 * 1024);
    }
    struct pelt_hist again = {0};
    pelt_hist_record(&again, &seconds, 550);
    assert_int_equal(pelt_hist_growth(&sum[0], &again), 0);
    pelt_hist_pool_deinit(&seconds);
    pelt_hist_pool_deinit(&sums);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(growth_is_said_before_memory_is_taken),
        TEST(counters_cover_the_range_without_gap_to_three_digits),
        TEST(percentiles_are_those_of_the_sorted_samples),
        TEST(a_rank_that_comes_out_whole_is_not_rounded_up),
        TEST(percentiles_never_exceed_the_largest_sample),
        TEST(an_empty_histogram_answers_zero),
        TEST(values_above_an_hour_are_clamped_and_counted),
        TEST(nanoseconds_are_rounded_to_the_nearest_microsecond),
        TEST(parts_added_equal_the_whole_counter_for_counter),
        TEST(adding_nothing_changes_nothing),
        TEST(a_reset_gives_all_memory_back_for_reuse),
        TEST(from_the_first_sample_to_the_last_none_is_lost_or_moved),
        TEST(few_samples_anywhere_cost_64_bytes_for_28),
        TEST(a_page_with_many_samples_becomes_a_direct_one),
        TEST(sums_widen_exactly_as_they_grow),
        TEST(a_direct_counter_goes_on_above_32_bits),
        TEST(a_wide_sum_of_few_per_counter_takes_a_byte_a_counter),
        TEST(the_mean_comes_from_the_counters_middles),
        TEST(the_share_below_counts_the_values_counter_in),
        TEST(percentiles_need_the_samples_the_contract_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
