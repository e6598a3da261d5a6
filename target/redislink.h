/*
 * redislink: one connection to a Redis server, by hiredis.
 *
 * It connects when it is first asked, and again after it broke, but not before a wait is over,
 * which is RETRY_NS at first and doubles with each failure in a row up to RETRY_MAX_NS: until then
 * each call fails at once. No call takes longer than CALL_NS. What comes back is untrusted: only
 * replies of the expected kind are taken.
 *
 * Storage: opaque, new/free.   Thread: one at a time, the owner's; calls block.   Clock: it reads
 * the time itself.
 */
#ifndef TARGET_REDISLINK_H
#define TARGET_REDISLINK_H

#include <stddef.h>
#include <stdint.h>

#include "error.h"

#define TARGET_REDIS_ADDRESS_BYTES 256

#define TARGET_REDISLINK_CALL_NS      UINT64_C(1000000000)
#define TARGET_REDISLINK_RETRY_NS     UINT64_C(50000000)
#define TARGET_REDISLINK_RETRY_MAX_NS UINT64_C(1600000000)

struct target_redislink;

/* "HOST:PORT", "[::1]:6379"; empty: none, which is good. The error does not name the knob. */
TARGET_MUST_USE bool target_redislink_check(const char *address, struct target_error *err);

/* A good address that is not empty. NULL: no memory. */
struct target_redislink *target_redislink_new(const char *address);
void target_redislink_free(struct target_redislink *link);

struct target_redislink_figures { /* so far */
    uint64_t connects;            /* attempts that were connected */
    uint64_t failures;            /* attempts that were not, and connections that broke */
};

/* Any thread. */
struct target_redislink_figures target_redislink_figures(const struct target_redislink *link);

enum target_redis_found {
    TARGET_REDIS_FOUND,
    TARGET_REDIS_NONE,
    TARGET_REDIS_FAILED, /* not connected, no answer in time, or an error */
};

/* `*value` is heap memory that the caller frees, with a 0 behind it; not set but with FOUND. */
enum target_redis_found target_redislink_get(struct target_redislink *link, const char *key,
                                             char **value, size_t *bytes);

/* False: failed. `ttl_ms` at least 1. */
bool target_redislink_set(struct target_redislink *link, const char *key, const void *value,
                          size_t bytes, uint64_t ttl_ms);
bool target_redislink_delete(struct target_redislink *link, const char *key);

/* False: failed. */
bool target_redislink_ping(struct target_redislink *link);

/* Adds to a set, which lives for at least `ttl_ms` from now. */
bool target_redislink_add(struct target_redislink *link, const char *set, const char *member,
                          uint64_t ttl_ms);

/* Tells each member of a set. False: failed, perhaps in the middle. */
bool target_redislink_members(struct target_redislink *link, const char *set,
                              void (*tell)(void *cls, const char *member), void *cls);

/* Tells each key that begins with `prefix`, some perhaps twice. `tell` may delete it. */
bool target_redislink_keys(struct target_redislink *link, const char *prefix,
                           void (*tell)(void *cls, const char *key), void *cls);

#endif
