/* waiter: see the header. */
#include "waiter.h"

#include <assert.h>

void target_waiters_push(struct target_waiters *queue, struct target_waiter *waiter)
{
    waiter->got = NULL;
    waiter->queue = queue;
    waiter->next = NULL;
    waiter->prev = queue->last;
    if (queue->last) {
        queue->last->next = waiter;
    } else {
        queue->first = waiter;
    }
    queue->last = waiter;
    queue->count++;
}

void target_waiters_remove(struct target_waiter *waiter)
{
    struct target_waiters *queue = waiter->queue;

    assert(queue != NULL);
    if (waiter->prev) {
        waiter->prev->next = waiter->next;
    } else {
        queue->first = waiter->next;
    }
    if (waiter->next) {
        waiter->next->prev = waiter->prev;
    } else {
        queue->last = waiter->prev;
    }
    waiter->next = waiter->prev = NULL;
    waiter->queue = NULL;
    queue->count--;
}

struct target_waiter *target_waiters_take(struct target_waiters *queue, void *got)
{
    struct target_waiter *first = queue->first;

    for (struct target_waiter *waiter = first; waiter; waiter = waiter->next) {
        waiter->got = got;
        waiter->queue = NULL;
    }
    *queue = (struct target_waiters){0};
    return first;
}
