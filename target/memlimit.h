/*
 * memlimit: a soft limit of memory. While the process is above it, requests with work are answered
 * 503 with Retry-After; so it sheds load before the kernel would kill it.
 *
 * What counts is the resident memory of the whole process, as /proc/self/statm tells it, read each
 * interval. It sheds from the reading that finds `limit` reached until one that finds at most
 * `resume` of it, so that it does not flicker at the limit.
 *
 * Thread: any; the reading is one loop's.
 */
#ifndef TARGET_MEMLIMIT_H
#define TARGET_MEMLIMIT_H

#include "systems.h"

struct target_memlimit_settings {
    uint64_t limit_bytes; /* 0: off */
    double resume;        /* share of the limit, in [0, 1] */
    uint64_t interval_ns; /* between readings */
};

extern const struct target_system target_memlimit_system;

#endif
