/* parts: what keeps several loads of a run apart. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "pelt/clock.h"
#include "pelt/parts.h"

#define S PELT_NS_PER_S

static struct pelt_plan plan;
static struct pelt_parts parts;

static int set_up(void **state)
{
    pelt_plan_init(&plan, PELT_LOOP_CLOSED);
    return 0;
}

static int tear_down(void **state)
{
    pelt_parts_deinit(&parts);
    pelt_plan_deinit(&plan);
    return 0;
}

static struct pelt_plan *add(enum pelt_loop loop, double level)
{
    struct pelt_plan part;
    pelt_plan_init(&part, loop);
    assert_int_equal(pelt_plan_add(&part, 10 * S, level, level), PELT_OK);
    assert_int_equal(pelt_plan_add_part(&plan, &part, "part", 0), PELT_OK);
    return &plan.parts[plan.parts_len - 1];
}

static void a_plan_that_is_no_mix_is_one_load_as_ever(void **state)
{
    plan.loop = PELT_LOOP_OPEN;
    assert_int_equal(pelt_plan_add(&plan, 10 * S, 5, 5), PELT_OK);
    assert_int_equal(pelt_parts_init(&parts, &plan, 7, true), PELT_OK);
    assert_int_equal(parts.len, 1);
    assert_ptr_equal(parts.list[0].plan, &plan);
    assert_int_equal(parts.list[0].seed, 7);
    assert_int_equal(parts.list[0].id_from, 0);
    assert_int_equal(parts.list[0].id_step, 1);
    assert_int_equal(parts.list[0].arrivals_before, 0);
    assert_int_equal(parts.population, 50);
    assert_int_equal(pelt_parts_users_most(&plan), 10000);
}

static void nobody_has_the_id_or_the_rows_of_another(void **state)
{
    add(PELT_LOOP_CLOSED, 4);
    add(PELT_LOOP_OPEN, 5);
    add(PELT_LOOP_CLOSED, 3)->iterations = 9;
    add(PELT_LOOP_OPEN, 2)->iterations = 11;
    assert_int_equal(pelt_parts_init(&parts, &plan, 7, true), PELT_OK);
    const struct pelt_part *p = parts.list;
    assert_int_equal(p[0].id_from, 0);
    assert_int_equal(p[2].id_from, 4);
    assert_int_equal(p[2].id_step, 1);
    assert_int_equal(p[1].id_from, 7); /* and 9, 11 ... */
    assert_int_equal(p[3].id_from, 8); /* and 10, 12 ... */
    assert_int_equal(p[1].id_step, 2);
    assert_int_equal(p[3].id_step, 2);
    assert_int_equal(p[1].arrivals_before, 7);
    assert_int_equal(p[3].arrivals_before, 57);
    assert_int_equal(parts.population, 57 + 11);
    assert_true(p[1].seed != p[3].seed);
    assert_true(p[2].has_budget);
    assert_int_equal(p[2].budget.most, 9);
    assert_false(p[0].has_budget || p[1].has_budget || p[3].has_budget);
}

static void arrivals_are_counted_only_where_somebody_asks(void **state)
{
    add(PELT_LOOP_CLOSED, 4);
    add(PELT_LOOP_OPEN, 5);
    assert_int_equal(pelt_parts_init(&parts, &plan, 7, false), PELT_OK);
    assert_int_equal(parts.population, 0);
    assert_int_equal(parts.list[1].id_from, 4);
}

static void pools_are_cut_alike_and_users_are_not(void **state)
{
    add(PELT_LOOP_CLOSED, 4);
    add(PELT_LOOP_OPEN, 5)->users_max = 300;
    add(PELT_LOOP_OPEN, 5)->users_max = 100;
    assert_int_equal(pelt_parts_users_most(&plan), 404);
    assert_int_equal(pelt_parts_pools_most(&plan), 400);
    pelt_parts_cut_pools(&plan, 1000);
    assert_int_equal(pelt_parts_pools_most(&plan), 400);
    pelt_parts_cut_pools(&plan, 40);
    assert_int_equal(plan.parts[1].users_max, 30);
    assert_int_equal(plan.parts[2].users_max, 10);
    pelt_parts_cut_pools(&plan, 1);
    assert_int_equal(plan.parts[2].users_max, 1);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(a_plan_that_is_no_mix_is_one_load_as_ever),
        T(nobody_has_the_id_or_the_rows_of_another),
        T(arrivals_are_counted_only_where_somebody_asks),
        T(pools_are_cut_alike_and_users_are_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
