#include "test.h"

#include <string.h>

#include "words.h"

/* The words of all commands, one in [..], commands apart by '/'. */
static void check(const char *text, const char *expected)
{
    struct convert_arena arena = {0};
    struct convert_lines lines;
    struct convert_words words = {0};
    struct pelt_buf out;
    struct pelt_error err;
    pelt_buf_init(&out, 0);
    pelt_buf_add_str(&out, "");
    convert_lines_init(&lines, &arena, pelt_span_of(text));
    enum pelt_status status;
    while ((status = convert_lines_next(&lines, &words, &err)) == PELT_OK) {
        pelt_buf_add_str(&out, out.len > 0 ? "/" : "");
        for (size_t i = 0; i < words.len; i++) {
            pelt_buf_addf(&out, "[%s]", words.at[i]);
        }
    }
    if (status != PELT_EOF) {
        pelt_buf_reset(&out);
        pelt_buf_add_str(&out, err.text);
    }
    assert_string_equal(out.data != NULL ? out.data : "", expected);
    pelt_buf_deinit(&out);
    convert_words_deinit(&words);
    convert_arena_deinit(&arena);
}

static void a_shell_splits_at_blanks_and_joins_quotes(void **state)
{
    check("  curl  a\tb ", "[curl][a][b]");
    check("a'b c'\"d e\"f", "[ab cd ef]");
    check("'' \"\"", "[][]");
    check("\"a\\\"b\\\\c\\d\\$\"", "[a\"b\\c\\d$]");
    check("a\\ b\\'c", "[a b'c]");
    check("", "");
}

static void lines_continue_and_commands_end(void **state)
{
    check("a \\\n b \\\r\n c", "[a][b][c]");
    check("a\nb;c && d || e | f & g", "[a]/[b]/[c]/[d]/[e]/[f]/[g]");
    check("# all of it 'a\na #b\nc#d", "[a]/[c#d]");
    check("a > f b 2>&1 < g", "[a][b]");
    check("a &> f", "[a]");
}

static void ansi_quotes_have_escapes(void **state)
{
    check("$'it\\'s\\n\\t\\x41\\101\\u00e9\\U0001F600\\q\\\\'",
          "[it's\n\tAA\xc3\xa9\xf0\x9f\x98\x80\\q\\]");
    check("$\"a\" $", "[a][$]");
}

static void what_is_never_closed_names_its_line(void **state)
{
    check("a\n'b",
          "line 2: a quote ' is opened and never closed: is the end of the command missing?");
    check("\"b",
          "line 1: a quote \" is opened and never closed: is the end of the command missing?");
    check("$'b\\",
          "line 1: a quote $' is opened and never closed: is the end of the command missing?");
    check("curl -d @- <<EOF\n{}\nEOF",
          "line 1: << is not read: put the text into a file and give curl -d @FILE");
}

static void cmd_has_carets_and_backslashes(void **state)
{
    check("curl ^\"http://a/?b^&c=^%^20^\" ^\r\n  -H ^\"x: it's^\"",
          "[curl][http://a/?b&c=%20][-H][x: it's]");
    check("curl \"a b\" ^\n \"{\\\"a\\\": \"\"x\"\"}\"", "[curl][a b][{\"a\": \"x\"}]");
    check("a ^\n ^\"c:\\d\\\\^\" e & f", "[a][c:\\d\\][e]/[f]");
    check("a ^\"x^\n\ny^\"", "[a][x\ny]");
}

static void what_a_shell_would_expand_is_remembered(void **state)
{
    struct convert_arena arena = {0};
    struct convert_lines lines;
    struct convert_words words = {0};
    convert_lines_init(&lines, &arena, pelt_span_of("curl '$no' \"a ${TOKEN} $B\" >out"));
    assert_int_equal(convert_lines_next(&lines, &words, NULL), PELT_OK);
    assert_string_equal(words.variable, "${TOKEN}");
    assert_string_equal(words.redirect, "out");
    assert_string_equal(words.at[2], "a ${TOKEN} $B");
    convert_words_deinit(&words);
    convert_arena_deinit(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_shell_splits_at_blanks_and_joins_quotes),
        cmocka_unit_test(lines_continue_and_commands_end),
        cmocka_unit_test(ansi_quotes_have_escapes),
        cmocka_unit_test(what_is_never_closed_names_its_line),
        cmocka_unit_test(cmd_has_carets_and_backslashes),
        cmocka_unit_test(what_a_shell_would_expand_is_remembered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
