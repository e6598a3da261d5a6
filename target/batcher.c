/* batcher: see the header. */
#include "batcher.h"

#include "keytable.h"

static struct target_batch_member *member_of(struct target_waiter *waiter)
{
    return TARGET_OWNER(waiter, struct target_batch_member, waiter);
}

/* When a batch of those that wait may begin, if nothing else is being done. */
static uint64_t begin_ns(const struct target_batcher *batcher)
{
    if (batcher->waiting.count == 0) {
        return UINT64_MAX;
    }
    return batcher->waiting.count >= batcher->options.size_max
               ? batcher->now_ns
               : member_of(batcher->waiting.first)->since_ns + batcher->options.wait_ns;
}

static size_t bucket_of(uint64_t size)
{
    size_t bucket = 0;

    while ((UINT64_C(1) << bucket) < size) {
        bucket++;
    }
    return bucket;
}

static void begin(struct target_batcher *batcher)
{
    uint64_t size = batcher->waiting.count < batcher->options.size_max ? batcher->waiting.count
                                                                       : batcher->options.size_max;

    batcher->end_ns = batcher->now_ns + batcher->options.base_ns + size * batcher->options.item_ns;
    batcher->batches++;
    batcher->members += size;
    batcher->by_size[bucket_of(size)]++;
    for (uint64_t i = 0; i < size; i++) {
        struct target_batch_member *member = member_of(batcher->waiting.first);

        target_waiters_remove(&member->waiter);
        target_waiters_push(&batcher->doing, &member->waiter);
        member->begin_ns = batcher->now_ns;
        member->end_ns = batcher->end_ns;
        member->size = size;
    }
}

static struct target_waiter *append(struct target_waiter *list, struct target_waiter *more)
{
    struct target_waiter *last = list;

    while (last && last->next) {
        last = last->next;
    }
    if (last) {
        last->next = more;
    }
    return list ? list : more;
}

uint64_t target_batcher_due_ns(const struct target_batcher *batcher)
{
    return batcher->doing.count > 0 ? batcher->end_ns : begin_ns(batcher);
}

struct target_waiter *target_batcher_advance(struct target_batcher *batcher, uint64_t now_ns)
{
    struct target_waiter *done = NULL;
    uint64_t due_ns;

    while ((due_ns = target_batcher_due_ns(batcher)) <= now_ns) {
        batcher->now_ns = due_ns > batcher->now_ns ? due_ns : batcher->now_ns;
        if (batcher->doing.count > 0) {
            done = append(done, target_waiters_take(&batcher->doing, NULL));
        } else {
            begin(batcher);
        }
    }
    batcher->now_ns = now_ns > batcher->now_ns ? now_ns : batcher->now_ns;
    return done;
}

void target_batcher_add(struct target_batcher *batcher, struct target_batch_member *member,
                        uint64_t now_ns)
{
    batcher->now_ns = now_ns > batcher->now_ns ? now_ns : batcher->now_ns;
    member->since_ns = batcher->now_ns;
    target_waiters_push(&batcher->waiting, &member->waiter);
}

bool target_batcher_leave(struct target_batcher *batcher, struct target_batch_member *member)
{
    if (member->waiter.queue != &batcher->waiting) {
        return false;
    }
    target_waiters_remove(&member->waiter);
    return true;
}
