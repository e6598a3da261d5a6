/*
 * wsset: the WebSockets of one loop, their sockets and their timers.
 *
 * All of them stand in one epoll set, which the loop waits for as for one descriptor. A socket's
 * HTTP connection is over once the handshake is done: libmicrohttpd knows nothing of it any more.
 *
 * A connection ends when both sides have closed. Who was told to close gets a second to do it; then
 * it is closed all the same. Each one that ended has a line in the truth log.
 *
 * Storage: heap memory; init/deinit. Thread: the owning loop's. Clock: CLOCK_MONOTONIC nanoseconds.
 */
#ifndef TARGET_WSSET_H
#define TARGET_WSSET_H

#include "rankheap.h"
#include "wsconn.h"

struct target_wsmember;

struct target_wsset {
    struct target_wsenv env;
    int epoll_fd; /* to wait for; -1: not there */
    struct target_wsmember *first;
    struct target_rankheap timers;
    size_t count;
    uint64_t push_ns; /* the period by which pushes are planned; 0: none is yet */
    bool is_draining;
};

/* A connection that was upgraded; all borrowed. */
struct target_upgraded {
    int fd;            /* a duplicate is made: the caller keeps it */
    const char *early; /* what the client sent behind its request */
    size_t early_bytes;
    const char *path; /* its class, static */
    bool is_chat;
    uint64_t push_due_ns; /* the first push; UINT64_MAX: it is not pushed to */
    const char *session;  /* NULL: none */
};

/* `env`: copied, but for receive and send, which are the set's own. False: errno says why. */
TARGET_MUST_USE bool target_wsset_init(struct target_wsset *set, const struct target_wsenv *env);

/* Ends all connections at once. */
void target_wsset_deinit(struct target_wsset *set);

/*
 * Adds a connection, which has its place already (target_ws_enter) and gives it back when it ends,
 * also when it cannot be added: false, no memory or no descriptors.
 */
bool target_wsset_add(struct target_wsset *set, const struct target_upgraded *upgraded);

/* Does what sockets and timers ask for by now, but not without end. */
void target_wsset_run(struct target_wsset *set);

/* When it must run though no byte moves; UINT64_MAX: never. */
uint64_t target_wsset_due_ns(const struct target_wsset *set);

/*
 * The service ends: what clients sent by now is answered, then each connection is closed with 1001,
 * one that is in the middle of an answer behind that.
 */
void target_wsset_drain(struct target_wsset *set);

/* The same for those in the middle of an answer: there is no time left. */
void target_wsset_hurry(struct target_wsset *set);

#endif
