/*
 * workers: a pool of virtual workers that requests with work wait for, first come first served.
 *
 * A request occupies a worker for its service time. Nothing runs here: the pool is a calculation in
 * virtual time. Service times are known at arrival, so start and end of each request are known
 * then, too, exactly, whenever a loop gets around to answering; only a change of the number of
 * workers moves the starts of those that still wait. Capacity is workers / mean service time, and
 * waiting times are those of the queue M/G/c when arrivals are Poisson.
 *
 * A client that leaves does not free its worker: the work is done all the same.
 *
 * The number of workers is fixed, or moves between a least and a most: one more is added when more
 * than `tasks` requests a worker wait, one leaves when it had nothing to do for the idle time. The
 * pool is looked at when requests come, so a worker may be seen to leave later than it did; times
 * in the log are those at which it happened.
 *
 * Storage: heap memory. Thread: any; there is one lock. Clock: CLOCK_MONOTONIC nanoseconds, always
 * passed in; a time before one already seen counts as that one.
 */
#ifndef TARGET_WORKERS_H
#define TARGET_WORKERS_H

#include <stdint.h>

#include "error.h"
#include "systems.h"

struct target_workers_settings {
    uint64_t size;     /* workers, the least when their number moves; TARGET_UNLIMITED: off */
    uint64_t size_max; /* 0: `size` is fixed */
    uint64_t queue;    /* most that wait; TARGET_UNLIMITED: no end */
    uint64_t tasks;    /* that wait for each worker before one more is added */
    uint64_t idle_ns;  /* without work before a worker above the least leaves */
    uint64_t boot_ns;  /* from the decision to add a worker until it takes work */
    double cpu;        /* none is added while the host is busier than this; 0: whatever it is */
};

struct target_workers;

extern const struct target_system target_workers_system;

/*
 * What the tick reads: the share of the host's processors that was busy of late. Blocks what
 * follows until it is told again.
 */
void target_workers_host_is(struct target_workers *workers, double busy);

/* How often the starts of waiting requests were moved. Compare, then ask target_workers_start. */
uint64_t target_workers_plan(struct target_workers *workers);

/* When the request begins, or began, as things stand. The ticket must not have been ended. */
uint64_t target_workers_start(struct target_workers *workers, uint64_t ticket);

/*
 * The loop has done with the request: true if its work was over by `now_ns`, with its start. False:
 * its start was moved meanwhile, ask again later. `is_given_up`: true whatever the time.
 */
bool target_workers_end(struct target_workers *workers, uint64_t ticket, uint64_t now_ns,
                        bool is_given_up, uint64_t *start_ns);

#endif
