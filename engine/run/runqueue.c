/*
 * runqueue: see the header. The file stays open, so that reading it is one system call and needs no
 * descriptor when there is none left.
 */
#include "runqueue.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

static bool read_wait(int fd, uint64_t *wait_ns)
{
    char text[80];
    ssize_t len = fd >= 0 ? pread(fd, text, sizeof(text) - 1, 0) : -1;
    if (len <= 0) {
        return false;
    }
    text[len] = '\0';
    return sscanf(text, "%*u %" SCNu64, wait_ns) == 1;
}

void pelt_runqueue_open(struct pelt_runqueue *q)
{
    q->fd = open("/proc/thread-self/schedstat", O_RDONLY | O_CLOEXEC);
    if (!read_wait(q->fd, &q->open_ns)) {
        pelt_runqueue_close(q);
    }
}

void pelt_runqueue_close(struct pelt_runqueue *q)
{
    if (q->fd >= 0) {
        close(q->fd);
    }
    q->fd = -1;
}

bool pelt_runqueue_wait_ns(const struct pelt_runqueue *q, uint64_t *wait_ns)
{
    uint64_t now_ns;
    if (!read_wait(q->fd, &now_ns)) {
        return false;
    }
    *wait_ns = now_ns - q->open_ns;
    return true;
}
