/*
 * step: work of the CPU that each request with work needs, and the memoiser of its results.
 *
 * The step stands for a tokeniser or a template: it computes from the request's text (its body, or
 * its path) for a given CPU time, on the loop, which does nothing else meanwhile. With the
 * memoiser, the result for a text is kept and the next request with this text does not compute.
 *
 * Thread: any. Clock: CLOCK_MONOTONIC nanoseconds, passed in; the step takes its CPU time from the
 * thread's own clock.
 */
#ifndef TARGET_STEP_H
#define TARGET_STEP_H

#include "systems.h"

struct target_step_settings {
    uint64_t cpu_ns; /* 0: off */
    uint64_t memo;   /* results kept; 0: none */
    uint64_t ttl_ns; /* of a result */
};

extern const struct target_system target_step_system;

#endif
