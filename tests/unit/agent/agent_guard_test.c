/* guard: who may ask, by Host, Origin and token; how often one may be wrong. */
#include <arpa/inet.h>
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "guard.h"

#define SECOND UINT64_C(1000000000)

static const struct token token = {.bytes = "0123456789abcdef0123456789ABCDEF", .len = 32};
static struct guard guard;

/* 0: it is admitted; else the status of the refusal. */
static int ask(const struct face_request *request)
{
    struct face_refusal refusal = {0};
    bool is_admitted = guard_admits(&guard, request, &refusal);

    assert_true(is_admitted == (refusal.status == 0));
    assert_true(is_admitted || refusal.why[0]);
    return refusal.status;
}

static int ask_host(const char *host, const char *origin)
{
    return ask(
        &(struct face_request){.method = "GET", .path = "/", .host = host, .origin = origin});
}

static int ask_from(const char *address, uint64_t now_ns, const char *authorization)
{
    struct sockaddr_in6 six = {.sin6_family = AF_INET6};
    struct sockaddr_in four = {.sin_family = AF_INET};
    bool is_four = inet_pton(AF_INET, address, &four.sin_addr) == 1;

    assert_true(is_four || inet_pton(AF_INET6, address, &six.sin6_addr) == 1);
    return ask(&(struct face_request){
        .authorization = authorization,
        .host = "api-1.example",
        .peer = is_four ? (struct sockaddr *)&four : (struct sockaddr *)&six,
        .now_ns = now_ns,
    });
}

static void without_a_token_the_host_is_this_ones_loopback(void **state)
{
    static const struct {
        const char *host;
        int status;
    } cases[] = {
        {NULL, 0},
        {"localhost", 0},
        {"LocalHost:9646", 0},
        {"localhost.", 0},
        {"agent.localhost:1", 0},
        {"127.0.0.1", 0},
        {"127.8.9.10:65535", 0},
        {"[::1]", 0},
        {"[::1]:9646", 0},
        {"", 403},
        {".", 403},
        {":80", 403},
        {"evil.example", 403},
        {"notlocalhost", 403},
        {"localhost.evil.example", 403},
        {"127.0.0.1.evil.example", 403},
        {"127.0.0.1:80@evil.example", 403},
        {"127.0.0.1:80x", 403},
        {"128.0.0.1", 403},
        {"0.0.0.0", 403},
        {"::1", 403},
        {"[::1", 403},
        {"[::1]x", 403},
        {"[::2]", 403},
        {"[127.0.0.1]", 403},
        {"[localhost]", 403},
    };

    guard_init(&guard, NULL);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        if (ask_host(cases[i].host, NULL) != cases[i].status) {
            fail_msg("%s: not %d", cases[i].host, cases[i].status);
        }
    }
}

static void a_page_of_another_origin_is_refused(void **state)
{
    for (int with_token = 0; with_token < 2; with_token++) {
        guard_init(&guard, with_token ? &token : NULL);
        assert_int_equal(ask_host("127.0.0.1:9646", "http://evil.example"), 403);
        assert_int_equal(ask_host("127.0.0.1:9646", "http://127.0.0.1:80"), 403);
        assert_int_equal(ask_host("127.0.0.1:9646", "null"), 403);
        assert_int_equal(ask_host("127.0.0.1:9646", ""), 403);
        assert_int_equal(ask_host(NULL, "http://127.0.0.1:9646"), 403);
        assert_int_equal(ask_host("127.0.0.1:9646", "http://127.0.0.1:9646"), with_token ? 401 : 0);
        assert_int_equal(ask_host("LOCALHOST", "https://localhost"), with_token ? 401 : 0);
    }
}

static void the_token_alone_admits(void **state)
{
    static const char *const wrong[] = {
        "",
        "Bearer",
        "Bearer ",
        "Bearer 0123456789abcdef0123456789ABCDE",
        "Bearer 0123456789abcdef0123456789ABCDEF0",
        "Bearer 0123456789abcdef0123456789ABCDE0",
        "Bearer 1123456789abcdef0123456789ABCDEF",
        "Bearer 0123456789abcdef0123456789abcdef",
        "Bearer 0123456789abcdef0123456789ABCDEF ",
        "Basic 0123456789abcdef0123456789ABCDEF",
        "0123456789abcdef0123456789ABCDEF",
    };

    guard_init(&guard, &token);
    for (uint64_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        assert_int_equal(ask_from("192.0.2.1", i * SECOND, wrong[i]), 401);
    }
    assert_int_equal(ask_from("192.0.2.1", 0, "Bearer 0123456789abcdef0123456789ABCDEF"), 0);
    assert_int_equal(ask_from("192.0.2.1", 0, "bEARER   0123456789abcdef0123456789ABCDEF"), 0);
}

static void three_may_fail_in_a_second(void **state)
{
    guard_init(&guard, &token);
    for (int i = 0; i < 10; i++) {
        assert_int_equal(ask_from("192.0.2.1", SECOND + (uint64_t)i, NULL), i < 3 ? 401 : 429);
        assert_int_equal(ask_from("192.0.2.1", SECOND, "Bearer 0123456789abcdef0123456789ABCDEF"),
                         0);
    }
    assert_int_equal(ask_from("192.0.2.2", SECOND, NULL), 401);
    assert_int_equal(ask_from("192.0.2.1", 2 * SECOND, NULL), 401);
}

static void a_network_of_ipv6_counts_as_one(void **state)
{
    guard_init(&guard, &token);
    assert_int_equal(ask_from("2001:db8::1", SECOND, NULL), 401);
    assert_int_equal(ask_from("2001:db8::2", SECOND, NULL), 401);
    assert_int_equal(ask_from("2001:db8::3", SECOND, NULL), 401);
    assert_int_equal(ask_from("2001:db8::4", SECOND, NULL), 429);
    assert_int_equal(ask_from("2001:db8:0:1::4", SECOND, NULL), 401);
    assert_int_equal(ask_from("::ffff:192.0.2.1", SECOND, NULL), 401);
}

static void of_too_many_addresses_the_oldest_is_forgotten(void **state)
{
    char address[32];

    guard_init(&guard, &token);
    for (int i = 0; i < GUARD_ADDRESSES + 1; i++) {
        snprintf(address, sizeof address, "10.0.%d.%d", i / 256, i % 256);
        for (int failure = 0; failure < 3; failure++) {
            assert_int_equal(ask_from(address, SECOND + (uint64_t)i, NULL), 401);
        }
    }
    assert_int_equal(ask_from("10.0.0.1", SECOND + 500, NULL), 429);
    assert_int_equal(ask_from("10.0.0.0", SECOND + 500, NULL), 401);
}

static void a_token_is_compared_whole(void **state)
{
    char longer[TOKEN_MAX + 8];

    memset(longer, 'x', sizeof longer);
    assert_true(token_is(&token, token.bytes, token.len));
    assert_false(token_is(&token, token.bytes, token.len - 1));
    assert_false(token_is(&token, token.bytes, token.len + 1)); /* the zero behind it */
    assert_false(token_is(&token, longer, sizeof longer));
    assert_false(token_is(&token, "", 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_a_token_the_host_is_this_ones_loopback),
        cmocka_unit_test(a_page_of_another_origin_is_refused),
        cmocka_unit_test(the_token_alone_admits),
        cmocka_unit_test(three_may_fail_in_a_second),
        cmocka_unit_test(a_network_of_ipv6_counts_as_one),
        cmocka_unit_test(of_too_many_addresses_the_oldest_is_forgotten),
        cmocka_unit_test(a_token_is_compared_whole),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
