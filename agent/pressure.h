/*
 * pressure: for how long work stood still for want of CPU, memory or disks (PSI), of the host from
 * /proc/pressure/ and of a cgroup from its cpu.pressure, memory.pressure and io.pressure. Counters
 * in seconds: `some` of its threads waited, or all of them (`full`). Their growth a second is the
 * share of the time; the kernel's own means (avg10 ...) are not used, as they hide what is short.
 *
 * Figures: pressure_cpu_some, pressure_memory_some, pressure_memory_full, pressure_io_some,
 * pressure_io_full, and of cgroups pressure_cpu_full, which the kernel does not define for a host.
 *
 * Storage: a set is its owner's. Thread: the sampler's.
 */
#ifndef AGENT_PRESSURE_H
#define AGENT_PRESSURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "collector.h"
#include "procfile.h"

enum pressure_of { PRESSURE_CPU, PRESSURE_MEMORY, PRESSURE_IO, PRESSURES };

struct pressure_set {
    bool of_host;
    struct procfile files[PRESSURES];
    struct figure *some[PRESSURES], *full[PRESSURES]; /* full: NULL where it is not defined */
};

/* Adds the figures; `target` "" means the host's. False: out of memory. */
bool pressure_init(struct pressure_set *s, struct catalogue *c, const char *target);
/* `folder`: the cgroup's, absolute and with the root before it; of the host the root alone. Closes
 * what was open. */
void pressure_open(struct pressure_set *s, const char *folder);
void pressure_close(struct pressure_set *s);
void pressure_read(struct pressure_set *s);
/* All figures of it are unreadable, and why. */
void pressure_unreadable(struct pressure_set *s, const char *why);
void pressure_rebase(struct pressure_set *s);

/* The host's. NULL: out of memory. */
struct collector *pressure_collector_new(struct catalogue *c, const char *root);

/* Pure: microseconds in all. `full` may be missing: UINT64_MAX. False: there is no line "some". */
bool pressure_parse(const char *bytes, size_t len, uint64_t *some_us, uint64_t *full_us);

#endif
