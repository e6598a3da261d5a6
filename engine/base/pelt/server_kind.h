/*
 * server_kind: the kinds of figures that agents read on the hosts under test, and what the cells of
 * each are. A cell that is not known is NAN. On the wire, in run files and in reports a kind is its
 * name.
 *
 *   limit    used, max (NAN: there is none), events: how often it was met so far (NAN: not counted)
 *   gauge    value
 *   counter  count so far
 *   cache    hits, misses, evictions (so far; the last may be NAN), used, max (either may be NAN)
 *
 * Pure. Thread: any.
 */
#ifndef PELT_SERVER_KIND_H
#define PELT_SERVER_KIND_H

#include <stdbool.h>

enum pelt_server_kind {
    PELT_SERVER_LIMIT,
    PELT_SERVER_GAUGE,
    PELT_SERVER_COUNTER,
    PELT_SERVER_CACHE,
    PELT_SERVER_KINDS
};

enum { PELT_CELL_USED, PELT_CELL_MAX, PELT_CELL_EVENTS }; /* of a limit */
enum {                                                    /* of a cache */
       PELT_CELL_HITS,
       PELT_CELL_MISSES,
       PELT_CELL_EVICTIONS,
       PELT_CELL_CACHE_USED,
       PELT_CELL_CACHE_MAX
};
enum { PELT_CELL_VALUE }; /* of a gauge */
enum { PELT_CELL_COUNT }; /* of a counter */
#define PELT_SERVER_CELLS_MAX 5

const char *pelt_server_kind_name(enum pelt_server_kind kind); /* "limit" ... */
/* False: there is no kind of that name. */
bool pelt_server_kind_find(const char *name, enum pelt_server_kind *kind);
unsigned pelt_server_cells(enum pelt_server_kind kind); /* 3, 1, 1, 5 */
/* The cell counts from a start on: its difference is what happened meanwhile. */
bool pelt_server_counts(enum pelt_server_kind kind, unsigned cell);

#endif
