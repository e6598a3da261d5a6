/*
 * decode: bodies with Content-Encoding gzip or deflate (RFC 9110 section 8.4.1), by zlib. No I/O.
 * What comes out is bounded, whatever comes in. Thread: any; allocates about 40 KB while it runs.
 */
#ifndef PELT_DECODE_H
#define PELT_DECODE_H

#include "pelt/buf.h"

/* Does the value of a Content-Encoding field name one coding that pelt_decode can undo? */
bool pelt_decode_knows(struct pelt_span coding);

/*
 * Appends what `in` decodes to, at most `max` bytes; *cut: there was more. `in` may be the
 * beginning of more (`partial`): then *cut also where it ends. gzip (several members too), zlib and
 * bare deflate are told apart by their first bytes. PELT_EPARSE: not of these, damaged, or not
 * whole; PELT_ENOMEM.
 */
PELT_MUST_USE enum pelt_status pelt_decode(struct pelt_span in, bool partial, size_t max,
                                           struct pelt_buf *out, bool *cut);

#endif
