/* Places of proxies, and which hosts are asked for without one. */
#include "test.h"

#include <string.h>

#include "pelt/proxy.h"
#include "pelt/route.h"

static void is(const char *text, const char *host, unsigned port, const char *credentials)
{
    struct pelt_proxy proxy;
    struct pelt_error err;
    assert_int_equal(pelt_proxy_parse(&proxy, text, &err), PELT_OK);
    assert_string_equal(proxy.host, host);
    assert_int_equal(proxy.port, port);
    assert_int_equal(proxy.secure, strncmp(text, "https", 5) == 0);
    if (credentials == NULL) {
        assert_null(proxy.credentials);
    } else {
        assert_string_equal(proxy.credentials, credentials);
    }
    pelt_proxy_deinit(&proxy);
}

static void places_are_read(void **state)
{
    is("http://proxy.test:3128", "proxy.test", 3128, NULL);
    is("HTTP://proxy.test:3128/", "proxy.test", 3128, NULL);
    is("proxy.test", "proxy.test", PELT_PROXY_PORT, NULL);
    is("[::1]:8080", "::1", 8080, NULL);
    is("http://[::1]", "::1", PELT_PROXY_PORT, NULL);
    is("http://ada:love%3alace%40@p:1", "p", 1, "ada:love:lace@");
    is("http://ada@p:1", "p", 1, "ada:");
    is("http://a:b@c@p:1", "p", 1, "a:b@c");
    is("https://ada:lace@p", "p", PELT_PROXY_PORT_SECURE, "ada:lace");
    is("https://[::1]:3129/", "::1", 3129, NULL);
}

static void others_are_refused_without_their_password(void **state)
{
    static const char *const wrong[] = {
        "",
        "http://",
        "ftp://u:hidden@p:1",
        "https://u:hidden@:1",
        "socks5://p:1",
        "http://u:hidden@",
        "p:0",
        "p:70000",
        "p:1/path",
        "p:x",
        "[::1",
        "[::1]x",
        "http://a b:1",
        "http://u:hidden@:80",
        "p:1:2",
        "http://p:1?x=hidden",
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct pelt_proxy proxy;
        struct pelt_error err = {""};
        assert_int_equal(pelt_proxy_parse(&proxy, wrong[i], &err), PELT_EINVAL);
        assert_non_null(strstr(err.text, "write http://"));
        assert_null(strstr(err.text, "hidden"));
        pelt_proxy_deinit(&proxy);
    }
}

static void exceptions_are_names_and_all_below(void **state)
{
    static const char list[] = "localhost, .shop.test 10.0.0.1,,x.y";
    static const char nets[] = "127.0.0.0/8,10.16.0.0/12,fd00::/9,whole.test.,1.2.3.4/33,5.6.7.8/x";
    assert_true(pelt_proxy_excepts(list, "LOCALHOST."));
    assert_true(pelt_proxy_excepts(nets, "whole.test"));
    assert_true(pelt_proxy_excepts(nets, "127.9.9.9"));
    assert_true(pelt_proxy_excepts(nets, "10.31.255.255"));
    assert_false(pelt_proxy_excepts(nets, "10.32.0.0"));
    assert_true(pelt_proxy_excepts(nets, "fd7f::1"));
    assert_false(pelt_proxy_excepts(nets, "fd80::1"));
    assert_false(pelt_proxy_excepts(nets, "1.2.3.4"));
    assert_false(pelt_proxy_excepts(nets, "5.6.7.8"));
    assert_false(pelt_proxy_excepts(nets, "127.test"));
    assert_true(pelt_proxy_excepts("0.0.0.0/0", "9.9.9.9"));
    assert_true(pelt_proxy_excepts(list, "LOCALHOST"));
    assert_true(pelt_proxy_excepts(list, "shop.test"));
    assert_true(pelt_proxy_excepts(list, "a.shop.test"));
    assert_true(pelt_proxy_excepts(list, "10.0.0.1"));
    assert_true(pelt_proxy_excepts(list, "z.x.y"));
    assert_false(pelt_proxy_excepts(list, "myshop.test"));
    assert_false(pelt_proxy_excepts(list, "110.0.0.1"));
    assert_false(pelt_proxy_excepts(list, "y"));
    assert_false(pelt_proxy_excepts("", "y"));
    assert_false(pelt_proxy_excepts(NULL, "y"));
    assert_true(pelt_proxy_excepts("a, *", "y"));
}

static void a_route_says_who_is_asked_by_a_proxy(void **state)
{
    struct pelt_route *route = pelt_route_new();
    assert_false(pelt_route_has_proxy(route));
    assert_int_equal(pelt_route_proxy(route, "http://p.test:3128", NULL), PELT_OK);
    struct pelt_way way = pelt_route_way(route, "shop.test", 80, false);
    assert_string_equal(way.host, "p.test");
    assert_int_equal(way.port, 3128);
    assert_non_null(way.proxy);
    assert_non_null(pelt_route_way(route, "shop.test", 443, true).proxy);
    assert_int_equal(pelt_route_check(route, NULL), PELT_OK);
    assert_int_equal(pelt_route_proxy(route, "q:1", NULL), PELT_EINVAL); /* there is one */
    assert_int_equal(pelt_route_unix(route, "/run/x", NULL), PELT_OK);
    assert_int_equal(pelt_route_check(route, NULL), PELT_EINVAL);
    pelt_route_free(route);
}

static void names_have_their_time_and_servers(void **state)
{
    struct pelt_route *route = pelt_route_new();
    uint64_t ttl_ns = 7;
    pelt_route_dns_ttl(NULL, &ttl_ns);
    pelt_route_dns_ttl(route, &ttl_ns);
    assert_int_equal(ttl_ns, 7);
    pelt_route_set_dns_ttl(route, 0);
    pelt_route_dns_ttl(route, &ttl_ns);
    assert_int_equal(ttl_ns, 0);
    assert_null(pelt_route_dns_servers(route));
    assert_int_equal(pelt_route_dns_server(route, "name.test", NULL), PELT_EINVAL);
    assert_int_equal(pelt_route_dns_server(route, "127.0.0.1:5353,[::1]", NULL), PELT_OK);
    assert_string_equal(pelt_route_dns_servers(route), "127.0.0.1:5353,[::1]");
    pelt_route_free(route);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(places_are_read),
        cmocka_unit_test(others_are_refused_without_their_password),
        cmocka_unit_test(exceptions_are_names_and_all_below),
        cmocka_unit_test(a_route_says_who_is_asked_by_a_proxy),
        cmocka_unit_test(names_have_their_time_and_servers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
