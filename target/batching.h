/*
 * batching: requests with work are done in batches, as a model server does them.
 *
 * A request joins when its service time is over, and is answered when its batch is done. When a
 * batch begins and how long it lasts: batcher.h.
 *
 * Thread: any; there is one lock. Clock: CLOCK_MONOTONIC nanoseconds, passed in.
 */
#ifndef TARGET_BATCHING_H
#define TARGET_BATCHING_H

#include "batcher.h"
#include "systems.h"

/* Its settings are a struct target_batch_options; size 0: off. */
extern const struct target_system target_batching_system;

#endif
