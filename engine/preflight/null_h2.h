/*
 * null_h2: the null server's end of an HTTP/2 connection, by nghttp2: answers every request with
 * 200 and the same body. Bytes in, bytes out; no I/O. It hears one client, pelt itself.
 *
 * Storage: new/free. Thread: any.
 */
#ifndef PELT_NULL_H2_H
#define PELT_NULL_H2_H

#include <stdbool.h>
#include <stdint.h>

#include "pelt/buf.h"

struct pelt_null_h2;

/* `body`: borrowed. NULL: out of memory. */
struct pelt_null_h2 *pelt_null_h2_new(struct pelt_span body);
void pelt_null_h2_free(struct pelt_null_h2 *h); /* accepts NULL */

/* True: a connection that begins so speaks HTTP/2. */
bool pelt_null_h2_begins(const char *bytes, size_t len);
/* What came; *requests: and one more for each that ended. False: it is no HTTP/2. */
bool pelt_null_h2_read(struct pelt_null_h2 *h, const char *bytes, size_t len, uint64_t *requests);
/* What is to be sent next, borrowed until the next call; empty: nothing. */
struct pelt_span pelt_null_h2_send(struct pelt_null_h2 *h);

#endif
