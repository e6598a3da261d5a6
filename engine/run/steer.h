/*
 * steer: a load that is decided as it goes: half a second before each second of a live plan begins,
 * the scenario's shape is asked for its level, from the whole seconds known by then. What it says
 * is a stage: into the run file, to all workers, into the run's own plan.
 *
 * The shape runs on the control thread and so holds what that does; it is stopped after
 * PELT_SHAPE_PATIENCE_S. A decision that comes late moves no time: arrivals are due when they were.
 * An end that the shape decides is the plan's end. What it does wrong ends the load likewise, as a
 * script error.
 *
 * Thread: control, but for pelt_steer_new(), which loads the script's file.
 */
#ifndef PELT_STEER_H
#define PELT_STEER_H

#include <ev.h>

#include "capacity.h"
#include "pelt/frame.h"
#include "pelt/threshold.h"

struct pelt_running;
struct pelt_steer;

/* To be done aside. `run` is borrowed. */
PELT_MUST_USE enum pelt_status pelt_steer_new(struct pelt_running *run, struct pelt_steer **out,
                                              struct pelt_error *err);
void pelt_steer_free(struct pelt_steer *steer); /* accepts NULL */
/* Second 0, before the workers start. PELT_ESCRIPT: nothing is to be sent. */
PELT_MUST_USE enum pelt_status pelt_steer_first(struct pelt_steer *steer, struct pelt_error *err);
/* The clock runs: run->start_ns is known, the loop will run. NULL: nothing. */
void pelt_steer_start(struct pelt_steer *steer);
/* Nothing more is decided. NULL: nothing. */
void pelt_steer_stop(struct pelt_steer *steer);
/* A line each of the run's thresholds, where they were the SLO of a stress load: of the steps that
 * verified its result, the worst; missed where there is none. Borrowed until the steer is freed.
 * NULL: the rulebook's hold. `steer` may be NULL. */
const struct pelt_verdict_line *pelt_steer_judge(struct pelt_steer *steer);
/* What a stress load found. Borrowed until the steer is freed. NULL: it is none. `steer` may be
 * NULL. */
const struct pelt_capacity *pelt_steer_capacity(struct pelt_steer *steer);
/* A second is whole: the sum of all threads. NULL: nothing. */
void pelt_steer_see(struct pelt_steer *steer, const struct pelt_frame *second);

#endif
