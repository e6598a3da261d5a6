/*
 * memqueue: a queue of messages in memory, with what redisqueue promises: each goes to one
 * consumer, and to another one if that has not acknowledged it in time. It ends with the service.
 *
 * Storage: opaque, new/free; messages are copied.   Thread: any; one lock inside.
 * Clock: CLOCK_MONOTONIC nanoseconds, passed in.
 */
#ifndef TARGET_MEMQUEUE_H
#define TARGET_MEMQUEUE_H

#include <stddef.h>
#include <stdint.h>

#include "error.h"

struct target_memqueue;

/* NULL: no memory. */
struct target_memqueue *target_memqueue_new(void);
void target_memqueue_free(struct target_memqueue *queue);

/* Its id, from 1; 0: no memory. */
uint64_t target_memqueue_add(struct target_memqueue *queue, const void *message, size_t bytes);

/* The oldest that nobody had; 0: there is none. */
uint64_t target_memqueue_take(struct target_memqueue *queue, uint64_t now_ns);

/* The oldest that was taken `idle_ns` ago or earlier, and not acknowledged; 0: there is none. */
uint64_t target_memqueue_claim(struct target_memqueue *queue, uint64_t idle_ns, uint64_t now_ns);

/* It is done. False: there is none of that id that somebody has. */
bool target_memqueue_acknowledge(struct target_memqueue *queue, uint64_t id);

/* How many nobody has, and how many were taken and not acknowledged. */
void target_memqueue_depth(struct target_memqueue *queue, uint64_t *waiting, uint64_t *pending);

#endif
