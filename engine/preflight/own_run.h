/*
 * own_run: a run of preflight's own: the scenario with another plan, on one thread, where the null
 * server stands in for every server and pauses take no time. It leaves no run file.
 *
 * Thread: the caller becomes the control thread of that run (pelt/run.h).
 */
#ifndef PELT_OWN_RUN_H
#define PELT_OWN_RUN_H

#include "pelt/null_server.h"
#include "pelt/run.h"

#define PELT_OWN_RUN_THREADS 1

struct pelt_own_run {
    const struct pelt_run_options
        *asked; /* scenario, seed, settings, target, headers, connections */
    const struct pelt_plan *plan;
    const struct pelt_null_server *server;
    _Atomic uint64_t *skipped_ns; /* the pauses; must outlive a thread that was given up */
    void (*on_live)(void *arg, const struct pelt_live *live);
    void *arg;
};

/* *signal: SIGINT or SIGTERM that ended it early; 0: none. Otherwise as pelt_run(). */
PELT_MUST_USE enum pelt_status pelt_own_run(const struct pelt_own_run *own,
                                            struct pelt_results **out, int *signal,
                                            struct pelt_error *err);

/* The text of the first event of this kind; NULL: there is none. */
const char *pelt_own_run_event(const struct pelt_results *r, const char *kind);

#endif
