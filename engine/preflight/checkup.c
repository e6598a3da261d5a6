/* checkup: see the header; here what is read. */
#include "pelt/checkup.h"

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <sys/timex.h>
#include <time.h>

#include "host.h"
#include "pelt/clock.h"

#define CLOCK_READS 20000
#define TIMERS      100
#define TIMER_NS    200000

static FILE *open_below(const char *root, const char *name)
{
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s%s", root, name);
    return fopen(path, "re");
}

/* The first line, without its end; false: there is none. */
static bool read_line(const char *root, const char *name, char *line, int size)
{
    FILE *file = open_below(root, name);
    const bool got = file != NULL && fgets(line, size, file) != NULL;
    line[got ? strcspn(line, "\n") : 0] = '\0';
    if (file != NULL) {
        fclose(file);
    }
    return got;
}

static double read_number(const char *root, const char *name)
{
    char line[64], *end;
    if (!read_line(root, name, line, sizeof line)) {
        return NAN;
    }
    const double value = strtod(line, &end);
    return end != line ? value : NAN;
}

static void read_ports(const char *root, struct pelt_checkup *c)
{
    char line[64];
    c->port_first = c->port_last = NAN;
    if (read_line(root, "/proc/sys/net/ipv4/ip_local_port_range", line, sizeof line)) {
        (void)sscanf(line, "%lf %lf", &c->port_first, &c->port_last);
    }
}

static void read_memory(const char *root, struct pelt_checkup *c)
{
    char line[128];
    double total = NAN, unused = NAN;
    FILE *file = open_below(root, "/proc/meminfo");
    c->memory_available = c->memory_total = NAN;
    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
        (void)sscanf(line, "MemAvailable: %lf kB", &c->memory_available);
        (void)sscanf(line, "MemTotal: %lf kB", &c->memory_total);
        (void)sscanf(line, "SwapTotal: %lf kB", &total);
        (void)sscanf(line, "SwapFree: %lf kB", &unused);
    }
    if (file != NULL) {
        fclose(file);
    }
    c->memory_available *= 1024;
    c->memory_total *= 1024;
    c->swap_used = (total - unused) * 1024;
}

static double read_pressure(const char *root)
{
    char line[128];
    double percent;
    return read_line(root, "/proc/pressure/cpu", line, sizeof line) &&
                   sscanf(line, "some avg10=%lf", &percent) == 1
               ? percent / 100
               : NAN;
}

/* The columns are ticks of user, nice, system, idle, iowait, irq, softirq, steal: proc(5). */
static double read_stolen(const char *root)
{
    char line[256];
    double t[8], all = 0;
    if (!read_line(root, "/proc/stat", line, sizeof line) ||
        sscanf(line, "cpu %lf %lf %lf %lf %lf %lf %lf %lf", &t[0], &t[1], &t[2], &t[3], &t[4],
               &t[5], &t[6], &t[7]) != 8) {
        return NAN;
    }
    for (size_t i = 0; i < 8; i++) {
        all += t[i];
    }
    return all > 0 ? t[7] / all : NAN;
}

static double time_clock(void)
{
    const uint64_t begin_ns = pelt_clock_ns();
    uint64_t end_ns = begin_ns;
    for (int i = 0; i < CLOCK_READS; i++) {
        end_ns = pelt_clock_ns();
    }
    return (double)(end_ns - begin_ns) / CLOCK_READS;
}

static int by_value(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double time_timers(void)
{
    double late_ns[TIMERS];
    for (int i = 0; i < TIMERS; i++) {
        const uint64_t due_ns = pelt_clock_ns() + TIMER_NS;
        const struct timespec due = {.tv_sec = (time_t)(due_ns / PELT_NS_PER_S),
                                     .tv_nsec = (long)(due_ns % PELT_NS_PER_S)};
        while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &due, NULL) == EINTR) {
        }
        late_ns[i] = (double)(pelt_clock_ns() - due_ns);
    }
    qsort(late_ns, TIMERS, sizeof *late_ns, by_value);
    return late_ns[TIMERS * 99 / 100 - 1];
}

static double free_bytes(const char *folder)
{
    struct statvfs disk;
    return statvfs(folder, &disk) == 0 ? (double)disk.f_bavail * (double)disk.f_frsize : NAN;
}

void pelt_checkup_read(const char *root, const char *folder, struct pelt_checkup *out)
{
    char cgroup[PATH_MAX];
    struct rlimit fds;
    struct timex adjusted = {.modes = 0};
    snprintf(cgroup, sizeof cgroup, "%s/sys/fs/cgroup", root);
    *out = (struct pelt_checkup){
        .cpus = pelt_host_cpus(),
        .cpu_quota = pelt_host_cpu_quota(cgroup),
        .pressure = read_pressure(root),
        .stolen = read_stolen(root),
        .clock_read_ns = time_clock(),
        .timer_late_ns = time_timers(),
        .clock_adjusted = adjtimex(&adjusted) != TIME_ERROR,
        .fds_soft = NAN,
        .fds_hard = NAN,
        .port_reuse = read_number(root, "/proc/sys/net/ipv4/tcp_tw_reuse"),
        .conntrack = read_number(root, "/proc/sys/net/netfilter/nf_conntrack_count"),
        .conntrack_max = read_number(root, "/proc/sys/net/netfilter/nf_conntrack_max"),
        .backlog_max = read_number(root, "/proc/sys/net/core/somaxconn"),
        .disk_free = free_bytes(folder),
    };
    if (getrlimit(RLIMIT_NOFILE, &fds) == 0) {
        out->fds_soft = fds.rlim_cur == RLIM_INFINITY ? INFINITY : (double)fds.rlim_cur;
        out->fds_hard = fds.rlim_max == RLIM_INFINITY ? INFINITY : (double)fds.rlim_max;
    }
    read_ports(root, out);
    read_memory(root, out);
    read_line(root, "/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor", out->governor,
              sizeof out->governor);
    read_line(root, "/sys/devices/system/clocksource/clocksource0/current_clocksource",
              out->clock_source, sizeof out->clock_source);
}
