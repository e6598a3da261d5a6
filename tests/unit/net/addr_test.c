/*
 * addr: literals and their text.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "pelt/addr.h"

static void check_literal(const char *host, uint16_t port, const char *expected)
{
    struct pelt_addr addr;
    char text[64];
    assert_true(pelt_addr_literal(host, port, &addr));
    pelt_addr_format(&addr, text, sizeof(text));
    assert_string_equal(text, expected);
}

static void literals_come_back_as_text(void **state)
{
    check_literal("127.0.0.1", 80, "127.0.0.1:80");
    check_literal("::1", 8080, "[::1]:8080");
    check_literal("2001:DB8:0:0::1", 65535, "[2001:db8::1]:65535");
    check_literal("::ffff:1.2.3.4", 1, "[::ffff:1.2.3.4]:1");
}

static void names_are_no_literals(void **state)
{
    static const char *const names[] = {"localhost", "",          "127.1",      "1.2.3.4.5",
                                        "[::1]",     "256.1.1.1", "1.2.3.4:80", "0x7f.0.0.1"};
    struct pelt_addr addr;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        assert_false(pelt_addr_literal(names[i], 80, &addr));
    }
}

static void a_port_can_be_set_again(void **state)
{
    struct pelt_addr addr;
    char text[64];
    assert_true(pelt_addr_literal("::1", 1, &addr));
    pelt_addr_set_port(&addr, 2);
    pelt_addr_format(&addr, text, sizeof(text));
    assert_string_equal(text, "[::1]:2");
}

static void text_is_cut_at_the_buffers_size(void **state)
{
    struct pelt_addr addr;
    char text[8];
    assert_true(pelt_addr_literal("127.0.0.1", 80, &addr));
    pelt_addr_format(&addr, text, sizeof(text));
    assert_string_equal(text, "127.0.0");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(literals_come_back_as_text),
        cmocka_unit_test(names_are_no_literals),
        cmocka_unit_test(a_port_can_be_set_again),
        cmocka_unit_test(text_is_cut_at_the_buffers_size),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
