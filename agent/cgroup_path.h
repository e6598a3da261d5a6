/*
 * cgroup_path: in which folders the figures of a control group are: where the hierarchies are
 * mounted (cgroup v2, and of v1 those of five controllers), which groups a process is in, and the
 * way up.
 *
 * A controller is in one hierarchy: of v1 where that is mounted, else of v2; hosts with both exist.
 *
 * Storage: the caller's. Thread: any, one at a time. No I/O but where it says so.
 */
#ifndef AGENT_CGROUP_PATH_H
#define AGENT_CGROUP_PATH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mounts.h"

enum cgroup_hierarchy { /* of v1 by controller, then v2 */
                        CGROUP_CPU,
                        CGROUP_CPUACCT,
                        CGROUP_MEMORY,
                        CGROUP_PIDS,
                        CGROUP_BLKIO,
                        CGROUP_SYSTEMD, /* v1 without a controller: where systemd keeps its units */
                        CGROUP_V2,
                        CGROUP_HIERARCHIES
};

/* "cpu" ..., "v2" */
const char *cgroup_hierarchy_name(enum cgroup_hierarchy h);

struct cgroup_mount {
    char top[MOUNT_PATH];   /* the group that is seen as the top of it */
    char point[MOUNT_PATH]; /* "": it is not mounted */
};

struct cgroup_mounts {
    struct cgroup_mount at[CGROUP_HIERARCHIES];
};

/* The folder of a group in one hierarchy, without the root before it. */
struct cgroup_folder {
    bool is_host;          /* it is the group of all processes: its figures are the host's */
    bool is_gone;          /* it has been removed: what is above it is not it */
    char path[MOUNT_PATH]; /* "": none */
    size_t top;            /* of these bytes is the mount point, the highest group that is seen */
};

struct cgroup_place {
    struct cgroup_folder at[CGROUP_HIERARCHIES];
};

/* Text of mountinfo; the first mount of each counts. */
void cgroup_mounts_parse(struct cgroup_mounts *m, const char *bytes, size_t len);
/* Text of /proc/PID/cgroup: sets what is empty in `place`, so that a group found before stays. A
 * group outside of what is mounted here is none. */
void cgroup_place_parse(struct cgroup_place *place, const struct cgroup_mounts *m,
                        const char *bytes, size_t len);
/* A group by its path below a hierarchy ("/system.slice/x" or "system.slice/x"), or absolute
 * ("/sys/fs/cgroup/x"): in each hierarchy in which it exists (looks there). False: in none, or the
 * path has "..". */
bool cgroup_place_find(struct cgroup_place *place, const struct cgroup_mounts *m, const char *root,
                       const char *path);
/* Where a controller's files are: of v1 or v2. "" in path: nowhere. */
const struct cgroup_folder *cgroup_place_of(const struct cgroup_place *place,
                                            const struct cgroup_mounts *m, enum cgroup_hierarchy v1,
                                            bool *is_v2);
/* Whether it is the group of all processes of the host (looks there); the highest group that a
 * container sees is none. */
bool cgroup_folder_is_host(const struct cgroup_folder *f, const char *root, bool is_v2);
/* The number of its folder (looks there): one that is made anew has another. 0: it is gone. */
uint64_t cgroup_folder_inode(const struct cgroup_folder *f, const char *root);
/* Why there are no figures where `path` is "". */
const char *cgroup_folder_why_none(const struct cgroup_folder *f);
/* Cuts the last group off. False: it is the highest one already. */
bool cgroup_folder_up(struct cgroup_folder *f);

#endif
