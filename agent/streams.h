/*
 * streams: the clients that are sent a frame a tick, each with its grid, what it has seen, and the
 * bytes that wait for it.
 *
 * A client that does not read loses frames: one that does not fit beside what waits is dropped and
 * counted, and its next frame has what the lost ones had. At most STREAM_WAITING_BYTES wait for one
 * client, or one frame alone where that is more.
 *
 * Memory is taken when made and touched when needed. Thread: whoever holds the sampler's lock.
 */
#ifndef AGENT_STREAMS_H
#define AGENT_STREAMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "grid.h"
#include "page.h"

#define STREAMS_MAX          64
#define STREAM_WAITING_BYTES ((size_t)48 * 1024) /* of 64 clients 3 MiB */

struct stream {
    struct grid grid;
    uint64_t seen_sample, seen_notice; /* of the last frame that it got, or that waits for it */
    uint64_t lost;
    bool is_open;
    void (*on_ready)(void *of); /* bytes wait, or the end has come */
    void *of;
    char *bytes; /* waiting: from `begin` to `end` */
    size_t begin, end;
};

struct streams {
    struct stream all[STREAMS_MAX];
    size_t open;
    size_t bytes; /* room of each */
    char *memory; /* of all: one piece, whose pages the host gives when they are written to */
    uint64_t lost_total; /* of all clients ever */
    bool ending;         /* no more frames; who has read what waits is done */
};

/* `frame_bytes`: what the largest frame may have. */
PELT_MUST_USE enum pelt_status streams_init(struct streams *s, size_t frame_bytes,
                                            struct pelt_error *err);
void streams_deinit(struct streams *s); /* accepts a zeroed struct */

/* NULL: STREAMS_MAX are open. */
struct stream *streams_open(struct streams *s, const struct grid *grid, void (*on_ready)(void *of),
                            void *of);
void streams_close(struct streams *s, struct stream *stream);
/* When the next tick of any is due; UINT64_MAX: none is open. */
uint64_t streams_due_ns(const struct streams *s, unsigned factor);
/* Puts the frame behind what waits; false: it is lost. */
bool streams_put(struct streams *s, struct stream *stream, const struct page *frame);
/* No more frames: all hear of it by on_ready. */
void streams_end(struct streams *s);

/* Up to `size` waiting bytes; 0: none wait. */
size_t stream_take(struct stream *stream, char *into, size_t size);

#endif
