/*
 * cache: an entry is in one of three states,
 *
 *   loading  --fill-->  kept  --evicted, expired, purged-->  gone
 *      |                                                       ^
 *      +------------- fail, does not fit, purged --------------+
 *
 * Invariants, outside of the lock: `bytes` is the sum of what listed entries are charged, `loading`
 * that of the loading ones; a kept entry is in `by_worth`, in `by_expiry` too if it expires; an
 * entry is freed with its last reference, of which the table has one and each holder one.
 */
#include "cache.h"

#include <assert.h>
#include <pthread.h>

#include "keytable.h"
#include "rankheap.h"

struct tag {
    struct target_key_node by_text;
    struct member *first;
    char text[];
};

/* That an entry has a tag. */
struct member {
    struct entry *entry;
    struct tag *tag;
    struct member *next, *prev; /* of the same tag */
};

struct entry {
    struct target_cache_entry shown; /* first, so that either pointer is the other */
    struct target_key_node by_key;
    struct target_rank_node by_worth, by_expiry;
    struct target_waiters waiters;
    struct member *member; /* one for each tag */
    size_t members;
    uint64_t charged_bytes;
    uint64_t hits;
    uint64_t used_order;   /* greater: used later */
    uint64_t stored_order; /* greater: stored later */
    size_t refs;
    bool is_listed; /* in the table */
    bool is_loading;
    struct entry *next_dead;
    char key[];
};

struct target_cache {
    pthread_mutex_t lock;
    struct target_cache_options options;
    struct target_keytable entries, tags;
    struct target_rankheap by_worth, by_expiry;
    uint64_t loading_bytes;
    uint64_t order;     /* counts stores and hits */
    struct entry *dead; /* to be freed once unlocked */
    struct target_cache_figures figures;
};

/* ---- policies ---- */

#define WORTH(node) TARGET_OWNER(node, const struct entry, by_worth)

static bool lru_before(const struct target_rank_node *a, const struct target_rank_node *b)
{
    return WORTH(a)->used_order < WORTH(b)->used_order;
}

static bool lfu_before(const struct target_rank_node *a, const struct target_rank_node *b)
{
    return WORTH(a)->hits != WORTH(b)->hits ? WORTH(a)->hits < WORTH(b)->hits : lru_before(a, b);
}

static bool fifo_before(const struct target_rank_node *a, const struct target_rank_node *b)
{
    return WORTH(a)->stored_order < WORTH(b)->stored_order;
}

static bool ttl_before(const struct target_rank_node *a, const struct target_rank_node *b)
{
    uint64_t x = WORTH(a)->shown.expires_ns, y = WORTH(b)->shown.expires_ns;

    return x != y ? x < y : fifo_before(a, b);
}

/* cost(a) / bytes(a) and cost(b) / bytes(b), each multiplied by both sizes. */
static bool cost_before(const struct target_rank_node *a, const struct target_rank_node *b)
{
    const struct target_cache_entry *x = &WORTH(a)->shown, *y = &WORTH(b)->shown;
    unsigned __int128 cost_x = (unsigned __int128)x->cost * (y->bytes ? y->bytes : 1);
    unsigned __int128 cost_y = (unsigned __int128)y->cost * (x->bytes ? x->bytes : 1);

    return cost_x != cost_y ? cost_x < cost_y : lru_before(a, b);
}

#define EXPIRY(node) TARGET_OWNER(node, const struct entry, by_expiry)

static bool expires_before(const struct target_rank_node *a, const struct target_rank_node *b)
{
    uint64_t x = EXPIRY(a)->shown.expires_ns, y = EXPIRY(b)->shown.expires_ns;

    return x != y ? x < y : EXPIRY(a)->stored_order < EXPIRY(b)->stored_order;
}

static const target_rank_fn is_before[TARGET_CACHE_POLICIES] = {
    [TARGET_CACHE_LRU] = lru_before,   [TARGET_CACHE_LFU] = lfu_before,
    [TARGET_CACHE_FIFO] = fifo_before, [TARGET_CACHE_TTL] = ttl_before,
    [TARGET_CACHE_COST] = cost_before,
};

const char *const target_cache_policy_names[] = {
    [TARGET_CACHE_LRU] = "lru", [TARGET_CACHE_LFU] = "lfu",   [TARGET_CACHE_FIFO] = "fifo",
    [TARGET_CACHE_TTL] = "ttl", [TARGET_CACHE_COST] = "cost", [TARGET_CACHE_POLICIES] = NULL,
};

/* ---- references ---- */

static struct entry *entry_of(const struct target_cache_entry *shown)
{
    return (struct entry *)(uintptr_t)shown;
}

static void unref(struct target_cache *cache, struct entry *entry)
{
    assert(entry->refs > 0);
    if (--entry->refs == 0) {
        entry->next_dead = cache->dead;
        cache->dead = entry;
    }
}

/* Every public call ends here: values are dropped without the lock. */
static void unlock(struct target_cache *cache)
{
    struct entry *dead = cache->dead;

    cache->dead = NULL;
    pthread_mutex_unlock(&cache->lock);
    while (dead) {
        struct entry *next = dead->next_dead;

        if (cache->options.drop_value && dead->shown.value) {
            cache->options.drop_value(dead->shown.value);
        }
        free(dead->member);
        free(dead);
        dead = next;
    }
}

/* ---- tags ---- */

static struct tag *find_tag(const struct target_cache *cache, const char *text)
{
    struct target_key_node *node = target_keytable_find(&cache->tags, text);

    return node ? TARGET_OWNER(node, struct tag, by_text) : NULL;
}

static struct tag *find_or_make_tag(struct target_cache *cache, const char *text)
{
    size_t size = strlen(text) + 1;
    struct tag *tag = find_tag(cache, text);

    if (tag) {
        return tag;
    }
    tag = calloc(1, sizeof *tag + size);
    if (!tag) {
        return NULL;
    }
    memcpy(tag->text, text, size);
    if (!target_keytable_add(&cache->tags, &tag->by_text, tag->text)) {
        free(tag);
        return NULL;
    }
    return tag;
}

static void link_member(struct member *member, struct entry *entry, struct tag *tag)
{
    *member = (struct member){.entry = entry, .tag = tag, .next = tag->first};
    if (tag->first) {
        tag->first->prev = member;
    }
    tag->first = member;
}

/* A tag goes with its last member. */
static void unlink_member(struct target_cache *cache, struct member *member)
{
    struct tag *tag = member->tag;

    if (member->prev) {
        member->prev->next = member->next;
    } else {
        tag->first = member->next;
    }
    if (member->next) {
        member->next->prev = member->prev;
    }
    if (!tag->first) {
        target_keytable_remove(&cache->tags, &tag->by_text);
        free(tag);
    }
}

static void remove_tags(struct target_cache *cache, struct entry *entry)
{
    while (entry->members > 0) {
        unlink_member(cache, &entry->member[--entry->members]);
    }
}

/* False: no memory; `remove_tags` takes back what was added. */
static bool add_tags(struct target_cache *cache, struct entry *entry,
                     const struct target_cache_load *load)
{
    if (load->tag_count == 0) {
        return true;
    }
    entry->member = calloc(load->tag_count, sizeof *entry->member);
    if (!entry->member) {
        return false;
    }
    for (size_t i = 0; i < load->tag_count; i++) {
        struct tag *tag = find_or_make_tag(cache, load->tags[i]);

        if (!tag) {
            return false;
        }
        link_member(&entry->member[entry->members++], entry, tag);
    }
    return true;
}

/* ---- room ---- */

static void charge(struct target_cache *cache, struct entry *entry, uint64_t bytes)
{
    cache->figures.bytes += bytes - entry->charged_bytes;
    if (entry->is_loading) {
        cache->loading_bytes += bytes - entry->charged_bytes;
    }
    entry->charged_bytes = bytes;
}

/* Takes an entry out of everything. The caller's reference, if any, keeps it alive. */
static void unlist(struct target_cache *cache, struct entry *entry)
{
    charge(cache, entry, 0);
    target_keytable_remove(&cache->entries, &entry->by_key);
    target_rankheap_remove(&cache->by_worth, &entry->by_worth);
    target_rankheap_remove(&cache->by_expiry, &entry->by_expiry);
    remove_tags(cache, entry);
    entry->is_listed = false;
    unref(cache, entry);
}

static void drop(struct target_cache *cache, struct entry *entry, enum target_cache_leave why)
{
    uint64_t *const count[] = {
        [TARGET_CACHE_EVICTED] = &cache->figures.evictions,
        [TARGET_CACHE_EXPIRED] = &cache->figures.expired,
        [TARGET_CACHE_PURGED] = &cache->figures.purged,
    };

    ++*count[why];
    if (cache->options.on_leave) {
        cache->options.on_leave(cache->options.cls, &entry->shown, why);
    }
    unlist(cache, entry);
}

static void expire(struct target_cache *cache, uint64_t now_ns)
{
    struct target_rank_node *first;

    while ((first = target_rankheap_first(&cache->by_expiry)) != NULL) {
        struct entry *entry = TARGET_OWNER(first, struct entry, by_expiry);

        if (entry->shown.expires_ns > now_ns) {
            break;
        }
        drop(cache, entry, TARGET_CACHE_EXPIRED);
    }
}

static void evict_down_to(struct target_cache *cache, uint64_t bytes)
{
    struct target_rank_node *first;

    while (cache->figures.bytes > bytes &&
           (first = target_rankheap_first(&cache->by_worth)) != NULL) {
        drop(cache, TARGET_OWNER(first, struct entry, by_worth), TARGET_CACHE_EVICTED);
    }
}

static void evict_down_to_entries(struct target_cache *cache, uint64_t entries)
{
    while (cache->by_worth.count > entries) {
        struct target_rank_node *first = target_rankheap_first(&cache->by_worth);

        drop(cache, TARGET_OWNER(first, struct entry, by_worth), TARGET_CACHE_EVICTED);
    }
}

/* False: it cannot be made, as what is loading stays; then nothing is evicted. */
static bool make_room(struct target_cache *cache, uint64_t bytes)
{
    uint64_t limit = cache->options.limit_bytes;

    if (cache->loading_bytes > limit || bytes > limit - cache->loading_bytes) {
        return false;
    }
    evict_down_to(cache, limit - bytes);
    return true;
}

/* ---- finding and loading ---- */

static struct entry *find(const struct target_cache *cache, const char *key)
{
    struct target_key_node *node = target_keytable_find(&cache->entries, key);

    return node ? TARGET_OWNER(node, struct entry, by_key) : NULL;
}

static enum target_cache_found hit(struct target_cache *cache, struct entry *entry, bool is_counted)
{
    cache->figures.hits += !is_counted;
    entry->hits++;
    entry->refs++;
    entry->used_order = ++cache->order;
    target_rankheap_moved(&cache->by_worth, &entry->by_worth);
    return TARGET_CACHE_HIT;
}

static enum target_cache_found wait_for(struct target_cache *cache, struct entry *entry,
                                        const struct target_cache_ask *ask)
{
    cache->figures.misses += !ask->is_counted;
    cache->figures.collapsed++;
    if (ask->waiter) {
        target_waiters_push(&entry->waiters, ask->waiter);
        cache->figures.waiters++;
    }
    return TARGET_CACHE_WAIT;
}

/* Listed and loading, referenced by the table and by the loader; NULL: no memory. */
static struct entry *make_entry(struct target_cache *cache, const char *key)
{
    size_t size = strlen(key) + 1;
    size_t entries = cache->entries.count + 1;
    struct entry *entry = calloc(1, sizeof *entry + size);

    if (!entry) {
        return NULL;
    }
    memcpy(entry->key, key, size);
    if (!target_rankheap_reserve(&cache->by_worth, entries) ||
        !target_rankheap_reserve(&cache->by_expiry, entries) ||
        !target_keytable_add(&cache->entries, &entry->by_key, entry->key)) {
        free(entry);
        return NULL;
    }
    entry->shown.key = entry->key;
    entry->refs = 2;
    entry->is_listed = true;
    entry->is_loading = true;
    return entry;
}

static enum target_cache_found start_load(struct target_cache *cache,
                                          const struct target_cache_ask *ask, struct entry **entry)
{
    cache->figures.misses += !ask->is_counted;
    if (ask->reserve_bytes > 0 && !make_room(cache, ask->reserve_bytes)) {
        cache->figures.full++;
        return TARGET_CACHE_FULL;
    }
    *entry = make_entry(cache, ask->key);
    if (!*entry) {
        return TARGET_CACHE_NO_MEMORY;
    }
    charge(cache, *entry, ask->reserve_bytes);
    return TARGET_CACHE_LOAD;
}

const struct target_cache_entry *target_cache_peek(struct target_cache *cache, const char *key,
                                                   uint64_t now_ns)
{
    struct entry *there;
    bool is_hit;

    pthread_mutex_lock(&cache->lock);
    expire(cache, now_ns);
    there = find(cache, key);
    is_hit = there && !there->is_loading;
    if (is_hit) {
        hit(cache, there, false);
    } else {
        cache->figures.misses++;
    }
    unlock(cache);
    return is_hit ? &there->shown : NULL;
}

enum target_cache_found target_cache_find(struct target_cache *cache,
                                          const struct target_cache_ask *ask,
                                          const struct target_cache_entry **entry)
{
    enum target_cache_found found;
    struct entry *there;

    *entry = NULL;
    pthread_mutex_lock(&cache->lock);
    expire(cache, ask->now_ns);
    there = find(cache, ask->key);
    if (!there) {
        found = start_load(cache, ask, &there);
    } else if (there->is_loading) {
        found = wait_for(cache, there, ask);
    } else {
        found = hit(cache, there, ask->is_counted);
    }
    if (found == TARGET_CACHE_HIT || found == TARGET_CACHE_LOAD) {
        *entry = &there->shown;
    }
    unlock(cache);
    return found;
}

static void show(struct entry *entry, const struct target_cache_load *load, uint64_t now_ns)
{
    entry->shown.value = load->value;
    entry->shown.bytes = load->bytes;
    entry->shown.cost = load->cost;
    entry->shown.stored_ns = now_ns;
    entry->shown.expires_ns =
        load->ttl_ns < UINT64_MAX - now_ns ? now_ns + load->ttl_ns : UINT64_MAX;
}

/* False: the entry is to be unlisted, with what tags it got. */
static bool keep(struct target_cache *cache, struct entry *entry,
                 const struct target_cache_load *load)
{
    if (!entry->is_listed || load->ttl_ns == 0 || !add_tags(cache, entry, load) ||
        !make_room(cache, load->bytes)) {
        return false;
    }
    if (cache->options.limit_entries > 0) {
        evict_down_to_entries(cache, cache->options.limit_entries - 1);
    }
    charge(cache, entry, load->bytes);
    entry->used_order = entry->stored_order = ++cache->order;
    target_rankheap_add(&cache->by_worth, &entry->by_worth);
    if (entry->shown.expires_ns != UINT64_MAX) {
        target_rankheap_add(&cache->by_expiry, &entry->by_expiry);
    }
    return true;
}

/* The load is over: its reservation is given up. */
static void end_load(struct target_cache *cache, struct entry *entry)
{
    assert(entry->is_loading);
    charge(cache, entry, 0);
    entry->is_loading = false;
    cache->figures.waiters -= entry->waiters.count;
}

struct target_waiter *target_cache_fill(struct target_cache *cache,
                                        const struct target_cache_entry *shown,
                                        const struct target_cache_load *load, uint64_t now_ns)
{
    struct entry *entry = entry_of(shown);
    struct target_waiter *waiters;

    pthread_mutex_lock(&cache->lock);
    expire(cache, now_ns);
    end_load(cache, entry);
    show(entry, load, now_ns);
    entry->shown.is_kept = keep(cache, entry, load);
    if (!entry->shown.is_kept) {
        cache->figures.unkept++;
        if (entry->is_listed) {
            unlist(cache, entry);
        }
    }
    entry->refs += entry->waiters.count;
    waiters = target_waiters_take(&entry->waiters, &entry->shown);
    unlock(cache);
    return waiters;
}

struct target_waiter *target_cache_fail(struct target_cache *cache,
                                        const struct target_cache_entry *shown)
{
    struct entry *entry = entry_of(shown);
    struct target_waiter *waiters;

    pthread_mutex_lock(&cache->lock);
    end_load(cache, entry);
    if (entry->is_listed) {
        unlist(cache, entry);
    }
    waiters = target_waiters_take(&entry->waiters, NULL);
    unref(cache, entry);
    unlock(cache);
    return waiters;
}

void target_cache_release(struct target_cache *cache, const struct target_cache_entry *entry)
{
    pthread_mutex_lock(&cache->lock);
    unref(cache, entry_of(entry));
    unlock(cache);
}

bool target_cache_leave(struct target_cache *cache, struct target_waiter *waiter)
{
    bool is_waiting;

    pthread_mutex_lock(&cache->lock);
    is_waiting = waiter->queue != NULL;
    if (is_waiting) {
        target_waiters_remove(waiter);
        cache->figures.waiters--;
    }
    unlock(cache);
    return is_waiting;
}

/* ---- purging ---- */

/* Counts what is kept; a load only loses its place. */
static size_t purge(struct target_cache *cache, struct entry *entry)
{
    if (entry->is_loading) {
        unlist(cache, entry);
        return 0;
    }
    drop(cache, entry, TARGET_CACHE_PURGED);
    return 1;
}

size_t target_cache_purge(struct target_cache *cache, const char *key)
{
    struct entry *entry;
    size_t purged;

    pthread_mutex_lock(&cache->lock);
    entry = find(cache, key);
    purged = entry ? purge(cache, entry) : 0;
    unlock(cache);
    return purged;
}

size_t target_cache_purge_tag(struct target_cache *cache, const char *tag)
{
    struct tag *there;
    size_t purged = 0;

    pthread_mutex_lock(&cache->lock);
    while ((there = find_tag(cache, tag)) != NULL) { /* afresh: it goes with its last member */
        purged += purge(cache, there->first->entry);
    }
    unlock(cache);
    return purged;
}

size_t target_cache_clear(struct target_cache *cache)
{
    struct target_key_node *node;
    size_t purged = 0, from = 0;

    pthread_mutex_lock(&cache->lock);
    while ((node = target_keytable_next(&cache->entries, &from)) != NULL) {
        purged += purge(cache, TARGET_OWNER(node, struct entry, by_key));
    }
    unlock(cache);
    return purged;
}

size_t target_cache_purge_if(struct target_cache *cache,
                             bool (*is_meant)(const void *cls, const char *key), const void *cls)
{
    size_t purged = 0;

    pthread_mutex_lock(&cache->lock);
    for (size_t i = 0; i < cache->entries.buckets; i++) {
        struct target_key_node *node = cache->entries.bucket[i], *next;

        for (; node; node = next) {
            next = node->next;
            if (is_meant(cls, node->key)) {
                purged += purge(cache, TARGET_OWNER(node, struct entry, by_key));
            }
        }
    }
    unlock(cache);
    return purged;
}

/* ---- the whole ---- */

void target_cache_set(struct target_cache *cache, uint64_t limit_bytes,
                      enum target_cache_policy policy, uint64_t now_ns)
{
    pthread_mutex_lock(&cache->lock);
    expire(cache, now_ns);
    cache->options.limit_bytes = limit_bytes;
    if (policy != cache->options.policy) {
        cache->options.policy = policy;
        target_rankheap_set_rule(&cache->by_worth, is_before[policy]);
    }
    evict_down_to(cache, limit_bytes);
    unlock(cache);
}

void target_cache_set_entries(struct target_cache *cache, uint64_t limit_entries)
{
    pthread_mutex_lock(&cache->lock);
    cache->options.limit_entries = limit_entries;
    if (limit_entries > 0) {
        evict_down_to_entries(cache, limit_entries);
    }
    unlock(cache);
}

bool target_cache_has_tag(struct target_cache *cache, const char *tag)
{
    bool has_tag;

    pthread_mutex_lock(&cache->lock);
    has_tag = find_tag(cache, tag) != NULL;
    unlock(cache);
    return has_tag;
}

struct target_cache_figures target_cache_figures(struct target_cache *cache, uint64_t now_ns)
{
    struct target_cache_figures figures;

    pthread_mutex_lock(&cache->lock);
    expire(cache, now_ns);
    figures = cache->figures;
    figures.limit_bytes = cache->options.limit_bytes;
    figures.entries = cache->by_worth.count;
    unlock(cache);
    return figures;
}

struct target_cache_figures target_cache_tell(struct target_cache *cache, const char *name,
                                              struct target_figures *figures, uint64_t now_ns)
{
    struct target_cache_figures now = target_cache_figures(cache, now_ns);

    if (now.limit_bytes > 0) {
        target_figures_add_cache(figures, &(struct target_cache_figure){.name = name,
                                                                        .hits = now.hits,
                                                                        .misses = now.misses,
                                                                        .evictions = now.evictions,
                                                                        .bytes = now.bytes});
    }
    return now;
}

struct target_cache *target_cache_new(const struct target_cache_options *options)
{
    struct target_cache *cache = calloc(1, sizeof *cache);

    if (!cache) {
        return NULL;
    }
    pthread_mutex_init(&cache->lock, NULL);
    cache->options = *options;
    cache->by_worth.is_before = is_before[options->policy];
    cache->by_expiry.is_before = expires_before;
    return cache;
}

void target_cache_free(struct target_cache *cache)
{
    if (!cache) {
        return;
    }
    cache->options.on_leave = NULL;
    target_cache_clear(cache);
    target_keytable_deinit(&cache->entries);
    target_keytable_deinit(&cache->tags);
    target_rankheap_deinit(&cache->by_worth);
    target_rankheap_deinit(&cache->by_expiry);
    pthread_mutex_destroy(&cache->lock);
    free(cache);
}
