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

int cli_stdout_finish(int code)
{
    errno = 0;
    bool broken = fflush(stdout) != 0 || ferror(stdout);
    if (!broken || errno == EPIPE || errno == EIO || cli_stdout_gone()) {
        return code;
    }
    struct pelt_error err;
    int failed =
        cli_fail(pelt_fail(&err, PELT_EIO, "cannot write to stdout: %s", strerror(errno)), &err);
    return code != CLI_EXIT_PASSED ? code : failed;
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
