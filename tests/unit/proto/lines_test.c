/* Lines from bytes, in every split. */
#include "test.h"

#include <stdlib.h>
#include <string.h>

#include "pelt/lines.h"

static enum pelt_status on_line(void *arg, struct pelt_span line)
{
    pelt_buf_addf(arg, "<%.*s>", (int)line.len, line.ptr);
    return PELT_OK;
}

static enum pelt_status read_lines(const char *text, size_t first, size_t step, bool bare_cr,
                                   struct pelt_buf *out)
{
    struct pelt_lines l = {.on_line = on_line, .arg = out, .max = 8, .bare_cr = bare_cr};
    enum pelt_status status = PELT_OK;
    const size_t len = strlen(text);
    for (size_t at = 0, n = first; status == PELT_OK && at < len; at += n, n = step) {
        n = n < len - at ? n : len - at;
        char *piece = malloc(n);
        memcpy(piece, text + at, n);
        status = pelt_lines_feed(&l, piece, n);
        free(piece);
    }
    status = status == PELT_OK ? pelt_lines_end(&l) : status;
    pelt_lines_deinit(&l);
    return status;
}

static void expect(const char *text, bool bare_cr, enum pelt_status status, const char *lines)
{
    for (size_t first = 1; first <= strlen(text); first++) {
        for (size_t step = 1; step <= strlen(text); step++) {
            struct pelt_buf got = {0};
            assert_int_equal(read_lines(text, first, step, bare_cr, &got), status);
            assert_string_equal(got.len > 0 ? got.data : "", lines);
            pelt_buf_deinit(&got);
        }
    }
}

static void lines_are_the_same_in_every_split(void **state)
{
    expect("ab\ncd\r\n\nef", false, PELT_OK, "<ab><cd><><ef>");
    expect("a\rb\n", false, PELT_OK, "<a\rb>");
    expect("\n\r\n\n", false, PELT_OK, "<><><>");
    expect("ab\n", false, PELT_OK, "<ab>");
}

static void a_cr_alone_ends_lines_of_event_streams(void **state)
{
    expect("a\rb\r\nc\n\rd", true, PELT_OK, "<a><b><c><><d>");
    expect("\r\r\n\r", true, PELT_OK, "<><><>");
    expect("a\r\r\rb\rc\nd", true, PELT_OK, "<a><><><b><c><d>");
}

static void a_line_too_long_is_refused(void **state)
{
    expect("12345678\n", false, PELT_OK, "<12345678>");
    expect("ab\n123456789\ncd\n", false, PELT_ELIMIT, "<ab>");
    expect("123456789", false, PELT_ELIMIT, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_are_the_same_in_every_split),
        cmocka_unit_test(a_cr_alone_ends_lines_of_event_streams),
        cmocka_unit_test(a_line_too_long_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
