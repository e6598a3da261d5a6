/*
 * change_points: of 400 series of 60 noisy runs that change nothing at most 8 have a change; of 400
 * that go 10% up somewhere at least 380 are found, at most two runs off. PELT_TEST_SEED moves all
 * random numbers.
 */
#include "test.h"

#include <stdio.h>
#include <stdlib.h>

#include "near.h"
#include "pelt/change_points.h"
#include "pelt/rng.h"

#define SERIES 400
#define RUNS   60
#define LEAST  0.05
#define NOISE  0.03

static uint64_t seed_of(uint64_t usual)
{
    const char *text = getenv("PELT_TEST_SEED");
    return text != NULL ? strtoull(text, NULL, 10) : usual;
}

static size_t find(const double *values, size_t n, struct pelt_change_point out[RUNS])
{
    size_t len;
    assert_int_equal(pelt_change_points_find(values, n, PELT_CHANGE_P_MOST, LEAST, out, &len),
                     PELT_OK);
    return len;
}

static void draw(struct pelt_rng *rng, double *values, size_t n, double level)
{
    for (size_t i = 0; i < n; i++) {
        values[i] = pelt_rng_normal(rng, level, NOISE);
    }
}

static void noise_has_no_changes(void **state)
{
    struct pelt_change_point points[RUNS];
    struct pelt_rng rng;
    unsigned changes = 0;
    pelt_rng_init(&rng, seed_of(1), 0);
    for (int i = 0; i < SERIES; i++) {
        double values[RUNS];
        draw(&rng, values, RUNS, 3);
        changes += find(values, RUNS, points) > 0;
    }
    print_message("%u of %d series of noise have a change\n", changes, SERIES);
    assert_in_range(changes, 0, 8);
}

static void a_change_is_found_where_it_is(void **state)
{
    struct pelt_change_point points[RUNS];
    struct pelt_rng rng;
    unsigned found = 0;
    pelt_rng_init(&rng, seed_of(2), 0);
    for (int i = 0; i < SERIES; i++) {
        double values[RUNS];
        size_t at = 8 + pelt_rng_below(&rng, RUNS - 16);
        draw(&rng, values, at, 3);
        draw(&rng, values + at, RUNS - at, 3.1);
        size_t len = find(values, RUNS, points);
        found += len == 1 && points[0].at + 2 >= at && points[0].at <= at + 2 &&
                 points[0].after > points[0].before;
    }
    print_message("a change of 10%%: %u of %d found\n", found, SERIES);
    assert_in_range(found, 380, SERIES);
}

static void levels_that_come_back_are_two_changes(void **state)
{
    struct pelt_change_point points[RUNS];
    struct pelt_rng rng;
    double values[RUNS];
    pelt_rng_init(&rng, 3, 0);
    draw(&rng, values, 20, 1);
    draw(&rng, values + 20, 20, 1.5);
    draw(&rng, values + 40, 20, 1);
    assert_int_equal(find(values, RUNS, points), 2);
    assert_int_equal(points[0].at, 20);
    assert_int_equal(points[1].at, 40);
    assert_int_equal(points[0].from, 0);
    assert_int_equal(points[0].to, 40);
    assert_near(points[0].after, 1.5, 0.05);
    assert_near(points[1].after, 1, 0.05);
}

static void the_same_values_give_the_same_points(void **state)
{
    struct pelt_change_point a[RUNS], b[RUNS];
    struct pelt_rng rng;
    double values[RUNS];
    pelt_rng_init(&rng, 4, 0);
    draw(&rng, values, 30, 1);
    draw(&rng, values + 30, 30, 1.2);
    size_t len = find(values, RUNS, a);
    assert_int_equal(find(values, RUNS, b), len);
    assert_int_equal(len, 1);
    assert_int_equal(a[0].at, b[0].at);
    assert_true(a[0].p == b[0].p);
}

static void what_does_not_matter_is_no_change(void **state)
{
    struct pelt_change_point points[RUNS];
    double values[RUNS];
    for (size_t i = 0; i < RUNS; i++) {
        values[i] = i < 30 ? 1 : 1.04; /* below the least */
    }
    assert_int_equal(find(values, RUNS, points), 0);
    for (size_t i = 0; i < RUNS; i++) {
        values[i] = i < RUNS - 1 ? 1 : 1.06; /* one run of many that were equal */
    }
    assert_int_equal(find(values, 5, points), 0);
    assert_int_equal(find(values, PELT_CHANGE_VALUES - 1, points), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(noise_has_no_changes),
        cmocka_unit_test(a_change_is_found_where_it_is),
        cmocka_unit_test(levels_that_come_back_are_two_changes),
        cmocka_unit_test(the_same_values_give_the_same_points),
        cmocka_unit_test(what_does_not_matter_is_no_change),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
