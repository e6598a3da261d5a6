/* parts: what keeps several loads of a run apart. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>

#include "pelt/arrivals.h"
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

/* ---- several hosts ---- */

#define ARRIVALS_MAX 4096

static uint64_t due_of[ARRIVALS_MAX];
static unsigned taken[ARRIVALS_MAX];

/* What a thread of a host would send. */
static void take_arrivals(const struct pelt_part *part, uint64_t number, uint64_t threads)
{
    struct pelt_arrivals_iter it;
    uint64_t k, due_ns;
    pelt_arrivals_init(&it, part->plan, part->seed, (uint32_t)(number % threads),
                       (uint32_t)threads);
    while (pelt_arrivals_next(&it, &k, &due_ns)) {
        assert_in_range(k, 0, ARRIVALS_MAX - 1);
        taken[k]++;
        assert_true(due_of[k] == 0 || due_of[k] == due_ns);
        due_of[k] = due_ns;
    }
}

static void hosts_of_unlike_threads_send_together_what_one_would(void **state)
{
    static const uint32_t threads_of[] = {1, 4, 2};
    const uint32_t slots = 3;
    uint64_t k, due_ns, all = 0;
    struct pelt_arrivals_iter whole;
    add(PELT_LOOP_CLOSED, 2);
    add(PELT_LOOP_OPEN, 300)->arrivals = PELT_ARRIVALS_POISSON;
    assert_int_equal(pelt_parts_init(&parts, &plan, 11, true), PELT_OK);
    memset(taken, 0, sizeof(taken));
    memset(due_of, 0, sizeof(due_of));
    for (uint32_t slot = 0; slot < slots; slot++) {
        for (uint32_t t = 0; t < threads_of[slot]; t++) {
            const uint64_t threads = (uint64_t)threads_of[slot] * slots;
            take_arrivals(&parts.list[1], pelt_parts_number(t, slot, slots) + 1, threads);
        }
    }
    pelt_arrivals_init(&whole, parts.list[1].plan, parts.list[1].seed, 0, 1);
    for (; pelt_arrivals_next(&whole, &k, &due_ns); all++) {
        assert_int_equal(taken[k], 1);
        assert_int_equal(due_of[k], due_ns);
    }
    assert_in_range(all, 2500, 3500);
    for (k = all; k < ARRIVALS_MAX; k++) {
        assert_int_equal(taken[k], 0);
    }
}

static void a_budget_is_split_among_the_slots_that_have_users(void **state)
{
    uint64_t sum[2] = {0, 0};
    add(PELT_LOOP_CLOSED, 50)->iterations = 101;
    add(PELT_LOOP_CLOSED, 2)->iterations = 9;
    for (uint32_t slot = 0; slot < 4; slot++) {
        assert_int_equal(pelt_parts_init(&parts, &plan, 1, false), PELT_OK);
        pelt_parts_cut_budgets(&parts, slot, 4);
        assert_in_range(parts.list[0].budget.most, 25, 26);
        const bool users = (slot + 1) % 4 < 2; /* the second load begins with another slot */
        assert_int_equal(parts.list[1].budget.most > 0, users);
        sum[0] += parts.list[0].budget.most;
        sum[1] += parts.list[1].budget.most;
        pelt_parts_deinit(&parts);
    }
    assert_int_equal(sum[0], 101);
    assert_int_equal(sum[1], 9);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(a_plan_that_is_no_mix_is_one_load_as_ever),
        T(nobody_has_the_id_or_the_rows_of_another),
        T(arrivals_are_counted_only_where_somebody_asks),
        T(pools_are_cut_alike_and_users_are_not),
        T(hosts_of_unlike_threads_send_together_what_one_would),
        T(a_budget_is_split_among_the_slots_that_have_users),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
