/*
 * ws_writer: writes what a client sends over a WebSocket (RFC 6455 section 5, RFC 7692) as bytes:
 * head and masked payload of a frame one behind the other at the end of the caller's buffer, ready
 * for one send. No I/O.
 *
 * wslay's frame layer writes the heads; masking is ours (ws_mask: copy and mask in one pass), with
 * a key of four bytes from a pelt_rng for each frame (RFC 6455 asks for unpredictable ones to
 * protect proxies from scripts of a browser; a load generator repeats its runs instead).
 *
 * Storage: the caller's, embedded in each connection (40 bytes); deflate streams take 268 KB each
 * at 15 window bits: one a connection with context takeover, from its first compressed message on,
 * else one a thread in the pool. Thread: the connection's.
 */
#ifndef PELT_WS_WRITER_H
#define PELT_WS_WRITER_H

#include <stdint.h>

#include "pelt/buf.h"
#include "pelt/rng.h"
#include "pelt/ws_code.h"
#include "pelt/ws_extension.h"
#include "pelt/ws_pool.h"

struct pelt_ws_deflate;

struct pelt_ws_writer {
    struct pelt_ws_pool *pool;
    struct pelt_rng *rng;            /* borrowed, for masks; several writers may share one */
    struct pelt_ws_deflate *deflate; /* private: own stream, NULL until needed */
    struct pelt_ws_deflate_terms terms;
    uint32_t fragment_bytes; /* most payload of a data frame; 0: a message is one frame */
    uint32_t compress_bytes; /* messages below it go uncompressed */
};

/* fragment_bytes 0 and compress_bytes 0: to be set afterwards by who wants others. No allocation.
 */
void pelt_ws_writer_init(struct pelt_ws_writer *w, struct pelt_ws_pool *pool, struct pelt_rng *rng,
                         const struct pelt_ws_deflate_terms *terms);
void pelt_ws_writer_deinit(struct pelt_ws_writer *w); /* accepts a zeroed struct */

/*
 * Each appends whole frames to `out`; `payload` is not part of it. PELT_EINVAL: nothing was added,
 * as RFC 6455 forbids it. PELT_ENOMEM or PELT_ELIMIT (out's): nothing was added, and with context
 * takeover the connection is of no further use.
 */

/* A message, compressed if that was agreed (but not with 8 window bits, which zlib cannot make).
 * Text is not checked to be UTF-8: pelt_utf8_feed does that. */
PELT_MUST_USE enum pelt_status pelt_ws_write_text(struct pelt_ws_writer *w, struct pelt_buf *out,
                                                  struct pelt_span payload);
PELT_MUST_USE enum pelt_status pelt_ws_write_binary(struct pelt_ws_writer *w, struct pelt_buf *out,
                                                    struct pelt_span payload);
/* PELT_EINVAL: more than PELT_WS_CONTROL_MAX bytes. */
PELT_MUST_USE enum pelt_status pelt_ws_write_ping(struct pelt_ws_writer *w, struct pelt_buf *out,
                                                  struct pelt_span payload);
PELT_MUST_USE enum pelt_status pelt_ws_write_pong(struct pelt_ws_writer *w, struct pelt_buf *out,
                                                  struct pelt_span payload);
/* PELT_EINVAL: a code that must not be sent (below 1000, 1004, 1006, 1015, above 4999), a reason
 * of more than 123 bytes or without a code. PELT_WS_CODE_NONE: an empty frame. */
PELT_MUST_USE enum pelt_status pelt_ws_write_close(struct pelt_ws_writer *w, struct pelt_buf *out,
                                                   unsigned code, struct pelt_span reason);

#endif
