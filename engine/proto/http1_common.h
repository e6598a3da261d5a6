/*
 * http1_common: the head that nearly every response has, read without llhttp. Private to proto.
 *
 * Takes only what llhttp would take with the same outcome; whatever else comes, refusals included,
 * is llhttp's to judge, from the message's first byte. Storage: the caller's. Thread: any.
 */
#ifndef PELT_HTTP1_COMMON_H
#define PELT_HTTP1_COMMON_H

#include <stddef.h>

#include <llhttp.h>

/* A flag of our own, which llhttp does not have: there is a Set-Cookie. */
#define PELT_HTTP1_SET_COOKIE 0x8000

/*
 * Bytes of the head at the beginning of `bytes`, blank line included; 0: not complete, not of the
 * common form, or with more than PELT_HTTP1_FIELDS_MAX fields. Sets what llhttp would have found:
 * http_major, http_minor, status_code, flags, content_length; and PELT_HTTP1_SET_COOKIE. After 0
 * these are undefined, and llhttp_init is the caller's to call; after a head too, if llhttp is to
 * go on.
 */
size_t pelt_http1_common_read(llhttp_t *parser, const char *bytes, size_t len);

#endif
