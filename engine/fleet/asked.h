/*
 * asked: what `pelt ctl` asks a coordinator for: an order, signed under a name of its own, so that
 * none that is meant for workers can be taken for it, nor the other way round. It names the epoch
 * of the coordinator that is asked, and a number drawn at random, which that one remembers: a copy
 * of it does nothing, whoever puts it there, and whenever.
 *
 * Storage: the caller's, zeroed; deinit. Thread: one.
 */
#ifndef PELT_ASKED_H
#define PELT_ASKED_H

#include "pelt/bus_keys.h"
#include "pelt/wire_order.h"

#define PELT_ASKED_NAME (PELT_BUS_RUN_MAX + 5)
#define PELT_ASKED_MAX  100000 /* orders of one run */

struct pelt_asked { /* what was asked so far */
    uint64_t *seqs;
    size_t len;
};

/* What such orders are signed for instead of the run: no run has this name. */
void pelt_asked_name(char out[PELT_ASKED_NAME], const char *run);
void pelt_asked_deinit(struct pelt_asked *a);
/* Whether a coordinator of this epoch carries it out: NULL, or why not. Once it said NULL of it, it
 * does not do so again. */
const char *pelt_asked_take(struct pelt_asked *a, uint64_t epoch, const struct pelt_order *order);

#endif
