/*
 * sock: sockets as a load generator wants them: non-blocking, close-on-exec, of TCP with
 * TCP_NODELAY.
 * Thread: any; no state here.
 */
#ifndef PELT_SOCK_H
#define PELT_SOCK_H

#include "pelt/addr.h"
#include "pelt/status.h"

/*
 * Starts a connection, from `source` (its port is 0) or, NULL, from where the system likes. Returns
 * the fd, which is the caller's (*in_progress: wait until writable,
 * then ask pelt_sock_error; otherwise it stands), or -errno: EMFILE and ENFILE (no fd left),
 * EADDRNOTAVAIL (no local port left), ENOMEM and ENOBUFS are ours, all others speak of the way or
 * the peer.
 */
int pelt_sock_connect_from(const struct pelt_addr *addr, const struct pelt_addr *source,
                           bool *in_progress);
static inline int pelt_sock_connect(const struct pelt_addr *addr, bool *in_progress)
{
    return pelt_sock_connect_from(addr, NULL, in_progress);
}
/* The same to a unix socket (its path fits into a sockaddr_un), which stands at once or fails;
 * EAGAIN: its backlog is full. */
int pelt_sock_connect_unix(const char *path);
/* SO_ERROR of a connecting socket, taken (a second call says 0): 0 is connected. */
int pelt_sock_error(int fd);
/* `peer` is on this host, whether it answers or not: a loopback address, or one of the host's own.
 * Sends nothing. False also where that cannot be told. */
bool pelt_sock_same_host(const struct pelt_addr *peer);
/*
 * Makes the receive window at least `bytes` (2 GiB at most; less than the system's limit, tcp_rmem)
 * now, rather than step by step as data comes, and leaves its tuning on: SO_RCVLOWAT does so since
 * Linux 4.19, where SO_RCVBUF would fix it. What wakes a reader stays one byte. A refusal changes
 * nothing.
 */
void pelt_sock_widen(int fd, int bytes);

#endif
