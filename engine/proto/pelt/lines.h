/*
 * lines: splits bytes into lines, in any split of the input with the same lines. A line that comes
 * whole is told where it lies; only one that comes in parts is put together in a buffer.
 *
 * Lines end with LF or CRLF; of event streams also with CR alone (`bare_cr`).
 *
 * Storage: the caller's; the buffer grows to the longest line that came in parts and is reused. A
 * zeroed struct is ready but for `max` and on_line. Thread: the owner's.
 */
#ifndef PELT_LINES_H
#define PELT_LINES_H

#include <stdbool.h>

#include "pelt/buf.h"

/* Without its end. Borrowed until it returns. Not PELT_OK: the feed ends with that answer. */
typedef enum pelt_status (*pelt_line_fn)(void *arg, struct pelt_span line);

struct pelt_lines {
    pelt_line_fn on_line;
    void *arg;
    size_t max; /* bytes of a line; a longer one is refused */
    bool bare_cr;
    bool after_cr; /* private: the last byte was a CR that ended a line */
    struct pelt_buf part;
};

void pelt_lines_reset(struct pelt_lines *l); /* for another input; the buffer is kept */
void pelt_lines_deinit(struct pelt_lines *l);
/* PELT_ELIMIT: a line longer than max. PELT_ENOMEM. What on_line answered. After any of these only
 * reset or deinit. */
PELT_MUST_USE enum pelt_status pelt_lines_feed(struct pelt_lines *l, const char *bytes, size_t len);
/* The input has ended: a last line without an end is told, if it has bytes. */
PELT_MUST_USE enum pelt_status pelt_lines_end(struct pelt_lines *l);

#endif
