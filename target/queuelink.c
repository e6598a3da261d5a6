/* queuelink: see the header. */
#include "queuelink.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "clock.h"

#define NS_PER_MS UINT64_C(1000000)

bool target_queuelink_init(struct target_queuelink *link, struct target_memqueue *memory,
                           const char *address, const char *name)
{
    *link = (struct target_queuelink){.memory = memory};
    link->redis = memory ? NULL : target_redisqueue_new(address, name);
    return memory || link->redis;
}

void target_queuelink_deinit(struct target_queuelink *link)
{
    target_redisqueue_free(link->redis);
    *link = (struct target_queuelink){.redis = NULL};
}

static enum target_queue_got got(uint64_t number, char id[TARGET_REDISQUEUE_ID_BYTES])
{
    snprintf(id, TARGET_REDISQUEUE_ID_BYTES, "%" PRIu64, number);
    return number > 0 ? TARGET_QUEUE_GOT : TARGET_QUEUE_NONE;
}

bool target_queuelink_add(struct target_queuelink *link, const void *message, size_t bytes,
                          char id[TARGET_REDISQUEUE_ID_BYTES])
{
    return link->memory
               ? got(target_memqueue_add(link->memory, message, bytes), id) == TARGET_QUEUE_GOT
               : target_redisqueue_open(link->redis) &&
                     target_redisqueue_add(link->redis, message, bytes, id);
}

enum target_queue_got target_queuelink_take(struct target_queuelink *link, const char *consumer,
                                            uint64_t wait_ms, char id[TARGET_REDISQUEUE_ID_BYTES])
{
    return link->memory ? got(target_memqueue_take(link->memory, target_clock_now_ns()), id)
                        : target_redisqueue_take(link->redis, consumer, wait_ms, id);
}

enum target_queue_got target_queuelink_claim(struct target_queuelink *link, const char *consumer,
                                             uint64_t idle_ms, char id[TARGET_REDISQUEUE_ID_BYTES])
{
    return link->memory ? got(target_memqueue_claim(link->memory, idle_ms * NS_PER_MS,
                                                    target_clock_now_ns()),
                              id)
                        : target_redisqueue_claim(link->redis, consumer, idle_ms, id);
}

bool target_queuelink_acknowledge(struct target_queuelink *link, const char *id)
{
    return link->memory ? target_memqueue_acknowledge(link->memory, strtoull(id, NULL, 10))
                        : target_redisqueue_acknowledge(link->redis, id);
}

void target_queuelink_leave(struct target_queuelink *link, const char *consumer)
{
    if (link->redis) {
        target_redisqueue_leave(link->redis, consumer);
    }
}

bool target_queuelink_depth(struct target_queuelink *link, struct target_queue_depth *depth)
{
    if (!link->memory) {
        return target_redisqueue_depth(link->redis, depth);
    }
    target_memqueue_depth(link->memory, &depth->waiting, &depth->pending);
    return true;
}
