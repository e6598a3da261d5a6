/*
 * stdout: where results go. A reader that has gone is no failure; a disk that is full is.
 */
#ifndef CLI_STDOUT_H
#define CLI_STDOUT_H

#include <stdbool.h>
#include <stddef.h>

/* True: stdout is a pipe whose reader has gone, or a terminal that has vanished. */
bool cli_stdout_gone(void);
/* Forgets what could not be written, which has been told already. */
void cli_stdout_drop(void);
/* Flushes. `code` unless that, or an earlier write, failed for another reason than a gone reader:
 * then a line on stderr, and what cli_exit_merge() makes of `code` and 1. */
int cli_stdout_finish(int code);
/* Prints what a server or a script said: control characters but tab, and bytes that are no UTF-8,
 * show as '.'. */
void cli_stdout_clean(const char *text, size_t len);
/* Columns for the summary: the terminal's width, 80 where stdout is none. */
int cli_stdout_columns(void);
/* True: neither --no-color (as `no_color`) nor NO_COLOR nor TERM=dumb speaks against colours. */
bool cli_color_welcome(bool no_color);
/* The same for stdout, which must be a terminal, too. */
bool cli_stdout_color(bool no_color);

#endif
