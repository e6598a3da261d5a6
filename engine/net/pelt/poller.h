/*
 * poller: which of many sockets are ready, edge-triggered: an epoll set of its own, which a libev
 * loop watches as one descriptor. A socket is added once and never changed, so an exchange costs no
 * epoll_ctl, and ready sockets come in batches of at most PELT_POLLER_BATCH.
 *
 * Edge-triggered means: a socket is told again only after something new happened. Whoever hears of
 * it reads until a receive gave less than it could hold, or asks to be told again.
 *
 * Storage: the caller's, at one address from init to deinit. Thread: the loop's.
 */
#ifndef PELT_POLLER_H
#define PELT_POLLER_H

#include <ev.h>
#include <stdbool.h>
#include <sys/epoll.h>

#include "pelt/status.h"

#define PELT_POLLER_BATCH 64 /* sockets told between two looks at the kernel */
#define PELT_POLLER_AHEAD 3

enum pelt_ready {
    PELT_READY_READ = 1,  /* bytes, the end or an error wait to be received */
    PELT_READY_WRITE = 2, /* it can be sent to, or connecting has ended */
    PELT_READY_END = 4,   /* with READ: the peer sends no more, the end lies behind the bytes */
};

/* `who` as given to add; `ready`: enum pelt_ready, or'ed. May add, forget and close any socket. */
typedef void (*pelt_ready_fn)(void *who, unsigned ready);

struct pelt_poller_ops {
    pelt_ready_fn ready;
    /* `who` is that many places (1 to PELT_POLLER_AHEAD) behind in the batch: a hint to fetch into
     * the cache what it will touch, while others are being told. */
    void (*foresee)(void *who, unsigned places);
    void (*begin)(void *arg); /* before the first socket of a batch is told */
    void (*end)(void *arg);   /* after the last one */
};

struct pelt_poller {
    ev_io io;
    struct ev_loop *loop;
    const struct pelt_poller_ops *ops;
    void *arg;
    int told, len; /* of the running batch: the one being told, and how many there are */
    struct epoll_event batch[PELT_POLLER_BATCH];
};

/* loop, ops: borrowed. PELT_EIO: no epoll set, errno says why. Deinit also of a zeroed one whose
 * init failed. */
PELT_MUST_USE enum pelt_status pelt_poller_init(struct pelt_poller *p, struct ev_loop *loop,
                                                const struct pelt_poller_ops *ops, void *arg);
void pelt_poller_deinit(struct pelt_poller *p);

/* From now on `who` (never NULL) hears of fd, which is connected or connecting. Returns 0 or errno:
 * ENOMEM, ENOSPC (fs.epoll.max_user_watches). */
int pelt_poller_add(struct pelt_poller *p, int fd, void *who);
/* Tells `who` of fd again in a later batch if it is still ready. */
void pelt_poller_again(struct pelt_poller *p, int fd, void *who);
/* Just before its fd is closed: `who` hears nothing more of the running batch. */
void pelt_poller_forget(struct pelt_poller *p, const void *who);
/* The same, and of its fd, which stays open, nothing is told any more. */
void pelt_poller_remove(struct pelt_poller *p, int fd, const void *who);

#endif
