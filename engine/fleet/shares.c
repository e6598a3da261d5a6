/*
 * shares: see the header.
 */
#include "shares.h"

#include <stdlib.h>

#define PARTS_MAX (UINT64_C(1) << 48) /* times threads it is a number still */

struct share {
    uint32_t slot;
    uint64_t part, parts;
};

struct pelt_shares {
    uint32_t slots;
    uint64_t lost[PELT_ORDER_SLOT_WORDS];
    struct share *list;
    size_t len, cap;
};

struct pelt_shares *pelt_shares_new(uint32_t slots)
{
    struct pelt_shares *s = calloc(1, sizeof(*s));
    if (s == NULL) {
        return NULL;
    }
    *s = (struct pelt_shares){.slots = slots, .len = slots, .cap = slots};
    s->list = calloc(slots, sizeof(*s->list));
    if (s->list == NULL) {
        pelt_shares_free(s);
        return NULL;
    }
    for (uint32_t i = 0; i < slots; i++) {
        s->list[i] = (struct share){i, i, slots};
    }
    return s;
}

void pelt_shares_free(struct pelt_shares *s)
{
    if (s != NULL) {
        free(s->list);
        free(s);
    }
}

static bool has_room(struct pelt_shares *s, size_t more)
{
    const size_t cap = s->len + more;
    if (cap <= s->cap) {
        return true;
    }
    struct share *list = realloc(s->list, 2 * cap * sizeof(*list));
    if (list != NULL) {
        s->list = list;
        s->cap = 2 * cap;
    }
    return list != NULL;
}

static bool receives(const struct pelt_shares *s, const struct pelt_order_spread *spread,
                     uint32_t slot)
{
    return !pelt_order_slot(s->lost, slot) && !pelt_order_slot(spread->done, slot);
}

struct dealing {
    const struct pelt_order_spread *spread;
    uint32_t there; /* slots that get */
    uint32_t slot;
    uint64_t from_ns;
    pelt_share_fn fn;
    void *arg;
};

/* The share at `i` goes; those that it becomes come to the list's end. */
static enum pelt_status deal(struct pelt_shares *s, size_t i, const struct dealing *d)
{
    const struct share old = s->list[i];
    const uint64_t parts = old.parts * d->there;
    uint32_t rank = 0;
    if (parts / d->there != old.parts || parts > PARTS_MAX) {
        return PELT_ELIMIT;
    }
    if (!has_room(s, d->there)) {
        return PELT_ENOMEM;
    }
    s->list[i] = s->list[--s->len];
    for (uint32_t slot = 0; slot < s->slots; slot++) {
        if (receives(s, d->spread, slot)) {
            const uint64_t part = old.part + old.parts * rank++;
            s->list[s->len++] = (struct share){slot, part, parts};
            if (slot == d->slot) {
                d->fn(d->arg, part, parts, d->from_ns);
            }
        }
    }
    return PELT_OK;
}

enum pelt_status pelt_shares_spread(struct pelt_shares *s, const struct pelt_order_spread *spread,
                                    uint32_t slot, uint64_t from_ns, pelt_share_fn fn, void *arg)
{
    struct dealing d = {.spread = spread, .slot = slot, .from_ns = from_ns, .fn = fn, .arg = arg};
    enum pelt_status status = PELT_OK;
    for (size_t i = 0; i < PELT_ORDER_SLOT_WORDS; i++) {
        s->lost[i] |= spread->lost[i];
    }
    for (uint32_t i = 0; i < s->slots; i++) {
        d.there += receives(s, spread, i);
    }
    for (size_t i = 0; d.there > 0 && i < s->len;) {
        const enum pelt_status dealt =
            pelt_order_slot(s->lost, s->list[i].slot) ? deal(s, i, &d) : PELT_EOF;
        status = dealt == PELT_OK || dealt == PELT_EOF ? status : dealt;
        i += dealt != PELT_OK; /* else another is in its place */
    }
    return status;
}
