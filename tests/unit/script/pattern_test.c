/*
 * What no comparison with Lua's own matcher (tests/fuzz/pattern_fuzz.c) shows: that it can be
 * stopped, that its depth is bounded, and how it reports.
 */
#include "test.h"

#include <stdlib.h>
#include <string.h>

#include "pattern.h"

static int steps_left;

static bool stop_after_some_steps(void)
{
    return steps_left-- <= 0;
}

static struct pelt_pattern pattern_of(const char *subject, const char *pattern)
{
    return (struct pelt_pattern){.subject = subject,
                                 .subject_end = subject + strlen(subject),
                                 .pattern = pattern,
                                 .pattern_end = pattern + strlen(pattern)};
}

static void slow_match_ends_at_the_step_after_it_is_stopped(void **state)
{
    char subject[1001];
    memset(subject, 'a', sizeof subject - 1);
    subject[sizeof subject - 1] = '\0';
    struct pelt_pattern p = pattern_of(subject, ".-.-.-.-.-.-b");
    p.stopped = stop_after_some_steps;
    steps_left = 5000;
    assert_null(pelt_pattern_match(&p, subject));
    assert_true(p.was_stopped);
    assert_null(p.error);
    assert_int_equal(steps_left, -1);
}

static void match_that_nobody_stops_is_not_stopped(void **state)
{
    struct pelt_pattern p = pattern_of("key=value", "(%w+)=()(%w+)$");
    p.stopped = stop_after_some_steps;
    steps_left = 1000;
    assert_ptr_equal(pelt_pattern_match(&p, p.subject), p.subject_end);
    assert_int_equal(p.captures, 3);
    assert_ptr_equal(p.capture[0].at, p.subject);
    assert_int_equal(p.capture[0].len, 3);
    assert_int_equal(p.capture[1].len, PELT_PATTERN_POSITION);
    assert_int_equal(p.capture[2].len, 5);
}

static void depth_follows_the_pattern_and_is_bounded(void **state)
{
    enum { LONG = 1000000 };
    char *subject = malloc(LONG + 1), deep[3 * PELT_PATTERN_DEPTH + 10] = "";
    memset(subject, 'a', LONG);
    subject[LONG] = '\0';
    struct pelt_pattern p = pattern_of(subject, "a*a-$");
    assert_ptr_equal(pelt_pattern_match(&p, subject), subject + LONG);

    for (int i = 0; i <= PELT_PATTERN_DEPTH; i++) {
        memcpy(deep + 2 * i, "a-", 3);
    }
    p = pattern_of(subject, deep);
    assert_null(pelt_pattern_match(&p, subject));
    assert_string_equal(p.error, "pattern too complex");
    free(subject);
}

static void malformed_part_that_is_not_reached_goes_unnoticed(void **state)
{
    struct pelt_pattern p = pattern_of("abc", "x[");
    assert_null(pelt_pattern_match(&p, p.subject));
    assert_null(p.error);
    p = pattern_of("abc", "a[");
    assert_null(pelt_pattern_match(&p, p.subject));
    assert_string_equal(p.error, "malformed pattern (missing ']')");
}

static void text_without_signs_is_plain(void **state)
{
    assert_true(pelt_pattern_is_plain("a]b)c{d}", 8));
    assert_true(pelt_pattern_is_plain("", 0));
    assert_true(pelt_pattern_is_plain("a\0b", 3));
    assert_false(pelt_pattern_is_plain("a\0.", 3));
    assert_false(pelt_pattern_is_plain("a-b", 3));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(slow_match_ends_at_the_step_after_it_is_stopped),
        cmocka_unit_test(match_that_nobody_stops_is_not_stopped),
        cmocka_unit_test(depth_follows_the_pattern_and_is_bounded),
        cmocka_unit_test(malformed_part_that_is_not_reached_goes_unnoticed),
        cmocka_unit_test(text_without_signs_is_plain),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
