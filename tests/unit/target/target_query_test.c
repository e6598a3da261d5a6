/* query: what counts as the same query, and what is none. */
#include "test.h"

#include <string.h>

#include "query.h"

static void assert_normal(const char *text, const char *expected)
{
    char query[TARGET_QUERY_BYTES];

    assert_true(target_query_normalise(text, query));
    assert_string_equal(query, expected);
}

static void case_and_blanks_make_no_difference(void **state)
{
    assert_normal("foo bar", "foo bar");
    assert_normal("Foo  BAR", "foo bar");
    assert_normal("\t foo\r\n bar \x01", "foo bar");
    assert_normal("x", "x");
    assert_normal("\xc3\x84pfel und Birnen!", "\xc3\x84pfel und birnen!");
}

static void nothing_and_too_much_are_no_query(void **state)
{
    char query[TARGET_QUERY_BYTES], text[TARGET_QUERY_BYTES + 2];

    assert_false(target_query_normalise("", query));
    assert_false(target_query_normalise(" \t ", query));
    memset(text, 'a', sizeof text);
    text[TARGET_QUERY_BYTES] = '\0';
    assert_false(target_query_normalise(text, query));
    text[TARGET_QUERY_BYTES - 1] = '\0';
    assert_true(target_query_normalise(text, query));
    assert_int_equal(strlen(query), TARGET_QUERY_BYTES - 1);
    text[TARGET_QUERY_BYTES - 2] = ' ';
    text[TARGET_QUERY_BYTES - 1] = 'b';
    text[TARGET_QUERY_BYTES] = '\0';
    assert_false(target_query_normalise(text, query));
}

static void provider_and_type_belong_to_the_key(void **state)
{
    struct target_query query;
    struct target_error err;
    char key[TARGET_QUERY_KEY_BYTES], group[TARGET_QUERY_GROUP_BYTES];

    assert_true(target_query_read(&query, NULL, NULL, "Foo  BAR", &err));
    target_query_key(&query, key);
    target_query_group(&query, group);
    assert_string_equal(key, "web|text|foo bar");
    assert_string_equal(group, "web|text");
    assert_true(target_query_read(&query, "news", "image", "a|b", &err));
    target_query_key(&query, key);
    assert_string_equal(key, "news|image|a|b");
    assert_false(target_query_read(&query, "a|b", NULL, "x", &err));
    assert_false(target_query_read(&query, "a,b", NULL, "x", &err));
    assert_false(target_query_read(&query, "", NULL, "x", &err));
    assert_false(target_query_read(&query, NULL, "a b", "x", &err));
    assert_non_null(strstr(err.text, "provider and type"));
    assert_false(target_query_read(&query, NULL, NULL, NULL, &err));
    assert_non_null(strstr(err.text, "q is what to search for"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(case_and_blanks_make_no_difference),
        cmocka_unit_test(nothing_and_too_much_are_no_query),
        cmocka_unit_test(provider_and_type_belong_to_the_key),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
