/*
 * poller: see the header. After a full batch the kernel is asked again at once, but not for ever:
 * timers want their turn.
 */
#include "pelt/poller.h"

#include <errno.h>
#include <unistd.h>

#define BATCHES_A_TURN 4
#define EVENTS         (EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET)

static unsigned ready_of(uint32_t events)
{
    unsigned ready = 0;
    if (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) {
        ready |= PELT_READY_READ;
    }
    if (events & (EPOLLOUT | EPOLLHUP | EPOLLERR)) {
        ready |= PELT_READY_WRITE;
    }
    if (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) {
        ready |= PELT_READY_END;
    }
    return ready;
}

static void foresee(const struct pelt_poller *p)
{
    for (int places = 1; places <= PELT_POLLER_AHEAD; places++) {
        int i = p->told + places;
        if (i < p->len && p->batch[i].data.ptr != NULL) {
            p->ops->foresee(p->batch[i].data.ptr, (unsigned)places);
        }
    }
}

static void tell(struct pelt_poller *p)
{
    p->ops->begin(p->arg);
    for (p->told = 0; p->told < p->len; p->told++) {
        foresee(p);
        struct epoll_event *e = &p->batch[p->told];
        if (e->data.ptr != NULL) {
            p->ops->ready(e->data.ptr, ready_of(e->events));
        }
    }
    p->len = 0;
    p->ops->end(p->arg);
}

static void on_io(struct ev_loop *loop, ev_io *io, int events)
{
    struct pelt_poller *p = io->data;
    for (int i = 0; i < BATCHES_A_TURN; i++) {
        int len = epoll_wait(io->fd, p->batch, PELT_POLLER_BATCH, 0);
        p->len = len > 0 ? len : 0;
        tell(p);
        if (len < PELT_POLLER_BATCH) {
            return;
        }
    }
}

enum pelt_status pelt_poller_init(struct pelt_poller *p, struct ev_loop *loop,
                                  const struct pelt_poller_ops *ops, void *arg)
{
    *p = (struct pelt_poller){.ops = ops, .arg = arg};
    int fd = epoll_create1(EPOLL_CLOEXEC);
    if (fd < 0) {
        return PELT_EIO;
    }
    ev_io_init(&p->io, on_io, fd, EV_READ);
    p->io.data = p;
    p->loop = loop;
    ev_io_start(loop, &p->io);
    return PELT_OK;
}

void pelt_poller_deinit(struct pelt_poller *p)
{
    if (p->loop != NULL) {
        ev_io_stop(p->loop, &p->io);
        close(p->io.fd);
        p->loop = NULL;
    }
}

int pelt_poller_add(struct pelt_poller *p, int fd, void *who)
{
    struct epoll_event e = {.events = EVENTS, .data.ptr = who};
    return epoll_ctl(p->io.fd, EPOLL_CTL_ADD, fd, &e) == 0 ? 0 : errno;
}

/* A changed entry is looked at anew, as one just added. */
void pelt_poller_again(struct pelt_poller *p, int fd, void *who)
{
    struct epoll_event e = {.events = EVENTS, .data.ptr = who};
    epoll_ctl(p->io.fd, EPOLL_CTL_MOD, fd, &e);
}

void pelt_poller_forget(struct pelt_poller *p, const void *who)
{
    for (int i = p->told; i < p->len; i++) {
        if (p->batch[i].data.ptr == who) {
            p->batch[i].data.ptr = NULL;
        }
    }
}

void pelt_poller_remove(struct pelt_poller *p, int fd, const void *who)
{
    struct epoll_event unused = {0};
    pelt_poller_forget(p, who);
    epoll_ctl(p->io.fd, EPOLL_CTL_DEL, fd, &unused);
}
