/*
 * legacy: what a killed worker had measured and not said, put into its spool behind what it had
 * said. By its keeper, in whose memory the worker's is.
 *
 * Storage: the caller's. Thread: the keeper's only one; it forks.
 */
#ifndef PELT_LEGACY_H
#define PELT_LEGACY_H

#include "keeper.h"
#include "pelt/spool.h"

struct pelt_legacy {
    struct pelt_estate *estate;
    struct pelt_spool *spool;
    struct pelt_keeper_said said; /* in: as the worker noted it; out: with what was put in */
    /* Out: */
    bool bye;         /* the worker itself had said BYE: nothing was put in */
    uint64_t begun;   /* requests in the seconds that were put in */
    bool bare;        /* these are counts only: their response times could not be read */
    bool unread;      /* not even these */
    uint64_t unknown; /* requests under way at the end */
};

/* Seconds and BYE. */
void pelt_legacy_put(struct pelt_legacy *l);

#endif
