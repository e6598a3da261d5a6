/* Grids: which tick is due when, those that nobody will see, and those of an agent that is slow. */
#include "test.h"

#include <string.h>

#include "grid.h"

#define TICK UINT64_C(100000000)

static struct grid make(int64_t epoch_ns, uint64_t now_ns)
{
    struct grid g;

    assert_int_equal(grid_init(&g, epoch_ns, TICK, NULL, now_ns, NULL), PELT_OK);
    return g;
}

static void the_first_tick_is_the_next_one(void **state)
{
    assert_int_equal(make(1000, 1000).k, 1); /* due now is past */
    assert_int_equal(make(1000, 999).k, 0);
    assert_int_equal(make(1000, 1000 + TICK - 1).k, 1);
    assert_int_equal(make(1000, 1000 + TICK).k, 2);
    assert_int_equal(make(1000 + 10 * (int64_t)TICK, 1000).k, 0); /* the epoch is to come */
    assert_int_equal(make(-5 * (int64_t)TICK, 7 * TICK + 1).k,
                     13); /* or was before the host's start */
}

static void a_tick_asked_for_is_waited_for_unless_it_is_past(void **state)
{
    struct grid g;

    assert_int_equal(grid_init(&g, 0, TICK, &(int64_t){30}, 5 * TICK, NULL), PELT_OK);
    assert_int_equal(g.k, 30);
    assert_int_equal(grid_due_ns(&g, 1), 30 * TICK);
    assert_int_equal(grid_init(&g, 0, TICK, &(int64_t){3}, 5 * TICK, NULL), PELT_OK);
    assert_int_equal(g.k, 6);
    assert_int_equal(grid_init(&g, 10 * (int64_t)TICK, TICK, &(int64_t){-100}, 5 * TICK + 1, NULL),
                     PELT_OK);
    assert_int_equal(g.k, -4); /* asked for: before the epoch */
}

static void each_tick_is_taken_once(void **state)
{
    struct grid g = make(0, 0);
    struct grid_tick tick;

    assert_false(grid_take(&g, TICK - 1, 1, &tick));
    assert_true(grid_take(&g, TICK, 1, &tick));
    assert_int_equal(tick.k, 1);
    assert_int_equal(tick.due_ns, TICK);
    assert_int_equal(tick.missed, 0);
    assert_false(grid_take(&g, TICK + 1, 1, &tick));
    assert_int_equal(grid_due_ns(&g, 1), 2 * TICK);
}

static void ticks_that_were_slept_over_are_told(void **state)
{
    struct grid g = make(0, 0);
    struct grid_tick tick;

    assert_true(grid_take(&g, 4 * TICK + 5, 1, &tick));
    assert_int_equal(tick.k, 4);
    assert_int_equal(tick.due_ns, 4 * TICK);
    assert_int_equal(tick.missed, 3);
    assert_int_equal(grid_due_ns(&g, 1), 5 * TICK);
}

static void a_slow_agent_serves_multiples(void **state)
{
    struct grid g = make(0, 0);
    struct grid_tick tick;

    assert_int_equal(grid_due_ns(&g, 4), 4 * TICK);
    assert_false(grid_take(&g, 4 * TICK - 1, 4, &tick));
    assert_true(grid_take(&g, 4 * TICK + TICK / 2, 4, &tick));
    assert_int_equal(tick.k, 4);
    assert_int_equal(tick.missed, 0);
    assert_int_equal(grid_due_ns(&g, 4), 8 * TICK);
    assert_true(grid_take(&g, 17 * TICK, 4, &tick));
    assert_int_equal(tick.k, 16);
    assert_int_equal(tick.missed, 2);
    assert_int_equal(grid_due_ns(&g, 1), 17 * TICK); /* recovered: the very next one */
}

static void refuses(int64_t epoch_ns, uint64_t tick_ns, int64_t k, const char *word)
{
    struct pelt_error err = {{0}};
    struct grid g;

    assert_int_equal(grid_init(&g, epoch_ns, tick_ns, &k, TICK, &err), PELT_EINVAL);
    assert_non_null(strstr(err.text, word));
}

static void what_cannot_be_is_refused(void **state)
{
    refuses(0, TICK - 1, 0, "tick_ns=99999999");
    refuses(0, GRID_TICK_MOST_NS + 1, 0, "tick_ns=");
    refuses(0, TICK, INT64_MAX, "a day ahead");
    refuses(INT64_MAX, TICK, 0, "a day ahead");
    refuses(INT64_MAX, GRID_TICK_MOST_NS, INT64_MAX, "a day ahead");
}

static void the_oldest_epoch_is_no_trouble(void **state)
{
    struct grid g;
    struct grid_tick tick;

    assert_int_equal(grid_init(&g, INT64_MIN, TICK, NULL, 5 * TICK, NULL), PELT_OK);
    assert_in_range(grid_due_ns(&g, 1), 5 * TICK + 1, 6 * TICK);
    assert_true(grid_take(&g, 6 * TICK, 1, &tick));
    assert_int_equal(tick.missed, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_tick_is_the_next_one),
        cmocka_unit_test(a_tick_asked_for_is_waited_for_unless_it_is_past),
        cmocka_unit_test(each_tick_is_taken_once),
        cmocka_unit_test(ticks_that_were_slept_over_are_told),
        cmocka_unit_test(a_slow_agent_serves_multiples),
        cmocka_unit_test(what_cannot_be_is_refused),
        cmocka_unit_test(the_oldest_epoch_is_no_trouble),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
