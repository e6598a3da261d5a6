/*
 * fleet_coordinator: the other side of pelt/fleet_worker.h: holds the run's lease, waits for its
 * workers, ships the plan and its files, names the moment at which all begin, puts their seconds
 * together, and acknowledges what the run file has. It sends no load.
 *
 *   new -> join -> pelt_run() with hosts -> free
 *
 * Workers are untrusted but for what they measure: what is no message of theirs is refused and
 * counted.
 *
 * Thread: main; from join on it has a thread of its own.
 */
#ifndef PELT_FLEET_COORDINATOR_H
#define PELT_FLEET_COORDINATOR_H

#include "pelt/fleet.h"
#include "pelt/run.h"

/* What is done when a worker is lost while the load runs: go on without it (exit 6), let the others
 * have its part, or end the run. */
enum pelt_on_loss { PELT_ON_LOSS_DEGRADE, PELT_ON_LOSS_REDISTRIBUTE, PELT_ON_LOSS_ABORT };

struct pelt_fleet_coordinator_options { /* all borrowed until free */
    struct pelt_fleet_options fleet;
    uint32_t workers;
    enum pelt_on_loss on_loss;
    const char *const *files;        /* absolute paths, NULL-terminated: workers get them */
    const char *const *settings;     /* of the plan: key, value, ..., NULL */
    const struct pelt_results *past; /* of a run that is resumed: as its file has it; else NULL */
    const char *run_file; /* synced before what is in it is acknowledged; NULL: there is none */
    /* How many workers are there, and the lowest slot that nobody has (-1: none); when that
     * changes, and every 10 s. May be NULL. */
    void (*on_wait)(void *arg, uint32_t there, uint32_t wanted, int64_t hole);
    void *arg;
};

struct pelt_fleet_coordinator;

/* Connects, which may take PELT_FLEET_BUS_NS, and takes the lease. PELT_ELOST: another coordinates
 * this run. */
PELT_MUST_USE enum pelt_status
pelt_fleet_coordinator_new(const struct pelt_fleet_coordinator_options *options,
                           struct pelt_fleet_coordinator **out, struct pelt_error *err);
/* What was begun is called off, unless the run has come to its end. Accepts NULL. */
void pelt_fleet_coordinator_free(struct pelt_fleet_coordinator *c);
/* Until all workers are there. PELT_EINVAL: one of them is of another version, both named.
 * PELT_ESTOPPED: by a signal. */
PELT_MUST_USE enum pelt_status pelt_fleet_coordinator_join(struct pelt_fleet_coordinator *c,
                                                           int *signal, struct pelt_error *err);
/* What names in pelt.shared have before them (pelt/fleet_shared.h). */
uint64_t pelt_fleet_coordinator_epoch(const struct pelt_fleet_coordinator *c);
/* PELT_ELOST, and who: another one leads the run now, whose report this one's is not. */
PELT_MUST_USE enum pelt_status pelt_fleet_coordinator_leads(struct pelt_fleet_coordinator *c,
                                                            struct pelt_error *err);
/* For the run's options; borrowed. */
const struct pelt_run_hosts *pelt_fleet_coordinator_hosts(struct pelt_fleet_coordinator *c);

#endif
