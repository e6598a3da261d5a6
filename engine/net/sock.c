/*
 * sock: see the header. One system call a property that socket(2) cannot take; sockets are TCP over
 * IPv4 or IPv6.
 */
#include "pelt/sock.h"

#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

/* Closes `fd` and keeps the error that made us do so. */
static int give_up(int fd, int error)
{
    close(fd);
    return -error;
}

int pelt_sock_connect(const struct pelt_addr *addr, bool *in_progress)
{
    assert(addr->len > 0);
    *in_progress = false;
    int fd = socket(addr->u.sa.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP);
    if (fd < 0) {
        return -errno;
    }
    int on = 1;
    if (setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) < 0) {
        return give_up(fd, errno);
    }
    if (connect(fd, &addr->u.sa, addr->len) < 0) {
        /* EINTR: the connection goes on by itself, POSIX says, as with EINPROGRESS. */
        if (errno != EINPROGRESS && errno != EINTR) {
            return give_up(fd, errno);
        }
        *in_progress = true;
    }
    return fd;
}

int pelt_sock_error(int fd)
{
    int error = 0;
    socklen_t len = sizeof(error);
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0) {
        return errno;
    }
    return error;
}

bool pelt_sock_same_host(int fd)
{
    struct pelt_addr own = {.len = sizeof(own.u)}, peer = {.len = sizeof(peer.u)};
    if (getsockname(fd, &own.u.sa, &own.len) < 0 || getpeername(fd, &peer.u.sa, &peer.len) < 0 ||
        own.u.sa.sa_family != peer.u.sa.sa_family) {
        return false;
    }
    if (peer.u.sa.sa_family == AF_INET6) {
        return IN6_IS_ADDR_LOOPBACK(&peer.u.in6.sin6_addr) ||
               IN6_ARE_ADDR_EQUAL(&peer.u.in6.sin6_addr, &own.u.in6.sin6_addr);
    }
    return peer.u.sa.sa_family == AF_INET &&
           (ntohl(peer.u.in.sin_addr.s_addr) >> 24 == IN_LOOPBACKNET ||
            peer.u.in.sin_addr.s_addr == own.u.in.sin_addr.s_addr);
}

void pelt_sock_widen(int fd, int bytes)
{
    int one = 1;
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVLOWAT, &bytes, sizeof bytes);
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVLOWAT, &one, sizeof one);
}
