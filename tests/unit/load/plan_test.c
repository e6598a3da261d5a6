/* plan: levels, users and integrals over time, and the line that describes it. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "pelt/clock.h"
#include "pelt/plan.h"

#define S  PELT_NS_PER_S
#define MS PELT_NS_PER_MS

static struct pelt_plan plan;

static int tear_down(void **state)
{
    pelt_plan_deinit(&plan);
    return 0;
}

static void make(enum pelt_loop loop, uint64_t duration_ns, double from, double to)
{
    pelt_plan_init(&plan, loop);
    assert_int_equal(pelt_plan_add(&plan, duration_ns, from, to), PELT_OK);
}

/* "0 -> 100 over 10 s, 100 for 10 s, jump to 20 for 5 s, down to 0 over 5 s". */
static void make_ramp(enum pelt_loop loop)
{
    pelt_plan_init(&plan, loop);
    assert_int_equal(pelt_plan_add(&plan, 10 * S, 0, 100), PELT_OK);
    assert_int_equal(pelt_plan_add(&plan, 10 * S, NAN, 100), PELT_OK);
    assert_int_equal(pelt_plan_add(&plan, 5 * S, 20, 20), PELT_OK);
    assert_int_equal(pelt_plan_add(&plan, 5 * S, NAN, 0), PELT_OK);
}

static void levels_are_linear_in_between_and_jump_to_the_later_one(void **state)
{
    make_ramp(PELT_LOOP_OPEN);
    assert_true(pelt_plan_level(&plan, 0) == 0);
    assert_true(pelt_plan_level(&plan, 5 * S) == 50);
    assert_true(pelt_plan_level(&plan, 10 * S) == 100);
    assert_true(pelt_plan_level(&plan, 20 * S - 1) == 100);
    assert_true(pelt_plan_level(&plan, 20 * S) == 20);
    assert_true(fabs(pelt_plan_level(&plan, 27500 * MS) - 10) < 1e-9);
    assert_true(pelt_plan_level(&plan, 30 * S) == 0);
    assert_true(pelt_plan_level(&plan, PELT_NEVER) == 0);
    assert_int_equal(pelt_plan_length_ns(&plan), 30 * S);
    assert_true(pelt_plan_peak(&plan) == 100);
}

static void a_stage_without_length_is_a_jump(void **state)
{
    pelt_plan_init(&plan, PELT_LOOP_CLOSED);
    assert_int_equal(pelt_plan_add(&plan, 0, NAN, 30), PELT_OK);
    assert_int_equal(pelt_plan_add(&plan, 2 * S, NAN, 10), PELT_OK);
    assert_int_equal(pelt_plan_add(&plan, 0, NAN, 50), PELT_OK);
    assert_int_equal(pelt_plan_users_at(&plan, 0), 30);
    assert_int_equal(pelt_plan_users_at(&plan, 1 * S), 20);
    assert_int_equal(pelt_plan_users_at(&plan, 2 * S), 0);
    assert_true(pelt_plan_peak(&plan) == 30); /* 50 is never reached */
}

static void every_change_of_users_is_found_in_order(void **state)
{
    make_ramp(PELT_LOOP_CLOSED);
    uint64_t t = 0, users = pelt_plan_users_at(&plan, 0);
    int changes = 0;
    for (;; changes++) {
        uint64_t next = pelt_plan_next_change(&plan, t);
        if (next == PELT_NEVER) {
            break;
        }
        assert_true(next > t);
        assert_int_equal(pelt_plan_users_at(&plan, next - 1), users);
        uint64_t now = pelt_plan_users_at(&plan, next);
        assert_true(now != users);
        assert_true(next == 20 * S || now == users + 1 || now == users - 1);
        users = now;
        t = next;
    }
    assert_int_equal(changes, 100 + 1 + 20);
    assert_int_equal(users, 0);
}

static void users_change_at_the_half(void **state)
{
    make_ramp(PELT_LOOP_CLOSED); /* 10 users a second: the first half is reached after 50 ms */
    assert_int_equal(pelt_plan_next_change(&plan, 0), 50 * MS);
    assert_int_equal(pelt_plan_next_change(&plan, 50 * MS), 150 * MS);
    assert_int_equal(pelt_plan_next_change(&plan, 149 * MS), 150 * MS);
    assert_int_equal(pelt_plan_next_change(&plan, 12 * S), 20 * S);
}

static void constant_users_change_at_the_end_only(void **state)
{
    pelt_plan_init(&plan, PELT_LOOP_CLOSED);
    assert_int_equal(pelt_plan_add(&plan, 3 * S, 5, 5), PELT_OK);
    assert_int_equal(pelt_plan_add(&plan, 4 * S, NAN, 5), PELT_OK);
    assert_int_equal(pelt_plan_next_change(&plan, 0), 7 * S);
    assert_true(pelt_plan_next_change(&plan, 7 * S) == PELT_NEVER);
}

static void the_integral_counts_arrivals(void **state)
{
    make_ramp(PELT_LOOP_OPEN);
    assert_true(pelt_plan_integral(&plan, 0) == 0);
    assert_true(pelt_plan_integral(&plan, 5 * S) == 125);
    assert_true(pelt_plan_integral(&plan, 10 * S) == 500);
    assert_true(pelt_plan_integral(&plan, 15 * S) == 1000);
    assert_true(pelt_plan_integral(&plan, 25 * S) == 1600);
    assert_true(pelt_plan_integral(&plan, 30 * S) == 1650);
    assert_true(pelt_plan_integral(&plan, PELT_NEVER) == 1650);
}

static void the_inverse_is_the_integrals(void **state)
{
    make_ramp(PELT_LOOP_OPEN);
    for (uint64_t t = 0; t < 30 * S; t += 77777777) {
        uint64_t back = pelt_plan_inverse(&plan, pelt_plan_integral(&plan, t));
        uint64_t off = back > t ? back - t : t - back;
        assert_true(off <= 1);
    }
    assert_int_equal(pelt_plan_inverse(&plan, 125), 5 * S);
    assert_int_equal(pelt_plan_inverse(&plan, 1650), 30 * S);
    assert_true(pelt_plan_inverse(&plan, 1650.0001) == PELT_NEVER);
}

static void the_inverse_is_exact_on_both_slopes(void **state)
{
    /* Against the textbook root in long double, up to the last arrival before the rate is 0; with
     * levels that are no round numbers, for with those nothing is lost when terms cancel. */
    const double top = 12345.678;
    const uint64_t length_ns = UINT64_C(9876543210);
    const long double area = (long double)top * length_ns / 2e9L,
                      slope = (long double)top / length_ns * 1e9L;
    for (int falling = 0; falling < 2; falling++) {
        pelt_plan_init(&plan, PELT_LOOP_OPEN);
        assert_int_equal(pelt_plan_add(&plan, length_ns, falling ? top : 0, falling ? 0 : top),
                         PELT_OK);
        for (int k = 0; k < (int)area; k++) {
            long double t_ns = sqrtl(2 * (falling ? area - k : k) / slope) * 1e9L;
            int64_t expected = llrintl(falling ? (long double)length_ns - t_ns : t_ns);
            int64_t got = (int64_t)pelt_plan_inverse(&plan, k);
            assert_in_range(got - expected + 1, 0, 2);
        }
        pelt_plan_deinit(&plan);
    }
}

static void the_last_moment_of_a_falling_line_is_found(void **state)
{
    /* Here the discriminant is all cancellation, and for some of these below 0. */
    for (int i = 1; i < 2000; i++) {
        const uint64_t length_ns = (uint64_t)i * 1234567891;
        make(PELT_LOOP_OPEN, length_ns, 0.1 * i, 0);
        uint64_t t = pelt_plan_inverse(&plan, nextafter(pelt_plan_integral(&plan, length_ns), 0));
        assert_in_range(t, length_ns - length_ns / 10000000, length_ns);
        pelt_plan_deinit(&plan);
    }
}

static void where_the_integral_stands_still_its_end_counts(void **state)
{
    pelt_plan_init(&plan, PELT_LOOP_OPEN);
    assert_int_equal(pelt_plan_add(&plan, 1 * S, 10, 10), PELT_OK);
    assert_int_equal(pelt_plan_add(&plan, 5 * S, 0, 0), PELT_OK);
    assert_int_equal(pelt_plan_add(&plan, 1 * S, 10, 10), PELT_OK);
    assert_int_equal(pelt_plan_inverse(&plan, 10), 6 * S);
    assert_int_equal(pelt_plan_inverse(&plan, 9), 900 * MS);
}

static void scaling_keeps_the_shape_and_hits_the_mark(void **state)
{
    make_ramp(PELT_LOOP_OPEN);
    pelt_plan_scale_peak(&plan, 7);
    assert_true(pelt_plan_peak(&plan) == 7);
    assert_true(fabs(pelt_plan_level(&plan, 22 * S) - 1.4) < 1e-12);
    pelt_plan_scale_length(&plan, 7 * S + 1);
    assert_int_equal(pelt_plan_length_ns(&plan), 7 * S + 1);
    assert_true(fabs(pelt_plan_level(&plan, 3500 * MS) - 7) < 1e-6);
    pelt_plan_scale_length(&plan, 300 * 86400 * S);
    assert_int_equal(pelt_plan_length_ns(&plan), 300 * 86400 * S);
}

static void a_copy_is_its_own(void **state)
{
    struct pelt_plan copy;
    make_ramp(PELT_LOOP_OPEN);
    assert_int_equal(pelt_plan_copy(&copy, &plan), PELT_OK);
    pelt_plan_scale_peak(&copy, 1);
    assert_true(pelt_plan_peak(&plan) == 100);
    assert_true(pelt_plan_peak(&copy) == 1);
    pelt_plan_deinit(&copy);
}

static void refuse(const char *says)
{
    struct pelt_error err = {""};
    assert_int_equal(pelt_plan_validate(&plan, &err), PELT_EINVAL);
    if (strstr(err.text, says) == NULL) {
        fail_msg("\"%s\" does not say \"%s\"", err.text, says);
    }
    assert_int_equal(pelt_plan_validate(&plan, NULL), PELT_EINVAL);
    pelt_plan_deinit(&plan);
}

static void nonsense_is_refused_by_name(void **state)
{
    pelt_plan_init(&plan, PELT_LOOP_OPEN);
    refuse("empty");
    make(PELT_LOOP_OPEN, 0, 5, 5);
    refuse("duration is 0");
    make(PELT_LOOP_OPEN, S, 0, 0);
    refuse("never rises above 0/s");
    make(PELT_LOOP_CLOSED, S, 0, 0.4);
    refuse("0.4 users");
    make(PELT_LOOP_OPEN, S, -1, 5);
    refuse("from -1 to 5/s");
    make(PELT_LOOP_OPEN, S, 1, INFINITY);
    refuse("10000000");
    make(PELT_LOOP_CLOSED, S, 1, 1000001);
    refuse("between 0 and 1000000");
    make(PELT_LOOP_CLOSED, UINT64_MAX, 1, 1);
    refuse("10 years");
    make(PELT_LOOP_OPEN, S, 1, 1);
    plan.users_max = 0;
    refuse("pool");
    make(PELT_LOOP_OPEN, S, 1, 1);
    plan.waiting_max = UINT64_MAX;
    refuse("may wait");
    make(PELT_LOOP_OPEN, S, 1, 1);
    plan.arrivals = PELT_ARRIVALS_GAMMA;
    plan.gamma_shape = 0;
    refuse("gamma shape 0");
    make(PELT_LOOP_OPEN, S, 1, 1);
    plan.think_ns = 1;
    refuse("think");
    pelt_plan_init(&plan, PELT_LOOP_CLOSED);
    assert_int_equal(pelt_plan_add_exponential(&plan, S, 0, 5), PELT_OK);
    refuse("exponential");
}

static void sums_that_would_overflow_are_refused(void **state)
{
    pelt_plan_init(&plan, PELT_LOOP_CLOSED);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(pelt_plan_add(&plan, UINT64_MAX / 2, 1, 1), PELT_OK);
    }
    refuse("10 years");
}

static void good_plans_pass(void **state)
{
    make_ramp(PELT_LOOP_OPEN);
    assert_int_equal(pelt_plan_validate(&plan, NULL), PELT_OK);
    plan.loop = PELT_LOOP_CLOSED;
    assert_int_equal(pelt_plan_validate(&plan, NULL), PELT_OK);
    pelt_plan_deinit(&plan);
    make(PELT_LOOP_CLOSED, 1, 0.5, 0.5);
    assert_int_equal(pelt_plan_validate(&plan, NULL), PELT_OK);
}

static void reads(const char *expected)
{
    char text[256];
    pelt_plan_describe(&plan, text, sizeof(text));
    assert_string_equal(text, expected);
}

static void described(const char *expected)
{
    reads(expected);
    pelt_plan_deinit(&plan);
}

static void a_plan_reads_as_a_line(void **state)
{
    make(PELT_LOOP_CLOSED, 30 * S, 20, 20);
    described("20 users for 30s");
    make(PELT_LOOP_CLOSED, 30 * S, 1, 1);
    described("1 user for 30s");
    make(PELT_LOOP_CLOSED, 30 * S, 3, 3);
    plan.in_flight = 8;
    described("3 users for 30s, 8 in flight each");
    make_ramp(PELT_LOOP_OPEN);
    plan.arrivals = PELT_ARRIVALS_POISSON;
    described("0 -> 100/s over 10s, then 100/s for 10s, then 20/s for 5s, then 20 -> 0/s over 5s, "
              "poisson");
    make(PELT_LOOP_OPEN, 90 * S, 2.5, 2.5);
    described("2.5/s for 1m30s, uniform");
    make(PELT_LOOP_OPEN, S, 1, 1);
    plan.arrivals = PELT_ARRIVALS_GAMMA;
    plan.gamma_shape = 0.5;
    described("1/s for 1s, gamma 0.5");
    pelt_plan_init(&plan, PELT_LOOP_CLOSED);
    for (int i = 0; i < 100; i++) {
        assert_int_equal(pelt_plan_add(&plan, S, 1, 2), PELT_OK);
    }
    char text[400];
    pelt_plan_describe(&plan, text, sizeof(text));
    assert_non_null(strstr(text, ", then 92 more stages"));
    char small[10];
    pelt_plan_describe(&plan, small, sizeof(small));
    assert_string_equal(small, "1 -> 2 us");
}

static void make_exponential(enum pelt_loop loop, double from, double to)
{
    pelt_plan_init(&plan, loop);
    assert_int_equal(pelt_plan_add_exponential(&plan, 10 * S, from, to), PELT_OK);
}

static void an_exponential_stage_grows_by_equal_factors(void **state)
{
    make_exponential(PELT_LOOP_OPEN, 1, 100);
    assert_true(pelt_plan_level(&plan, 0) == 1);
    assert_true(fabs(pelt_plan_level(&plan, 5 * S) - 10) < 1e-9);
    assert_true(fabs(pelt_plan_level(&plan, 7500 * MS) / pelt_plan_level(&plan, 2500 * MS) - 10) <
                1e-9);
    /* the integral of 10^(t/5 s): 99 / ln 100 x 10 s */
    assert_true(fabs(pelt_plan_integral(&plan, 10 * S) - 990 / log(100)) < 1e-9);
    assert_true(fabs(pelt_plan_integral(&plan, 5 * S) - 90 / log(100)) < 1e-9);
    assert_true(pelt_plan_peak(&plan) == 100);
    pelt_plan_scale_peak(&plan, 50);
    assert_true(fabs(pelt_plan_level(&plan, 5 * S) - 5) < 1e-9);
    pelt_plan_deinit(&plan);
    make_exponential(PELT_LOOP_CLOSED, 8, 8); /* flat */
    assert_true(pelt_plan_integral(&plan, 10 * S) == 80);
    assert_int_equal(pelt_plan_users_at(&plan, 3 * S), 8);
}

static void the_inverse_of_an_exponential_stage_is_its_integrals(void **state)
{
    const double ends[][2] = {{1, 100}, {100, 1}, {5, 5.0000001}, {0.001, 9000}, {300, 300}};
    for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
        make_exponential(PELT_LOOP_OPEN, ends[i][0], ends[i][1]);
        double all = pelt_plan_integral(&plan, 10 * S);
        for (int k = 0; k < 1000; k++) {
            double x = all * k / 1000;
            uint64_t t = pelt_plan_inverse(&plan, x);
            assert_true(t <= 10 * S);
            /* a ns either way is the rounding */
            double error = 1e-9 * (1 + pelt_plan_level(&plan, t)) + 1e-9 * x;
            assert_true(fabs(pelt_plan_integral(&plan, t) - x) <= error);
        }
        pelt_plan_deinit(&plan);
    }
}

static void users_of_an_exponential_stage_change_one_by_one(void **state)
{
    make_exponential(PELT_LOOP_CLOSED, 1, 32);
    uint64_t t = 0, users = 1;
    while (users < 32) {
        t = pelt_plan_next_change(&plan, t);
        assert_int_equal(pelt_plan_users_at(&plan, t), ++users);
        assert_int_equal(pelt_plan_users_at(&plan, t - 1), users - 1);
    }
    assert_int_equal(pelt_plan_next_change(&plan, t), 10 * S);
}

static void iterations_are_of_all_users_together(void **state)
{
    make(PELT_LOOP_CLOSED, S, 4, 8);
    assert_int_equal(pelt_plan_iterations(&plan), 0);
    plan.iterations = 100;
    assert_int_equal(pelt_plan_iterations(&plan), 100);
    plan.iterations_per_user = 5;
    assert_int_equal(pelt_plan_iterations(&plan), 40);
    plan.iterations = 0;
    assert_int_equal(pelt_plan_iterations(&plan), 40);
    plan.iterations_per_user = UINT64_MAX;
    assert_int_equal(pelt_plan_iterations(&plan), UINT64_MAX);
    plan.loop = PELT_LOOP_OPEN; /* there are always new users */
    assert_int_equal(pelt_plan_iterations(&plan), 0);
}

static void an_endless_plan_is_cut_to_a_length(void **state)
{
    make(PELT_LOOP_CLOSED, 5 * S, 0, 20);
    assert_int_equal(pelt_plan_add_endless(&plan, 20), PELT_OK);
    refuse("nothing ends it");
    make(PELT_LOOP_CLOSED, 5 * S, 0, 20);
    assert_int_equal(pelt_plan_add_endless(&plan, 20), PELT_OK);
    plan.iterations = 1000;
    assert_int_equal(pelt_plan_validate(&plan, NULL), PELT_OK);
    pelt_plan_scale_length(&plan, 30 * S);
    assert_int_equal(pelt_plan_length_ns(&plan), 30 * S);
    assert_int_equal(pelt_plan_users_at(&plan, 5 * S), 20); /* the ramp is what it was */
    assert_false(plan.endless);
}

static void the_most_users_to_come_are_known(void **state)
{
    make(PELT_LOOP_CLOSED, 10 * S, 10, 0);
    assert_int_equal(pelt_plan_add(&plan, 10 * S, 5, 5), PELT_OK);
    assert_int_equal(pelt_plan_add(&plan, 10 * S, 0, 0), PELT_OK);
    assert_int_equal(pelt_plan_users_from(&plan, 0), 10);
    assert_int_equal(pelt_plan_users_from(&plan, 2 * S), 8);
    assert_int_equal(pelt_plan_users_from(&plan, 9 * S), 5);
    assert_int_equal(pelt_plan_users_from(&plan, 15 * S), 5);
    assert_int_equal(pelt_plan_users_from(&plan, 20 * S), 0);
    assert_int_equal(pelt_plan_users_from(&plan, 40 * S), 0);
}

static void what_ends_a_plan_and_paces_it_is_described(void **state)
{
    make_exponential(PELT_LOOP_OPEN, 1, 100);
    described("1 -> 100/s exponentially over 10s, uniform");
    pelt_plan_init(&plan, PELT_LOOP_CLOSED);
    plan.iterations = 1000;
    assert_int_equal(pelt_plan_add_endless(&plan, 20), PELT_OK);
    plan.iterations_per_user = 70;
    described("20 users for 1000 iterations, at most 70 a user");
    pelt_plan_init(&plan, PELT_LOOP_CLOSED);
    plan.iterations_per_user = 5;
    assert_int_equal(pelt_plan_add_endless(&plan, 20), PELT_OK);
    described("20 users for 5 iterations each");
    pelt_plan_init(&plan, PELT_LOOP_OPEN);
    plan.iterations = 1;
    assert_int_equal(pelt_plan_add_endless(&plan, 20), PELT_OK);
    described("20/s for 1 iteration, uniform");
    make(PELT_LOOP_CLOSED, 30 * S, 20, 20);
    plan.iterations_per_user = 5;
    plan.pacing_ns = S;
    plan.think_ns = 250 * MS;
    described("20 users for 30s, at most 5 a user, pacing 1s, think time 250ms");
}

static void put_part(unsigned span, const char *part)
{
    struct pelt_stage *last = &plan.stages[plan.stages_len - 1];
    last->span = (uint16_t)span;
    snprintf(last->part, sizeof(last->part), "%s", part);
}

static void a_kind_of_load_is_described_as_what_it_is(void **state)
{
    pelt_plan_init(&plan, PELT_LOOP_CLOSED);
    snprintf(plan.kind, sizeof(plan.kind), "burst");
    for (unsigned i = 1; i <= 4; i++) {
        assert_int_equal(pelt_plan_add(&plan, 20 * S, 20, 20), PELT_OK);
        put_part(0, "base");
        assert_int_equal(pelt_plan_add(&plan, 10 * S, 200, 200), PELT_OK);
        put_part(i, "spike");
    }
    reads("burst: 20 users, 4 spikes to 200 for 10s every 30s, 2m");
    pelt_plan_scale_peak(&plan, 7); /* the base is 0.7 users: one runs */
    described("burst: 1 user, 4 spikes to 7 for 10s every 30s, 2m");
    make(PELT_LOOP_CLOSED, 10 * S, 0.6, 2.4);
    described("1 -> 2 users over 10s");
    make(PELT_LOOP_CLOSED, 10 * S, 1.9, 2.1);
    described("2 users for 10s");
    pelt_plan_init(&plan, PELT_LOOP_OPEN);
    snprintf(plan.kind, sizeof(plan.kind), "benchmark");
    assert_int_equal(pelt_plan_add(&plan, 10 * S, 50, 50), PELT_OK);
    put_part(0, "warmup");
    assert_int_equal(pelt_plan_add(&plan, 60 * S, 50, 50), PELT_OK);
    put_part(1, "trial");
    described("benchmark: 50/s, warm-up 10s, 1 trial of 1m, uniform");
    make(PELT_LOOP_CLOSED, 60 * S, 20, 20);
    snprintf(plan.kind, sizeof(plan.kind), "sustained");
    described("sustained: 20 users for 1m");
}

static const uint64_t recorded[] = {0, 250 * MS, 250 * MS, 1000 * MS, 2500 * MS};

static void make_replay(double speed)
{
    make(PELT_LOOP_OPEN, (uint64_t)(3e9 / speed), 5 * speed / 3, 5 * speed / 3);
    plan.replay = (struct pelt_replay){recorded, 5, speed};
}

static void a_replay_counts_the_arrivals_of_its_trace(void **state)
{
    make_replay(1);
    reads("replay of 5 requests in 3s");
    assert_float_equal(pelt_plan_integral(&plan, 0), 0, 0);
    assert_float_equal(pelt_plan_integral(&plan, 1), 1, 0);
    assert_float_equal(pelt_plan_integral(&plan, 250 * MS), 1, 0);
    assert_float_equal(pelt_plan_integral(&plan, 251 * MS), 3, 0);
    assert_float_equal(pelt_plan_integral(&plan, 3 * S), 5, 0);
    pelt_plan_scale_length(&plan, 1500 * MS);
    reads("replay of 5 requests in 1.5s, 2 times as fast");
    assert_int_equal(pelt_plan_replayed(&plan, 4), 1250 * MS);
}

static void add_part(enum pelt_loop loop, uint64_t duration_ns, double level, const char *name,
                     uint64_t start_ns)
{
    struct pelt_plan part;
    pelt_plan_init(&part, loop);
    assert_int_equal(pelt_plan_add(&part, duration_ns, level, level), PELT_OK);
    assert_int_equal(pelt_plan_add_part(&plan, &part, name, start_ns), PELT_OK);
}

static void a_mix_is_as_long_as_its_longest_and_as_high_as_its_users(void **state)
{
    struct pelt_plan mix;
    pelt_plan_init(&plan, PELT_LOOP_CLOSED);
    add_part(PELT_LOOP_OPEN, 10 * S, 50, "feed", 20 * S);
    assert_int_equal(plan.loop, PELT_LOOP_OPEN);
    assert_float_equal(pelt_plan_peak(&plan), 50, 0);
    assert_false(pelt_plan_mixed(&plan));
    add_part(PELT_LOOP_CLOSED, 25 * S, 4, "chat", 0);
    add_part(PELT_LOOP_CLOSED, 5 * S, 2, "zip", 0);
    assert_int_equal(plan.loop, PELT_LOOP_CLOSED);
    assert_true(pelt_plan_mixed(&plan));
    assert_int_equal(pelt_plan_parts(&plan), 3);
    assert_int_equal(pelt_plan_length_ns(&plan), 30 * S);
    assert_float_equal(pelt_plan_peak(&plan), 6, 0);
    assert_float_equal(pelt_plan_level(&plan, 3 * S), 6, 0);
    assert_float_equal(pelt_plan_level(&plan, 6 * S), 4, 0);
    reads("feed: 50/s for 10s, uniform, from 20s on; chat: 4 users for 25s; zip: 2 users for "
          "5s");
    assert_int_equal(pelt_plan_copy(&mix, &plan), PELT_OK);
    tear_down(NULL);
    plan = mix;
    pelt_plan_scale_length(&plan, 3 * S);
    reads("feed: 50/s for 1s, uniform, from 2s on; chat: 4 users for 2.5s; zip: 2 users for "
          "500ms");
    plan.parts[1].stages[0].to = -1;
    refuse("chat: load: stage 1 goes from 4 to -1 users");
}

static void make_live(enum pelt_loop loop)
{
    pelt_plan_init(&plan, loop);
    plan.live = true;
    plan.level_max = 100;
    plan.length_max_ns = 60 * S;
}

static void a_live_plan_holds_its_last_level_until_it_is_closed(void **state)
{
    make_live(PELT_LOOP_CLOSED);
    assert_int_equal(pelt_plan_validate(&plan, NULL), PELT_OK);
    assert_int_equal(pelt_plan_users_at(&plan, 0), 0); /* nothing is known */
    assert_int_equal(pelt_plan_add(&plan, S, 5, 5), PELT_OK);
    assert_int_equal(pelt_plan_add(&plan, S, 8, 8), PELT_OK);
    assert_int_equal(pelt_plan_users_at(&plan, 500 * MS), 5);
    assert_int_equal(pelt_plan_users_at(&plan, 30 * S), 8);
    assert_int_equal(pelt_plan_users_at(&plan, 60 * S), 0);
    assert_int_equal(pelt_plan_users_from(&plan, 0), 100);
    assert_int_equal(pelt_plan_next_change(&plan, 0), S);
    assert_int_equal(pelt_plan_next_change(&plan, S), 60 * S);
    assert_int_equal(pelt_plan_length_ns(&plan), 60 * S);
    assert_int_equal(pelt_plan_known_ns(&plan), 2 * S);
    pelt_plan_close(&plan);
    assert_int_equal(pelt_plan_users_at(&plan, 30 * S), 0);
    assert_int_equal(pelt_plan_length_ns(&plan), 2 * S);
    assert_int_equal(pelt_plan_next_change(&plan, S), 2 * S);
}

static void what_a_live_plan_forgets_stays_in_its_integral(void **state)
{
    make_live(PELT_LOOP_OPEN);
    for (int i = 1; i <= 10; i++) {
        assert_int_equal(pelt_plan_add(&plan, S, 7 * i, 7 * i), PELT_OK);
    }
    const double all = pelt_plan_integral(&plan, 60 * S),
                 half = pelt_plan_integral(&plan, 7500 * MS);
    const uint64_t at = pelt_plan_inverse(&plan, 300);
    assert_int_equal(pelt_plan_forget(&plan, 5500 * MS, 99), 5);
    assert_int_equal(pelt_plan_forget(&plan, 60 * S, 1), 1);
    assert_int_equal(plan.stages_len, 4);
    assert_true(pelt_plan_integral(&plan, 60 * S) == all);
    assert_true(pelt_plan_integral(&plan, 7500 * MS) == half);
    assert_int_equal(pelt_plan_inverse(&plan, 300), at);
    assert_true(pelt_plan_level(&plan, 7500 * MS) == 56);
    assert_int_equal(pelt_plan_known_ns(&plan), 10 * S);
}

static void the_limits_of_a_live_plan_are_checked_set_and_described(void **state)
{
    make_live(PELT_LOOP_OPEN);
    described("shape, decided as it goes: at most 100/s, at most 1m, uniform");
    pelt_plan_scale_peak(&plan, 30);
    pelt_plan_scale_length(&plan, 10 * S);
    plan.stop_saturated = true;
    described("shape, decided as it goes: at most 30/s, at most 10s, uniform, until saturated");
    assert_true(fabs(pelt_plan_level_factor(&plan) - 0.3) < 1e-12);
    pelt_plan_scale_peak(&plan, 60);
    assert_true(fabs(pelt_plan_level_factor(&plan) - 0.6) < 1e-12);
    plan.level_max = 1e9;
    assert_int_equal(pelt_plan_validate(&plan, NULL), PELT_EINVAL);
    plan.level_max = 0;
    assert_int_equal(pelt_plan_validate(&plan, NULL), PELT_EINVAL);
    make_live(PELT_LOOP_OPEN);
    snprintf(plan.kind, sizeof(plan.kind), "stress");
    snprintf(plan.course, sizeof(plan.course), "from 5/s by 5/s each 10 s");
    pelt_plan_scale_peak(&plan, 30);
    assert_true(pelt_plan_level_factor(&plan) == 1);
    described("stress: from 5/s by 5/s each 10 s, at most 30/s, at most 1m, uniform");
    make_live(PELT_LOOP_OPEN);
    plan.length_max_ns = 0;
    assert_int_equal(pelt_plan_validate(&plan, NULL), PELT_EINVAL);
}

int main(void)
{
#define T(name) cmocka_unit_test_teardown(name, tear_down)
    const struct CMUnitTest tests[] = {
        T(levels_are_linear_in_between_and_jump_to_the_later_one),
        T(a_stage_without_length_is_a_jump),
        T(every_change_of_users_is_found_in_order),
        T(users_change_at_the_half),
        T(constant_users_change_at_the_end_only),
        T(the_integral_counts_arrivals),
        T(the_inverse_is_the_integrals),
        T(the_inverse_is_exact_on_both_slopes),
        T(the_last_moment_of_a_falling_line_is_found),
        T(where_the_integral_stands_still_its_end_counts),
        T(scaling_keeps_the_shape_and_hits_the_mark),
        T(a_copy_is_its_own),
        T(nonsense_is_refused_by_name),
        T(sums_that_would_overflow_are_refused),
        T(good_plans_pass),
        T(a_plan_reads_as_a_line),
        T(an_exponential_stage_grows_by_equal_factors),
        T(the_inverse_of_an_exponential_stage_is_its_integrals),
        T(users_of_an_exponential_stage_change_one_by_one),
        T(iterations_are_of_all_users_together),
        T(an_endless_plan_is_cut_to_a_length),
        T(the_most_users_to_come_are_known),
        T(what_ends_a_plan_and_paces_it_is_described),
        T(a_kind_of_load_is_described_as_what_it_is),
        T(a_replay_counts_the_arrivals_of_its_trace),
        T(a_mix_is_as_long_as_its_longest_and_as_high_as_its_users),
        T(a_live_plan_holds_its_last_level_until_it_is_closed),
        T(what_a_live_plan_forgets_stays_in_its_integral),
        T(the_limits_of_a_live_plan_are_checked_set_and_described),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
