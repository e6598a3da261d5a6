/*
 * unit_cgroup: what is in the tree of control groups: the group of a systemd unit, and the oldest
 * process of a group. Walks folders: for attaching, not for sampling.
 */
#ifndef AGENT_UNIT_CGROUP_H
#define AGENT_UNIT_CGROUP_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "cgroup_path.h"

#define UNIT_DEPTH_MAX   8     /* levels below the mount that are looked at */
#define UNIT_FOLDERS_MAX 10000 /* that are looked at in all */
#define UNIT_PIDS_MAX    8192  /* of a group's processes, that are asked for their age */

/* The path below the hierarchy of the folder with the unit's name ("nginx.service"; ".service" is
 * put behind a name without a dot). False: there is none. */
bool unit_cgroup_find(const struct cgroup_mounts *m, const char *root, const char *unit, char *out,
                      size_t size);
/* The oldest process in the group or below; 0: none. */
pid_t unit_cgroup_oldest(const char *root, const char *folder);

#endif
