/*
 * clock: the agent's clock, CLOCK_MONOTONIC of this host in nanoseconds. All that goes onto the
 * wire and all that collectors are given is of it, so that a test build can put another clock in
 * its place (tests/unit/agent/clock_shim.c). Thread: any.
 */
#ifndef AGENT_CLOCK_H
#define AGENT_CLOCK_H

#include <stdint.h>

uint64_t agent_clock_ns(void);

#endif
