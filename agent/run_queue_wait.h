/*
 * run_queue_wait: for how long the threads of a process could have run and waited for a core, from
 * /proc/PID/task/TID/schedstat (the file of the process itself is about its first thread alone).
 *
 * Up to RUN_QUEUE_HELD threads are held open and can be read at each tick. Of a process with more,
 * each file is opened for each reading, so this is done once a second; of one with more than
 * RUN_QUEUE_THREADS nothing is said. Threads that begin are counted from their begin; of those that
 * end, what came after the last reading is lost.
 *
 * Storage: the owner's. Thread: the sampler's.
 */
#ifndef AGENT_RUN_QUEUE_WAIT_H
#define AGENT_RUN_QUEUE_WAIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "procfile.h"

#define RUN_QUEUE_HELD    16
#define RUN_QUEUE_THREADS 1024

struct run_queue_thread {
    pid_t tid;
    struct procfile file; /* of the first RUN_QUEUE_HELD, unless there are more */
    uint64_t waited_ns;   /* when it was read last */
    bool begun;           /* it was read */
};

struct run_queue_wait {
    struct run_queue_thread *threads; /* in order of tid */
    size_t len, capacity;
    uint64_t total_ns; /* of all threads, since attach */
    bool attached;     /* later threads count from their begin */
};

bool run_queue_wait_init(struct run_queue_wait *r); /* false: out of memory */
void run_queue_wait_deinit(struct run_queue_wait *r);
/* Forgets all threads: another process. */
void run_queue_wait_reset(struct run_queue_wait *r);
/* Looks which threads there are; `dir` is that of the process. Returns 0, errno, or E2BIG: too many
 * threads. */
int run_queue_wait_refresh(struct run_queue_wait *r, int dir);
/* Whether the threads are held open, so that a reading is cheap. */
bool run_queue_wait_held(const struct run_queue_wait *r);
/* Reads all; total_ns grows. Returns 0, or errno of the last one if none can be read. */
int run_queue_wait_read(struct run_queue_wait *r, int dir);

#endif
