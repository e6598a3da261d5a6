/*
 * deadline: what has to happen before a moment, kept in one list a length of time. Deadlines of one
 * length are nearly always added in the order in which they fall due, so adding and removing cost a
 * few stores and only the lists' heads are looked at. The earliest head sits in the thread's timer
 * queue: a busy list costs no wake-up until a deadline really passes.
 *
 * Storage: nodes are members of what they watch (24 bytes). Thread: the owner. Clock: passed in.
 */
#ifndef PELT_DEADLINE_H
#define PELT_DEADLINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pelt/timerq.h"

struct pelt_deadline {
    struct pelt_deadline *prev, *next; /* NULL: not set */
    uint64_t due_ns;
};

typedef void (*pelt_deadline_fn)(void *arg, struct pelt_deadline *d, uint64_t now_ns);

struct pelt_deadline_list {
    struct pelt_deadline_list *next;
    uint64_t length_ns;        /* 0: not in use yet */
    struct pelt_deadline ring; /* sentinel: earliest is ring.next */
};

struct pelt_deadlines {
    struct pelt_timer timer; /* first member: the queue's callback casts back */
    struct pelt_timerq *timers;
    struct pelt_deadline_list first; /* one list a distinct length; few */
    pelt_deadline_fn fn;
    void *arg;
};

/* `all` stays at its address until deinit. `fn` is called for each deadline that passed; it is not
 * set any more then. */
void pelt_deadlines_init(struct pelt_deadlines *all, struct pelt_timerq *timers,
                         pelt_deadline_fn fn, void *arg);
void pelt_deadlines_deinit(struct pelt_deadlines *all);

/* Sets `d` (moving it if it was set) to pass at due_ns, in the list of `length_ns` > 0. Out of
 * memory for a new list: the deadline joins the first list, where keeping the order costs more. */
void pelt_deadline_set(struct pelt_deadlines *all, struct pelt_deadline *d, uint64_t length_ns,
                       uint64_t due_ns);

static inline void pelt_deadline_clear(struct pelt_deadline *d)
{
    if (d->next != NULL) {
        d->prev->next = d->next;
        d->next->prev = d->prev;
        d->next = NULL;
    }
}

#endif
