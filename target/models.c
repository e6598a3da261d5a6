/*
 * models: what is true between calls, at the virtual time `now_ns`: `loads` has each load under way
 * with its end, which is later than that; `resident` tells what the cache keeps.
 */
#include "models.h"

#include <assert.h>
#include <inttypes.h>
#include <pthread.h>

#include "dueheap.h"
#include "quantity.h"

struct place { /* of one model */
    const struct target_model *model;
    const struct target_cache_entry *loading; /* NULL: it is not being loaded */
    uint64_t ready_ns;                        /* when that ends */
    bool is_resident;
};

struct target_models {
    pthread_mutex_t lock;
    struct target_models_settings settings;
    struct place place[TARGET_MODELS_MAX];
    struct target_cache *cache;
    struct target_dueheap loads; /* what: a place */
    uint64_t loading_bytes;
    uint64_t now_ns;
    const struct target_scene *scene; /* of the call under way */
    uint64_t evictions[TARGET_CACHE_POLICIES];
    uint64_t waiters, waits;
};

/* ---- knobs ---- */

#define FIELD(name) offsetof(struct target_models_settings, name)

static const struct target_knob knobs[] = {
    {.name = "models",
     .type = TARGET_KNOB_MODELS,
     .offset = FIELD(list),
     .initial = "",
     .text = "small:2g:400ms,large:16g:3s: name, memory and time to load of each model that "
             "requests may name; small:2g:400ms:5m is unloaded 5 minutes after loading; the first "
             "is for requests that name none; empty: off"},
    {.name = "model-memory",
     .needs = "models",
     .type = TARGET_KNOB_SIZE,
     .offset = FIELD(limit_bytes),
     .initial = "0",
     .is_live = true,
     .text = "with --models: memory for models; to load one into it, others are evicted; 0: there "
             "is room for all"},
    {.name = "model-policy",
     .needs = "models",
     .type = TARGET_KNOB_CHOICE,
     .offset = FIELD(policy),
     .choices = target_cache_policy_names,
     .initial = "lru",
     .is_live = true,
     .text = "with --model-memory: which model is evicted first: the one not used for longest, "
             "used least often, loaded first, unloaded soonest, or with the least load time a "
             "byte"},
};

static bool check(const void *cls, struct target_error *err)
{
    const struct target_models_settings *settings = cls;

    for (size_t i = 0; settings->limit_bytes > 0 && i < settings->list.count; i++) {
        const struct target_model *model = &settings->list.model[i];
        char limit[32], needed[32];

        target_quantity_print_size(settings->limit_bytes, limit, sizeof limit);
        target_quantity_print_size(model->bytes, needed, sizeof needed);
        if (model->bytes > settings->limit_bytes) {
            return target_fail(err,
                               "model-memory: \"%s\" is less than the model %s needs, %s; try "
                               "model-memory %s",
                               limit, model->name, needed, needed);
        }
    }
    return true;
}

/* ---- virtual time ---- */

static uint64_t limit_bytes(const struct target_models *models)
{
    return models->settings.limit_bytes ? models->settings.limit_bytes : UINT64_MAX;
}

static void tell(const struct target_models *models, uint64_t at_ns, const char *event,
                 const char *model, const char *member, uint64_t value)
{
    target_journal_event(models->scene->journal, models->scene->now_ns, at_ns,
                         target_models_system.name, event,
                         ",\"model\":\"%s\",\"policy\":\"%s\",\"%s\":%" PRIu64, model,
                         target_cache_policy_names[models->settings.policy], member, value);
}

/* Told by the cache, in order. */
static void on_leave(void *cls, const struct target_cache_entry *entry, enum target_cache_leave why)
{
    struct target_models *models = cls;
    struct place *place = &models->place[target_modellist_find(&models->settings.list, entry->key)];
    bool is_expired = why == TARGET_CACHE_EXPIRED;

    place->is_resident = false;
    models->evictions[models->settings.policy] += !is_expired;
    tell(models, is_expired ? entry->expires_ns : models->now_ns, is_expired ? "expire" : "evict",
         entry->key, "bytes", entry->bytes);
}

static void end_load(struct target_models *models, struct place *place)
{
    struct target_cache_load load = {.bytes = place->model->bytes,
                                     .cost = place->model->load_ns,
                                     .ttl_ns = place->model->ttl_ns};
    const struct target_cache_entry *entry = place->loading;
    struct target_waiter *nobody;

    place->loading = NULL;
    models->loading_bytes -= place->model->bytes;
    nobody = target_cache_fill(models->cache, entry, &load, place->ready_ns);
    assert(!nobody);
    (void)nobody;
    place->is_resident = entry->is_kept;
    target_cache_release(models->cache, entry);
}

/* All loads that end until `to_ns`, in order. */
static void advance(struct target_models *models, uint64_t to_ns, const struct target_scene *scene)
{
    const struct target_held *first;

    models->scene = scene;
    while ((first = target_dueheap_peek(&models->loads)) != NULL && first->due_ns <= to_ns) {
        struct target_held load = target_dueheap_pop(&models->loads);

        models->now_ns = load.due_ns;
        end_load(models, load.what);
    }
    models->now_ns = to_ns > models->now_ns ? to_ns : models->now_ns;
}

/* ---- one request ---- */

/* The text of the member `model` of a JSON body; NULL: it names none. Holds `*json`. */
static const char *name_in_body(const struct target_admission *admission, json_t **json)
{
    json_error_t why;

    *json = admission->body ? json_loadb(admission->body, admission->body_bytes, 0, &why) : NULL;
    return json_string_value(json_object_get(*json, "model"));
}

/* The request's model; NULL: there is none of that name. */
static struct place *find_place(struct target_models *models,
                                const struct target_admission *admission)
{
    const struct target_modellist *list = &models->settings.list;
    const char *name = admission->model.name;
    json_t *json = NULL;
    size_t i = 0;

    if (!name) {
        name = target_admission_query(admission, "model");
    }
    if (!name) {
        name = name_in_body(admission, &json);
    }
    if (name) {
        i = target_modellist_find(list, name);
    }
    json_decref(json);
    return i < list->count ? &models->place[i] : NULL;
}

static enum target_verdict wait_until(struct target_models *models,
                                      struct target_admission *admission, uint64_t later_ns)
{
    models->waits += admission->model.later_ns == 0;
    models->waiters++;
    admission->model.is_waiting = true;
    admission->model.later_ns = later_ns;
    admission->later_ns = later_ns;
    return TARGET_LATER;
}

/* Until the next load ends. */
static enum target_verdict wait_for_room(struct target_models *models,
                                         struct target_admission *admission)
{
    admission->model.is_asked = false;
    return wait_until(models, admission, target_dueheap_peek(&models->loads)->due_ns);
}

static enum target_verdict go(struct target_models *models, struct target_admission *admission,
                              uint64_t ready_ns)
{
    struct target_model_use *use = &admission->model;

    use->load_ns = ready_ns - use->asked_ns;
    admission->start_ns = use->load_ns > 0 ? ready_ns : admission->start_ns;
    return TARGET_GO;
}

static bool start_load(struct target_models *models, struct place *place,
                       const struct target_cache_entry *entry)
{
    uint64_t ready_ns = models->now_ns + place->model->load_ns;
    struct target_held load = {.due_ns = ready_ns, .what = place};

    if (!target_dueheap_push(&models->loads, load)) {
        struct target_waiter *nobody = target_cache_fail(models->cache, entry);

        assert(!nobody);
        (void)nobody;
        return false;
    }
    place->loading = entry;
    place->ready_ns = ready_ns;
    models->loading_bytes += place->model->bytes;
    tell(models, models->now_ns, "load", place->model->name, "load_ns", place->model->load_ns);
    return true;
}

static bool has_room(const struct target_models *models, const struct place *place)
{
    return place->is_resident || place->loading ||
           place->model->bytes + models->loading_bytes <= limit_bytes(models);
}

/* Asks for the model at models->now_ns. */
static enum target_verdict ask(struct target_models *models, struct target_admission *admission,
                               struct place *place)
{
    struct target_cache_ask wanted = {
        .key = place->model->name, .reserve_bytes = place->model->bytes, .now_ns = models->now_ns};
    const struct target_cache_entry *entry;

    if (!has_room(models, place)) {
        return wait_for_room(models, admission);
    }
    admission->model.is_asked = true;
    switch (target_cache_find(models->cache, &wanted, &entry)) {
    case TARGET_CACHE_HIT:
        target_cache_release(models->cache, entry);
        return go(models, admission, models->now_ns);
    case TARGET_CACHE_LOAD:
        if (!start_load(models, place, entry)) {
            return TARGET_NO_MEMORY;
        }
        break;
    case TARGET_CACHE_WAIT:
        break;
    case TARGET_CACHE_FULL: /* it expired just now, and what is being loaded leaves no room */
        return wait_for_room(models, admission);
    case TARGET_CACHE_NO_MEMORY:
        return TARGET_NO_MEMORY;
    }
    if (place->model->load_ns == 0) {
        advance(models, models->now_ns, models->scene);
        return go(models, admission, models->now_ns);
    }
    return wait_until(models, admission, place->ready_ns);
}

static enum target_verdict refuse_unknown(struct target_admission *admission)
{
    admission->status = 404;
    admission->refused_by = target_models_system.name;
    admission->message = "there is no such model; GET /api/models lists all";
    return TARGET_REFUSED;
}

static enum target_verdict admit_locked(struct target_models *models,
                                        struct target_admission *admission, struct place *place,
                                        const struct target_scene *scene)
{
    struct target_model_use *use = &admission->model;
    /* A loop that is late does not make the model late. */
    uint64_t at_ns = use->is_waiting ? use->later_ns : scene->now_ns;

    advance(models, at_ns, scene);
    if (use->is_waiting) {
        use->is_waiting = false;
        models->waiters--;
    } else {
        use->asked_ns = models->now_ns; /* another thread may have been here with a later time */
    }
    return use->is_asked ? go(models, admission, at_ns) : ask(models, admission, place);
}

static enum target_verdict admit(void *state, struct target_admission *admission,
                                 const struct target_scene *scene)
{
    struct target_models *models = state;
    enum target_verdict verdict;
    struct place *place;

    if (!target_models_is_on(models)) {
        return TARGET_GO;
    }
    place = find_place(models, admission);
    if (!place) {
        return refuse_unknown(admission);
    }
    admission->model.name = place->model->name;
    pthread_mutex_lock(&models->lock);
    verdict = admit_locked(models, admission, place, scene);
    pthread_mutex_unlock(&models->lock);
    return verdict;
}

/* Given up while it waited? */
static void ended(void *state, struct target_admission *admission,
                  const struct target_outcome *outcome, const struct target_scene *scene)
{
    struct target_models *models = state;

    if (admission->model.is_waiting) {
        pthread_mutex_lock(&models->lock);
        models->waiters--;
        admission->model.is_waiting = false;
        pthread_mutex_unlock(&models->lock);
    }
}

/* ---- the system ---- */

static void *start(const void *settings, uint64_t now_ns)
{
    struct target_models *models = calloc(1, sizeof *models);
    struct target_cache_options options = {.on_leave = on_leave, .cls = models};

    if (!models) {
        return NULL;
    }
    memcpy(&models->settings, settings, sizeof models->settings);
    options.policy = models->settings.policy;
    options.limit_bytes = limit_bytes(models);
    models->now_ns = now_ns;
    models->cache = target_cache_new(&options);
    if (!models->cache) {
        free(models);
        return NULL;
    }
    for (size_t i = 0; i < models->settings.list.count; i++) {
        models->place[i].model = &models->settings.list.model[i];
    }
    pthread_mutex_init(&models->lock, NULL);
    return models;
}

static void stop(void *state, const struct target_scene *scene)
{
    struct target_models *models = state;

    advance(models, UINT64_MAX, &(struct target_scene){.now_ns = scene->now_ns});
    target_cache_free(models->cache);
    target_dueheap_deinit(&models->loads);
    pthread_mutex_destroy(&models->lock);
    free(models);
}

static bool apply(void *state, const void *cls, const struct target_scene *scene)
{
    struct target_models *models = state;
    const struct target_models_settings *settings = cls;

    pthread_mutex_lock(&models->lock);
    advance(models, scene->now_ns, scene);
    models->settings.limit_bytes = settings->limit_bytes;
    models->settings.policy = settings->policy;
    target_cache_set(models->cache, limit_bytes(models), settings->policy, models->now_ns);
    pthread_mutex_unlock(&models->lock);
    return true;
}

static void add_evictions(const struct target_models *models, struct target_figures *figures)
{
    static const char *const names[TARGET_CACHE_POLICIES] = {
        "evicted_lru", "evicted_lfu", "evicted_fifo", "evicted_ttl", "evicted_cost"};

    for (size_t i = 0; i < TARGET_CACHE_POLICIES; i++) {
        target_figures_add_event(figures, target_models_system.name, names[i],
                                 models->evictions[i]);
    }
}

static void figures(void *state, struct target_figures *figures, const struct target_scene *scene)
{
    struct target_models *models = state;
    struct target_cache_figures cache;

    if (!target_models_is_on(models)) {
        return;
    }
    pthread_mutex_lock(&models->lock);
    advance(models, scene->now_ns, scene);
    cache = target_cache_figures(models->cache, models->now_ns);
    target_figures_add_limit(figures, &(struct target_limit_figure){.name = "model_memory",
                                                                    .used = cache.bytes,
                                                                    .limit = limit_bytes(models),
                                                                    .waiters = models->waiters,
                                                                    .events = models->waits});
    target_figures_add_cache(
        figures, &(struct target_cache_figure){.name = "models",
                                               .hits = cache.hits,
                                               .misses = cache.misses,
                                               .evictions = cache.evictions + cache.expired,
                                               .bytes = cache.bytes});
    add_evictions(models, figures);
    target_figures_add_event(figures, target_models_system.name, "expired", cache.expired);
    pthread_mutex_unlock(&models->lock);
}

const struct target_system target_models_system = {
    .name = "models",
    .knobs = knobs,
    .knobs_count = sizeof knobs / sizeof knobs[0],
    .settings_bytes = sizeof(struct target_models_settings),
    .check = check,
    .start = start,
    .stop = stop,
    .apply = apply,
    .admit = admit,
    .ended = ended,
    .figures = figures,
};

/* ---- /api/models ---- */

static json_t *model_json(const struct place *place)
{
    const struct target_model *model = place->model;

    return json_pack("{s:s, s:s, s:s, s:I, s:f, s:s}", "id", model->name, "object", "model",
                     "owned_by", "pelt", "memory_bytes", (json_int_t)model->bytes, "load_ms",
                     (double)model->load_ns / 1e6, "state",
                     place->loading       ? "loading"
                     : place->is_resident ? "loaded"
                                          : "absent");
}

bool target_models_is_on(const struct target_models *models)
{
    return models->settings.list.count > 0;
}

json_t *target_models_json(struct target_models *models, const struct target_scene *scene)
{
    json_t *data = json_array();

    pthread_mutex_lock(&models->lock);
    advance(models, scene->now_ns, scene);
    (void)target_cache_figures(models->cache, models->now_ns); /* what has expired leaves */
    for (size_t i = 0; i < models->settings.list.count; i++) {
        json_array_append_new(data, model_json(&models->place[i]));
    }
    pthread_mutex_unlock(&models->lock);
    return json_pack("{s:s, s:o}", "object", "list", "data", data);
}
