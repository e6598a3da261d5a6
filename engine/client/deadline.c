/*
 * deadline: see the header. Each list is a ring around a sentinel, sorted by due time; a new
 * deadline walks back from the end past later ones, which for one constant length is no step at
 * all.
 *
 * Invariant: the timer is queued no later than the earliest deadline set. It may come early (what
 * it was queued for was cleared since); then it only moves on.
 */
#include "deadline.h"

#include <stdlib.h>

#include "pelt/clock.h"

static uint64_t earliest(const struct pelt_deadlines *all)
{
    uint64_t due_ns = PELT_NEVER;
    for (const struct pelt_deadline_list *list = &all->first; list != NULL; list = list->next) {
        const struct pelt_deadline *ring = &list->ring;
        if (ring->next != ring && ring->next->due_ns < due_ns) {
            due_ns = ring->next->due_ns;
        }
    }
    return due_ns;
}

static void arm(struct pelt_deadlines *all, uint64_t due_ns)
{
    if (pelt_timerq_add(all->timers, &all->timer, due_ns) != PELT_OK) {
        return; /* out of memory: it is not queued, so the next deadline set tries again */
    }
}

static void on_timer(struct pelt_timer *timer, uint64_t now_ns)
{
    struct pelt_deadlines *all = (struct pelt_deadlines *)timer;
    for (struct pelt_deadline_list *list = &all->first; list != NULL; list = list->next) {
        struct pelt_deadline *ring = &list->ring;
        while (ring->next != ring && ring->next->due_ns <= now_ns) {
            struct pelt_deadline *d = ring->next;
            pelt_deadline_clear(d);
            all->fn(all->arg, d, now_ns);
        }
    }
    uint64_t due_ns = earliest(all);
    if (due_ns != PELT_NEVER) {
        arm(all, due_ns);
    }
}

void pelt_deadlines_init(struct pelt_deadlines *all, struct pelt_timerq *timers,
                         pelt_deadline_fn fn, void *arg)
{
    *all =
        (struct pelt_deadlines){.timer = {.fn = on_timer}, .timers = timers, .fn = fn, .arg = arg};
    all->first.ring.next = all->first.ring.prev = &all->first.ring;
}

void pelt_deadlines_deinit(struct pelt_deadlines *all)
{
    pelt_timerq_remove(all->timers, &all->timer);
    while (all->first.next != NULL) {
        struct pelt_deadline_list *list = all->first.next;
        all->first.next = list->next;
        free(list);
    }
}

static struct pelt_deadline_list *add_list(struct pelt_deadlines *all, uint64_t length_ns)
{
    struct pelt_deadline_list *list = malloc(sizeof(struct pelt_deadline_list));
    if (list != NULL) {
        *list = (struct pelt_deadline_list){.next = all->first.next, .length_ns = length_ns};
        list->ring.next = list->ring.prev = &list->ring;
        all->first.next = list;
    }
    return list;
}

static struct pelt_deadline_list *find_list(struct pelt_deadlines *all, uint64_t length_ns)
{
    if (all->first.length_ns == 0) {
        all->first.length_ns = length_ns;
    }
    for (struct pelt_deadline_list *list = &all->first; list != NULL; list = list->next) {
        if (list->length_ns == length_ns) {
            return list;
        }
    }
    struct pelt_deadline_list *list = add_list(all, length_ns);
    return list != NULL ? list : &all->first;
}

void pelt_deadline_set(struct pelt_deadlines *all, struct pelt_deadline *d, uint64_t length_ns,
                       uint64_t due_ns)
{
    if (d->next != NULL && d->due_ns == due_ns) {
        return; /* each piece of a long body comes by here */
    }
    pelt_deadline_clear(d);
    struct pelt_deadline_list *list = find_list(all, length_ns);
    struct pelt_deadline *after = list->ring.prev;
    while (after != &list->ring && after->due_ns > due_ns) {
        after = after->prev;
    }
    d->due_ns = due_ns;
    d->prev = after;
    d->next = after->next;
    after->next->prev = d;
    after->next = d;
    if (all->timer.slot == 0 || due_ns < all->timer.due_ns) {
        arm(all, due_ns);
    }
}
