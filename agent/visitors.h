/*
 * visitors: the connections of the face, and which of them has to go when others come.
 *
 * Thread: libmicrohttpd's alone; but `stream`, `is_suspended`, `wants` and `waiter`, which are
 * under the sampler's lock.
 */
#ifndef AGENT_VISITORS_H
#define AGENT_VISITORS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sampler.h"

struct face;
struct MHD_Connection;

enum visitor_wants { VISITOR_WANTS_NONE, VISITOR_WAITS, VISITOR_IS_SERVED };

struct visitor { /* a connection, and its request if it has one */
    struct face *face;
    struct MHD_Connection *connection; /* NULL: this place is free */
    int fd;
    uint64_t since_ns; /* it came, or its last request was answered */
    bool has_asked;    /* one request at least was whole */
    bool is_busy;      /* one is being answered */
    bool is_ending;    /* it was told to go */
    uint64_t t2_ns;    /* when its request reached us */
    struct stream *stream;
    bool is_suspended;
    enum visitor_wants wants; /* a fresh sample */
    struct sampler_waiter waiter;
};

/* One of the free ones for the new connection; NULL: none. */
struct visitor *visitors_take(struct visitor *all, size_t len);
/* Who has to go first: of those that have not asked anything yet the oldest; if there is none, of
 * those that are not being answered; if there is none, of those that are, but no stream. NULL: all
 * are streams, or on their way already. */
struct visitor *visitors_first_to_go(struct visitor *all, size_t len);

#endif
