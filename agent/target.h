/*
 * target: what the operator asked to be watched, as options say it: processes (by pid, by the port
 * they listen on, by systemd unit) and cgroups. Resolved here, from local options only.
 *
 * A process that ended is noticed by its held descriptors (ESRCH) and pidfd; it is then looked for
 * again by what it was asked by (port, unit, the cgroup's processes), once a second; by pid alone it
 * is gone for good. Each new process is a restart: collectors reopen and rebase (`epoch` counts).
 *
 * Thread: the sampler's.
 */
#ifndef AGENT_TARGET_H
#define AGENT_TARGET_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "notices.h"
#include "pelt/status.h"

enum target_by { TARGET_PID, TARGET_PORT, TARGET_UNIT, TARGET_CGROUP };

struct target_options {
    enum target_by by;
    const char *text; /* "1234", "8080", "nginx.service", "/system.slice/x" or an absolute path */
    const char *name; /* NAME=... given by the operator; NULL: made from `text` */
};

struct target {
    char name[64];        /* "pid 1234", "port 8080", "nginx.service": the figures' target */
    enum target_by by;
    pid_t pid;            /* the main process; 0: none now (or a cgroup without processes) */
    uint64_t epoch;       /* counts processes found, from 1; 0: none so far */
    char cgroup_v2[512];  /* path below the v2 mount, "" where there is none */
    char cgroup_v1[16][512]; /* by controller: see target_v1_controller() */
    char why[160];        /* why pid is 0 */
};

struct targets; /* all of them */

/* `root`: of proc, sys and cgroup files: "" on a host, a fixture's folder in tests. PELT_EINVAL: an
 * option that cannot be (no such process, nobody listens on the port ...), with what to try. */
PELT_MUST_USE enum pelt_status targets_new(const struct target_options *options, size_t len,
                                           const char *root, struct notices *notices,
                                           struct targets **out, struct pelt_error *err);
void targets_free(struct targets *t);
size_t targets_len(const struct targets *t);
const struct target *targets_at(const struct targets *t, size_t index);
/* Looks whether the processes are still there; called each medium tier, before the collectors. */
void targets_refresh(struct targets *t, uint64_t now_ns);

enum target_v1 { TARGET_V1_CPU, TARGET_V1_CPUACCT, TARGET_V1_MEMORY, TARGET_V1_PIDS, TARGET_V1_BLKIO };

#endif
