/*
 * cgroup_files: what the files of a control group say, of v1 and v2. Pure: bytes in, numbers out.
 */
#ifndef AGENT_CGROUP_FILES_H
#define AGENT_CGROUP_FILES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A number alone. "max" (v2), -1 and what is near 2^63 (v1) are no limit: HUGE_VAL. */
bool cgroup_parse_limit(const char *bytes, size_t len, double *out);
/* cpu.max of v2, "200000 100000": cores; "max 100000" is HUGE_VAL. */
bool cgroup_parse_cpu_max(const char *bytes, size_t len, double *cores);

struct cgroup_cpu_stat {      /* since the group was made; NAN: not told */
    double usage_s;           /* CPU time; of v2 */
    double throttled_periods; /* of the quota, in which it was stopped */
    double throttled_s;       /* for how long, of all its cores */
};

/* cpu.stat of either version: v1 has nanoseconds and no usage. False: there is nothing in it. */
bool cgroup_parse_cpu_stat(const char *bytes, size_t len, struct cgroup_cpu_stat *out);

enum cgroup_io { CGROUP_IO_READ, CGROUP_IO_WRITE, CGROUP_IOS };

/* A device's number as it is in these files, "254:0". */
#define CGROUP_DEVICE 24

/* Bytes so far, of one device, or of all ("" in `device`). v2: io.stat; v1:
 * blkio.throttle.io_service_bytes. What has no line is 0. */
void cgroup_parse_io(const char *bytes, size_t len, bool v2, const char *device,
                     double out[CGROUP_IOS]);
/* The least limit in bytes a second of any device, and which that is: v2: io.max; v1:
 * blkio.throttle.{read,write}_bps_device. HUGE_VAL: none. */
double cgroup_parse_io_max(const char *bytes, size_t len, bool v2, enum cgroup_io which,
                           char device[CGROUP_DEVICE]);

#endif
