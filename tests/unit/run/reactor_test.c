/*
 * reactor: timers beside the loop. The one unit test with the real clock in it: precision and
 * sleep are what the reactor is for. Bounds are one-sided, so a busy machine does not fail it.
 */
#include "reactor.h"

#include "pelt/clock.h"
#include "test.h"

struct fixture {
    struct pelt_reactor reactor;
    struct timed {
        struct pelt_timer timer; /* first member */
        struct fixture *f;
        uint64_t ran_ns;
        int order;
    } t[100];
    int ran, stop_after;
    unsigned turns;
    uint64_t turn_ns_max;
};

static void on_turn(void *arg, uint64_t length_ns, uint64_t now_ns)
{
    struct fixture *f = arg;
    f->turns++;
    f->turn_ns_max = length_ns > f->turn_ns_max ? length_ns : f->turn_ns_max;
}

static void on_timer(struct pelt_timer *timer, uint64_t now_ns)
{
    struct timed *t = (struct timed *)timer;
    t->ran_ns = pelt_clock_ns();
    t->order = t->f->ran++;
    if (t->f->ran == t->f->stop_after) {
        pelt_reactor_stop(&t->f->reactor);
    }
}

static void add(struct fixture *f, int i, uint64_t due_ns)
{
    assert_int_equal(pelt_timerq_add(&f->reactor.timers, &f->t[i].timer, due_ns), PELT_OK);
}

static int init(void **state, bool spin)
{
    struct fixture *f = test_calloc(1, sizeof(struct fixture));
    for (int i = 0; i < 100; i++) {
        f->t[i].timer.fn = on_timer;
        f->t[i].f = f;
    }
    f->stop_after = 1;
    *state = f;
    return pelt_reactor_init(&f->reactor, spin, NULL);
}

static int setup_spinning(void **state)
{
    return init(state, true);
}

static int setup_sleeping(void **state)
{
    return init(state, false);
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    pelt_reactor_deinit(&f->reactor);
    test_free(f);
    return 0;
}

static void due_timers_run_in_order_and_never_early(void **state)
{
    struct fixture *f = *state;
    uint64_t now_ns = pelt_clock_ns();
    f->stop_after = 20;
    for (int i = 19; i >= 0; i--) {
        add(f, i, now_ns + (uint64_t)i * 700 * PELT_NS_PER_US);
    }
    pelt_reactor_run(&f->reactor);
    for (int i = 0; i < 20; i++) {
        assert_int_equal(f->t[i].order, i);
        assert_true(f->t[i].ran_ns >= f->t[i].timer.due_ns);
    }
}

static void timers_that_are_all_late_run_over_several_turns(void **state)
{
    struct fixture *f = *state;
    f->reactor.on_turn = on_turn;
    f->reactor.arg = f;
    f->stop_after = 100;
    for (int i = 0; i < 100; i++) {
        add(f, i, 1 + (uint64_t)i);
    }
    pelt_reactor_run(&f->reactor);
    assert_int_equal(f->ran, 100);
    assert_in_range(f->turns, 1, 10);        /* sockets are looked at in between */
    assert_int_equal(f->reactor.spun_ns, 0); /* late work is no waiting */
}

static void on_first(struct pelt_timer *timer, uint64_t now_ns)
{
    struct timed *t = (struct timed *)timer;
    add(t->f, 1, now_ns); /* due already */
    on_timer(timer, now_ns);
}

static void timer_added_by_a_callback_runs(void **state)
{
    struct fixture *f = *state;
    f->t[0].timer.fn = on_first;
    f->stop_after = 2;
    add(f, 0, pelt_clock_ns() + PELT_NS_PER_MS);
    pelt_reactor_run(&f->reactor);
    assert_int_equal(f->t[1].order, 1);
}

static void same_due_time_again_wakes_again(void **state)
{
    struct fixture *f = *state;
    for (int i = 0; i < 3; i++) {
        f->stop_after = i + 1;
        add(f, 0, pelt_clock_ns() + 2 * PELT_NS_PER_MS);
        pelt_reactor_run(&f->reactor);
        assert_true(f->t[0].ran_ns >= f->t[0].timer.due_ns);
    }
    assert_int_equal(f->ran, 3);
}

static void removed_timer_does_not_run(void **state)
{
    struct fixture *f = *state;
    uint64_t now_ns = pelt_clock_ns();
    add(f, 0, now_ns + PELT_NS_PER_MS);
    add(f, 1, now_ns + 3 * PELT_NS_PER_MS);
    pelt_timerq_remove(&f->reactor.timers, &f->t[0].timer);
    pelt_reactor_run(&f->reactor);
    assert_int_equal(f->t[0].ran_ns, 0);
    assert_int_equal(f->ran, 1);
}

static void idle_loop_sleeps(void **state)
{
    struct fixture *f = *state;
    f->reactor.on_turn = on_turn;
    f->reactor.arg = f;
    uint64_t cpu_ns = pelt_clock_thread_cpu_ns();
    add(f, 0, pelt_clock_ns() + 50 * PELT_NS_PER_MS);
    pelt_reactor_run(&f->reactor);
    assert_in_range(f->turns, 0, 10);
    assert_true(pelt_clock_thread_cpu_ns() - cpu_ns < 25 * PELT_NS_PER_MS);
    assert_int_equal(f->reactor.spun_ns, 0);
}

static void on_holding(struct pelt_timer *timer, uint64_t now_ns)
{
    while (pelt_clock_ns() < now_ns + 30 * PELT_NS_PER_MS) {
    }
    on_timer(timer, now_ns);
}

/* It stops the loop, so that nothing comes after it. */
static void last_turn_is_told_like_the_others(void **state)
{
    struct fixture *f = *state;
    f->reactor.on_turn = on_turn;
    f->reactor.arg = f;
    f->t[0].timer.fn = on_holding;
    add(f, 0, pelt_clock_ns());
    pelt_reactor_run(&f->reactor);
    assert_true(f->turn_ns_max >= 30 * PELT_NS_PER_MS);
}

static void spinning_loop_polls_only_shortly_before_the_due_time(void **state)
{
    struct fixture *f = *state;
    uint64_t cpu_ns = pelt_clock_thread_cpu_ns();
    add(f, 0, pelt_clock_ns() + 50 * PELT_NS_PER_MS);
    pelt_reactor_run(&f->reactor);
    assert_true(pelt_clock_thread_cpu_ns() - cpu_ns < 25 * PELT_NS_PER_MS);
    assert_true(f->t[0].ran_ns >= f->t[0].timer.due_ns);
}

#define SPINNING(name) cmocka_unit_test_setup_teardown(name, setup_spinning, teardown)
#define SLEEPING(name) cmocka_unit_test_setup_teardown(name, setup_sleeping, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SPINNING(due_timers_run_in_order_and_never_early),
        SLEEPING(due_timers_run_in_order_and_never_early),
        SLEEPING(timers_that_are_all_late_run_over_several_turns),
        SPINNING(timers_that_are_all_late_run_over_several_turns),
        SPINNING(timer_added_by_a_callback_runs),
        SLEEPING(timer_added_by_a_callback_runs),
        SPINNING(same_due_time_again_wakes_again),
        SLEEPING(same_due_time_again_wakes_again),
        SLEEPING(removed_timer_does_not_run),
        SLEEPING(idle_loop_sleeps),
        SLEEPING(last_turn_is_told_like_the_others),
        SPINNING(spinning_loop_polls_only_shortly_before_the_due_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
