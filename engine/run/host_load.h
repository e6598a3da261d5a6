/*
 * host_load: what all programs of this host did with its CPUs, as the kernel counts it, and what a
 * hypervisor took of them.
 *
 * Storage: the caller's. Thread: one at a time.
 */
#ifndef PELT_HOST_LOAD_H
#define PELT_HOST_LOAD_H

#include <stdbool.h>
#include <stdint.h>

struct pelt_host_load {
    int stat_fd, pressure_fd; /* -1: there is none */
};

struct pelt_host_cpu {  /* since the host started, in CPU time of all CPUs together */
    uint64_t busy_ns;   /* of programs and the kernel */
    uint64_t stolen_ns; /* a hypervisor ran somebody else */
};

/* `root` goes before the paths: "" but in tests. */
void pelt_host_load_open(struct pelt_host_load *h, const char *root);
void pelt_host_load_close(struct pelt_host_load *h);
/* /proc/stat. False: it cannot be read. */
bool pelt_host_load_cpu(const struct pelt_host_load *h, struct pelt_host_cpu *out);
/* /proc/pressure/cpu: for how long somebody who could run had to wait. False: it cannot be read. */
bool pelt_host_load_pressure_ns(const struct pelt_host_load *h, uint64_t *ns);

#endif
