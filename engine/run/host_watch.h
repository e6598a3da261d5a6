/*
 * host_watch: what happened to the generator's CPU time during a run, second by second: quotas of
 * its control groups, other programs, the hypervisor. What cannot be read is PELT_UNREAD, never 0.
 *
 * Storage: the caller's. Thread: control.
 */
#ifndef PELT_HOST_WATCH_H
#define PELT_HOST_WATCH_H

#include "host_load.h"
#include "own_cgroup.h"
#include "pelt/results.h"

struct pelt_host_watch {
    struct pelt_own_cgroup cgroup;
    struct pelt_host_load load;
    struct pelt_host_row last; /* counters as they were read last */
    uint64_t last_ns;          /* when that was */
};

void pelt_host_watch_start(struct pelt_host_watch *w, uint64_t now_ns);
void pelt_host_watch_stop(struct pelt_host_watch *w); /* also one that never started, if zeroed */
/* What the counters rose by since the last call, or the start; how long that was, in ns. */
uint64_t pelt_host_watch_read(struct pelt_host_watch *w, uint64_t now_ns,
                              struct pelt_host_row *out);

#endif
