/*
 * server_carried: see the header.
 */
#include "server_carried.h"

#include <math.h>

#include "pelt/clock.h"
#include "pelt/server_kind.h"

#define COUNTER_SCALE 1000 /* some counters count seconds: a metric keeps their thousandths */

void pelt_server_carried_init(struct pelt_server_carried *c, uint32_t series,
                              enum pelt_server_cell cell)
{
    *c = (struct pelt_server_carried){
        .series = series, .cell = cell, .base = {(double)NAN, (double)NAN}, .t = INT32_MIN};
}

/* How much of counted cell `which`, which is finite, came since it was told of last. */
static uint64_t since(struct pelt_server_carried *c, unsigned which, double now, double scale)
{
    if (isnan(c->base[which])) {
        c->base[which] = now;
    }
    const double all = (now - c->base[which]) * scale + 0.5;
    const uint64_t count =
        all >= 1 ? all < (double)PELT_METRIC_SUM_MAX ? (uint64_t)all : PELT_METRIC_SUM_MAX : 0;
    const uint64_t more = count > c->told[which] ? count - c->told[which] : 0;
    c->told[which] += more;
    return more;
}

/* Before the load nothing is told, and what is counted so far is where it begins. */
static void tell_count(const struct pelt_server_carried *c, int32_t t, uint64_t part,
                       uint64_t values, struct pelt_server_drops *into)
{
    if (t != PELT_SERVER_BASELINE) {
        pelt_server_drops_count(into, t, c->series, part, values);
    }
}

static void read_count(struct pelt_server_carried *c, double count, double scale, int32_t t,
                       struct pelt_server_drops *into)
{
    if (isfinite(count)) {
        tell_count(c, t, since(c, 0, count, scale), 1, into);
    }
}

static void read_share(struct pelt_server_carried *c, const double *cells, int32_t t,
                       struct pelt_server_drops *into)
{
    if (isfinite(cells[PELT_CELL_HITS]) && isfinite(cells[PELT_CELL_MISSES])) {
        const uint64_t hits = since(c, 0, cells[PELT_CELL_HITS], 1);
        const uint64_t misses = since(c, 1, cells[PELT_CELL_MISSES], 1);
        tell_count(c, t, hits, hits + misses, into);
    }
}

static void read_level(struct pelt_server_carried *c, double level, int32_t t, uint64_t at_ns,
                       struct pelt_server_drops *into)
{
    c->any = isfinite(level); /* else it is not known from here on: nothing stands */
    c->value = level;
    if (c->any && t != PELT_SERVER_BASELINE) {
        pelt_server_drops_level(into, t, c->series, at_ns, level);
        c->t = t;
    }
}

void pelt_server_carried_read(struct pelt_server_carried *c, const double *cells, int32_t t,
                              uint64_t at_ns, struct pelt_server_drops *into)
{
    const double used = cells[PELT_CELL_USED], max = cells[PELT_CELL_MAX];
    switch (c->cell) {
    case PELT_SERVER_USED:
        read_level(c, used, t, at_ns, into);
        return;
    case PELT_SERVER_FREE:
        read_level(c, max - used, t, at_ns, into);
        return;
    case PELT_SERVER_RATIO:
        read_level(c, max > 0 ? used / max : (double)NAN, t, at_ns, into);
        return;
    case PELT_SERVER_EVENTS:
        read_count(c, cells[PELT_CELL_EVENTS], 1, t, into);
        return;
    case PELT_SERVER_VALUE:
        read_level(c, cells[PELT_CELL_VALUE], t, at_ns, into);
        return;
    case PELT_SERVER_COUNT:
        read_count(c, cells[PELT_CELL_COUNT], COUNTER_SCALE, t, into);
        return;
    case PELT_SERVER_HIT_SHARE:
        read_share(c, cells, t, into);
        return;
    case PELT_SERVER_CELLS:
        break;
    }
}

void pelt_server_carried_stand(const struct pelt_server_carried *c, int32_t t,
                               struct pelt_server_drops *into)
{
    if (c->any && c->t < t) {
        pelt_server_drops_level(into, t, c->series, (uint64_t)t * PELT_NS_PER_S, c->value);
    }
}
