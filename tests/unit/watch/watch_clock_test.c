/*
 * clock: properties against a synthetic clock whose truth is known: offset of -300 to 300 s, drift
 * of -100 to 100 ppm, delays that differ by way and queue now and then.
 */
#include "../test.h"

#include <math.h>
#include <stdlib.h>

#include "clock.h"
#include "pelt/clock.h"
#include "pelt/rng.h"

#define RUNS 200

struct truth {
    int64_t offset_ns; /* at run's time 0 */
    double drift;
    struct pelt_rng rng;
    double there_ns, back_ns; /* least delay of each way */
    double queue_share, queue_ns;
};

static int64_t agent_time(const struct truth *t, uint64_t run_ns)
{
    /* The run's clock stands at some hours of uptime: what drifts is counted from there. */
    return (int64_t)run_ns + t->offset_ns +
           (int64_t)((double)(int64_t)(run_ns - 40000 * PELT_NS_PER_S) * t->drift);
}

static double way(struct truth *t, double least_ns)
{
    double queued =
        pelt_rng_uniform(&t->rng) < t->queue_share ? pelt_rng_exponential(&t->rng, t->queue_ns) : 0;
    return least_ns + pelt_rng_exponential(&t->rng, least_ns / 4) + queued;
}

/* The exchange asked at `now_ns`, and when it was answered. */
static struct pelt_watch_exchange exchange(struct truth *t, uint64_t now_ns)
{
    struct pelt_watch_exchange x = {.t1_ns = now_ns};
    uint64_t there_ns = now_ns + (uint64_t)way(t, t->there_ns);
    uint64_t left_ns = there_ns + 2000 + (uint64_t)(pelt_rng_uniform(&t->rng) * 5000);
    x.t2_ns = agent_time(t, there_ns);
    x.t3_ns = agent_time(t, left_ns);
    x.t4_ns = left_ns + (uint64_t)way(t, t->back_ns);
    return x;
}

static struct truth a_truth(uint64_t run)
{
    struct truth t = {.there_ns = 20e3, .back_ns = 20e3, .queue_share = 0.2, .queue_ns = 5e6};
    pelt_rng_init(&t.rng, 11, run);
    t.offset_ns = (int64_t)((pelt_rng_uniform(&t.rng) * 2 - 1) * 300e9);
    t.drift = (pelt_rng_uniform(&t.rng) * 2 - 1) * 100e-6;
    if (run % 3 == 1) { /* one way takes far longer than the other, always */
        t.there_ns = 400e3;
    } else if (run % 3 == 2) {
        t.back_ns = 400e3;
    }
    return t;
}

static void add(struct pelt_watch_clock *c, struct truth *t, uint64_t now_ns)
{
    struct pelt_watch_exchange x = exchange(t, now_ns);
    bool jumped;
    assert_int_equal(pelt_watch_clock_add(c, &x, &jumped), PELT_OK);
    assert_false(jumped);
}

/* As a link exchanges: 20 at once, some soon, then one each 5 s. Looks each 100 ms in between. */
static void watch(struct pelt_watch_clock *c, struct truth *t, double seconds,
                  void (*look)(const struct pelt_watch_clock *, const struct truth *, uint64_t))
{
    static const double pauses_s[] = {0.25, 0.5, 1, 2};
    uint64_t begin_ns = 40000 * PELT_NS_PER_S, now_ns = begin_ns;
    for (int i = 0; i < 20; i++, now_ns += 5 * PELT_NS_PER_MS) {
        add(c, t, now_ns);
    }
    for (unsigned i = 0; now_ns < begin_ns + (uint64_t)(seconds * 1e9); i++) {
        uint64_t next_ns = now_ns + (uint64_t)((i < 4 ? pauses_s[i] : 5) * 1e9);
        for (; now_ns < next_ns; now_ns += 100 * PELT_NS_PER_MS) {
            look(c, t, now_ns);
        }
        now_ns = next_ns;
        add(c, t, now_ns);
        for (int again = 0; again < 3 && pelt_watch_clock_unlucky(c); again++) {
            now_ns += 100 * PELT_NS_PER_MS;
            add(c, t, now_ns);
        }
    }
}

static double error_ns(const struct pelt_watch_clock *c, const struct truth *t, uint64_t now_ns)
{
    int64_t true_ns = agent_time(t, now_ns) - (int64_t)now_ns;
    return fabs((double)(pelt_watch_clock_at(c, now_ns).offset_ns - true_ns));
}

static void is_within_bound(const struct pelt_watch_clock *c, const struct truth *t,
                            uint64_t now_ns)
{
    double bound_ns = (double)pelt_watch_clock_at(c, now_ns).bound_ns;
    if (error_ns(c, t, now_ns) > bound_ns) {
        fail_msg("error %.0f ns is above the bound of %.0f ns", error_ns(c, t, now_ns), bound_ns);
    }
}

static void the_error_is_always_within_the_bound(void **state)
{
    for (uint64_t run = 0; run < RUNS; run++) {
        struct truth t = a_truth(run);
        struct pelt_watch_clock c = {0};
        watch(&c, &t, 60, is_within_bound);
    }
}

static double bound_ns_max;

static void note_bound(const struct pelt_watch_clock *c, const struct truth *t, uint64_t now_ns)
{
    double bound_ns = (double)pelt_watch_clock_at(c, now_ns).bound_ns;
    bound_ns_max = bound_ns > bound_ns_max ? bound_ns : bound_ns_max;
    is_within_bound(c, t, now_ns);
}

static void the_bound_is_below_1_ms_where_delays_are_those_of_loopback(void **state)
{
    for (uint64_t run = 0; run < RUNS; run += 3) {
        struct truth t = a_truth(run);
        struct pelt_watch_clock c = {0};
        bound_ns_max = 0;
        watch(&c, &t, 600, note_bound);
        assert_true(bound_ns_max < 1e6);
    }
}

static void drift_is_found_within_its_own_bound(void **state)
{
    for (uint64_t run = 0; run < RUNS; run++) {
        struct truth t = a_truth(run);
        struct pelt_watch_clock c = {0};
        watch(&c, &t, 120, is_within_bound);
        assert_true(fabs(c.drift - t.drift) <= c.drift_bound);
        assert_true(c.drift_bound < 40e-6);
    }
}

static void one_exchange_is_bounded_by_half_its_delay(void **state)
{
    struct pelt_watch_clock c = {0};
    struct pelt_watch_exchange x = {1000000, 1500000, 7000000, 7100000};
    bool jumped;
    assert_int_equal(pelt_watch_clock_add(&c, &x, &jumped), PELT_OK);
    struct pelt_watch_offset at = pelt_watch_clock_at(&c, 1250000);
    assert_int_equal(at.offset_ns, 7050000 - 1250000);
    assert_int_equal(at.delay_ns, 400000);
    assert_in_range(at.bound_ns, 200000, 200300);
}

static void the_least_delay_of_the_window_counts(void **state)
{
    struct pelt_watch_clock c = {0};
    bool jumped;
    for (unsigned i = 0; i < 8; i++) {
        uint64_t t1_ns = 1000000 * (i + 1), delay_ns = i == 3 ? 10000 : 400000;
        /* All of the delay is on the way there: the offset seems larger by half of it. */
        int64_t t2_ns = (int64_t)(t1_ns + delay_ns);
        struct pelt_watch_exchange x = {t1_ns, t1_ns + delay_ns, t2_ns, t2_ns};
        assert_int_equal(pelt_watch_clock_add(&c, &x, &jumped), PELT_OK);
        assert_false(jumped);
    }
    struct pelt_watch_offset at = pelt_watch_clock_at(&c, 8400000);
    assert_int_equal(at.delay_ns, 10000);
    assert_true(llabs(at.offset_ns) <= 5000 + 4400 * 515 / 1000);
}

static void the_agents_time_becomes_the_runs(void **state)
{
    for (uint64_t run = 0; run < RUNS; run++) {
        struct truth t = a_truth(run);
        struct pelt_watch_clock c = {0};
        watch(&c, &t, 30, is_within_bound);
        uint64_t run_ns = c.point[(c.next + 127) % 128].at_ns + 3 * PELT_NS_PER_S;
        uint64_t mapped_ns = pelt_watch_clock_to_run(&c, agent_time(&t, run_ns));
        double off_ns = fabs((double)(int64_t)(mapped_ns - run_ns));
        assert_true(off_ns <= (double)pelt_watch_clock_at(&c, run_ns).bound_ns + 2);
    }
}

static void time_before_the_runs_clock_began_is_0(void **state)
{
    struct pelt_watch_clock c = {0};
    struct pelt_watch_exchange x = {1000000, 1010000, 900000000000, 900000000000};
    bool jumped;
    assert_int_equal(pelt_watch_clock_add(&c, &x, &jumped), PELT_OK);
    assert_int_equal(pelt_watch_clock_to_run(&c, 5), 0);
}

static void a_jump_is_told_and_forgets_what_was(void **state)
{
    struct truth t = a_truth(0);
    struct pelt_watch_clock c = {0};
    watch(&c, &t, 60, is_within_bound);
    t.offset_ns += 5 * (int64_t)PELT_NS_PER_MS;
    struct pelt_watch_exchange x = exchange(&t, 40100 * PELT_NS_PER_S);
    x.t4_ns = x.t1_ns + (uint64_t)(x.t3_ns - x.t2_ns) + 50000;
    x.t2_ns = agent_time(&t, x.t1_ns + 25000);
    x.t3_ns = agent_time(&t, x.t4_ns - 25000);
    bool jumped;
    assert_int_equal(pelt_watch_clock_add(&c, &x, &jumped), PELT_OK);
    assert_true(jumped);
    assert_int_equal(c.jumps, 1);
    assert_int_equal(c.len, 1);
    assert_true(llabs(c.jump_ns - 5000000) < 2500000);
    assert_true((uint64_t)llabs(c.jump_ns - 5000000) <= c.jump_bound_ns);
    is_within_bound(&c, &t, x.t4_ns);
}

static void a_busy_moment_is_no_jump(void **state)
{
    struct truth t = a_truth(0);
    struct pelt_watch_clock c = {0};
    watch(&c, &t, 20, is_within_bound);
    t.queue_share = 1;
    t.queue_ns = 100e6;
    for (unsigned i = 0; i < 30; i++) {
        uint64_t now_ns = (40030 + i) * PELT_NS_PER_S;
        add(&c, &t, now_ns);
        is_within_bound(&c, &t, now_ns + PELT_NS_PER_S / 2);
    }
}

static void times_that_cannot_be_are_refused(void **state)
{
    static const struct pelt_watch_exchange bad[] = {
        {1000, 2000, 500, 400},                      /* answered before it was asked */
        {1000, 2000, 500, 500000},                   /* longer there than here */
        {2000, 1000, 500, 500},                      /* ours */
        {1000, 2000, -5, 0},                         /* negative */
        {1000, 2000, INT64_MAX - 10, INT64_MAX - 5}, /* too large to reckon with */
    };
    struct pelt_watch_clock c = {0};
    bool jumped;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(pelt_watch_clock_add(&c, &bad[i], &jumped), PELT_EINVAL);
    }
    assert_int_equal(c.exchanges, 0);
    assert_int_equal(c.len, 0);
}

static void a_long_run_forgets_old_drift(void **state)
{
    struct truth t = a_truth(0);
    struct pelt_watch_clock c = {0};
    t.drift = 40e-6;
    watch(&c, &t, 3 * 3600, is_within_bound);
    assert_true(fabs(c.drift - 40e-6) < 16e-6);
    assert_true(c.exchanges > 2000);
    assert_int_equal(c.len, PELT_WATCH_POINTS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_error_is_always_within_the_bound),
        cmocka_unit_test(the_bound_is_below_1_ms_where_delays_are_those_of_loopback),
        cmocka_unit_test(drift_is_found_within_its_own_bound),
        cmocka_unit_test(one_exchange_is_bounded_by_half_its_delay),
        cmocka_unit_test(the_least_delay_of_the_window_counts),
        cmocka_unit_test(the_agents_time_becomes_the_runs),
        cmocka_unit_test(time_before_the_runs_clock_began_is_0),
        cmocka_unit_test(a_jump_is_told_and_forgets_what_was),
        cmocka_unit_test(a_busy_moment_is_no_jump),
        cmocka_unit_test(times_that_cannot_be_are_refused),
        cmocka_unit_test(a_long_run_forgets_old_drift),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
