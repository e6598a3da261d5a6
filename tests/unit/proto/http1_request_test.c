/*
 * http1_request: the bytes of requests, and that nothing a caller gives can add a line to them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "pelt/http1_request.h"

static void check_request(const char *method, const char *target, const char *body,
                          const char *expected)
{
    struct pelt_buf out = {0};
    struct pelt_error err;
    struct pelt_span m = pelt_span_of(method), b = pelt_span_of(body);
    assert_int_equal(
        pelt_http1_request_begin(&out, m, pelt_span_of(target), pelt_span_of("h:81"), &err),
        PELT_OK);
    assert_int_equal(
        pelt_http1_request_field(&out, pelt_span_of("Accept"), pelt_span_of("*/*"), &err), PELT_OK);
    assert_int_equal(pelt_http1_request_end(&out, m, body != NULL ? &b : NULL), PELT_OK);
    assert_string_equal(out.data, expected);
    pelt_buf_deinit(&out);
}

static void a_get_has_no_length(void **state)
{
    check_request("GET", "/a?b=c", NULL,
                  "GET /a?b=c HTTP/1.1\r\nHost: h:81\r\nAccept: */*\r\n\r\n");
}

static void a_target_without_path_gets_one(void **state)
{
    check_request("GET", "", NULL, "GET / HTTP/1.1\r\nHost: h:81\r\nAccept: */*\r\n\r\n");
    check_request("GET", "?a", NULL, "GET /?a HTTP/1.1\r\nHost: h:81\r\nAccept: */*\r\n\r\n");
}

static void a_body_has_its_length_said(void **state)
{
    check_request(
        "DELETE", "/", "hello",
        "DELETE / HTTP/1.1\r\nHost: h:81\r\nAccept: */*\r\nContent-Length: 5\r\n\r\nhello");
    check_request("GET", "/", "",
                  "GET / HTTP/1.1\r\nHost: h:81\r\nAccept: */*\r\nContent-Length: 0\r\n\r\n");
}

static void methods_that_expect_a_body_say_that_there_is_none(void **state)
{
    const char *methods[] = {"POST", "PUT", "PATCH"};
    for (size_t i = 0; i < 3; i++) {
        char expected[128];
        snprintf(expected, sizeof(expected),
                 "%s / HTTP/1.1\r\nHost: h:81\r\nAccept: */*\r\nContent-Length: 0\r\n\r\n",
                 methods[i]);
        check_request(methods[i], "/", NULL, expected);
    }
}

static void check_begin_refused(const char *method, const char *target, const char *host)
{
    struct pelt_buf out = {0};
    struct pelt_error err = {""};
    assert_int_equal(pelt_http1_request_begin(&out, pelt_span_of(method), pelt_span_of(target),
                                              pelt_span_of(host), &err),
                     PELT_EINVAL);
    assert_int_equal(out.len, 0);
    assert_string_not_equal(err.text, "");
}

static void nothing_can_be_injected_into_the_first_lines(void **state)
{
    check_begin_refused("", "/", "h");
    check_begin_refused("GE T", "/", "h");
    check_begin_refused("GET\r\nX: y", "/", "h");
    check_begin_refused("GET", "/ HTTP/1.1\r\nX: y", "h");
    check_begin_refused("GET", "/a b", "h");
    check_begin_refused("GET", "/a\tb", "h");
    check_begin_refused("GET", "/a\nb", "h");
    check_begin_refused("GET", "/a\x7f", "h");
    check_begin_refused("GET", "/", "h\r\nX: y");
}

static void check_field_refused(const char *name, struct pelt_span value)
{
    struct pelt_buf out = {0};
    struct pelt_error err = {""};
    assert_int_equal(pelt_http1_request_field(&out, pelt_span_of(name), value, &err), PELT_EINVAL);
    assert_int_equal(out.len, 0);
    assert_non_null(strstr(err.text, "header \""));
}

static void nothing_can_be_injected_into_fields(void **state)
{
    struct pelt_span good = pelt_span_of("v");
    check_field_refused("", good);
    check_field_refused("A B", good);
    check_field_refused("A:", good);
    check_field_refused("A\r\nB", good);
    check_field_refused("\xc3\xa4", good);
    check_field_refused("A", pelt_span_of("v\r\nB: w"));
    check_field_refused("A", pelt_span_of("v\nB: w"));
    check_field_refused("A", pelt_span_of("v\r"));
    check_field_refused("A", pelt_span("v\0w", 3));
}

static void fields_of_the_framing_are_not_given_twice(void **state)
{
    check_field_refused("content-length", pelt_span_of("5"));
    check_field_refused("Transfer-Encoding", pelt_span_of("chunked"));
    check_field_refused("HOST", pelt_span_of("h"));
}

static void a_full_buffer_is_told(void **state)
{
    struct pelt_buf out;
    struct pelt_span method = pelt_span_of("POST"), body = pelt_span_of("0123456789");
    pelt_buf_init(&out, 64);
    assert_int_equal(
        pelt_http1_request_begin(&out, method, pelt_span_of("/"), pelt_span_of("h"), NULL),
        PELT_OK);
    assert_int_equal(
        pelt_http1_request_field(&out, pelt_span_of("A"), pelt_span_of("0123456789"), NULL),
        PELT_OK);
    assert_int_equal(pelt_http1_request_end(&out, method, &body), PELT_ELIMIT);
    pelt_buf_deinit(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_get_has_no_length),
        cmocka_unit_test(a_target_without_path_gets_one),
        cmocka_unit_test(a_body_has_its_length_said),
        cmocka_unit_test(methods_that_expect_a_body_say_that_there_is_none),
        cmocka_unit_test(nothing_can_be_injected_into_the_first_lines),
        cmocka_unit_test(nothing_can_be_injected_into_fields),
        cmocka_unit_test(fields_of_the_framing_are_not_given_twice),
        cmocka_unit_test(a_full_buffer_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
