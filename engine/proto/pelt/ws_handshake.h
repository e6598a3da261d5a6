/*
 * ws_handshake: the opening handshake of a WebSocket, the client's side (RFC 6455 section 4.1), as
 * fields of a request that http1_request builds and of a response that http1_response read. No I/O.
 *
 * SHA-1 is nettle's: the smallest of the libraries with it, and TLS libraries belong to net.
 * Storage: the caller's, no heap. Thread: any.
 */
#ifndef PELT_WS_HANDSHAKE_H
#define PELT_WS_HANDSHAKE_H

#include "pelt/buf.h"
#include "pelt/rng.h"
#include "pelt/ws_extension.h"

/* What a scenario asks for; the same for all connections to one place. */
struct pelt_ws_ask {
    struct pelt_span subprotocols; /* "chat, superchat" in order of preference; empty: none */
    struct pelt_ws_deflate_offer deflate;
};

struct pelt_ws_handshake { /* of one connection */
    char key[25];          /* base64 of 16 random bytes, NUL-terminated */
};

enum pelt_ws_refusal {
    PELT_WS_ACCEPTED,
    PELT_WS_BAD_STATUS,      /* not 101: an answer of HTTP, with its own meaning */
    PELT_WS_BAD_UPGRADE,     /* no Upgrade, or not to "websocket" */
    PELT_WS_BAD_CONNECTION,  /* no Connection with "Upgrade" */
    PELT_WS_BAD_ACCEPT,      /* Sec-WebSocket-Accept missing, doubled, or not that of the key */
    PELT_WS_BAD_SUBPROTOCOL, /* one that was not asked for, or two */
    PELT_WS_BAD_EXTENSION,   /* one that was not offered, or not as it was */
};

struct pelt_ws_answer {
    struct pelt_span subprotocol; /* borrowed from the head; empty: the server chose none */
    struct pelt_ws_deflate_terms deflate;
    char reason[192]; /* of a refusal, for a human: the field, its value, what was due */
};

/* Checks once what all connections will ask for. PELT_EINVAL: a subprotocol that is no token or is
 * named twice, window bits out of range. */
PELT_MUST_USE enum pelt_status pelt_ws_ask_check(const struct pelt_ws_ask *ask,
                                                 struct pelt_error *err);

/* True: a field that the handshake writes itself (Upgrade, Connection, Sec-WebSocket-*); a
 * scenario's own headers may not hold it. */
bool pelt_ws_handshake_writes(struct pelt_span field_name);

/* Draws the key of one connection. */
void pelt_ws_handshake_init(struct pelt_ws_handshake *h, struct pelt_rng *rng);

/* Appends its fields, each "Name: value\r\n", to a request begun by pelt_http1_request_begin("GET",
 * ...). `out->failed` tells of missing memory. */
void pelt_ws_handshake_fields(const struct pelt_ws_handshake *h, const struct pelt_ws_ask *ask,
                              struct pelt_buf *out);

/* Judges the answer: `head` as http1_response accepted it, `status` its status. Fills `answer`
 * whatever comes out. */
enum pelt_ws_refusal pelt_ws_handshake_check(const struct pelt_ws_handshake *h,
                                             const struct pelt_ws_ask *ask, unsigned status,
                                             struct pelt_span head, struct pelt_ws_answer *answer);

#endif
