/* rankheap: no node comes before its parent; the parent of place i is place i / 2. */
#include "rankheap.h"

#include <assert.h>

#define FIRST_ROOM 64

static struct target_rank_node *at(const struct target_rankheap *heap, size_t place)
{
    return heap->node[place - 1];
}

static void put(struct target_rankheap *heap, size_t place, struct target_rank_node *node)
{
    heap->node[place - 1] = node;
    node->place = place;
}

static void rise(struct target_rankheap *heap, struct target_rank_node *node)
{
    size_t place = node->place;

    for (; place > 1 && heap->is_before(node, at(heap, place / 2)); place /= 2) {
        put(heap, place, at(heap, place / 2));
    }
    put(heap, place, node);
}

/* The earlier child of a place, or NULL. */
static struct target_rank_node *first_child(const struct target_rankheap *heap, size_t place)
{
    size_t child = 2 * place;

    if (child > heap->count) {
        return NULL;
    }
    if (child < heap->count && heap->is_before(at(heap, child + 1), at(heap, child))) {
        child++;
    }
    return at(heap, child);
}

static void sink(struct target_rankheap *heap, struct target_rank_node *node)
{
    size_t place = node->place;
    struct target_rank_node *child = first_child(heap, place);

    while (child && heap->is_before(child, node)) {
        size_t below = child->place;

        put(heap, place, child);
        place = below;
        child = first_child(heap, place);
    }
    put(heap, place, node);
}

void target_rankheap_deinit(struct target_rankheap *heap)
{
    free(heap->node);
    *heap = (struct target_rankheap){.is_before = heap->is_before};
}

bool target_rankheap_reserve(struct target_rankheap *heap, size_t count)
{
    size_t room = heap->room ? heap->room : FIRST_ROOM;
    struct target_rank_node **node;

    if (count <= heap->room) {
        return true;
    }
    while (room < count) {
        room *= 2;
    }
    node = realloc(heap->node, room * sizeof(struct target_rank_node *));
    if (!node) {
        return false;
    }
    heap->node = node;
    heap->room = room;
    return true;
}

void target_rankheap_add(struct target_rankheap *heap, struct target_rank_node *node)
{
    assert(heap->count < heap->room);
    put(heap, ++heap->count, node);
    rise(heap, node);
}

struct target_rank_node *target_rankheap_first(const struct target_rankheap *heap)
{
    return heap->count ? heap->node[0] : NULL;
}

void target_rankheap_remove(struct target_rankheap *heap, struct target_rank_node *node)
{
    size_t place = node->place;
    struct target_rank_node *last;

    if (place == 0) {
        return;
    }
    last = at(heap, heap->count--);
    node->place = 0;
    if (last != node) {
        put(heap, place, last);
        target_rankheap_moved(heap, last);
    }
}

void target_rankheap_moved(struct target_rankheap *heap, struct target_rank_node *node)
{
    rise(heap, node);
    sink(heap, node);
}

void target_rankheap_set_rule(struct target_rankheap *heap, target_rank_fn is_before)
{
    heap->is_before = is_before;
    for (size_t place = heap->count / 2; place >= 1; place--) {
        sink(heap, at(heap, place));
    }
}
