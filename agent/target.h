/*
 * target: what the operator asked to be watched, as options say it: processes (by pid, by the port
 * they listen on, by systemd unit) and cgroups. Resolved here, from local options only.
 *
 * A unit is the cgroup of its name. The process of a unit or cgroup is the oldest one in it, or in
 * the groups below.
 *
 * A process that ended is noticed by its pidfd, by its state and time of start where there are
 * none; it is then looked for again by what it was asked by (port, unit, the cgroup's processes),
 * once a second; by pid alone it is gone for good. Each new process is a restart: collectors reopen
 * and rebase (`epoch` counts), and a notice tells: target_restarted, target_ended.
 *
 * Thread: the sampler's.
 */
#ifndef AGENT_TARGET_H
#define AGENT_TARGET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "cgroup_path.h"
#include "notices.h"
#include "pelt/status.h"

enum target_by { TARGET_PID, TARGET_PORT, TARGET_UNIT, TARGET_CGROUP };
const char *target_by_name(enum target_by by); /* "pid" ... */

struct target_options {
    enum target_by by;
    const char *text; /* "1234", "8080", "nginx.service", "system.slice/x" or an absolute path */
    const char *name; /* NAME=... given by the operator; NULL: made from `text` */
};

struct target {
    char name[64]; /* "pid 1234", "port 8080", "nginx.service": the figures' target */
    enum target_by by;
    int port;       /* that was asked for; 0 but by TARGET_PORT */
    pid_t pid;      /* the main process; 0: none now (or a cgroup without processes) */
    uint64_t epoch; /* counts processes found, from 1; 0: none so far */
    /* Of the process; or the cgroup that was asked for, and in hierarchies where that is not, the
     * one of its process, or of its last one. */
    struct cgroup_place cgroups;
    uint64_t cgroups_epoch; /* counts what was found there, from 1; 0: none so far */
    char why[160];          /* why pid is 0 */
};

struct targets; /* all of them */

/* `root`: of proc, sys and cgroup files: "" on a host, a fixture's folder in tests; good as long as
 * the targets. A port whose owner may not be seen is no failure: its pid is 0, and `why` tells.
 * PELT_EINVAL: an option that cannot be; PELT_ENOTFOUND: what it names is not there now (no such
 * process, nobody listens on the port ...). Either with what to try. */
PELT_MUST_USE enum pelt_status targets_new(const struct target_options *options, size_t len,
                                           const char *root, struct notices *notices,
                                           struct targets **out, struct pelt_error *err);
void targets_free(struct targets *t);
size_t targets_len(const struct targets *t);
const struct target *targets_at(const struct targets *t, size_t index);
/* Where the cgroup hierarchies are mounted. */
const struct cgroup_mounts *targets_mounts(const struct targets *t);
/* Looks whether the processes are still there; called each medium tier, before the collectors. */
void targets_refresh(struct targets *t, uint64_t now_ns);

#endif
