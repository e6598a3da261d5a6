/*
 * cache_push: statsd: datagrams that programs of this host push to a UDP socket on loopback. Any of
 * them may send what it likes: a line that cannot be read is counted, and what the kernel dropped
 * as we were too slow is, too.
 */
#include "cache_source.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "cache_text.h"

#define DATAGRAM_MAX 65536
#define AT_ONCE      64        /* datagrams, between two looks at other sources */
#define QUEUE_BYTES  (1 << 20) /* that the kernel may keep for us (its own limit may be lower) */

struct push {
    struct cache_source base;
    int fd;
    ev_io io;
    uint32_t lost_last; /* of the kernel's count, which wraps */
    char bytes[DATAGRAM_MAX];
};

static void take_datagram(struct push *p, const char *bytes, size_t len)
{
    while (len > 0) {
        const char *lf = memchr(bytes, '\n', len);
        size_t n = lf ? (size_t)(lf - bytes) : len;
        if (n > 0 && !cache_text_statsd(pelt_span(bytes, n), cache_gather_take, p->base.gather)) {
            cache_source_tell(&p->base, CACHE_OWN_BAD, CACHE_ADD, 1);
        }
        n += lf != NULL;
        bytes += n;
        len -= n;
    }
}

/* How many datagrams the kernel dropped so far, as it says beside one that came. */
static void take_lost(struct push *p, struct msghdr *msg)
{
    for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
        if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SO_RXQ_OVFL) {
            uint32_t lost;
            memcpy(&lost, CMSG_DATA(c), sizeof lost);
            cache_source_tell(&p->base, CACHE_OWN_LOST, CACHE_ADD, (double)(lost - p->lost_last));
            p->lost_last = lost;
        }
    }
}

/* False: none is there. */
static bool receive(struct push *p)
{
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(sizeof(uint32_t))];
    } control;
    struct iovec iov = {p->bytes, sizeof p->bytes};
    struct msghdr msg = {.msg_iov = &iov,
                         .msg_iovlen = 1,
                         .msg_control = control.bytes,
                         .msg_controllen = sizeof control.bytes};

    ssize_t n = recvmsg(p->fd, &msg, MSG_DONTWAIT);
    if (n < 0) {
        return false;
    }
    take_lost(p, &msg);
    take_datagram(p, p->bytes, (size_t)n);
    return true;
}

static void receive_some(struct push *p)
{
    for (int i = 0; i < AT_ONCE && receive(p); i++) {
    }
}

static void on_io(struct ev_loop *loop, ev_io *io, int events)
{
    receive_some(io->data);
}

static void ask(struct cache_source *base, uint64_t timeout_ns)
{
    receive_some((struct push *)base);
    base->on_answer(base, CACHE_READ, NULL);
}

static void start(struct cache_source *base)
{
    struct push *p = (struct push *)base;

    ev_io_set(&p->io, p->fd, EV_READ);
    ev_io_start(base->loop, &p->io);
}

static void free_push(struct cache_source *base)
{
    struct push *p = (struct push *)base;

    ev_io_stop(base->loop, &p->io);
    if (p->fd >= 0) {
        close(p->fd);
    }
    free(p);
}

static enum pelt_status listen_on(struct push *p, const struct cache_wish *w,
                                  struct pelt_error *err)
{
    struct pelt_addrs addrs;
    int on = 1, queue = QUEUE_BYTES;

    enum pelt_status status = cache_source_resolve(w, &addrs, err);
    if (status != PELT_OK) {
        return status;
    }
    const struct pelt_addr *addr = &addrs.addr[0];
    p->fd = socket(addr->u.sa.sa_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (p->fd < 0 || bind(p->fd, &addr->u.sa, addr->len) < 0) {
        return pelt_fail(err, PELT_EIO, "--cache %s: cannot listen on %s: %s%s", w->name, w->where,
                         strerror(errno),
                         errno == EADDRINUSE ? ": give another port, or stop who has it" : "");
    }
    /* Without either datagrams may be lost sooner, or unseen: no reason to refuse. */
    (void)setsockopt(p->fd, SOL_SOCKET, SO_RCVBUF, &queue, sizeof queue);
    (void)setsockopt(p->fd, SOL_SOCKET, SO_RXQ_OVFL, &on, sizeof on);
    return PELT_OK;
}

static const struct cache_source_ops ops = {start, ask, free_push};

enum pelt_status cache_push_new(const struct cache_wish *wish, struct ev_loop *loop,
                                struct cache_source **out, struct pelt_error *err)
{
    struct push *p = calloc(1, sizeof *p);

    *out = NULL;
    if (!p) {
        return pelt_fail(err, PELT_ENOMEM, "out of memory");
    }
    p->fd = -1;
    ev_init(&p->io, on_io);
    p->io.data = p;
    enum pelt_status status = cache_source_init(&p->base, &ops, wish, loop, err);
    if (status == PELT_OK) {
        status = listen_on(p, wish, err);
    }
    if (status != PELT_OK) {
        cache_source_free(&p->base);
        return status;
    }
    *out = &p->base;
    return PELT_OK;
}
