/*
 * pid_files: what the files of a process, /proc/PID/stat, statm, status, limits, schedstat and io,
 * say. Pure: bytes in, numbers out.
 */
#ifndef AGENT_PID_FILES_H
#define AGENT_PID_FILES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pid_stat {
    char state; /* 'R', 'S' ...; 'Z': it has ended, its parent has not asked for it yet */
    uint64_t major_faults;
    uint64_t cpu_ticks; /* user and system, of all its threads */
    uint64_t threads;
    uint64_t start_ticks; /* when it began, after the host did: with its number, what it is */
};

/* The name in it may have spaces, brackets and line ends: the last ')' ends it. */
bool pid_parse_stat(const char *bytes, size_t len, struct pid_stat *out);
/* Pages of the whole address space, and of those in memory. */
bool pid_parse_statm(const char *bytes, size_t len, uint64_t *size, uint64_t *resident);

struct pid_status {
    uint64_t swap_bytes; /* 0 where the kernel has no such line */
    uint32_t cores;      /* of its affinity (Cpus_allowed_list) */
    uint32_t uid;        /* effective */
};

bool pid_parse_status(const char *bytes, size_t len, struct pid_status *out);

struct pid_limits { /* soft limits; HUGE_VAL: unlimited; NAN: not told */
    double open_files, processes, address_space_bytes, locked_bytes;
};

bool pid_parse_limits(const char *bytes, size_t len, struct pid_limits *out);
/* Of one thread: how long it ran, and how long it could have run and waited for a core. */
bool pid_parse_schedstat(const char *bytes, size_t len, uint64_t *ran_ns, uint64_t *waited_ns);
/* What it made disks read and write, in bytes. */
bool pid_parse_io(const char *bytes, size_t len, uint64_t *read_bytes, uint64_t *write_bytes);

#endif
