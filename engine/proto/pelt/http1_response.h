/*
 * http1_response: reads responses from bytes (RFC 9112). llhttp in its strict mode reads heads and
 * chunked bodies; heads of the common form have a shorter way with the same outcome; bodies of a
 * known length, or that end with the connection, need no parser. Where llhttp accepts what RFC 9112
 * forbids or no client can read, this refuses: docs/HTTP1.md lists it all.
 *
 * Streaming: feed what came, in any split, with the same outcome; no byte is kept here. Handles
 * keep-alive, close, chunked, HEAD, 1xx (skipped, at most 32), 204/304, trailers, bodies that end
 * with the connection. 101 ends the message with `upgraded`.
 *
 * Storage: the caller's, embedded in each connection (152 bytes); no heap. A zeroed struct is ready
 * for pelt_http1_response_reset, which keeps on_body, on_trailer and arg. Thread: the connection's.
 */
#ifndef PELT_HTTP1_RESPONSE_H
#define PELT_HTTP1_RESPONSE_H

#include <stdbool.h>
#include <stdint.h>

#include <llhttp.h>

#include "pelt/buf.h"

#define PELT_HTTP1_HEAD_MAX   65536 /* bytes of all heads of one exchange, 1xx included */
#define PELT_HTTP1_FIELDS_MAX 256   /* fields of a head; as many again of a trailer */
#define PELT_HTTP1_1XX_MAX    32

enum pelt_http1_answer {
    PELT_HTTP1_MORE,           /* all bytes used, the message goes on */
    PELT_HTTP1_DONE,           /* the message is complete; *used bytes belong to it */
    PELT_HTTP1_BAD_HEAD,       /* no HTTP/1.x response, or its framing is contradictory: outcome
                                  bad_response */
    PELT_HTTP1_HEAD_TOO_LARGE, /* one of the three limits above, before the head was complete */
    PELT_HTTP1_BAD_BODY,       /* after a good head: bad chunk, bad trailer */
};

struct pelt_http1_response { /* private: parser, body, name, coding, seen */
    llhttp_t parser;
    /* Called for each piece of body (without chunk framing); NULL: nobody wants it. Borrowed bytes.
     * It may not touch this struct. */
    void (*on_body)(void *arg, const char *bytes, size_t len);
    /* Called with the fields of a trailer, piece by piece: "Name: value" lines with CR LF; NULL:
     * nobody wants them. Likewise. */
    void (*on_trailer)(void *arg, const char *bytes, size_t len);
    void *arg;
    uint64_t body_bytes; /* body bytes so far, decoded from chunks */
    uint32_t head_bytes; /* of all heads so far, for the limit */
    uint32_t head_end;   /* where the final head ended in this feed's bytes; 0: not in this feed */
    uint16_t fields;     /* of the current head or trailer */
    uint16_t status;     /* 0 until the final head is complete; never a 1xx except 101 */
    uint8_t informational;      /* 1xx heads skipped, and whether there was a 100: private */
    uint8_t body;               /* how the body ends; of use once head_done */
    uint8_t name, coding, seen; /* of a head that llhttp reads */
    bool head_request;          /* the request was HEAD: no body follows */
    bool begun;                 /* a byte of this message was fed */
    bool head_done;             /* the final head is complete */
    bool keep_alive;            /* after DONE: the connection may be used again */
    bool upgraded;              /* 101: what follows is another protocol */
    bool may_set_cookie;        /* once head_done; false: the head has no Set-Cookie for sure */
};

/* Ready for the next response on this connection, whatever became of the one before.
 * `head_request`: it answers a HEAD. */
void pelt_http1_response_reset(struct pelt_http1_response *r, bool head_request);
/* Feeds bytes. *used: how many belong to this message (all, unless DONE). Not to be called after an
 * answer other than MORE before a reset. */
enum pelt_http1_answer pelt_http1_response_feed(struct pelt_http1_response *r, const char *bytes,
                                                size_t len, size_t *used);
/* A 100 (Continue) came. */
static inline bool pelt_http1_response_continued(const struct pelt_http1_response *r)
{
    return (r->informational & 0x80) != 0;
}
/* Bytes that need not be fed, as nobody wants them and they say nothing: what is left of a body of
 * known length without on_body. */
uint64_t pelt_http1_response_skippable(const struct pelt_http1_response *r);
/* So many of them were left out: MORE, or DONE with the last one. */
enum pelt_http1_answer pelt_http1_response_skip(struct pelt_http1_response *r, uint64_t bytes);
/* The connection ended. DONE: that completes the message (a body delimited by close). BAD_HEAD:
 * before the head was complete; BAD_BODY: mid-body (truncated). */
enum pelt_http1_answer pelt_http1_response_eof(struct pelt_http1_response *r);
/* Why the last answer was a refusal, in plain words, static storage: "Too many header fields" */
const char *pelt_http1_response_reason(const struct pelt_http1_response *r);

/*
 * Looks a field up in kept head bytes (status line included, or 1xx heads before it, which are
 * skipped): the first one by name, ASCII case ignored; value trimmed. ptr NULL: absent. Only for
 * heads that the parser accepted. A value that was folded over lines (obs-fold) still has its line
 * breaks.
 */
struct pelt_span pelt_http1_head_field(struct pelt_span head, const char *name);
/* Walks all fields: *pos starts at 0; false at the end. */
bool pelt_http1_head_next(struct pelt_span head, size_t *pos, struct pelt_span *name,
                          struct pelt_span *value);
/* The same of fields that have no status line before them: those of a trailer. */
bool pelt_http1_trailer_next(struct pelt_span fields, size_t *pos, struct pelt_span *name,
                             struct pelt_span *value);

#endif
