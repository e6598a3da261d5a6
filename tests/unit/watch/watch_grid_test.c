/* grid: k is the run's, whatever clock the agent has. */
#include "../test.h"

#include "grid.h"
#include "pelt/clock.h"

#define TICK_NS  (100 * PELT_NS_PER_MS)
#define EPOCH_NS (5000 * PELT_NS_PER_S)

/* When the agent takes its sample `k`, on its clock. */
static uint64_t agents_due(const struct pelt_grid *g, int64_t k)
{
    return g->agent_epoch_ns + (uint64_t)k * g->tick_ns;
}

static void k_is_the_same_tick_on_both_clocks(void **state)
{
    static const int64_t offsets_ns[] = {
        0, 1, -1, 300000000000, -300000000000, 99999999999999, -4999999999999};
    struct pelt_grid g;
    for (size_t i = 0; i < sizeof(offsets_ns) / sizeof(offsets_ns[0]); i++) {
        pelt_grid_init(&g, EPOCH_NS, TICK_NS);
        pelt_grid_open(&g, offsets_ns[i]);
        int64_t agent_k = pelt_grid_to_agent(&g, 412), k;
        assert_true(pelt_grid_of_agent(&g, agent_k, &k));
        assert_int_equal(k, 412);
        assert_int_equal(agents_due(&g, agent_k),
                         (int64_t)pelt_grid_due_ns(&g, 412) + offsets_ns[i]);
    }
}

static void a_host_started_after_second_0_counts_from_a_later_tick(void **state)
{
    struct pelt_grid g;
    pelt_grid_init(&g, EPOCH_NS, TICK_NS);
    pelt_grid_open(&g, -(int64_t)EPOCH_NS - 30 * (int64_t)PELT_NS_PER_S - 7);
    assert_in_range(g.agent_epoch_ns, 0, TICK_NS);
    int64_t k;
    assert_true(pelt_grid_of_agent(&g, 0, &k));
    assert_int_equal(k, 301);
    assert_int_equal(pelt_grid_to_agent(&g, 5), 0);
    assert_int_equal(pelt_grid_to_agent(&g, 310), 9);
}

static void it_has_moved_beyond_a_quarter_of_a_tick(void **state)
{
    struct pelt_grid g;
    pelt_grid_init(&g, EPOCH_NS, TICK_NS);
    pelt_grid_open(&g, 1000);
    assert_false(pelt_grid_moved(&g, 1000 + (int64_t)TICK_NS / 4));
    assert_false(pelt_grid_moved(&g, 1000 - (int64_t)TICK_NS / 4));
    assert_true(pelt_grid_moved(&g, 1001 + (int64_t)TICK_NS / 4));
    assert_true(pelt_grid_moved(&g, 999 - (int64_t)TICK_NS / 4));
    pelt_grid_open(&g, 1001 + (int64_t)TICK_NS / 4);
    assert_false(pelt_grid_moved(&g, 1000 + (int64_t)TICK_NS / 4));
}

static void the_next_tick_is_not_past(void **state)
{
    struct pelt_grid g;
    pelt_grid_init(&g, EPOCH_NS, TICK_NS);
    assert_int_equal(pelt_grid_next(&g, EPOCH_NS - 1), 0);
    assert_int_equal(pelt_grid_next(&g, EPOCH_NS), 0);
    assert_int_equal(pelt_grid_next(&g, EPOCH_NS + 1), 1);
    assert_int_equal(pelt_grid_next(&g, EPOCH_NS + TICK_NS), 1);
    assert_int_equal(pelt_grid_next(&g, EPOCH_NS + TICK_NS + 1), 2);
}

static void a_k_that_cannot_be_is_refused(void **state)
{
    struct pelt_grid g;
    int64_t k;
    pelt_grid_init(&g, EPOCH_NS, TICK_NS);
    assert_false(pelt_grid_of_agent(&g, -1, &k));
    assert_false(pelt_grid_of_agent(&g, INT64_MAX, &k));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(k_is_the_same_tick_on_both_clocks),
        cmocka_unit_test(a_host_started_after_second_0_counts_from_a_later_tick),
        cmocka_unit_test(it_has_moved_beyond_a_quarter_of_a_tick),
        cmocka_unit_test(the_next_tick_is_not_past),
        cmocka_unit_test(a_k_that_cannot_be_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
