/*
 * encode: bytes as the text that HTTP wants in some places: base64 (RFC 4648), percent-encoded form
 * fields (WHATWG URL, application/x-www-form-urlencoded), quoted names of multipart parts (RFC 7578
 * with the HTML rules of escaping). Appends to the caller's buffer, whose `failed` tells. Thread:
 * any.
 */
#ifndef PELT_ENCODE_H
#define PELT_ENCODE_H

#include "pelt/buf.h"

void pelt_encode_base64(struct pelt_buf *out, struct pelt_span bytes);
/* Letters, digits and "*-._" as they are, a blank as '+', all else as %XX. */
void pelt_encode_form(struct pelt_buf *out, struct pelt_span bytes);
/* '"' and line breaks as %22, %0D, %0A. */
void pelt_encode_part_name(struct pelt_buf *out, struct pelt_span bytes);

#endif
