/*
 * suspects: the limits and caches of the servers of a run as series of samples beside those of its
 * client (client_break.h), and how well each explains the break (pelt/attribution.h).
 *
 * Nothing here looks at a name. What belongs to a limit is told by the order in which its agent
 * lists its figures: gauges and counters right behind it, of the same target, are its queue.
 *
 * Reads the run file. Memory: up to 24 bytes a sample and figure. Thread: one at a time.
 */
#ifndef PELT_SUSPECTS_H
#define PELT_SUSPECTS_H

#include "client_break.h"
#include "pelt/attribution.h"

struct pelt_figure_samples { /* of one figure; owned, NULL: not of its kind */
    double *level;           /* limit: mean share of its max; gauge: mean; cache: share of misses */
    double *peak;            /* of a limit: largest share of its max */
    double *came;            /* a second: limit: events; counter; cache: evictions */
    double *lookups;         /* of a cache */
    double rest;             /* of a limit: share of its max before the load; NaN: not read */
    double used, max;        /* of a limit, mean of the second in which it was fullest around the
                                break */
    double most; /* largest mean of its first cell from the break on; of a gauge its own */
};

struct pelt_suspect_limit {
    uint32_t figure;                     /* index in the results' figures */
    uint32_t queue[PELT_SUSPECT_QUEUES]; /* those of its queue */
    size_t queue_len;
    struct pelt_suspect found;
};

struct pelt_suspects {
    struct pelt_figure_samples *samples; /* one a figure of the results */
    size_t samples_len;
    struct pelt_suspect_limit *list; /* best first; what nothing speaks for comes last */
    size_t len;
};

/* PELT_EIO, PELT_EPARSE: the run file; PELT_ENOMEM. `s` is empty then. */
PELT_MUST_USE enum pelt_status pelt_suspects_find(const struct pelt_making *m,
                                                  const struct pelt_client_break *b,
                                                  struct pelt_suspects *s);
void pelt_suspects_deinit(struct pelt_suspects *s);

#endif
