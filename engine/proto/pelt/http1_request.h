/*
 * http1_request: builds the bytes of a request (RFC 9112): begin, field..., end. Bytes out; no I/O.
 * Storage: the caller's buffer; its limit or missing memory is PELT_ELIMIT. Thread: any.
 */
#ifndef PELT_HTTP1_REQUEST_H
#define PELT_HTTP1_REQUEST_H

#include "pelt/buf.h"
#include "pelt/status.h"

/* True: a token of RFC 9110, fit for a method or a field name. */
bool pelt_http1_is_token(struct pelt_span s);
/* True: no CR, LF or NUL: fit for a field value. */
bool pelt_http1_is_value(struct pelt_span s);
/* PELT_EINVAL: err says that blanks and control characters must be percent-encoded. */
PELT_MUST_USE enum pelt_status pelt_http1_check_target(struct pelt_span target,
                                                       struct pelt_error *err);

/*
 * Appends "METHOD target HTTP/1.1\r\nHost: ...\r\n". An empty target is "/", one that starts with
 * "?" gets "/" before it. PELT_EINVAL: bad method, or blanks or control characters in the target.
 */
PELT_MUST_USE enum pelt_status
pelt_http1_request_begin(struct pelt_buf *out, struct pelt_span method, struct pelt_span target,
                         struct pelt_span host_header, struct pelt_error *err);
/* One field; PELT_EINVAL names a bad one: no token, a value with CR, LF or NUL, or one of Host,
 * Content-Length and Transfer-Encoding, which begin and end write. */
PELT_MUST_USE enum pelt_status pelt_http1_request_field(struct pelt_buf *out, struct pelt_span name,
                                                        struct pelt_span value,
                                                        struct pelt_error *err);
/* Content-Length where a body is given or the method expects one (POST, PUT, PATCH), blank line,
 * body. */
PELT_MUST_USE enum pelt_status
pelt_http1_request_end(struct pelt_buf *out, struct pelt_span method,
                       const struct pelt_span *body /* NULL: none */);

#endif
