/*
 * clock: the one clock of the service, CLOCK_MONOTONIC in nanoseconds. Thread: any.
 */
#ifndef TARGET_CLOCK_H
#define TARGET_CLOCK_H

#include <stdint.h>

uint64_t target_clock_now_ns(void);

#endif
