/*
 * response_cache: answers to requests with work that are given again without their work.
 *
 * An answer of status 200 is kept for its time to live under its request's key (requestkey.h) with
 * its tags: its path, and the names in the request's header Cache-Tag. Kept bytes are those of
 * answers' bodies. Not looked up, nor kept: requests with Cache-Control: no-cache or no-store,
 * those drawn to fail, those whose key is too long. Cost, for that policy, is the service time.
 *
 * It is two systems with the coalescing (coalescing.h) between them. The first looks the request
 * up. The second is asked only by who executes: it looks the key up once more, as another's answer
 * may have been kept since, and keeps the answer, before the coalescing lets go of the key. So with
 * both on, a key is executed once for as long as its answer is kept.
 *
 * Thread: any, but for the hooks, which are as systems.h says. Clock: CLOCK_MONOTONIC nanoseconds.
 */
#ifndef TARGET_RESPONSE_CACHE_H
#define TARGET_RESPONSE_CACHE_H

#include "systems.h"

#define TARGET_CACHE_STATUS_BYTES 80

struct target_response_cache_settings {
    uint64_t bytes;   /* most of all bodies; 0: off */
    uint64_t entries; /* most; TARGET_UNLIMITED: no end */
    unsigned policy;  /* enum target_cache_policy */
    uint64_t ttl_ns;
    uint64_t ttl_chat_ns; /* of POST /api/chat; 0: as the others */
};

struct target_response_cache;

extern const struct target_system target_response_cache_system; /* looks up */
extern const struct target_system target_response_store_system; /* keeps */

/* Drops the answers with this tag, or all (NULL). Returns how many. */
size_t target_response_cache_purge(struct target_response_cache *cache, const char *tag,
                                   const struct target_scene *scene);

/* What Cache-Status (RFC 9211) says of a request; `text` has TARGET_CACHE_STATUS_BYTES. */
void target_response_cache_status(const struct target_admission *admission, char *text);

/* "hit", "miss" or "collapsed" for the log; NULL: it was not looked up. */
const char *target_response_cache_word(const struct target_admission *admission);

#endif
