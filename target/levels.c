/*
 * levels: see the header. A request that looks further is, in turn: asked here (l2), an errand of
 * the disk's thread, an errand of the Redis thread, resumed. Whatever is to be kept there is an
 * errand, too.
 *
 * A purge is owed by l3 and l4 until they have done it, and they do nothing else before that. So
 * what was purged is not found, however long a store is away. An answer that was asked for before
 * the last purge is not kept anywhere, whatever that purge was of.
 */
#include "levels.h"

#include <fnmatch.h>
#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#include "cache.h"
#include "clock.h"
#include "diskstore.h"
#include "errands.h"
#include "keytable.h"
#include "names.h"
#include "pack.h"
#include "redisprobe.h"
#include "requestkey.h"
#include "response_cache.h"
#include "sqlfile.h"

#define NS_PER_MS   UINT64_C(1000000)
#define NS_PER_S    UINT64_C(1000000000)
#define WAITING_MAX 10000 /* errands of a thread; more are not done */
#define OWED_MAX    1000  /* purges; instead of more, all is dropped */
#define STATUS_GOOD 200
#define TAGS_MAX    10 /* of an answer: its path, its topic, and those named */
#define TAG_HEADER  "Cache-Tag"
#define BUCKETS     12 /* of look-ups: up to 1 us, 4 us, 16 us, ... */
#define REDIS_KEY   "pelt:answer:"
#define REDIS_TAG   "pelt:tag:"
#define REDIS_BYTES (sizeof REDIS_KEY + TARGET_REQUEST_KEY_BYTES)

enum level {
    L1,
    L2,
    L3,
    L4,
    LEVELS,
};

static const char *const level_names[LEVELS] = {"l1", "l2", "l3", "l4"};
static const char *const histogram_names[LEVELS] = {"cache_l1_seconds", "cache_l2_seconds",
                                                    "cache_l3_seconds", "cache_l4_seconds"};

struct meter { /* of a level; relaxed: only the values matter */
    _Atomic uint64_t hits, misses, spent_ns;
    _Atomic uint64_t by_time[BUCKETS];
};

struct purge { /* that a level owes; tag and pattern NULL: of all */
    struct purge *next;
    char *tag, *pattern; /* NULL: none */
};

struct debt { /* of a level; under the lock */
    struct purge *first, *last;
    size_t count;                /* the one that is being done included */
    bool is_of_all;              /* before those of the list; counted, too */
    struct target_errand errand; /* that pays */
    bool is_given;
};

struct target_levels {
    struct meter meter[LEVELS];
    struct target_cache *compressed; /* of struct packed */
    atomic_bool is_compressed;       /* l2 is on; relaxed: a request may miss a change */

    pthread_mutex_t lock;     /* of what follows; before that of `compressed` */
    _Atomic uint64_t purges;  /* what was asked for before the last one is neither given nor kept;
                                 written under the lock */
    struct debt debt[LEVELS]; /* of l3 and l4 */
    struct target_diskstore_figures disk_figures; /* as that thread last saw them */

    struct target_errands *disk_errands; /* NULL: l3 is off */
    struct target_diskstore *disk;       /* that thread's */
    _Atomic uint64_t disk_limit;

    struct target_errands *redis_errands; /* NULL: l4 is off */
    struct target_redislink *redis;       /* that thread's */
    struct target_redisprobe redis_probe;
    _Atomic uint64_t redis_failures, lost; /* errands that were too many */
};

/* ---- knobs ---- */

#define FIELD(name) offsetof(struct target_levels_settings, name)

static const struct target_knob knobs[] = {
    {.name = "cache-compressed",
     .needs = "cache",
     .type = TARGET_KNOB_SIZE,
     .offset = FIELD(compressed_bytes),
     .initial = "0",
     .is_live = true,
     .text = "with --cache: bytes of memory for answers that are kept compressed besides, level "
             "l2; 0: none"},
    {.name = "cache-disk",
     .needs = "cache",
     .type = TARGET_KNOB_PATH,
     .offset = FIELD(disk),
     .max = TARGET_LEVELS_PATH_BYTES,
     .initial = "",
     .text = "with --cache: an SQLite file in which answers are kept besides and found again "
             "after a restart, level l3; made if it is missing"},
    {.name = "cache-disk-bytes",
     .needs = "cache-disk",
     .type = TARGET_KNOB_SIZE,
     .offset = FIELD(disk_bytes),
     .min = 1,
     .max = UINT64_C(1) << 40,
     .initial = "64m",
     .is_live = true,
     .text = "with --cache-disk: most bytes of compressed answers in it"},
    {.name = "cache-redis",
     .needs = "cache",
     .type = TARGET_KNOB_PATH,
     .offset = FIELD(redis),
     .max = TARGET_REDIS_ADDRESS_BYTES,
     .initial = "",
     .text = "with --cache: HOST:PORT of a Redis server in which answers are kept besides, for "
             "other services, too, level l4"},
};

static bool check(const void *cls, struct target_error *err)
{
    const struct target_levels_settings *settings = cls;
    struct target_error why;

    if (!target_sqlfile_check(settings->disk, "cache-disk", err)) {
        return false;
    }
    return target_redislink_check(settings->redis, &why) ||
           target_fail(err, "cache-redis: %.400s", why.text);
}

/* ---- measuring ---- */

static void note(struct meter *meter, uint64_t spent_ns, bool is_hit)
{
    size_t bucket = 0;

    for (uint64_t most_ns = 1000; bucket < BUCKETS - 1 && spent_ns > most_ns; most_ns *= 4) {
        bucket++;
    }
    atomic_fetch_add_explicit(&meter->by_time[bucket], 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&meter->spent_ns, spent_ns, memory_order_relaxed);
    atomic_fetch_add_explicit(is_hit ? &meter->hits : &meter->misses, 1, memory_order_relaxed);
}

void target_levels_note_l1(struct target_levels *levels, uint64_t spent_ns, bool is_hit)
{
    note(&levels->meter[L1], spent_ns, is_hit);
}

bool target_levels_are_on(struct target_levels *levels)
{
    return levels->disk_errands || levels->redis_errands ||
           atomic_load_explicit(&levels->is_compressed, memory_order_relaxed);
}

static uint64_t wall_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

/* ---- what was purged ---- */

static const char *redis_key(char text[REDIS_BYTES], const char *key)
{
    snprintf(text, REDIS_BYTES, "%s%s", REDIS_KEY, key);
    return text;
}

static bool matches(const void *pattern, const char *key)
{
    const char *base = target_request_key_base(key);

    return base && fnmatch(pattern, base + 1, 0) == 0;
}

static void free_purge(struct purge *purge)
{
    free(purge->tag);
    free(purge->pattern);
    free(purge);
}

/* Those of the list. */
static void forgive(struct debt *debt)
{
    while (debt->first) {
        struct purge *purge = debt->first;

        debt->first = purge->next;
        debt->count--;
        free_purge(purge);
    }
    debt->last = NULL;
}

static void note_disk(struct target_levels *levels)
{
    struct target_diskstore_figures now = target_diskstore_figures(levels->disk);

    pthread_mutex_lock(&levels->lock);
    levels->disk_figures = now;
    pthread_mutex_unlock(&levels->lock);
}

static bool purge_disk(struct target_levels *levels, const struct purge *purge)
{
    bool is_done = target_diskstore_purge(levels->disk, purge->tag, purge->pattern ? matches : NULL,
                                          purge->pattern);

    note_disk(levels);
    return is_done;
}

struct dropping { /* from Redis */
    struct target_redislink *redis;
    const char *pattern; /* NULL: all */
    bool has_failed;
};

static void drop_member(void *cls, const char *member)
{
    struct dropping *dropping = cls;
    char key[REDIS_BYTES];

    dropping->has_failed |= !target_redislink_delete(dropping->redis, redis_key(key, member));
}

static void drop_key(void *cls, const char *key)
{
    struct dropping *dropping = cls;

    if (!dropping->pattern ||
        (strlen(key) >= strlen(REDIS_KEY) && matches(dropping->pattern, key + strlen(REDIS_KEY)))) {
        dropping->has_failed |= !target_redislink_delete(dropping->redis, key);
    }
}

static bool purge_redis(struct target_levels *levels, const struct purge *purge)
{
    struct dropping dropping = {.redis = levels->redis, .pattern = purge->pattern};
    char set[sizeof REDIS_TAG + TARGET_NAME_BYTES];

    if (!purge->tag) {
        return target_redislink_keys(levels->redis, REDIS_KEY, drop_key, &dropping) &&
               !dropping.has_failed;
    }
    snprintf(set, sizeof set, "%s%s", REDIS_TAG, purge->tag);
    return target_redislink_members(levels->redis, set, drop_member, &dropping) &&
           !dropping.has_failed && target_redislink_delete(levels->redis, set);
}

/* The next one; NULL, and `*is_of_all` false: there is none. */
static struct purge *take_owed(struct target_levels *levels, struct debt *debt, bool *is_of_all)
{
    struct purge *purge = NULL;

    pthread_mutex_lock(&levels->lock);
    *is_of_all = debt->is_of_all;
    debt->is_of_all = false;
    if (!*is_of_all && debt->first) {
        purge = debt->first;
        debt->first = purge->next;
        debt->last = debt->first ? debt->last : NULL;
        purge->next = NULL;
    }
    pthread_mutex_unlock(&levels->lock);
    return purge;
}

/* After take_owed: it was done, or stands in front again. */
static void note_owed(struct target_levels *levels, struct debt *debt, struct purge *purge,
                      bool is_done)
{
    pthread_mutex_lock(&levels->lock);
    if (is_done || debt->is_of_all) { /* or it is part of another that is owed since */
        debt->count--;
    } else if (purge) {
        purge->next = debt->first;
        debt->last = debt->last ? debt->last : purge;
        debt->first = purge;
        purge = NULL;
    } else {
        debt->is_of_all = true;
    }
    pthread_mutex_unlock(&levels->lock);
    if (purge) {
        free_purge(purge);
    }
}

/* Purges what is owed; on the level's thread. False: the level may have what was purged. */
static bool settle(struct target_levels *levels, enum level level)
{
    static const struct purge of_all = {.tag = NULL};
    struct debt *debt = &levels->debt[level];
    bool is_of_all, is_done = true;
    struct purge *purge;

    while (is_done && ((purge = take_owed(levels, debt, &is_of_all)) || is_of_all)) {
        const struct purge *owed = purge ? purge : &of_all;

        is_done = level == L3 ? purge_disk(levels, owed) : purge_redis(levels, owed);
        note_owed(levels, debt, purge, is_done);
    }
    return is_done;
}

static void note_redis(struct target_levels *levels, bool is_good)
{
    target_redisprobe_note(&levels->redis_probe, is_good);
    atomic_fetch_add_explicit(&levels->redis_failures, !is_good, memory_order_relaxed);
}

static void pay(struct target_levels *levels, enum level level)
{
    bool is_done;

    pthread_mutex_lock(&levels->lock);
    levels->debt[level].is_given = false;
    pthread_mutex_unlock(&levels->lock);
    is_done = settle(levels, level);
    if (level == L4) {
        note_redis(levels, is_done);
    }
}

static void pay_disk(void *cls, struct target_errand *errand)
{
    pay(cls, L3);
}

static void pay_redis(void *cls, struct target_errand *errand)
{
    pay(cls, L4);
}

static bool is_current(struct target_levels *levels, uint64_t purges)
{
    return purges == atomic_load_explicit(&levels->purges, memory_order_acquire);
}

/* ---- what is looked up ---- */

/* Takes note in the request of what a level said. */
static void say(struct target_admission *admission, enum level level,
                const struct target_unpacked *found)
{
    struct target_cache_say *said = target_admission_say(
        admission, level_names[level], found ? TARGET_CACHE_ANSWERED : TARGET_CACHE_URI_MISS);

    if (said && found) {
        said->ttl_s = admission->levels.ttl_ns / NS_PER_S;
    }
}

/*
 * Reads what a level had, which may be NULL. Expired, damaged, or from before a purge: it is a
 * miss. True: the request has its answer.
 */
static bool take(struct target_levels *levels, struct target_admission *admission, enum level level,
                 const void *pack, size_t bytes, uint64_t begin_ns)
{
    struct target_levels_part *part = &admission->levels;
    struct target_unpacked *found = pack ? malloc(sizeof *found) : NULL;
    uint64_t now_ns = wall_ns();
    bool is_good = found && target_pack_read(found, pack, bytes);

    if (is_good && (found->expires_wall_ns <= now_ns || !is_current(levels, part->purges))) {
        target_body_release(found->body);
        is_good = false;
    }
    if (is_good) {
        part->found = found;
        part->level = level;
        part->ttl_ns = found->expires_wall_ns - now_ns;
        if (part->ttl_ns > part->ttl_ns_max) {
            part->ttl_ns = part->ttl_ns_max; /* who wrote it has another clock, or no good will */
        }
        admission->result = found->body; /* its holder from now on */
    } else {
        free(found);
    }
    note(&levels->meter[level], target_clock_now_ns() - begin_ns, is_good);
    say(admission, level, is_good ? found : NULL);
    return is_good;
}

struct packed { /* in l2 */
    size_t count;
    unsigned char bytes[];
};

static bool look_into_memory(struct target_levels *levels, struct target_admission *admission,
                             uint64_t now_ns)
{
    const char *key = admission->response_cache.load->key;
    uint64_t begin_ns = target_clock_now_ns();
    const struct target_cache_entry *entry = target_cache_peek(levels->compressed, key, now_ns);
    const struct packed *packed = entry ? entry->value : NULL;
    bool is_found = take(levels, admission, L2, packed ? packed->bytes : NULL,
                         packed ? packed->count : 0, begin_ns);

    if (entry) {
        target_cache_release(levels->compressed, entry);
    }
    return is_found;
}

static struct target_admission *admission_of(struct target_errand *errand)
{
    return TARGET_OWNER(errand, struct target_admission, levels.errand);
}

static void end_fetch(struct target_admission *admission)
{
    uint64_t spent_ns = target_clock_now_ns() - admission->levels.begin_ns;

    target_admission_span(admission, "cache", 0, spent_ns);
    admission->held_ns += spent_ns;
    target_resume(admission);
}

static void fetch_from_redis(void *cls, struct target_errand *errand)
{
    struct target_levels *levels = cls;
    struct target_admission *admission = admission_of(errand);
    uint64_t begin_ns = target_clock_now_ns();
    char key[REDIS_BYTES], *pack = NULL;
    size_t bytes = 0;
    enum target_redis_found found = TARGET_REDIS_FAILED;

    if (settle(levels, L4)) {
        found = target_redislink_get(
            levels->redis, redis_key(key, admission->response_cache.load->key), &pack, &bytes);
    }
    note_redis(levels, found != TARGET_REDIS_FAILED);
    take(levels, admission, L4, found == TARGET_REDIS_FOUND ? pack : NULL, bytes, begin_ns);
    if (found == TARGET_REDIS_FOUND) {
        free(pack);
    }
    end_fetch(admission);
}

static bool go_to_redis(struct target_levels *levels, struct target_admission *admission)
{
    admission->levels.errand.run = fetch_from_redis;
    return levels->redis_errands &&
           target_errands_give(levels->redis_errands, &admission->levels.errand);
}

static void fetch_from_disk(void *cls, struct target_errand *errand)
{
    struct target_levels *levels = cls;
    struct target_admission *admission = admission_of(errand);
    uint64_t begin_ns = target_clock_now_ns();
    size_t bytes = 0;
    void *pack = settle(levels, L3)
                     ? target_diskstore_get(levels->disk, admission->response_cache.load->key,
                                            wall_ns(), &bytes)
                     : NULL;
    bool is_found = take(levels, admission, L3, pack, bytes, begin_ns);

    free(pack);
    note_disk(levels);
    if (is_found || !go_to_redis(levels, admission)) {
        end_fetch(admission);
    }
}

/* False: there is nowhere to look. */
static bool go_further(struct target_levels *levels, struct target_admission *admission)
{
    if (levels->disk_errands) {
        admission->levels.errand.run = fetch_from_disk;
        if (target_errands_give(levels->disk_errands, &admission->levels.errand)) {
            return true;
        }
    }
    return go_to_redis(levels, admission);
}

static enum target_verdict admit(void *state, struct target_admission *admission,
                                 const struct target_scene *scene)
{
    struct target_levels *levels = state;
    struct target_levels_part *part = &admission->levels;

    if (!admission->response_cache.load || !target_levels_are_on(levels)) {
        return TARGET_GO;
    }
    part->begin_ns = scene->now_ns;
    part->ttl_ns_max = target_response_cache_ttl(admission);
    part->purges = atomic_load_explicit(&levels->purges, memory_order_acquire);
    if (atomic_load_explicit(&levels->is_compressed, memory_order_relaxed) &&
        look_into_memory(levels, admission, scene->now_ns)) {
        return TARGET_ANSWERED;
    }
    return go_further(levels, admission) ? TARGET_WAITS : TARGET_GO;
}

/* ---- what is kept ---- */

struct store { /* what is to be kept in l3 or l4 */
    struct target_errand errand;
    char *key, *tags;
    uint64_t expires_wall_ns;
    uint64_t purges; /* before it was asked for */
    size_t count;
    unsigned char bytes[];
};

static void free_store(struct store *store)
{
    free(store->key);
    free(store->tags);
    free(store);
}

static struct store *new_store(const char *key, const struct target_pack *pack, uint64_t purges,
                               const unsigned char *bytes, size_t count)
{
    struct store *store = malloc(sizeof *store + count);

    if (!store) {
        return NULL;
    }
    *store = (struct store){.key = strdup(key),
                            .tags = strdup(pack->tags),
                            .expires_wall_ns = pack->expires_wall_ns,
                            .purges = purges,
                            .count = count};
    memcpy(store->bytes, bytes, count);
    if (!store->key || !store->tags) {
        free_store(store);
        return NULL;
    }
    return store;
}

static void store_on_disk(void *cls, struct target_errand *errand)
{
    struct target_levels *levels = cls;
    struct store *store = TARGET_OWNER(errand, struct store, errand);

    target_diskstore_set(levels->disk,
                         atomic_load_explicit(&levels->disk_limit, memory_order_relaxed));
    if (settle(levels, L3) && is_current(levels, store->purges)) {
        target_diskstore_put(levels->disk, &(struct target_diskstore_entry){
                                               .key = store->key,
                                               .tags = store->tags,
                                               .pack = store->bytes,
                                               .bytes = store->count,
                                               .expires_wall_ns = store->expires_wall_ns});
    }
    note_disk(levels);
    free_store(store);
}

static bool add_to_tags(struct target_levels *levels, const struct store *store, uint64_t ttl_ms)
{
    const char *at = store->tags;
    char name[TARGET_NAME_BYTES], set[sizeof REDIS_TAG + TARGET_NAME_BYTES];
    bool is_good = true;

    while (is_good && target_names_next(&at, name)) {
        snprintf(set, sizeof set, "%s%s", REDIS_TAG, name);
        is_good = target_redislink_add(levels->redis, set, store->key, ttl_ms);
    }
    return is_good;
}

/* The tags first: what is there without them would be missed when they are purged. */
static bool put_into_redis(struct target_levels *levels, const struct store *store)
{
    uint64_t now_ns = wall_ns();
    uint64_t ttl_ms =
        store->expires_wall_ns > now_ns ? (store->expires_wall_ns - now_ns) / NS_PER_MS : 0;
    char key[REDIS_BYTES];

    return ttl_ms == 0 || !is_current(levels, store->purges) ||
           (add_to_tags(levels, store, ttl_ms) &&
            target_redislink_set(levels->redis, redis_key(key, store->key), store->bytes,
                                 store->count, ttl_ms));
}

static void store_in_redis(void *cls, struct target_errand *errand)
{
    struct target_levels *levels = cls;
    struct store *store = TARGET_OWNER(errand, struct store, errand);

    note_redis(levels, settle(levels, L4) && put_into_redis(levels, store));
    free_store(store);
}

static void keep_outside(struct target_levels *levels, struct target_errands *errands,
                         struct store *store, void (*run)(void *cls, struct target_errand *errand))
{
    if (!store) {
        return;
    }
    store->errand.run = run;
    if (!target_errands_give(errands, &store->errand)) {
        atomic_fetch_add_explicit(&levels->lost, 1, memory_order_relaxed);
        free_store(store);
    }
}

static void keep_in_memory(struct target_levels *levels, const char *key,
                           const struct target_pack *pack, const unsigned char *bytes, size_t count,
                           uint64_t now_ns)
{
    struct target_cache_ask ask = {.key = key, .is_counted = true, .now_ns = now_ns};
    char name[TAGS_MAX][TARGET_NAME_BYTES];
    const char *tags[TAGS_MAX], *at = pack->tags;
    struct packed *packed = malloc(sizeof *packed + count);
    struct target_cache_load load = {.value = packed,
                                     .bytes = count,
                                     .cost = pack->service_ns,
                                     .ttl_ns = pack->expires_wall_ns - wall_ns(),
                                     .tags = tags};
    const struct target_cache_entry *entry;

    if (!packed) {
        return;
    }
    packed->count = count;
    memcpy(packed->bytes, bytes, count);
    while (load.tag_count < TAGS_MAX && target_names_next(&at, name[load.tag_count])) {
        tags[load.tag_count] = name[load.tag_count];
        load.tag_count++;
    }
    target_cache_purge(levels->compressed, key);
    switch (target_cache_find(levels->compressed, &ask, &entry)) {
    case TARGET_CACHE_LOAD:
        (void)!target_cache_fill(levels->compressed, entry, &load, now_ns); /* nobody waits */
        target_cache_release(levels->compressed, entry);
        return;
    case TARGET_CACHE_HIT: /* another one's, just now */
        target_cache_release(levels->compressed, entry);
        break;
    default:
        break;
    }
    free(packed);
}

/* In all levels that are faster than `level`, unless there was a purge since `purges` of them. */
static void keep(struct target_levels *levels, const char *key, const struct target_pack *pack,
                 uint64_t purges, enum level level, uint64_t now_ns)
{
    size_t count;
    unsigned char *bytes = target_pack_make(pack, &count);

    if (!bytes) {
        return;
    }
    if (level > L2 && atomic_load_explicit(&levels->is_compressed, memory_order_relaxed)) {
        pthread_mutex_lock(&levels->lock);
        if (is_current(levels, purges)) {
            keep_in_memory(levels, key, pack, bytes, count, now_ns);
        }
        pthread_mutex_unlock(&levels->lock);
    }
    if (level > L3 && levels->disk_errands) {
        keep_outside(levels, levels->disk_errands, new_store(key, pack, purges, bytes, count),
                     store_on_disk);
    }
    if (level > L4 && levels->redis_errands) {
        keep_outside(levels, levels->redis_errands, new_store(key, pack, purges, bytes, count),
                     store_in_redis);
    }
    free(bytes);
}

/* Its path, its topic, and what the request named. */
static void write_tags(const struct target_admission *admission, char tags[TARGET_PACK_TAGS_MAX])
{
    const char *at = target_admission_header(admission, TAG_HEADER);
    char name[TARGET_NAME_BYTES];
    size_t used = (size_t)snprintf(tags, TARGET_PACK_TAGS_MAX, "%.100s", admission->path);

    if (admission->outputs.tag[0]) {
        used += (size_t)snprintf(tags + used, TARGET_PACK_TAGS_MAX - used, ",%s",
                                 admission->outputs.tag);
    }
    for (size_t i = 2; i < TAGS_MAX && at && target_names_next(&at, name); i++) {
        used += (size_t)snprintf(tags + used, TARGET_PACK_TAGS_MAX - used, ",%s", name);
    }
}

static void keep_new(struct target_levels *levels, struct target_admission *admission,
                     const struct target_body *body, uint64_t now_ns)
{
    char tags[TARGET_PACK_TAGS_MAX];
    struct target_pack pack = {.expires_wall_ns = wall_ns() + admission->levels.ttl_ns_max,
                               .service_ns = admission->service_ns,
                               .tags = tags,
                               .text = body->text,
                               .bytes = body->bytes};

    write_tags(admission, tags);
    keep(levels, admission->response_cache.load->key, &pack, admission->levels.purges, LEVELS,
         now_ns);
}

static void promote(struct target_levels *levels, const struct target_admission *admission,
                    uint64_t now_ns)
{
    const struct target_levels_part *part = &admission->levels;
    struct target_pack pack = {.expires_wall_ns = wall_ns() + part->ttl_ns,
                               .service_ns = part->found->service_ns,
                               .tags = part->found->tags,
                               .text = admission->result->text,
                               .bytes = admission->result->bytes};

    if (part->level > L2) {
        keep(levels, admission->response_cache.load->key, &pack, part->purges, part->level, now_ns);
    }
}

/* Before the response cache keeps it: see systems.h on the order. */
static void ended(void *state, struct target_admission *admission,
                  const struct target_outcome *outcome, const struct target_scene *scene)
{
    struct target_levels *levels = state;
    struct target_levels_part *part = &admission->levels;

    if (!admission->response_cache.load || part->ttl_ns_max == 0) {
        return;
    }
    if (part->found && outcome->status == STATUS_GOOD) {
        promote(levels, admission, scene->now_ns);
    } else if (outcome->status == STATUS_GOOD && outcome->body && !outcome->body->head) {
        /* a back end's own header fields are not packed */
        keep_new(levels, admission, outcome->body, scene->now_ns);
    }
}

void target_levels_done(struct target_levels_part *part)
{
    free(part->found);
    part->found = NULL;
}

/* ---- purging ---- */

/* Under the lock. What is not told apart for want of memory is dropped with all the rest. */
static void owe(struct debt *debt, const char *tag, const char *pattern)
{
    bool is_of_all = !tag && !pattern;
    struct purge *purge = is_of_all || debt->count >= OWED_MAX ? NULL : calloc(1, sizeof *purge);

    if (purge) {
        purge->tag = tag ? strdup(tag) : NULL;
        purge->pattern = pattern ? strdup(pattern) : NULL;
    }
    if (purge && !purge->tag == !tag && !purge->pattern == !pattern) {
        *(debt->last ? &debt->last->next : &debt->first) = purge;
        debt->last = purge;
        debt->count++;
        return;
    }
    if (purge) {
        free_purge(purge);
    }
    forgive(debt);
    debt->count += !debt->is_of_all;
    debt->is_of_all = true;
}

static void give_debt(struct target_levels *levels, enum level level)
{
    struct target_errands *errands = level == L3 ? levels->disk_errands : levels->redis_errands;
    struct debt *debt = &levels->debt[level];
    bool is_to_give;

    pthread_mutex_lock(&levels->lock);
    is_to_give = !debt->is_given && debt->count > 0;
    debt->is_given = debt->is_given || is_to_give;
    pthread_mutex_unlock(&levels->lock);
    if (is_to_give && !target_errands_give(errands, &debt->errand)) {
        pthread_mutex_lock(&levels->lock);
        debt->is_given = false; /* whoever looks there next pays */
        pthread_mutex_unlock(&levels->lock);
    }
}

void target_levels_purge(struct target_levels *levels, const char *tag, const char *pattern)
{
    pthread_mutex_lock(&levels->lock);
    atomic_fetch_add_explicit(&levels->purges, 1, memory_order_release);
    if (pattern) {
        target_cache_purge_if(levels->compressed, matches, pattern);
    } else if (tag) {
        target_cache_purge_tag(levels->compressed, tag);
    } else {
        target_cache_clear(levels->compressed);
    }
    for (enum level level = L3; level < LEVELS; level++) {
        if (level == L3 ? levels->disk_errands : levels->redis_errands) {
            owe(&levels->debt[level], tag, pattern);
        }
    }
    pthread_mutex_unlock(&levels->lock);
    give_debt(levels, L3);
    give_debt(levels, L4);
}

bool target_levels_are_outside(const struct target_levels *levels)
{
    return levels->disk_errands || levels->redis_errands;
}

size_t target_levels_owed(struct target_levels *levels)
{
    size_t owed;

    pthread_mutex_lock(&levels->lock);
    owed = levels->debt[L3].count + levels->debt[L4].count;
    pthread_mutex_unlock(&levels->lock);
    return owed;
}

/* ---- the system ---- */

static bool apply(void *state, const void *cls, const struct target_scene *scene)
{
    const struct target_levels_settings *settings = cls;
    struct target_levels *levels = state;

    atomic_store_explicit(&levels->disk_limit, settings->disk_bytes, memory_order_relaxed);
    atomic_store_explicit(&levels->is_compressed, settings->compressed_bytes > 0,
                          memory_order_relaxed);
    if (settings->compressed_bytes == 0) {
        target_cache_clear(levels->compressed);
    }
    target_cache_set(levels->compressed, settings->compressed_bytes, TARGET_CACHE_LRU,
                     scene->now_ns);
    return true;
}

/* The last try. */
static void end_debt(struct target_levels *levels, enum level level, const char *knob)
{
    struct debt *debt = &levels->debt[level];

    if (debt->count > 0 && !settle(levels, level)) {
        fprintf(stderr,
                "pelt-target: %s: %zu purges could not be done: level %s still has what they were "
                "of\n",
                knob, debt->count, level_names[level]);
    }
    forgive(debt);
}

static void stop(void *state, const struct target_scene *scene)
{
    struct target_levels *levels = state;

    target_errands_free(levels->disk_errands);
    target_errands_free(levels->redis_errands);
    end_debt(levels, L3, "cache-disk");
    end_debt(levels, L4, "cache-redis");
    target_diskstore_free(levels->disk);
    target_redislink_free(levels->redis);
    if (levels->compressed) {
        target_cache_free(levels->compressed);
    }
    pthread_mutex_destroy(&levels->lock);
    free(levels);
}

static bool open_disk(struct target_levels *levels, const struct target_levels_settings *settings)
{
    levels->disk = target_diskstore_new(settings->disk, settings->disk_bytes);
    if (!levels->disk) {
        fprintf(stderr, "pelt-target: cache-disk: cannot open \"%.300s\": level l3 is off\n",
                settings->disk);
        return true;
    }
    note_disk(levels);
    levels->disk_errands = target_errands_new(WAITING_MAX, levels);
    return levels->disk_errands != NULL;
}

static bool open_redis(struct target_levels *levels, const struct target_levels_settings *settings)
{
    levels->redis = target_redislink_new(settings->redis);
    levels->redis_errands = target_errands_new(WAITING_MAX, levels);
    target_redisprobe_init(&levels->redis_probe, levels->redis);
    return levels->redis && levels->redis_errands;
}

static void *start(const void *cls, uint64_t now_ns)
{
    const struct target_levels_settings *settings = cls;
    struct target_levels *levels = calloc(1, sizeof *levels);
    struct target_cache_options options = {.drop_value = free};

    if (!levels) {
        return NULL;
    }
    pthread_mutex_init(&levels->lock, NULL);
    levels->debt[L3].errand.run = pay_disk;
    levels->debt[L4].errand.run = pay_redis;
    levels->compressed = target_cache_new(&options);
    if (!levels->compressed || (settings->disk[0] && !open_disk(levels, settings)) ||
        (settings->redis[0] && !open_redis(levels, settings))) {
        stop(levels, NULL);
        return NULL;
    }
    apply(levels, settings, &(struct target_scene){.now_ns = now_ns});
    return levels;
}

static enum target_health health(void *state, const struct target_scene *scene)
{
    struct target_levels *levels = state;

    if (!levels->redis_errands) {
        return TARGET_HEALTH_OK;
    }
    give_debt(levels, L4);
    return target_redisprobe_is_away(&levels->redis_probe, levels->redis_errands)
               ? TARGET_HEALTH_DEGRADED
               : TARGET_HEALTH_OK;
}

static void add_level(struct target_levels *levels, struct target_figures *figures,
                      enum level level, uint64_t evictions, uint64_t bytes)
{
    struct target_histogram_figure times = {.name = histogram_names[level]};
    struct meter *meter = &levels->meter[level];
    double most_s = 1e-6;

    for (size_t i = 0; i < BUCKETS; i++, most_s *= 4) {
        target_histogram_add(&times, most_s,
                             atomic_load_explicit(&meter->by_time[i], memory_order_relaxed));
    }
    times.sum = (double)atomic_load_explicit(&meter->spent_ns, memory_order_relaxed) / 1e9;
    target_figures_add_histogram(figures, &times);
    target_figures_add_cache(
        figures, &(struct target_cache_figure){
                     .name = level_names[level],
                     .hits = atomic_load_explicit(&meter->hits, memory_order_relaxed),
                     .misses = atomic_load_explicit(&meter->misses, memory_order_relaxed),
                     .evictions = evictions,
                     .bytes = bytes});
}

static void add_disk(struct target_levels *levels, struct target_figures *figures)
{
    struct target_diskstore_figures disk;

    pthread_mutex_lock(&levels->lock);
    disk = levels->disk_figures;
    pthread_mutex_unlock(&levels->lock);
    add_level(levels, figures, L3, disk.evictions, disk.bytes);
    target_figures_add_event(figures, target_levels_system.name, "disk_failed", disk.failures);
}

static void add_redis(struct target_levels *levels, struct target_figures *figures)
{
    struct target_redislink_figures link = target_redislink_figures(levels->redis);
    const char *name = target_levels_system.name;

    add_level(levels, figures, L4, 0, 0);
    target_figures_add_event(figures, name, "redis_failed",
                             atomic_load_explicit(&levels->redis_failures, memory_order_relaxed));
    target_figures_add_event(figures, name, "redis_connect", link.connects);
    target_figures_add_event(figures, name, "redis_lost", link.failures);
}

static void figures(void *state, struct target_figures *figures, const struct target_scene *scene)
{
    struct target_levels *levels = state;
    struct target_cache_figures memory = target_cache_figures(levels->compressed, scene->now_ns);

    if (!target_levels_are_on(levels)) {
        return;
    }
    add_level(levels, figures, L1, 0, 0);
    if (memory.limit_bytes > 0) {
        add_level(levels, figures, L2, memory.evictions, memory.bytes);
    }
    if (levels->disk_errands) {
        add_disk(levels, figures);
    }
    if (levels->redis_errands) {
        add_redis(levels, figures);
    }
    target_figures_add_event(figures, target_levels_system.name, "lost",
                             atomic_load_explicit(&levels->lost, memory_order_relaxed));
}

const struct target_system target_levels_system = {
    .name = "levels",
    .knobs = knobs,
    .knobs_count = sizeof knobs / sizeof knobs[0],
    .settings_bytes = sizeof(struct target_levels_settings),
    .check = check,
    .start = start,
    .stop = stop,
    .apply = apply,
    .admit = admit,
    .ended = ended,
    .health = health,
    .figures = figures,
};
