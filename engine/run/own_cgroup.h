/*
 * own_cgroup: how often the CPU quotas of pelt's own control groups stopped it: its own group's and
 * each ancestor's that can be seen, of cgroup v1 (controller cpu) and v2.
 *
 * Storage: the caller's. Thread: one at a time.
 */
#ifndef PELT_OWN_CGROUP_H
#define PELT_OWN_CGROUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PELT_CGROUP_LEVELS 16 /* of both versions together; deeper ancestors are not looked at */

struct pelt_own_cgroup {
    int fds[PELT_CGROUP_LEVELS]; /* cpu.stat of each level */
    size_t len;                  /* 0: none can be read */
};

struct pelt_throttling { /* since the groups were made */
    uint64_t periods;    /* of the quota in which a group was stopped */
    uint64_t ns;         /* for how long: of each CPU that had work of the group */
};

/* Finds the groups by /proc/self/cgroup and /proc/self/mountinfo. `root` goes before all absolute
 * paths: "" but in tests. */
void pelt_own_cgroup_open(struct pelt_own_cgroup *c, const char *root);
void pelt_own_cgroup_close(struct pelt_own_cgroup *c);
/* The sum over all levels. False: no level can be read. */
bool pelt_own_cgroup_read(const struct pelt_own_cgroup *c, struct pelt_throttling *out);

#endif
