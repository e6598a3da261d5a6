/*
 * agent_host: the parsers of what /proc, /sys and control groups say take any bytes, read none
 * behind them, and keep what their headers promise. The first byte says which parser.
 */
#include <assert.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "block_io.h"
#include "cgroup_files.h"
#include "cgroup_path.h"
#include "cpu.h"
#include "disk.h"
#include "kernel_tables.h"
#include "memory.h"
#include "mounts.h"
#include "pid_files.h"
#include "pressure.h"
#include "procfile.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void parse_stat(const char *text, size_t len)
{
    static struct cpu_times each[CPU_CORES_MAX];
    struct cpu_times all;
    size_t cores;

    if (cpu_parse_stat(text, len, &all, each, &cores)) {
        assert(cores <= CPU_CORES_MAX);
    }
}

static void parse_small(const char *text, size_t len)
{
    uint32_t count;
    uint64_t a, b;
    double limit;

    if (cpu_parse_list(text, len, &count)) {
        assert(len > 0);
    }
    if (kernel_tables_parse_file_nr(text, len, &a, &b)) {
        assert(len >= 5);
    }
    cpu_parse_loadavg(text, len, &a, &b);
    pid_parse_statm(text, len, &a, &b);
    pid_parse_schedstat(text, len, &a, &b);
    if (pressure_parse(text, len, &a, &b)) {
        assert(a != UINT64_MAX);
    }
    if (cgroup_parse_limit(text, len, &limit)) {
        assert(limit >= 0);
    }
    if (cgroup_parse_cpu_max(text, len, &limit)) {
        assert(limit >= 0);
    }
}

static void parse_memory(const char *text, size_t len)
{
    struct memory_info info;
    double events[MEMORY_EVENTS];

    if (memory_parse_info(text, len, &info)) {
        assert(info.available <= info.total && info.swap_free <= info.swap_total);
    }
    memory_parse_events(text, len, events);
    for (size_t i = 0; i < MEMORY_EVENTS; i++) {
        assert(isnan(events[i]) || events[i] >= 0);
    }
}

static void parse_process(const char *text, size_t len)
{
    struct pid_stat stat;
    struct pid_status status;
    struct pid_limits limits;
    uint64_t a, b;

    if (pid_parse_stat(text, len, &stat)) {
        assert(memchr(text, ')', len) != NULL);
    }
    pid_parse_status(text, len, &status);
    if (pid_parse_limits(text, len, &limits)) {
        assert(limits.open_files >= 0);
    }
    pid_parse_io(text, len, &a, &b);
}

static void parse_disks(const char *text, size_t len)
{
    struct text t = text_of(text, len), line;
    struct block_stat stat;
    struct mount mount;

    while (text_line(&t, &line)) {
        assert(line.at >= text && line.end <= text + len);
        if (block_parse_line(line, &stat)) {
            assert(strlen(stat.name) < BLOCK_NAME);
            block_is_disk(stat.name);
        }
        if (mount_parse(line, &mount)) {
            assert(strlen(mount.point) < MOUNT_PATH && strlen(mount.type) > 0);
            disk_is_local(&mount);
        }
    }
}

static void parse_cgroup(const char *text, size_t len)
{
    struct cgroup_cpu_stat stat;
    char device[CGROUP_DEVICE];
    double bytes[CGROUP_IOS];

    cgroup_parse_cpu_stat(text, len, &stat);
    for (int v2 = 0; v2 < 2; v2++) {
        for (size_t which = 0; which < CGROUP_IOS; which++) {
            double limit = cgroup_parse_io_max(text, len, v2, which, device);
            assert(limit >= 0 && strlen(device) < CGROUP_DEVICE);
            cgroup_parse_io(text, len, v2, device, bytes);
            assert(bytes[0] >= 0 && bytes[1] >= 0);
        }
    }
}

/* Mounts up to a zero byte or half of the text, then what groups a process is in. */
static void parse_places(const char *text, size_t len)
{
    static struct cgroup_mounts mounts;
    struct cgroup_place place = {0};
    const char *zero = memchr(text, '\0', len);
    const size_t half = zero != NULL ? (size_t)(zero - text) : len / 2;

    cgroup_mounts_parse(&mounts, text, half);
    cgroup_place_parse(&place, &mounts, text + half, len - half);
    for (size_t i = 0; i < CGROUP_HIERARCHIES; i++) {
        struct cgroup_folder *f = &place.at[i];
        assert(strstr(f->path, "/..") == NULL || strstr(mounts.at[i].point, "/..") != NULL);
        while (cgroup_folder_up(f)) {
            assert(strlen(f->path) >= f->top);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static void (*const parsers[])(const char *, size_t) = {
        parse_stat,  parse_small,  parse_memory, parse_process,
        parse_disks, parse_cgroup, parse_places};
    char *exact;

    if (size < 1) {
        return 0;
    }
    exact = malloc(size - 1 > 0 ? size - 1 : 1);
    memcpy(exact, data + 1, size - 1);
    parsers[data[0] % (sizeof parsers / sizeof *parsers)](exact, size - 1);
    free(exact);
    return 0;
}
