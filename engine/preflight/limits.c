/*
 * limits: see the header.
 */
#include "pelt/limits.h"

#include <inttypes.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "host.h"

#define TIME_WAIT_S 60.0 /* TCP_TIMEWAIT_LEN */
#define REUSE_S     1.0  /* with net.ipv4.tcp_tw_reuse = 1 */

static FILE *open_in(const char *root, const char *name)
{
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/%s", root, name);
    return fopen(path, "re");
}

/* A number that stands alone in a file; "max" and no file are none. */
static bool read_number(const char *root, const char *name, uint64_t *out)
{
    FILE *file = open_in(root, name);
    const bool got = file != NULL && fscanf(file, "%" SCNu64, out) == 1;
    if (file != NULL) {
        fclose(file);
    }
    return got;
}

static void read_ports(const char *proc, struct pelt_limits *out)
{
    FILE *file = open_in(proc, "sys/net/ipv4/ip_local_port_range");
    uint32_t first, last;
    out->port_first = 32768;
    out->port_last = 60999;
    if (file != NULL) {
        if (fscanf(file, "%" SCNu32 " %" SCNu32, &first, &last) == 2 && first <= last) {
            out->port_first = first;
            out->port_last = last;
        }
        fclose(file);
    }
    uint64_t reuse = 0;
    out->port_rest_s = read_number(proc, "sys/net/ipv4/tcp_tw_reuse", &reuse) && reuse == 1
                           ? REUSE_S
                           : TIME_WAIT_S;
}

static uint64_t host_memory(const char *proc)
{
    FILE *file = open_in(proc, "meminfo");
    char line[128];
    uint64_t kib = 0;
    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
        if (sscanf(line, "MemAvailable: %" SCNu64 " kB", &kib) == 1) {
            break;
        }
    }
    if (file != NULL) {
        fclose(file);
    }
    return kib * 1024;
}

/* Of the cgroup, versions 2 and 1; UINT64_MAX: it has no limit. */
static uint64_t cgroup_memory(const char *root)
{
    static const char *const files[][2] = {
        {"memory.max", "memory.current"},
        {"memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes"}};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        uint64_t most, used;
        if (read_number(root, files[i][0], &most) && read_number(root, files[i][1], &used)) {
            return most > used ? most - used : 0;
        }
    }
    return UINT64_MAX;
}

void pelt_limits_read(const char *proc, const char *cgroup, struct pelt_limits *out)
{
    const double quota = pelt_host_cpu_quota(cgroup);
    const uint64_t group = cgroup_memory(cgroup);
    *out =
        (struct pelt_limits){.cores = pelt_host_cpus(), .fds = pelt_host_raise_fds(), .sources = 1};
    out->cores = quota > 0 && quota < out->cores ? quota : out->cores;
    out->memory_bytes = host_memory(proc);
    out->memory_bytes = group < out->memory_bytes ? group : out->memory_bytes;
    read_ports(proc, out);
}

uint32_t pelt_limits_ports(const struct pelt_limits *l)
{
    return (l->port_last - l->port_first + 1) * l->sources;
}
