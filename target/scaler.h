/*
 * scaler: whether one more back end should run, or one less.
 *
 *   up     the utilisation is at least `up` of what they can do, and there are fewer than `max`
 *   down   it is below `down`, there are more than `min`, and the rest would stay below `up`
 *
 * Two decisions are never closer than the cool-down. One that goes the other way than the last one
 * is a reversal: many of them are oscillation.
 *
 * Storage: the caller's, all zero: nothing decided yet.   Thread: the caller's lock.
 * Clock: CLOCK_MONOTONIC nanoseconds, passed in.
 */
#ifndef TARGET_SCALER_H
#define TARGET_SCALER_H

#include <stdbool.h>
#include <stdint.h>

struct target_scaler_options {
    uint64_t min, max;
    double up, down; /* shares, down < up */
    uint64_t cooldown_ns;
};

struct target_scaler {
    uint64_t last_ns; /* of the last decision; meant if `last` is not 0 */
    int last;         /* 1 up, -1 down, 0 none */
    uint64_t ups, downs, reversals;
    uint64_t held; /* times that only the cool-down kept it from one */
};

/* 1: one more; -1: one less; 0: as it is. `count`: those that run or were started. */
int target_scaler_decide(struct target_scaler *scaler, const struct target_scaler_options *options,
                         double utilisation, uint64_t count, uint64_t now_ns);

/* The mean of a number over time: how many were in flight, say. */
struct target_mean { /* all zero: since 0 */
    uint64_t begin_ns, last_ns;
    double area;
    uint64_t value;
};

/* It is `value` from now on. */
void target_mean_set(struct target_mean *mean, uint64_t value, uint64_t now_ns);

/* Since the last call; begins anew. */
double target_mean_take(struct target_mean *mean, uint64_t now_ns);

#endif
