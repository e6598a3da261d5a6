/*
 * fleet_shared: pelt.shared over all hosts of a run: counters and queues are Redis' own, one round
 * trip a call. One connection a process, which its threads take turns on.
 *
 * Names in Redis have the run's epoch before them, so that no run finds what another one left.
 *
 * Storage: new/free. Thread: what pelt_fleet_shared_far() gives, any.
 */
#ifndef PELT_FLEET_SHARED_H
#define PELT_FLEET_SHARED_H

#include "pelt/fleet.h"
#include "pelt/scenario.h"

struct pelt_fleet_shared;
PELT_MUST_USE enum pelt_status pelt_fleet_shared_new(const struct pelt_fleet_options *options,
                                                     uint64_t epoch, struct pelt_fleet_shared **out,
                                                     struct pelt_error *err);
void pelt_fleet_shared_free(struct pelt_fleet_shared *s); /* accepts NULL */
const struct pelt_shared_far *pelt_fleet_shared_far(struct pelt_fleet_shared *s);

#endif
