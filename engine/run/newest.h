/*
 * newest: what one figure of an agent was in the newest seconds, for those who watch the run live.
 * Two seconds are kept, as the first samples of a second may come before all of the one before it
 * was added up.
 *
 * Storage: the caller's, zeroed = empty. Pure. Thread: its owner's.
 */
#ifndef PELT_NEWEST_H
#define PELT_NEWEST_H

#include "pelt/results.h"

struct pelt_newest {
    struct pelt_newest_second {
        bool known;
        int32_t t;
        double cell[PELT_SAMPLE_CELLS]; /* the last one of that second */
        double mean;                    /* of the first cell; NAN: it was not known */
        unsigned levels;                /* samples that it is of */
    } now, before;
    double told[PELT_SAMPLE_CELLS]; /* counts are told as what came since these */
    bool has_told;
};

/* A sample of second `t`, which is none before those of the samples so far; below 0: before the
 * load. */
void pelt_newest_put(struct pelt_newest *n, const double *cells, unsigned len, int32_t t);
/* The row of second `t`, but for its `figure`; to be asked once a second. False: there was no
 * sample in it. */
bool pelt_newest_row(struct pelt_newest *n, enum pelt_server_kind kind, int32_t t,
                     struct pelt_server_row *out);

#endif
