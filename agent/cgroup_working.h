/*
 * cgroup_working: the working set of a control group, cgroup_memory_working: what is used of its
 * memory less the file pages that nobody has looked at for long, which the kernel gives up first.
 * It is of the same group as cgroup_memory (see cgroup.h), which the page cache alone can fill.
 *
 * Storage: the owner's. Thread: the sampler's.
 */
#ifndef AGENT_CGROUP_WORKING_H
#define AGENT_CGROUP_WORKING_H

#include "cgroup_limit.h"

struct cgroup_working {
    struct figure *figure;
    struct cgroup_folder level; /* the group that `stat` is of */
    struct procfile stat;
};

/* Adds the figure. False: out of memory. */
bool cgroup_working_init(struct cgroup_working *w, struct catalogue *c, const char *target);
void cgroup_working_close(struct cgroup_working *w);
/* `memory` (CGROUP_LIMIT_MEMORY) has just been read. */
void cgroup_working_read(struct cgroup_working *w, const struct cgroup_limit *memory,
                         const char *root);

#endif
