/*
 * runqueue: how long a thread could have run and was not let, as the kernel counts it
 * (/proc/thread-self/schedstat, the second number: proc(5), Documentation/scheduler/sched-stats).
 *
 * Storage: the caller's. Thread: the one it is about.
 */
#ifndef PELT_RUNQUEUE_H
#define PELT_RUNQUEUE_H

#include <stdbool.h>
#include <stdint.h>

struct pelt_runqueue {
    int fd;           /* -1: this kernel does not tell */
    uint64_t open_ns; /* waited until it was opened */
};

void pelt_runqueue_open(struct pelt_runqueue *q); /* of the calling thread */
void pelt_runqueue_close(struct pelt_runqueue *q);
/* Since pelt_runqueue_open(). False: it cannot be read. */
bool pelt_runqueue_wait_ns(const struct pelt_runqueue *q, uint64_t *wait_ns);

#endif
