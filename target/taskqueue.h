/*
 * taskqueue: background tasks of three priorities and the virtual workers that do them.
 *
 * A free worker takes the task of the highest priority that waits, of those the one that came
 * first; a task that runs is not interrupted. As service times are known beforehand, all is a
 * calculation in exact time, whenever somebody looks: a task starts the moment that a worker is
 * free.
 *
 * The last TARGET_TASKS_KEPT tasks are remembered. One that is so old and still waits or runs
 * makes the queue full: its place is needed for the next.
 *
 * Storage: opaque, new/free.   Clock: CLOCK_MONOTONIC nanoseconds, passed in; a time before one
 * already seen counts as that one.   Thread: the caller's lock.
 */
#ifndef TARGET_TASKQUEUE_H
#define TARGET_TASKQUEUE_H

#include <stddef.h>
#include <stdint.h>

#include "error.h"

#define TARGET_TASKS_KEPT       16384
#define TARGET_TASK_WORKERS_MAX 1000

enum target_task_priority {
    TARGET_TASK_HIGH,
    TARGET_TASK_NORMAL,
    TARGET_TASK_LOW,
    TARGET_TASK_PRIORITIES,
};

enum target_task_state {
    TARGET_TASK_QUEUED,
    TARGET_TASK_RUNNING,
    TARGET_TASK_DONE,
};

struct target_task { /* read it */
    uint64_t id;     /* from 1 */
    enum target_task_priority priority;
    enum target_task_state state;
    uint64_t service_ns;
    uint64_t queued_ns, start_ns, end_ns; /* the last two once they are known */
    void *owner;                          /* the caller's: who waits for it */
    struct target_task *next;             /* in its queue */
};

struct target_taskqueue_figures {
    uint64_t queued[TARGET_TASK_PRIORITIES]; /* now */
    uint64_t running;                        /* now */
    uint64_t done[TARGET_TASK_PRIORITIES];   /* so far; so the next two, of those that began */
    uint64_t wait_ns[TARGET_TASK_PRIORITIES];
    uint64_t waited, refused; /* had to wait; found no place */
};

struct target_taskqueue;

/* Told of each task that ends, in order of their ends; may read it, may not call the queue. */
typedef void (*target_task_end_fn)(void *cls, const struct target_task *task);

/* NULL: no memory. No workers: it takes no tasks. */
struct target_taskqueue *target_taskqueue_new(target_task_end_fn on_end, void *cls);
void target_taskqueue_free(struct target_taskqueue *queue);

/* Fewer workers: those that are busy finish first. `waiting_max` is of all priorities together. */
void target_taskqueue_set(struct target_taskqueue *queue, uint64_t workers, uint64_t waiting_max,
                          uint64_t now_ns);

/* Its id; 0: there are too many. */
uint64_t target_taskqueue_add(struct target_taskqueue *queue, enum target_task_priority priority,
                              uint64_t service_ns, void *owner, uint64_t now_ns);

/* Up to `now_ns`. */
void target_taskqueue_advance(struct target_taskqueue *queue, uint64_t now_ns);

/* When the next task ends; UINT64_MAX: none runs. */
uint64_t target_taskqueue_due_ns(const struct target_taskqueue *queue);

/* As of the last advance; NULL: there never was such a task, or it is forgotten. */
struct target_task *target_taskqueue_find(struct target_taskqueue *queue, uint64_t id);

/* The id of the newest task; 0: there was none. */
uint64_t target_taskqueue_last(const struct target_taskqueue *queue);

struct target_taskqueue_figures target_taskqueue_figures(const struct target_taskqueue *queue);

#endif
