/*
 * memory_transport: a transport of pelt/transport.h without a socket, for tests. The test says in
 * advance what recv and send will answer, and reads afterwards what was sent.
 *
 * Storage: the caller's; init and deinit. Steps are used up in order; one recv, or skip, takes
 * (part of) one step.
 */
#ifndef TEST_MEMORY_TRANSPORT_H
#define TEST_MEMORY_TRANSPORT_H

#include <stdbool.h>

#include "pelt/buf.h"
#include "pelt/transport.h"

#define MEMORY_STEPS_MAX 64

struct memory_step {
    ssize_t answer; /* > 0: bytes; PELT_AGAIN, PELT_EOF, PELT_EIO with `error` */
    int error;
    const char *bytes; /* of a recv */
};

struct memory_steps {
    struct memory_step at[MEMORY_STEPS_MAX];
    size_t len, next;
};

struct memory_transport {
    struct pelt_transport transport; /* first member: give its address to the code under test */
    struct memory_steps recv, send;
    struct pelt_buf sent; /* all bytes that were taken */
    unsigned sends;       /* calls */
    size_t skipped;       /* bytes that were received into nothing */
    bool closed;
};

void memory_transport_init(struct memory_transport *m);
void memory_transport_deinit(struct memory_transport *m);
/* Makes another transport struct (of a connection under test) a face of this one. */
void memory_transport_attach(struct memory_transport *m, struct pelt_transport *t);

/* What recv answers next: these bytes (borrowed, a C string), PELT_AGAIN, the orderly end, or a
 * failure. With nothing left it answers PELT_AGAIN. */
void memory_transport_bytes(struct memory_transport *m, const char *bytes);
void memory_transport_bytes_n(struct memory_transport *m, const char *bytes, size_t len);
void memory_transport_again(struct memory_transport *m);
void memory_transport_eof(struct memory_transport *m);
void memory_transport_error(struct memory_transport *m, int error);
/* What send answers next: it takes at most `len` bytes, PELT_AGAIN, or fails. With nothing left it
 * takes all. */
void memory_transport_take(struct memory_transport *m, size_t len);
void memory_transport_send_again(struct memory_transport *m);
void memory_transport_send_error(struct memory_transport *m, int error);

#endif
