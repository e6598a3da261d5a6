/*
 * redisqueue: a queue of messages as a stream of a Redis server with one group of consumers: each
 * message goes to one of them, and to another one if that has not acknowledged it in time.
 *
 * One connection, by hiredis. Calls block, at most TARGET_REDISQUEUE_MS beyond what they ask the
 * server to wait. One that failed closes the connection; the next one opens it anew. What comes
 * back is untrusted: replies of other kinds than expected are failures.
 *
 * Storage: opaque, new/free.   Thread: one at a time, the owner's.
 */
#ifndef TARGET_REDISQUEUE_H
#define TARGET_REDISQUEUE_H

#include <stddef.h>
#include <stdint.h>

#include "error.h"

#define TARGET_REDISQUEUE_MS       1000
#define TARGET_REDISQUEUE_ID_BYTES 48 /* of a message, with its end */

struct target_redisqueue;

enum target_queue_got {
    TARGET_QUEUE_GOT,
    TARGET_QUEUE_NONE,
    TARGET_QUEUE_FAILED, /* no connection, no answer in time, or not what was expected */
};

struct target_queue_depth {
    uint64_t waiting; /* nobody has them */
    uint64_t pending; /* given to a consumer, not acknowledged */
};

/* `address`: HOST:PORT; `name`: of the stream. NULL: no memory. */
struct target_redisqueue *target_redisqueue_new(const char *address, const char *name);
void target_redisqueue_free(struct target_redisqueue *queue);

/* Makes stream and group unless they are there. */
TARGET_MUST_USE bool target_redisqueue_open(struct target_redisqueue *queue);

/* Adds a message. False: failed; it may have been added. */
TARGET_MUST_USE bool target_redisqueue_add(struct target_redisqueue *queue, const void *message,
                                           size_t bytes, char id[TARGET_REDISQUEUE_ID_BYTES]);

/* The next message that nobody had, for `consumer`; waits for one up to `wait_ms`. */
enum target_queue_got target_redisqueue_take(struct target_redisqueue *queue, const char *consumer,
                                             uint64_t wait_ms, char id[TARGET_REDISQUEUE_ID_BYTES]);

/* One that another consumer got `idle_ms` ago or earlier, and did not acknowledge. */
enum target_queue_got target_redisqueue_claim(struct target_redisqueue *queue, const char *consumer,
                                              uint64_t idle_ms,
                                              char id[TARGET_REDISQUEUE_ID_BYTES]);

/* It is done: nobody gets it again, and it is there no longer. False: failed, and neither is so. */
TARGET_MUST_USE bool target_redisqueue_acknowledge(struct target_redisqueue *queue, const char *id);

/*
 * The consumer leaves for good, if there is a connection; what it had not acknowledged is somebody
 * else's before long.
 */
void target_redisqueue_leave(struct target_redisqueue *queue, const char *consumer);

/* False: failed. */
TARGET_MUST_USE bool target_redisqueue_depth(struct target_redisqueue *queue,
                                             struct target_queue_depth *depth);

#endif
