/*
 * hist: counters against the definition, percentiles against sorted samples, merging against
 * recording into one, and a pool that runs dry. All random numbers are seeded.
 */
#include "test.h"

#include <math.h>

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

static uint64_t counter(const struct pelt_hist *h, unsigned index)
{
    const uint64_t *page = h->page[index / PELT_HIST_PAGE];
    return page == NULL ? 0 : page[index % PELT_HIST_PAGE];
}

static void assert_same(const struct pelt_hist *a, const struct pelt_hist *b)
{
    for (unsigned i = 0; i < PELT_HIST_COUNTERS; i++) {
        assert_int_equal(counter(a, i), counter(b, i));
    }
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
    assert_int_equal(counter(&f->h, 0), 1);
    assert_int_equal(counter(&f->h, 1), 1);
    assert_int_equal(counter(&f->h, 2), 1);
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

static void a_spent_pool_makes_samples_lost_not_wrong(void **state)
{
    struct fixture *f = *state;
    struct pelt_hist_pool small;
    struct pelt_hist h = {0};
    pelt_hist_pool_init(&small, 2 * PELT_HIST_PAGE * sizeof(uint64_t));
    pelt_hist_record_n(&h, &small, 1, 5);
    pelt_hist_record_n(&h, &small, 600, 5);
    pelt_hist_record_n(&h, &small, 1000000, 3);
    assert_int_equal(h.count, 10);
    assert_int_equal(h.lost, 3);
    assert_int_equal(h.max_us, 600);

    struct pelt_hist more = {0};
    pelt_hist_record_n(&more, &f->pool, 2, 4);
    pelt_hist_record_n(&more, &f->pool, UINT64_MAX, 2);
    pelt_hist_add(&h, &small, &more);
    assert_int_equal(h.count, 14);
    assert_int_equal(h.lost, 5);
    assert_int_equal(h.clamped, 0);
    pelt_hist_pool_deinit(&small);
}

static void the_smallest_budget_is_one_page_not_none(void **state)
{
    struct pelt_hist_pool pool;
    pelt_hist_pool_init(&pool, 1);
    assert_int_equal(pool.budget_pages, 1);
}

static void a_reset_gives_zeroed_pages_back_for_reuse(void **state)
{
    struct fixture *f = *state;
    struct pelt_rng rng;
    pelt_rng_init(&rng, 3, 0);
    for (unsigned i = 0; i < SAMPLES; i++) {
        pelt_hist_record_n(&f->h, &f->pool, random_us(&rng), 1);
    }
    size_t pages = f->pool.pages;
    pelt_hist_reset(&f->h, &f->pool);
    assert_int_equal(f->h.count, 0);
    for (unsigned index = 0; index < PELT_HIST_PAGE * (unsigned)pages; index += PELT_HIST_PAGE) {
        pelt_hist_record_n(&f->h, &f->pool, pelt_hist_lowest_us(index + 7), 1);
    }
    assert_int_equal(f->pool.pages, pages);
    uint64_t sum = 0;
    for (unsigned i = 0; i < PELT_HIST_COUNTERS; i++) {
        sum += counter(&f->h, i);
    }
    assert_int_equal(sum, pages);
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

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(counters_cover_the_range_without_gap_to_three_digits),
        TEST(percentiles_are_those_of_the_sorted_samples),
        TEST(a_rank_that_comes_out_whole_is_not_rounded_up),
        TEST(percentiles_never_exceed_the_largest_sample),
        TEST(an_empty_histogram_answers_zero),
        TEST(values_above_an_hour_are_clamped_and_counted),
        TEST(nanoseconds_are_rounded_to_the_nearest_microsecond),
        TEST(parts_added_equal_the_whole_counter_for_counter),
        TEST(adding_nothing_changes_nothing),
        TEST(a_spent_pool_makes_samples_lost_not_wrong),
        TEST(the_smallest_budget_is_one_page_not_none),
        TEST(a_reset_gives_zeroed_pages_back_for_reuse),
        TEST(the_mean_comes_from_the_counters_middles),
        TEST(the_share_below_counts_the_values_counter_in),
        TEST(percentiles_need_the_samples_the_contract_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
