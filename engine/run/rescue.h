/*
 * rescue: what the run measured, when its run file could not take it all: the control thread's own
 * totals go into the results in place of what could be read back. Thread: control.
 */
#ifndef PELT_RESCUE_H
#define PELT_RESCUE_H

#include "collect.h"
#include "judge.h"
#include "pelt/results.h"

/*
 * Makes `r` say what `c` has collected of the load, which lasted `duration_s`, and of setup and
 * teardown: counts, times, checks, errors and threads, with the names that the run interned. The
 * rows of seconds stay what the file held. PELT_ENOMEM: in part.
 */
PELT_MUST_USE enum pelt_status pelt_rescue_total(struct pelt_results *r,
                                                 const struct pelt_collector *c, double duration_s);

/* The end that could not be written: the judgement's reasons move into `r`. */
PELT_MUST_USE enum pelt_status pelt_rescue_end(struct pelt_results *r, struct pelt_judgement *j);

#endif
