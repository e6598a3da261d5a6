/*
 * ratelimit: the token bucket as a system. Requests beyond the rate are answered 429, with
 * Retry-After; every request that it counts is told by the RateLimit headers how it stands.
 *
 * Thread: any.
 */
#ifndef TARGET_RATELIMIT_H
#define TARGET_RATELIMIT_H

#include "quantity.h"
#include "systems.h"

enum target_ratelimit_for {
    TARGET_RATELIMIT_FOR_ALL,  /* but for probes and observers */
    TARGET_RATELIMIT_FOR_WORK, /* requests that have work */
};

struct target_ratelimit_settings {
    struct target_rate rate; /* count 0: off */
    uint64_t burst;          /* 0: as many as come in a second, at least 1 */
    unsigned rate_for;       /* enum target_ratelimit_for */
};

extern const struct target_system target_ratelimit_system;

#endif
