/*
 * sock_diag: the kernel's sockets by netlink (sock_diag(7)): of a listening one how many
 * connections wait in its accept queue and how many may, which no file of /proc tells.
 *
 * It asks for a dump and takes the answer datagram by datagram; the kernel makes each at the moment
 * it is taken, so nothing here ever waits. A descriptor sees the sockets of the network namespace
 * in which it was opened, and has one dump at a time.
 *
 * Storage: the caller's buffer. Thread: any, one at a time.
 */
#ifndef AGENT_SOCK_DIAG_H
#define AGENT_SOCK_DIAG_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SOCK_DIAG_BUFFER 32768 /* the most that the kernel puts into one datagram */

struct diag_ask {
    int family;                  /* AF_INET, AF_INET6: TCP; AF_UNIX */
    uint32_t states;             /* bits 1 << TCP_LISTEN ... */
    uint16_t port_from, port_to; /* of the local port; both 0: any. Not with AF_UNIX */
    uint32_t number;             /* of this dump: an answer to another is passed over */
};

struct diag_socket {
    int family;
    uint64_t inode;           /* 0: it belongs to no process any more */
    struct in6_addr from, to; /* of AF_INET: the first four bytes. Not of AF_UNIX */
    uint16_t from_port, to_port;
    uint32_t queued, queue_max; /* of a listening socket */
    bool has_drops;             /* of a listening one of TCP: the kernel told these */
    uint32_t drops;             /* connections that it dropped so far, whyever */
    char path[110];             /* of AF_UNIX: "/run/x", "@abstract"; "" without a name */
};

enum diag_answer {
    DIAG_MORE, /* take again */
    DIAG_DONE,
    DIAG_FAILED, /* `*error` is an errno */
};

typedef void (*diag_socket_fn)(void *arg, const struct diag_socket *s);

/* A descriptor, or -1 and errno. */
int sock_diag_open(void);
bool sock_diag_ask(int fd, const struct diag_ask *ask); /* false: errno tells */
enum diag_answer sock_diag_take(int fd, uint32_t number, void *buffer, size_t size,
                                diag_socket_fn on_socket, void *arg, int *error);

/* Behind DIAG_FAILED: takes what may be left of that dump, so that another can be asked for. */
void sock_diag_drain(int fd, void *buffer, size_t size);

/* Pure: what one datagram says; any bytes may come. `buffer` is aligned as malloc() aligns. */
enum diag_answer sock_diag_parse(const void *buffer, size_t len, uint32_t number,
                                 diag_socket_fn on_socket, void *arg, int *error);

#endif
