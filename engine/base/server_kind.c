/*
 * server_kind: see the header.
 */
#include "pelt/server_kind.h"

#include <assert.h>
#include <string.h>

static const struct {
    const char *name;
    unsigned cells, counted; /* a bit a cell */
} KINDS[PELT_SERVER_KINDS] = {
    [PELT_SERVER_LIMIT] = {"limit", 3, 1u << PELT_CELL_EVENTS},
    [PELT_SERVER_GAUGE] = {"gauge", 1, 0},
    [PELT_SERVER_COUNTER] = {"counter", 1, 1u << PELT_CELL_COUNT},
    [PELT_SERVER_CACHE] = {"cache", PELT_SERVER_CELLS_MAX,
                           1u << PELT_CELL_HITS | 1u << PELT_CELL_MISSES |
                               1u << PELT_CELL_EVICTIONS},
};

const char *pelt_server_kind_name(enum pelt_server_kind kind)
{
    assert(kind < PELT_SERVER_KINDS);
    return KINDS[kind].name;
}

bool pelt_server_kind_find(const char *name, enum pelt_server_kind *kind)
{
    for (unsigned k = 0; k < PELT_SERVER_KINDS; k++) {
        if (strcmp(KINDS[k].name, name) == 0) {
            *kind = (enum pelt_server_kind)k;
            return true;
        }
    }
    return false;
}

unsigned pelt_server_cells(enum pelt_server_kind kind)
{
    assert(kind < PELT_SERVER_KINDS);
    return KINDS[kind].cells;
}

bool pelt_server_counts(enum pelt_server_kind kind, unsigned cell)
{
    assert(kind < PELT_SERVER_KINDS && cell < PELT_SERVER_CELLS_MAX);
    return (KINDS[kind].counted >> cell & 1) != 0;
}
