/*
 * frame: one sample as a line of JSON, for one client: what was read, or became unreadable, since
 * its last frame.
 *
 * Samples are numbered; a figure knows in which it was last read (figure.h: read_in), a client
 * which it has seen. A frame that a client did not get is thus made good by its next one.
 */
#ifndef AGENT_FRAME_H
#define AGENT_FRAME_H

#include <stdbool.h>
#include <stdint.h>

#include "figure.h"
#include "notices.h"
#include "page.h"

struct self {        /* what the agent uses itself */
    uint64_t cpu_ns; /* since its start */
    uint64_t rss_bytes;
    uint64_t overruns; /* ticks that it passed over, of all clients */
    uint64_t worst_ns; /* the longest sample so far */
    uint64_t tick_ns;  /* of this client's grid, slowed down or not */
    bool degraded;     /* slowed down because of its own cost */
    uint64_t lost;     /* frames that this client did not get */
};

struct frame {
    bool is_tick; /* of a stream: with k, due and late */
    int64_t k;
    uint64_t due_ns;
    bool is_late;
    uint64_t at_ns;       /* when the sample was taken */
    uint64_t seen_sample; /* the newest that the client has; 0: none */
    uint64_t seen_notice;
    struct self self;
};

/* One object, and a line feed behind it. */
void frame_write(struct page *p, const struct frame *f, const struct catalogue *figures,
                 const struct notices *notices);

#endif
