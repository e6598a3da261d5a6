/*
 * waiter: who waits for something that somebody else will bring, and the queue of them, first come
 * first served.
 *
 * Storage: the waiter is the caller's, borrowed from the call that queues it until it is handed
 * back or removed.   Thread: under the lock of the queue's owner; a list that was taken belongs to
 * its taker alone.
 */
#ifndef TARGET_WAITER_H
#define TARGET_WAITER_H

#include <stdbool.h>
#include <stddef.h>

struct target_waiters;

struct target_waiter {
    void *owner; /* the caller's: a request, a mailbox; nothing here reads it */
    void *got;   /* set before the waiter is handed back: what it waited for; NULL: it failed */
    struct target_waiter *next;
    struct target_waiter *prev;
    struct target_waiters *queue; /* NULL: in none */
};

struct target_waiters { /* all zero: empty */
    struct target_waiter *first, *last;
    size_t count;
};

/* At the end. The waiter must be in no queue. */
void target_waiters_push(struct target_waiters *queue, struct target_waiter *waiter);

/* From anywhere in the queue that it is in. */
void target_waiters_remove(struct target_waiter *waiter);

/*
 * Empties the queue: its first waiter, the others by `next` in order of arrival; NULL: nobody
 * waited. Each has `got` and is in no queue; read `next` before you hand a waiter to another
 * thread.
 */
struct target_waiter *target_waiters_take(struct target_waiters *queue, void *got);

#endif
