/* outlook: series whose end is known, and how often the intervals hold. */
#include "test.h"

#include <stdlib.h>

#include "autocorrelated.h"
#include "near.h"
#include "pelt/outlook.h"

#define RUNS 100

static struct pelt_outlook make(const double *y, size_t n, size_t ahead)
{
    struct pelt_outlook f;
    struct pelt_error err = {""};
    if (pelt_outlook_make(y, n, ahead, &f, &err) != PELT_OK) {
        fail_msg("%s", err.text);
    }
    return f;
}

static void a_line_goes_on(void **state)
{
    double y[20];
    for (int i = 0; i < 20; i++) {
        y[i] = 5 + 3 * i;
    }
    struct pelt_outlook f = make(y, 20, 5);
    assert_near(f.mape[PELT_SMOOTHING_LINE], 0, 1e-12);
    assert_near(PELT_OUTLOOK_WAY(&f)->slope, 3, 1e-9);
    assert_near(pelt_outlook_at(&f, 5, 0.95).value, 5 + 3 * 24, 1e-9);
    struct pelt_interval when = pelt_outlook_reach(&f, 122, 0.95, 100);
    assert_near(when.value, 20, 1e-6);
    assert_near(when.low, 20, 1e-6);
    assert_near(when.high, 20, 1e-6);
    assert_true(isinf(pelt_outlook_reach(&f, 122, 0.95, 19).value));
    assert_true(isinf(pelt_outlook_reach(&f, 10, 0.95, 1000).value)); /* it goes away from it */
}

/* The five origins foretell the last five samples: four exactly, and 10 for 12. */
static void mape_is_the_mean_of_errors_as_shares_of_what_came(void **state)
{
    const double y[10] = {10, 10, 10, 10, 10, 10, 10, 10, 10, 12};
    struct pelt_outlook f = make(y, 10, 1);
    for (int i = 0; i < PELT_SMOOTHINGS; i++) {
        assert_near(f.mape[i], 2.0 / 12 / 5, 1e-12);
    }
    assert_int_equal(f.best, PELT_SMOOTHING_MEAN); /* the simplest */
}

/* Origins 5 to 9, each up to two steps: nine of them, of which only the last samples are not 4. */
static void each_origin_foretells_as_many_steps_as_are_asked_for(void **state)
{
    const double y[10] = {4, 4, 4, 4, 4, 4, 4, 4, 4, 5};
    struct pelt_outlook f = make(y, 10, 2);
    assert_near(f.mape[PELT_SMOOTHING_SINGLE], 2 * 0.2 / 9, 1e-12);
    assert_int_equal(f.ahead, 2);
}

static void gaps_take_the_sample_before_them(void **state)
{
    double y[24];
    for (int i = 0; i < 24; i++) {
        y[i] = i % 3 == 1 ? NAN : 7;
    }
    y[0] = NAN;
    struct pelt_outlook f = make(y, 24, 3);
    assert_near(pelt_outlook_at(&f, 2, 0.9).value, 7, 1e-12);
    assert_near(f.mape[f.best], 0, 0);
}

static void too_little_is_refused(void **state)
{
    const double y[12] = {1, 2, 3, NAN, NAN, NAN, 7, 8, 9, 10, 11, 12}, zero[12] = {0};
    struct pelt_outlook f;
    struct pelt_error err;
    assert_int_equal(pelt_outlook_make(y, 12, 1, &f, &err), PELT_EINVAL);
    assert_string_equal(err.text, "forecast: 9 samples, needs at least 10");
    assert_int_equal(pelt_outlook_make(zero, 12, 0, &f, &err), PELT_EINVAL);
    assert_int_equal(pelt_outlook_make(zero, 12, 1, &f, &err), PELT_OK);
    assert_near(f.mape[f.best], 0, 0);
    assert_near(pelt_outlook_at(&f, 1, 0.95).high, 0, 0);
}

/* What the last sample already has reached. */
static void a_bound_that_is_reached_takes_no_time(void **state)
{
    double y[20];
    for (int i = 0; i < 20; i++) {
        y[i] = 8;
    }
    struct pelt_outlook f = make(y, 20, 1);
    assert_near(pelt_outlook_reach(&f, 8, 0.95, 10).high, 0, 0);
}

/* ---- how often it holds ---- */

enum shape { LEVEL, RISING, WALK, LEVELLED };

#define LENGTH 120
#define AHEAD  30

/* LENGTH samples, then AHEAD that came. Noise of 3% whose neighbours share 0.6; a rise of 60% in
 * LENGTH; a walk by 1% a step; a rise that ends after a third. */
static void draw(enum shape shape, struct pelt_rng *rng, double *y)
{
    struct autocorrelated noise = autocorrelated_begin(rng, 0.6);
    double at = 100;
    for (int i = 0; i < LENGTH + AHEAD; i++) {
        switch (shape) {
        case LEVEL:
            y[i] = 100 + 3 * autocorrelated_next(&noise);
            break;
        case RISING:
            y[i] = 100 + 0.5 * i + 3 * autocorrelated_next(&noise);
            break;
        case WALK:
            y[i] = at += pelt_rng_normal(rng, 0, 1);
            break;
        case LEVELLED:
            y[i] = 100 + fmin(i, LENGTH / 3.0) + 1 * autocorrelated_next(&noise);
            break;
        }
    }
}

struct counts {
    int held, trend, reach;
};

static struct counts try(enum shape shape, uint64_t seed)
{
    struct counts c = {0};
    struct pelt_rng rng;
    pelt_rng_init(&rng, seed, (uint64_t)shape);
    for (int i = 0; i < RUNS; i++) {
        double y[LENGTH + AHEAD];
        draw(shape, &rng, y);
        struct pelt_outlook f = make(y, LENGTH, AHEAD);
        struct pelt_interval then = pelt_outlook_at(&f, AHEAD, 0.95);
        c.held += then.low <= y[LENGTH + AHEAD - 1] && y[LENGTH + AHEAD - 1] <= then.high;
        c.trend += PELT_OUTLOOK_WAY(&f)->slope > 0;
        /* The line without its noise is at 200 in step 200, 81 behind the last sample. */
        struct pelt_interval when = pelt_outlook_reach(&f, 200, 0.95, 1000);
        c.reach += when.low <= 81 && 81 <= when.high;
    }
    print_message("shape %d: held %d, rising %d, reached in time %d of %d\n", shape, c.held,
                  c.trend, c.reach, RUNS);
    return c;
}

static void intervals_hold_as_often_as_they_say(void **state)
{
    const char *seed = getenv("PELT_TEST_SEED");
    const uint64_t of = seed != NULL ? strtoull(seed, NULL, 10) : 1;
    struct counts level = try(LEVEL, of), rising = try(RISING, of), walk = try(WALK, of),
                  levelled = try(LEVELLED, of);
    if (seed != NULL) {
        return;
    }
    /* A walk is the hardest: nothing in its past says how far it goes. */
    assert_true(level.held >= 92 && rising.held >= 92 && levelled.held >= 92 && walk.held >= 85);
    assert_true(rising.trend >= 98 && rising.reach >= 92);
    assert_true(levelled.trend <= 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_goes_on),
        cmocka_unit_test(mape_is_the_mean_of_errors_as_shares_of_what_came),
        cmocka_unit_test(each_origin_foretells_as_many_steps_as_are_asked_for),
        cmocka_unit_test(gaps_take_the_sample_before_them),
        cmocka_unit_test(too_little_is_refused),
        cmocka_unit_test(a_bound_that_is_reached_takes_no_time),
        cmocka_unit_test(intervals_hold_as_often_as_they_say),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
