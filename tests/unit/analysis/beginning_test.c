/*
 * beginning: series from a seed of services whose truth is known: near their limit late, above it
 * from the first second on, slow to answer, failing, silent.
 */
#include "test.h"

#include "near.h"
#include "pelt/beginning.h"
#include "pelt/rng.h"

#define N_MOST 600
#define SEEDS  200

struct made {
    double p50[N_MOST], errors[N_MOST], backlog[N_MOST];
};

static double noise(struct pelt_rng *rng, double size)
{
    return 1 + size * (pelt_rng_uniform(rng) - 0.5);
}

static struct pelt_beginning judge(const struct made *m, size_t n, size_t to)
{
    const size_t fifth = n / 5;
    const struct pelt_beginning_series s = {.n = n,
                                            .base_to = fifth > 3 ? fifth : 3,
                                            .to = to,
                                            .step_us = 1e6,
                                            .p50_us = m->p50,
                                            .errors = m->errors,
                                            .backlog = m->backlog};
    struct pelt_beginning found;
    assert_int_equal(pelt_beginning_judge(&s, &found), PELT_OK);
    return found;
}

/* One server of 20 ms; arrivals climb to its limit at the half, where it breaks at 2.5 times. */
static void a_ramp_that_breaks_at_its_half_began_well(void **state)
{
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct pelt_rng rng;
        struct made m = {.p50 = {0}};
        const size_t n = 40;
        size_t at = n;
        pelt_rng_init(&rng, seed, 1);
        for (size_t i = 0; i < n; i++) {
            const double load = 2 * ((double)i + 1) / (double)n;
            const double over = fmax(load - 0.95, 0);
            const double time_us = 20e3 / (1 - fmin(load, 0.95)) + over * 5e6;
            at = at == n && time_us > 50e3 ? i : at;
            m.p50[i] = 0.7 * time_us * noise(&rng, 0.4);
            m.backlog[i] = 500 * load * time_us / 1e6 * noise(&rng, 0.4);
        }
        assert_int_equal(judge(&m, n, at).is, PELT_BEGINNING_GOOD);
    }
}

static void overloaded(struct made *m, size_t n, double excess_per_s, uint64_t seed)
{
    struct pelt_rng rng;
    pelt_rng_init(&rng, seed, 2);
    for (size_t i = 0; i < n; i++) {
        m->backlog[i] = 2 + excess_per_s * ((double)i + 0.5) * noise(&rng, 0.3);
        m->p50[i] = 15e3 + 1e4 * m->backlog[i] * noise(&rng, 0.2);
        m->errors[i] = 0;
    }
}

/* Wherever the growth came out of the noise, and if it never did. */
static void a_queue_that_grows_from_the_first_second_on_is_no_good_beginning(void **state)
{
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct made m = {.p50 = {0}};
        overloaded(&m, 40, 30, seed);
        assert_int_equal(judge(&m, 12, 12).is, PELT_BEGINNING_GROWS);
        assert_int_equal(judge(&m, 40, 40).is, PELT_BEGINNING_GROWS);
        assert_int_equal(judge(&m, 40, 26).is, PELT_BEGINNING_GROWS);
        assert_int_equal(judge(&m, 40, 8).is, PELT_BEGINNING_GROWS);
    }
}

static void figures_of_growth_are_of_its_first_and_last_third(void **state)
{
    struct made m = {.p50 = {0}};
    for (size_t i = 0; i < 12; i++) {
        m.backlog[i] = 10 * (double)(i + 1);
        m.p50[i] = 1e4 * (double)(i + 1);
    }
    const struct pelt_beginning found = judge(&m, 12, 12);
    assert_int_equal(found.is, PELT_BEGINNING_GROWS);
    assert_near(found.was, 25, 1e-9);
    assert_near(found.is_now, 105, 1e-9);
}

/* What takes 5 s to answer fills up for some seconds; what ended by then were the fast ones. */
static void a_service_that_takes_long_levels_off(void **state)
{
    struct made m = {.p50 = {0}};
    for (size_t i = 0; i < 40; i++) {
        m.backlog[i] = 100 * 5 * (1 - exp(-((double)i + 0.5) / 5));
        m.p50[i] = fmin(3.5e6, 0.45e6 * ((double)i + 1));
    }
    assert_int_equal(judge(&m, 40, 40).is, PELT_BEGINNING_GOOD);
    assert_int_equal(judge(&m, 20, 20).is, PELT_BEGINNING_GOOD);
}

/* More of it is in flight, and none takes longer: that is the plan. */
static void more_users_that_wait_no_longer_are_no_growth(void **state)
{
    struct made m = {.p50 = {0}};
    for (size_t i = 0; i < 40; i++) {
        m.backlog[i] = (double)(i + 1);
        m.p50[i] = 50e3;
    }
    assert_int_equal(judge(&m, 40, 40).is, PELT_BEGINNING_GOOD);
}

static void errors_of_the_median_sample_count(void **state)
{
    struct made m = {.p50 = {0}};
    for (size_t i = 0; i < 20; i++) {
        m.p50[i] = 5e3;
        m.errors[i] = i < 4 ? (i == 1 ? 0 : 0.4) : 0;
    }
    const struct pelt_beginning found = judge(&m, 20, 20);
    assert_int_equal(found.is, PELT_BEGINNING_ERRORS);
    assert_near(found.is_now, 0.4, 1e-9);
    m.errors[0] = m.errors[2] = 0; /* one bad second of four */
    assert_int_equal(judge(&m, 20, 20).is, PELT_BEGINNING_GOOD);
}

static void times_far_above_the_least_of_the_run_are_slow(void **state)
{
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct pelt_rng rng;
        struct made users = {.p50 = {0}}, burst = {.p50 = {0}};
        pelt_rng_init(&rng, seed, 3);
        for (size_t i = 0; i < 30; i++) { /* 30 users come in 5 s; the first seconds are a burst */
            const double load = fmin(((double)i + 0.5) / 5, 1);
            users.backlog[i] = 30 * load;
            users.p50[i] = fmax(300e3 * load, 20e3) * noise(&rng, 0.3);
            burst.p50[i] = (i < 7 ? 900e3 : 12e3) * noise(&rng, 0.6);
        }
        assert_int_equal(judge(&users, 30, 30).is, PELT_BEGINNING_SLOW);
        const struct pelt_beginning found = judge(&burst, 30, 30);
        assert_int_equal(found.is, PELT_BEGINNING_SLOW);
        assert_true(found.was < 20e3 && found.is_now > 500e3);
    }
}

/* Medians of three answers are far apart by chance, the longer the run the farther. */
static void noise_of_few_answers_is_not_slow(void **state)
{
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct pelt_rng rng;
        struct made m = {.p50 = {0}};
        pelt_rng_init(&rng, seed, 4);
        for (size_t i = 0; i < N_MOST; i++) {
            double a = pelt_rng_exponential(&rng, 200e3), b = pelt_rng_exponential(&rng, 200e3),
                   c = pelt_rng_exponential(&rng, 200e3);
            m.p50[i] = fmax(fmin(a, b), fmin(fmax(a, b), c));
            m.backlog[i] = 1;
        }
        assert_int_equal(judge(&m, N_MOST, N_MOST).is, PELT_BEGINNING_GOOD);
    }
}

static void what_answers_nothing_is_silent(void **state)
{
    struct made m = {.p50 = {0}};
    for (size_t i = 0; i < 20; i++) {
        m.p50[i] = m.errors[i] = NAN;
        m.backlog[i] = 8;
    }
    assert_int_equal(judge(&m, 20, 20).is, PELT_BEGINNING_SILENT);
    for (size_t i = 0; i < 20; i++) {
        m.backlog[i] = 0; /* nothing was asked, either */
    }
    assert_int_equal(judge(&m, 20, 20).is, PELT_BEGINNING_GOOD);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_ramp_that_breaks_at_its_half_began_well),
        cmocka_unit_test(a_queue_that_grows_from_the_first_second_on_is_no_good_beginning),
        cmocka_unit_test(figures_of_growth_are_of_its_first_and_last_third),
        cmocka_unit_test(a_service_that_takes_long_levels_off),
        cmocka_unit_test(more_users_that_wait_no_longer_are_no_growth),
        cmocka_unit_test(errors_of_the_median_sample_count),
        cmocka_unit_test(times_far_above_the_least_of_the_run_are_slow),
        cmocka_unit_test(noise_of_few_answers_is_not_slow),
        cmocka_unit_test(what_answers_nothing_is_silent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
