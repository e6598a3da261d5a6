/*
 * null_request: where a request (RFC 9112) ends, and no more: what the null server must know of it.
 * Bytes in; no I/O, no heap. Lenient: it hears one client, pelt itself.
 *
 * Storage: the caller's, one a connection; zeroed it waits for the first request.   Thread: any.
 */
#ifndef PELT_NULL_REQUEST_H
#define PELT_NULL_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PELT_NULL_LINE_BYTES 64 /* of a line that are looked at; the rest is passed over */

struct pelt_null_request {
    enum {
        PELT_NULL_START,      /* the request line comes, perhaps after empty ones */
        PELT_NULL_FIELDS,     /* a header field, or the empty line behind them */
        PELT_NULL_BODY,       /* `left` bytes of it */
        PELT_NULL_CHUNK_SIZE, /* a line with the next chunk's size */
        PELT_NULL_CHUNK,      /* `left` bytes of it, its line end included */
        PELT_NULL_TRAILERS,   /* fields behind the last chunk */
    } state;
    bool head;     /* HEAD: the answer has no body */
    bool chunked;  /* the body is */
    uint64_t left; /* bytes of the body or chunk still to come */
    size_t line_len;
    char line[PELT_NULL_LINE_BYTES];
};

/*
 * Reads up to the end of one request. Gives the bytes it took, all of them unless the request
 * ended: then *ended, `head` is of that request, and the rest is the next one's.
 */
size_t pelt_null_request_read(struct pelt_null_request *r, const char *bytes, size_t len,
                              bool *ended);

#endif
