/* How often a server is asked. */
#include "test.h"

#include "cache_pace.h"

#define MS   UINT64_C(1000000)
#define TICK (100 * MS)

static void the_tick_is_between_100_ms_and_1_s(void **state)
{
    struct cache_tick t = {0};

    assert_int_equal(cache_tick_ns(&t), 1000 * MS);
    cache_tick_sampled(&t, 5000 * MS);
    assert_int_equal(cache_tick_ns(&t), 1000 * MS);
    cache_tick_sampled(&t, 5250 * MS);
    assert_int_equal(cache_tick_ns(&t), 250 * MS);
    cache_tick_sampled(&t, 5270 * MS);
    assert_int_equal(cache_tick_ns(&t), 100 * MS);
    for (uint64_t at = 6170; at < 10000; at += 900) {
        cache_tick_sampled(&t, at * MS);
    }
    assert_int_equal(cache_tick_ns(&t), 900 * MS);
    cache_tick_sampled(&t, 11100 * MS); /* one that is late changes nothing */
    assert_int_equal(cache_tick_ns(&t), 900 * MS);
}

static void three_slow_answers_double_the_interval(void **state)
{
    struct cache_pace p = {0};

    assert_int_equal(cache_pace_took(&p, TICK, 6 * MS), 0);
    assert_int_equal(cache_pace_took(&p, TICK, 6 * MS), 0);
    assert_int_equal(cache_pace_took(&p, TICK, 5 * MS), 0); /* 5%: not above */
    assert_int_equal(cache_pace_took(&p, TICK, 6 * MS), 0);
    assert_int_equal(cache_pace_took(&p, TICK, 6 * MS), 0);
    assert_int_equal(cache_pace_took(&p, TICK, 6 * MS), 1);
    assert_int_equal(cache_pace_interval(&p, TICK), 200 * MS);
    assert_int_equal(cache_pace_timeout(&p, TICK), 180 * MS);
    for (int i = 0; i < 20; i++) {
        assert_int_equal(cache_pace_took(&p, TICK, 9 * MS), 0); /* half would be too often */
    }
    for (int i = 0; i < 4; i++) {
        assert_int_equal(cache_pace_took(&p, TICK, 4 * MS), 0);
    }
    assert_int_equal(cache_pace_took(&p, TICK, 4 * MS), -1);
    assert_int_equal(cache_pace_interval(&p, TICK), TICK);
}

static void the_interval_has_a_most(void **state)
{
    struct cache_pace p = {0};

    for (int i = 0; i < 1000; i++) {
        cache_pace_took(&p, TICK, UINT64_C(60000) * MS);
    }
    assert_int_equal(cache_pace_interval(&p, TICK), CACHE_INTERVAL_MOST_NS);
    assert_int_equal(cache_pace_interval(&p, 10 * TICK), CACHE_INTERVAL_MOST_NS);
}

static void it_is_asked_just_before_the_sample(void **state)
{
    struct cache_pace p = {0};

    /* Samples at 1000, 1100, ...; begun at 995. */
    assert_int_equal(cache_pace_next(&p, TICK, 1000 * MS, 995 * MS), 1095 * MS);
    assert_int_equal(cache_pace_next(&p, TICK, 1000 * MS, 960 * MS), 1095 * MS);
    assert_int_equal(cache_pace_next(&p, TICK, 1000 * MS, 940 * MS), 995 * MS);
    p.took_ns = 8 * MS;
    assert_int_equal(cache_pace_next(&p, TICK, 1000 * MS, 995 * MS), 1084 * MS);
    p.took_ns = 80 * MS;
    assert_int_equal(cache_pace_next(&p, TICK, 1000 * MS, 995 * MS), 1050 * MS);
    p.took_ns = 0;
    p.doublings = 2;
    assert_int_equal(cache_pace_next(&p, TICK, 1000 * MS, 995 * MS), 1395 * MS);
    p.doublings = 0;
    assert_int_equal(cache_pace_next(&p, TICK, 0, 995 * MS), 1095 * MS); /* no samples */
    assert_int_equal(cache_pace_next(&p, TICK, 5000 * MS, 995 * MS), 1095 * MS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_tick_is_between_100_ms_and_1_s),
        cmocka_unit_test(three_slow_answers_double_the_interval),
        cmocka_unit_test(the_interval_has_a_most),
        cmocka_unit_test(it_is_asked_just_before_the_sample),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
