/*
 * lines: whole lines collected and written to a file that several loops share.
 *
 * Each loop has a buffer of its own on one file opened with O_APPEND; only whole lines are written,
 * so loops need no lock, and the file is ordered by time within a loop only. Writes happen when the
 * buffer is full, after a second, and at the end.
 *
 * Thread: the owning loop's.   A file that cannot be written is noted once in `failed_errno`.
 */
#ifndef TARGET_LINES_H
#define TARGET_LINES_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"

#define TARGET_LINE_BYTES 768 /* no line is longer: names and numbers are bounded */

struct target_lines {
    int fd; /* borrowed; -1: off, and every call does nothing */
    char *buffer;
    size_t used_bytes;
    uint64_t flush_due_ns; /* UINT64_MAX: nothing to write */
    int failed_errno;      /* 0: all was written */
};

/* False: no memory. deinit writes what is left and may follow a failed init. */
TARGET_MUST_USE bool target_lines_init(struct target_lines *lines, int fd);
void target_lines_deinit(struct target_lines *lines);

/* Adds one line, its end included. A line that would be too long is left out (a bug). */
void target_lines_add(struct target_lines *lines, uint64_t now_ns, const char *fmt, ...)
    TARGET_PRINTF(3, 4);

/* Writes if a second has passed since the oldest unwritten line. */
void target_lines_tick(struct target_lines *lines, uint64_t now_ns);

#endif
