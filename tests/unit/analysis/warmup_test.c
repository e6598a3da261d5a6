/*
 * warmup: steps and decays of known length in rate, p50 and p99 with autocorrelated seconds, found
 * within 20%. PELT_TEST_SEED moves all random numbers.
 */
#include "test.h"

#include <math.h>
#include <stdlib.h>

#include "autocorrelated.h"
#include "near.h"
#include "pelt/warmup.h"

#define RUNS    100 /* of each kind; the bar is 95% of them */
#define SECONDS 300
#define SERIES  3

struct planted {
    bool gradual;
    double length; /* s: of a decay three time constants */
    double change; /* of p50 and p99 at the beginning, share */
    double phi;
};

static const double *rows[SERIES];
static double y[SERIES][SECONDS];

static uint64_t seed_of(uint64_t usual)
{
    const char *text = getenv("PELT_TEST_SEED");
    return text != NULL ? strtoull(text, NULL, 10) : usual;
}

static void synthetic_run(struct pelt_rng *rng, const struct planted *w)
{
    static const double level[SERIES] = {500, 0.020, 0.090};
    static const double spread[SERIES] = {0.03, 0.05, 0.15};
    for (size_t s = 0; s < SERIES; s++) {
        struct autocorrelated noise = autocorrelated_begin(rng, w->phi);
        rows[s] = y[s];
        for (size_t i = 0; i < SECONDS; i++) {
            double t = (double)i + 0.5;
            double shape = w->gradual ? exp(-3 * t / w->length) : t < w->length;
            double factor = s == 0 ? 1 / (1 + w->change * shape / 2) : 1 + w->change * shape;
            y[s][i] = level[s] * factor * exp(spread[s] * autocorrelated_next(&noise));
        }
    }
}

/* Of RUNS runs, those whose warm-up is found within 20%. */
static int found(uint64_t seed, const struct planted *w)
{
    struct pelt_rng rng;
    pelt_rng_init(&rng, seed_of(seed), 0);
    int near = 0;
    int mser = 0;
    for (int run = 0; run < RUNS; run++) {
        struct pelt_warmup out;
        synthetic_run(&rng, w);
        assert_int_equal(pelt_warmup_find(rows, SERIES, SECONDS, &out, NULL), PELT_OK);
        near += out.steady && fabs((double)out.cut - w->length) <= 0.2 * w->length;
        mser += fabs((double)out.mser - w->length) <= 0.2 * w->length;
    }
    print_message("%s of %g s, change %g, phi %.1f: %d of %d within 20%% (MSER-5 alone %d)\n",
                  w->gradual ? "decay" : "step", w->length, w->change, w->phi, near, RUNS, mser);
    return near;
}

static void decays_are_found_within_20_percent(void **state)
{
    assert_in_range(found(1, &(struct planted){true, 45, 1, 0.6}), 95, RUNS);
    assert_in_range(found(2, &(struct planted){true, 75, 1, 0.6}), 95, RUNS);
    assert_in_range(found(3, &(struct planted){true, 90, 3, 0.6}), 95, RUNS);
}

static void steps_are_found_within_20_percent(void **state)
{
    assert_in_range(found(4, &(struct planted){false, 20, 0.5, 0.6}), 95, RUNS);
    assert_in_range(found(5, &(struct planted){false, 75, 1, 0.8}), 95, RUNS);
}

static void steady_runs_have_no_warmup(void **state)
{
    struct pelt_rng rng;
    pelt_rng_init(&rng, seed_of(6), 0);
    int none = 0;
    for (int run = 0; run < RUNS; run++) {
        struct pelt_warmup out;
        synthetic_run(&rng, &(struct planted){.length = 1, .phi = 0.6});
        assert_int_equal(pelt_warmup_find(rows, SERIES, SECONDS, &out, NULL), PELT_OK);
        none += out.steady && out.cut == 0;
    }
    print_message("steady: %d of %d without a warm-up\n", none, RUNS);
    assert_in_range(none, 97, RUNS);
}

static void what_changes_in_the_second_half_is_not_steady(void **state)
{
    struct pelt_rng rng;
    struct pelt_warmup out;
    pelt_rng_init(&rng, 7, 0);
    synthetic_run(&rng, &(struct planted){false, 200, 0.5, 0.6});
    assert_int_equal(pelt_warmup_find(rows, SERIES, SECONDS, &out, NULL), PELT_OK);
    assert_false(out.steady);
    assert_in_range(out.cut, 195, 205);
}

static void a_series_that_takes_much_longer_has_its_own_way(void **state)
{
    struct pelt_rng rng;
    struct pelt_warmup out;
    pelt_rng_init(&rng, 8, 0);
    synthetic_run(&rng, &(struct planted){false, 15, 0.5, 0.6});
    for (size_t i = 0; i < 90; i++) {
        y[2][i] *= 2;
    }
    assert_int_equal(pelt_warmup_find(rows, SERIES, SECONDS, &out, NULL), PELT_OK);
    assert_true(out.steady);
    assert_int_equal(out.by, 2);
    assert_in_range(out.cut, 85, 95);
    assert_near(out.change, 1, 0.25);
}

static void a_step_without_noise_is_found_exactly(void **state)
{
    struct pelt_warmup out;
    double flat[100];
    double step[100];
    const double *both[2] = {flat, step};
    for (size_t i = 0; i < 100; i++) {
        flat[i] = 3;
        step[i] = i < 17 ? 20 : 10;
    }
    assert_int_equal(pelt_warmup_find(both, 2, 100, &out, NULL), PELT_OK);
    assert_true(out.steady);
    assert_int_equal(out.cut, 17);
    assert_false(out.gradual);
    assert_int_equal(out.by, 1);
    assert_near(out.change, 1, 1e-9);
    assert_int_equal(pelt_warmup_find(both, 1, 100, &out, NULL), PELT_OK);
    assert_int_equal(out.cut, 0);
    assert_true(out.steady);
}

static void mser_cuts_a_step_at_the_next_batch(void **state)
{
    double v[100];
    size_t cut;
    for (size_t i = 0; i < 100; i++) {
        v[i] = (i < 17 ? 20 : 10) + (i % 2 == 0 ? 0.5 : -0.5);
    }
    assert_true(pelt_mser_find(v, 100, 5, &cut));
    assert_int_equal(cut, 20);
    v[40] = NAN; /* takes the one before */
    assert_true(pelt_mser_find(v, 100, 5, &cut));
    assert_int_equal(cut, 20);
}

static void mser_says_when_it_is_at_the_edge(void **state)
{
    double v[100];
    size_t cut;
    for (size_t i = 0; i < 100; i++) {
        v[i] = (double)i;
    }
    assert_false(pelt_mser_find(v, 100, 5, &cut));
    assert_int_equal(cut, 50);
    assert_false(pelt_mser_find(v, 49, 5, &cut));
    assert_int_equal(cut, 24);
}

static void too_little_is_refused(void **state)
{
    struct pelt_warmup out;
    struct pelt_error err;
    double v[60];
    const double *one[1] = {v};
    for (size_t i = 0; i < 60; i++) {
        v[i] = NAN;
    }
    assert_int_equal(pelt_warmup_find(one, 1, 59, &out, &err), PELT_EINVAL);
    assert_string_equal(err.text, "warm-up: 59 seconds, needs at least 60");
    assert_int_equal(pelt_warmup_find(one, 1, 60, &out, &err), PELT_EINVAL);
    assert_string_equal(err.text, "warm-up: series 1 has no value at all");
    assert_int_equal(pelt_warmup_find(one, 0, 60, &out, &err), PELT_EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decays_are_found_within_20_percent),
        cmocka_unit_test(steps_are_found_within_20_percent),
        cmocka_unit_test(steady_runs_have_no_warmup),
        cmocka_unit_test(what_changes_in_the_second_half_is_not_steady),
        cmocka_unit_test(a_series_that_takes_much_longer_has_its_own_way),
        cmocka_unit_test(a_step_without_noise_is_found_exactly),
        cmocka_unit_test(mser_cuts_a_step_at_the_next_batch),
        cmocka_unit_test(mser_says_when_it_is_at_the_edge),
        cmocka_unit_test(too_little_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
