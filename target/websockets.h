/*
 * websockets: how connections of a loop become WebSockets, and when those run: they stand still in
 * a stall. What they do is wsset's.
 *
 * Thread: the owning loop's. Clock: CLOCK_MONOTONIC nanoseconds.
 */
#ifndef TARGET_WEBSOCKETS_H
#define TARGET_WEBSOCKETS_H

#include <microhttpd.h>

#include "error.h"

struct target_loop;

/* Once the loop's journal is there. False: errno says why. */
TARGET_MUST_USE bool target_websockets_open(struct target_loop *loop);

/*
 * The handshake was sent: an MHD_UpgradeHandler; `cls`: the request. The library closes its
 * connection, of which the set has a duplicate.
 */
void target_websockets_take(void *cls, struct MHD_Connection *connection, void *slot,
                            const char *early, size_t early_bytes, MHD_socket fd,
                            struct MHD_UpgradeResponseHandle *handle);

/* Until when a stall holds the WebSockets; not later than `now`: none does. */
uint64_t target_websockets_free_ns(const struct target_loop *loop, uint64_t now);

/* Does what sockets and timers ask for by now. */
void target_websockets_run(struct target_loop *loop, uint64_t now);

#endif
