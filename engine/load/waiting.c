/*
 * waiting: see the header. The ring's size is a power of two; it grows as it is needed, and never
 * shrinks.
 */
#include "waiting.h"

#include <stdlib.h>

#define FIRST_CAP 256

static bool grow(struct pelt_waiting *w)
{
    uint32_t cap = w->cap > 0 ? w->cap * 2 : FIRST_CAP;
    struct pelt_arrival *ring = malloc(cap * sizeof(*ring));
    if (ring == NULL) {
        return false;
    }
    for (uint32_t i = 0; i < w->len; i++) {
        ring[i] = w->ring[(w->head + i) & (w->cap - 1)];
    }
    free(w->ring);
    w->ring = ring;
    w->head = 0;
    w->cap = cap;
    return true;
}

bool pelt_waiting_push(struct pelt_waiting *w, struct pelt_arrival a)
{
    if (w->len == w->most || (w->len == w->cap && !grow(w))) {
        return false;
    }
    w->ring[(w->head + w->len) & (w->cap - 1)] = a;
    w->len++;
    return true;
}

struct pelt_arrival pelt_waiting_pop(struct pelt_waiting *w)
{
    struct pelt_arrival a = w->ring[w->head];
    w->head = (w->head + 1) & (w->cap - 1);
    w->len--;
    return a;
}

void pelt_waiting_deinit(struct pelt_waiting *w)
{
    free(w->ring);
    *w = (struct pelt_waiting){.ring = NULL};
}
