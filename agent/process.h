/*
 * process: the main process of a target, from /proc/PID. All but the last two can be read by any
 * user.
 *
 *   process_cpu      limit, cores: busy with it, of those it may run on
 *   run_queue_wait   gauge, share of a core: for how long its threads could have run and waited
 *   memory_rss       limit, bytes: in memory; no maximum of its own (see the cgroup's, and the
 * host's) memory_virtual   limit, bytes: its address space, of RLIMIT_AS memory_swap      gauge,
 * bytes process_major_faults  counter nofile           limit, fds: open files, of the soft
 * RLIMIT_NOFILE process_threads  limit, threads: of the soft RLIMIT_NPROC of its user; root has
 * none process_read     counter, bytes: what it made disks read, and process_write
 *
 * Its CPU time is asked for by clock_gettime(), which knows nanoseconds; /proc/PID/stat has ticks
 * of 10 ms. The number of open files is the size of /proc/PID/fd (Linux 6.2); older kernels say 0
 * there: then the folder is read, and not more than once in 10 s from 10,000 files on.
 */
#ifndef AGENT_PROCESS_H
#define AGENT_PROCESS_H

#include "collector.h"
#include "target.h"

/* `t` is good as long as the collector. NULL: out of memory. */
struct collector *process_collector_new(struct catalogue *c, const struct target *t,
                                        const char *root);

#endif
