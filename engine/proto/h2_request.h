/*
 * h2_request: the fields of an HTTP/2 request out of the text of an HTTP/1.1 one. Names and values
 * are borrowed from the text. Thread: any.
 */
#ifndef PELT_H2_REQUEST_H
#define PELT_H2_REQUEST_H

#include <nghttp2/nghttp2.h>

#include "pelt/buf.h"
#include "pelt/status.h"

struct pelt_h2_fields {
    nghttp2_nv *nv; /* heap, reused */
    size_t len, cap;
};

/* From a text as pelt/http1_request.h makes it. *body: what lies behind the head. PELT_ENOMEM;
 * PELT_EINVAL: it is no such text. */
PELT_MUST_USE enum pelt_status pelt_h2_request_read(struct pelt_h2_fields *f,
                                                    struct pelt_span request, bool https,
                                                    struct pelt_span *body);
void pelt_h2_request_deinit(struct pelt_h2_fields *f);

#endif
