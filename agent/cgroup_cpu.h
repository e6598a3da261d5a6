/*
 * cgroup_cpu: the CPU time of a control group, its quota, and how often that stopped it. Which
 * groups and what counts: see cgroup.h.
 *
 * Storage: the owner's. Thread: the sampler's.
 */
#ifndef AGENT_CGROUP_CPU_H
#define AGENT_CGROUP_CPU_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cgroup.h"
#include "figure.h"
#include "procfile.h"
#include "rate.h"

struct cgroup_cpu {
    struct figure *cpu, *throttled;
    bool is_v2;
    struct cgroup_folder own, level;          /* of the target; whose quota is the least */
    double max;                               /* cores; HUGE_VAL: no quota */
    struct procfile stats[CGROUP_LEVELS_MAX]; /* cpu.stat, from the own group up */
    size_t stats_len;
    struct procfile usage; /* of `level`: v2 cpu.stat, v1 cpuacct.usage */
    /* Of `level`: cgroup.procs, where v1 counts CPU time in a hierarchy of its own in which there
     * is no such group; what its processes used is then asked for one by one. */
    struct procfile processes;
    struct rate rate;
};

bool cgroup_cpu_init(struct cgroup_cpu *u, struct catalogue *c, const char *target);
void cgroup_cpu_open(struct cgroup_cpu *u, const struct cgroup_place *place,
                     const struct cgroup_mounts *mounts, const char *root);
void cgroup_cpu_close(struct cgroup_cpu *u);
void cgroup_cpu_walk(struct cgroup_cpu *u, const struct cgroup_mounts *mounts, const char *root);
/* False: the group is gone. */
bool cgroup_cpu_read(struct cgroup_cpu *u, uint64_t now_ns);

#endif
