/*
 * command_line: what was typed can be typed again, but for secrets.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "command_line.h"

static void assert_line(int argc, const char *const *argv, const char *expected)
{
    char *line = cli_command_line(argc, (char *const *)argv);
    assert_string_equal(line, expected);
    free(line);
}

static void words_are_quoted_for_a_shell(void **state)
{
    const char *argv[] = {"run", "my chat.lua", "-d", "10s", "--threshold", "p99 < 1s", "it's", ""};
    assert_line(8, argv, "pelt run 'my chat.lua' -d 10s --threshold 'p99 < 1s' 'it'\\''s' ''");
}

static void secrets_are_masked(void **state)
{
    const char *argv[] = {
        "run",          "-H",           "Authorization: Bearer abc", "--header=Cookie: a=b",
        "TOKEN=secret", "X-Api-Key: 1", "http://h/?a=1&token=abc",   "--out=json=tokens.json"};
    assert_line(8, argv,
                "pelt run -H 'Authorization:***' '--header=Cookie:***' 'TOKEN=***' 'X-Api-Key:***' "
                "'http://h/?a=1&token=***' --out=json=tokens.json");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_are_quoted_for_a_shell),
        cmocka_unit_test(secrets_are_masked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
