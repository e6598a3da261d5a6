/* timerq: order, moving and removing, and what callbacks may do. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdlib.h>

#include "pelt/clock.h"
#include "pelt/rng.h"
#include "pelt/timerq.h"

#define MOST SIZE_MAX

struct item {                /* static in every test: tear-down reaches what is still queued */
    struct pelt_timer timer; /* first */
    int number;
};

static int ran[4096];
static size_t ran_len;
static struct pelt_timerq q;

static int set_up(void **state)
{
    pelt_timerq_init(&q);
    ran_len = 0;
    return 0;
}

static int tear_down(void **state)
{
    pelt_timerq_deinit(&q);
    return 0;
}

static void note(struct pelt_timer *timer, uint64_t now_ns)
{
    ran[ran_len++] = ((struct item *)timer)->number;
}

static void add(struct item *item, int number, pelt_timer_fn fn, uint64_t due_ns)
{
    *item = (struct item){.timer.fn = fn, .number = number};
    assert_int_equal(pelt_timerq_add(&q, &item->timer, due_ns), PELT_OK);
}

static void an_empty_queue_never_comes(void **state)
{
    assert_true(pelt_timerq_next(&q) == PELT_NEVER);
    assert_int_equal(pelt_timerq_run(&q, PELT_NEVER, MOST), 0);
}

static void only_what_is_due_runs(void **state)
{
    static struct item a, b;
    add(&b, 2, note, 200);
    add(&a, 1, note, 100);
    assert_int_equal(pelt_timerq_next(&q), 100);
    assert_int_equal(pelt_timerq_run(&q, 99, MOST), 0);
    assert_int_equal(pelt_timerq_run(&q, 100, MOST), 1);
    assert_int_equal(ran[0], 1);
    assert_int_equal(a.timer.slot, 0);
    assert_int_equal(pelt_timerq_next(&q), 200);
}

static void equal_dues_run_in_the_order_of_adding(void **state)
{
    static struct item items[50];
    for (int i = 0; i < 50; i++) {
        add(&items[i], i, note, 7);
    }
    assert_int_equal(pelt_timerq_run(&q, 7, MOST), 50);
    for (int i = 0; i < 50; i++) {
        assert_int_equal(ran[i], i);
    }
}

static void a_run_keeps_its_bound(void **state)
{
    static struct item items[5];
    for (int i = 0; i < 5; i++) {
        add(&items[i], i, note, 1);
    }
    assert_int_equal(pelt_timerq_run(&q, 1, 2), 2);
    assert_int_equal(pelt_timerq_run(&q, 1, MOST), 3);
}

static void adding_again_moves_a_timer_both_ways(void **state)
{
    static struct item items[20];
    for (int i = 0; i < 20; i++) {
        add(&items[i], i, note, 100 + (uint64_t)i);
    }
    assert_int_equal(pelt_timerq_add(&q, &items[19].timer, 1), PELT_OK);
    assert_int_equal(pelt_timerq_add(&q, &items[0].timer, 1000), PELT_OK);
    assert_int_equal(pelt_timerq_run(&q, 1000, MOST), 20);
    assert_int_equal(ran[0], 19);
    assert_int_equal(ran[1], 1);
    assert_int_equal(ran[19], 0);
}

static void removing_what_is_not_queued_does_nothing(void **state)
{
    static struct item a;
    add(&a, 1, note, 1);
    pelt_timerq_remove(&q, &a.timer);
    pelt_timerq_remove(&q, &a.timer);
    assert_true(pelt_timerq_next(&q) == PELT_NEVER);
}

/* Adds, moves and removes at random; what is left must come out in order of due time. */
static void random_changes_keep_the_order(void **state)
{
    enum { ITEMS = 1000, CHANGES = 20000 };
    static struct item items[ITEMS];
    struct pelt_rng r;
    pelt_rng_init(&r, 11, 0);
    for (int i = 0; i < ITEMS; i++) {
        items[i] = (struct item){.timer.fn = note, .number = i};
    }
    for (int i = 0; i < CHANGES; i++) {
        struct item *item = &items[pelt_rng_below(&r, ITEMS)];
        if (pelt_rng_below(&r, 3) == 0) {
            pelt_timerq_remove(&q, &item->timer);
        } else {
            assert_int_equal(pelt_timerq_add(&q, &item->timer, pelt_rng_below(&r, 300)), PELT_OK);
        }
    }
    size_t queued = q.len;
    assert_int_equal(pelt_timerq_run(&q, 300, MOST), queued);
    assert_int_equal(ran_len, queued);
    for (size_t i = 1; i < queued; i++) {
        const struct pelt_timer *a = &items[ran[i - 1]].timer, *b = &items[ran[i]].timer;
        assert_true(a->due_ns < b->due_ns || (a->due_ns == b->due_ns && a->seq < b->seq));
    }
}

static void note_and_again_at_once(struct pelt_timer *timer, uint64_t now_ns)
{
    note(timer, now_ns);
    assert_int_equal(pelt_timerq_add(&q, timer, now_ns), PELT_OK);
}

static void a_timer_that_sets_itself_runs_once_a_run(void **state)
{
    static struct item again, other;
    add(&again, 1, note_and_again_at_once, 5);
    add(&other, 2, note, 5);
    assert_int_equal(pelt_timerq_run(&q, 5, MOST), 2);
    assert_int_equal(pelt_timerq_next(&q), 5);
    assert_int_equal(pelt_timerq_run(&q, 5, MOST), 1);
    assert_int_equal(ran[2], 1);
}

static struct item *victim;

static void remove_victim(struct pelt_timer *timer, uint64_t now_ns)
{
    note(timer, now_ns);
    pelt_timerq_remove(&q, &victim->timer);
}

static void a_callback_may_remove_one_that_is_due(void **state)
{
    static struct item a, b, c;
    add(&a, 1, remove_victim, 1);
    add(&b, 2, note, 1);
    add(&c, 3, note, 1);
    victim = &b;
    assert_int_equal(pelt_timerq_run(&q, 1, MOST), 2);
    assert_int_equal(ran[1], 3);
}

static void remove_itself_and_grow(struct pelt_timer *timer, uint64_t now_ns)
{
    static struct item more[200]; /* beyond the first capacity: the heap moves while it runs */
    pelt_timerq_remove(&q, timer);
    for (int i = 0; i < 200; i++) {
        add(&more[i], i, note, now_ns + 1 + (uint64_t)i);
    }
}

static void a_callback_may_remove_itself_and_grow_the_heap(void **state)
{
    static struct item a;
    add(&a, 1, remove_itself_and_grow, 1);
    assert_int_equal(pelt_timerq_run(&q, 1, MOST), 1);
    assert_int_equal(pelt_timerq_run(&q, 1000, MOST), 200);
}

static void deinit_lets_go_of_queued_timers(void **state)
{
    static struct item a;
    add(&a, 1, note, 1);
    pelt_timerq_deinit(&q);
    assert_int_equal(a.timer.slot, 0);
    assert_true(pelt_timerq_next(&q) == PELT_NEVER);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(an_empty_queue_never_comes),
        T(only_what_is_due_runs),
        T(equal_dues_run_in_the_order_of_adding),
        T(a_run_keeps_its_bound),
        T(adding_again_moves_a_timer_both_ways),
        T(removing_what_is_not_queued_does_nothing),
        T(random_changes_keep_the_order),
        T(a_timer_that_sets_itself_runs_once_a_run),
        T(a_callback_may_remove_one_that_is_due),
        T(a_callback_may_remove_itself_and_grow_the_heap),
        T(deinit_lets_go_of_queued_timers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
