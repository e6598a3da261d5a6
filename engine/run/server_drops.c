/*
 * server_drops: see the header.
 */
#include "server_drops.h"

#include <stdlib.h>

#define DROPS_MAX 100000

struct pelt_server_drop {
    int32_t t;
    uint32_t series;
    struct pelt_metric_frame value; /* its histogram is empty */
};

void pelt_server_drops_deinit(struct pelt_server_drops *d)
{
    free(d->list);
    *d = (struct pelt_server_drops){.len = 0};
}

/* NULL: no room, and that is remembered. */
static struct pelt_metric_frame *drop_in(struct pelt_server_drops *d, int32_t t, uint32_t series)
{
    if (d->len == d->room) {
        const size_t room = d->room > 0 ? 2 * d->room : 16;
        void *list = d->len < DROPS_MAX ? realloc(d->list, room * sizeof *d->list) : NULL;
        if (list == NULL) {
            d->failed = true;
            return NULL;
        }
        d->list = list;
        d->room = room;
    }
    struct pelt_server_drop *drop = &d->list[d->len++];
    *drop = (struct pelt_server_drop){.t = t, .series = series};
    return &drop->value;
}

void pelt_server_drops_level(struct pelt_server_drops *d, int32_t t, uint32_t series,
                             uint64_t at_ns, double level)
{
    struct pelt_metric_frame *v = drop_in(d, t, series);
    if (v != NULL) {
        v->values = 1;
        v->at_ns = at_ns;
        v->last = v->min = v->max = level;
    }
}

void pelt_server_drops_count(struct pelt_server_drops *d, int32_t t, uint32_t series, uint64_t part,
                             uint64_t values)
{
    struct pelt_metric_frame *v = drop_in(d, t, series);
    if (v != NULL) {
        v->values = values;
        v->sum = part;
    }
}

void pelt_server_drops_add(struct pelt_server_drops *d, struct pelt_frame *second)
{
    size_t kept = 0;
    for (size_t i = 0; i < d->len; i++) {
        const struct pelt_server_drop *drop = &d->list[i];
        struct pelt_metric_frame *into =
            drop->t <= second->second ? pelt_frame_metric(second, drop->series) : NULL;
        if (into != NULL) {
            pelt_metric_frame_add(into, &second->pool, &drop->value);
        } else if (drop->t > second->second) {
            d->list[kept++] = *drop;
        } else {
            second->lost++;
        }
    }
    d->len = kept;
}
