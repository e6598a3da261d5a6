/* address: where people say that the live page shall listen. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <string.h>

#include "address.h"
#include "pelt/web.h"

static void addresses_of_the_loopback_are_taken(void **state)
{
    static const struct {
        const char *text, *is;
    } cases[] = {{"", "127.0.0.1:9647"},          {"9000", "127.0.0.1:9000"},
                 {":9000", "127.0.0.1:9000"},     {"0", "127.0.0.1:0"},
                 {"127.0.0.1", "127.0.0.1:9647"}, {"127.0.0.2:80", "127.0.0.2:80"},
                 {"[::1]:80", "[::1]:80"},        {"[::1]", "[::1]:9647"},
                 {"localhost:80", "127.0.0.1:80"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct pelt_addr addr;
        struct pelt_error err = {{0}};
        char is[64];
        if (live_address_parse(cases[i].text, &addr, &err) != PELT_OK) {
            fail_msg("\"%s\": %s", cases[i].text, err.text);
        }
        pelt_addr_format(&addr, is, sizeof is);
        assert_string_equal(is, cases[i].is);
    }
}

static void others_are_refused(void **state)
{
    static const char *const cases[] = {"0.0.0.0", "0.0.0.0:80", "10.0.0.1:80",
                                        "[::]:80", "::1",        "example.com:80",
                                        "foo",     "127.0.0.1:", "127.0.0.1:x",
                                        "[::1",    "[::1]80",    "127.0.0.1:65536",
                                        "99999",   "127.0.0.1/", ":"};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct pelt_addr addr;
        struct pelt_error err = {{0}};
        if (live_address_parse(cases[i], &addr, &err) != PELT_EINVAL) {
            fail_msg("\"%s\" is taken", cases[i]);
        }
        assert_true(err.text[0] != '\0');
    }
}

static void an_address_is_told_from_an_operand(void **state)
{
    static const char *const are[] = {"9647",       ":9647",         "127.0.0.1:9647",
                                      "127.0.0.1",  "[::1]:80",      "localhost:80",
                                      "0.0.0.0:80", "example.com:80"};
    static const char *const are_not[] = {
        "chat.lua", "http://127.0.0.1:80/", "./9647", "http://a", "localhost", "a/b:80", "x", ""};
    for (size_t i = 0; i < sizeof are / sizeof *are; i++) {
        if (!pelt_web_is_address(are[i])) {
            fail_msg("\"%s\" is no address", are[i]);
        }
    }
    for (size_t i = 0; i < sizeof are_not / sizeof *are_not; i++) {
        if (pelt_web_is_address(are_not[i])) {
            fail_msg("\"%s\" is an address", are_not[i]);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_of_the_loopback_are_taken),
        cmocka_unit_test(others_are_refused),
        cmocka_unit_test(an_address_is_told_from_an_operand),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
