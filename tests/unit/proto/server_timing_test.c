/*
 * server_timing: entries of Server-Timing values, good and bad.
 */
#include "test.h"

#include <stdio.h>

#include "pelt/server_timing.h"

/* "name|us|desc" of each entry, with blanks between; "-" for what is absent. */
static void check(const char *value, const char *expected)
{
    struct pelt_server_timing e;
    char out[1024] = "", item[300];
    size_t pos = 0;
    while (pelt_server_timing_next(pelt_span_of(value), &pos, &e)) {
        char us[32] = "-";
        if (e.has_dur) {
            snprintf(us, sizeof us, "%llu", (unsigned long long)e.dur_us);
        }
        snprintf(item, sizeof item, "%s%.*s|%s|%.*s", out[0] ? " " : "", (int)e.name.len,
                 e.name.ptr, us, e.desc.ptr ? (int)e.desc.len : 1, e.desc.ptr ? e.desc.ptr : "-");
        strncat(out, item, sizeof out - strlen(out) - 1);
    }
    assert_string_equal(out, expected);
    assert_int_equal(pos, strlen(value));
}

static void entries_have_names_durations_and_descriptions(void **state)
{
    check("", "");
    check("missedCache", "missedCache|-|-");
    check("cpu;dur=2.4", "cpu|2400|-");
    check("cache;desc=\"Cache Read\";dur=23.2", "cache|23200|Cache Read");
    check("db;dur=53, app;dur=47.2", "db|53000|- app|47200|-");
    check("total;dur=123.4", "total|123400|-");
    check("miss, \t db ; dur = 53 ;desc=\"My DB\" ,app;dur=47.2\t",
          "miss|-|- db|53000|My DB app|47200|-");
    check("a;desc=fast", "a|-|fast");
    check("queue;dur=0.000, work;dur=2.000", "queue|0|- work|2000|-");
}

static void quotes_may_hold_commas_semicolons_and_escapes(void **state)
{
    check("a;desc=\"x, y; z=1\";dur=1, b", "a|1000|x, y; z=1 b|-|-");
    check("a;desc=\"say \\\"hi\\\", then\", b;dur=2", "a|-|say \\\"hi\\\", then b|2000|-");
    check("a;desc=\"\";dur=1", "a|1000|");
}

static void the_first_of_two_parameters_counts_and_unknown_ones_say_nothing(void **state)
{
    check("a;dur=1;dur=2;desc=x;desc=y", "a|1000|x");
    check("a;foo=1;DUR=3;start=9", "a|3000|-");
    check("a;dur=x;dur=2", "a|-|-");
}

static void durations_are_numbers_from_0_to_a_day(void **state)
{
    check("a;dur=.5, b;dur=1., c;dur=1e2, d;dur=1.2E-02, e;dur=0.0004",
          "a|500|- b|1000|- c|100000|- d|12|- e|0|-");
    check("a;dur=-1, b;dur=inf, c;dur=nan, d;dur=0x10, e;dur=1e, f;dur=1.2.3, g;dur=86400001",
          "a|-|- b|-|- c|-|- d|-|- e|-|- f|-|- g|-|-");
    check("a;dur=\"12.5\", b;dur=86400000", "a|12500|- b|86400000000|-");
    check("a;dur=1111111111111111111111111111111111111111111111111111111111", "a|-|-");
}

static void an_entry_that_breaks_the_grammar_is_left_out_alone(void **state)
{
    check(", ,a;dur=1,,", "a|1000|-");
    check("=x, a;dur=1", "a|1000|-");
    check("a b;dur=1, c", "c|-|-");
    check("a;dur, b;dur=1", "b|1000|-");
    check("a;, b", "b|-|-");
    check("a;dur=, b", "b|-|-");
    check("a;=1, b", "b|-|-");
    check("a;desc=\"open, b;dur=1", "");
    check("a;desc=\"x\"y, b", "b|-|-");
    check("\"a, b\";dur=1, c", "c|-|-");
    check("a;dur=1 2, b", "b|-|-");
}

static void check_comment(const char *comment, const char *expected)
{
    struct pelt_span value = pelt_server_timing_of_comment(pelt_span_of(comment));
    if (expected == NULL) {
        assert_null(value.ptr);
    } else {
        assert_non_null(value.ptr);
        check(value.ptr, expected); /* the rest of the text */
    }
}

static void a_comment_of_a_stream_may_hold_a_value(void **state)
{
    check_comment(" st db;dur=2", "db|2000|-");
    check_comment("st db;dur=2, total;dur=3", "db|2000|- total|3000|-");
    check_comment(" server-timing: db;dur=2", "db|2000|-");
    check_comment("Server-Timing:", "");
    check_comment("", NULL);
    check_comment(" keep-alive", NULL);
    check_comment("st", NULL);
    check_comment("star db;dur=2", NULL);
    check_comment("server-timing db;dur=2", NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(entries_have_names_durations_and_descriptions),
        cmocka_unit_test(quotes_may_hold_commas_semicolons_and_escapes),
        cmocka_unit_test(the_first_of_two_parameters_counts_and_unknown_ones_say_nothing),
        cmocka_unit_test(durations_are_numbers_from_0_to_a_day),
        cmocka_unit_test(a_comment_of_a_stream_may_hold_a_value),
        cmocka_unit_test(an_entry_that_breaks_the_grammar_is_left_out_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
