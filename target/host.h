/*
 * host: what the machine that the service runs on has used, as /health/detailed tells it: memory,
 * processor time since its start (so that whoever asks twice has the share in between), free disk
 * of the working directory. What cannot be read is null.
 *
 * No state.   Thread: any.
 */
#ifndef TARGET_HOST_H
#define TARGET_HOST_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

/* {"memory_bytes", "memory_available_bytes", "cpu_s", "cpu_busy_s", "disk_free_bytes"}; NULL: out
 * of memory. */
json_t *target_host_json(void);

struct target_process { /* this one; what cannot be read is 0 */
    double cpu_s;
    uint64_t resident_bytes;
};

struct target_process target_host_process(void);

/* Of this process: {"cpu_s", "resident_bytes"}; NULL: out of memory. */
json_t *target_host_process_json(void);

/* Bytes of a line of /proc/meminfo ("MemTotal:"), which are in KiB there. False: there is none. */
bool target_host_meminfo(const char *text, const char *key, uint64_t *bytes);

#endif
