/*
 * stdout: see the header.
 */
#include "stdout.h"

#include <errno.h>
#include <poll.h>
#include <stdio_ext.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "exit_code.h"
#include "pelt/utf8.h"

#define COLUMNS_DEFAULT 80
#define COLUMNS_LEAST   60 /* report_summary() needs them */

bool cli_stdout_gone(void)
{
    struct pollfd p = {.fd = STDOUT_FILENO};
    return poll(&p, 1, 0) > 0 && (p.revents & (POLLERR | POLLHUP)) != 0;
}

void cli_stdout_drop(void)
{
    __fpurge(stdout);
    clearerr(stdout);
}

/* Why an earlier write failed: stdio has kept no cause, so one more byte is tried. 0: it was taken.
 */
static int cause_of_loss(void)
{
    return write(STDOUT_FILENO, "\n", 1) < 0 ? errno : 0;
}

int cli_stdout_finish(int code)
{
    bool failed_before = ferror(stdout) != 0;
    bool fails_now = fflush(stdout) != 0;
    if ((!failed_before && !fails_now) || cli_stdout_gone()) {
        return code;
    }
    int cause = fails_now ? errno : cause_of_loss();
    cli_stdout_drop(); /* told now, and not again */
    if (cause == EPIPE || cause == EIO) {
        return code;
    }
    struct pelt_error err;
    enum pelt_status status = pelt_fail(&err, PELT_EIO, "cannot write to stdout: %s",
                                        cause != 0 ? strerror(cause) : "a part of it is lost");
    return cli_exit_merge(code, cli_fail(status, &err));
}

/* Bytes of the character at `text` that may be shown; 0: a control character, or none of UTF-8. */
static size_t shown_bytes(const char *text, size_t len)
{
    const unsigned char *c = (const unsigned char *)text;
    struct pelt_utf8 utf8 = {0};
    if (*c < 0x80) {
        return *c == '\t' || (*c >= 0x20 && *c != 0x7F) ? 1 : 0;
    }
    for (size_t n = 0; n < len && pelt_utf8_feed(&utf8, text + n, 1); n++) {
        if (pelt_utf8_is_whole(&utf8)) {
            return *c == 0xC2 && c[1] < 0xA0 ? 0 : n + 1; /* C1 controls steer terminals, too */
        }
    }
    return 0;
}

void cli_stdout_clean(const char *text, size_t len)
{
    for (size_t i = 0; i < len;) {
        const size_t n = shown_bytes(text + i, len - i);
        fwrite(n > 0 ? text + i : ".", 1, n > 0 ? n : 1, stdout);
        i += n > 0 ? n : 1;
    }
}

int cli_stdout_columns(void)
{
    struct winsize size;
    if (!isatty(STDOUT_FILENO) || ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 ||
        size.ws_col == 0) {
        return COLUMNS_DEFAULT;
    }
    return size.ws_col < COLUMNS_LEAST ? COLUMNS_LEAST : size.ws_col;
}

bool cli_color_welcome(bool no_color)
{
    const char *refused =
        getenv("NO_COLOR"); /* https://no-color.org: any value that is not empty */
    const char *term = getenv("TERM");
    return !no_color && (refused == NULL || *refused == '\0') &&
           (term == NULL || strcmp(term, "dumb") != 0);
}

bool cli_stdout_color(bool no_color)
{
    return isatty(STDOUT_FILENO) && cli_color_welcome(no_color);
}
