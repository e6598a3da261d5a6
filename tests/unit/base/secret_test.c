/* secret: what is masked of texts that people see. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <string.h>

#include "pelt/secret.h"

static void expect(const char *text, const char *shown)
{
    char out[80];
    pelt_secret_mask(text, out, sizeof out);
    assert_string_equal(out, shown);
}

static void what_is_behind_a_word_of_secrets_is_masked(void **state)
{
    expect("http://h/work?token=abc", "http://h/work?token=***");
    expect("Authorization: Bearer x", "Authorization:***");
    expect("http://h/?a=1&API_KEY=x&password=y", "http://h/?a=1&API_KEY=***");
    expect("x-api-key:", "x-api-key:");
    expect("http://me:mine@proxy:3128/", "http://***");
}

static void what_has_none_stays(void **state)
{
    expect("", "");
    expect("http://h/tokens", "http://h/tokens");
    expect("http://token.example:80/work", "http://token.example:80/work");
    expect("http://h:80/secret/a", "http://h:80/secret/a");
}

static void it_is_cut_at_the_size(void **state)
{
    char out[8];
    pelt_secret_mask("token=abcdef", out, sizeof out);
    assert_string_equal(out, "token=*");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_behind_a_word_of_secrets_is_masked),
        cmocka_unit_test(what_has_none_stays),
        cmocka_unit_test(it_is_cut_at_the_size),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
