/*
 * dial: from a host's name to a connection that stands, TLS included: name, addresses one after
 * another, handshake, all before one deadline. Blocks.
 *
 * Thread: the bus'.
 */
#ifndef PELT_BUS_DIAL_H
#define PELT_BUS_DIAL_H

#include <stdatomic.h>

#include "pelt/bus_url.h"
#include "pelt/tls.h"
#include "pelt/transport.h"

struct pelt_dial {
    const struct pelt_bus_url *url;
    struct pelt_tls_thread *tls; /* of a URL with TLS */
    uint64_t deadline_ns;
    atomic_bool *cancel; /* NULL: none */
};

/* PELT_EIO: it cannot be reached; PELT_EINVAL: its certificate is not trusted, or it speaks no TLS;
 * PELT_ESTOPPED, PELT_ENOMEM. `out` is closed then. The line names the URL. */
PELT_MUST_USE enum pelt_status pelt_dial(const struct pelt_dial *d, struct pelt_transport *out,
                                         struct pelt_error *err);

/* Waits until the descriptor is ready for `events` (poll's). PELT_OK; PELT_AGAIN: the deadline
 * came; PELT_ESTOPPED: cancelled. */
PELT_MUST_USE enum pelt_status pelt_dial_wait(int fd, short events, uint64_t deadline_ns,
                                              atomic_bool *cancel);

#endif
