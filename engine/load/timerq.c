/*
 * timerq: see the header. A 4-ary heap: half the levels of a binary one, and the four children of a
 * node share one or two cache lines.
 *
 * Invariant: heap[i]->slot == i + 1, and no node comes before its parent (i - 1) / 4.
 */
#include "pelt/timerq.h"

#include <assert.h>
#include <stdlib.h>

#include "pelt/clock.h"

#define ARITY     4
#define FIRST_CAP 64

void pelt_timerq_init(struct pelt_timerq *q)
{
    *q = (struct pelt_timerq){0};
}

void pelt_timerq_deinit(struct pelt_timerq *q)
{
    for (size_t i = 0; i < q->len; i++) {
        q->heap[i]->slot = 0;
    }
    free(q->heap);
    *q = (struct pelt_timerq){0};
}

static bool before(const struct pelt_timer *a, const struct pelt_timer *b)
{
    return a->due_ns != b->due_ns ? a->due_ns < b->due_ns : a->seq < b->seq;
}

static void place(struct pelt_timerq *q, size_t i, struct pelt_timer *t)
{
    q->heap[i] = t;
    t->slot = i + 1;
}

/* Moves the hole at i up until `t` fits there. */
static void sift_up(struct pelt_timerq *q, size_t i, struct pelt_timer *t)
{
    while (i > 0) {
        size_t parent = (i - 1) / ARITY;
        if (!before(t, q->heap[parent])) {
            break;
        }
        place(q, i, q->heap[parent]);
        i = parent;
    }
    place(q, i, t);
}

static size_t first_child(const struct pelt_timerq *q, size_t i)
{
    size_t begin = i * ARITY + 1;
    size_t end = begin + ARITY < q->len ? begin + ARITY : q->len;
    size_t first = begin;
    for (size_t c = begin + 1; c < end; c++) {
        if (before(q->heap[c], q->heap[first])) {
            first = c;
        }
    }
    return first;
}

/* Moves the hole at i down until `t` fits there. */
static void sift_down(struct pelt_timerq *q, size_t i, struct pelt_timer *t)
{
    while (i * ARITY + 1 < q->len) {
        size_t child = first_child(q, i);
        if (!before(q->heap[child], t)) {
            break;
        }
        place(q, i, q->heap[child]);
        i = child;
    }
    place(q, i, t);
}

/* Fills the hole at i with `t`, which may belong above or below it. */
static void settle(struct pelt_timerq *q, size_t i, struct pelt_timer *t)
{
    if (i > 0 && before(t, q->heap[(i - 1) / ARITY])) {
        sift_up(q, i, t);
    } else {
        sift_down(q, i, t);
    }
}

static enum pelt_status make_room(struct pelt_timerq *q)
{
    if (q->len < q->cap) {
        return PELT_OK;
    }
    size_t cap = q->cap > 0 ? q->cap * 2 : FIRST_CAP;
    struct pelt_timer **heap = realloc(q->heap, cap * sizeof(*heap));
    if (heap == NULL) {
        return PELT_ENOMEM;
    }
    q->heap = heap;
    q->cap = cap;
    return PELT_OK;
}

enum pelt_status pelt_timerq_add(struct pelt_timerq *q, struct pelt_timer *t, uint64_t due_ns)
{
    assert(t->fn != NULL);
    if (t->slot == 0) {
        enum pelt_status status = make_room(q);
        if (status != PELT_OK) {
            return status;
        }
        t->slot = ++q->len; /* the hole behind the last one */
    }
    t->due_ns = due_ns;
    t->seq = q->seq++;
    settle(q, t->slot - 1, t);
    return PELT_OK;
}

void pelt_timerq_remove(struct pelt_timerq *q, struct pelt_timer *t)
{
    if (t->slot == 0) {
        return;
    }
    size_t i = t->slot - 1;
    assert(q->heap[i] == t);
    struct pelt_timer *last = q->heap[--q->len];
    t->slot = 0;
    if (last != t) {
        settle(q, i, last);
    }
}

uint64_t pelt_timerq_next(const struct pelt_timerq *q)
{
    return q->len > 0 ? q->heap[0]->due_ns : PELT_NEVER;
}

size_t pelt_timerq_run(struct pelt_timerq *q, uint64_t now_ns, size_t most)
{
    const uint64_t added_since = q->seq;
    size_t ran = 0;
    while (ran < most && q->len > 0) {
        struct pelt_timer *t = q->heap[0];
        if (t->due_ns > now_ns || t->seq >= added_since) {
            break;
        }
        pelt_timerq_remove(q, t);
        t->fn(t, now_ns);
        ran++;
    }
    return ran;
}
