/* host: see the header. */
#include "host.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "hostcpu.h"

/* The beginning of a file of /proc; false: it cannot be read. */
static bool read_text(const char *path, char *text, size_t size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t length = fd >= 0 ? read(fd, text, size - 1) : -1;

    if (fd >= 0) {
        close(fd);
    }
    text[length > 0 ? length : 0] = '\0';
    return length > 0;
}

bool target_host_meminfo(const char *text, const char *key, uint64_t *bytes)
{
    const char *line = strstr(text, key);
    unsigned long long kib;

    if (!line || sscanf(line + strlen(key), " %llu kB", &kib) != 1) {
        return false;
    }
    *bytes = kib * 1024;
    return true;
}

static void set_memory(json_t *json)
{
    static const struct {
        const char *line, *name;
    } figures[] = {{"MemTotal:", "memory_bytes"}, {"MemAvailable:", "memory_available_bytes"}};
    char text[1024];
    uint64_t bytes;

    read_text("/proc/meminfo", text, sizeof text);
    for (size_t i = 0; i < sizeof figures / sizeof figures[0]; i++) {
        bool known = target_host_meminfo(text, figures[i].line, &bytes);

        json_object_set_new(json, figures[i].name,
                            known ? json_integer((json_int_t)bytes) : json_null());
    }
}

static void set_cpu(json_t *json)
{
    const double per_s = (double)sysconf(_SC_CLK_TCK);
    struct target_hostcpu_ticks ticks;
    char text[512];
    bool known = read_text(TARGET_HOSTCPU_FILE, text, sizeof text) &&
                 target_hostcpu_parse(text, &ticks) && per_s > 0;

    json_object_set_new(json, "cpu_s",
                        known ? json_real((double)ticks.total / per_s) : json_null());
    json_object_set_new(json, "cpu_busy_s",
                        known ? json_real((double)ticks.busy / per_s) : json_null());
}

static void set_disk(json_t *json)
{
    struct statvfs disk;
    bool known = statvfs(".", &disk) == 0;

    json_object_set_new(json, "disk_free_bytes",
                        known ? json_integer((json_int_t)(disk.f_bavail * disk.f_frsize))
                              : json_null());
}

json_t *target_host_json(void)
{
    json_t *json = json_object();

    set_memory(json);
    set_cpu(json);
    set_disk(json);
    return json;
}

struct target_process target_host_process(void)
{
    struct target_process process = {0};
    struct rusage used;
    char text[128];
    unsigned long long pages;

    if (getrusage(RUSAGE_SELF, &used) == 0) {
        process.cpu_s = (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
                        (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
    }
    if (read_text("/proc/self/statm", text, sizeof text) && sscanf(text, "%*u %llu", &pages) == 1) {
        process.resident_bytes = pages * (unsigned long long)sysconf(_SC_PAGESIZE);
    }
    return process;
}

json_t *target_host_process_json(void)
{
    struct target_process process = target_host_process();

    return json_pack("{s:f, s:I}", "cpu_s", process.cpu_s, "resident_bytes",
                     (json_int_t)process.resident_bytes);
}
