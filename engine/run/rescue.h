/*
 * rescue: what the run measured, when its run file could not take it all: the control thread's own
 * totals go into the results in place of what could be read back. Thread: control.
 */
#ifndef PELT_RESCUE_H
#define PELT_RESCUE_H

#include "judge.h"
#include "pelt/registry.h"
#include "pelt/results.h"

/*
 * Makes `r` say what `total` says of the load, which lasted `duration_s`, and `outside` of setup
 * and teardown: counts, times, checks and errors, with `names`, which the run interned. The rows of
 * seconds and threads stay what the file held. PELT_ENOMEM: in part.
 */
PELT_MUST_USE enum pelt_status pelt_rescue_total(struct pelt_results *r,
                                                 const struct pelt_frame *total,
                                                 const struct pelt_frame *outside,
                                                 struct pelt_registry *names, double duration_s);

/* The end that could not be written: the judgement's reasons move into `r`. */
PELT_MUST_USE enum pelt_status pelt_rescue_end(struct pelt_results *r, struct pelt_judgement *j);

#endif
