/*
 * host: what this host lets a generator do: processors and file descriptors. Thread: control,
 * before the run.
 */
#ifndef PELT_HOST_H
#define PELT_HOST_H

#include <stdint.h>

#include "pelt/status.h"

/* Processors this process may use: the affinity mask, cut by the cgroup's CPU quota (v2 cpu.max, v1
 * cpu.cfs_*), rounded up. At least 1. */
uint32_t pelt_host_cpus(void);

/* The number of the i-th of these, from 0, again from the first one after the last; -1: unknown. */
int pelt_host_cpu_at(uint32_t i);

/* Processors' worth of CPU time that the cgroup mounted at `root` ("/sys/fs/cgroup") allows; 0: no
 * quota. */
double pelt_host_cpu_quota(const char *root);

/* Raises the soft limit of file descriptors to the hard one and returns it. */
uint64_t pelt_host_raise_fds(void);

/* Descriptors that pelt needs beside one a connection: files, pipes, the run file; and each thread
 * for its loop, timer, mailbox, wake-up and name resolution. */
#define PELT_FDS_OWN      64
#define PELT_FDS_A_THREAD 8

#endif
