/*
 * request: one request made ready to send: bytes, where to, how long, under which name. Immutable
 * and reusable; the maker keeps it alive while an exchange with it is in flight.
 */
#ifndef PELT_REQUEST_H
#define PELT_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pelt/buf.h"

struct pelt_grpc;
struct pelt_manner;
struct pelt_origin;
struct pelt_observer;
struct pelt_stream;

struct pelt_timeouts {      /* ns; defaults of CONTRACT: 10 s, 60 s, 120 s */
    uint64_t connect_ns;    /* name, connection and TLS together */
    uint64_t first_byte_ns; /* sent to first byte */
    uint64_t total_ns;      /* call to done */
};
extern const struct pelt_timeouts pelt_timeouts_default;

struct pelt_request {
    const char *bytes; /* head and body */
    size_t len;
    struct pelt_origin *origin; /* of the client that will send it */
    struct pelt_timeouts timeouts;
    const uint16_t *expect; /* further statuses that are ok; NULL: none */
    uint16_t expect_len;
    struct pelt_stream *stream; /* NULL: none; else as pelt/stream.h says, and `keep` is set */
    uint32_t series;            /* id of its name in the registry */
    bool head;                  /* HEAD: the response has no body */
    bool keep;                  /* head and body are kept for the done callback, up to body_max */
    bool close;                 /* its connection is not used again; it may say so to the server */
    bool cookies;               /* an answer's head is told if it may set cookies, kept or not */
    bool upgrade : 1;           /* opens a WebSocket (pelt/wsconn.h); `expect` is {101} */
    bool decode : 1;      /* a kept body with a Content-Encoding is told decoded (pelt/decode.h) */
    bool judged : 1;      /* `judge` is asked about an answer that is not ok; or `grpc` is set */
    bool mannered : 1;    /* `manner` or `continue_at` is set */
    bool stale_again : 1; /* the maker's own: what ends as stale_reuse is called again */
    uint8_t redirects;    /* the maker's own: it follows so many hops; 0: none */
    uint8_t redirected;   /* the maker's own: hops before this one */
    uint32_t
        body_max; /* bytes of body kept; the rest is received, counted and dropped (`body_cut`) */
    /* Of the client's thread: hears what its answers say of themselves; only with `keep`. NULL:
     * nobody does. */
    struct pelt_observer *observer;
    /* Where in the head the digits of a traceparent's trace id stand, and those of a correlation id
     * (pelt/trace_context.h); 0: it has none. Both ids are the same. */
    uint32_t trace_at, correlation_at;
    /* The body from here on is sent once the server says 100 (Continue), or nothing for 1 s; 0:
     * with the head. */
    uint32_t continue_at;
    const struct pelt_manner *manner; /* NULL: as fast as can be, to the end */
    /* With `judged` and `keep`, over HTTP/2: a call of gRPC; its answer's kept head has the fields
     * of the trailer, too. NULL: none. Borrowed until `done`. */
    const struct pelt_grpc *grpc;
    /* With `judged`, or NULL: is this answer, which is not ok by its status, what was to be
     * expected? */
    bool (*judge)(const struct pelt_request *request, unsigned status, struct pelt_span head);
    void *maker; /* the maker's own, for `judge` */
};

/* Where the id stands by which the server's log knows it; NULL: it has none. PELT_TRACE_ID_LEN
 * bytes. */
static inline const char *pelt_request_trace_id(const struct pelt_request *r)
{
    const uint32_t at = r->trace_at != 0 ? r->trace_at : r->correlation_at;
    return at != 0 ? r->bytes + at : NULL;
}

/* Does an answer of this status count as ok? */
static inline bool pelt_request_accepts(const struct pelt_request *request, unsigned status)
{
    if (status >= 200 && status <= 399) {
        return true;
    }
    unsigned i = 0;
    while (i < request->expect_len && request->expect[i] != status) {
        i++;
    }
    return i < request->expect_len;
}

#endif
