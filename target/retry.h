/*
 * retry: how long to wait before a call is tried again: exponential backoff with full jitter, a
 * uniform draw between 0 and a bound that doubles with each failure up to a cap.
 *
 * The draw depends on the seed, the call's index and the number of failures only. Pure functions.
 */
#ifndef TARGET_RETRY_H
#define TARGET_RETRY_H

#include <stdint.h>

#include "error.h"

#define TARGET_RETRY_ATTEMPTS_MAX 16

struct target_retry {
    uint64_t attempts; /* in all, the first included: 1 to TARGET_RETRY_ATTEMPTS_MAX */
    uint64_t base_ns;  /* the bound after the first failure */
    uint64_t cap_ns;   /* no bound is greater */
    uint64_t seed;
};

/* min(cap, base * 2^(failed - 1)), for `failed` >= 1. */
uint64_t target_retry_bound_ns(const struct target_retry *retry, uint64_t failed);

/*
 * After `failed` >= 1 attempts of call `index`: true, and how long to wait before the next, in
 * [0, bound); false: no more attempts.
 */
TARGET_MUST_USE bool target_retry_wait(const struct target_retry *retry, uint64_t index,
                                       uint64_t failed, uint64_t *wait_ns);

#endif
