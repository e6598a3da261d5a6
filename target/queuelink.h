/*
 * queuelink: a queue of messages, wherever it is: in a Redis server (redisqueue.h) or in memory
 * (memqueue.h). The same calls for both.
 *
 * Storage: the caller's; init/deinit.   Thread: one at a time, the owner's.
 */
#ifndef TARGET_QUEUELINK_H
#define TARGET_QUEUELINK_H

#include "memqueue.h"
#include "redisqueue.h"

struct target_queuelink {
    struct target_memqueue *memory;  /* borrowed; NULL: it is in Redis */
    struct target_redisqueue *redis; /* its own connection; NULL: no memory for one */
};

/* `memory`: the queue, borrowed; or NULL: of `name` at `address`. False: no memory. */
TARGET_MUST_USE bool target_queuelink_init(struct target_queuelink *link,
                                           struct target_memqueue *memory, const char *address,
                                           const char *name);
void target_queuelink_deinit(struct target_queuelink *link);

/* As those of redisqueue.h. One in memory does not wait for a message: the caller does. */
TARGET_MUST_USE bool target_queuelink_add(struct target_queuelink *link, const void *message,
                                          size_t bytes, char id[TARGET_REDISQUEUE_ID_BYTES]);
enum target_queue_got target_queuelink_take(struct target_queuelink *link, const char *consumer,
                                            uint64_t wait_ms, char id[TARGET_REDISQUEUE_ID_BYTES]);
enum target_queue_got target_queuelink_claim(struct target_queuelink *link, const char *consumer,
                                             uint64_t idle_ms, char id[TARGET_REDISQUEUE_ID_BYTES]);
TARGET_MUST_USE bool target_queuelink_acknowledge(struct target_queuelink *link, const char *id);
void target_queuelink_leave(struct target_queuelink *link, const char *consumer);
TARGET_MUST_USE bool target_queuelink_depth(struct target_queuelink *link,
                                            struct target_queue_depth *depth);

#endif
