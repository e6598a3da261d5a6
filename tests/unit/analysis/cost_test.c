/* cost: sums reckoned by hand. */
#include "test.h"

#include "near.h"
#include "pelt/cost.h"

/* 3.60 an hour for each of 2; 100 a second are 360,000 an hour: 7.20 / 360 a thousand. */
static void cost_is_price_by_what_an_hour_gives(void **state)
{
    assert_near(pelt_cost_per(3.6, 2, 100, 1e3), 0.02, 1e-15);
    assert_near(pelt_cost_per(3.6, 1, 2000, 1e6), 0.5, 1e-15); /* tokens */
    assert_true(isnan(pelt_cost_per(3.6, 2, 0, 1e3)));
}

static void instances_are_whole_and_leave_room(void **state)
{
    assert_near(pelt_cost_instances(500, 0, 200), 3, 0);
    assert_near(pelt_cost_instances(500, 0.2, 200), 3, 0); /* 600: 3 exactly */
    assert_near(pelt_cost_instances(501, 0.2, 200), 4, 0); /* 601.2 */
    assert_near(pelt_cost_instances(100, 0.1, 110), 1, 0); /* 1.0000000000000002 in doubles */
    assert_near(pelt_cost_instances(1, 0.2, 200), 1, 0);
    assert_true(isnan(pelt_cost_instances(1, 0.2, 0)));
}

static const double load[3] = {100, 200, 300}, share[3] = {0.01, 0.05, 0.45};
static const struct pelt_violations v = {load, share, 3};

static void violations_lie_on_straight_lines_between_levels(void **state)
{
    assert_near(pelt_violations_at(&v, 50), 0.01, 1e-15);
    assert_near(pelt_violations_at(&v, 100), 0.01, 1e-15);
    assert_near(pelt_violations_at(&v, 150), 0.03, 1e-15);
    assert_near(pelt_violations_at(&v, 275), 0.35, 1e-15);
    assert_near(pelt_violations_at(&v, 1000), 0.45, 1e-15);
}

/* 600/s: 300/s for each of 2, of which 45% break it, or 200/s for each of 3: 5%. 40% of 2,160,000
 * an hour are avoided for 0.40: even at 0.40 / 864,000; with 0.001 each 864 - 0.4. */
static void a_step_saves_what_it_avoids(void **state)
{
    struct pelt_scaling s = pelt_cost_scaling(&v, 600, 2, 3, 0.4, 0.001);
    assert_near(s.cost_per_h, 0.4, 1e-15);
    assert_near(s.share_from, 0.45, 1e-15);
    assert_near(s.share_to, 0.05, 1e-15);
    assert_near(s.avoided_per_h, 864000, 1e-6);
    assert_near(s.break_even, 0.4 / 864000, 1e-15);
    assert_near(s.net_per_h, 863.6, 1e-9);
    assert_true(isnan(pelt_cost_scaling(&v, 600, 2, 3, 0.4, NAN).net_per_h));
}

static void a_step_that_avoids_nothing_never_pays(void **state)
{
    struct pelt_scaling s = pelt_cost_scaling(&v, 100, 1, 2, 0.4, 5);
    assert_near(s.avoided_per_h, 0, 1e-9);
    assert_true(isinf(s.break_even));
    assert_near(s.net_per_h, -0.4, 1e-12);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cost_is_price_by_what_an_hour_gives),
        cmocka_unit_test(instances_are_whole_and_leave_room),
        cmocka_unit_test(violations_lie_on_straight_lines_between_levels),
        cmocka_unit_test(a_step_saves_what_it_avoids),
        cmocka_unit_test(a_step_that_avoids_nothing_never_pays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
