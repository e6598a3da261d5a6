/*
 * memory: the host's memory and swap, from /proc/meminfo and /proc/vmstat, once a second.
 *
 *   memory           limit, bytes: MemTotal less MemAvailable; events: processes killed for want of
 * it swap             limit, bytes; no maximum where there is no swap swap_in          counter,
 * pages, and swap_out direct_reclaim   counter, pages: looked at by those who wanted memory, as
 * none was free page_refaults    counter, pages: read again soon after they had been given up
 *   major_faults     counter: faults that had to wait for a disk
 */
#ifndef AGENT_MEMORY_H
#define AGENT_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "collector.h"

/* NULL: out of memory. */
struct collector *memory_collector_new(struct catalogue *c, const char *root);

/* ---- pure ---- */

struct memory_info { /* bytes */
    uint64_t total, available, swap_total, swap_free;
};

/* /proc/meminfo. False: a line of those is missing. */
bool memory_parse_info(const char *bytes, size_t len, struct memory_info *out);

enum memory_event { /* counted by /proc/vmstat since the host started */
                    MEMORY_SWAP_IN,
                    MEMORY_SWAP_OUT,
                    MEMORY_DIRECT_RECLAIM,
                    MEMORY_REFAULTS,
                    MEMORY_MAJOR_FAULTS,
                    MEMORY_OOM_KILLS,
                    MEMORY_EVENTS /* how many */
};

/* /proc/vmstat; NAN: this kernel does not count it. */
void memory_parse_events(const char *bytes, size_t len, double out[MEMORY_EVENTS]);

#endif
