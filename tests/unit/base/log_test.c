/* log: what arrives on stderr, caught in a pipe. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <string.h>
#include <unistd.h>

#include "pelt/log.h"

static int saved_stderr, ends[2];

static int catch_stderr(void **state)
{
    saved_stderr = dup(STDERR_FILENO);
    return pipe(ends) != 0 || dup2(ends[1], STDERR_FILENO) < 0;
}

static int release_stderr(void **state)
{
    dup2(saved_stderr, STDERR_FILENO);
    close(saved_stderr);
    close(ends[0]);
    close(ends[1]);
    return 0;
}

/* What was logged so far. A marker written behind it keeps read() from waiting. */
static char *caught(void)
{
    static char text[8192];
    assert_int_equal(write(ends[1], "#", 1), 1);
    ssize_t got = read(ends[0], text, sizeof(text) - 1);
    assert_true(got > 0 && text[got - 1] == '#');
    text[got - 1] = '\0';
    return text;
}

/* A JSON line behind the timestamp. */
static char *json_tail(void)
{
    char *line = caught();
    assert_memory_equal(line, "{\"timestamp\":\"20", 16);
    char *tail = strstr(line, "Z\",");
    assert_non_null(tail);
    return tail + 3;
}

/* The same up to where it was said. */
static const char *json_message(void)
{
    char *tail = json_tail();
    char *place = strstr(tail, ",\"module\":\"log_test\",\"function\":\"");
    assert_non_null(place);
    assert_string_equal(place + strlen(place) - 2, "}\n");
    *place = '\0';
    return tail;
}

static void plain_lines_name_logger_and_level(void **state)
{
    pelt_log_setup(PELT_LOG_INFO, false, NULL, NULL);
    pelt_log(PELT_LOG_INFO, "run", "%d users", 5);
    assert_string_equal(caught(), "run: 5 users\n");
    pelt_log(PELT_LOG_WARNING, "run", "slow");
    assert_string_equal(caught(), "run: warning: slow\n");
}

static void what_is_below_the_level_is_not_written(void **state)
{
    pelt_log_setup(PELT_LOG_WARNING, false, NULL, NULL);
    pelt_log(PELT_LOG_DEBUG, "run", "a");
    pelt_log(PELT_LOG_INFO, "run", "b");
    pelt_log(PELT_LOG_ERROR, "run", "c");
    assert_string_equal(caught(), "run: error: c\n");
}

static void plain_text_cannot_steer_the_terminal(void **state)
{
    pelt_log_setup(PELT_LOG_INFO, false, NULL, NULL);
    pelt_log(PELT_LOG_INFO, "x", "%s", "a\x1b[2J\tb\nc\x7f");
    assert_string_equal(caught(), "x: a?[2J\tb\nc?\n");
}

static void json_lines_escape_what_json_needs(void **state)
{
    pelt_log_setup(PELT_LOG_INFO, true, NULL, NULL);
    pelt_log(PELT_LOG_WARNING, "u\"1", "%s", "q\"b\\n\nr\rt\tc\x01z\x7f/\xc3\xa9");
    assert_string_equal(json_message(),
                        "\"level\":\"warning\",\"logger\":\"u\\\"1\","
                        "\"message\":\"q\\\"b\\\\n\\nr\\rt\\tc\\u0001z\\u007f/\xc3\xa9\"");
}

static void malformed_utf8_is_replaced_byte_by_byte(void **state)
{
#define R "\xef\xbf\xbd"
    static const struct {
        const char *in, *out;
    } cases[] = {
        {"a\xff", "a" R},              /* never in UTF-8 */
        {"\xc0\xaf", R R},             /* overlong "/" */
        {"\xe0\x80\xaf", R R R},       /* overlong, three bytes */
        {"\xed\xa0\x80", R R R},       /* surrogate */
        {"\xf4\x90\x80\x80", R R R R}, /* above U+10FFFF */
        {"\xe2\x82", R R},             /* cut short */
        {"\xc3(", R "("},              /* no continuation */
        {"\xf0\x9f\x98\x80\xe2\x82\xac", "\xf0\x9f\x98\x80\xe2\x82\xac"}, /* fine */
    };
    pelt_log_setup(PELT_LOG_INFO, true, NULL, NULL);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char expected[128];
        snprintf(expected, sizeof(expected),
                 "\"level\":\"info\",\"logger\":\"l\",\"message\":\"%s\"", cases[i].out);
        pelt_log(PELT_LOG_INFO, "l", "%s", cases[i].in);
        assert_string_equal(json_message(), expected);
    }
}

static void json_lines_say_what_they_are_about(void **state)
{
    const struct pelt_log_place place = {"/home/me/tests/cha\"t.lua", "talk", 12};
    const struct pelt_log_place nowhere = {"control.c", NULL, 0};
    const struct pelt_log_about about = {.logger = "scenario",
                                         .has_user = true,
                                         .user = 7,
                                         .iteration = 3,
                                         .correlation_id = "abcdef",
                                         .members = "\"a\":1.5"};
    pelt_log_setup(PELT_LOG_INFO, true, NULL, NULL);
    assert_true(pelt_log_is_json());
    pelt_log_at(&place, &about, PELT_LOG_INFO, "user 7", "%s", "hi");
    assert_string_equal(json_tail(),
                        "\"level\":\"info\",\"logger\":\"scenario\",\"message\":\"hi\","
                        "\"module\":\"cha\\\"t.lua\",\"function\":\"talk\",\"line\":12,"
                        "\"user\":7,\"iteration\":3,\"correlation_id\":\"abcdef\",\"a\":1.5}\n");
    pelt_log_at(&nowhere, NULL, PELT_LOG_INFO, "run", "%s", "ho");
    assert_string_equal(
        json_tail(),
        "\"level\":\"info\",\"logger\":\"run\",\"message\":\"ho\",\"module\":\"control\"}\n");
    pelt_log_setup(PELT_LOG_INFO, false, NULL, NULL);
    pelt_log_at(&place, &about, PELT_LOG_INFO, "user 7", "%s", "hi");
    assert_string_equal(caught(), "user 7: hi\n");
}

static void write_marker(void *arg)
{
    assert_int_equal(write(ends[1], arg, 1), 1);
}

static void the_display_is_cleared_before_a_line(void **state)
{
    static char marker[] = "<";
    pelt_log_setup(PELT_LOG_INFO, false, write_marker, marker);
    pelt_log(PELT_LOG_INFO, "x", "y");
    pelt_log(PELT_LOG_DEBUG, "x", "unseen");
    assert_string_equal(caught(), "<x: y\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(plain_lines_name_logger_and_level, catch_stderr,
                                        release_stderr),
        cmocka_unit_test_setup_teardown(what_is_below_the_level_is_not_written, catch_stderr,
                                        release_stderr),
        cmocka_unit_test_setup_teardown(plain_text_cannot_steer_the_terminal, catch_stderr,
                                        release_stderr),
        cmocka_unit_test_setup_teardown(json_lines_escape_what_json_needs, catch_stderr,
                                        release_stderr),
        cmocka_unit_test_setup_teardown(malformed_utf8_is_replaced_byte_by_byte, catch_stderr,
                                        release_stderr),
        cmocka_unit_test_setup_teardown(json_lines_say_what_they_are_about, catch_stderr,
                                        release_stderr),
        cmocka_unit_test_setup_teardown(the_display_is_cleared_before_a_line, catch_stderr,
                                        release_stderr),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
