/* dueheap: item[i] is never before its parent item[(i - 1) / 2]. */
#include "dueheap.h"

#include <assert.h>

#define FIRST_ROOM 256

static bool is_before(const struct target_held *a, const struct target_held *b)
{
    return a->due_ns != b->due_ns ? a->due_ns < b->due_ns : a->order < b->order;
}

static bool grow(struct target_dueheap *heap)
{
    size_t room = heap->room ? heap->room * 2 : FIRST_ROOM;
    struct target_held *item = realloc(heap->item, room * sizeof *item);

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

    if (heap->count == heap->room && !grow(heap)) {
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

struct target_held target_dueheap_pop(struct target_dueheap *heap)
{
    struct target_held first, last;
    size_t i = 0;

    assert(heap->count > 0);
    first = heap->item[0];
    last = heap->item[--heap->count];
    for (;;) {
        size_t child = first_child(heap, i);

        if (child == heap->count || !is_before(&heap->item[child], &last)) {
            break;
        }
        heap->item[i] = heap->item[child];
        i = child;
    }
    heap->item[i] = last;
    return first;
}
