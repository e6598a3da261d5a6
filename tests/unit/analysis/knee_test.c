/* knee: the shapes of the paper, and that lines and noise have none. */
#include "test.h"

#include <math.h>

#include "near.h"
#include "pelt/knee.h"
#include "pelt/rng.h"

#define MOST 100

static double x[MOST], y[MOST];

static struct pelt_knee find(size_t n, enum pelt_knee_curve curve)
{
    struct pelt_knee knee;
    assert_int_equal(pelt_knee_find(x, y, n, curve, PELT_KNEE_SENSITIVITY, &knee, NULL), PELT_OK);
    return knee;
}

/* Figure 2 of the paper: y = 5 - 1 / (x + 0.1), ten points in [0, 1], knee at 0.22. */
static void the_curve_of_the_paper_has_its_knee(void **state)
{
    for (int i = 0; i < 10; i++) {
        x[i] = i / 9.0;
        y[i] = 5 - 1 / (x[i] + 0.1);
    }
    struct pelt_knee knee = find(10, PELT_KNEE_CONCAVE);
    assert_true(knee.found);
    assert_int_equal(knee.index, 2);
    assert_near(knee.x, 0.2222222, 1e-6);
    assert_near(knee.y, 1.8965517, 1e-6);
    assert_false(find(10, PELT_KNEE_CONVEX).found);
}

/* The same turned by half a circle: p99 that runs away. */
static void its_mirror_image_has_it_on_the_other_side(void **state)
{
    for (int i = 0; i < 10; i++) {
        x[i] = i / 9.0;
        y[i] = 1 / (1.1 - x[i]);
    }
    struct pelt_knee knee = find(10, PELT_KNEE_CONVEX);
    assert_true(knee.found);
    assert_int_equal(knee.index, 7);
    assert_false(find(10, PELT_KNEE_CONCAVE).found);
}

/* The paper's other one: a normal distribution's share below x, mean 50 and sd 10; the formal knee,
 * where the curvature is greatest, is at 60, Kneedle's 60 to 67 by smoothing. */
static void a_normal_distribution_has_its_knee_after_the_mean(void **state)
{
    for (int i = 0; i < 100; i++) {
        x[i] = i;
        y[i] = 0.5 * erfc(-(i - 50) / 10.0 / M_SQRT2);
    }
    struct pelt_knee knee = find(100, PELT_KNEE_CONCAVE);
    assert_true(knee.found);
    assert_in_range((int)knee.x, 60, 68);
}

static void throughput_that_hits_a_ceiling_has_its_knee_there(void **state)
{
    struct pelt_rng rng;
    pelt_rng_init(&rng, 1, 0);
    int near = 0;
    for (int run = 0; run < 200; run++) {
        for (int i = 0; i < 10; i++) {
            x[i] = 100 * (i + 1);
            y[i] = fmin(x[i], 600) * exp(pelt_rng_normal(&rng, 0, 0.03));
        }
        struct pelt_knee knee = find(10, PELT_KNEE_CONCAVE);
        near += knee.found && fabs(knee.x - 600) <= 101;
    }
    assert_in_range(near, 195, 200);
}

static void the_latency_of_a_queue_has_a_knee(void **state)
{
    for (int i = 0; i < 8; i++) {
        x[i] = 100 * (i + 1);
        y[i] = 10 / (1 - x[i] / 850);
    }
    struct pelt_knee knee = find(8, PELT_KNEE_CONVEX);
    assert_true(knee.found);
    assert_in_range((int)knee.x, 500, 800);
}

static void exact_lines_have_no_knee(void **state)
{
    for (int i = 0; i < 20; i++) {
        x[i] = i + 1;
        y[i] = 0.1 + 0.3 * x[i];
    }
    for (size_t n = 6; n <= 20; n++) {
        assert_false(find(n, PELT_KNEE_CONCAVE).found);
        assert_false(find(n, PELT_KNEE_CONVEX).found);
    }
    for (int i = 0; i < 20; i++) {
        y[i] = 7;
    }
    assert_false(find(20, PELT_KNEE_CONCAVE).found);
}

static void lines_and_constants_with_noise_have_none_in_97_of_100(void **state)
{
    struct pelt_rng rng;
    pelt_rng_init(&rng, 2, 0);
    static const size_t levels[] = {6, 10, 20};
    int line = 0;
    int flat = 0;
    for (int run = 0; run < 900; run++) {
        size_t n = levels[run % 3];
        for (size_t i = 0; i < n; i++) {
            x[i] = 100 * (double)(i + 1);
            y[i] = x[i] * exp(pelt_rng_normal(&rng, 0, 0.03));
        }
        line += find(n, PELT_KNEE_CONCAVE).found || find(n, PELT_KNEE_CONVEX).found;
        for (size_t i = 0; i < n; i++) {
            y[i] = 1000 * exp(pelt_rng_normal(&rng, 0, 0.03));
        }
        flat += find(n, PELT_KNEE_CONCAVE).found;
    }
    print_message("of 900: %d lines and %d constants with a knee\n", line, flat);
    assert_in_range(line, 0, 9);
    assert_in_range(flat, 0, 27);
}

static void a_higher_sensitivity_asks_for_clearer_knees(void **state)
{
    struct pelt_knee knee;
    for (int i = 0; i < 10; i++) {
        x[i] = i / 9.0;
        y[i] = 5 - 1 / (x[i] + 0.1);
    }
    assert_int_equal(pelt_knee_find(x, y, 10, PELT_KNEE_CONCAVE, 6, &knee, NULL), PELT_OK);
    assert_false(knee.found);
}

static void what_cannot_be_judged_is_refused(void **state)
{
    struct pelt_knee knee;
    struct pelt_error err;
    for (int i = 0; i < 10; i++) {
        x[i] = i;
        y[i] = i;
    }
    assert_int_equal(pelt_knee_find(x, y, 5, PELT_KNEE_CONCAVE, 1, &knee, &err), PELT_EINVAL);
    assert_string_equal(err.text, "knee: 5 levels, needs at least 6");
    x[4] = 3;
    assert_int_equal(pelt_knee_find(x, y, 10, PELT_KNEE_CONCAVE, 1, &knee, &err), PELT_EINVAL);
    x[4] = 4;
    y[4] = NAN;
    assert_int_equal(pelt_knee_find(x, y, 10, PELT_KNEE_CONCAVE, 1, &knee, &err), PELT_EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_curve_of_the_paper_has_its_knee),
        cmocka_unit_test(its_mirror_image_has_it_on_the_other_side),
        cmocka_unit_test(a_normal_distribution_has_its_knee_after_the_mean),
        cmocka_unit_test(throughput_that_hits_a_ceiling_has_its_knee_there),
        cmocka_unit_test(the_latency_of_a_queue_has_a_knee),
        cmocka_unit_test(exact_lines_have_no_knee),
        cmocka_unit_test(lines_and_constants_with_noise_have_none_in_97_of_100),
        cmocka_unit_test(a_higher_sensitivity_asks_for_clearer_knees),
        cmocka_unit_test(what_cannot_be_judged_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
