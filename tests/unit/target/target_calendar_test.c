/* calendar: where stalls lie, and when what falls into one is answered. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "calendar.h"

#define MS UINT64_C(1000000)
#define S  (1000 * MS)

static struct target_calendar calendar_of(const char *first, const char *second)
{
    struct target_calendar calendar = {0};
    struct target_error err;

    assert_true(target_calendar_add(&calendar, first, &err));
    if (second) {
        assert_true(target_calendar_add(&calendar, second, &err));
    }
    return calendar;
}

static void an_empty_calendar_never_stalls(void **state)
{
    struct target_calendar calendar = {0};

    assert_int_equal(target_calendar_free_ns(&calendar, 0), 0);
    assert_int_equal(target_calendar_free_ns(&calendar, 5 * S), 5 * S);
    assert_int_equal(target_calendar_begun(&calendar, 100 * S), 0);
}

static void the_first_stall_begins_after_one_period(void **state)
{
    struct target_calendar calendar = calendar_of("1s/5s", NULL);

    assert_int_equal(target_calendar_free_ns(&calendar, 0), 0);
    assert_int_equal(target_calendar_free_ns(&calendar, 500 * MS), 500 * MS);
    assert_int_equal(target_calendar_free_ns(&calendar, 5 * S - 1), 5 * S - 1);
    assert_int_equal(target_calendar_free_ns(&calendar, 5 * S), 6 * S);
}

static void a_stall_holds_its_begin_and_not_its_end(void **state)
{
    struct target_calendar calendar = calendar_of("1s/5s", NULL);

    assert_int_equal(target_calendar_free_ns(&calendar, 10 * S), 11 * S);
    assert_int_equal(target_calendar_free_ns(&calendar, 11 * S - 1), 11 * S);
    assert_int_equal(target_calendar_free_ns(&calendar, 11 * S), 11 * S);
}

static void several_lengths_take_turns(void **state)
{
    struct target_calendar calendar = calendar_of("1s,300ms/5s", NULL);
    uint64_t begin_ns, end_ns;

    assert_int_equal(target_calendar_free_ns(&calendar, 5 * S + 10 * MS), 6 * S);
    assert_int_equal(target_calendar_free_ns(&calendar, 10 * S + 10 * MS), 10 * S + 300 * MS);
    assert_int_equal(target_calendar_free_ns(&calendar, 10 * S + 301 * MS), 10 * S + 301 * MS);
    assert_int_equal(target_calendar_free_ns(&calendar, 15 * S + 10 * MS), 16 * S);
    target_stall_window(&calendar.rule[0], 4, &begin_ns, &end_ns);
    assert_int_equal(begin_ns, 20 * S);
    assert_int_equal(end_ns, 20 * S + 300 * MS);
}

static void overlapping_rules_stall_in_their_union(void **state)
{
    /* [2 s, 3.5 s) touches [3 s, 5.9 s), which touches [4 s, 5.5 s). */
    struct target_calendar calendar = calendar_of("1500ms/2s", "2900ms/3s");

    assert_int_equal(target_calendar_free_ns(&calendar, 2 * S), 5900 * MS);
    assert_int_equal(target_calendar_free_ns(&calendar, 5950 * MS), 5950 * MS);
    assert_int_equal(target_calendar_begun(&calendar, 5950 * MS), 2 + 1);
}

static void bad_rules_are_refused_by_name(void **state)
{
    static const char *const bad[] = {
        "",       "1s",       "/5s",
        "1s/",    "1s/0",     "5s/5s",
        "6s/5s",  "0/5s",     "1s,/5s",
        "1s/5",   "1/5s/6s",  "1s;2s/5s",
        "-1s/5s", "1s,6s/5s", "1s,1s,1s,1s,1s,1s,1s,1s,1s,1s,1s,1s,1s,1s,1s,1s,1s/5s"};
    struct target_calendar calendar = {0};
    struct target_error err;

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        if (target_calendar_add(&calendar, bad[i], &err)) {
            fail_msg("\"%s\" was taken for a stall", bad[i]);
        }
        assert_non_null(strstr(err.text, bad[i]));
    }
    assert_int_equal(calendar.rules, 0);
}

static void no_more_rules_are_taken_than_fit(void **state)
{
    struct target_calendar calendar = {0};
    struct target_error err;

    for (size_t i = 0; i < TARGET_STALL_RULES; i++) {
        assert_true(target_calendar_add(&calendar, "1s/5s", &err));
    }
    assert_false(target_calendar_add(&calendar, "1s/5s", &err));
    assert_int_equal(calendar.rules, TARGET_STALL_RULES);
}

static void several_rules_are_added_together_or_not_at_all(void **state)
{
    struct target_calendar calendar = {.rules = 0};
    struct target_error err;
    char text[128];

    assert_true(target_calendar_add(&calendar, "1s,300ms/5s  1ms/7s", &err));
    assert_int_equal(calendar.rules, 2);
    assert_false(target_calendar_add(&calendar, "1s/9s 9s/1s", &err));
    assert_int_equal(calendar.rules, 2);
    target_calendar_print(&calendar, text, sizeof text);
    assert_string_equal(text, "1s,300ms/5s 1ms/7s");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_calendar_never_stalls),
        cmocka_unit_test(the_first_stall_begins_after_one_period),
        cmocka_unit_test(a_stall_holds_its_begin_and_not_its_end),
        cmocka_unit_test(several_lengths_take_turns),
        cmocka_unit_test(overlapping_rules_stall_in_their_union),
        cmocka_unit_test(bad_rules_are_refused_by_name),
        cmocka_unit_test(several_rules_are_added_together_or_not_at_all),
        cmocka_unit_test(no_more_rules_are_taken_than_fit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
