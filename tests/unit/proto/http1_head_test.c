/*
 * http1_head: fields are found in the bytes of accepted heads.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "pelt/http1_response.h"

static void check_field(const char *head, const char *name, const char *expected)
{
    struct pelt_span value = pelt_http1_head_field(pelt_span_of(head), name);
    if (expected == NULL) {
        assert_null(value.ptr);
        return;
    }
    assert_non_null(value.ptr);
    assert_int_equal(value.len, strlen(expected));
    assert_memory_equal(value.ptr, expected, value.len);
}

static void a_field_is_found_by_name_in_any_case(void **state)
{
    const char *head = "HTTP/1.1 200 OK\r\nServer: x\r\nContent-TYPE: \t text/plain \r\nX: 1\r\n"
                       "X: 2\r\nEmpty:\r\n\r\n";
    check_field(head, "content-type", "text/plain");
    check_field(head, "SERVER", "x");
    check_field(head, "X", "1");
    check_field(head, "Empty", "");
    check_field(head, "Content", NULL);
    check_field(head, "HTTP/1.1 200 OK", NULL);
}

static void heads_of_informational_answers_are_passed_over(void **state)
{
    const char *head = "HTTP/1.1 100 Continue\r\nX: early\r\n\r\n\r\nHTTP/1.1 103 Early Hints\r\n"
                       "Link: </a>\r\n\r\nHTTP/1.1 200 OK\r\nX: late\r\n\r\n";
    check_field(head, "X", "late");
    check_field(head, "Link", NULL);
    check_field("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n", "Upgrade", "x");
}

static void names_of_other_protocols_are_no_informational_answers(void **state)
{
    check_field("ICE/1.0 210 OK\r\nA: b\r\n\r\n", "A", "b");
    check_field("RTSP/1.0 103 x\r\nA: early\r\n\r\nRTSP/1.0 200 OK\r\nA: b\r\n\r\n", "A", "b");
}

static void empty_lines_before_the_status_line_are_passed_over(void **state)
{
    check_field("\r\n\r\nHTTP/1.1 200 OK\r\nA: b\r\n\r\n", "A", "b");
    check_field("\r\rHTTP/1.1 200 OK\r\nA: b\r\n\r\n", "A", "b");
    check_field("\r\r\n\rHTTP/1.1 103 Hints\r\nA: early\r\n\r\nHTTP/1.1 200 OK\r\nA: b\r\n\r\n",
                "A", "b");
}

static void a_folded_value_keeps_its_line_breaks(void **state)
{
    check_field("HTTP/1.1 200 OK\r\nA: one\r\n two\r\n\tthree\r\nB: c\r\n\r\n", "A",
                "one\r\n two\r\n\tthree");
    check_field("HTTP/1.1 200 OK\r\nA: one\r\n two\r\nB: c\r\n\r\n", "B", "c");
}

static void the_walk_gives_every_field_once(void **state)
{
    struct pelt_span head =
        pelt_span_of("HTTP/1.1 200 OK\r\nA: 1\r\nB: 2\r\nC: 3\r\n\r\nD: body\r\n");
    struct pelt_span name, value;
    char names[16] = "";
    size_t pos = 0, count = 0;
    while (pelt_http1_head_next(head, &pos, &name, &value)) {
        names[count++] = name.ptr[0];
        assert_int_equal(value.ptr[0], '0' + (int)count);
    }
    assert_string_equal(names, "ABC");
    assert_false(pelt_http1_head_next(head, &pos, &name, &value));
}

static void a_head_without_fields_has_none(void **state)
{
    check_field("HTTP/1.1 200 OK\r\n\r\n", "A", NULL);
    check_field("", "A", NULL);
    check_field("\r\n", "A", NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_field_is_found_by_name_in_any_case),
        cmocka_unit_test(heads_of_informational_answers_are_passed_over),
        cmocka_unit_test(names_of_other_protocols_are_no_informational_answers),
        cmocka_unit_test(empty_lines_before_the_status_line_are_passed_over),
        cmocka_unit_test(a_folded_value_keeps_its_line_breaks),
        cmocka_unit_test(the_walk_gives_every_field_once),
        cmocka_unit_test(a_head_without_fields_has_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
