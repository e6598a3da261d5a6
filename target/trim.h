/*
 * trim: memory that the service keeps for the next requests, or freed and the allocator kept, is
 * given back to the kernel, when it is told to (POST /admin/trim) or from time to time.
 *
 * Thread: any; there is one lock. Clock: CLOCK_MONOTONIC nanoseconds, passed in.
 */
#ifndef TARGET_TRIM_H
#define TARGET_TRIM_H

#include "request.h"
#include "systems.h"

struct target_trim_settings {
    uint64_t interval_ns;  /* 0: only when told */
    uint64_t request_pool; /* requests that are kept; TARGET_UNLIMITED: no end */
};

struct target_trimmed {
    uint64_t before_bytes, after_bytes; /* resident memory of the process; 0: cannot be read */
};

struct target_trim;

extern const struct target_system target_trim_system;

/* From now on it sets, tells and trims the store as well; borrowed until the system stops. */
void target_trim_attach(struct target_trim *trim, struct target_request_store *requests);

/* Blocks for as long as it takes: some milliseconds for each 100 MB that are free. */
struct target_trimmed target_trim_now(struct target_trim *trim, const struct target_scene *scene,
                                      const char *why);

#endif
