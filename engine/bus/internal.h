/* internal: the connection, as bus.c (its life), bus_commands.c (what is asked) and bus_stream.c
 * (XREAD) have it in common. */
#ifndef PELT_BUS_INTERNAL_H
#define PELT_BUS_INTERNAL_H

#include "pelt/bus.h"
#include "pelt/bus_url.h"
#include "pelt/rng.h"
#include "pelt/tls.h"
#include "pelt/transport.h"
#include "reply.h"

struct pelt_bus {
    struct pelt_bus_url url;
    char *password; /* "": none */
    uint64_t connect_ns, command_ns;
    atomic_bool *cancel; /* borrowed */
    struct pelt_tls *tls;
    struct pelt_tls_thread *tls_thread; /* both NULL without TLS */
    struct pelt_transport transport;
    bool up;
    char version[64];
    uint64_t connects;
    struct pelt_rng rng;
    uint64_t backoff_ns, retry_ns; /* the next wait; ensure() may try from then on */
    uint64_t rtt_ns;
    uint64_t bytes_sent, bytes_received;
    /* A flush: commands as bytes, and their answers. */
    struct pelt_buf out;
    size_t asked, answered;
    bool flushed;      /* the next put begins anew */
    bool too_many;     /* commands */
    uint64_t block_ns; /* that a command of it may block */
    uint64_t sent_ns, received_ns;
    struct pelt_replies replies;
    struct pelt_bus_reply **reply; /* `answered` of them */
    size_t reply_room;
};

/* "XADD", "key", ...: words as C strings, NULL-terminated. */
size_t pelt_bus_put_words(struct pelt_bus *bus, const char *first, ...) __attribute__((sentinel));

#endif
