/* law and draw: what is drawn follows the named distribution, and depends on seed and index only.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <math.h>

#include "draw.h"
#include "law.h"

#define DRAWS 20000

/* Kolmogorov-Smirnov: beyond this in 1 of 1,000 samples of a true law (1.949 / sqrt(n)). */
#define KS_BOUND (1.949 / sqrt(DRAWS))

typedef double (*cdf_fn)(double x);

static double uniform_cdf(double x)
{
    return x;
}

/* Mean 5 ms. */
static double exponential_cdf(double ns)
{
    return 1 - exp(-ns / 5e6);
}

/* Mean 5 ms, sigma 0.5: the logarithm is normal around ln(mean) - sigma^2 / 2. */
static double lognormal_cdf(double ns)
{
    return 0.5 * erfc(-(log(ns) - (log(5e6) - 0.125)) / (0.5 * sqrt(2)));
}

/* Mean 5 ms, half the width 2.5 ms. */
static double wide_cdf(double ns)
{
    return fmin(1, fmax(0, (ns - 2.5e6) / 5e6));
}

/* Mean 5 ms, shape 0.7. */
static double weibull_cdf(double ns)
{
    return 1 - exp(-pow(ns / 5e6 * tgamma(1 + 1 / 0.7), 0.7));
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static double ks_distance(double *sample, cdf_fn cdf)
{
    double distance = 0;

    qsort(sample, DRAWS, sizeof *sample, by_value);
    for (size_t i = 0; i < DRAWS; i++) {
        double at = cdf(sample[i]);

        distance = fmax(distance, fmax(at - (double)i / DRAWS, (double)(i + 1) / DRAWS - at));
    }
    return distance;
}

static void draw_law(const char *text, double *sample)
{
    struct target_error err;
    struct target_law law;

    assert_true(target_law_parse(&law, text, &err));
    for (uint64_t i = 0; i < DRAWS; i++) {
        sample[i] = (double)target_law_ns(&law, target_draw(7, i, TARGET_LANE_SERVICE),
                                          target_draw(7, i, TARGET_LANE_SERVICE_2));
    }
}

static double mean_of(const double *sample)
{
    double sum = 0;

    for (size_t i = 0; i < DRAWS; i++) {
        sum += sample[i];
    }
    return sum / DRAWS;
}

static void assert_below(double value, double bound)
{
    if (!(value < bound)) {
        fail_msg("%g is not below %g", value, bound);
    }
}

static void draws_are_uniform_in_every_lane(void **state)
{
    static double sample[DRAWS];

    for (enum target_lane lane = TARGET_LANE_ERROR; lane <= TARGET_LANE_SERVICE_2; lane++) {
        for (uint64_t i = 0; i < DRAWS; i++) {
            sample[i] = target_draw(1, i, lane);
        }
        assert_below(ks_distance(sample, uniform_cdf), KS_BOUND);
    }
}

static void draws_of_two_lanes_are_not_correlated(void **state)
{
    double sum = 0;

    for (uint64_t i = 0; i < DRAWS; i++) {
        sum += (target_draw(1, i, TARGET_LANE_SERVICE) - 0.5) *
               (target_draw(1, i, TARGET_LANE_SERVICE_2) - 0.5);
    }
    /* The product's standard deviation is 1/12. */
    assert_below(fabs(sum / DRAWS), 4.0 / 12 / sqrt(DRAWS));
}

static void draws_depend_on_seed_and_index_only(void **state)
{
    double third = target_draw(5, 3, TARGET_LANE_ERROR);

    target_draw(9, 4, TARGET_LANE_SERVICE);
    assert_true(target_draw(5, 3, TARGET_LANE_ERROR) == third);
    assert_false(target_draw(6, 3, TARGET_LANE_ERROR) == third);
    assert_false(target_draw(5, 4, TARGET_LANE_ERROR) == third);
}

static void constant_draws_are_all_the_mean(void **state)
{
    static double sample[DRAWS];

    draw_law("constant:5ms", sample);
    for (size_t i = 0; i < DRAWS; i++) {
        assert_true(sample[i] == 5e6);
    }
}

static void exponential_draws_follow_their_law(void **state)
{
    static double sample[DRAWS];

    draw_law("exponential:5ms", sample);
    assert_below(fabs(mean_of(sample) - 5e6), 4 * 5e6 / sqrt(DRAWS));
    assert_below(ks_distance(sample, exponential_cdf), KS_BOUND);
}

static void lognormal_draws_follow_their_law_and_have_the_given_mean(void **state)
{
    static double sample[DRAWS];

    draw_law("lognormal:5ms,0.5", sample);
    /* Standard deviation: mean * sqrt(exp(sigma^2) - 1). */
    assert_below(fabs(mean_of(sample) - 5e6), 4 * 5e6 * sqrt(exp(0.25) - 1) / sqrt(DRAWS));
    assert_below(ks_distance(sample, lognormal_cdf), KS_BOUND);
}

static void no_draw_exceeds_the_longest_hold(void **state)
{
    struct target_error err;
    struct target_law law;

    assert_true(target_law_parse(&law, "lognormal:1h,10", &err));
    for (uint64_t i = 0; i < DRAWS; i++) {
        assert_true(target_law_ns(&law, target_draw(1, i, TARGET_LANE_SERVICE),
                                  target_draw(1, i, TARGET_LANE_SERVICE_2)) <= TARGET_LAW_NS_MAX);
    }
}

static void bad_laws_are_refused_by_name(void **state)
{
    static const char *const bad[] = {"",
                                      "5",
                                      "fast",
                                      "constant:",
                                      "constant:-1ms",
                                      "exponential:5ms,1",
                                      "gaussian:5ms",
                                      "lognormal:5ms",
                                      "uniform:5ms",
                                      "uniform:5ms,1.1",
                                      "weibull:5ms,0",
                                      "weibull:5ms,11",
                                      "lognormal:5ms,",
                                      "lognormal:5ms,-1",
                                      "lognormal:5ms,11",
                                      "lognormal:5ms,0.5,1",
                                      "lognormal:00000000000000000000000000000005ms,1",
                                      "constant:2h"};
    struct target_error err;
    struct target_law law;

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        if (target_law_parse(&law, bad[i], &err)) {
            fail_msg("\"%s\" was taken for a law", bad[i]);
        }
        assert_non_null(strstr(err.text, bad[i]));
        assert_non_null(strstr(err.text, "try constant:5ms"));
    }
}

static void a_bare_duration_is_a_constant_law(void **state)
{
    struct target_error err;
    struct target_law law;

    assert_true(target_law_parse(&law, "250us", &err));
    assert_int_equal(target_law_ns(&law, 0.5, 0.5), 250000);
    assert_true(target_law_parse(&law, "0", &err));
    assert_int_equal(target_law_ns(&law, 0.5, 0.5), 0);
}

static void a_printed_law_reads_back(void **state)
{
    static const char *const laws[] = {"0",
                                       "constant:5ms",
                                       "exponential:0.250us",
                                       "lognormal:1.5s,0.30000000000000004",
                                       "uniform:5ms,0.5",
                                       "weibull:5ms,0.7"};
    struct target_error err;
    struct target_law law, again;
    char text[64];

    for (size_t i = 0; i < sizeof laws / sizeof laws[0]; i++) {
        assert_true(target_law_parse(&law, laws[i], &err));
        target_law_print(&law, text, sizeof text);
        assert_true(target_law_parse(&again, text, &err));
        assert_int_equal(again.kind, law.kind);
        assert_true(again.mean_ns == law.mean_ns && again.sigma == law.sigma);
    }
}

static void a_law_of_counts_draws_whole_numbers_from_one_on(void **state)
{
    struct target_error err;
    struct target_law law;
    double sum = 0;

    assert_true(target_law_parse_count(&law, "64", &err));
    assert_int_equal(target_law_count(&law, 0.5, 0.5), 64);
    assert_true(target_law_parse_count(&law, "exponential:64", &err));
    for (uint64_t i = 0; i < DRAWS; i++) {
        uint64_t count = target_law_count(&law, target_draw(1, i, TARGET_LANE_TOKENS), 0.5);

        assert_true(count >= 1 && count <= TARGET_LAW_COUNT_MAX);
        sum += (double)count;
    }
    assert_true(fabs(sum / DRAWS - 64) < 2);
    assert_true(target_law_parse_count(&law, "lognormal:100000,10", &err));
    assert_int_equal(target_law_count(&law, 1e-9, 1e-9), TARGET_LAW_COUNT_MAX);
    assert_int_equal(target_law_count(&law, 1e-9, 0.5), 1);
}

static void laws_of_counts_read_back_and_bad_ones_are_told(void **state)
{
    static const char *const good[] = {"constant:1", "exponential:100000", "lognormal:64,0.5"};
    static const char *const bad[] = {
        "", "0", "1.5", "5ms", "100001", "lognormal:64", "exponential:"};
    struct target_error err;
    struct target_law law;
    char text[64];

    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        assert_true(target_law_parse_count(&law, good[i], &err));
        target_law_print_count(&law, text, sizeof text);
        assert_string_equal(text, good[i]);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        if (target_law_parse_count(&law, bad[i], &err)) {
            fail_msg("\"%s\" was taken for a law of counts", bad[i]);
        }
        assert_non_null(strstr(err.text, "try 64"));
    }
}

static void uniform_and_weibull_draws_follow_their_laws(void **state)
{
    static double sample[DRAWS];

    draw_law("uniform:5ms,0.5", sample);
    assert_true(fabs(mean_of(sample) / 5e6 - 1) < 0.01);
    assert_true(ks_distance(sample, wide_cdf) < KS_BOUND);
    draw_law("weibull:5ms,0.7", sample);
    assert_true(fabs(mean_of(sample) / 5e6 - 1) < 0.03);
    assert_true(ks_distance(sample, weibull_cdf) < KS_BOUND);
    draw_law("weibull:5ms,1", sample);
    assert_true(ks_distance(sample, exponential_cdf) < KS_BOUND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(draws_are_uniform_in_every_lane),
        cmocka_unit_test(draws_of_two_lanes_are_not_correlated),
        cmocka_unit_test(draws_depend_on_seed_and_index_only),
        cmocka_unit_test(constant_draws_are_all_the_mean),
        cmocka_unit_test(exponential_draws_follow_their_law),
        cmocka_unit_test(lognormal_draws_follow_their_law_and_have_the_given_mean),
        cmocka_unit_test(uniform_and_weibull_draws_follow_their_laws),
        cmocka_unit_test(no_draw_exceeds_the_longest_hold),
        cmocka_unit_test(bad_laws_are_refused_by_name),
        cmocka_unit_test(a_bare_duration_is_a_constant_law),
        cmocka_unit_test(a_printed_law_reads_back),
        cmocka_unit_test(a_law_of_counts_draws_whole_numbers_from_one_on),
        cmocka_unit_test(laws_of_counts_read_back_and_bad_ones_are_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
