/* smoothing: series short enough to be reckoned by hand. */
#include "test.h"

#include "near.h"
#include "pelt/smoothing.h"

static void a_moving_average_is_the_mean_of_the_last(void **state)
{
    const double y[] = {1, 2, 3, 4, 5};
    struct pelt_smoothed s;
    pelt_smooth_mean(y, 5, 2, &s);
    assert_near(s.level, 4.5, 1e-12);
    assert_near(s.slope, 0, 0);
    assert_near(s.squares, 3 * 1.5 * 1.5, 1e-12);
    assert_int_equal(s.errors, 3);
    /* One mean error, 6.75 / 2, and that of a mean of two. */
    assert_near(pelt_smoothed_variance(&s, 7), 3.375 * 1.5, 1e-12);
}

/* 10; 10 + 2/2 = 11; 11; 11 + 2/2 = 12. */
static void single_smoothing_moves_by_alpha_of_the_error(void **state)
{
    const double y[] = {10, 12, 11, 13};
    struct pelt_smoothed s;
    pelt_smooth_single(y, 4, 0.5, &s);
    assert_near(s.level, 12, 1e-12);
    assert_near(s.squares, 8, 1e-12);
    assert_int_equal(s.errors, 3);
    assert_near(pelt_smoothed_at(&s, 9), 12, 1e-12);
    assert_near(pelt_smoothed_variance(&s, 1), 8, 1e-12);
    assert_near(pelt_smoothed_variance(&s, 3), 8 * (1 + 2 * 0.25), 1e-12);
}

/* Slope 2 at first. 12: as foretold; 13 of 14: level 13.5, slope 1.75; 15 of 15.25: 15.125, 1.6875;
 * 18 of 16.8125: 17.40625, 1.984375. */
static void double_smoothing_moves_the_slope_too(void **state)
{
    const double y[] = {10, 12, 13, 15, 18};
    struct pelt_smoothed s;
    pelt_smooth_double(y, 5, 0.5, 0.5, &s);
    assert_near(s.level, 17.40625, 1e-12);
    assert_near(s.slope, 1.984375, 1e-12);
    assert_near(s.squares, 1 + 0.0625 + 1.1875 * 1.1875, 1e-12);
    assert_near(pelt_smoothed_at(&s, 2), 17.40625 + 2 * 1.984375, 1e-12);
    /* h = 2: 1 + (alpha + alpha beta)^2 = 1 + 0.75^2, as the sum of its definition has it. */
    assert_near(pelt_smoothed_variance(&s, 2) / pelt_smoothed_variance(&s, 1), 1.5625, 1e-12);
    /* h = 3: and (alpha + 2 alpha beta)^2 = 1. */
    assert_near(pelt_smoothed_variance(&s, 3) / pelt_smoothed_variance(&s, 1), 2.5625, 1e-12);
}

/* Mean 3, slope 8 / 10; residuals -0.4 0.8 -1 1.2 -0.6. */
static void a_line_is_that_of_least_squares(void **state)
{
    const double y[] = {1, 3, 2, 5, 4};
    double spare[5];
    struct pelt_smoothed s;
    pelt_smooth_line(y, 5, spare, &s);
    assert_near(s.slope, 0.8, 1e-12);
    assert_near(s.level, 4.6, 1e-12);
    assert_near(s.squares, 3.6, 1e-12);
    assert_near(pelt_smoothed_at(&s, 1), 5.4, 1e-12);
    /* The textbook's: s^2 (1 + 1/n + (x - mean)^2 / Sxx), s^2 = 3.6 / 3. */
    assert_near(pelt_smoothed_variance(&s, 1), 1.2 * (1 + 0.2 + 9.0 / 10), 1e-12);
}

static void residuals_that_hang_together_make_a_line_less_certain(void **state)
{
    const double alike[] = {1, 1, 0, 0, 0, 0, 1, 1, 1, 1, 0, 0},
                 apart[] = {1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0};
    double spare[12];
    struct pelt_smoothed a, b;
    pelt_smooth_line(alike, 12, spare, &a);
    pelt_smooth_line(apart, 12, spare, &b);
    assert_true(a.slow > 1.5 * a.squares / 10);
    assert_near(b.slow, b.squares / 10, 1e-12);
}

static void the_best_parameters_are_those_with_the_least_errors(void **state)
{
    double steps[40], noise[40], ramp[40], spare[40];
    struct pelt_smoothed s;
    for (int i = 0; i < 40; i++) {
        steps[i] = i < 20 ? 5 : 9; /* follow at once */
        noise[i] = i % 2 == 0 ? 5 : 7;
        ramp[i] = 3 + 2 * i;
    }
    pelt_smooth(PELT_SMOOTHING_SINGLE, steps, 40, spare, &s);
    assert_near(s.alpha, 1, 1e-12);
    assert_near(s.level, 9, 1e-12);
    pelt_smooth(PELT_SMOOTHING_SINGLE, noise, 40, spare, &s);
    assert_true(s.alpha <= 0.1); /* follow hardly */
    pelt_smooth(PELT_SMOOTHING_MEAN, noise, 40, spare, &s);
    assert_near(s.level, 6, 1e-12);
    pelt_smooth(PELT_SMOOTHING_DOUBLE, ramp, 40, spare, &s);
    assert_near(pelt_smoothed_at(&s, 10), 3 + 2 * 49, 1e-9);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_moving_average_is_the_mean_of_the_last),
        cmocka_unit_test(single_smoothing_moves_by_alpha_of_the_error),
        cmocka_unit_test(double_smoothing_moves_the_slope_too),
        cmocka_unit_test(a_line_is_that_of_least_squares),
        cmocka_unit_test(residuals_that_hang_together_make_a_line_less_certain),
        cmocka_unit_test(the_best_parameters_are_those_with_the_least_errors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
