/*
 * cache_lines: splits what a server sends into lines, in any split of the bytes with the same
 * lines. Nothing is allocated: a line that comes whole is told where it lies, one that comes in
 * parts is put together in a buffer of fixed size. A line that is longer is left out and counted.
 *
 * Lines end with LF or CRLF. Storage: the caller's; zeroed but for on_line and arg it is ready.
 */
#ifndef AGENT_CACHE_LINES_H
#define AGENT_CACHE_LINES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pelt/buf.h"

#define CACHE_LINE_MAX 8192 /* bytes */

struct cache_lines {
    void (*on_line)(void *arg, struct pelt_span line); /* without its end; borrowed */
    void *arg;
    uint64_t too_long;             /* lines left out */
    size_t len;                    /* private: of the part */
    bool skipping;                 /* private: up to the next end of a line */
    char part[CACHE_LINE_MAX + 1]; /* and a CR */
};

void cache_lines_reset(struct cache_lines *l); /* for another input */
void cache_lines_feed(struct cache_lines *l, const char *bytes, size_t len);
void cache_lines_end(struct cache_lines *l); /* a last line without an end is told */

#endif
