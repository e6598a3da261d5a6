/*
 * bucket: a token bucket, the rate limit of the service.
 *
 * It starts full with `burst` tokens, gains `rate` tokens each `per_ns` evenly, never holds more
 * than `burst`, and each accepted request takes one. So in any window of length t, from any moment
 * to any other, at most rate * t / per_ns + burst are accepted: exactly, as all of it is integer
 * arithmetic on fractions of a token of 1 / per_ns, and nothing is ever rounded away.
 *
 * Storage: the caller's, no heap; init/deinit.   Clock: CLOCK_MONOTONIC nanoseconds, passed in.
 * Time that goes backward, as threads that read the clock before the lock may see it, counts as
 * standing still: windows are those of the latest time seen.   Thread: any; one mutex inside.
 */
#ifndef TARGET_BUCKET_H
#define TARGET_BUCKET_H

#include <pthread.h>

#include "error.h"
#include "usage.h"

#define TARGET_BUCKET_RATE_MAX  UINT64_C(1000000000)    /* tokens each per_ns */
#define TARGET_BUCKET_BURST_MAX UINT64_C(1000000)       /* tokens */
#define TARGET_BUCKET_PER_MAX   UINT64_C(3600000000000) /* ns: an hour */

struct target_bucket_limit {
    uint64_t rate;   /* tokens each per_ns, 1 to TARGET_BUCKET_RATE_MAX; 0: no limit at all */
    uint64_t per_ns; /* 1 to TARGET_BUCKET_PER_MAX: 1 s for "5/s", 60 s for "5/m" */
    uint64_t burst;  /* tokens, 1 to TARGET_BUCKET_BURST_MAX */
};

struct target_bucket { /* open so that it can be embedded; use the functions */
    pthread_mutex_t lock;
    struct target_bucket_limit limit;
    uint64_t credit; /* in 1 / per_ns tokens; at most burst * per_ns, which fits 64 bits */
    uint64_t last_ns;
    uint64_t accepted, refused;
};

/*
 * What a request was told: the header fields of draft-ietf-httpapi-ratelimit-headers-06, of which
 * all but Retry-After belong on every answer.
 */
struct target_bucket_verdict {
    bool is_accepted;
    uint64_t limit;         /* RateLimit-Limit: burst */
    uint64_t window_s;      /* w in "RateLimit-Policy: limit;w=...": an empty bucket fills in it */
    uint64_t remaining;     /* RateLimit-Remaining: whole tokens left */
    uint64_t reset_s;       /* RateLimit-Reset: accepted: until the bucket is full; refused: as
                               retry_after_s, with which the draft wants it to agree */
    uint64_t retry_after_s; /* Retry-After when refused, at least 1; else 0 */
    uint64_t retry_ns;      /* the same exactly: the first moment with a token, from now */
    uint64_t counted_ns;    /* the moment that windows count it at: `now_ns`, or a later one seen
                               before */
};

/* False: a field is out of its range; the bucket is then unusable. */
TARGET_MUST_USE bool target_bucket_init(struct target_bucket *bucket,
                                        const struct target_bucket_limit *limit, uint64_t now_ns);
void target_bucket_deinit(struct target_bucket *bucket);

/* Takes a token or refuses. Without a limit all is accepted and the verdict's numbers are 0. */
struct target_bucket_verdict target_bucket_take(struct target_bucket *bucket, uint64_t now_ns);

/*
 * Changes the limit from now on: what the bucket holds stays, cut at the new burst; a bucket that
 * had no limit is full. False: out of range, nothing changed.
 */
TARGET_MUST_USE bool target_bucket_set(struct target_bucket *bucket,
                                       const struct target_bucket_limit *limit, uint64_t now_ns);

/* used: whole tokens that are out; limit: burst; waiters: 0; events: refused. */
struct target_usage target_bucket_figures(struct target_bucket *bucket, uint64_t now_ns);

/* Accepted since the start. */
uint64_t target_bucket_accepted(struct target_bucket *bucket);

#endif
