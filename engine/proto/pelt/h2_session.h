/*
 * h2_session: the client's end of one HTTP/2 connection (RFC 9113), by nghttp2: bytes in, events
 * out, bytes to send. No socket, no clock; a request comes as the HTTP/1.1 text that
 * pelt/http1_request.h makes, and a head that is asked for is told as such a text, so that whoever
 * reads heads need not know which version was spoken.
 *
 * What a server may make us do is bounded: heads (PELT_HTTP1_HEAD_MAX, PELT_HTTP1_FIELDS_MAX,
 * PELT_HTTP1_1XX_MAX as with HTTP/1.1), decoded fields of heads that nobody wants any more
 * (PELT_H2_WASTE_MAX), CONTINUATION frames and answers to PING and SETTINGS that wait to be sent
 * (nghttp2's limits), and all memory of nghttp2 (PELT_H2_MEMORY_MAX). Push is refused.
 *
 * Storage: new/free, about 15 KiB; a stream is the caller's, at one address from submit until
 * `ended` or a cancel. Thread: one at a time.
 */
#ifndef PELT_H2_SESSION_H
#define PELT_H2_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "pelt/buf.h"
#include "pelt/status.h"

#define PELT_H2_MEMORY_MAX    (4u << 20) /* bytes that nghttp2 holds for a connection */
#define PELT_H2_OUT_BYTES     65536      /* peeked at, and a frame */
#define PELT_H2_WASTE_MAX     (1u << 20) /* bytes of fields behind that limit, of one block */
#define PELT_H2_WINDOW        (6u << 20) /* of a stream, unless said otherwise: as browsers have it */
#define PELT_H2_WINDOW_ALL    (16u << 20) /* of all streams of a connection */
#define PELT_H2_WINDOW_LEAST  65535u
#define PELT_H2_WINDOW_MOST   0x7fffffffu
#define PELT_H2_STREAMS_MOST  1000u /* that may be asked for on a connection */
#define PELT_H2_STREAMS_USUAL 100u

/* Bytes of a request's fields, names and values, with 12 more for each. */
#define PELT_H2_REQUEST_MAX (256u << 10)

enum pelt_h2_end {
    PELT_H2_DONE,     /* a whole answer came */
    PELT_H2_REFUSED,  /* the server did nothing of it: REFUSED_STREAM, or a GOAWAY before it */
    PELT_H2_RESET,    /* RST_STREAM before the answer was whole */
    PELT_H2_BAD_HEAD, /* the answer is no HTTP response */
    PELT_H2_HEAD_TOO_LARGE, /* one of the limits of HTTP/1.1's heads, before the head was complete
                             */
    PELT_H2_BAD_BODY,       /* after a good head: not as long as it says, a bad trailer */
};

struct pelt_h2_session;

/* One exchange. All zero before its first submit; what is private stays private. */
struct pelt_h2_stream {
    int32_t id;          /* 0: not in flight */
    uint16_t status;     /* of the final head; 0: none yet */
    bool want_head;      /* set before submit: the head's text is told, */
    bool want_cookies;   /* or that of its Set-Cookie fields alone, */
    bool want_trailer;   /* and the fields of the trailer */
    bool hold;           /* what comes is not made room for again, until it is false */
    size_t body_held;    /* set before submit: so many bytes at the body's end wait for _release */
    bool may_set_cookie; /* once the final head is there */
    bool continued;      /* 100 (Continue) came */
    /* private */
    bool sent_headers, sent_all, head_done, remote_ended, peer_reset;
    uint8_t informational;
    uint16_t fields;
    uint32_t head_bytes;
    uint32_t taken; /* bytes of body that the peer was not given room for again */
    const char *body;
    size_t body_left;
};

/*
 * `arg` as given to new. All but `sent` come within feed (`ended` also within peek, while bytes
 * wait to be sent). They may call cancel and consume; nothing else.
 */
struct pelt_h2_ops {
    /* Within submit, feed or peek: a frame of the request, `bytes` in all, is among those to be
     * sent; the last one: `all`. */
    void (*sent)(struct pelt_h2_stream *s, uint32_t bytes, bool all);
    /* A frame of the answer, `bytes` in all, has begun to come. */
    void (*came)(struct pelt_h2_stream *s, uint32_t bytes);
    /* The final head is complete. `text`: from status line to blank line; empty unless wanted.
     * Borrowed. */
    void (*head)(struct pelt_h2_stream *s, struct pelt_span text);
    /* 100 (Continue) came. release may be called, too. */
    void (*go_on)(struct pelt_h2_stream *s);
    /* Borrowed. `last`: the answer ends with these bytes, unless it is a bad one. */
    void (*body)(struct pelt_h2_stream *s, const char *bytes, size_t len, bool last);
    void (*trailer)(struct pelt_h2_stream *s, struct pelt_span fields); /* "name: value" lines */
    /* The stream is the caller's again. `code`: of RST_STREAM or GOAWAY where there was one. */
    void (*ended)(struct pelt_h2_stream *s, enum pelt_h2_end end, uint32_t code);
    /* No further stream may be submitted; those above `last` end as refused. `debug`: the server's
     * own words, borrowed. */
    void (*goaway)(void *arg, int32_t last, uint32_t code, struct pelt_span debug);
};

struct pelt_h2_settings {
    uint32_t window, window_all; /* 0: the usual ones */
};

/* What it wants to send first is there at once. PELT_ENOMEM. `ops` is borrowed. */
PELT_MUST_USE enum pelt_status pelt_h2_session_new(struct pelt_h2_session **out,
                                                   const struct pelt_h2_settings *settings,
                                                   const struct pelt_h2_ops *ops, void *arg);
/* Streams in flight are forgotten, not told. Not within a callback; accepts NULL. */
void pelt_h2_session_free(struct pelt_h2_session *h);

/* What was received. PELT_OK; PELT_EIO: the connection is of no use any more (..._why). */
PELT_MUST_USE enum pelt_status pelt_h2_session_feed(struct pelt_h2_session *h, const char *bytes,
                                                    size_t len);
/* The bytes to be sent, some 64 KiB at most; borrowed until the next call of this session. Empty:
 * none now, or the connection is of no use any more. */
struct pelt_span pelt_h2_session_peek(struct pelt_h2_session *h);
void pelt_h2_session_advance(struct pelt_h2_session *h, size_t len); /* so many were sent */
/* NULL: it is of use; else why not, in plain words; until free. */
const char *pelt_h2_session_why(const struct pelt_h2_session *h);
/* What was wrong with the answer that ended last as a bad one; NULL: nothing is known. Until the
 * next feed. */
const char *pelt_h2_session_words(const struct pelt_h2_session *h);
/* Of such a one: whether it was this stream's answer that broke the rules. */
bool pelt_h2_session_blames(const struct pelt_h2_session *h, const struct pelt_h2_stream *s);

/* How many streams may be in flight now: 1 until the server's settings came, then as it says. */
uint32_t pelt_h2_session_limit(const struct pelt_h2_session *h);
bool pelt_h2_session_settled(const struct pelt_h2_session *h);  /* those settings came */
uint32_t pelt_h2_session_open(const struct pelt_h2_session *h); /* that are in flight */

/*
 * Begins an exchange, where `open` is below `limit`: `request` as HTTP/1.1 text with a Host field,
 * alive until `ended`, cancel, or all of it was sent. What is of a connection (Connection, Upgrade,
 * ...) is left out. PELT_ENOMEM; PELT_EINVAL: it is no such text, or its fields are too many bytes
 * (PELT_H2_REQUEST_MAX), on any connection; PELT_ELIMIT: no further stream can be on this one.
 */
PELT_MUST_USE enum pelt_status pelt_h2_session_submit(struct pelt_h2_session *h,
                                                      struct pelt_h2_stream *s,
                                                      struct pelt_span request, bool https);
/* RST_STREAM (CANCEL): nothing more is told of it. */
void pelt_h2_session_cancel(struct pelt_h2_session *h, struct pelt_h2_stream *s);
/* After `hold` was true and is false: makes room for what came meanwhile. */
void pelt_h2_session_consume(struct pelt_h2_session *h, struct pelt_h2_stream *s);

/* While `hold` is true: room for so many of the bytes that came, or for all of them if fewer did.
 * Returns how many. */
uint32_t pelt_h2_session_grant(struct pelt_h2_session *h, struct pelt_h2_stream *s, uint32_t bytes);
/* So many further bytes of the body that is held, or all of them if fewer are, may be sent. */
void pelt_h2_session_release(struct pelt_h2_session *h, struct pelt_h2_stream *s, size_t bytes);

/* A server's own words, for people: what is not printable ASCII becomes '.'. */
void pelt_h2_plain(char *text);
/* "PROTOCOL_ERROR"; of a code that RFC 9113 does not know "code 77". */
const char *pelt_h2_code_name(uint32_t code, char out[16]);

#endif
