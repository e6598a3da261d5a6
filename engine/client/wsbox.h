/*
 * wsbox: the messages of one WebSocket that came and were not taken yet, in the order in which they
 * came, in one piece of memory. Any of them can be taken; what was taken is passed over, and its
 * room is free again once all before it were taken, too.
 *
 * Storage: the struct is the caller's; memory from the first message on, kept up to
 * PELT_WSBOX_KEPT_BYTES while it is empty. Thread: the connection's.
 */
#ifndef PELT_WSBOX_H
#define PELT_WSBOX_H

#include <stdbool.h>
#include <stdint.h>

#include "pelt/buf.h"

#define PELT_WSBOX_KEPT_BYTES 4096

struct pelt_wsbox {
    struct pelt_buf buf;
    size_t first;   /* where the oldest message lies; buf.len: there is none */
    size_t bytes;   /* that messages not taken occupy */
    uint32_t count; /* of them */
};

struct pelt_wsbox_message {
    struct pelt_span data; /* borrowed until the next add */
    uint64_t came_ns;
    bool binary;
};

void pelt_wsbox_deinit(struct pelt_wsbox *box); /* accepts a zeroed one; it is empty then */

/* Copies. False: out of memory. */
PELT_MUST_USE bool pelt_wsbox_add(struct pelt_wsbox *box, struct pelt_span data, bool binary,
                                  uint64_t came_ns);

/* The first message at or behind *at (0: the oldest), which is where it lies then. False: none. */
bool pelt_wsbox_peek(const struct pelt_wsbox *box, size_t *at, struct pelt_wsbox_message *out);
/* Where the one behind that at `at` may lie. */
size_t pelt_wsbox_behind(const struct pelt_wsbox *box, size_t at);
/* Takes that at `at`; its bytes stay until the next add. */
void pelt_wsbox_take(struct pelt_wsbox *box, size_t at);

#endif
