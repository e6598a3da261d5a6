/*
 * dueheap: held requests, the first due on top; what is due together leaves in order of arrival.
 *
 * A binary heap in one growing array. Storage: heap memory, kept until deinit.
 * Thread: the owning loop's only.
 */
#ifndef TARGET_DUEHEAP_H
#define TARGET_DUEHEAP_H

#include <stddef.h>
#include <stdint.h>

#include "error.h"

struct target_held {
    uint64_t due_ns; /* CLOCK_MONOTONIC */
    uint64_t order;  /* of arrival */
    void *what;      /* borrowed */
};

struct target_dueheap { /* all zero: empty */
    struct target_held *item;
    size_t count, room;
};

void target_dueheap_deinit(struct target_dueheap *heap);

/* False: no memory, nothing added. */
TARGET_MUST_USE bool target_dueheap_push(struct target_dueheap *heap, struct target_held held);

/* The first due, borrowed until the next call; NULL if empty. */
const struct target_held *target_dueheap_peek(const struct target_dueheap *heap);

/* Removes and returns the first due. The heap must not be empty. */
struct target_held target_dueheap_pop(struct target_dueheap *heap);

/* Makes room for `count` in all, so that pushes up to it cannot fail. False: no memory. */
TARGET_MUST_USE bool target_dueheap_reserve(struct target_dueheap *heap, size_t count);

/* Empties the heap; memory is kept. */
void target_dueheap_clear(struct target_dueheap *heap);

/* Restores the order after the caller changed `due_ns` of items in place. */
void target_dueheap_sort_again(struct target_dueheap *heap);

#endif
