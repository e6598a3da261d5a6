/*
 * ws_outcome: reads all that a server sent over a WebSocket and puts down in words what came of it,
 * a line an event, so that two ways of feeding, or a reader and an expectation, can be compared as
 * text:
 *
 *   text "..." 2 frames            ping "..."
 *   binary "..." 1 frame, deflate  close 1000 "..."
 *   failed 1002 ...                mid-message
 */
#ifndef TEST_WS_OUTCOME_H
#define TEST_WS_OUTCOME_H

#include "pelt/ws_reader.h"

#define WS_WHOLE  0        /* all bytes in one feed */
#define WS_SINGLY SIZE_MAX /* a byte a feed */

struct ws_wire {
    size_t message_max; /* 0: 1 MiB */
    struct pelt_ws_deflate_terms terms;
};

/* Feeds all bytes; `split`: WS_WHOLE, WS_SINGLY, or the length of the first of two feeds. Appends
 * to `text`. */
void ws_outcome_of(const struct ws_wire *wire, struct pelt_span bytes, size_t split,
                   struct pelt_buf *text);
/* Asserts that every way of feeding has the outcome of the whole, and gives that. */
void ws_outcome_of_every_split(const struct ws_wire *wire, struct pelt_span bytes,
                               struct pelt_buf *text);
/* The bytes of "81 02 6869"; blanks are skipped. */
struct pelt_buf ws_bytes_of(const char *hex);

#endif
