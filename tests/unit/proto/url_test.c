/*
 * url: what is read from URLs, and what refusals say.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "pelt/url.h"

/* host|port|target|userinfo, with "6" behind an IPv6 host and "s" behind https' port. */
static void check(const char *text, const char *expected)
{
    struct pelt_url u;
    struct pelt_error err = {""};
    char got[512];
    enum pelt_status status = pelt_url_parse(pelt_span_of(text), &u, &err);
    assert_string_equal(err.text, "");
    assert_int_equal(status, PELT_OK);
    snprintf(got, sizeof(got), "%.*s%s|%u%s%s|%.*s|%.*s", (int)u.host.len, u.host.ptr,
             u.host_is_ipv6 ? " v6" : "", (unsigned)u.port, u.https ? "s" : "",
             u.port_is_default ? " default" : "", (int)u.target.len, u.target.ptr,
             (int)u.userinfo.len, u.userinfo.len > 0 ? u.userinfo.ptr : "");
    assert_string_equal(got, expected);
}

static void check_refused(const char *text, const char *part_of_message)
{
    struct pelt_url u;
    struct pelt_error err = {""};
    assert_int_equal(pelt_url_parse(pelt_span_of(text), &u, &err), PELT_EINVAL);
    if (strstr(err.text, part_of_message) == NULL) {
        assert_string_equal(err.text, part_of_message);
    }
}

static void parts_are_read(void **state)
{
    check("http://example.com", "example.com|80 default||");
    check("https://example.com/", "example.com|443s default|/|");
    check("HTTP://Example.COM:8080/a/b?c=d&e", "Example.COM|8080|/a/b?c=d&e|");
    check("http://h?q=1", "h|80 default|?q=1|");
    check("http://h:80/", "h|80 default|/|");
    check("https://h:80/", "h|80s|/|");
    check("http://h:/x", "h|80 default|/x|");
    check("http://h:65535", "h|65535||");
    check("http://my_host-1.local/", "my_host-1.local|80 default|/|");
    check("http://h/a:b@c?d=http://e/", "h|80 default|/a:b@c?d=http://e/|");
}

static void ipv6_literals_lose_their_brackets(void **state)
{
    check("http://[::1]:8080/x", "::1 v6|8080|/x|");
    check("http://[2001:db8::a.b.c.d]/", "2001:db8::a.b.c.d v6|80 default|/|");
    check("https://[::1]", "::1 v6|443s default||");
}

static void fragments_are_dropped(void **state)
{
    check("http://h/a#b?c", "h|80 default|/a|");
    check("http://h#b", "h|80 default||");
    check("http://h?q#b/c", "h|80 default|?q|");
}

static void userinfo_is_kept_apart(void **state)
{
    check("http://user:pass@h:81/x", "h|81|/x|user:pass");
    check("http://a@b@h/", "h|80 default|/|a@b");
    check("http://u@[::1]:1/", "::1 v6|1|/|u");
}

static void a_missing_scheme_gets_a_proposal(void **state)
{
    check_refused("127.0.0.1:8080/x", "URL \"127.0.0.1:8080/x\": no scheme: did you mean "
                                      "http://127.0.0.1:8080/x ?");
    check_refused("example.com", "did you mean http://example.com ?");
    check_refused("localhost:80", "did you mean http://localhost:80 ?");
    check_refused("http:/h", "no scheme");
    check_refused("/path", "a path only");
    check_refused("", "it is empty");
}

static void check_ws_refused(const char *text, const char *why)
{
    struct pelt_url url;
    struct pelt_error err;
    assert_int_equal(pelt_url_parse_ws(pelt_span_of(text), &url, &err), PELT_EINVAL);
    if (strstr(err.text, text) == NULL || strstr(err.text, why) == NULL) {
        fail_msg("%s", err.text);
    }
}

static void a_websockets_url_has_its_schemes(void **state)
{
    static const struct {
        const char *text;
        bool https;
        uint16_t port;
    } cases[] = {
        {"ws://h/x", false, 80},   {"WSS://h/x", true, 443},   {"wss://h:8080/x", true, 8080},
        {"http://h/x", false, 80}, {"https://h/x", true, 443},
    };
    struct pelt_url url;
    struct pelt_error err;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(pelt_url_parse_ws(pelt_span_of(cases[i].text), &url, &err), PELT_OK);
        assert_int_equal(url.https, cases[i].https);
        assert_int_equal(url.port, cases[i].port);
        assert_true(pelt_span_eq(url.host, "h") && pelt_span_eq(url.target, "/x"));
    }
    check_ws_refused("ftp://h/", "only ws:// and wss:// (or http:// and https://) are known");
    check_ws_refused("wsx://h/", "only ws:// and wss://");
    check_ws_refused("ws:///x", "no host");
    check_ws_refused("h/x", "did you mean ws://h/x ?");
    check_refused("ws://h/", "only http:// and https:// are known");
}

static void what_is_no_url_of_ours_is_refused(void **state)
{
    check_refused("ftp://h/", "only http:// and https:// are known");
    check_refused("://h/", "only http:// and https:// are known");
    check_refused("http://", "no host");
    check_refused("http:///x", "no host");
    check_refused("http://:80/", "no host");
    check_refused("http://u@/", "no host");
    check_refused("http://h:0/", "1 to 65535");
    check_refused("http://h:65536/", "1 to 65535");
    check_refused("http://h:99999999999999999999/", "1 to 65535");
    check_refused("http://h:8o/", "1 to 65535");
    check_refused("http://h:-1/", "1 to 65535");
    check_refused("http://h/a b", "a blank");
    check_refused("http://h/a\tb", "control character");
    check_refused("http://h/\r\nX: y", "control character");
    check_refused("http://h\\x", "where / belongs");
    check_refused("http://a%b/", "no name has");
    check_refused("http://m\xc3\xbcller/", "no name has");
    check_refused("http://::1/", "no host");
    check_refused("http://2001:db8::1/", "needs brackets");
    check_refused("http://[::1/", "has no ]");
    check_refused("http://[::1]x/", "only :PORT may follow");
    check_refused("http://[]/", "no IPv6 address");
    check_refused("http://[::g]/", "no IPv6 address");
    check_refused("http://[fe80::1%25eth0]/", "no IPv6 address");
}

static void a_long_url_is_cut_in_its_message(void **state)
{
    char text[5000];
    struct pelt_url u;
    struct pelt_error err;
    memset(text, 'x', sizeof(text));
    assert_int_equal(pelt_url_parse(pelt_span(text, sizeof(text)), &u, &err), PELT_EINVAL);
    assert_true(strlen(err.text) < 600);
    memcpy(text, "http://", 7);
    assert_int_equal(pelt_url_parse(pelt_span(text, sizeof(text)), &u, &err), PELT_EINVAL);
    assert_non_null(strstr(err.text, "253"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parts_are_read),
        cmocka_unit_test(ipv6_literals_lose_their_brackets),
        cmocka_unit_test(fragments_are_dropped),
        cmocka_unit_test(userinfo_is_kept_apart),
        cmocka_unit_test(a_missing_scheme_gets_a_proposal),
        cmocka_unit_test(a_websockets_url_has_its_schemes),
        cmocka_unit_test(what_is_no_url_of_ours_is_refused),
        cmocka_unit_test(a_long_url_is_cut_in_its_message),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
