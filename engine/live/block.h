/*
 * block: the figures as lines of text that fit a width. Pure; ASCII only but for the run's name.
 */
#ifndef LIVE_BLOCK_H
#define LIVE_BLOCK_H

#include "figures.h"
#include "pelt/buf.h"

#define LIVE_LINES_MAX 6
#define LIVE_LINE_MAX  512 /* bytes of a line, colour codes included */

struct live_block {
    char line[LIVE_LINES_MAX][LIVE_LINE_MAX];
    int columns[LIVE_LINES_MAX]; /* that each line takes, at most */
    int lines;
};

/* Lines of at most `width` columns each: what does not fit is left out, the least telling first. */
void live_block_make(const struct live_figures *f, const char *name, int width, bool color,
                     struct live_block *out);
/* The same in one line for a log. */
void live_line_make(const struct live_figures *f, const char *name, char *out, size_t size);

#endif
