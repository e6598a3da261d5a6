/* Fields and rows of CSV text, RFC 4180 and what is taken besides. */
#include "test.h"

#include <stdio.h>
#include <string.h>

#include "csv.h"

/* All fields as "<field>" and each row's end as "/", with its line before it. */
static const char *parse(const char *text, char separator)
{
    static char out[1024];
    struct pelt_csv csv = {
        .at = text, .end = text + strlen(text), .line = 1, .separator = separator};
    size_t len = 0;
    out[0] = '\0';
    while (pelt_csv_next_row(&csv)) {
        enum pelt_csv_answer answer;
        len += (size_t)snprintf(out + len, sizeof out - len, "%llu", (unsigned long long)csv.line);
        do {
            struct pelt_csv_field field;
            answer = pelt_csv_next_field(&csv, &field);
            if (answer == PELT_CSV_UNCLOSED || answer == PELT_CSV_TAIL) {
                return answer == PELT_CSV_UNCLOSED ? "unclosed" : "tail";
            }
            out[len++] = '<';
            len += pelt_csv_copy(&field, out + len);
            out[len++] = '>';
        } while (answer == PELT_CSV_MORE);
        out[len++] = '/';
    }
    out[len] = '\0';
    return out;
}

static void rows_end_with_lf_or_crlf_or_the_text(void **state)
{
    assert_string_equal(parse("a,b\n1,2\n", ','), "1<a><b>/2<1><2>/");
    assert_string_equal(parse("a,b\r\n1,2\r\n", ','), "1<a><b>/2<1><2>/");
    assert_string_equal(parse("a,b\n1,2", ','), "1<a><b>/2<1><2>/");
    assert_string_equal(parse("a\r", ','), "1<a>/");
    assert_string_equal(parse("", ','), "");
}

static void empty_fields_count_and_empty_lines_do_not(void **state)
{
    assert_string_equal(parse(",\n,,\n", ','), "1<><>/2<><><>/");
    assert_string_equal(parse("a,", ','), "1<a><>/");
    assert_string_equal(parse("\n\r\na\n\n\nb\n\n", ','), "3<a>/6<b>/");
    assert_string_equal(parse("\"\"\n", ','), "1<>/");
    assert_string_equal(parse(" \n", ','), "1< >/");
}

static void quotes_hold_separators_line_ends_and_doubled_quotes(void **state)
{
    assert_string_equal(parse("\"a,b\",c\n", ','), "1<a,b><c>/");
    assert_string_equal(parse("\"a\nb\r\nc\",d\ne,f\n", ','), "1<a\nb\r\nc><d>/4<e><f>/");
    assert_string_equal(parse("\"say \"\"hi\"\"\"\n", ','), "1<say \"hi\">/");
    assert_string_equal(parse("\"\"\"\"", ','), "1<\">/");
    assert_string_equal(parse("\"a\"", ','), "1<a>/");
}

static void quote_inside_an_unquoted_field_is_text(void **state)
{
    assert_string_equal(parse("5\" pipe,x\n", ','), "1<5\" pipe><x>/");
    assert_string_equal(parse(" \"a\"\n", ','), "1< \"a\">/");
}

static void quotes_that_do_not_fit_are_told(void **state)
{
    assert_string_equal(parse("\"a\n", ','), "unclosed");
    assert_string_equal(parse("\"a\"\"", ','), "unclosed");
    assert_string_equal(parse("\"a\"b,c\n", ','), "tail");
    assert_string_equal(parse("\"a\"\r", ','), "tail");
}

static void separator_can_be_another(void **state)
{
    assert_string_equal(parse("a;b,c\n", ';'), "1<a><b,c>/");
    assert_string_equal(parse("a\tb\n", '\t'), "1<a><b>/");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_end_with_lf_or_crlf_or_the_text),
        cmocka_unit_test(empty_fields_count_and_empty_lines_do_not),
        cmocka_unit_test(quotes_hold_separators_line_ends_and_doubled_quotes),
        cmocka_unit_test(quote_inside_an_unquoted_field_is_text),
        cmocka_unit_test(quotes_that_do_not_fit_are_told),
        cmocka_unit_test(separator_can_be_another),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
