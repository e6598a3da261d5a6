/* Lines from bytes, in every split, with what is too long left out. */
#include "test.h"

#include <stdlib.h>
#include <string.h>

#include "cache_lines.h"

static struct cache_lines lines; /* large: not on the stack */
static struct pelt_buf got;

static void on_line(void *arg, struct pelt_span line)
{
    if (line.len < 20) {
        pelt_buf_addf(&got, "<%.*s>", (int)line.len, line.ptr);
    } else {
        pelt_buf_addf(&got, "<%zu>", line.len);
    }
}

static void read_lines(const char *text, size_t len, size_t step)
{
    pelt_buf_reset(&got);
    lines = (struct cache_lines){.on_line = on_line};
    for (size_t at = 0; at < len; at += step) {
        cache_lines_feed(&lines, text + at, step < len - at ? step : len - at);
    }
    cache_lines_end(&lines);
}

static void lines_are_the_same_in_every_split(void **state)
{
    const char *text = "ab\ncd\r\n\nef\r\rg\n\r\nlast";

    for (size_t step = 1; step <= strlen(text); step++) {
        read_lines(text, strlen(text), step);
        assert_string_equal(got.data, "<ab><cd><><ef\r\rg><><last>");
    }
}

static void too_long_a_line_is_left_out(void **state)
{
    static char text[5 * CACHE_LINE_MAX];
    size_t len = 0;

    text[len++] = 'a';
    text[len++] = '\n';
    memset(text + len, 'x', CACHE_LINE_MAX + 1);
    len += CACHE_LINE_MAX + 1;
    text[len++] = '\n';
    memset(text + len, 'z', 2 * CACHE_LINE_MAX);
    len += 2 * CACHE_LINE_MAX;
    text[len++] = '\n';
    memset(text + len, 'y', CACHE_LINE_MAX);
    len += CACHE_LINE_MAX;
    memcpy(text + len, "\r\nb\n", 4);
    len += 4;
    const size_t steps[] = {1, 7, 4096, CACHE_LINE_MAX + 2, len};
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        read_lines(text, len, steps[i]);
        assert_string_equal(got.data, "<a><8192><b>");
        assert_int_equal(lines.too_long, 2);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_are_the_same_in_every_split),
        cmocka_unit_test(too_long_a_line_is_left_out),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    pelt_buf_deinit(&got);
    return failed;
}
