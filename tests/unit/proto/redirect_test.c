/* Where a redirect leads, and with what. */
#include "test.h"

#include <string.h>

#include "pelt/redirect.h"

static void expect_url(const char *location, const char *url)
{
    struct pelt_buf out;
    pelt_buf_init(&out, 0);
    assert_int_equal(pelt_redirect_url(pelt_span_of("http://h:80"), pelt_span_of("/a/b?q=1/2"),
                                       pelt_span_of(location), &out),
                     PELT_OK);
    assert_string_equal(out.data, url);
    pelt_buf_deinit(&out);
}

static void a_location_is_resolved(void **state)
{
    expect_url("http://other/x#top", "http://other/x");
    expect_url("HTTPS://other", "HTTPS://other");
    expect_url("//other:81/x", "http://other:81/x");
    expect_url("/x/./y/../z?a=../b", "http://h:80/x/z?a=../b");
    expect_url("c", "http://h:80/a/c");
    expect_url("../c", "http://h:80/c");
    expect_url("../../../c", "http://h:80/c");
    expect_url("c/..", "http://h:80/a/");
    expect_url(".", "http://h:80/a/");
    expect_url("?p=2", "http://h:80/a/b?p=2");
    expect_url("#top", "http://h:80/a/b?q=1/2");
    expect_url("x y", "http://h:80/a/x%20y");
    expect_url("1:2/c", "http://h:80/a/1:2/c");
}

#define POST                                                                                       \
    "POST /form HTTP/1.1\r\nHost: h\r\nAuthorization: Basic c2VjcmV0\r\nX-Own: 1\r\n"              \
    "Cookie: a=1\r\nContent-Type: text/plain\r\nContent-Length: 4\r\n\r\nbody"

static void expect_request(const struct pelt_redirect *r, const char *bytes)
{
    struct pelt_buf out;
    pelt_buf_init(&out, 0);
    assert_int_equal(pelt_redirect_head(r, &out), PELT_OK);
    assert_int_equal(pelt_redirect_end(r, &out), PELT_OK);
    assert_string_equal(out.data, bytes);
    pelt_buf_deinit(&out);
}

static void method_and_body_go_along_or_not(void **state)
{
    struct pelt_redirect r = {.request = pelt_span_of(POST),
                              .target = pelt_span_of("/new"),
                              .host = pelt_span_of("h"),
                              .same_origin = true};
    expect_request(&r, "GET /new HTTP/1.1\r\nHost: h\r\nAuthorization: Basic c2VjcmV0\r\n"
                       "X-Own: 1\r\nCookie: a=1\r\n\r\n");
    r.keep = true;
    r.drop_cookie = true;
    expect_request(&r, "POST /new HTTP/1.1\r\nHost: h\r\nAuthorization: Basic c2VjcmV0\r\n"
                       "X-Own: 1\r\nContent-Type: text/plain\r\nContent-Length: 4\r\n\r\nbody");
}

static void another_origin_gets_no_secrets(void **state)
{
    struct pelt_redirect r = {.request = pelt_span_of(POST),
                              .target = pelt_span_of("?q"),
                              .host = pelt_span_of("other"),
                              .keep = true};
    expect_request(&r, "POST /?q HTTP/1.1\r\nHost: other\r\nX-Own: 1\r\n"
                       "Content-Type: text/plain\r\nContent-Length: 4\r\n\r\nbody");
}

static void statuses_and_methods(void **state)
{
    static const unsigned kept[] = {307, 308}, turned[] = {301, 302, 303};
    for (size_t i = 0; i < 3; i++) {
        assert_true(pelt_redirect_is(turned[i]));
        assert_false(pelt_redirect_keeps(turned[i], pelt_span_of("POST")));
        assert_true(pelt_redirect_keeps(turned[i], pelt_span_of("HEAD")));
    }
    for (size_t i = 0; i < 2; i++) {
        assert_true(pelt_redirect_is(kept[i]));
        assert_true(pelt_redirect_keeps(kept[i], pelt_span_of("POST")));
    }
    assert_false(pelt_redirect_is(300));
    assert_false(pelt_redirect_is(304));
    assert_false(pelt_redirect_is(305));
    assert_false(pelt_redirect_is(200));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_location_is_resolved),
        cmocka_unit_test(method_and_body_go_along_or_not),
        cmocka_unit_test(another_origin_gets_no_secrets),
        cmocka_unit_test(statuses_and_methods),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
