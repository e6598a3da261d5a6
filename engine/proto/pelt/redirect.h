/*
 * redirect: from a request that was answered with a redirect to the one that follows it (RFC 9110
 * section 15.4, RFC 3986 section 5.2). Bytes in, bytes out; only for requests that http1_request
 * made. Storage: the caller's. Thread: any.
 */
#ifndef PELT_REDIRECT_H
#define PELT_REDIRECT_H

#include "pelt/buf.h"

/* Parts of a request's bytes. */
struct pelt_span pelt_http1_request_method(struct pelt_span request);
struct pelt_span pelt_http1_request_target(struct pelt_span request);

/* A status that, with a Location, sends somewhere else: 301, 302, 303, 307, 308. */
bool pelt_redirect_is(unsigned status);
/* The method that follows: 307 and 308 keep it, and so do GET and HEAD; all else becomes GET and
 * loses its body. */
bool pelt_redirect_keeps(unsigned status, struct pelt_span method);

/* Appends the absolute URL that `location` means for a request of `target` at `origin`
 * ("http://host:port"); without fragment, dot segments taken out, blanks as %20. PELT_ELIMIT: out
 * of memory. */
PELT_MUST_USE enum pelt_status pelt_redirect_url(struct pelt_span origin, struct pelt_span target,
                                                 struct pelt_span location, struct pelt_buf *out);

struct pelt_redirect {
    struct pelt_span request; /* bytes of the one that was answered */
    struct pelt_span target, host;
    bool keep;        /* method and body; else GET without one */
    bool same_origin; /* else Authorization, Proxy-Authorization and Cookie are left out */
    bool drop_cookie; /* Cookie is left out in any case: the caller adds what fits */
};
/* Appends the request line and the fields, without the blank line. PELT_ELIMIT: out of memory. */
PELT_MUST_USE enum pelt_status pelt_redirect_head(const struct pelt_redirect *r,
                                                  struct pelt_buf *out);
/* Appends the blank line, and the body if it is kept. */
PELT_MUST_USE enum pelt_status pelt_redirect_end(const struct pelt_redirect *r,
                                                 struct pelt_buf *out);

#endif
