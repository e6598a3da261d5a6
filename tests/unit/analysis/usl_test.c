/* usl: the vector of R's package usl (SPEC SDM91), bounds, limits and refusals. */
#include "test.h"

#include <math.h>

#include "near.h"
#include "pelt/rng.h"
#include "pelt/usl.h"

#define POINTS 11

static const struct pelt_usl_options usual = {.confidence = 0.95, .resamples = 400, .seed = 1};
static const double levels[POINTS] = {1, 5, 10, 20, 30, 40, 60, 80, 100, 120, 140};
static double x[POINTS];

static void fill(double gamma, double alpha, double beta)
{
    for (size_t i = 0; i < POINTS; i++) {
        double n = levels[i];
        x[i] = gamma * n / (1 + alpha * (n - 1) + beta * n * (n - 1));
    }
}

static void the_vector_of_sdm91_comes_out_to_7_digits(void **state)
{
    static const double n[7] = {1, 18, 36, 72, 108, 144, 216};
    static const double measured[7] = {64.9, 995.9, 1652.4, 1853.2, 1828.9, 1775.0, 1702.2};
    struct pelt_usl u;
    assert_int_equal(pelt_usl_fit(n, measured, 7, &usual, &u, NULL), PELT_OK);
    assert_near(u.alpha.value, 0.02772848, 5e-9);
    assert_near(u.beta.value, 0.0001043655, 5e-11);
    assert_near(u.gamma.value, 89.99523, 5e-6);
    assert_near(u.peak_n.value, 96.51956, 5e-6);
    assert_near(u.peak_x.value, pelt_usl_throughput(&u, 96.51956), 1e-6);
    assert_true(u.peak);
    assert_true(u.r2 > 0.98);
    assert_true(u.alpha.low < u.alpha.value && u.alpha.value < u.alpha.high);
    assert_true(u.peak_n.low < 96.5 && u.peak_n.high > 96.6);
}

static void exact_points_give_their_law_back_without_width(void **state)
{
    struct pelt_usl u;
    fill(20, 0.05, 0.0002);
    assert_int_equal(pelt_usl_fit(levels, x, POINTS, &usual, &u, NULL), PELT_OK);
    assert_near(u.gamma.value, 20, 1e-8);
    assert_near(u.alpha.value, 0.05, 1e-9);
    assert_near(u.beta.value, 0.0002, 1e-11);
    assert_near(u.alpha.high - u.alpha.low, 0, 1e-8);
    assert_near(u.r2, 1, 1e-12);
}

static void intervals_cover_the_peak_of_noisy_points(void **state)
{
    struct pelt_rng rng;
    pelt_rng_init(&rng, 3, 0);
    int covered = 0;
    for (int run = 0; run < 200; run++) {
        struct pelt_usl u;
        struct pelt_usl_options how = {.confidence = 0.95, .resamples = 200, .seed = run};
        fill(20, 0.03, 0.0002);
        for (size_t i = 0; i < POINTS; i++) {
            x[i] *= 1 + pelt_rng_normal(&rng, 0, 0.02);
        }
        assert_int_equal(pelt_usl_fit(levels, x, POINTS, &how, &u, NULL), PELT_OK);
        double peak = sqrt(0.97 / 0.0002);
        covered += u.peak_n.low <= peak && peak <= u.peak_n.high;
    }
    print_message("peak covered in %d of 200\n", covered);
    assert_in_range(covered, 174, 200);
}

static void without_coherency_there_is_a_limit_and_no_peak(void **state)
{
    struct pelt_usl u;
    struct pelt_rng rng;
    pelt_rng_init(&rng, 4, 0);
    fill(20, 0.05, 0);
    for (size_t i = 0; i < POINTS; i++) {
        x[i] *= 1 + pelt_rng_normal(&rng, 0, 0.005);
    }
    assert_int_equal(pelt_usl_fit(levels, x, POINTS, &usual, &u, NULL), PELT_OK);
    assert_false(u.peak);
    assert_true(isinf(u.peak_n.value));
    assert_near(u.beta.value, 0, 0);
    assert_near(u.alpha.value, 0.05, 0.003);
    assert_near(u.peak_x.value, 20 / 0.05, 20);
}

static void no_parameter_is_negative(void **state)
{
    static const double retrograde[POINTS] = {10, 51, 101, 199, 290, 370, 480, 500, 450, 400, 350};
    struct pelt_usl u;
    assert_int_equal(pelt_usl_fit(levels, retrograde, POINTS, &usual, &u, NULL), PELT_OK);
    assert_true(u.alpha.value >= 0 && u.alpha.low >= 0);
    assert_true(u.beta.value > 0 && u.beta.low >= 0);
}

static void points_that_do_not_reach_half_the_peak_are_refused(void **state)
{
    struct pelt_usl u;
    struct pelt_error err;
    fill(20, 0.0005, 0.000004); /* peak at 500 */
    assert_int_equal(pelt_usl_fit(levels, x, POINTS, &usual, &u, &err), PELT_EINVAL);
    assert_string_equal(err.text, "USL: the largest N is 140, half the peak at about 500 is not "
                                  "reached: go to higher levels");
    fill(20, 0, 0);
    assert_int_equal(pelt_usl_fit(levels, x, POINTS, &usual, &u, &err), PELT_EINVAL);
}

static void too_few_levels_are_refused(void **state)
{
    static const double n[7] = {1, 2, 3, 4, 5, 5, 5};
    static const double measured[7] = {1, 2, 3, 4, 5, 5, 5};
    struct pelt_usl u;
    struct pelt_error err;
    assert_int_equal(pelt_usl_fit(n, measured, 7, &usual, &u, &err), PELT_EINVAL);
    assert_string_equal(err.text, "USL: 5 different levels, needs at least 6");
    fill(20, 0.05, 0.0002);
    x[3] = 0;
    assert_int_equal(pelt_usl_fit(levels, x, POINTS, &usual, &u, &err), PELT_EINVAL);
    assert_string_equal(err.text, "USL: point 4, N = 20 and X = 0: both must be above 0");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_vector_of_sdm91_comes_out_to_7_digits),
        cmocka_unit_test(exact_points_give_their_law_back_without_width),
        cmocka_unit_test(intervals_cover_the_peak_of_noisy_points),
        cmocka_unit_test(without_coherency_there_is_a_limit_and_no_peak),
        cmocka_unit_test(no_parameter_is_negative),
        cmocka_unit_test(points_that_do_not_reach_half_the_peak_are_refused),
        cmocka_unit_test(too_few_levels_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
