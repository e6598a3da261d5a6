/*
 * capacity: what the service can do as it is set, beside what it was seen to do, and how many of it
 * a rate needs: the table of GET /capacity.
 *
 * Pure functions, but for the answer. Thread: the owning loop's.
 */
#ifndef TARGET_CAPACITY_H
#define TARGET_CAPACITY_H

#include "asked.h"
#include "draft.h"

#define TARGET_CAPACITY_UTILISATION 0.7 /* that planning leaves room for: queues grow beyond */

/* `servers` that take `mean_ns` each, a second; 0: no end. */
double target_capacity_per_s(uint64_t servers, double mean_ns);

/* Instances of `per_s` each that a rate needs at the utilisation above; 0: one has no end. */
uint64_t target_capacity_instances(double rate_per_s, double per_s);

/* GET /capacity[?rate=N/s] */
struct target_draft target_capacity_answer(const struct target_sources *from,
                                           const struct target_asked *asked);

#endif
