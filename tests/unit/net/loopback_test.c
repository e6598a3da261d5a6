/* loopback: whose Host and Origin are this host's own. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "pelt/loopback.h"

static void hosts_of_the_loopback_are_known(void **state)
{
    static const char *const own[] = {"127.0.0.1",   "127.0.0.1:80",   "127.9.8.7:1",  "[::1]",
                                      "[::1]:65535", "localhost",      "LocalHost:80", "localhost.",
                                      "a.localhost", "a.b.localhost:9"};
    static const char *const others[] = {"",
                                         "127.0.0.1.evil.example",
                                         "10.0.0.1",
                                         "[::2]",
                                         "::1",
                                         "[127.0.0.1]",
                                         "localhost.evil.example",
                                         "evillocalhost",
                                         "0.0.0.0",
                                         "127.0.0.1:80:80",
                                         "127.0.0.1:x",
                                         "[::1",
                                         "[::1]x",
                                         "localhost:80/",
                                         "[::ffff:127.0.0.1]"};
    for (size_t i = 0; i < sizeof own / sizeof *own; i++) {
        if (!pelt_loopback_host(own[i])) {
            fail_msg("%s is refused", own[i]);
        }
    }
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        if (pelt_loopback_host(others[i])) {
            fail_msg("%s is taken", others[i]);
        }
    }
    assert_true(pelt_loopback_host(NULL));
}

static void an_origin_is_own_if_it_is_that_host(void **state)
{
    assert_true(pelt_loopback_origin("http://127.0.0.1:9647", "127.0.0.1:9647"));
    assert_true(pelt_loopback_origin("http://LOCALHOST:1", "localhost:1"));
    assert_false(pelt_loopback_origin("http://127.0.0.1:9648", "127.0.0.1:9647"));
    assert_false(pelt_loopback_origin("null", "127.0.0.1"));
    assert_false(pelt_loopback_origin("http://evil.example", "127.0.0.1"));
    assert_false(pelt_loopback_origin("http://127.0.0.1", NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hosts_of_the_loopback_are_known),
        cmocka_unit_test(an_origin_is_own_if_it_is_that_host),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
