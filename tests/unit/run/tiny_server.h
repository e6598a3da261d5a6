/*
 * tiny_server: an HTTP server on loopback, a thread of the test's own, that answers each GET with
 * 200 and counts. It knows just enough: requests have no body and end with a blank line.
 */
#ifndef TINY_SERVER_H
#define TINY_SERVER_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct tiny_server {
    uint16_t port;
    atomic_bool mute;        /* reads, and never answers */
    _Atomic uint64_t served; /* requests read to their end */
    int listener, wake, epoll;
    pthread_t thread;
};

void tiny_server_start(struct tiny_server *s);
void tiny_server_stop(struct tiny_server *s);
/* A port of loopback at which nothing listens. */
uint16_t tiny_server_dead_port(void);

#endif
