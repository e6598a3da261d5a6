/* names: what a list of names has in it, and what it must not have. */
#include "test.h"

#include "names.h"

static void assert_names(const char *list, const char *expected)
{
    char name[TARGET_NAME_BYTES], all[400] = "";

    while (target_names_next(&list, name)) {
        size_t length = strlen(all);

        snprintf(all + length, sizeof all - length, "%s;", name);
    }
    assert_string_equal(all, expected);
}

static void names_stand_between_commas(void **state)
{
    assert_names("", "");
    assert_names("a", "a;");
    assert_names("Accept-Language,X-Tenant", "Accept-Language;X-Tenant;");
    assert_names(" a ,\tb\t, c:d/e_f.g ", "a;b;c:d/e_f.g;");
}

static void what_is_no_name_is_left_out(void **state)
{
    char long_one[TARGET_NAME_BYTES + 2];

    memset(long_one, 'x', sizeof long_one - 1);
    long_one[sizeof long_one - 1] = '\0';
    assert_names(",,a,, b c ,\"d\", ,e,", "a;e;");
    assert_names(long_one, "");
    assert_true(target_names_are_good(long_one + 2));
    assert_false(target_names_are_good(long_one + 1));
}

static void good_lists_have_nothing_else(void **state)
{
    assert_true(target_names_are_good(""));
    assert_true(target_names_are_good("a"));
    assert_true(target_names_are_good("a, b"));
    assert_false(target_names_are_good(","));
    assert_false(target_names_are_good("a,,b"));
    assert_false(target_names_are_good("a b"));
    assert_false(target_names_are_good("a\"b"));
    assert_false(target_names_are_good("a, \xc3\xa4"));
    assert_false(target_names_are_good(" "));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_stand_between_commas),
        cmocka_unit_test(what_is_no_name_is_left_out),
        cmocka_unit_test(good_lists_have_nothing_else),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
