/* clock: only what does not depend on the real time. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "pelt/clock.h"

static void wall_time_is_written_as_rfc3339_utc(void **state)
{
    char text[32];
    pelt_clock_rfc3339(UINT64_C(1795248000123999999), text);
    assert_string_equal(text, "2026-11-21T08:00:00.123Z");
    pelt_clock_rfc3339(0, text);
    assert_string_equal(text, "1970-01-01T00:00:00.000Z");
    pelt_clock_rfc3339(UINT64_C(951782400) * PELT_NS_PER_S, text);
    assert_string_equal(text, "2000-02-29T00:00:00.000Z");
}

static void the_last_moment_that_fits_is_written_whole(void **state)
{
    char text[32];
    pelt_clock_rfc3339(UINT64_MAX, text);
    assert_string_equal(text, "2554-07-21T23:34:33.709Z");
}

static void clocks_do_not_run_backwards(void **state)
{
    uint64_t mono = pelt_clock_ns(), cpu = pelt_clock_thread_cpu_ns();
    assert_true(pelt_clock_ns() >= mono);
    assert_true(pelt_clock_thread_cpu_ns() >= cpu);
    assert_true(pelt_clock_wall_ns() > UINT64_C(1577836800) * PELT_NS_PER_S); /* 2020 */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wall_time_is_written_as_rfc3339_utc),
        cmocka_unit_test(the_last_moment_that_fits_is_written_whole),
        cmocka_unit_test(clocks_do_not_run_backwards),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
