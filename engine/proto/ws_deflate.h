/*
 * ws_deflate: messages compressed and decompressed as RFC 7692 section 7.2 has it, by zlib. Private
 * to proto. Thread: one at a time.
 */
#ifndef PELT_WS_DEFLATE_H
#define PELT_WS_DEFLATE_H

#include "pelt/buf.h"

/* zlib can inflate windows of 8 bits, but not make them. */
#define PELT_WS_DEFLATE_BITS_MIN 9

struct pelt_ws_deflate; /* 2^(bits + 2) + 2^17 + 6 KB */
struct pelt_ws_inflate; /* 39 KB */

struct pelt_ws_deflate *pelt_ws_deflate_new(unsigned window_bits); /* 9..15; NULL: no memory */
void pelt_ws_deflate_free(struct pelt_ws_deflate *d);              /* NULL: nothing */
/* The next message starts afresh: it refers to none before it. */
void pelt_ws_deflate_reset(struct pelt_ws_deflate *d);
/* Appends a message compressed. After PELT_ENOMEM or PELT_ELIMIT the stream is good for a reset
 * only, and out->len is as it was. */
PELT_MUST_USE enum pelt_status
pelt_ws_deflate_message(struct pelt_ws_deflate *d, struct pelt_span message, struct pelt_buf *out);

/* For any agreed window. NULL: no memory */
struct pelt_ws_inflate *pelt_ws_inflate_new(void);
void pelt_ws_inflate_free(struct pelt_ws_inflate *i); /* NULL: nothing */
void pelt_ws_inflate_reset(struct pelt_ws_inflate *i);
/*
 * Appends what the next bytes of a message decompress to, until `out` holds `max` bytes in all.
 * PELT_EPARSE: damaged; PELT_ELIMIT: there is more than `max`; PELT_ENOMEM. `out` then holds what
 * came before that; the stream is of no use until reset.
 */
PELT_MUST_USE enum pelt_status pelt_ws_inflate_piece(struct pelt_ws_inflate *i,
                                                     struct pelt_span piece, size_t max,
                                                     struct pelt_buf *out);
/* Its last byte was given: appends what was held back. PELT_EPARSE also: it ends too early. */
PELT_MUST_USE enum pelt_status pelt_ws_inflate_end(struct pelt_ws_inflate *i, size_t max,
                                                   struct pelt_buf *out);

#endif
