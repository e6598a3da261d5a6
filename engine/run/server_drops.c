/*
 * server_drops: see the header.
 */
#include "server_drops.h"

#include <stdlib.h>

#define DROPS_MAX 100000
#define SCALE     1000 /* 10^PELT_METRIC_DECIMALS_MAX */
_Static_assert(PELT_METRIC_DECIMALS_MAX == 3, "SCALE");

struct pelt_server_drop {
    int32_t t;
    uint32_t series;
    bool is_level;
    struct pelt_metric_frame value; /* its histogram is empty */
};

void pelt_server_drops_deinit(struct pelt_server_drops *d)
{
    free(d->list);
    *d = (struct pelt_server_drops){.len = 0};
}

/* NULL: no room, and that is remembered. */
static struct pelt_server_drop *drop_in(struct pelt_server_drops *d, int32_t t, uint32_t series)
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
    return drop;
}

/* As the sum of a server's gauge counts it: its metric has as many decimals as can be. */
static uint64_t scaled(double level)
{
    const double whole = level * SCALE + 0.5;
    return whole < (double)PELT_METRIC_SUM_MAX ? (uint64_t)whole : PELT_METRIC_SUM_MAX;
}

void pelt_server_drops_level(struct pelt_server_drops *d, int32_t t, uint32_t series,
                             uint64_t at_ns, double level)
{
    struct pelt_server_drop *drop = drop_in(d, t, series);
    if (drop != NULL) {
        drop->is_level = true;
        drop->value.values = 1;
        drop->value.sum = level > 0 ? scaled(level) : 0;
        drop->value.at_ns = at_ns;
        drop->value.last = drop->value.min = drop->value.max = level;
    }
}

void pelt_server_drops_count(struct pelt_server_drops *d, int32_t t, uint32_t series, uint64_t part,
                             uint64_t values)
{
    struct pelt_server_drop *drop = drop_in(d, t, series);
    if (drop != NULL) {
        drop->value.values = values;
        drop->value.sum = part;
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

void pelt_server_drops_rest(struct pelt_server_drops *d, struct pelt_frame *last)
{
    for (size_t i = 0; i < d->len; i++) {
        if (!d->list[i].is_level) {
            d->list[i].t = last->second;
        }
    }
    pelt_server_drops_add(d, last);
    d->len = 0;
}
