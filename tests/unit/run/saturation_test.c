/*
 * saturation: told from overload, and not from a ramp, a slow service, a burst or a stall.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "saturation.h"

static struct pelt_saturation s;

static int set_up(void **state)
{
    s = (struct pelt_saturation){.seconds = 0};
    return 0;
}

/* A server that works off `capacity` a second, each iteration `delay_s` (at most 9) after it came
 * at the soonest. Returns the second at which it is told, -1: never. */
static int told(int seconds, unsigned (*rate)(int t), unsigned capacity, int delay_s)
{
    static uint64_t came[10];
    uint64_t ready = 0;
    for (int t = 0; t < seconds; t++) {
        came[t % 10] = rate(t);
        ready += t >= delay_s ? came[(t - delay_s) % 10] : 0;
        uint64_t ended = ready < capacity ? ready : capacity;
        ready -= ended;
        if (pelt_saturation_add(&s, rate(t), 0, ended)) {
            return t;
        }
    }
    return -1;
}

static unsigned steady(int t)
{
    return 200;
}

static unsigned ramp(int t)
{
    return 10 + 5 * (unsigned)t;
}

static unsigned bursts(int t)
{
    return t % 20 < 5 ? 400 : 100;
}

static void overload_from_the_start_is_told_after_ten_seconds(void **state)
{
    assert_int_equal(told(60, steady, 100, 0), 10);
}

static void slight_overload_is_told_in_time(void **state)
{
    int t = told(300, steady, 185, 0);
    assert_true(t >= 10 && t <= 60);
}

static void a_server_that_follows_is_not(void **state)
{
    assert_int_equal(told(600, steady, 200, 0), -1);
}

static void a_slow_service_is_not(void **state)
{
    assert_int_equal(told(600, steady, 1000, 8), -1);
}

static void a_ramp_on_a_slow_service_is_not(void **state)
{
    assert_int_equal(told(300, ramp, 100000, 3), -1);
}

static void a_ramp_beyond_the_capacity_is(void **state)
{
    int t = told(300, ramp, 200, 1); /* reached in second 38 */
    assert_true(t > 40 && t < 60);
}

static void bursts_that_are_worked_off_are_not(void **state)
{
    assert_int_equal(told(600, bursts, 250, 0), -1);
}

static void what_is_dropped_is_no_backlog(void **state)
{
    for (int t = 0; t < 100; t++) {
        assert_false(pelt_saturation_add(&s, 200, 100, 100));
    }
    assert_int_equal(s.backlog, 0);
}

int main(void)
{
#define T(test) cmocka_unit_test_setup(test, set_up)
    const struct CMUnitTest tests[] = {
        T(overload_from_the_start_is_told_after_ten_seconds),
        T(slight_overload_is_told_in_time),
        T(a_server_that_follows_is_not),
        T(a_slow_service_is_not),
        T(a_ramp_on_a_slow_service_is_not),
        T(a_ramp_beyond_the_capacity_is),
        T(bursts_that_are_worked_off_are_not),
        T(what_is_dropped_is_no_backlog),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
