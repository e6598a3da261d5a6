/*
 * request: one request made ready to send: bytes, where to, how long, under which name. Immutable
 * and reusable; the maker keeps it alive while an exchange with it is in flight.
 */
#ifndef PELT_REQUEST_H
#define PELT_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

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
    bool close;                 /* the request says Connection: close */
    bool cookies;               /* an answer's head is told if it may set cookies, kept or not */
    bool decode;                /* the maker's own: it reads bodies decoded (gzip, deflate) */
    bool upgrade;               /* opens a WebSocket (pelt/wsconn.h); `expect` is {101} */
    uint8_t redirects;          /* the maker's own: it follows so many hops; 0: none */
    uint8_t redirected;         /* the maker's own: hops before this one */
    uint32_t
        body_max; /* bytes of body kept; the rest is received, counted and dropped (`body_cut`) */
    /* Of the client's thread: hears what its answers say of themselves; only with `keep`. NULL:
     * nobody does. */
    struct pelt_observer *observer;
    /* Where in the head the digits of a traceparent's trace id stand, and those of a correlation id
     * (pelt/trace_context.h); 0: it has none. Both ids are the same. */
    uint32_t trace_at, correlation_at;
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
