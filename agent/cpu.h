/*
 * cpu: the host's processors, from /proc/stat, /proc/loadavg and /sys/devices/system/cpu/online.
 *
 *   cpu          limit, cores: busy with programs and the kernel, of those online; waiting for
 * disks is idle, and so is what a hypervisor took cpu_busiest  gauge, share: how busy the busiest
 * core was cpu_steal    counter, s: a hypervisor ran somebody else, over all cores run_queue gauge,
 * threads: that run or could run at that moment
 *
 * The first two are of the time between two samples, so the first sample has none.
 */
#ifndef AGENT_CPU_H
#define AGENT_CPU_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "collector.h"

#define CPU_CORES_MAX 512 /* of which the busiest is looked for: the first ones, by number */

/* NULL: out of memory. */
struct collector *cpu_collector_new(struct catalogue *c, const char *root);

/* ---- pure ---- */

struct cpu_times {                /* in the kernel's ticks (sysconf(_SC_CLK_TCK) a second) */
    uint64_t busy, total, stolen; /* total has both and idle */
};

/* /proc/stat. `each` is by number of core, as far as the text goes; *cores is the largest number
 * seen
 * + 1. Cores that are offline have total 0. False: there is no line of all cores. */
bool cpu_parse_stat(const char *bytes, size_t len, struct cpu_times *all,
                    struct cpu_times each[CPU_CORES_MAX], size_t *cores);
/* "0-3,8": how many those are. */
bool cpu_parse_list(const char *bytes, size_t len, uint32_t *count);
/* /proc/loadavg: how many threads could run, and how many there are. */
bool cpu_parse_loadavg(const char *bytes, size_t len, uint64_t *runnable, uint64_t *threads);

#endif
