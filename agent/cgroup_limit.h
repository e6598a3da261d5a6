/*
 * cgroup_limit: one limit of a control group as files that stand in each group of the path: what is
 * used, how much may be, and how often it bit. Which groups and what counts: see cgroup.h.
 *
 * Of memory, what is used is the working set: all that the group is charged for, less the file
 * pages that nobody has looked at for long, which the kernel gives up first. The page cache alone
 * can fill a group to the brim, and nothing is near its end then. All of it is a figure beside it.
 *
 * Storage: the owner's. Thread: the sampler's.
 */
#ifndef AGENT_CGROUP_LIMIT_H
#define AGENT_CGROUP_LIMIT_H

#include <stdbool.h>
#include <stddef.h>

#include "cgroup.h"
#include "figure.h"
#include "procfile.h"

enum cgroup_limit_of {
    CGROUP_LIMIT_MEMORY,
    CGROUP_LIMIT_MEMORY_HIGH,
    CGROUP_LIMIT_SWAP,
    CGROUP_LIMIT_PIDS,
    CGROUP_LIMITS
};

struct cgroup_limit {
    enum cgroup_limit_of of;
    struct figure *figure;
    struct figure *usage; /* of memory.max: with the page cache; else NULL */
    bool is_v2;
    struct cgroup_folder own;   /* the deepest group that has the files; "": none */
    struct cgroup_folder level; /* the group whose limit is the least */
    double max;                 /* its limit; HUGE_VAL: none has one */
    struct procfile used, stat; /* of it; stat says how much of it is page cache */
    struct procfile events[CGROUP_LEVELS_MAX];
    size_t events_len;
};

/* Adds its figures. False: out of memory. */
bool cgroup_limit_init(struct cgroup_limit *l, enum cgroup_limit_of of, struct catalogue *c,
                       const char *target);
/* Whose group of v1 its files are in. */
enum cgroup_hierarchy cgroup_limit_hierarchy(const struct cgroup_limit *l);
/* Another group; closes what was open. */
void cgroup_limit_open(struct cgroup_limit *l, const struct cgroup_place *place,
                       const struct cgroup_mounts *mounts, const char *root);
void cgroup_limit_close(struct cgroup_limit *l);
/* Looks for the least limit again. */
void cgroup_limit_walk(struct cgroup_limit *l, const char *root);
/* False: the group is gone (its figures say so). */
bool cgroup_limit_read(struct cgroup_limit *l);
void cgroup_limit_unreadable(struct cgroup_limit *l, const char *why);

/* ---- for files like this ---- */

/* A file of a group. Returns 0 or errno. */
int cgroup_once(const char *root, const struct cgroup_folder *f, const char *name, char *buf,
                size_t size, size_t *len);
bool cgroup_open(struct procfile *file, const char *root, const struct cgroup_folder *f,
                 const char *name);
/* Goes up to the deepest group that has the file, but not to that of all processes. False: none
 * has. */
bool cgroup_deepest(struct cgroup_folder *f, const char *root, bool is_v2, const char *name);
/* Says why a file of `f` cannot be read. */
void cgroup_unreadable(struct figure *figure, const struct cgroup_folder *f, int error,
                       const char *name);

#endif
