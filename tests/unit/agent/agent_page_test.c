/* Pages: JSON and labels of whatever text there is, and an end that is noticed. */
#include "test.h"

#include <math.h>

#include "written.h"

static void numbers_are_exact_where_they_are_whole(void **state)
{
    PAGE(p);

    page_number(&p, 9007199254740991.0);
    page_add(&p, " ");
    page_number(&p, -3);
    page_add(&p, " ");
    page_number(&p, 0.25);
    page_add(&p, " ");
    page_number(&p, 1e300);
    page_add(&p, " ");
    page_number(&p, NAN);
    page_add(&p, " ");
    page_number(&p, -INFINITY);
    page_add(&p, " ");
    page_uint(&p, UINT64_MAX);
    assert_string_equal(written(&p),
                        "9007199254740991 -3 0.25 1e+300 null null 9223372036854775807");
}

static void any_text_is_a_json_string(void **state)
{
    static const struct {
        const char *text, *json;
    } cases[] = {
        {"", "\"\""},
        {"a\"b\\c", "\"a\\\"b\\\\c\""},
        {"\n\t\x01", "\"\\n\\u0009\\u0001\""},
        {"gr\xC3\xBC\xC3\x9F \xF0\x9F\x98\x80", "\"gr\xC3\xBC\xC3\x9F \xF0\x9F\x98\x80\""},
        {"\xFF|\xC0\xAF|\xED\xA0\x80|\xC3", "\"\xEF\xBF\xBD|\xEF\xBF\xBD\xEF\xBF\xBD|"
                                            "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD|\xEF\xBF\xBD\""},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        PAGE(p);

        page_json(&p, cases[i].text);
        assert_string_equal(written(&p), cases[i].json);
    }
}

static void labels_escape_what_openmetrics_does_and_no_more(void **state)
{
    PAGE(p);

    page_label(&p, "a\"b\\c\nd\te");
    assert_string_equal(written(&p), "\"a\\\"b\\\\c\\nd\te\"");
}

static void what_does_not_fit_marks_the_page(void **state)
{
    char bytes[8];
    struct page p = {.bytes = bytes, .size = sizeof bytes};

    page_add(&p, "1234567");
    assert_false(p.full);
    page_add(&p, "89");
    assert_true(p.full);
    page_add(&p, "8"); /* would fit, but the text is not whole any more */
    assert_int_equal(p.len, 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_exact_where_they_are_whole),
        cmocka_unit_test(any_text_is_a_json_string),
        cmocka_unit_test(labels_escape_what_openmetrics_does_and_no_more),
        cmocka_unit_test(what_does_not_fit_marks_the_page),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
