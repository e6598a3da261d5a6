/*
 * load: options make a plan, or scale the scenario's.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "load.h"
#include "pelt/clock.h"

#define S PELT_NS_PER_S

static struct cli_options options(void)
{
    return (struct cli_options){.operand = "s.lua", .grace_ns = PELT_NEVER};
}

static void assert_settles(const struct cli_options *o, const struct pelt_plan *own,
                           struct pelt_plan *out)
{
    struct pelt_error err = {{0}};
    if (cli_load_settle(o, own, out, &err) != PELT_OK) {
        fail_msg("%s", err.text);
    }
}

static void assert_refused(const struct cli_options *o, const struct pelt_plan *own,
                           const char *says)
{
    struct pelt_error err = {{0}};
    struct pelt_plan plan;
    assert_int_equal(cli_load_settle(o, own, &plan, &err), PELT_EINVAL);
    if (strstr(err.text, says) == NULL) {
        fail_msg("\"%s\" does not say \"%s\"", err.text, says);
    }
}

/* 10 users for 10 s, then 40 for 10 s. */
static void make_steps(struct pelt_plan *plan, enum pelt_loop loop)
{
    pelt_plan_init(plan, loop);
    assert_int_equal(pelt_plan_add(plan, 10 * S, 10, 10), PELT_OK);
    assert_int_equal(pelt_plan_add(plan, 10 * S, 40, 40), PELT_OK);
}

static void a_load_is_made_from_users_and_duration(void **state)
{
    struct cli_options o = options();
    struct pelt_plan plan;
    o.users = 20;
    o.duration_ns = 30 * S;
    assert_settles(&o, NULL, &plan);
    assert_int_equal(plan.loop, PELT_LOOP_CLOSED);
    assert_int_equal(pelt_plan_length_ns(&plan), 30 * S);
    assert_int_equal(pelt_plan_users_at(&plan, 0), 20);
    pelt_plan_deinit(&plan);
}

static void a_rate_makes_an_open_load_and_users_its_pool(void **state)
{
    struct cli_options o = options();
    struct pelt_plan plan;
    o.users = 20;
    o.rate_per_s = 200;
    o.duration_ns = 30 * S;
    o.has_arrivals = true;
    o.arrivals = PELT_ARRIVALS_POISSON;
    assert_settles(&o, NULL, &plan);
    assert_int_equal(plan.loop, PELT_LOOP_OPEN);
    assert_int_equal(plan.users_max, 20);
    assert_int_equal(plan.arrivals, PELT_ARRIVALS_POISSON);
    assert_true(pelt_plan_level(&plan, 0) == 200);
    pelt_plan_deinit(&plan);
}

static void users_and_duration_scale_a_shape(void **state)
{
    struct cli_options o = options();
    struct pelt_plan own, plan;
    make_steps(&own, PELT_LOOP_CLOSED);
    o.users = 80;
    o.duration_ns = 10 * S;
    assert_settles(&o, &own, &plan);
    assert_int_equal(pelt_plan_users_at(&plan, 0), 20);
    assert_int_equal(pelt_plan_users_at(&plan, 5 * S), 80);
    assert_int_equal(pelt_plan_length_ns(&plan), 10 * S);
    assert_int_equal(pelt_plan_users_at(&own, 0), 10); /* the scenario's own stays */
    pelt_plan_deinit(&plan);
    pelt_plan_deinit(&own);
}

static void users_of_an_open_shape_are_its_pool(void **state)
{
    struct cli_options o = options();
    struct pelt_plan own, plan;
    make_steps(&own, PELT_LOOP_OPEN);
    o.users = 5;
    o.rate_per_s = 400;
    assert_settles(&o, &own, &plan);
    assert_true(pelt_plan_peak(&plan) == 400);
    assert_int_equal(plan.users_max, 5);
    pelt_plan_deinit(&plan);
    pelt_plan_deinit(&own);
}

static void a_ramp_lies_within_the_duration(void **state)
{
    struct cli_options o = options();
    struct pelt_plan plan;
    o.users = 20;
    o.duration_ns = 30 * S;
    o.ramp.per_s = 2;
    assert_settles(&o, NULL, &plan);
    assert_int_equal(pelt_plan_length_ns(&plan), 30 * S);
    assert_true(pelt_plan_level(&plan, 5 * S) == 10);
    assert_true(pelt_plan_level(&plan, 10 * S) == 20);
    assert_true(pelt_plan_level(&plan, 29 * S) == 20);
    pelt_plan_deinit(&plan);
}

static void grace_may_be_nothing(void **state)
{
    struct cli_options o = options();
    struct pelt_plan plan;
    o.users = 1;
    o.duration_ns = S;
    o.grace_ns = 0;
    assert_settles(&o, NULL, &plan);
    assert_int_equal(plan.grace_ns, 0);
    pelt_plan_deinit(&plan);
}

static void what_does_not_fit_is_refused(void **state)
{
    struct pelt_plan steps;
    make_steps(&steps, PELT_LOOP_CLOSED);
    struct cli_options o = options();
    assert_refused(&o, NULL, "s.lua has no load");
    o.users = 100;
    assert_refused(&o, NULL, "--duration 30s");
    o.duration_ns = 10 * S;
    o.ramp.per_s = 5;
    assert_refused(&o, NULL, "--duration 20s");
    assert_refused(&o, &steps, "--ramp");
    o = options();
    o.rate_per_s = 5;
    assert_refused(&o, &steps, "--users N");
    o = options();
    o.has_arrivals = true;
    assert_refused(&o, &steps, "--arrivals");
    pelt_plan_deinit(&steps);
}

static void bench_has_defaults(void **state)
{
    struct cli_options o = options();
    struct pelt_plan plan;
    assert_int_equal(cli_load_bench(&o, &plan, NULL), PELT_OK);
    assert_int_equal(pelt_plan_users_at(&plan, 0), 10);
    assert_int_equal(pelt_plan_length_ns(&plan), 10 * S);
    pelt_plan_deinit(&plan);
    o.connections = 64;
    o.rate_per_s = 100;
    assert_int_equal(cli_load_bench(&o, &plan, NULL), PELT_OK);
    assert_int_equal(plan.loop, PELT_LOOP_OPEN);
    assert_int_equal(plan.users_max, 64);
    pelt_plan_deinit(&plan);
}

static void pipelining_is_of_a_closed_loop(void **state)
{
    struct cli_options o = options();
    struct pelt_plan plan;
    struct pelt_error err;
    o.pipeline = 8;
    assert_int_equal(cli_load_bench(&o, &plan, NULL), PELT_OK);
    assert_int_equal(plan.in_flight, 8);
    assert_int_equal(pelt_plan_users_at(&plan, 0), 10);
    pelt_plan_deinit(&plan);
    o.rate_per_s = 100;
    assert_int_equal(cli_load_bench(&o, &plan, &err), PELT_EINVAL);
    assert_non_null(strstr(err.text, "--pipeline 8: with --rate"));
    o.pipeline = 1; /* what there is anyway */
    assert_int_equal(cli_load_bench(&o, &plan, NULL), PELT_OK);
    pelt_plan_deinit(&plan);
}

static void iterations_need_no_duration(void **state)
{
    struct cli_options o = options();
    struct pelt_plan plan, own;
    o.users = 20;
    o.iterations = 1000;
    o.ramp.duration_ns = 5 * S;
    assert_settles(&o, NULL, &plan);
    assert_true(plan.endless);
    assert_int_equal(plan.iterations, 1000);
    assert_int_equal(pelt_plan_users_at(&plan, 5 * S), 20);
    pelt_plan_deinit(&plan);
    assert_int_equal(cli_load_bench(&o, &plan, NULL), PELT_OK);
    assert_true(plan.endless);
    pelt_plan_deinit(&plan);
    o.duration_ns = 10 * S;
    assert_settles(&o, NULL, &plan);
    assert_false(plan.endless);
    assert_int_equal(plan.iterations, 1000);
    assert_int_equal(pelt_plan_length_ns(&plan), 10 * S);
    pelt_plan_deinit(&plan);

    o = options();
    o.iterations = 7; /* of a load with a length of its own: whichever comes first */
    make_steps(&own, PELT_LOOP_CLOSED);
    assert_settles(&o, &own, &plan);
    assert_int_equal(plan.iterations, 7);
    assert_int_equal(pelt_plan_length_ns(&plan), 20 * S);
    pelt_plan_deinit(&plan);
    pelt_plan_deinit(&own);
}

static void a_duration_cuts_a_load_that_has_none(void **state)
{
    struct cli_options o = options();
    struct pelt_plan plan, own;
    pelt_plan_init(&own, PELT_LOOP_CLOSED);
    own.iterations_per_user = 5;
    assert_int_equal(pelt_plan_add_endless(&own, 4), PELT_OK);
    o.duration_ns = 3 * S;
    o.users = 8;
    assert_settles(&o, &own, &plan);
    assert_int_equal(pelt_plan_length_ns(&plan), 3 * S);
    assert_int_equal(pelt_plan_users_at(&plan, 0), 8);
    assert_int_equal(plan.iterations_per_user, 5);
    pelt_plan_deinit(&plan);
    o.duration_ns = 0;
    o.ramp.duration_ns = 2 * S; /* it stays endless */
    assert_settles(&o, &own, &plan);
    assert_true(plan.endless);
    assert_int_equal(pelt_plan_users_at(&plan, S), 4);
    pelt_plan_deinit(&plan);
    pelt_plan_deinit(&own);
}

static void several_loads_and_traces_have_no_level_to_set(void **state)
{
    static const uint64_t recorded[] = {0, S};
    struct pelt_plan mix, part, replay, plan;
    pelt_plan_init(&mix, PELT_LOOP_CLOSED);
    make_steps(&part, PELT_LOOP_CLOSED);
    assert_int_equal(pelt_plan_add_part(&mix, &part, "a", S), PELT_OK);
    make_steps(&part, PELT_LOOP_OPEN);
    assert_int_equal(pelt_plan_add_part(&mix, &part, "b", 0), PELT_OK);
    pelt_plan_init(&replay, PELT_LOOP_OPEN);
    assert_int_equal(pelt_plan_add(&replay, 2 * S, 1, 1), PELT_OK);
    replay.replay = (struct pelt_replay){recorded, 2, 1};

    struct cli_options o = options();
    o.rate_per_s = 5;
    assert_refused(&o, &mix, "--rate: s.lua has 2 loads side by side");
    assert_refused(&o, &replay, "--rate: the load of s.lua is a trace with times of its own");
    o = options();
    o.users = 5;
    assert_refused(&o, &mix, "--users: s.lua has 2 loads side by side");
    assert_settles(&o, &replay, &plan);
    assert_int_equal(plan.users_max, 5);
    pelt_plan_deinit(&plan);
    o = options();
    o.iterations = 5;
    assert_refused(&o, &mix, "--iterations: s.lua has 2 loads");
    o = options();
    o.ramp.duration_ns = S;
    assert_refused(&o, &replay, "--ramp: the load of s.lua is a trace");
    o = options();
    o.has_arrivals = true;
    assert_refused(&o, &replay, "--arrivals: the load of s.lua is a trace");
    o = options();
    o.duration_ns = 7 * S;
    assert_settles(&o, &mix, &plan);
    assert_int_equal(pelt_plan_length_ns(&plan), 7 * S);
    assert_int_equal(plan.parts[0].start_ns, S / 3);
    pelt_plan_deinit(&plan);
    assert_settles(&o, &replay, &plan);
    assert_int_equal(pelt_plan_replayed(&plan, 1), 3500 * PELT_NS_PER_MS);
    pelt_plan_deinit(&plan);
    pelt_plan_deinit(&mix);
    pelt_plan_deinit(&replay);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_load_is_made_from_users_and_duration),
        cmocka_unit_test(a_rate_makes_an_open_load_and_users_its_pool),
        cmocka_unit_test(users_and_duration_scale_a_shape),
        cmocka_unit_test(users_of_an_open_shape_are_its_pool),
        cmocka_unit_test(a_ramp_lies_within_the_duration),
        cmocka_unit_test(grace_may_be_nothing),
        cmocka_unit_test(iterations_need_no_duration),
        cmocka_unit_test(a_duration_cuts_a_load_that_has_none),
        cmocka_unit_test(what_does_not_fit_is_refused),
        cmocka_unit_test(several_loads_and_traces_have_no_level_to_set),
        cmocka_unit_test(bench_has_defaults),
        cmocka_unit_test(pipelining_is_of_a_closed_loop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
