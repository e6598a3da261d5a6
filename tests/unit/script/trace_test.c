/* trace: which requests a recorded file holds, when each came, and which lines are none. */
#include "test.h"

#include <stdlib.h>
#include <string.h>

#include "pelt/clock.h"
#include "trace.h"

static char path[] = "t.log";
static struct pelt_content content = {.path = path};

static struct pelt_trace *read_as(enum pelt_trace_format format, const char *text)
{
    struct pelt_trace *t = NULL;
    struct pelt_error err;
    content.bytes = (char *)text;
    content.len = strlen(text);
    if (pelt_trace_new(&content, format, &t, &err) != PELT_OK) {
        fail_msg("%s", err.text);
    }
    return t;
}

static void assert_refused(const char *text, const char *says)
{
    struct pelt_trace *t = NULL;
    struct pelt_error err;
    content.bytes = (char *)text;
    content.len = strlen(text);
    assert_int_equal(pelt_trace_new(&content, PELT_TRACE_UNSAID, &t, &err), PELT_EINVAL);
    assert_string_equal(err.text, says);
}

static void assert_request(const struct pelt_trace *t, size_t k, const char *expected)
{
    char text[256];
    struct pelt_span method, target;
    pelt_trace_request(t, k, &method, &target);
    snprintf(text, sizeof text, "%.3f %.*s %.*s", (double)t->at_ns[k] / 1e9, (int)method.len,
             method.ptr, (int)target.len, target.ptr);
    assert_string_equal(text, expected);
}

static void an_access_log_is_read_in_the_order_of_its_times(void **state)
{
    struct pelt_trace *t = read_as(
        PELT_TRACE_UNSAID,
        "::1 - - [31/Dec/2023:23:59:59 +0000] \"GET /a HTTP/1.1\" 200 5\r\n"
        "10.0.0.1 - ada [01/Jan/2024:02:00:01 +0200] \"POST /c?x=[1] HTTP/1.1\" 200 5 \"-\" \"m\"\n"
        "\n"
        "[::1] - [x] [31/Dec/2023:23:59:59 +0000] \"HEAD /b\" 200 5");
    assert_int_equal(t->count, 3);
    assert_int_equal(t->bad, 0);
    assert_request(t, 0, "0.000 GET /a"); /* two in one second: half a second apart */
    assert_request(t, 1, "0.500 HEAD /b");
    assert_request(t, 2, "2.000 POST /c?x=[1]");
    assert_int_equal(pelt_trace_length_ns(t), 3 * PELT_NS_PER_S);
    pelt_trace_free(t);
}

static void lines_that_are_no_request_are_counted(void **state)
{
    struct pelt_trace *t = read_as(PELT_TRACE_COMBINED,
                                   "x [29/Feb/2024:12:00:00 +0000] \"GET /ok HTTP/1.1\" 200\n"
                                   "x [29/Fab/2024:12:00:00 +0000] \"GET /month HTTP/1.1\" 200\n"
                                   "x [29/Feb/2024:12:00:00 +0000] \"-\" 400\n"
                                   "x [29/Feb/2024:12:00:00 +0000] \"\\x16\\x03\" 400\n"
                                   "x [29/Feb/2024:12:00:00 +0000] \"GET /a\\x22b HTTP/1.1\" 400\n"
                                   "x [29/Feb/2024:12:00:00 +0000] \"GET http://h/ HTTP/1.1\" 4\n"
                                   "x [29/Feb/2024:25:00:00 +0000] \"GET /hour HTTP/1.1\" 400\n"
                                   "x [29/Feb/2024:12:00:00 +0000] GET / 400\n");
    assert_int_equal(t->count, 1);
    assert_int_equal(t->bad, 7);
    assert_int_equal(t->bad_line, 2);
    assert_string_equal(t->reason, "no time such as [10/Oct/2000:13:55:36 -0700]");
    pelt_trace_free(t);
}

static void json_lines_say_seconds_or_times(void **state)
{
    struct pelt_trace *t =
        read_as(PELT_TRACE_UNSAID,
                "{\"t\": \"2024-01-01T00:00:01.75+01:00\", \"path\": \"/b\", \"method\": \"PUT\","
                " \"body\": \"x\", \"headers\": {\"A\": \"b\"}}\n"
                "{\"t\": 1704063600.5, \"path\": \"/a\"}\n"
                "{\"t\": \"2023-12-31T23:00:00Z\", \"path\": \"/z\"}\n");
    assert_int_equal(t->count, 3);
    assert_int_equal(t->at_ns[0], 0);
    assert_int_equal(t->at_ns[1], PELT_NS_PER_S / 2);
    assert_int_equal(t->at_ns[2], 1750 * PELT_NS_PER_MS);
    assert_memory_equal(pelt_trace_line(t, 0).ptr, "{\"t\": \"2023", 11);
    assert_int_equal(pelt_trace_length_ns(t), 2 * PELT_NS_PER_S);
    pelt_trace_free(t);
}

static void json_lines_that_are_no_request_say_why(void **state)
{
    static const char *const lines[][2] = {
        {"{\"path\": \"/\"}",
         "\"t\" is neither seconds nor a time such as \"2000-10-10T13:55:36.25Z\""},
        {"{\"t\": \"2024-01-01T00:00:01\", \"path\": \"/\"}",
         "\"t\" is neither seconds nor a time such as \"2000-10-10T13:55:36.25Z\""},
        {"{\"t\": 1}", "\"path\" is no text that begins with /"},
        {"{\"t\": 1, \"path\": \"a b\"}", "\"path\" is no text that begins with /"},
        {"{\"t\": 1, \"path\": \"/\", \"method\": \"get it\"}",
         "\"method\" is no word in capitals"},
        {"{\"t\": 1, \"path\": \"/\", \"body\": {}}", "\"body\" is no text"},
        {"{\"t\": 1, \"path\": \"/\", \"headers\": []}", "\"headers\" is no object"},
        {"{\"t\": 1, \"path\": \"/\", \"headers\": {\"A\": 1}}", "a header is no text"},
        {"{\"t\": 1, \"path\": \"/\", \"headers\": {\"A\": \"b\\r\\nX: y\"}}",
         "a header has a line break or NUL in it"},
        {"{", "no JSON object"},
    };
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        char says[512];
        snprintf(says, sizeof says,
                 "t.log: none of its 1 lines is a request (read as jsonl): line 1: %s",
                 lines[i][1]);
        assert_refused(lines[i][0], says);
    }
    assert_refused("", "t.log: it is empty: there is nothing to replay");
}

/* The order of 1,000 shuffled lines, equal times as in the file. */
static void many_lines_are_sorted_and_stay_in_order_within_a_moment(void **state)
{
    static char text[200000];
    size_t len = 0;
    for (unsigned i = 0; i < 1000; i++) {
        len += (size_t)snprintf(text + len, sizeof text - len,
                                "{\"t\": %u.5, \"path\": \"/%04u\"}\n", i * 7 % 100, i);
    }
    struct pelt_trace *t = read_as(PELT_TRACE_JSONL, text);
    for (size_t k = 1; k < t->count; k++) {
        assert_true(t->at_ns[k - 1] <= t->at_ns[k]);
        assert_true(t->at_ns[k - 1] < t->at_ns[k] || t->lines[k - 1] < t->lines[k]);
    }
    assert_int_equal(t->count, 1000);
    assert_int_equal(t->at_ns[999], 99 * PELT_NS_PER_S);
    pelt_trace_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_access_log_is_read_in_the_order_of_its_times),
        cmocka_unit_test(lines_that_are_no_request_are_counted),
        cmocka_unit_test(json_lines_say_seconds_or_times),
        cmocka_unit_test(json_lines_that_are_no_request_say_why),
        cmocka_unit_test(many_lines_are_sorted_and_stay_in_order_within_a_moment),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
