/*
 * drift: a line by hand, what is refused, and the bar: of 400 steady runs at most 8 name a leak,
 * of 400 with a planted drift of 20% at least 380 do. PELT_TEST_SEED moves all random numbers.
 */
#include "test.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "autocorrelated.h"
#include "near.h"
#include "pelt/drift.h"

#define RUNS    400
#define LONGEST 600
#define FIGURES 4 /* p50, p99, error share, throughput */

static double seconds[LONGEST];

static int setup(void **state)
{
    for (size_t i = 0; i < LONGEST; i++) {
        seconds[i] = (double)i + 0.5;
    }
    return 0;
}

static uint64_t seed_of(uint64_t usual)
{
    const char *text = getenv("PELT_TEST_SEED");
    return text != NULL ? strtoull(text, NULL, 10) : usual;
}

/* Failures among 500 requests, Poisson around `mean`. */
static double error_share(struct pelt_rng *rng, double mean)
{
    double limit = exp(-mean);
    double product = pelt_rng_uniform(rng);
    double failures = 0;
    for (; product > limit; failures++) {
        product *= pelt_rng_uniform(rng);
    }
    return failures / 500;
}

/* Seconds of a run whose figures all rise by `drift` from first to last. */
static void synthetic_run(struct pelt_rng *rng, size_t n, double phi, double drift,
                          double y[FIGURES][LONGEST])
{
    static const double level[FIGURES] = {0.020, 0.090, 1.0, 500};
    static const double spread[FIGURES] = {0.06, 0.15, 0.4, 0.04};
    for (size_t f = 0; f < FIGURES; f++) {
        struct autocorrelated noise = autocorrelated_begin(rng, phi);
        for (size_t i = 0; i < n; i++) {
            double line = 1 + drift * (double)i / (double)(n - 1);
            double value = level[f] * line * exp(spread[f] * autocorrelated_next(&noise));
            y[f][i] = f == 2 ? error_share(rng, value) : value;
        }
    }
}

/* Of RUNS runs, those with at least one figure named at the usual 1% and 5%. */
static int runs_with_a_leak(uint64_t seed, size_t n, double phi, double drift)
{
    static double y[FIGURES][LONGEST];
    struct pelt_rng rng;
    pelt_rng_init(&rng, seed_of(seed), 0);
    int leaks = 0;
    for (int run = 0; run < RUNS; run++) {
        struct pelt_drift figures[FIGURES];
        bool named[FIGURES];
        bool any = false;
        synthetic_run(&rng, n, phi, drift, y);
        for (size_t f = 0; f < FIGURES; f++) {
            assert_int_equal(pelt_drift_fit(y[f], seconds, n, 0.99, &figures[f], NULL), PELT_OK);
        }
        pelt_drift_named(figures, FIGURES, 0.01, 0.05, named);
        for (size_t f = 0; f < FIGURES; f++) {
            any = any || named[f];
        }
        leaks += any;
    }
    print_message("phi %.1f, %zu s, drift %g: %d of %d name a leak\n", phi, n, drift, leaks, RUNS);
    return leaks;
}

static void steady_runs_name_at_most_8_leaks_in_400(void **state)
{
    assert_in_range(runs_with_a_leak(1, 300, 0.6, 0), 0, 8);
    assert_in_range(runs_with_a_leak(2, 600, 0.6, 0), 0, 8);
    assert_in_range(runs_with_a_leak(3, 300, 0.8, 0), 0, 8);
}

static void a_drift_of_20_percent_is_named_in_380_of_400(void **state)
{
    assert_in_range(runs_with_a_leak(4, 300, 0.6, 0.2), 380, 400);
    assert_in_range(runs_with_a_leak(5, 300, 0.8, 0.2), 380, 400);
}

static void a_line_is_found_as_it_is(void **state)
{
    double y[100];
    struct pelt_drift d;
    for (size_t i = 0; i < 100; i++) {
        y[i] = 10 + 0.02 * seconds[i];
    }
    assert_int_equal(pelt_drift_fit(y, seconds, 100, 0.95, &d, NULL), PELT_OK);
    assert_near(d.slope_per_s, 0.02, 1e-12);
    assert_near(d.level, 11, 1e-12);
    assert_near(d.start, 10.01, 1e-12);
    assert_near(d.end, 11.99, 1e-12);
    assert_near(d.drift, 1.98 / 11, 1e-12);
    assert_near(d.low, d.drift, 1e-9);
    assert_near(d.high, d.drift, 1e-9);
    assert_true(d.p < 1e-12);
}

static void the_interval_lies_around_the_drift_and_grows_with_confidence(void **state)
{
    static double y[FIGURES][LONGEST];
    struct pelt_rng rng;
    struct pelt_drift d95;
    struct pelt_drift d99;
    pelt_rng_init(&rng, 9, 0);
    synthetic_run(&rng, 300, 0.6, 0, y);
    assert_int_equal(pelt_drift_fit(y[0], seconds, 300, 0.95, &d95, NULL), PELT_OK);
    assert_int_equal(pelt_drift_fit(y[0], seconds, 300, 0.99, &d99, NULL), PELT_OK);
    assert_true(d99.low < d95.low && d95.low < d95.drift);
    assert_true(d95.drift < d95.high && d95.high < d99.high);
    assert_true((d95.low > 0 || d95.high < 0) == (d95.p < 0.05));
}

static void what_never_changes_has_no_drift(void **state)
{
    double y[120];
    struct pelt_drift d;
    for (int value = 0; value < 2; value++) {
        for (size_t i = 0; i < 120; i++) {
            y[i] = value * 0.1;
        }
        assert_int_equal(pelt_drift_fit(y, seconds, 120, 0.99, &d, NULL), PELT_OK);
        assert_near(d.drift, 0, 0);
        assert_near(d.low, 0, 0);
        assert_near(d.high, 0, 0);
        assert_near(d.p, 1, 0);
    }
}

static void one_bad_second_is_no_drift_wherever_it_is(void **state)
{
    double y[300];
    for (size_t at = 0; at < 300; at++) {
        struct pelt_drift d;
        bool named;
        memset(y, 0, sizeof y);
        y[at] = 0.5; /* of an error share that is 0 else */
        assert_int_equal(pelt_drift_fit(y, seconds, 300, 0.99, &d, NULL), PELT_OK);
        pelt_drift_named(&d, 1, 0.01, 0.05, &named);
        assert_false(named);
    }
}

static void seconds_without_a_value_are_left_out(void **state)
{
    double y[200];
    struct pelt_drift d;
    for (size_t i = 0; i < 200; i++) {
        y[i] = i % 3 == 0 ? NAN : i == 100 ? INFINITY : 5 - 0.01 * seconds[i];
    }
    assert_int_equal(pelt_drift_fit(y, seconds, 200, 0.99, &d, NULL), PELT_OK);
    assert_int_equal(d.samples, 132);
    assert_near(d.slope_per_s, -0.01, 1e-12);
}

static void too_few_seconds_are_refused_with_their_number(void **state)
{
    struct pelt_drift d;
    struct pelt_error err;
    bool named;
    assert_int_equal(pelt_drift_fit(seconds, seconds, 59, 0.99, &d, &err), PELT_EINVAL);
    assert_string_equal(err.text, "drift: 59 samples, needs at least 60");
    assert_true(isnan(d.p));
    pelt_drift_named(&d, 1, 0.01, 0.05, &named);
    assert_false(named);
    static const double still[100] = {0};
    assert_int_equal(pelt_drift_fit(seconds, still, 100, 0.99, &d, &err), PELT_EINVAL);
}

static void a_sure_but_small_drift_is_not_named(void **state)
{
    struct pelt_drift d[2] = {{.drift = 0.04, .p = 1e-9}, {.drift = -0.06, .p = 1e-9}};
    bool named[2];
    pelt_drift_named(d, 2, 0.01, 0.05, named);
    assert_false(named[0]);
    assert_true(named[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_is_found_as_it_is),
        cmocka_unit_test(the_interval_lies_around_the_drift_and_grows_with_confidence),
        cmocka_unit_test(what_never_changes_has_no_drift),
        cmocka_unit_test(one_bad_second_is_no_drift_wherever_it_is),
        cmocka_unit_test(seconds_without_a_value_are_left_out),
        cmocka_unit_test(too_few_seconds_are_refused_with_their_number),
        cmocka_unit_test(a_sure_but_small_drift_is_not_named),
        cmocka_unit_test(steady_runs_name_at_most_8_leaks_in_400),
        cmocka_unit_test(a_drift_of_20_percent_is_named_in_380_of_400),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
