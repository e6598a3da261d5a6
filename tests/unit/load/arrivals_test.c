/* arrivals: the plan's due times, exact where they are fixed and by distribution where they are
 * drawn. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <math.h>
#include <stdlib.h>

#include "pelt/arrivals.h"
#include "pelt/clock.h"

#define S       PELT_NS_PER_S
#define MS      PELT_NS_PER_MS
#define DUE_MAX 200000

static struct pelt_plan plan;
static uint64_t due[DUE_MAX];

static int tear_down(void **state)
{
    pelt_plan_deinit(&plan);
    return 0;
}

static void make(enum pelt_arrivals arrivals, uint64_t duration_ns, double from, double to)
{
    pelt_plan_init(&plan, PELT_LOOP_OPEN);
    plan.arrivals = arrivals;
    assert_int_equal(pelt_plan_add(&plan, duration_ns, from, to), PELT_OK);
}

/* All arrivals of one part into `due`, checking that indexes count up by `parts`; how many. */
static size_t draw_all(uint64_t seed)
{
    struct pelt_arrivals_iter it;
    size_t n = 0;
    uint64_t k;
    pelt_arrivals_init(&it, &plan, seed, 0, 1);
    while (pelt_arrivals_next(&it, &k, &due[n])) {
        assert_int_equal(k, n);
        assert_true(n == 0 || due[n] >= due[n - 1]);
        n++;
        assert_true(n < DUE_MAX);
    }
    assert_false(pelt_arrivals_next(&it, &k, &due[n])); /* and stays over */
    return n;
}

static void a_replay_arrives_when_its_trace_did(void **state)
{
    static const uint64_t recorded[] = {0, 250 * MS, 250 * MS, 1000 * MS, 2500 * MS};
    make(PELT_ARRIVALS_UNIFORM, 2 * S, 2.5, 2.5);
    plan.replay = (struct pelt_replay){recorded, 5, 2.0};
    assert_int_equal(draw_all(1), 5);
    for (size_t i = 0; i < 5; i++) {
        assert_int_equal(due[i], recorded[i] / 2);
    }
    assert_int_equal(pelt_arrivals_count(&plan, 1), 5);
    plan.iterations = 3;
    assert_int_equal(draw_all(1), 3);
    plan.iterations = 0;
    plan.start_ns = S; /* of a mix: everything is that much later */
    plan.stages[0].duration_ns = 3 * S;
    assert_int_equal(draw_all(1), 5);
    assert_int_equal(due[3], 1500 * MS);
    struct pelt_arrivals_iter it;
    uint64_t k, at_ns;
    pelt_arrivals_init(&it, &plan, 1, 1, 2); /* the second of two threads */
    assert_true(pelt_arrivals_next(&it, &k, &at_ns));
    assert_int_equal(k, 1);
    assert_true(pelt_arrivals_next(&it, &k, &at_ns));
    assert_int_equal(k, 3);
    assert_false(pelt_arrivals_next(&it, &k, &at_ns));
}

static void uniform_arrivals_are_evenly_spaced_from_zero(void **state)
{
    make(PELT_ARRIVALS_UNIFORM, 20 * S, 2000, 2000);
    assert_int_equal(draw_all(1), 40000);
    for (size_t i = 0; i < 40000; i++) {
        assert_int_equal(due[i], i * 500000);
    }
}

static void uniform_counts_do_not_stumble_over_rounding(void **state)
{
    static const struct {
        uint64_t duration_ns;
        double rate;
        size_t n;
    } cases[] = {{300 * MS, 10, 3}, {100 * MS, 30, 3},     {700 * MS, 10, 7}, {1100 * MS, 10, 11},
                 {10 * S, 0.1, 1},  {10 * S, 0.3, 3},      {1 * S, 1.5, 2},   {33 * MS, 3000, 99},
                 {S / 3, 3, 1},     {100 * S, 1.0 / 3, 34}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        make(PELT_ARRIVALS_UNIFORM, cases[i].duration_ns, cases[i].rate, cases[i].rate);
        assert_int_equal(draw_all(1), cases[i].n);
        pelt_plan_deinit(&plan);
    }
}

static void a_ramp_and_its_pause_bend_the_spacing(void **state)
{
    make(PELT_ARRIVALS_UNIFORM, 10 * S, 0, 20); /* x = t^2, t in s */
    assert_int_equal(pelt_plan_add(&plan, 5 * S, 0, 0), PELT_OK);
    assert_int_equal(pelt_plan_add(&plan, 1 * S, 10, 10), PELT_OK);
    assert_int_equal(draw_all(1), 110);
    assert_int_equal(due[0], 0);
    assert_int_equal(due[1], 1 * S);
    assert_int_equal(due[25], 5 * S);
    assert_int_equal(due[81], 9 * S);
    assert_int_equal(due[100], 15 * S); /* none in the pause */
    assert_int_equal(due[109], 15900 * MS);
}

static void each_arrival_is_where_the_plans_inverse_says(void **state)
{
    make(PELT_ARRIVALS_UNIFORM, 3 * S, 7, 301);
    assert_int_equal(pelt_plan_add(&plan, 2 * S, 500, 20), PELT_OK);
    assert_int_equal(pelt_plan_add(&plan, 1 * S, NAN, 0), PELT_OK);
    size_t n = draw_all(1);
    assert_int_equal(n, 462 + 520 + 10);
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(due[i], pelt_plan_inverse(&plan, (double)i));
    }
}

static void parts_united_are_the_whole(void **state)
{
    for (int arrivals = PELT_ARRIVALS_UNIFORM; arrivals <= PELT_ARRIVALS_GAMMA; arrivals++) {
        make((enum pelt_arrivals)arrivals, 10 * S, 100, 1000);
        plan.gamma_shape = 0.5;
        assert_int_equal(pelt_plan_add(&plan, 5 * S, NAN, 0), PELT_OK);
        size_t n = draw_all(99), found = 0;
        for (uint32_t part = 0; part < 4; part++) {
            struct pelt_arrivals_iter it;
            uint64_t k, due_ns;
            pelt_arrivals_init(&it, &plan, 99, part, 4);
            for (; pelt_arrivals_next(&it, &k, &due_ns); found++) {
                assert_int_equal(k % 4, part);
                assert_true(k < n);
                assert_int_equal(due_ns, due[k]);
            }
        }
        assert_int_equal(found, n);
        pelt_plan_deinit(&plan);
    }
}

static void seeds_make_different_plans(void **state)
{
    make(PELT_ARRIVALS_POISSON, 10 * S, 100, 100);
    draw_all(1);
    uint64_t first = due[0], tenth = due[10];
    draw_all(1);
    assert_true(due[0] == first && due[10] == tenth);
    draw_all(2);
    assert_true(due[0] != first && due[10] != tenth);
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double exponential_cdf(double x)
{
    return 1 - exp(-x);
}

/* Mean 1, shape 2: scale 1/2. */
static double gamma_2_cdf(double x)
{
    return 1 - exp(-2 * x) * (1 + 2 * x);
}

/* Mean 1, shape 1/2: scale 2. */
static double gamma_half_cdf(double x)
{
    return erf(sqrt(x / 2));
}

/* Kolmogorov-Smirnov distance, times sqrt(n), of the gaps between due times, measured on the plan's
 * integral, where they must be of rate 1. 1.95 is p = 0.001. */
static double gaps_ks(size_t n, double (*cdf)(double))
{
    double *gaps = malloc(n * sizeof(double));
    assert_non_null(gaps);
    double x = 0, most = 0;
    for (size_t i = 0; i < n; i++) {
        double next = pelt_plan_integral(&plan, due[i]);
        gaps[i] = next - x;
        x = next;
    }
    qsort(gaps, n, sizeof(double), ascending);
    for (size_t i = 0; i < n; i++) {
        double f = cdf(gaps[i]);
        most = fmax(most, fmax(f - (double)i / (double)n, (double)(i + 1) / (double)n - f));
    }
    free(gaps);
    return most * sqrt((double)n);
}

static void check_process(enum pelt_arrivals arrivals, double shape, double (*cdf)(double))
{
    for (int ramp = 0; ramp < 2; ramp++) {
        make(arrivals, 40 * S, ramp ? 100 : 1000, ramp ? 1900 : 1000);
        plan.gamma_shape = shape;
        assert_int_equal(pelt_plan_add(&plan, 10 * S, NAN, ramp ? 0 : 1000), PELT_OK);
        size_t n = draw_all(7);
        double expected = pelt_plan_integral(&plan, 50 * S);
        double statistic = gaps_ks(n, cdf);
        print_message("process %d, shape %g, ramp %d: %zu arrivals, KS %.3f\n", arrivals, shape,
                      ramp, n, statistic);
        assert_true(statistic < 1.95);
        assert_true(fabs((double)n - expected) < 4 * sqrt(expected / shape));
        pelt_plan_deinit(&plan);
    }
}

static void poisson_gaps_pass_kolmogorov_smirnov(void **state)
{
    check_process(PELT_ARRIVALS_POISSON, 1, exponential_cdf);
}

static void gamma_gaps_pass_kolmogorov_smirnov(void **state)
{
    check_process(PELT_ARRIVALS_GAMMA, 2, gamma_2_cdf);
    check_process(PELT_ARRIVALS_GAMMA, 0.5, gamma_half_cdf);
}

static void every_arrival_is_due_before_the_end(void **state)
{
    for (uint64_t seed = 0; seed < 5000; seed++) {
        make(PELT_ARRIVALS_POISSON, 10, 1e7, 1e7); /* 10 ns: rounding reaches the end easily */
        size_t n = draw_all(seed);
        assert_true(n == 0 || due[n - 1] < 10);
        pelt_plan_deinit(&plan);
    }
}

static void count_is_what_is_drawn(void **state)
{
    static const struct {
        enum pelt_arrivals arrivals;
        uint64_t duration_ns;
        double from, to;
    } cases[] = {
        {PELT_ARRIVALS_UNIFORM, 20 * S, 2000, 2000}, {PELT_ARRIVALS_UNIFORM, 1 * S, 0, 333.3},
        {PELT_ARRIVALS_UNIFORM, 1 * S, 1, 1},        {PELT_ARRIVALS_UNIFORM, 7 * S, 0.7, 0.1},
        {PELT_ARRIVALS_UNIFORM, 3 * S, 49.9, 0},     {PELT_ARRIVALS_POISSON, 10 * S, 500, 1500},
        {PELT_ARRIVALS_GAMMA, 10 * S, 1000, 1000},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        make(cases[i].arrivals, cases[i].duration_ns, cases[i].from, cases[i].to);
        assert_int_equal(pelt_arrivals_count(&plan, 7), draw_all(7));
        pelt_plan_deinit(&plan);
    }
    make(PELT_ARRIVALS_UNIFORM, 86400 * S, 1e6, 1e6); /* drawing these would take minutes */
    assert_int_equal(pelt_arrivals_count(&plan, 7), UINT64_C(86400) * 1000000);
}

int main(void)
{
#define T(name) cmocka_unit_test_teardown(name, tear_down)
    const struct CMUnitTest tests[] = {
        T(uniform_arrivals_are_evenly_spaced_from_zero),
        T(a_replay_arrives_when_its_trace_did),
        T(uniform_counts_do_not_stumble_over_rounding),
        T(a_ramp_and_its_pause_bend_the_spacing),
        T(each_arrival_is_where_the_plans_inverse_says),
        T(parts_united_are_the_whole),
        T(seeds_make_different_plans),
        T(poisson_gaps_pass_kolmogorov_smirnov),
        T(gamma_gaps_pass_kolmogorov_smirnov),
        T(every_arrival_is_due_before_the_end),
        T(count_is_what_is_drawn),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
