/* cgroup_cpu: see the header. */
#include "cgroup_cpu.h"

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "cgroup_files.h"
#include "cgroup_limit.h"

#define PROCESSES_TEXT 1024 /* of cgroup.procs: more than a hundred are not asked one by one */

bool cgroup_cpu_init(struct cgroup_cpu *u, struct catalogue *c, const char *target)
{
    *u = (struct cgroup_cpu){.max = HUGE_VAL, .usage = PROCFILE_NONE, .processes = PROCFILE_NONE};
    u->cpu = catalogue_add(
        c, &(struct figure_about){PELT_SERVER_LIMIT, FIGURE_FAST, "cgroup_cpu", target, "cores",
                                  "cpu.stat, cpu.max (v1: cpuacct.usage, cpu.cfs_quota_us, "
                                  "cpu.cfs_period_us)"});
    u->throttled =
        catalogue_add(c, &(struct figure_about){PELT_SERVER_COUNTER, FIGURE_FAST,
                                                "cgroup_cpu_throttled", target, "s", "cpu.stat"});
    return u->cpu != NULL && u->throttled != NULL;
}

void cgroup_cpu_close(struct cgroup_cpu *u)
{
    procfile_close(&u->usage);
    procfile_close(&u->processes);
    for (size_t i = 0; i < u->stats_len; i++) {
        procfile_close(&u->stats[i]);
    }
    u->stats_len = 0;
}

/* ---- the quota ---- */

static bool read_file(const char *root, const struct cgroup_folder *f, const char *name,
                      double *out)
{
    char text[64];
    size_t len;

    return cgroup_once(root, f, name, text, sizeof text, &len) == 0 &&
           cgroup_parse_limit(text, len, out);
}

/* Cores of one group; HUGE_VAL: no quota. */
static double quota_of(const struct cgroup_cpu *u, const char *root, const struct cgroup_folder *f)
{
    char text[64];
    size_t len;
    double cores, quota, period;

    if (u->is_v2) {
        return cgroup_once(root, f, "cpu.max", text, sizeof text, &len) == 0 &&
                       cgroup_parse_cpu_max(text, len, &cores)
                   ? cores
                   : HUGE_VAL;
    }
    return read_file(root, f, "cpu.cfs_quota_us", &quota) &&
                   read_file(root, f, "cpu.cfs_period_us", &period) && period > 0
               ? quota / period
               : HUGE_VAL;
}

static void open_usage(struct cgroup_cpu *u, const struct cgroup_mounts *mounts, const char *root)
{
    struct cgroup_folder f = {0};
    const char *below = u->level.path + u->level.top;
    int len;

    procfile_close(&u->usage);
    procfile_close(&u->processes);
    rate_reset(&u->rate);
    if (u->is_v2) {
        cgroup_open(&u->usage, root, &u->level, "cpu.stat");
        return;
    }
    len = snprintf(f.path, sizeof f.path, "%s%s", mounts->at[CGROUP_CPUACCT].point, below);
    if (len < 0 || (size_t)len >= sizeof f.path ||
        !cgroup_open(&u->usage, root, &f, "cpuacct.usage")) {
        cgroup_open(&u->processes, root, &u->level, "cgroup.procs");
    }
}

void cgroup_cpu_walk(struct cgroup_cpu *u, const struct cgroup_mounts *mounts, const char *root)
{
    struct cgroup_folder f = u->own, least = u->own;
    double cores;

    if (u->own.path[0] == '\0') {
        return;
    }
    u->max = HUGE_VAL;
    for (int level = 0; level < CGROUP_LEVELS_MAX; level++) {
        cores = quota_of(u, root, &f);
        if (cores < u->max) {
            u->max = cores;
            least = f;
        }
        if (!cgroup_folder_up(&f)) {
            break;
        }
    }
    if ((u->usage.fd < 0 && u->processes.fd < 0) || strcmp(least.path, u->level.path) != 0) {
        u->level = least;
        open_usage(u, mounts, root);
    }
}

static void open_stats(struct cgroup_cpu *u, const char *root)
{
    struct cgroup_folder f = u->own;

    do {
        u->stats_len += cgroup_open(&u->stats[u->stats_len], root, &f, "cpu.stat");
    } while (u->stats_len < CGROUP_LEVELS_MAX && cgroup_folder_up(&f));
}

static void both_unreadable(struct cgroup_cpu *u, const char *why)
{
    figure_unreadable(u->cpu, "%s", why);
    figure_unreadable(u->throttled, "%s", why);
    u->own.path[0] = '\0';
}

void cgroup_cpu_open(struct cgroup_cpu *u, const struct cgroup_place *place,
                     const struct cgroup_mounts *mounts, const char *root)
{
    cgroup_cpu_close(u);
    u->own = *cgroup_place_of(place, mounts, CGROUP_CPU, &u->is_v2);
    if (u->own.path[0] == '\0') {
        both_unreadable(u, cgroup_folder_why_none(&u->own));
    } else if (!cgroup_deepest(&u->own, root, u->is_v2, "cpu.stat")) {
        both_unreadable(u, "no cpu.stat on its path: the controller is off");
    } else {
        open_stats(u, root);
        cgroup_cpu_walk(u, mounts, root);
    }
}

/* ---- read ---- */

/* The sums along the path; NAN: no group has a quota's figures. */
static int read_throttling(struct cgroup_cpu *u, double *periods, double *seconds)
{
    struct cgroup_cpu_stat stat;
    char text[1024];
    size_t len;
    int error = 0;

    *periods = *seconds = NAN;
    for (size_t i = 0; i < u->stats_len; i++) {
        if (!procfile_read(&u->stats[i], text, sizeof text, &len)) {
            error = u->stats[i].error;
            continue;
        }
        if (cgroup_parse_cpu_stat(text, len, &stat) && !isnan(stat.throttled_periods)) {
            *periods = (isnan(*periods) ? 0 : *periods) + stat.throttled_periods;
            *seconds =
                (isnan(*seconds) ? 0 : *seconds) + (isnan(stat.throttled_s) ? 0 : stat.throttled_s);
        }
    }
    return error;
}

/* Of all processes in the group now; one that ends makes the sum fall, which starts it anew. */
static int ask_processes(struct cgroup_cpu *u, double *seconds)
{
    char text[PROCESSES_TEXT];
    struct timespec time;
    clockid_t clock;
    size_t len;
    uint64_t pid;

    if (!procfile_read(&u->processes, text, sizeof text, &len)) {
        return u->processes.error;
    }
    if (len == sizeof text - 1) {
        return E2BIG;
    }
    *seconds = 0;
    for (struct text t = text_of(text, len); text_number(&t, &pid);) {
        if (pid <= INT_MAX && clock_getcpuclockid((pid_t)pid, &clock) == 0 &&
            clock_gettime(clock, &time) == 0) {
            *seconds += (double)time.tv_sec + (double)time.tv_nsec / 1e9;
        }
    }
    return 0;
}

/* Seconds of CPU time so far. Returns 0 or errno. */
static int read_usage(struct cgroup_cpu *u, double *seconds)
{
    struct cgroup_cpu_stat stat;
    char text[1024];
    size_t len;
    uint64_t ns;
    struct text t;

    if (u->processes.fd >= 0) {
        return ask_processes(u, seconds);
    }
    if (!procfile_read(&u->usage, text, sizeof text, &len)) {
        return u->usage.error != 0 ? u->usage.error : ENOENT;
    }
    t = text_of(text, len);
    if (u->is_v2) {
        *seconds = cgroup_parse_cpu_stat(text, len, &stat) ? stat.usage_s : NAN;
    } else {
        *seconds = text_number(&t, &ns) ? (double)ns / 1e9 : NAN;
    }
    return isnan(*seconds) ? EBADMSG : 0;
}

static const char *usage_name(const struct cgroup_cpu *u)
{
    return u->is_v2 ? "cpu.stat" : u->processes.fd >= 0 ? "cgroup.procs" : "cpuacct.usage";
}

static bool is_gone(int error)
{
    return error == ENODEV;
}

bool cgroup_cpu_read(struct cgroup_cpu *u, uint64_t now_ns)
{
    double periods, throttled_s, used_s, per_ns;
    int throttling_error, usage_error;

    if (u->own.path[0] == '\0') {
        return true;
    }
    throttling_error = read_throttling(u, &periods, &throttled_s);
    usage_error = read_usage(u, &used_s);
    if (!isnan(throttled_s)) {
        figure_counter(u->throttled, throttled_s);
    } else if (throttling_error != 0) {
        cgroup_unreadable(u->throttled, &u->own, throttling_error, "cpu.stat");
    } else {
        figure_unreadable(u->throttled, "no group on its path can have a quota: cpu.stat has no "
                                        "nr_throttled");
    }
    if (usage_error != 0) {
        cgroup_unreadable(u->cpu, &u->level, usage_error, usage_name(u));
    } else if (rate_take(&u->rate, used_s, now_ns, &per_ns)) {
        figure_limit(u->cpu, per_ns * 1e9, isfinite(u->max) ? u->max : NAN, periods);
    }
    return !is_gone(throttling_error) && !is_gone(usage_error);
}
