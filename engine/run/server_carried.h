/*
 * server_carried: a metric's series made of one cell of a figure that agents read, as a threshold
 * names it: what it is worth in each second goes into the drops.
 *
 * A level (used, free, ratio, value) stands until there is a newer one; what is counted begins at
 * the baseline, and a second has what came in it.
 *
 * Storage: the caller's. Thread: control.
 */
#ifndef PELT_SERVER_CARRIED_H
#define PELT_SERVER_CARRIED_H

#include "pelt/server_metric.h"
#include "server_drops.h"

#define PELT_SERVER_BASELINE (-1) /* second: before the load, and no second of it */

struct pelt_server_carried {
    uint32_t series;
    enum pelt_server_cell cell;
    bool any;         /* there was a value */
    double value;     /* of a level */
    double base[2];   /* counted cells, at the baseline; NAN: not known so far */
    uint64_t told[2]; /* of them, so far, as numbers of the metric */
    int32_t t;        /* second of the newest value */
};

void pelt_server_carried_init(struct pelt_server_carried *c, uint32_t series,
                              enum pelt_server_cell cell);
/* The figure's cells as read at `at_ns` since the run's start, in second `t`. */
void pelt_server_carried_read(struct pelt_server_carried *c, const double *cells, int32_t t,
                              uint64_t at_ns, struct pelt_server_drops *into);
/* Second `t` is about to be added up: a level that was not read in it stands. */
void pelt_server_carried_stand(const struct pelt_server_carried *c, int32_t t,
                               struct pelt_server_drops *into);

#endif
