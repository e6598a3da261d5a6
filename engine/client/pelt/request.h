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
    uint32_t series;    /* id of its name in the registry */
    bool head;          /* HEAD: the response has no body */
    bool keep;          /* head and body are kept for the done callback, up to body_max */
    bool close;         /* the request says Connection: close */
    bool cookies;       /* an answer's head is told if it may set cookies, kept or not */
    bool decode;        /* the maker's own: it reads bodies decoded (gzip, deflate) */
    bool upgrade;       /* opens a WebSocket (pelt/wsconn.h); `expect` is {101} */
    uint8_t redirects;  /* the maker's own: it follows so many hops; 0: none */
    uint8_t redirected; /* the maker's own: hops before this one */
    uint32_t
        body_max; /* bytes of body kept; the rest is received, counted and dropped (`body_cut`) */
};

#endif
