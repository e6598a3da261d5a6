/*
 * response_cache: answers to requests with work that are given again without their work.
 *
 * An answer of status 200 is kept for its time to live under its request's key (requestkey.h) with
 * its tags: its path, the names in the request's header Cache-Tag, and "topic:NAME" if it has one
 * (outputs.h). What executed while anything was purged is not kept. Kept bytes are those of
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

#define TARGET_CACHE_STATUS_BYTES (80 * (1 + TARGET_SAYS_MAX))

struct target_response_cache_settings {
    uint64_t bytes;   /* most of all bodies; 0: off */
    uint64_t entries; /* most; TARGET_UNLIMITED: no end */
    unsigned policy;  /* enum target_cache_policy */
    uint64_t ttl_ns;
    uint64_t ttl_chat_ns; /* of POST /api/chat; 0: as the others */
};

struct target_response_cache;
struct target_levels;

extern const struct target_system target_response_cache_system; /* looks up */
extern const struct target_system target_response_store_system; /* keeps */

/*
 * Drops the answers with this tag, or those whose path, query and body match this pattern, as
 * fnmatch(3) says (both NULL: all). Returns how many.
 */
size_t target_response_cache_purge(struct target_response_cache *cache, const char *tag,
                                   const char *pattern, const struct target_scene *scene);

/* Where answers are kept besides (levels.h); before any request. */
void target_response_cache_join(struct target_response_cache *cache, struct target_levels *levels);

/* How long the answer of a request that was looked up in vain is to be kept. */
uint64_t target_response_cache_ttl(const struct target_admission *admission);

/*
 * What Cache-Status (RFC 9211) says of a request, the cache nearest to the client last; `text` has
 * TARGET_CACHE_STATUS_BYTES.
 */
void target_response_cache_status(const struct target_admission *admission, char *text);

/* The name of the cache that answered, "l3"; NULL: none did. */
const char *target_response_cache_who(const struct target_admission *admission);

/* "hit", "miss" or "collapsed" for the log, by any cache; NULL: it was not looked up. */
const char *target_response_cache_word(const struct target_admission *admission);

#endif
