/*
 * cgroup_io: what a control group reads from disks and writes to them. Which groups and what
 * counts: see cgroup.h.
 *
 * Storage: the owner's. Thread: the sampler's.
 */
#ifndef AGENT_CGROUP_IO_H
#define AGENT_CGROUP_IO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cgroup.h"
#include "cgroup_files.h"
#include "figure.h"
#include "procfile.h"
#include "rate.h"

struct cgroup_io_way { /* reading, or writing */
    struct figure *figure;
    double max; /* bytes a second; HUGE_VAL: none */
    char device[CGROUP_DEVICE];
    struct cgroup_folder level;
    struct procfile stat;
    struct rate rate;
};

struct cgroup_io_figures {
    bool is_v2;
    struct cgroup_folder own;
    struct cgroup_io_way ways[CGROUP_IOS];
};

bool cgroup_io_init(struct cgroup_io_figures *o, struct catalogue *c, const char *target);
void cgroup_io_open(struct cgroup_io_figures *o, const struct cgroup_place *place,
                    const struct cgroup_mounts *mounts, const char *root);
void cgroup_io_close(struct cgroup_io_figures *o);
void cgroup_io_walk(struct cgroup_io_figures *o, const char *root);
void cgroup_io_read(struct cgroup_io_figures *o, uint64_t now_ns);

#endif
