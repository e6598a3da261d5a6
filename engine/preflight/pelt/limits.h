/*
 * limits: what this host has for a generator, read from the kernel. Thread: main. Nothing here
 * changes the host but the soft limit of descriptors, which is raised to the hard one as a run
 * does.
 */
#ifndef PELT_LIMITS_H
#define PELT_LIMITS_H

#include <stdint.h>

struct pelt_limits {
    double cores; /* by affinity mask and cgroup quota, which may be a part of one */
    uint64_t fds; /* descriptors of a process (nofile) */
    uint32_t port_first, port_last; /* local ports for connections, to one server each once */
    uint32_t sources;               /* addresses to connect from, each with those ports */
    double port_rest_s;             /* for which a port rests after a connection to one server */
    uint64_t memory_bytes; /* that can still be had: of the host, or of the cgroup; 0: unknown */
};

/* `proc` and `cgroup` are where those are mounted: "/proc", "/sys/fs/cgroup". What cannot be read
 * is taken as Linux has it by default. */
void pelt_limits_read(const char *proc, const char *cgroup, struct pelt_limits *out);
uint32_t pelt_limits_ports(const struct pelt_limits *l);

#endif
