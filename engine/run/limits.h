/*
 * limits: what this host lets a generator do: processors and file descriptors. Thread: control,
 * before the run.
 */
#ifndef PELT_LIMITS_H
#define PELT_LIMITS_H

#include <stdint.h>

#include "pelt/status.h"

/* Processors this process may use: the affinity mask, cut by the cgroup's CPU quota (v2 cpu.max, v1
 * cpu.cfs_*), rounded up. At least 1. */
uint32_t pelt_limits_cpus(void);

/* Raises the soft limit of file descriptors to the hard one and returns it. */
uint64_t pelt_limits_raise_fds(void);

/* Descriptors that pelt needs beside one a connection. */
#define PELT_FDS_OWN 64

#endif
