/* route: what lines of options mean for a host and port. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "pelt/route.h"

static struct pelt_route *route;

static int begin(void **state)
{
    route = pelt_route_new();
    return route == NULL;
}

static int end(void **state)
{
    pelt_route_free(route);
    return 0;
}

static void goes_to(const char *host, uint16_t port, const char *to, uint16_t to_port)
{
    struct pelt_way way = pelt_route_way(route, host, port, false);
    assert_string_equal(way.host, to);
    assert_int_equal(way.port, to_port);
    assert_null(way.addrs);
    assert_null(way.unix_path);
}

static void resolves(const char *line)
{
    struct pelt_error err;
    if (pelt_route_resolve(route, line, &err) != PELT_OK) {
        fail_msg("%s", err.text);
    }
}

static void moves(const char *line)
{
    struct pelt_error err;
    if (pelt_route_connect_to(route, line, &err) != PELT_OK) {
        fail_msg("%s", err.text);
    }
}

static void without_a_word_all_stays(void **state)
{
    struct pelt_way way = pelt_route_way(NULL, "a.test", 80, false);
    assert_string_equal(way.host, "a.test");
    assert_int_equal(way.port, 80);
    goes_to("a.test", 80, "a.test", 80);
    assert_int_equal(pelt_route_sources(NULL), 1);
    assert_int_equal(pelt_route_sources(route), 1);
}

static void the_first_line_that_fits_counts(void **state)
{
    moves("a.test:80:b.test:8080");
    moves("A.test::c.test:");
    moves(":443::8443");
    moves("[::1]:1:[2001:db8::5]:2");
    goes_to("A.TEST", 80, "b.test", 8080);
    goes_to("a.test", 81, "c.test", 81);
    goes_to("x.test", 443, "x.test", 8443);
    goes_to("::1", 1, "2001:db8::5", 2);
    goes_to("::1", 2, "::1", 2);
}

static void addresses_are_of_the_host_that_is_connected_to(void **state)
{
    moves("a.test:80:b.test:8080");
    resolves("a.test:80:127.0.0.9");
    resolves("b.test:8080:127.0.0.1,[::1],::2");
    resolves("*:443:127.0.0.4");
    struct pelt_way way = pelt_route_way(route, "a.test", 80, false);
    char text[64];
    assert_non_null(way.addrs);
    assert_int_equal(way.addrs->len, 3);
    pelt_addr_format(&way.addrs->addr[1], text, sizeof text);
    assert_string_equal(text, "[::1]:0");
    assert_non_null(pelt_route_way(route, "any.test", 443, true).addrs);
    assert_null(pelt_route_way(route, "any.test", 444, true).addrs);
}

static void sources_take_turns_within_a_family(void **state)
{
    struct pelt_error err;
    bool none;
    char text[64];
    assert_null(pelt_route_from(route, AF_INET, 0, &none));
    assert_false(none);
    assert_int_equal(pelt_route_source(route, "127.0.0.2", &err), PELT_OK);
    assert_int_equal(pelt_route_source(route, "127.0.0.3", &err), PELT_OK);
    for (uint32_t turn = 0; turn < 6; turn++) {
        pelt_addr_format(pelt_route_from(route, AF_INET, turn, &none), text, sizeof text);
        assert_string_equal(text, turn % 2 == 0 ? "127.0.0.2:0" : "127.0.0.3:0");
    }
    assert_null(pelt_route_from(route, AF_INET6, 0, &none));
    assert_true(none);
    assert_int_equal(pelt_route_sources(route), 2);
}

static void a_unix_socket_is_for_all(void **state)
{
    struct pelt_error err;
    assert_int_equal(pelt_route_unix(route, "/run/a.sock", &err), PELT_OK);
    assert_int_equal(pelt_route_unix(route, "/run/b.sock", &err), PELT_OK);
    assert_string_equal(pelt_route_way(route, "x", 1, false).unix_path, "/run/b.sock");
}

static void refused_lines_leave_nothing(void **state)
{
    static const char *const bad_resolve[] = {"",
                                              "a",
                                              "a:80",
                                              "a:80:",
                                              ":80:127.0.0.1",
                                              "a:0:127.0.0.1",
                                              "a:65536:127.0.0.1",
                                              "a:80:b",
                                              "a:80:127.0.0.1,",
                                              "a:x:127.0.0.1",
                                              "[::1:80:127.0.0.1",
                                              "a:80:[127.0.0.1",
                                              "a:80:1,1,1",
                                              "a::127.0.0.1"};
    static const char *const bad_moves[] = {"",        "a:80:b",       "a:80:b:1:2", "a:80",
                                            "a:b:c:d", "a:80:b:65536", "[::1:80:b:1"};
    struct pelt_error err;
    for (size_t i = 0; i < sizeof bad_resolve / sizeof *bad_resolve; i++) {
        assert_int_equal(pelt_route_resolve(route, bad_resolve[i], &err), PELT_EINVAL);
    }
    for (size_t i = 0; i < sizeof bad_moves / sizeof *bad_moves; i++) {
        assert_int_equal(pelt_route_connect_to(route, bad_moves[i], &err), PELT_EINVAL);
    }
    assert_int_equal(pelt_route_source(route, "192.0.2.1", &err), PELT_EINVAL);
    assert_int_equal(pelt_route_unix(route, "", &err), PELT_EINVAL);
    char many[1024] = "a:80:127.0.0.1";
    for (size_t i = 0, len = strlen(many); i < PELT_ADDRS_MAX; i++, len += 10) {
        memcpy(many + len, ",127.0.0.1", 11);
    }
    assert_int_equal(pelt_route_resolve(route, many, &err), PELT_EINVAL);
    goes_to("a", 80, "a", 80);
}

int main(void)
{
#define EACH(test) cmocka_unit_test_setup_teardown(test, begin, end)
    const struct CMUnitTest tests[] = {
        EACH(without_a_word_all_stays),
        EACH(the_first_line_that_fits_counts),
        EACH(addresses_are_of_the_host_that_is_connected_to),
        EACH(sources_take_turns_within_a_family),
        EACH(a_unix_socket_is_for_all),
        EACH(refused_lines_leave_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
