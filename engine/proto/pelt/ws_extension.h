/*
 * ws_extension: what is agreed on permessage-deflate (RFC 7692 section 7) by the lines of
 * Sec-WebSocket-Extensions: the client's offer, and whether the server's answer is one that the
 * offer allows. pelt offers no other extension and makes one offer. No I/O. Thread: any.
 */
#ifndef PELT_WS_EXTENSION_H
#define PELT_WS_EXTENSION_H

#include <stdint.h>

#include "pelt/buf.h"

#define PELT_WS_WINDOW_BITS_MIN 8
#define PELT_WS_WINDOW_BITS_MAX 15

/* What the client asks for. Zeroed: nothing is offered. Browsers offer deflate with
 * client_max_window_bits 15. */
struct pelt_ws_deflate_offer {
    bool deflate;                    /* false: the others mean nothing */
    bool server_no_context_takeover; /* the server must start each message afresh */
    bool client_no_context_takeover; /* we shall; saves 0.3 MB a connection, costs compression */
    uint8_t server_max_window_bits;  /* 8..15: the server must not use more; 0: as it likes */
    uint8_t client_max_window_bits;  /* 8..14: we shall not use more; 15: the server may choose
                                        less; 0: it may not */
};

/* What was agreed. Zeroed: no compression. */
struct pelt_ws_deflate_terms {
    bool deflate;
    bool server_no_context_takeover;
    bool client_no_context_takeover;
    uint8_t server_window_bits; /* 8..15; of use if deflate */
    uint8_t client_window_bits;
};

/* Appends the value of Sec-WebSocket-Extensions; nothing if nothing is offered. */
void pelt_ws_extension_offer(struct pelt_buf *out, const struct pelt_ws_deflate_offer *offer);

/*
 * Reads the value of one such field of the answer (there may be several: call it for each, with the
 * same zeroed `terms`). NULL: as offered. Else why the connection must be failed, static storage:
 * not the grammar of RFC 6455 section 9.1, an extension that was not offered, twice the same, a
 * parameter that is unknown, doubled, without a value or with a bad one, more than was offered, or
 * one that was asked for and is missing.
 */
const char *pelt_ws_extension_accept(struct pelt_span line,
                                     const struct pelt_ws_deflate_offer *offer,
                                     struct pelt_ws_deflate_terms *terms);

#endif
