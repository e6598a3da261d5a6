/* response_cache: see the header. */
#include "response_cache.h"

#include <fnmatch.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>

#include "cache.h"
#include "clock.h"
#include "levels.h"
#include "names.h"
#include "pack.h"
#include "requestkey.h"

#define NS_PER_S    UINT64_C(1000000000)
#define ENTRIES_MAX UINT64_C(10000000)
#define TAGS_MAX    10 /* its path, its topic, and those that a request names */
#define TAG_HEADER  "Cache-Tag"
#define SHOWN_BYTES 200 /* of a key in an event */
#define STATUS_GOOD 200
#define OWN_NAME    "pelt-target"
#define FIRST_LEVEL "l1"

struct target_response_cache {
    struct target_cache *cache;
    atomic_bool is_on; /* relaxed: a request may miss a change that is made while it comes */
    _Atomic uint64_t ttl_ns, ttl_chat_ns; /* relaxed, likewise */
    struct target_levels *levels;         /* NULL: none */
    pthread_mutex_t lock;                 /* of the next; before that of `cache` */
    uint64_t purges;                      /* what executes since before the last is not kept */
};

/* Of the call that this thread is in: the cache tells who left without knowing where. */
static _Thread_local const struct target_scene *told_in;

/* ---- knobs ---- */

#define FIELD(name) offsetof(struct target_response_cache_settings, name)

static const struct target_knob knobs[] = {
    {.name = "cache",
     .type = TARGET_KNOB_SIZE,
     .offset = FIELD(bytes),
     .initial = "0",
     .is_live = true,
     .text = "bytes of answers (POST /api/chat, GET /work) that are kept and given again without "
             "work; 0: none"},
    {.name = "cache-entries",
     .needs = "cache",
     .type = TARGET_KNOB_COUNT,
     .offset = FIELD(entries),
     .min = 1,
     .max = ENTRIES_MAX,
     .word = "unlimited",
     .word_value = TARGET_UNLIMITED,
     .initial = "unlimited",
     .is_live = true,
     .text = "with --cache: most answers that are kept"},
    {.name = "cache-policy",
     .needs = "cache",
     .type = TARGET_KNOB_CHOICE,
     .offset = FIELD(policy),
     .choices = target_cache_policy_names,
     .initial = "lru",
     .is_live = true,
     .text = "with --cache: which answer leaves first: least recently or least frequently used, "
             "first in, first to expire, least service time a byte"},
    {.name = "cache-ttl",
     .needs = "cache",
     .type = TARGET_KNOB_DURATION,
     .offset = FIELD(ttl_ns),
     .min = 1000000,
     .max = 86400 * NS_PER_S,
     .initial = "60s",
     .is_live = true,
     .text = "with --cache: how long an answer is kept at most, from when it was made"},
    {.name = "cache-ttl-chat",
     .needs = "cache",
     .type = TARGET_KNOB_DURATION,
     .offset = FIELD(ttl_chat_ns),
     .min = 0,
     .max = 86400 * NS_PER_S,
     .initial = "0",
     .is_live = true,
     .text = "with --cache: the same for POST /api/chat alone; 0: --cache-ttl holds for it, too"},
};

/* ---- what is told ---- */

static void on_leave(void *cls, const struct target_cache_entry *entry, enum target_cache_leave why)
{
    const struct target_scene *scene = told_in;

    if (why == TARGET_CACHE_EVICTED && scene) {
        target_journal_event(scene->journal, scene->now_ns, scene->now_ns,
                             target_response_cache_system.name, "evicted", ",\"key\":\"%.*s\"",
                             SHOWN_BYTES, entry->key);
    }
}

static int print_say(char *text, size_t bytes, const struct target_cache_say *say,
                     bool is_collapsed)
{
    static const char *const forwarded[] = {
        [TARGET_CACHE_BYPASS] = "bypass",
        [TARGET_CACHE_NO_CACHE] = "request",
        [TARGET_CACHE_URI_MISS] = "uri-miss",
        [TARGET_CACHE_VARY_MISS] = "vary-miss",
    };
    const char *detail = say->detail[0] ? "; detail=" : "";

    if (say->note == TARGET_CACHE_ANSWERED) {
        return snprintf(text, bytes, "%s; hit; ttl=%" PRIu64 "%s%s", say->name, say->ttl_s, detail,
                        say->detail);
    }
    return snprintf(text, bytes, "%s; fwd=%s%s%s%s%s", say->name, forwarded[say->note],
                    say->is_stored ? "; stored" : "", is_collapsed ? "; collapsed" : "", detail,
                    say->detail);
}

/* What the response cache itself says, nearest to the client. */
static struct target_cache_say own_say(const struct target_admission *admission)
{
    const struct target_response_cache_part *part = &admission->response_cache;
    struct target_cache_say say = {.name = part->name ? part->name : OWN_NAME,
                                   .note = part->note,
                                   .ttl_s = part->ttl_s,
                                   .is_stored = part->is_stored};

    if (say.note == TARGET_CACHE_BYPASS && admission->coalescing.is_collapsed) {
        say.note = TARGET_CACHE_URI_MISS; /* the cache is off, and yet it was not forwarded alone */
    }
    return say;
}

void target_response_cache_status(const struct target_admission *admission, char *text)
{
    struct target_cache_say own = own_say(admission);
    size_t used = 0;

    for (unsigned i = admission->says; i > 0; i--) {
        bool is_last = i == 1 && own.note == TARGET_CACHE_BYPASS;

        used += (size_t)print_say(text + used, TARGET_CACHE_STATUS_BYTES - used,
                                  &admission->say[i - 1], false);
        used += (size_t)snprintf(text + used, TARGET_CACHE_STATUS_BYTES - used, "%s",
                                 is_last ? "" : ", ");
    }
    if (own.note != TARGET_CACHE_BYPASS || admission->says == 0) {
        print_say(text + used, TARGET_CACHE_STATUS_BYTES - used, &own,
                  admission->coalescing.is_collapsed);
    }
}

const char *target_response_cache_who(const struct target_admission *admission)
{
    struct target_cache_say own = own_say(admission);

    for (unsigned i = 0; i < admission->says; i++) {
        if (admission->say[i].note == TARGET_CACHE_ANSWERED) {
            return admission->say[i].name;
        }
    }
    return own.note == TARGET_CACHE_ANSWERED ? own.name : NULL;
}

const char *target_response_cache_word(const struct target_admission *admission)
{
    enum target_cache_note note = admission->response_cache.note;

    if (admission->coalescing.is_collapsed) {
        return "collapsed";
    }
    for (unsigned i = 0; i < admission->says && note != TARGET_CACHE_ANSWERED; i++) {
        note = admission->say[i].note;
    }
    switch (note) {
    case TARGET_CACHE_ANSWERED:
        return "hit";
    case TARGET_CACHE_URI_MISS:
    case TARGET_CACHE_VARY_MISS:
        return "miss";
    default:
        return NULL;
    }
}

/* ---- one request ---- */

static bool is_looked_up(const struct target_admission *admission)
{
    const char *control = target_admission_header(admission, "Cache-Control");

    return !control || !(strcasestr(control, "no-cache") || strcasestr(control, "no-store"));
}

static enum target_verdict give_again(struct target_response_cache *cache,
                                      struct target_admission *admission,
                                      const struct target_cache_entry *entry)
{
    admission->result = target_body_hold(entry->value);
    target_cache_release(cache->cache, entry);
    return TARGET_ANSWERED;
}

/* With levels behind it, this is the first of them. */
static const struct target_cache_entry *peek(struct target_response_cache *cache,
                                             struct target_admission *admission, const char *key,
                                             uint64_t now_ns)
{
    const struct target_cache_entry *entry;
    uint64_t begin_ns;

    if (!cache->levels || !target_levels_are_on(cache->levels)) {
        return target_cache_peek(cache->cache, key, now_ns);
    }
    begin_ns = target_clock_now_ns();
    entry = target_cache_peek(cache->cache, key, now_ns);
    target_levels_note_l1(cache->levels, target_clock_now_ns() - begin_ns, entry != NULL);
    admission->response_cache.name = FIRST_LEVEL;
    return entry;
}

static enum target_verdict look_up(struct target_response_cache *cache,
                                   struct target_admission *admission,
                                   const struct target_request_key *key, uint64_t now_ns)
{
    struct target_response_cache_part *part = &admission->response_cache;
    const struct target_cache_entry *entry = peek(cache, admission, key->text, now_ns);

    if (entry) {
        part->note = TARGET_CACHE_ANSWERED;
        part->ttl_s = (entry->expires_ns - now_ns) / NS_PER_S;
        return give_again(cache, admission, entry);
    }
    part->cache = cache;
    part->note = target_cache_has_tag(cache->cache, target_request_key_base(key->text))
                     ? TARGET_CACHE_VARY_MISS
                     : TARGET_CACHE_URI_MISS;
    return TARGET_GO;
}

static enum target_verdict admit(void *state, struct target_admission *admission,
                                 const struct target_scene *scene)
{
    struct target_response_cache *cache = state;
    struct target_request_key key;
    enum target_verdict verdict;

    if (!atomic_load_explicit(&cache->is_on, memory_order_relaxed) || admission->is_to_fail ||
        admission->is_personal) {
        return TARGET_GO;
    }
    if (!is_looked_up(admission)) {
        admission->response_cache.note = TARGET_CACHE_NO_CACHE;
        return TARGET_GO;
    }
    if (!target_request_key_make(&key, admission)) {
        return TARGET_GO;
    }
    told_in = scene;
    verdict = look_up(cache, admission, &key, scene->now_ns);
    told_in = NULL;
    return verdict;
}

/* ---- one that executes ---- */

static uint64_t purges_of(struct target_response_cache *cache)
{
    uint64_t purges;

    pthread_mutex_lock(&cache->lock);
    purges = cache->purges;
    pthread_mutex_unlock(&cache->lock);
    return purges;
}

static enum target_verdict claim(struct target_admission *admission,
                                 const struct target_request_key *key, uint64_t now_ns)
{
    struct target_response_cache_part *part = &admission->response_cache;
    struct target_cache_ask ask = {.key = key->text, .is_counted = true, .now_ns = now_ns};
    uint64_t purges = purges_of(part->cache);
    const struct target_cache_entry *entry;

    switch (target_cache_find(part->cache->cache, &ask, &entry)) {
    case TARGET_CACHE_HIT: /* kept since it was looked up */
        if (admission->coalescing.flight) {
            admission->coalescing.is_collapsed = true;
            return give_again(part->cache, admission, entry);
        }
        target_cache_release(part->cache->cache, entry);
        break;
    case TARGET_CACHE_LOAD:
        part->load = entry;
        part->purges = purges;
        admission->is_body_wanted = true;
        break;
    default: /* another one's answer will be kept, or there is no memory for this one's */
        break;
    }
    return TARGET_GO;
}

static enum target_verdict admit_executing(void *state, struct target_admission *admission,
                                           const struct target_scene *scene)
{
    struct target_request_key key;
    enum target_verdict verdict;

    if (!admission->response_cache.cache || !target_request_key_make(&key, admission)) {
        return TARGET_GO;
    }
    told_in = scene;
    verdict = claim(admission, &key, scene->now_ns);
    told_in = NULL;
    return verdict;
}

/* An answer's tags: what its key has in common with others, its path, its topic, those that were
 * named; one that comes from another level brings all but the first along. */
struct tags {
    const char *all[TAGS_MAX + 1];
    char named[TAGS_MAX][TARGET_NAME_BYTES];
    size_t count;
};

static void collect_tags(struct tags *tags, const struct target_admission *admission)
{
    const struct target_unpacked *found = admission->levels.found;
    const char *at = found ? found->tags : target_admission_header(admission, TAG_HEADER);

    tags->all[tags->count++] = target_request_key_base(admission->response_cache.load->key);
    if (!found) {
        tags->all[tags->count++] = admission->path;
    }
    if (!found && admission->outputs.tag[0]) {
        tags->all[tags->count++] = admission->outputs.tag;
    }
    for (size_t i = 0; tags->count < TAGS_MAX + 1 && at && target_names_next(&at, tags->named[i]);
         i++) {
        tags->all[tags->count++] = tags->named[i];
    }
}

static uint64_t ttl_of(const struct target_response_cache *cache, enum target_route route)
{
    uint64_t chat_ns = atomic_load_explicit(&cache->ttl_chat_ns, memory_order_relaxed);

    return route == TARGET_ROUTE_CHAT && chat_ns > 0
               ? chat_ns
               : atomic_load_explicit(&cache->ttl_ns, memory_order_relaxed);
}

uint64_t target_response_cache_ttl(const struct target_admission *admission)
{
    return ttl_of(admission->response_cache.cache, admission->route);
}

static void keep(struct target_response_cache *cache, struct target_admission *admission,
                 struct target_body *body, uint64_t now_ns)
{
    struct target_response_cache_part *part = &admission->response_cache;
    struct tags tags = {.count = 0};
    struct target_cache_load load = {
        .value = target_body_hold(body),
        .bytes = body->bytes,
        .cost =
            admission->levels.found ? admission->levels.found->service_ns : admission->service_ns,
        .ttl_ns =
            admission->levels.found ? admission->levels.ttl_ns : ttl_of(cache, admission->route),
    };

    collect_tags(&tags, admission);
    load.tags = tags.all;
    load.tag_count = tags.count;
    (void)!target_cache_fill(cache->cache, part->load, &load, now_ns); /* nobody waits in it */
    part->is_stored = part->load->is_kept;
    target_cache_release(cache->cache, part->load);
}

static void ended(void *state, struct target_admission *admission,
                  const struct target_outcome *outcome, const struct target_scene *scene)
{
    struct target_response_cache_part *part = &admission->response_cache;

    if (!part->load) {
        return;
    }
    told_in = scene;
    pthread_mutex_lock(&part->cache->lock);
    if (outcome->status == STATUS_GOOD && outcome->body && part->purges == part->cache->purges) {
        keep(part->cache, admission, outcome->body, scene->now_ns);
    } else {
        (void)!target_cache_fail(part->cache->cache, part->load);
    }
    pthread_mutex_unlock(&part->cache->lock);
    told_in = NULL;
    part->load = NULL;
    target_levels_done(&admission->levels);
}

static bool matches(const void *pattern, const char *key)
{
    return fnmatch(pattern, target_request_key_base(key) + 1, 0) == 0;
}

static size_t purge(struct target_response_cache *cache, const char *tag, const char *pattern)
{
    if (pattern) {
        return target_cache_purge_if(cache->cache, matches, pattern);
    }
    return tag ? target_cache_purge_tag(cache->cache, tag) : target_cache_clear(cache->cache);
}

void target_response_cache_join(struct target_response_cache *cache, struct target_levels *levels)
{
    cache->levels = levels;
}

size_t target_response_cache_purge(struct target_response_cache *cache, const char *tag,
                                   const char *pattern, const struct target_scene *scene)
{
    size_t purged;

    pthread_mutex_lock(&cache->lock);
    cache->purges++;
    purged = purge(cache, tag, pattern);
    pthread_mutex_unlock(&cache->lock);
    if (cache->levels) {
        target_levels_purge(cache->levels, tag, pattern);
    }
    target_journal_event(scene->journal, scene->now_ns, scene->now_ns,
                         target_response_cache_system.name, "purged",
                         ",\"tag\":\"%s\",\"answers\":%zu", tag ? tag : "", purged);
    return purged;
}

/* ---- the system ---- */

static void drop_body(void *body)
{
    target_body_release(body);
}

static void take_settings(struct target_response_cache *cache,
                          const struct target_response_cache_settings *settings, uint64_t now_ns)
{
    atomic_store_explicit(&cache->ttl_ns, settings->ttl_ns, memory_order_relaxed);
    atomic_store_explicit(&cache->ttl_chat_ns, settings->ttl_chat_ns, memory_order_relaxed);
    atomic_store_explicit(&cache->is_on, settings->bytes > 0, memory_order_relaxed);
    if (settings->bytes == 0) {
        target_cache_clear(cache->cache); /* turned off: nothing leaves for want of room */
    }
    target_cache_set(cache->cache, settings->bytes, settings->policy, now_ns);
    target_cache_set_entries(cache->cache, settings->entries);
}

static bool apply(void *state, const void *settings, const struct target_scene *scene)
{
    told_in = scene;
    take_settings(state, settings, scene->now_ns);
    told_in = NULL;
    return true;
}

static void *start(const void *settings, uint64_t now_ns)
{
    struct target_response_cache *cache = calloc(1, sizeof *cache);
    struct target_cache_options options = {.drop_value = drop_body, .on_leave = on_leave};

    if (!cache) {
        return NULL;
    }
    cache->cache = target_cache_new(&options);
    if (!cache->cache) {
        free(cache);
        return NULL;
    }
    pthread_mutex_init(&cache->lock, NULL);
    take_settings(cache, settings, now_ns);
    return cache;
}

static void stop(void *state, const struct target_scene *scene)
{
    struct target_response_cache *cache = state;

    target_cache_free(cache->cache);
    pthread_mutex_destroy(&cache->lock);
    free(cache);
}

static void figures(void *state, struct target_figures *figures, const struct target_scene *scene)
{
    struct target_response_cache *cache = state;
    const char *name = target_response_cache_system.name;
    struct target_cache_figures now = target_cache_tell(cache->cache, name, figures, scene->now_ns);

    if (now.limit_bytes == 0) {
        return;
    }
    target_figures_add_event(figures, name, "expired", now.expired);
    target_figures_add_event(figures, name, "purged", now.purged);
}

const struct target_system target_response_cache_system = {
    .name = "response_cache",
    .knobs = knobs,
    .knobs_count = sizeof knobs / sizeof knobs[0],
    .settings_bytes = sizeof(struct target_response_cache_settings),
    .start = start,
    .stop = stop,
    .apply = apply,
    .admit = admit,
    .figures = figures,
};

const struct target_system target_response_store_system = {
    .name = "response_store",
    .admit = admit_executing,
    .ended = ended,
};
