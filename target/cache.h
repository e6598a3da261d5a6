/*
 * cache: values by key within a number of bytes, each for its time to live, dropped by tag, and
 * evicted by one of five policies. A miss is single flight: the first who asks loads, others wait.
 *
 * Which entry a policy evicts first, and who goes first among equals:
 *
 *   lru    the one not used for longest
 *   lfu    the one with the fewest hits since it was stored; equals: as lru
 *   fifo   the one stored first
 *   ttl    the one that expires first; equals: as fifo
 *   cost   the one that costs least a byte to make again (cost / bytes, compared exactly; a value
 *          of 0 bytes counts as 1); equals: as lru
 *
 * Storing counts as the first use, a hit as another; having waited for a load as none. What has
 * expired leaves before anything is evicted, is never hit, and is alive while now < expires_ns. A
 * new value is always taken if it fits within the limit at all: it is not weighed against the old.
 *
 * Every call is O(log n) for each entry that it stores, hits or drops.
 *
 * Storage: opaque, new/free. Keys and tags are copied.   Clock: CLOCK_MONOTONIC nanoseconds, passed
 * in.   Thread: any; one mutex inside. `drop_value` is called without it and may call the cache,
 * `on_leave` is called under it and may not.
 */
#ifndef TARGET_CACHE_H
#define TARGET_CACHE_H

#include <stddef.h>
#include <stdint.h>

#include "error.h"
#include "figures.h"
#include "waiter.h"

#define TARGET_CACHE_NO_END UINT64_MAX /* a time to live that never ends */

enum target_cache_policy {
    TARGET_CACHE_LRU,
    TARGET_CACHE_LFU,
    TARGET_CACHE_FIFO,
    TARGET_CACHE_TTL,
    TARGET_CACHE_COST,
    TARGET_CACHE_POLICIES,
};

/* Why an entry left. */
enum target_cache_leave {
    TARGET_CACHE_EVICTED,
    TARGET_CACHE_EXPIRED,
    TARGET_CACHE_PURGED,
};

struct target_cache_entry { /* what a caller holds; constant, but for the cache */
    const char *key;
    void *value;
    uint64_t bytes;
    uint64_t cost;       /* of making it again, in any unit: nanoseconds of loading, say */
    uint64_t stored_ns;  /* when it was filled */
    uint64_t expires_ns; /* UINT64_MAX: never */
    bool is_kept;        /* false: it was handed out, but did not fit */
};

typedef void (*target_cache_drop_fn)(void *value);
typedef void (*target_cache_leave_fn)(void *cls, const struct target_cache_entry *entry,
                                      enum target_cache_leave why);

struct target_cache_options {
    enum target_cache_policy policy;
    uint64_t limit_bytes;            /* 0: keeps nothing */
    uint64_t limit_entries;          /* 0: as many as fit; loads do not count */
    target_cache_drop_fn drop_value; /* frees a value once nobody holds it; NULL: no need */
    target_cache_leave_fn on_leave;  /* told of each entry that leaves, in order; NULL: nobody */
    void *cls;
};

struct target_cache_figures {
    uint64_t hits;
    uint64_t misses; /* of these: `collapsed` waited for another's load, `full` were not to load */
    uint64_t evictions;
    uint64_t bytes; /* now, what is reserved for loads included */
    uint64_t limit_bytes;
    uint64_t entries; /* now */
    uint64_t waiters; /* now, for loads */
    uint64_t collapsed;
    uint64_t full;
    uint64_t expired;
    uint64_t purged;
    uint64_t unkept; /* loads whose value was handed out and not kept */
};

struct target_cache_ask {
    const char *key;
    uint64_t reserve_bytes; /* held free for the load from now on, as the memory of a model is; 0:
                               the size is known only after the load */
    uint64_t now_ns;
    bool is_counted;              /* as a miss, by target_cache_peek: it counts no more */
    struct target_waiter *waiter; /* queued if somebody is loading already; NULL: does not wait */
};

enum target_cache_found {
    TARGET_CACHE_HIT,  /* hold `*entry` until release */
    TARGET_CACHE_LOAD, /* a miss and yours to load: end it with fill or fail */
    TARGET_CACHE_WAIT, /* somebody else is loading; whoever fills or fails hands your waiter back */
    TARGET_CACHE_FULL, /* a miss, and what is loading leaves no room for reserve_bytes */
    TARGET_CACHE_NO_MEMORY,
};

struct target_cache_load {
    void *value; /* taken over, kept or not */
    uint64_t bytes;
    uint64_t cost;
    uint64_t ttl_ns;         /* 0: handed out to who waits, never kept */
    const char *const *tags; /* copied */
    size_t tag_count;
};

struct target_cache;

extern const char *const target_cache_policy_names[]; /* by policy; ends with NULL */

/* NULL: no memory. */
struct target_cache *target_cache_new(const struct target_cache_options *options);

/* Nobody may hold an entry, load or wait. */
void target_cache_free(struct target_cache *cache);

/*
 * The entry, a hit to be held until release; NULL: a miss, and nobody was asked to load. Who then
 * asks `find` says `is_counted`.
 */
TARGET_MUST_USE const struct target_cache_entry *
target_cache_peek(struct target_cache *cache, const char *key, uint64_t now_ns);

/* Sets `*entry` with HIT and LOAD, else NULL. */
TARGET_MUST_USE enum target_cache_found target_cache_find(struct target_cache *cache,
                                                          const struct target_cache_ask *ask,
                                                          const struct target_cache_entry **entry);

/*
 * The load succeeded. The loader goes on holding `entry`, now with its value. Returns who waited,
 * in order of arrival, each holding `got`, the entry, until it is released; NULL: nobody.
 */
TARGET_MUST_USE struct target_waiter *target_cache_fill(struct target_cache *cache,
                                                        const struct target_cache_entry *entry,
                                                        const struct target_cache_load *load,
                                                        uint64_t now_ns);

/* The load failed: `entry` is released. Returns who waited, `got` NULL. */
TARGET_MUST_USE struct target_waiter *target_cache_fail(struct target_cache *cache,
                                                        const struct target_cache_entry *entry);

/* Ends holding an entry that was hit, filled or got. */
void target_cache_release(struct target_cache *cache, const struct target_cache_entry *entry);

/*
 * Ends waiting. False: it is too late, the waiter was or will be handed back by the loader's
 * thread, perhaps with an entry to release.
 */
TARGET_MUST_USE bool target_cache_leave(struct target_cache *cache, struct target_waiter *waiter);

/*
 * Drops an entry, the members of a tag, or all; returns how many. A load under way of such a key
 * will not be kept; it has no tags until it is filled.
 */
size_t target_cache_purge(struct target_cache *cache, const char *key);
size_t target_cache_purge_tag(struct target_cache *cache, const char *tag);
size_t target_cache_clear(struct target_cache *cache);

/* Those whose key `is_meant` says so of, under the lock; it may not call the cache. */
size_t target_cache_purge_if(struct target_cache *cache,
                             bool (*is_meant)(const void *cls, const char *key), const void *cls);

/*
 * Changes limit and policy; what is too much for the new limit is evicted at once, but for what
 * loads have reserved: that stays until they end.
 */
void target_cache_set(struct target_cache *cache, uint64_t limit_bytes,
                      enum target_cache_policy policy, uint64_t now_ns);

/* Changes limit_entries; what is too many is evicted at once. */
void target_cache_set_entries(struct target_cache *cache, uint64_t limit_entries);

/* True if an entry with this tag is kept. */
bool target_cache_has_tag(struct target_cache *cache, const char *tag);

struct target_cache_figures target_cache_figures(struct target_cache *cache, uint64_t now_ns);

/* The same; they are added to `figures` as those of the cache `name`, unless it keeps nothing
 * (limit_bytes 0). */
struct target_cache_figures target_cache_tell(struct target_cache *cache, const char *name,
                                              struct target_figures *figures, uint64_t now_ns);

#endif
