/*
 * listener: the socket that a loop listens on, and who comes in by it.
 *
 * The loop accepts, and gives each connection to its libmicrohttpd daemon, which has no listening
 * socket. That library can accept by itself, but then it stays deaf once it met a limit until it
 * is run for another reason, and without descriptors and connections it tries again without pause.
 *
 * Thread: the owning loop's. Clock: CLOCK_MONOTONIC nanoseconds.
 */
#ifndef TARGET_LISTENER_H
#define TARGET_LISTENER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <microhttpd.h>

struct target_listener {
    int fd;                    /* owned, non-blocking; -1: closed */
    struct MHD_Daemon *daemon; /* borrowed */
    uint64_t connections_max;
    uint64_t again_ns; /* there were no descriptors or no memory: not before then */
};

/* What to wait for a client on; -1: nobody may come in now. */
int target_listener_awaited_fd(const struct target_listener *listener, uint64_t now_ns);

/* When that ends by itself; UINT64_MAX: it does not, or somebody may come in now. */
uint64_t target_listener_due_ns(const struct target_listener *listener, uint64_t now_ns);

/*
 * Takes in some of those who stand in line, as many as there is room for; returns how many. The
 * daemon must be run behind it.
 */
size_t target_listener_accept(struct target_listener *listener, uint64_t now_ns);

/* Resets who still stands in line. */
void target_listener_close(struct target_listener *listener);

#endif
