/*
 * transport: what moves a connection's bytes: plain TCP here, memory in tests. The table belongs
 * to the connection. Three answers: bytes moved (> 0), PELT_AGAIN, or closed/failed.
 * Storage: the caller's; `ctx` is the layer's. Thread: the connection's. Never blocks.
 */
#ifndef PELT_TRANSPORT_H
#define PELT_TRANSPORT_H

#include <stddef.h>
#include <sys/types.h>

#include "pelt/status.h"

struct pelt_transport;

struct pelt_transport_ops {
    /* len > 0. > 0: bytes moved, maybe fewer than `len`; PELT_AGAIN: wait for readiness; PELT_EOF
     * (recv only: orderly end); PELT_EIO: failed, errno in t->err. */
    ssize_t (*send)(struct pelt_transport *t, const void *bytes, size_t len);
    ssize_t (*recv)(struct pelt_transport *t, void *bytes, size_t len);
    /* recv into nothing: bytes that nobody reads are not copied. Answers as recv does. NULL: this
     * transport must look at all bytes itself. */
    ssize_t (*discard)(struct pelt_transport *t, size_t len);
    void (*close)(struct pelt_transport *t); /* releases all, also when closed already; the struct
                                               is reusable */
};

struct pelt_transport {
    const struct pelt_transport_ops *ops;
    int fd;    /* -1: none */
    int err;   /* errno of the last PELT_EIO */
    void *ctx; /* of the layer */
};

/* Plain TCP over `fd` (connected or connecting, non-blocking); takes the fd. A peer that is gone is
 * PELT_EIO with EPIPE, never SIGPIPE. */
void pelt_transport_plain(struct pelt_transport *t, int fd);

#endif
