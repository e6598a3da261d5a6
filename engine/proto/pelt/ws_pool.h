/*
 * ws_pool: what all WebSockets of one thread share, so that each of them stays small and none
 * allocates once the thread has warmed up: wslay's frame layer, spare buffers for messages that
 * come in pieces, the deflate streams of those that start each message afresh.
 *
 * Made once a thread, before the first WebSocket, and freed after the last one is gone. Thread: its
 * own.
 */
#ifndef PELT_WS_POOL_H
#define PELT_WS_POOL_H

#include "pelt/buf.h"

#define PELT_WS_SPARE_MAX       256                /* buffers kept */
#define PELT_WS_SPARE_BYTES_MAX (64 * 1024 * 1024) /* bytes of all of them */

struct pelt_ws_pool;

PELT_MUST_USE enum pelt_status pelt_ws_pool_new(struct pelt_ws_pool **pool); /* PELT_ENOMEM */
void pelt_ws_pool_free(struct pelt_ws_pool *pool);                           /* NULL: nothing */

/* A spare buffer with its memory, or an empty one; it is yours, without a limit. */
struct pelt_buf pelt_ws_pool_take(struct pelt_ws_pool *pool);
/* Gives a buffer back (one of any origin); *buf is empty then. Above the limits it is freed. */
void pelt_ws_pool_give(struct pelt_ws_pool *pool, struct pelt_buf *buf);

/* For ws_reader and ws_writer; borrowed, until the next call. */
struct pelt_ws_frames;
struct pelt_ws_deflate;
struct pelt_ws_frames *pelt_ws_pool_frames(struct pelt_ws_pool *pool);
struct pelt_buf *pelt_ws_pool_scratch(struct pelt_ws_pool *pool); /* empty */
/* A stream at its beginning; NULL: no memory. */
struct pelt_ws_deflate *pelt_ws_pool_deflate(struct pelt_ws_pool *pool, unsigned window_bits);

#endif
