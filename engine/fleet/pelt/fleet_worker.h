/*
 * fleet_worker: lends this host to a coordinator, for one run: claims a slot, says hello, gets the
 * plan with its files, tells when it is ready, sends its part of the load from the moment that the
 * coordinator names, and hands each second on.
 *
 *   new -> wait -> (refuse | pelt_run() with slot) -> end -> free
 *
 * What to run is the caller's to make of the plan's settings; they and the files were checked: they
 * are the coordinator's, who has the run's key.
 *
 * Thread: main.
 */
#ifndef PELT_FLEET_WORKER_H
#define PELT_FLEET_WORKER_H

#include "pelt/fleet.h"
#include "pelt/run.h"
#include "pelt/wire_order.h"

struct pelt_fleet_worker_options {
    struct pelt_fleet_options fleet;
    int64_t slot;         /* below 0: any free one */
    uint32_t slots;       /* that are tried for that */
    uint64_t wait_ns;     /* without a coordinator; 0: for ever */
    uint64_t patience_ns; /* for the bus to be there */
    const char *folder;   /* where its private folder is made; NULL: TMPDIR, or /tmp */
    /* Said while nothing happens: "waiting for a coordinator". NULL: nobody hears it. */
    void (*on_wait)(void *arg, const char *text);
    void *arg;
};

struct pelt_fleet_plan { /* borrowed until the worker is freed */
    const struct pelt_order_plan *order;
    const char *box; /* folder that holds the files */
    uint32_t slot, slots;
    uint64_t epoch; /* for pelt/fleet_shared.h */
};

struct pelt_fleet_worker;

/* Forks what hands in the rest if this process is killed (keeper.h): no other thread may be there
 * yet. Returns once a slot is claimed.
 * PELT_ELOST: another has the slot; PELT_ESTOPPED: by a signal (*signal, else 0). */
PELT_MUST_USE enum pelt_status
pelt_fleet_worker_new(const struct pelt_fleet_worker_options *options, int *signal,
                      struct pelt_fleet_worker **out, struct pelt_error *err);
void pelt_fleet_worker_free(
    struct pelt_fleet_worker *w); /* the private folder goes; accepts NULL */
uint32_t pelt_fleet_worker_slot(const struct pelt_fleet_worker *w);
/* For a plan; where a lower slot is free and wanted, it takes that one. PELT_ESTOPPED: by a signal
 * (*signal), or the run was called off. PELT_EOF: enough others are there. PELT_ELOST: the run
 * began without it, or another has that slot. */
PELT_MUST_USE enum pelt_status pelt_fleet_worker_wait(struct pelt_fleet_worker *w, int *signal,
                                                      struct pelt_fleet_plan *out,
                                                      struct pelt_error *err);
/* The plan cannot be run here: the coordinator is told, and ends the run. */
void pelt_fleet_worker_refuse(struct pelt_fleet_worker *w, const char *why);
/* For the run's options, with on_event and its arg; borrowed. */
const struct pelt_run_slot *pelt_fleet_worker_part(struct pelt_fleet_worker *w);
void pelt_fleet_worker_on_event(void *worker, const struct pelt_live *live,
                                const struct pelt_live_event *event);
/* The load is over: `results` of the run, NULL where it failed, and then `why`. Waits until the
 * coordinator has all. PELT_ELOST: it has not: the run is not whole. */
PELT_MUST_USE enum pelt_status pelt_fleet_worker_end(struct pelt_fleet_worker *w,
                                                     const struct pelt_results *results,
                                                     const char *why, struct pelt_error *err);

#endif
