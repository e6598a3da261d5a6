/* search: see the header. */
#include "search.h"

#include <stdatomic.h>

#include "cache.h"
#include "jsontext.h"
#include "nearest.h"

#define NS_PER_S    UINT64_C(1000000000)
#define ENTRIES_MAX UINT64_C(10000000)
#define RESULTS     5
#define STATUS_GOOD 200
#define SEMANTIC    "search-semantic" /* the second cache's name */

struct target_search {
    struct target_cache *cache;
    struct target_nearest *nearest;
    /* Relaxed: a request may miss a change that is made while it comes. */
    atomic_bool is_on;
    _Atomic uint64_t ttl_ns;
    _Atomic double semantic;
    _Atomic uint64_t near_hits, near_misses, warmed;
};

/* ---- knobs ---- */

#define FIELD(name) offsetof(struct target_search_settings, name)

static const struct target_knob knobs[] = {
    {.name = "search",
     .type = TARGET_KNOB_SIZE,
     .offset = FIELD(bytes),
     .initial = "0",
     .is_live = true,
     .text = "bytes of answers of GET /search that are kept and given again to the same query of "
             "the same provider and type, whatever its case and blanks; 0: none"},
    {.name = "search-entries",
     .needs = "search",
     .type = TARGET_KNOB_COUNT,
     .offset = FIELD(entries),
     .min = 1,
     .max = ENTRIES_MAX,
     .word = "unlimited",
     .word_value = TARGET_UNLIMITED,
     .initial = "unlimited",
     .is_live = true,
     .text = "with --search: most answers that are kept; the one not used for longest leaves"},
    {.name = "search-ttl",
     .needs = "search",
     .type = TARGET_KNOB_DURATION,
     .offset = FIELD(ttl_ns),
     .min = 1000000,
     .max = 86400 * NS_PER_S,
     .initial = "60s",
     .is_live = true,
     .text = "with --search: how long an answer is kept at most"},
    {.name = "search-semantic",
     .needs = "search",
     .type = TARGET_KNOB_SHARE,
     .offset = FIELD(semantic),
     .initial = "0",
     .is_live = true,
     .text = "with --search: a query that is not there gets the answer of the one most like it, if "
             "they are this much alike (cosine, 80%); 0: off"},
};

/* ---- what is found ---- */

static json_t *result_json(const struct target_query *query, int rank)
{
    return json_pack("{s:i, s:s+, s:o}", "rank", rank, "title", query->text, "", "url",
                     json_sprintf("https://%s.example/%s/%d", query->provider, query->type, rank));
}

json_t *target_search_answer(const struct target_query *query)
{
    json_t *results = json_array();

    for (int rank = 1; rank <= RESULTS; rank++) {
        json_array_append_new(results, result_json(query, rank));
    }
    return json_pack("{s:s, s:s, s:s, s:o}", "provider", query->provider, "type", query->type,
                     "query", query->text, "results", results);
}

/* ---- the caches ---- */

static void say(struct target_admission *admission, const char *name, enum target_cache_note note,
                uint64_t ttl_ns, double cosine)
{
    struct target_cache_say *said = target_admission_say(admission, name, note);

    if (said) {
        said->ttl_s = ttl_ns / NS_PER_S;
        if (cosine >= 0) {
            snprintf(said->detail, sizeof said->detail, "\"%.3f\"", cosine);
        }
    }
}

static struct target_body *find_same(struct target_search *search, const struct target_query *query,
                                     struct target_admission *admission, uint64_t now_ns)
{
    const struct target_cache_entry *entry;
    struct target_body *body = NULL;
    char key[TARGET_QUERY_KEY_BYTES];

    target_query_key(query, key);
    entry = target_cache_peek(search->cache, key, now_ns);
    if (entry) {
        body = target_body_hold(entry->value);
        say(admission, target_search_system.name, TARGET_CACHE_ANSWERED, entry->expires_ns - now_ns,
            -1);
        target_cache_release(search->cache, entry);
    } else {
        say(admission, target_search_system.name, TARGET_CACHE_URI_MISS, 0, -1);
    }
    return body;
}

static struct target_body *find_near(struct target_search *search, const struct target_query *query,
                                     struct target_admission *admission, double least,
                                     uint64_t now_ns)
{
    struct target_embedding embedding;
    struct target_near near;
    char group[TARGET_QUERY_GROUP_BYTES];

    target_embedding_make(&embedding, query->text, strlen(query->text));
    target_query_group(query, group);
    near = target_nearest_find(search->nearest, group, &embedding, least, now_ns);
    if (near.body) {
        say(admission, SEMANTIC, TARGET_CACHE_ANSWERED, near.expires_ns - now_ns, near.cosine);
    } else {
        say(admission, SEMANTIC, TARGET_CACHE_URI_MISS, 0, near.cosine);
    }
    atomic_fetch_add_explicit(near.body ? &search->near_hits : &search->near_misses, 1,
                              memory_order_relaxed);
    return near.body;
}

struct target_body *target_search_find(struct target_search *search,
                                       const struct target_query *query,
                                       struct target_admission *admission, uint64_t now_ns)
{
    double least = atomic_load_explicit(&search->semantic, memory_order_relaxed);
    struct target_body *body;

    if (!atomic_load_explicit(&search->is_on, memory_order_relaxed)) {
        return NULL;
    }
    body = find_same(search, query, admission, now_ns);
    return body || least <= 0 ? body : find_near(search, query, admission, least, now_ns);
}

static bool keep_same(struct target_search *search, const struct target_query *query,
                      struct target_body *body, uint64_t service_ns,
                      const struct target_scene *scene)
{
    struct target_cache_load load = {
        .value = body,
        .bytes = body->bytes,
        .cost = service_ns,
        .ttl_ns = atomic_load_explicit(&search->ttl_ns, memory_order_relaxed),
    };
    char key[TARGET_QUERY_KEY_BYTES];
    struct target_cache_ask ask = {.key = key, .is_counted = true, .now_ns = scene->now_ns};
    const struct target_cache_entry *entry;
    bool is_kept;

    target_query_key(query, key);
    target_cache_purge(search->cache, key);
    switch (target_cache_find(search->cache, &ask, &entry)) {
    case TARGET_CACHE_LOAD:
        break;
    case TARGET_CACHE_HIT: /* another one's answer was kept just now */
        target_cache_release(search->cache, entry);
        return false;
    default:
        return false;
    }
    target_body_hold(body);
    (void)!target_cache_fill(search->cache, entry, &load, scene->now_ns); /* nobody waits in it */
    is_kept = entry->is_kept;
    target_cache_release(search->cache, entry);
    return is_kept;
}

static void keep_near(struct target_search *search, const struct target_query *query,
                      struct target_body *body, uint64_t now_ns)
{
    struct target_embedding embedding;
    char group[TARGET_QUERY_GROUP_BYTES];
    struct target_nearest_entry entry = {
        .group = group,
        .topic = "",
        .embedding = &embedding,
        .body = body,
        .expires_ns = now_ns + atomic_load_explicit(&search->ttl_ns, memory_order_relaxed),
    };

    target_query_group(query, group);
    target_embedding_make(&embedding, query->text, strlen(query->text));
    target_nearest_keep(search->nearest, &entry, now_ns);
}

bool target_search_keep(struct target_search *search, const struct target_query *query,
                        struct target_body *body, uint64_t service_ns,
                        const struct target_scene *scene)
{
    bool is_kept = keep_same(search, query, body, service_ns, scene);

    if (is_kept && atomic_load_explicit(&search->semantic, memory_order_relaxed) > 0) {
        keep_near(search, query, body, scene->now_ns);
    }
    return is_kept;
}

/* ---- warming ---- */

/* NULL: no memory, or it is not UTF-8. */
static struct target_body *make_body(const struct target_query *query, uint64_t body_bytes)
{
    char *text =
        target_jsontext_padded(target_jsontext_take(target_search_answer(query)), body_bytes);

    return text ? target_body_new(STATUS_GOOD, text) : NULL;
}

static bool warm_one(struct target_search *search, const json_t *json, uint64_t body_bytes,
                     const struct target_scene *scene, uint64_t *kept, struct target_error *err)
{
    struct target_query query;
    struct target_body *body;

    if (!target_query_read(&query, json_string_value(json_object_get(json, "provider")),
                           json_string_value(json_object_get(json, "type")),
                           json_string_value(json_object_get(json, "q")), err)) {
        return false;
    }
    body = make_body(&query, body_bytes);
    if (!body) {
        return target_fail(err, "no memory");
    }
    *kept += target_search_keep(search, &query, body, 0, scene);
    target_body_release(body);
    return true;
}

bool target_search_warm(struct target_search *search, const char *text, size_t bytes,
                        uint64_t body_bytes, const struct target_scene *scene, uint64_t *kept,
                        struct target_error *err)
{
    json_t *json = json_loadb(text ? text : "", bytes, 0, NULL);
    const json_t *queries = json_object_get(json, "queries");
    bool is_good = true;

    *kept = 0;
    if (!json_is_array(queries)) {
        json_decref(json);
        return target_fail(err, "the body is no list of queries; try {\"queries\": [{\"q\": "
                                "\"load test\", \"provider\": \"web\"}]}");
    }
    if (!atomic_load_explicit(&search->is_on, memory_order_relaxed)) {
        json_decref(json);
        return target_fail(err, "nothing is kept: turn the knob search, {\"search\": \"16m\"}");
    }
    for (size_t i = 0; is_good && i < json_array_size(queries); i++) {
        is_good = warm_one(search, json_array_get(queries, i), body_bytes, scene, kept, err);
    }
    json_decref(json);
    atomic_fetch_add_explicit(&search->warmed, *kept, memory_order_relaxed);
    target_journal_event(scene->journal, scene->now_ns, scene->now_ns, target_search_system.name,
                         "warmed", ",\"answers\":%llu", (unsigned long long)*kept);
    return is_good;
}

/* ---- one request ---- */

static bool read_query(struct target_query *query, const struct target_admission *admission)
{
    struct target_error ignored;

    return target_query_read(query, target_admission_query(admission, "provider"),
                             target_admission_query(admission, "type"),
                             target_admission_query(admission, "q"), &ignored);
}

static enum target_verdict admit(void *state, struct target_admission *admission,
                                 const struct target_scene *scene)
{
    struct target_search *search = state;
    struct target_query query;

    if (admission->route != TARGET_ROUTE_SEARCH || admission->is_to_fail ||
        !atomic_load_explicit(&search->is_on, memory_order_relaxed) ||
        !read_query(&query, admission)) {
        return TARGET_GO;
    }
    admission->result = target_search_find(search, &query, admission, scene->now_ns);
    admission->is_body_wanted = !admission->result;
    return admission->result ? TARGET_ANSWERED : TARGET_GO;
}

static void ended(void *state, struct target_admission *admission,
                  const struct target_outcome *outcome, const struct target_scene *scene)
{
    struct target_search *search = state;
    struct target_query query;

    if (admission->route != TARGET_ROUTE_SEARCH || admission->result || admission->says == 0 ||
        outcome->status != STATUS_GOOD || !outcome->body || !read_query(&query, admission)) {
        return;
    }
    admission->say[0].is_stored =
        target_search_keep(search, &query, outcome->body, admission->service_ns, scene);
}

/* ---- the system ---- */

static void drop_body(void *body)
{
    target_body_release(body);
}

static void take_settings(struct target_search *search,
                          const struct target_search_settings *settings, uint64_t now_ns)
{
    atomic_store_explicit(&search->ttl_ns, settings->ttl_ns, memory_order_relaxed);
    atomic_store_explicit(&search->semantic, settings->semantic, memory_order_relaxed);
    atomic_store_explicit(&search->is_on, settings->bytes > 0, memory_order_relaxed);
    if (settings->bytes == 0) {
        target_cache_clear(search->cache);
    }
    if (settings->bytes == 0 || settings->semantic <= 0) {
        target_nearest_purge(search->nearest, NULL);
    }
    target_cache_set(search->cache, settings->bytes, TARGET_CACHE_LRU, now_ns);
    target_cache_set_entries(search->cache,
                             settings->entries == TARGET_UNLIMITED ? 0 : settings->entries);
}

static bool apply(void *state, const void *settings, const struct target_scene *scene)
{
    take_settings(state, settings, scene->now_ns);
    return true;
}

static void stop(void *state, const struct target_scene *scene)
{
    struct target_search *search = state;

    target_nearest_free(search->nearest);
    if (search->cache) {
        target_cache_free(search->cache);
    }
    free(search);
}

static void *start(const void *settings, uint64_t now_ns)
{
    struct target_search *search = calloc(1, sizeof *search);
    struct target_cache_options options = {.drop_value = drop_body};

    if (!search) {
        return NULL;
    }
    search->cache = target_cache_new(&options);
    search->nearest = target_nearest_new(TARGET_NEAREST_ENTRIES_MAX);
    if (!search->cache || !search->nearest) {
        stop(search, NULL);
        return NULL;
    }
    take_settings(search, settings, now_ns);
    return search;
}

static void near_figures(struct target_search *search, struct target_figures *figures,
                         uint64_t now_ns)
{
    struct target_nearest_figures near = target_nearest_figures(search->nearest, now_ns);

    target_figures_add_cache(
        figures, &(struct target_cache_figure){
                     .name = SEMANTIC,
                     .hits = atomic_load_explicit(&search->near_hits, memory_order_relaxed),
                     .misses = atomic_load_explicit(&search->near_misses, memory_order_relaxed),
                     .evictions = near.evictions,
                     .bytes = near.bytes});
}

static void figures(void *state, struct target_figures *figures, const struct target_scene *scene)
{
    struct target_search *search = state;
    const char *name = target_search_system.name;
    struct target_cache_figures now =
        target_cache_tell(search->cache, name, figures, scene->now_ns);

    if (now.limit_bytes == 0) {
        return;
    }
    target_figures_add_event(figures, name, "expired", now.expired);
    target_figures_add_event(figures, name, "warmed",
                             atomic_load_explicit(&search->warmed, memory_order_relaxed));
    if (atomic_load_explicit(&search->semantic, memory_order_relaxed) > 0) {
        near_figures(search, figures, scene->now_ns);
    }
}

const struct target_system target_search_system = {
    .name = "search",
    .knobs = knobs,
    .knobs_count = sizeof knobs / sizeof knobs[0],
    .settings_bytes = sizeof(struct target_search_settings),
    .start = start,
    .stop = stop,
    .apply = apply,
    .admit = admit,
    .ended = ended,
    .figures = figures,
};
