/*
 * batcher: gathers what comes one by one into batches, and does one batch after the other.
 *
 * A batch begins when nothing is being done and either `size_max` wait or the first of them has
 * waited for `wait_ns`; it takes up to `size_max` of those that wait, in order of arrival, and
 * lasts `base_ns` + n x `item_ns`. So under load batches are full, and a lone one waits for
 * `wait_ns` in vain.
 *
 * Storage: the caller's, no heap; members are the caller's until they are handed back.   Clock:
 * CLOCK_MONOTONIC nanoseconds, passed in; a time before one already seen counts as that one.
 * Thread: the caller's lock.
 */
#ifndef TARGET_BATCHER_H
#define TARGET_BATCHER_H

#include <stddef.h>
#include <stdint.h>

#include "waiter.h"

#define TARGET_BATCH_SIZE_MAX 256
#define TARGET_BATCH_BUCKETS  9 /* of sizes: up to 1, 2, 4, ..., 256 */

struct target_batch_options {
    uint64_t size_max; /* 1 to TARGET_BATCH_SIZE_MAX */
    uint64_t wait_ns;
    uint64_t base_ns, item_ns;
};

struct target_batch_member {
    struct target_waiter waiter;
    uint64_t since_ns, begin_ns, end_ns; /* came; its batch began, ended */
    uint64_t size;                       /* of its batch */
};

struct target_batcher { /* all zero but options: empty. Use the functions */
    struct target_batch_options options;
    struct target_waiters waiting; /* of members */
    struct target_waiters doing;   /* the batch under way */
    uint64_t end_ns;               /* of that */
    uint64_t now_ns;
    uint64_t batches, members;              /* begun so far */
    uint64_t by_size[TARGET_BATCH_BUCKETS]; /* of batches, not cumulative */
};

void target_batcher_add(struct target_batcher *batcher, struct target_batch_member *member,
                        uint64_t now_ns);

/* Moves to `now_ns`. Returns whose batch ended until then, in order, by `next`; NULL: nobody. */
struct target_waiter *target_batcher_advance(struct target_batcher *batcher, uint64_t now_ns);

/* When `advance` has something to do; UINT64_MAX: not before somebody comes. */
uint64_t target_batcher_due_ns(const struct target_batcher *batcher);

/* False: its batch has begun, and it will be handed back. */
bool target_batcher_leave(struct target_batcher *batcher, struct target_batch_member *member);

#endif
