/*
 * ws_reader: reads what a server sends over a WebSocket (RFC 6455 sections 5 and 7, RFC 7692) from
 * bytes: messages, pings, pongs, its close, or why the connection must be failed. Any split of the
 * bytes gives the same outcome. No I/O.
 *
 * wslay's frame layer reads the heads of frames: lengths in their shortest form, control frames
 * whole and at most 125 bytes. Payload does not go through it (it would be copied in pieces of 4
 * KB): a message that came in one frame and one read is handed on where it lies; others are
 * gathered once. Ours are also the order of fragments, reserved bits and opcodes, limits, UTF-8
 * (checked as it comes) and what a close frame may say.
 *
 *     struct pelt_span in = {buffer, received};
 *     while ((kind = pelt_ws_reader_next(&r, &in, &event)) != PELT_WS_MORE) { ... }
 *
 * Storage: the caller's, embedded in each connection (240 bytes); a buffer of the pool while a
 * message is incomplete; 39 KB of zlib's from the first compressed message on (for the largest
 * window: see ws_deflate.c). Thread: the connection's.
 */
#ifndef PELT_WS_READER_H
#define PELT_WS_READER_H

#include <stdint.h>

#include "pelt/buf.h"
#include "pelt/utf8.h"
#include "pelt/ws_code.h"
#include "pelt/ws_extension.h"
#include "pelt/ws_pool.h"

enum pelt_ws_kind {
    PELT_WS_MORE,      /* all bytes used, nothing is complete */
    PELT_WS_TEXT,      /* a whole message, UTF-8 */
    PELT_WS_BINARY,    /* a whole message */
    PELT_WS_PING,      /* answer at once with a pong of the same data */
    PELT_WS_PONG,      /* of one of our pings, or unsolicited */
    PELT_WS_CLOSE,     /* the server closes: answer with its code, unless we closed first */
    PELT_WS_FAILED,    /* the server broke the protocol or a limit: close with event.code */
    PELT_WS_NO_MEMORY, /* not the server's fault; the connection cannot go on */
};

/* Of FAILED: what the server did. */
enum pelt_ws_fault {
    PELT_WS_NO_FAULT,
    PELT_WS_BAD_FRAME,   /* 1002: head, order of frames, or close frame */
    PELT_WS_BAD_UTF8,    /* 1007: text or the reason of a close */
    PELT_WS_BAD_DEFLATE, /* 1007: does not decompress */
    PELT_WS_BIG_MESSAGE, /* 1009: above message_bytes_max, decompressed */
};

struct pelt_ws_event {
    struct pelt_span data; /* message, payload, the close's reason, or why it failed (static text);
                              never NULL; borrowed from the bytes fed or from the reader until the
                              next call */
    uint16_t code;         /* CLOSE: the server's, or PELT_WS_CODE_NONE; FAILED: to close with */
    enum pelt_ws_fault fault;
    bool compressed; /* TEXT, BINARY: it came compressed */
    uint32_t frames; /* TEXT, BINARY: in how many frames */
};

struct pelt_ws_inflate;

struct pelt_ws_reader { /* private */
    struct pelt_ws_pool *pool;
    struct pelt_ws_inflate *inflate; /* NULL until something compressed came */
    struct pelt_buf message;         /* gathered so far; its memory is the pool's */
    uint64_t frame_left;             /* payload bytes of the current frame to come */
    uint64_t came_bytes;             /* of the current message, as they came */
    size_t message_max;              /* limit of a message, decompressed */
    uint32_t frames;                 /* of the current message */
    struct pelt_ws_deflate_terms terms;
    struct pelt_utf8 utf8;
    uint8_t state;       /* see ws_reader.c */
    uint8_t head_len;    /* of head */
    uint8_t control_len; /* of control */
    uint8_t opcode;      /* of the current frame */
    uint8_t kind;        /* of the current message; 0: none has begun */
    bool fin;            /* of the current frame */
    bool compressed;     /* the current message is */
    bool delivered;      /* `message` was handed out: it goes back to the pool at the next call */
    char head[10];       /* of a frame whose head came in pieces */
    char control[PELT_WS_CONTROL_MAX]; /* of a control frame that came in pieces */
};

/* Ready for the bytes behind the 101. `message_bytes_max` > 0. `terms`: as the handshake said. No
 * allocation. */
void pelt_ws_reader_init(struct pelt_ws_reader *r, struct pelt_ws_pool *pool,
                         size_t message_bytes_max, const struct pelt_ws_deflate_terms *terms);
void pelt_ws_reader_deinit(struct pelt_ws_reader *r); /* accepts a zeroed struct */

/*
 * Takes bytes from the front of *in until something is complete. Fills `event` but for MORE. After
 * CLOSE, FAILED or NO_MEMORY whatever comes is thrown away (MORE). May be called with an empty
 * *in.
 */
enum pelt_ws_kind pelt_ws_reader_next(struct pelt_ws_reader *r, struct pelt_span *in,
                                      struct pelt_ws_event *event);

/* True: a frame or a message has begun and not ended; the connection ending here is a truncation.
 */
bool pelt_ws_reader_is_mid_message(const struct pelt_ws_reader *r);

#endif
