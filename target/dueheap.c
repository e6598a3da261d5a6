/* dueheap: item[i] is never before its parent item[(i - 1) / 2]. */
#include "dueheap.h"

#include <assert.h>

#define FIRST_ROOM 256

static bool is_before(const struct target_held *a, const struct target_held *b)
{
    return a->due_ns != b->due_ns ? a->due_ns < b->due_ns : a->order < b->order;
}

bool target_dueheap_reserve(struct target_dueheap *heap, size_t count)
{
    size_t room = heap->room ? heap->room : FIRST_ROOM;
    struct target_held *item;

    while (room < count) {
        room *= 2;
    }
    if (room == heap->room) {
        return true;
    }
    item = realloc(heap->item, room * sizeof *item);
    if (!item) {
        return false;
    }
    heap->item = item;
    heap->room = room;
    return true;
}

void target_dueheap_deinit(struct target_dueheap *heap)
{
    free(heap->item);
    *heap = (struct target_dueheap){0};
}

bool target_dueheap_push(struct target_dueheap *heap, struct target_held held)
{
    size_t i, parent;

    if (!target_dueheap_reserve(heap, heap->count + 1)) {
        return false;
    }
    for (i = heap->count++; i > 0; i = parent) {
        parent = (i - 1) / 2;
        if (!is_before(&held, &heap->item[parent])) {
            break;
        }
        heap->item[i] = heap->item[parent];
    }
    heap->item[i] = held;
    return true;
}

const struct target_held *target_dueheap_peek(const struct target_dueheap *heap)
{
    return heap->count ? &heap->item[0] : NULL;
}

/* The earlier child of i, or `count` if it has none. */
static size_t first_child(const struct target_dueheap *heap, size_t i)
{
    size_t child = 2 * i + 1;

    if (child >= heap->count) {
        return heap->count;
    }
    if (child + 1 < heap->count && is_before(&heap->item[child + 1], &heap->item[child])) {
        return child + 1;
    }
    return child;
}

/* Puts `item` where i is, or below it. */
static void sink(struct target_dueheap *heap, size_t i, struct target_held item)
{
    for (;;) {
        size_t child = first_child(heap, i);

        if (child == heap->count || !is_before(&heap->item[child], &item)) {
            break;
        }
        heap->item[i] = heap->item[child];
        i = child;
    }
    heap->item[i] = item;
}

struct target_held target_dueheap_pop(struct target_dueheap *heap)
{
    struct target_held first, last;

    assert(heap->count > 0);
    first = heap->item[0];
    last = heap->item[--heap->count];
    sink(heap, 0, last);
    return first;
}

void target_dueheap_clear(struct target_dueheap *heap)
{
    heap->count = 0;
}

void target_dueheap_sort_again(struct target_dueheap *heap)
{
    for (size_t i = heap->count / 2; i-- > 0;) {
        sink(heap, i, heap->item[i]);
    }
}
