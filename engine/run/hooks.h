/*
 * hooks: what runs outside of the load: setup before, teardown after, and the one iteration of
 * `check --once`. Exchanges made here are recorded like any other, as second -1.
 *
 * Thread: init and deinit on the control thread, which has the rest done aside (aside.h), as
 * scripts may hold it; pelt_hooks_cancel() any.
 */
#ifndef PELT_HOOKS_H
#define PELT_HOOKS_H

#include <stdatomic.h>

#include "pelt/run.h"
#include "pelt/script.h"
#include "station.h"

struct pelt_crew;

struct pelt_hooks {
    const struct pelt_run_options *run; /* borrowed */
    struct pelt_registry *registry;     /* borrowed */
    struct pelt_station station;
    struct pelt_script *script;
    struct pelt_crew *crew;  /* while an iteration runs; else NULL */
    atomic_bool stopping;    /* never set here: pelt.stopping() is false in hooks */
    char *data_json;         /* what setup returned; NULL: nothing */
    struct pelt_error error; /* of the hook that ran last */
    bool failed;
    bool observed; /* somebody sees each exchange: responses are kept whole */
    ev_async wake;
    bool woken; /* `wake` is active: init came that far */
    /* Set before `wake` is sent, read when it arrives; release and acquire because libev promises
     * no order of its own. */
    atomic_bool cancelled;
};

/* Makes the station; `observe` (may be NULL) sees each exchange. */
PELT_MUST_USE enum pelt_status pelt_hooks_init(struct pelt_hooks *h,
                                               const struct pelt_run_options *run,
                                               struct pelt_registry *registry, pelt_done_fn observe,
                                               void *observe_arg, struct pelt_error *err);
void pelt_hooks_deinit(struct pelt_hooks *h);
/* Loads the script, which comes before all that follows; `data_json` (copied) is what users get as
 * data. */
PELT_MUST_USE enum pelt_status pelt_hooks_load(struct pelt_hooks *h, const char *data_json,
                                               struct pelt_error *err);
/* Run one to its end, or until it is cancelled. False: it failed, `error` says why. */
bool pelt_hooks_setup(struct pelt_hooks *h);
bool pelt_hooks_teardown(struct pelt_hooks *h);
/* One iteration of user 0; of a mix one of a user of each load. */
bool pelt_hooks_iteration(struct pelt_hooks *h);
/* Ends the hook that runs, or the next one as it begins, until pelt_hooks_renew(). */
void pelt_hooks_cancel(struct pelt_hooks *h);
void pelt_hooks_renew(struct pelt_hooks *h);
bool pelt_hooks_cancelled(const struct pelt_hooks *h);
/* The frame with what was recorded so far. */
struct pelt_frame *pelt_hooks_frame(struct pelt_hooks *h);

#endif
