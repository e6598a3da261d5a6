/* forecast: what the measured cost comes to on a host, and which limit a plan meets first. */
#include "test.h"

#include <math.h>

#include "pelt/clock.h"
#include "pelt/forecast.h"

/* 100 us an iteration of 2 requests; 10 KB and a descriptor a user; no pause. */
static struct pelt_measured cost(void)
{
    return (struct pelt_measured){.seconds = 2,
                                  .users = 50,
                                  .iterations = 20000,
                                  .requests = 40000,
                                  .cpu_ns = 2 * PELT_NS_PER_S,
                                  .users_more = 1000,
                                  .bytes_a_user = 10000,
                                  .fds_a_user = 1};
}

static struct pelt_limits host(void)
{
    return (struct pelt_limits){.cores = 4,
                                .fds = 20000,
                                .port_first = 32768,
                                .port_last = 60999,
                                .sources = 1,
                                .port_rest_s = 60,
                                .memory_bytes = UINT64_C(1000000000)};
}

static struct pelt_forecast make(enum pelt_loop loop, double level, uint64_t think_ns,
                                 const struct pelt_measured *m, const struct pelt_limits *l)
{
    struct pelt_plan plan;
    struct pelt_forecast f;
    pelt_plan_init(&plan, loop);
    assert_int_equal(pelt_plan_add(&plan, PELT_NS_PER_S, level, level), PELT_OK);
    plan.think_ns = think_ns;
    pelt_forecast_make(m, l, &plan, 2, &f);
    pelt_plan_deinit(&plan);
    return f;
}

static void assert_near(double value, double expected)
{
    if (fabs(value - expected) > 1e-9 * fabs(expected)) {
        print_error("%.12g is not %.12g\n", value, expected);
        fail();
    }
}

static void rates_are_those_of_the_threads_together(void **state)
{
    const struct pelt_measured m = cost();
    struct pelt_limits l = host();
    struct pelt_forecast f = make(PELT_LOOP_OPEN, 1000, 0, &m, &l);
    assert_near(f.iterations_per_s, 20000);
    assert_near(f.requests_per_s, 40000);
    assert_near(f.cpu_share, 0.05);
    l.cores = 0.5; /* a quota: two threads share it */
    f = make(PELT_LOOP_OPEN, 1000, 0, &m, &l);
    assert_near(f.iterations_per_s, 5000);
    assert_near(f.cpu_share, 0.2);
}

static void users_are_what_descriptors_ports_and_memory_allow(void **state)
{
    const struct pelt_measured m = cost();
    const struct pelt_limits l = host();
    const struct pelt_forecast f = make(PELT_LOOP_CLOSED, 2000, PELT_NS_PER_S, &m, &l);
    assert_near(f.allowed[PELT_LIMIT_FDS].users, 20000 - 64 - 2 * 8);
    assert_near(f.allowed[PELT_LIMIT_PORTS].users, 28232);
    assert_near(f.allowed[PELT_LIMIT_MEMORY].users, 100000);
    assert_near(f.plan_iterations_per_s, 2000);
    assert_near(f.allowed[PELT_LIMIT_FDS].times, 9.96);
    assert_near(f.allowed[PELT_LIMIT_CPU].times, 10);
    assert_int_equal(f.first, PELT_LIMIT_FDS);
    assert_true(f.fits);
}

static void a_closed_loop_without_pauses_meets_the_cpu_first(void **state)
{
    const struct pelt_measured m = cost();
    const struct pelt_limits l = host();
    const struct pelt_forecast f = make(PELT_LOOP_CLOSED, 2000, 0, &m, &l);
    assert_true(isinf(f.plan_iterations_per_s));
    assert_near(f.cpu_share, 1);
    assert_int_equal(f.first, PELT_LIMIT_CPU);
    assert_true(f.fits);
}

static void a_closed_loop_is_never_beyond_the_cpu(void **state)
{
    const struct pelt_measured m = cost();
    const struct pelt_limits l = host();
    const struct pelt_forecast f = make(PELT_LOOP_CLOSED, 2000, PELT_NS_PER_MS, &m, &l);
    assert_near(f.plan_iterations_per_s, 2e6);
    assert_near(f.allowed[PELT_LIMIT_CPU].times, 0.01);
    assert_true(f.fits);
}

static void users_beyond_a_limit_do_not_fit(void **state)
{
    const struct pelt_measured m = cost();
    const struct pelt_limits l = host();
    struct pelt_forecast f = make(PELT_LOOP_CLOSED, 20000, 0, &m, &l);
    assert_false(f.fits);
    assert_int_equal(f.first, PELT_LIMIT_FDS); /* though the CPU is met first by load */
    f = make(PELT_LOOP_CLOSED, 19920, 0, &m, &l);
    assert_true(f.fits);
    f = make(PELT_LOOP_CLOSED, 19921, 0, &m, &l);
    assert_false(f.fits);
}

static void a_rate_beyond_the_cpu_does_not_fit(void **state)
{
    const struct pelt_measured m = cost();
    const struct pelt_limits l = host();
    assert_true(make(PELT_LOOP_OPEN, 20000, 0, &m, &l).fits);
    const struct pelt_forecast f = make(PELT_LOOP_OPEN, 30000, 0, &m, &l);
    assert_false(f.fits);
    assert_int_equal(f.first, PELT_LIMIT_CPU);
    assert_near(f.cpu_share, 1.5);
}

/* One at a time they cost more: 500 a second take half of a core that could do 10,000. */
static struct pelt_measured cost_of_arrivals(void)
{
    struct pelt_measured m = cost();
    m.ontime = (struct pelt_ontime){.step = {{500, 0.5}, {2000, 0.8}, {4000, 1}}, .steps = 3};
    return m;
}

static void arrivals_cost_what_was_measured_of_them(void **state)
{
    const struct pelt_measured m = cost_of_arrivals();
    const struct pelt_limits l = host();
    const struct {
        double per_s, share; /* of two threads */
    } EXPECTED[] = {{500, 0.25}, {1000, 0.5}, {1500, 0.55}, {4000, 0.8},
                    {6000, 0.9}, {8000, 1},   {10000, 1},   {30000, 1.5}};
    for (size_t i = 0; i < sizeof EXPECTED / sizeof *EXPECTED; i++) {
        const struct pelt_forecast f = make(PELT_LOOP_OPEN, EXPECTED[i].per_s, 0, &m, &l);
        assert_near(f.iterations_per_s, 20000);
        assert_near(f.on_time_per_s, 6000); /* where 90% of a core are taken */
        assert_near(f.cpu_share, EXPECTED[i].share);
        assert_int_equal(f.fits, EXPECTED[i].per_s <= 6000);
    }
    const struct pelt_forecast closed = make(PELT_LOOP_CLOSED, 100, 0, &m, &l);
    assert_near(closed.allowed[PELT_LIMIT_CPU].iterations_per_s, 20000);
}

static void steps_that_leave_room_say_less_than_a_busy_thread(void **state)
{
    struct pelt_measured m = cost();
    const struct pelt_limits l = host();
    m.ontime = (struct pelt_ontime){.step = {{1000, 0.1}, {5000, 0.5}}, .steps = 2};
    assert_near(make(PELT_LOOP_OPEN, 1000, 0, &m, &l).on_time_per_s, 18000);
    m.ontime = (struct pelt_ontime){.step = {{1000, 1}}, .steps = 1};
    assert_near(make(PELT_LOOP_OPEN, 1000, 0, &m, &l).on_time_per_s, 1800);
}

static void an_open_loop_needs_the_users_who_pause(void **state)
{
    struct pelt_measured m = cost();
    const struct pelt_limits l = host();
    m.pause_s = 30;
    const struct pelt_forecast f = make(PELT_LOOP_OPEN, 1000, 0, &m, &l);
    assert_near(f.users, 30000);
    assert_false(f.fits);
    assert_int_equal(f.first, PELT_LIMIT_USERS); /* 10,000 if nothing is said; descriptors: more */
}

static void connections_that_end_use_ports_up(void **state)
{
    struct pelt_measured m = cost();
    struct pelt_limits l = host();
    m.connects = 2 * m.iterations;
    struct pelt_forecast f = make(PELT_LOOP_OPEN, 1000, 0, &m, &l);
    assert_near(f.allowed[PELT_LIMIT_PORTS].iterations_per_s, 28232 / 60.0 / 2);
    assert_int_equal(f.first, PELT_LIMIT_PORTS);
    assert_false(f.fits);
    f = make(PELT_LOOP_CLOSED, 10, 0, &m, &l); /* slows down to it, which is below the CPU's */
    assert_int_equal(f.first, PELT_LIMIT_PORTS);
    assert_true(f.fits);
    l.port_rest_s = 1;
    assert_true(make(PELT_LOOP_OPEN, 1000, 0, &m, &l).fits);
}

static void add_load(struct pelt_plan *mix, const char *name, enum pelt_loop loop, double level,
                     uint64_t think_ns)
{
    struct pelt_plan part;
    pelt_plan_init(&part, loop);
    assert_int_equal(pelt_plan_add(&part, PELT_NS_PER_S, level, level), PELT_OK);
    part.think_ns = think_ns;
    assert_int_equal(pelt_plan_add_part(mix, &part, name, 0), PELT_OK);
}

/* 10/s, each with a pause of a second. */
static void an_open_loop_needs_the_users_of_its_pauses(void **state)
{
    const struct pelt_measured m = cost();
    const struct pelt_limits l = host();
    struct pelt_plan plan;
    struct pelt_forecast f;
    pelt_plan_init(&plan, PELT_LOOP_OPEN);
    assert_int_equal(pelt_plan_add(&plan, PELT_NS_PER_S, 10, 10), PELT_OK);
    plan.think_ns = PELT_NS_PER_S;
    plan.users_max = 9;
    pelt_forecast_make(&m, &l, &plan, 2, &f);
    assert_false(f.fits);
    assert_int_equal(f.first, PELT_LIMIT_USERS);
    assert_near(f.pool_users, 10);
    assert_near(f.allowed[PELT_LIMIT_USERS].users, 9);
    assert_near(f.allowed[PELT_LIMIT_USERS].times, 0.9);
    plan.users_max = 10;
    pelt_forecast_make(&m, &l, &plan, 2, &f);
    assert_true(f.fits);
    assert_int_equal(f.first, PELT_LIMIT_USERS);
    plan.users_max = 1000000; /* the host's limits come first */
    pelt_forecast_make(&m, &l, &plan, 2, &f);
    assert_int_equal(f.first, PELT_LIMIT_FDS);
    pelt_plan_deinit(&plan);
}

/* The one that is nearest to its pool; closed ones have none. */
static void each_load_of_a_mix_has_its_own_users(void **state)
{
    const struct pelt_measured m = cost();
    const struct pelt_limits l = host();
    struct pelt_plan mix;
    struct pelt_forecast f;
    pelt_plan_init(&mix, PELT_LOOP_CLOSED);
    add_load(&mix, "closed", PELT_LOOP_CLOSED, 1000, PELT_NS_PER_S);
    pelt_forecast_make(&m, &l, &mix, 2, &f);
    assert_true(isinf(f.allowed[PELT_LIMIT_USERS].users));
    assert_true(isinf(f.allowed[PELT_LIMIT_USERS].times));
    add_load(&mix, "brisk", PELT_LOOP_OPEN, 100, PELT_NS_PER_S);
    add_load(&mix, "slow", PELT_LOOP_OPEN, 10, 100 * PELT_NS_PER_S);
    mix.parts[1].users_max = 120;
    mix.parts[2].users_max = 500;
    pelt_forecast_make(&m, &l, &mix, 2, &f);
    assert_false(f.fits);
    assert_int_equal(f.first, PELT_LIMIT_USERS);
    assert_string_equal(f.pool_of, "slow");
    assert_near(f.pool_users, 1000);
    mix.parts[2].users_max = 5000;
    pelt_forecast_make(&m, &l, &mix, 2, &f);
    assert_true(f.fits);
    assert_string_equal(f.pool_of, "brisk");
    pelt_plan_deinit(&mix);
}

static void loads_of_a_mix_add_up_each_with_its_own_pauses(void **state)
{
    const struct pelt_measured m = cost();
    const struct pelt_limits l = host();
    struct pelt_plan mix;
    struct pelt_forecast f;
    pelt_plan_init(&mix, PELT_LOOP_CLOSED);
    add_load(&mix, "slow", PELT_LOOP_CLOSED, 1000, 10 * PELT_NS_PER_S);
    add_load(&mix, "quick", PELT_LOOP_CLOSED, 100, PELT_NS_PER_S);
    pelt_forecast_make(&m, &l, &mix, 2, &f);
    assert_near(f.users, 1100);
    assert_near(f.plan_iterations_per_s, 200);
    assert_near(f.cpu_share, 0.01);
    add_load(&mix, "feed", PELT_LOOP_OPEN, 800, 0);
    pelt_forecast_make(&m, &l, &mix, 2, &f);
    assert_near(f.users, 1101);
    assert_near(f.plan_iterations_per_s, 1000);
    assert_near(f.open_iterations_per_s, 800);
    assert_true(f.fits);
    add_load(&mix, "flood", PELT_LOOP_OPEN, 29200, 0);
    pelt_forecast_make(&m, &l, &mix, 2, &f);
    assert_near(f.cpu_share, 1.5); /* arrivals do not wait, as the users of the others do */
    assert_false(f.fits);
    assert_int_equal(f.first, PELT_LIMIT_CPU);
    const struct pelt_measured_users users = pelt_measured_users(&mix, 8);
    assert_int_equal(users.few, 4); /* one of each */
    pelt_plan_deinit(&mix);
}

static void what_was_not_measured_limits_nothing(void **state)
{
    struct pelt_measured m = cost();
    struct pelt_limits l = host();
    m.iterations = 0;
    m.users_more = 0;
    m.bytes_a_user = m.fds_a_user = 0;
    l.memory_bytes = 0;
    const struct pelt_forecast f = make(PELT_LOOP_OPEN, 1e6, 0, &m, &l);
    assert_true(f.fits);
    for (int i = 0; i < PELT_LIMITS; i++) {
        assert_true(isinf(f.allowed[i].times));
    }
}

static void the_measuring_run_leaves_room_for_more_users(void **state)
{
    struct pelt_plan plan;
    pelt_plan_init(&plan, PELT_LOOP_CLOSED);
    assert_int_equal(pelt_plan_add(&plan, PELT_NS_PER_S, 0, 5000), PELT_OK);
    struct pelt_measured_users users = pelt_measured_users(&plan, 1000000);
    assert_int_equal(users.few, 1000);
    assert_int_equal(users.more, 1000);
    users = pelt_measured_users(&plan, 472);
    assert_int_equal(users.few, 50);
    assert_int_equal(users.more, 50);
    users = pelt_measured_users(&plan, 10);
    assert_int_equal(users.few, 1);
    pelt_plan_scale_peak(&plan, 3);
    users = pelt_measured_users(&plan, 1000000);
    assert_int_equal(users.few, 3);
    assert_int_equal(users.more, 1000);
    pelt_plan_deinit(&plan);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rates_are_those_of_the_threads_together),
        cmocka_unit_test(users_are_what_descriptors_ports_and_memory_allow),
        cmocka_unit_test(a_closed_loop_without_pauses_meets_the_cpu_first),
        cmocka_unit_test(a_closed_loop_is_never_beyond_the_cpu),
        cmocka_unit_test(users_beyond_a_limit_do_not_fit),
        cmocka_unit_test(a_rate_beyond_the_cpu_does_not_fit),
        cmocka_unit_test(arrivals_cost_what_was_measured_of_them),
        cmocka_unit_test(steps_that_leave_room_say_less_than_a_busy_thread),
        cmocka_unit_test(an_open_loop_needs_the_users_who_pause),
        cmocka_unit_test(connections_that_end_use_ports_up),
        cmocka_unit_test(an_open_loop_needs_the_users_of_its_pauses),
        cmocka_unit_test(each_load_of_a_mix_has_its_own_users),
        cmocka_unit_test(loads_of_a_mix_add_up_each_with_its_own_pauses),
        cmocka_unit_test(what_was_not_measured_limits_nothing),
        cmocka_unit_test(the_measuring_run_leaves_room_for_more_users),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
