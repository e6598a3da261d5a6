/*
 * ontime: what arrivals cost. A thread that is woken for each of them alone pays more for it than
 * one that finds many at once, so its core is busy long before it can send no more; and then
 * arrivals are sent late. So they are sent against the null server at several rates, one after
 * another, and the CPU time at each is what a forecast of an open loop stands on.
 *
 * Thread: the caller becomes the control thread of that run (pelt/run.h).
 */
#ifndef PELT_ONTIME_H
#define PELT_ONTIME_H

#include "pelt/null_server.h"
#include "pelt/run.h"

#define PELT_ONTIME_STEPS 3

struct pelt_ontime {
    struct pelt_ontime_step {
        double per_s;          /* iterations of one thread */
        double cpu_share;      /* of a core; 1 where it came behind */
    } step[PELT_ONTIME_STEPS]; /* rising rates */
    size_t steps;              /* 0: not measured, the plan has no arrivals */
};

/* `users`: at most, at once. `most_per_s`: iterations that one thread can do when it is always
 * busy. For PELT_ONTIME_STEPS seconds and a half. *signal and errors as pelt_measured_make(). */
PELT_MUST_USE enum pelt_status pelt_ontime_measure(const struct pelt_run_options *run,
                                                   const struct pelt_null_server *server,
                                                   uint64_t users, double most_per_s,
                                                   struct pelt_ontime *out, int *signal,
                                                   struct pelt_error *err);

/* Of a core, for so many iterations a second of one thread; `most_per_s` as above. Pure. */
double pelt_ontime_cpu_share(const struct pelt_ontime *o, double per_s, double most_per_s);
/* Iterations a second of one thread that take `cpu_share` of its core; at most `most_per_s`. Pure.
 */
double pelt_ontime_per_s(const struct pelt_ontime *o, double cpu_share, double most_per_s);

#endif
