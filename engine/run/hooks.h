/*
 * hooks: what runs on the control thread outside of the load: setup before, teardown after, and the
 * one iteration of `check --once`. Exchanges made here are recorded like any other, as second -1.
 */
#ifndef PELT_HOOKS_H
#define PELT_HOOKS_H

#include <stdatomic.h>

#include "pelt/run.h"
#include "pelt/script.h"
#include "station.h"

struct pelt_hooks {
    struct pelt_station station;
    struct pelt_script *script;
    atomic_bool stopping;    /* never set here: pelt.stopping() is false in hooks */
    char *data_json;         /* what setup returned; NULL: nothing */
    struct pelt_error error; /* of the hook that ran last */
    bool failed;
    int signal; /* that ended the hook that ran last; 0: none */
};

/* Makes the station and the script; `data_json` (copied) is what users get as data. */
PELT_MUST_USE enum pelt_status pelt_hooks_init(struct pelt_hooks *h,
                                               const struct pelt_run_options *run,
                                               struct pelt_registry *registry,
                                               const char *data_json, pelt_done_fn observe,
                                               void *observe_arg, struct pelt_error *err);
void pelt_hooks_deinit(struct pelt_hooks *h);
/* Run one to its end, or to a SIGINT or SIGTERM (`signal` is set). False: it failed, `error` says
 * why. */
bool pelt_hooks_setup(struct pelt_hooks *h);
bool pelt_hooks_teardown(struct pelt_hooks *h);
/* One iteration of user 0. */
bool pelt_hooks_iteration(struct pelt_hooks *h, const struct pelt_run_options *run);
/* The frame with what was recorded so far. */
struct pelt_frame *pelt_hooks_frame(struct pelt_hooks *h);

#endif
