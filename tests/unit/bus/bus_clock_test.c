/* bus_clock: the fastest probe wins, age widens the bound, a clock that was set is a jump. */
#include "test.h"

#include <stdlib.h>

#include "pelt/bus_clock.h"
#include "pelt/rng.h"

#define MS UINT64_C(1000000)
#define S  UINT64_C(1000000000)

static void fastest_probe_wins_and_is_right_within_its_bound(void **state)
{
    struct pelt_rng rng;
    pelt_rng_init(&rng, 1, 1);
    for (int run = 0; run < 200; run++) {
        struct pelt_bus_clock c = {0};
        const int64_t offset = (int64_t)(1700000000 * S) + (int64_t)pelt_rng_below(&rng, 1000 * S);
        uint64_t now = 5 * S + pelt_rng_below(&rng, S), least = UINT64_MAX;
        for (int i = 0; i < PELT_BUS_CLOCK_PROBES; i++) {
            const uint64_t there = 50000 + pelt_rng_below(&rng, 3 * MS);
            const uint64_t back = 50000 + pelt_rng_below(&rng, 3 * MS);
            const uint64_t server = (now + there + (uint64_t)offset) / 1000 * 1000;
            pelt_bus_clock_probe(&c, now, server, now + there + back);
            least = there + back < least ? there + back : least;
            now += 10 * MS;
        }
        assert_false(c.known);
        pelt_bus_clock_settle(&c);
        assert_true(c.known);
        assert_int_equal(c.bound_ns, least / 2 + 500);
        const int64_t wrong = c.offset_ns - offset;
        assert_true((uint64_t)llabs(wrong) <= c.bound_ns);
        assert_int_equal(pelt_bus_clock_to_ours(&c, pelt_bus_clock_to_server(&c, now)), now);
    }
}

static void one_round(struct pelt_bus_clock *c, uint64_t now, int64_t offset, uint64_t rtt)
{
    pelt_bus_clock_probe(c, now, (uint64_t)((int64_t)(now + rtt / 2) + offset), now + rtt);
    pelt_bus_clock_settle(c);
}

static void old_offset_gives_way_to_a_better_one(void **state)
{
    struct pelt_bus_clock c = {0};
    assert_int_equal(pelt_bus_clock_bound_ns(&c, 0), UINT64_MAX);
    one_round(&c, 10 * S, (int64_t)(100 * S), 2 * MS);
    assert_int_equal(c.bound_ns, MS + 500);
    one_round(&c, 20 * S, (int64_t)(100 * S) + 1000, 10 * MS); /* worse: the old one stays */
    assert_int_equal(c.bound_ns, MS + 500);
    assert_in_range(pelt_bus_clock_bound_ns(&c, 20 * S), MS + 500 + 499000, MS + 500 + 501000);
    one_round(&c, 30 * S, (int64_t)(100 * S) + 1000, 2 * MS); /* as good, and newer */
    assert_in_range(c.measured_ns, 30 * S, 30 * S + 2 * MS);
    assert_int_equal(c.jumps, 0);
}

static void clock_that_was_set_is_a_jump(void **state)
{
    struct pelt_bus_clock c = {0};
    one_round(&c, 10 * S, (int64_t)(1000 * S), MS);
    one_round(&c, 20 * S, (int64_t)(1300 * S), 5 * MS); /* though its bound is worse */
    assert_int_equal(c.jumps, 1);
    assert_in_range(c.offset_ns, (int64_t)(1299 * S), (int64_t)(1301 * S));
}

static void backward_stamps_do_no_harm(void **state)
{
    struct pelt_bus_clock c = {0};
    pelt_bus_clock_settle(&c); /* without a probe */
    assert_false(c.known);
    pelt_bus_clock_probe(&c, 10 * S, 5, 9 * S);
    pelt_bus_clock_settle(&c);
    assert_true(c.known);
    assert_int_equal(pelt_bus_clock_to_server(&c, 0), 0); /* clamped */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fastest_probe_wins_and_is_right_within_its_bound),
        cmocka_unit_test(old_offset_gives_way_to_a_better_one),
        cmocka_unit_test(clock_that_was_set_is_a_jump),
        cmocka_unit_test(backward_stamps_do_no_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
