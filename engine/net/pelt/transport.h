/*
 * transport: what moves a connection's bytes: plain TCP here, TLS in pelt/tls.h, memory in tests.
 * The table belongs to the connection. Three answers: bytes moved (> 0), PELT_AGAIN, or
 * closed/failed. Storage: the caller's; `ctx` is the layer's. Thread: the connection's. Never
 * blocks.
 */
#ifndef PELT_TRANSPORT_H
#define PELT_TRANSPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "pelt/status.h"

struct pelt_transport;

struct pelt_transport_ops {
    /* len > 0. > 0: bytes moved, maybe fewer than `len`; PELT_AGAIN: wait for readiness; PELT_EOF
     * (recv only: orderly end); PELT_EIO: failed, errno in t->err. A send that moved fewer is gone
     * on with by the bytes that were not moved (wherever they lie then, and with others behind
     * them): TLS may have encrypted them. */
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
    int fd;      /* -1: none */
    int16_t err; /* errno of the last PELT_EIO */
    /* Said by each recv of a layer above the socket (TLS), which takes other bytes from the socket
     * than it gives. Always false with the plain one: its recv emptied the socket if it gave less
     * than it was offered room for.
     * more: the socket was not emptied, however few bytes came: recv again, or be told again
     * (pelt_poller_again). To a recv with less room than PELT_TRANSPORT_ROOM it also says that the
     * layer itself holds bytes, of which no poller tells: recv again until PELT_AGAIN.
     * ended: behind these bytes lies the end or a failure. The next recv answers it, no poller may
     * tell, and the peer sends no more. */
    bool more, ended;
    void *ctx; /* of the layer */
};

/* With room for so many bytes recv leaves none in a layer, where no poller would tell of them. */
#define PELT_TRANSPORT_ROOM 32768

/* Plain TCP over `fd` (connected or connecting, non-blocking); takes the fd. A peer that is gone is
 * PELT_EIO with EPIPE, never SIGPIPE. */
void pelt_transport_plain(struct pelt_transport *t, int fd);
/* The same of a unix socket, which cannot discard. */
void pelt_transport_unix(struct pelt_transport *t, int fd);

#endif
