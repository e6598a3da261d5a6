/*
 * progress: where there is no terminal it writes plain lines, and not too many; a terminal gets a
 * block that fits its window and is gone when cleared. The terminal is a pseudo-terminal whose
 * output is read back.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <fcntl.h>
#include <pty.h>
#include <termios.h>
#include <unistd.h>

#include "fake_live.h"
#include "pelt/clock.h"
#include "pelt/progress.h"

struct screen {
    int master;
    FILE *out;
};

static void screen_open(struct screen *s, unsigned short columns)
{
    struct winsize size = {.ws_col = columns, .ws_row = 24};
    int slave;
    setenv("TERM", "xterm", 1);
    assert_int_equal(openpty(&s->master, &slave, NULL, NULL, &size), 0);
    fcntl(s->master, F_SETFL, O_NONBLOCK);
    s->out = fdopen(slave, "w");
    assert_non_null(s->out);
}

/* What was written since the last call. */
static void screen_read(struct screen *s, char *out, size_t size)
{
    ssize_t len, used = 0;
    while ((len = read(s->master, out + used, size - 1 - (size_t)used)) > 0) {
        used += len;
    }
    out[used] = '\0';
}

static void screen_close(struct screen *s)
{
    fclose(s->out);
    if (s->master >= 0) {
        close(s->master);
    }
}

static uint64_t now_ns;

static uint64_t fake_clock_ns(void)
{
    return now_ns;
}

/* A display on `out` whose clock stands at 1 s. */
static struct pelt_progress *display(FILE *out)
{
    now_ns = PELT_NS_PER_S;
    struct pelt_progress *p =
        pelt_progress_new(&(struct pelt_progress_options){.out = out, .clock_ns = fake_clock_ns});
    assert_non_null(p);
    return p;
}

static void elsewhere_there_is_a_plain_line_each_ten_seconds(void **state)
{
    static const char line[] =
        "chat-burst: 12s, 18s left; users 198, 1000 requests/s, 10000 in all, p50 10ms, "
        "p95 10ms, p99 10ms, errors 0 (0.00%)\n";
    struct fake_live f;
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    struct pelt_progress *p = display(out);
    fake_live_init(&f, PELT_LOOP_CLOSED, 1000);
    for (int half_seconds = 0; half_seconds < 59; half_seconds++) {
        pelt_progress_update(p, &f.live);
        now_ns += PELT_NS_PER_S / 2;
    }
    pelt_progress_clear(p);
    pelt_progress_free(p);
    fclose(out);
    assert_int_equal(size, 2 * (sizeof line - 1));
    assert_string_equal(text + sizeof line - 1, line);
    free(text);
    fake_live_deinit(&f);
}

static void a_terminal_gets_a_block_that_fits_its_window(void **state)
{
    static const unsigned short widths[] = {40, 80, 120};
    for (size_t i = 0; i < sizeof widths / sizeof widths[0]; i++) {
        struct fake_live f;
        struct screen s;
        char text[8192];
        int lines = 0;
        screen_open(&s, widths[i]);
        fake_live_init(&f, PELT_LOOP_CLOSED, 1000);
        struct pelt_progress *p = display(s.out);
        pelt_progress_update(p, &f.live);
        screen_read(&s, text, sizeof text);
        for (char *rest = text, *line; (line = strsep(&rest, "\n")) != NULL && rest != NULL;
             lines++) {
            assert_in_range(strcspn(line, "\r"), 1, widths[i]);
            assert_null(strchr(line, '\033'));
        }
        assert_int_equal(lines, 6);
        pelt_progress_free(p);
        fake_live_deinit(&f);
        screen_close(&s);
    }
}

static void the_block_is_redrawn_at_most_twice_a_second(void **state)
{
    struct fake_live f;
    struct screen s;
    char text[8192];
    screen_open(&s, 80);
    fake_live_init(&f, PELT_LOOP_CLOSED, 1000);
    struct pelt_progress *p = display(s.out);
    pelt_progress_update(p, &f.live);
    screen_read(&s, text, sizeof text);
    now_ns += PELT_NS_PER_S / 2 - 1;
    pelt_progress_update(p, &f.live);
    screen_read(&s, text, sizeof text);
    assert_string_equal(text, "");
    now_ns += 1;
    pelt_progress_update(p, &f.live);
    screen_read(&s, text, sizeof text);
    assert_ptr_equal(strstr(text, "\033[6A\r\033[J"), text);
    pelt_progress_free(p);
    fake_live_deinit(&f);
    screen_close(&s);
}

/* The window shrinks to half after the block was drawn: its lines may have been wrapped, or cut,
 * and what is above the rows that were drawn may be somebody else's. */
static void clearing_after_a_resize_takes_no_more_than_was_drawn(void **state)
{
    struct fake_live f;
    struct screen s;
    char text[8192];
    screen_open(&s, 80);
    fake_live_init(&f, PELT_LOOP_CLOSED, 1000);
    struct pelt_progress *p = display(s.out);
    pelt_progress_update(p, &f.live);
    screen_read(&s, text, sizeof text);
    struct winsize size = {.ws_col = 40, .ws_row = 24};
    assert_int_equal(ioctl(s.master, TIOCSWINSZ, &size), 0);
    pelt_progress_clear(p);
    screen_read(&s, text, sizeof text);
    assert_string_equal(text, "\033[6A\r\033[J");
    pelt_progress_clear(p); /* nothing is left to clear */
    screen_read(&s, text, sizeof text);
    assert_string_equal(text, "");
    pelt_progress_free(p);
    fake_live_deinit(&f);
    screen_close(&s);
}

static void a_vanished_terminal_is_let_go(void **state)
{
    struct fake_live f;
    struct screen s;
    screen_open(&s, 80);
    fake_live_init(&f, PELT_LOOP_CLOSED, 1000);
    struct pelt_progress *p = display(s.out);
    close(s.master); /* writes fail with EIO from here on */
    s.master = -1;
    pelt_progress_update(p, &f.live);
    pelt_progress_clear(p);
    pelt_progress_free(p);
    fake_live_deinit(&f);
    screen_close(&s);
}

/* The terminal takes nothing: the block is not drawn, so there is nothing to clear later. */
static void what_is_not_taken_at_once_is_not_drawn(void **state)
{
    struct fake_live f;
    struct screen s;
    char bytes[65536];
    int ends[2];
    assert_int_equal(pipe2(ends, O_NONBLOCK), 0);
    screen_open(&s, 80);
    fake_live_init(&f, PELT_LOOP_CLOSED, 1000);
    struct pelt_outlet *outlet = pelt_outlet_new(ends[1]);
    memset(bytes, '.', sizeof bytes);
    while (pelt_outlet_put(outlet, bytes, sizeof bytes)) {
    }
    now_ns = PELT_NS_PER_S;
    struct pelt_progress *p = pelt_progress_new(
        &(struct pelt_progress_options){.out = s.out, .outlet = outlet, .clock_ns = fake_clock_ns});
    pelt_progress_update(p, &f.live);
    do {
        while (read(ends[0], bytes, sizeof bytes) > 0) {
        }
    } while (!pelt_outlet_flush(outlet, PELT_NS_PER_MS));
    while (read(ends[0], bytes, sizeof bytes) > 0) {
    }
    pelt_progress_clear(p);
    assert_true(pelt_outlet_flush(outlet, PELT_NS_PER_S));
    assert_int_equal(read(ends[0], bytes, sizeof bytes), -1);
    now_ns += PELT_NS_PER_S;
    pelt_progress_update(p, &f.live);
    assert_true(pelt_outlet_flush(outlet, PELT_NS_PER_S));
    assert_true(read(ends[0], bytes, sizeof bytes) > 0);
    pelt_progress_free(p);
    pelt_outlet_free(outlet);
    close(ends[0]);
    close(ends[1]);
    fake_live_deinit(&f);
    screen_close(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_not_taken_at_once_is_not_drawn),
        cmocka_unit_test(elsewhere_there_is_a_plain_line_each_ten_seconds),
        cmocka_unit_test(a_terminal_gets_a_block_that_fits_its_window),
        cmocka_unit_test(the_block_is_redrawn_at_most_twice_a_second),
        cmocka_unit_test(clearing_after_a_resize_takes_no_more_than_was_drawn),
        cmocka_unit_test(a_vanished_terminal_is_let_go),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
