/*
 * host: see the header.
 */
#include "host.h"

#include <limits.h>
#include <sched.h>
#include <sys/resource.h>
#include <unistd.h>

static uint32_t affinity_cpus(void)
{
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof(set), &set) == 0) {
        return (uint32_t)CPU_COUNT(&set);
    }
    long online = sysconf(_SC_NPROCESSORS_ONLN);
    return online > 0 ? (uint32_t)online : 1;
}

/* Reads up to two numbers of a file ("max" counts as none); how many. */
static int read_numbers(const char *root, const char *name, double out[2])
{
    char path[PATH_MAX];
    snprintf(path, sizeof(path), "%s/%s", root, name);
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        return 0;
    }
    int got = fscanf(file, "%lf %lf", &out[0], &out[1]);
    fclose(file);
    return got > 0 ? got : 0;
}

double pelt_host_cpu_quota(const char *root)
{
    double v2[2], quota[2], period[2]; /* v1 writes -1 for no quota */
    if (read_numbers(root, "cpu.max", v2) == 2 && v2[1] > 0) {
        return v2[0] / v2[1];
    }
    if (read_numbers(root, "cpu/cpu.cfs_quota_us", quota) > 0 &&
        read_numbers(root, "cpu/cpu.cfs_period_us", period) > 0 && quota[0] > 0 && period[0] > 0) {
        return quota[0] / period[0];
    }
    return 0;
}

int pelt_host_cpu_at(uint32_t i)
{
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof(set), &set) != 0 || CPU_COUNT(&set) == 0) {
        return -1;
    }
    int cpu = 0;
    for (uint32_t left = i % (uint32_t)CPU_COUNT(&set); left > 0 || !CPU_ISSET(cpu, &set); cpu++) {
        left -= CPU_ISSET(cpu, &set) != 0;
    }
    return cpu;
}

uint32_t pelt_host_cpus(void)
{
    uint32_t cpus = affinity_cpus();
    double quota = pelt_host_cpu_quota("/sys/fs/cgroup");
    if (quota > 0 && quota < cpus) {
        cpus = (uint32_t)quota + (quota > (uint32_t)quota);
    }
    return cpus > 0 ? cpus : 1;
}

uint64_t pelt_host_raise_fds(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) {
        return 1024;
    }
    if (limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
        getrlimit(RLIMIT_NOFILE, &limit);
    }
    return limit.rlim_cur;
}
