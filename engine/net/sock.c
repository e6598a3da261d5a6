/*
 * sock: see the header. One system call a property that socket(2) cannot take.
 */
#include "pelt/sock.h"

#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* Closes `fd` and keeps the error that made us do so. */
static int give_up(int fd, int error)
{
    close(fd);
    return -error;
}

/* The port is chosen by connect(2), by the peer's address, too, so that one of ours serves several
 * peers. A kernel without that option has fewer ports, no less right ones. */
static int bind_to(int fd, const struct pelt_addr *source)
{
    int on = 1;
    (void)setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on));
    return bind(fd, &source->u.sa, source->len);
}

int pelt_sock_connect_from(const struct pelt_addr *addr, const struct pelt_addr *source,
                           bool *in_progress)
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
    if (source != NULL && bind_to(fd, source) < 0) {
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

int pelt_sock_connect_unix(const char *path)
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    const size_t len = strlen(path);
    assert(len < sizeof(addr.sun_path));
    memcpy(addr.sun_path, path, len);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return -errno;
    }
    return connect(fd, (struct sockaddr *)&addr, sizeof(addr)) == 0 ? fd : give_up(fd, errno);
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

static bool is_loopback(const struct pelt_addr *addr)
{
    return addr->u.sa.sa_family == AF_INET6
               ? IN6_IS_ADDR_LOOPBACK(&addr->u.in6.sin6_addr)
               : ntohl(addr->u.in.sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
}

static bool are_equal(const struct pelt_addr *a, const struct pelt_addr *b)
{
    return a->u.sa.sa_family == AF_INET6
               ? IN6_ARE_ADDR_EQUAL(&a->u.in6.sin6_addr, &b->u.in6.sin6_addr)
               : a->u.in.sin_addr.s_addr == b->u.in.sin_addr.s_addr;
}

/* The address that the system would send from; connect(2) of a datagram socket sends nothing. */
static bool find_own(const struct pelt_addr *peer, struct pelt_addr *own)
{
    const int fd = socket(peer->u.sa.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, IPPROTO_UDP);
    own->len = sizeof(own->u);
    const bool found = fd >= 0 && connect(fd, &peer->u.sa, peer->len) == 0 &&
                       getsockname(fd, &own->u.sa, &own->len) == 0;
    if (fd >= 0) {
        close(fd);
    }
    return found;
}

bool pelt_sock_same_host(const struct pelt_addr *peer)
{
    struct pelt_addr own;
    return is_loopback(peer) || (find_own(peer, &own) && are_equal(peer, &own));
}

void pelt_sock_widen(int fd, int bytes)
{
    int one = 1;
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVLOWAT, &bytes, sizeof bytes);
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVLOWAT, &one, sizeof one);
}
