/*
 * bootstrap: the bar: of 400 runs with autocorrelated seconds the 95% interval covers the true p99
 * in 368 to 392. Each second's latencies are log-normal around a level that is itself a log-normal
 * AR(1), so that the truth is known: all latencies together are log-normal, too. PELT_TEST_SEED
 * moves all random numbers.
 */
#include "test.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "autocorrelated.h"
#include "near.h"
#include "pelt/bootstrap.h"
#include "pelt/student.h"

#define RUNS     REPEATED(400)
#define SECONDS  300
#define A_SECOND 50
#define MEDIAN   20000.0 /* us */
#define WITHIN   0.5     /* spread within a second */
#define BETWEEN  0.15    /* of the level */

struct run {
    struct pelt_hist_pool pool;
    struct pelt_hist seconds[SECONDS];
    const struct pelt_hist *list[SECONDS];
};

static int setup(void **state)
{
    *state = calloc(1, sizeof(struct run));
    return *state == NULL;
}

static void clear(struct run *r)
{
    pelt_hist_pool_deinit(&r->pool);
    memset(r, 0, sizeof *r);
    pelt_hist_pool_init(&r->pool, NULL);
    for (size_t i = 0; i < SECONDS; i++) {
        r->list[i] = &r->seconds[i];
    }
}

static int teardown(void **state)
{
    clear(*state);
    free(*state);
    return 0;
}

static void synthetic_run(struct run *r, uint64_t seed, double phi)
{
    struct pelt_rng rng;
    pelt_rng_init(&rng, seed, 0);
    struct autocorrelated level = autocorrelated_begin(&rng, phi);
    clear(r);
    for (size_t i = 0; i < SECONDS; i++) {
        double log_median = log(MEDIAN) + BETWEEN * autocorrelated_next(&level);
        for (int j = 0; j < A_SECOND; j++) {
            double us = exp(pelt_rng_normal(&rng, log_median, WITHIN));
            pelt_hist_record(&r->seconds[i], &r->pool, (uint64_t)(us + 0.5));
        }
    }
}

static uint64_t seed_of(uint64_t usual)
{
    const char *text = getenv("PELT_TEST_SEED");
    return text != NULL ? strtoull(text, NULL, 10) : usual;
}

static bool covers(const struct pelt_interval *i, double truth)
{
    assert_true(i->low <= i->value && i->value <= i->high);
    return i->low <= truth && truth <= i->high;
}

static void the_interval_covers_the_true_p99_and_mean(void **state)
{
    struct run *r = *state;
    double spread = sqrt(WITHIN * WITHIN + BETWEEN * BETWEEN);
    double p99 = MEDIAN * exp(pelt_normal_quantile(0.99) * spread);
    double mean = MEDIAN * exp(spread * spread / 2);
    int p99_covered = 0;
    int mean_covered = 0;
    for (uint64_t run = 0; run < RUNS; run++) {
        struct pelt_bootstrap how = {.confidence = 0.95, .seed = run};
        struct pelt_interval i;
        size_t block;
        synthetic_run(r, seed_of(1) * RUNS + run, 0.6);
        assert_int_equal(pelt_bootstrap_percentile(r->list, SECONDS, 99, &how, &i, &block, NULL),
                         PELT_OK);
        assert_in_range(block, 25, 38);
        p99_covered += covers(&i, p99);
        assert_int_equal(pelt_bootstrap_mean(r->list, SECONDS, &how, &i, NULL, NULL), PELT_OK);
        mean_covered += covers(&i, mean);
    }
    print_message("of %d: p99 covered in %d, mean in %d\n", RUNS, p99_covered, mean_covered);
    const double most_off = 12 * sqrt(RUNS / 400.0);
    assert_near(p99_covered, 0.95 * RUNS, most_off);
    assert_near(mean_covered, 0.95 * RUNS, most_off);
}

static void the_same_seed_gives_the_same_interval(void **state)
{
    struct run *r = *state;
    struct pelt_bootstrap how = {.confidence = 0.95, .seed = 5, .resamples = 500};
    struct pelt_interval a;
    struct pelt_interval b;
    synthetic_run(r, 3, 0.6);
    assert_int_equal(pelt_bootstrap_percentile(r->list, SECONDS, 95, &how, &a, NULL, NULL), 0);
    assert_int_equal(pelt_bootstrap_percentile(r->list, SECONDS, 95, &how, &b, NULL, NULL), 0);
    assert_memory_equal(&a, &b, sizeof a);
    how.confidence = 0.99;
    assert_int_equal(pelt_bootstrap_percentile(r->list, SECONDS, 95, &how, &b, NULL, NULL), 0);
    assert_true(b.low < a.low && b.high > a.high);
}

/* The value itself is that of the seconds' sum. */
static void the_value_is_the_percentile_of_all(void **state)
{
    struct run *r = *state;
    struct pelt_hist all = {0};
    struct pelt_bootstrap how = {.confidence = 0.95, .resamples = 50};
    synthetic_run(r, 4, 0.6);
    for (size_t i = 0; i < SECONDS; i++) {
        pelt_hist_add(&all, &r->pool, &r->seconds[i]);
    }
    static const double percentiles[] = {1, 50, 90, 99, 99.9};
    for (size_t i = 0; i < 5; i++) {
        struct pelt_interval interval;
        assert_int_equal(pelt_bootstrap_percentile(r->list, SECONDS, percentiles[i], &how,
                                                   &interval, NULL, NULL),
                         PELT_OK);
        assert_near(interval.value, (double)pelt_hist_percentile_us(&all, percentiles[i]), 0.001);
    }
    struct pelt_interval mean;
    assert_int_equal(pelt_bootstrap_mean(r->list, SECONDS, &how, &mean, NULL, NULL), PELT_OK);
    assert_near(mean.value, pelt_hist_mean_us(&all), 1e-6 * mean.value);
}

static void a_value_that_never_changes_has_no_width(void **state)
{
    struct run *r = *state;
    struct pelt_bootstrap how = {.confidence = 0.95};
    struct pelt_interval i;
    clear(r);
    for (size_t s = 0; s < SECONDS; s++) {
        pelt_hist_record_n(&r->seconds[s], &r->pool, 1000, 7);
    }
    assert_int_equal(pelt_bootstrap_percentile(r->list, SECONDS, 99, &how, &i, NULL, NULL), 0);
    assert_near(i.low, 1000, 0);
    assert_near(i.high, 1000, 0);
}

static void long_runs_are_put_together_to_pieces(void **state)
{
    struct run *r = *state;
    static const struct pelt_hist *list[10 * SECONDS + 7];
    struct pelt_bootstrap how = {.confidence = 0.95, .resamples = 200};
    struct pelt_interval i;
    size_t block;
    synthetic_run(r, 5, 0.6);
    for (size_t s = 0; s < 10 * SECONDS + 7; s++) {
        list[s] = s % 50 == 0 ? NULL : r->list[s % SECONDS];
    }
    assert_int_equal(pelt_bootstrap_percentile(list, 10 * SECONDS + 7, 99, &how, &i, &block, NULL),
                     PELT_OK);
    assert_int_equal(block % 4, 0);
    assert_in_range(block, 252, 380);
    assert_true(i.low < i.value && i.value < i.high);
}

static void a_block_of_ones_own_is_taken(void **state)
{
    struct run *r = *state;
    struct pelt_bootstrap how = {.confidence = 0.95, .resamples = 50, .block = 10};
    struct pelt_interval i;
    size_t block;
    synthetic_run(r, 6, 0.6);
    assert_int_equal(pelt_bootstrap_percentile(r->list, SECONDS, 99, &how, &i, &block, NULL), 0);
    assert_int_equal(block, 10);
    how.block = 1000; /* at least two blocks */
    assert_int_equal(pelt_bootstrap_percentile(r->list, SECONDS, 99, &how, &i, &block, NULL), 0);
    assert_int_equal(block, SECONDS / 2);
}

/* Behind the last second comes the first: what is slow there counts as much as in the middle, so
 * that resamples lie around the run's own mean. */
static void the_beginning_counts_as_much_as_the_middle(void **state)
{
    struct run *r = *state;
    struct pelt_bootstrap how = {.confidence = 0.001, .resamples = 8000, .block = 30};
    struct pelt_interval i;
    clear(r);
    for (size_t s = 0; s < SECONDS; s++) {
        pelt_hist_record_n(&r->seconds[s], &r->pool, s < 30 ? 10000 : 100, 10);
    }
    assert_int_equal(pelt_bootstrap_mean(r->list, SECONDS, &how, &i, NULL, NULL), PELT_OK);
    assert_near(i.low / i.value, 1, 0.3);
    assert_near(i.high / i.value, 1, 0.3);
}

static void too_few_seconds_are_refused(void **state)
{
    struct run *r = *state;
    struct pelt_bootstrap how = {.confidence = 0.95};
    struct pelt_interval i;
    struct pelt_error err;
    clear(r);
    for (size_t s = 0; s < 19; s++) {
        pelt_hist_record(&r->seconds[s], &r->pool, 5);
    }
    assert_int_equal(pelt_bootstrap_percentile(r->list, SECONDS, 99, &how, &i, NULL, &err),
                     PELT_EINVAL);
    assert_string_equal(err.text, "interval: 19 seconds with samples, needs at least 20");
    pelt_hist_record(&r->seconds[200], &r->pool, 9);
    assert_int_equal(pelt_bootstrap_percentile(r->list, SECONDS, 99, &how, &i, NULL, &err), 0);
    assert_true(i.low >= 5 && i.high <= 9);
}

/* An interval is the estimate and t standard errors on both sides, but for skewness. */
static void standard_errors_are_those_of_intervals(void **state)
{
    struct run *r = *state;
    const struct pelt_bootstrap how = {.confidence = 0.95, .seed = 1};
    struct pelt_interval interval;
    struct pelt_estimate error;
    struct pelt_error err;
    synthetic_run(r, seed_of(21), 0.6);
    assert_int_equal(pelt_bootstrap_percentile(r->list, SECONDS, 95, &how, &interval, NULL, &err),
                     PELT_OK);
    assert_int_equal(pelt_bootstrap_percentile_error(r->list, SECONDS, 95, &how, &error, &err),
                     PELT_OK);
    double half = log(interval.high / interval.low) / 2;
    assert_near(error.value, log(interval.value), 1e-9);
    assert_true(error.df >= 6 && error.df <= 12);
    assert_near(pelt_student_quantile(0.975, error.df) * error.error / half, 1, 0.25);
}

/* Of independent draws: sqrt(p (1 - p) / n), as far as some blocks know it. */
static void a_share_s_error_is_binomial(void **state)
{
    const struct pelt_bootstrap how = {.seed = 1};
    double sum = 0, parts[SECONDS];
    uint64_t wholes[SECONDS];
    struct pelt_rng rng;
    pelt_rng_init(&rng, seed_of(22), 0);
    for (int run = 0; run < 20; run++) {
        struct pelt_estimate e;
        struct pelt_error err;
        for (size_t i = 0; i < SECONDS; i++) {
            wholes[i] = 50;
            parts[i] = 0;
            for (int k = 0; k < 50; k++) {
                parts[i] += pelt_rng_uniform(&rng) < 0.1;
            }
        }
        assert_int_equal(pelt_bootstrap_ratio_error(parts, wholes, SECONDS, false, &how, &e, &err),
                         PELT_OK);
        assert_near(e.value, 0.1, 0.01);
        sum += e.error;
    }
    assert_near(sum / 20 / sqrt(0.1 * 0.9 / (50.0 * SECONDS)), 1, 0.25);
    struct pelt_estimate none;
    struct pelt_error err;
    assert_int_equal(pelt_bootstrap_ratio_error(parts, wholes, PELT_BOOTSTRAP_SECONDS - 1, false,
                                                &how, &none, &err),
                     PELT_EINVAL);
    assert_true(isnan(none.error));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_interval_covers_the_true_p99_and_mean),
        cmocka_unit_test(the_same_seed_gives_the_same_interval),
        cmocka_unit_test(the_value_is_the_percentile_of_all),
        cmocka_unit_test(a_value_that_never_changes_has_no_width),
        cmocka_unit_test(long_runs_are_put_together_to_pieces),
        cmocka_unit_test(a_block_of_ones_own_is_taken),
        cmocka_unit_test(the_beginning_counts_as_much_as_the_middle),
        cmocka_unit_test(too_few_seconds_are_refused),
        cmocka_unit_test(standard_errors_are_those_of_intervals),
        cmocka_unit_test(a_share_s_error_is_binomial),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
