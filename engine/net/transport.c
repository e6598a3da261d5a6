/*
 * transport: see the header; here the plain one. send(2) and recv(2) rather than write and read:
 * MSG_NOSIGNAL is needed, and they are the shorter way through the kernel.
 */
#include "pelt/transport.h"

#include <assert.h>
#include <errno.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

static ssize_t failed(struct pelt_transport *t, int error)
{
    if (error == EAGAIN || error == EWOULDBLOCK) {
        return PELT_AGAIN;
    }
    t->err = error;
    return PELT_EIO;
}

static ssize_t plain_send(struct pelt_transport *t, const void *bytes, size_t len)
{
    assert(len > 0);
    ssize_t n;
    do {
        n = send(t->fd, bytes, len, MSG_NOSIGNAL);
    } while (n < 0 && errno == EINTR);
    return n >= 0 ? n : failed(t, errno);
}

static ssize_t plain_recv(struct pelt_transport *t, void *bytes, size_t len)
{
    assert(len > 0);
    ssize_t n;
    do {
        n = recv(t->fd, bytes, len, 0);
    } while (n < 0 && errno == EINTR);
    if (n > 0) {
        return n;
    }
    return n == 0 ? PELT_EOF : failed(t, errno);
}

/*
 * MSG_TRUNC on TCP discards what it receives (tcp(7)). The bare system call, as sanitizers take
 * what recv(2) returns for bytes written to its buffer, and there is none.
 */
static ssize_t plain_discard(struct pelt_transport *t, size_t len)
{
    assert(len > 0);
    ssize_t n;
    do {
        n = syscall(SYS_recvfrom, t->fd, NULL, len, MSG_TRUNC, NULL, NULL);
    } while (n < 0 && errno == EINTR);
    if (n > 0) {
        return n;
    }
    return n == 0 ? PELT_EOF : failed(t, errno);
}

static void plain_close(struct pelt_transport *t)
{
    if (t->fd >= 0) {
        close(t->fd);
        t->fd = -1;
    }
}

static const struct pelt_transport_ops plain = {plain_send, plain_recv, plain_discard, plain_close};
static const struct pelt_transport_ops unix_socket = {plain_send, plain_recv, NULL, plain_close};

void pelt_transport_plain(struct pelt_transport *t, int fd)
{
    *t = (struct pelt_transport){.ops = &plain, .fd = fd};
}

void pelt_transport_unix(struct pelt_transport *t, int fd)
{
    *t = (struct pelt_transport){.ops = &unix_socket, .fd = fd};
}
