/* outputs: see the header. */
#include "outputs.h"

#include <pthread.h>
#include <stdatomic.h>

#include "ask.h"
#include "names.h"
#include "nearest.h"

#define NS_PER_S     UINT64_C(1000000000)
#define GROUP_BYTES  128 /* path and model; what is longer is not looked up */
#define TOPIC_HEADER "Cache-Topic"
#define TOPIC_TAG    "topic:"
#define STATUS_GOOD  200

const char *const target_confidence_names[] = {
    [TARGET_CONFIDENCE_HIGH] = "HIGH", [TARGET_CONFIDENCE_MEDIUM] = "MEDIUM",
    [TARGET_CONFIDENCE_LOW] = "LOW",   [TARGET_CONFIDENCE_NONE] = "NONE",
    [TARGET_CONFIDENCES] = NULL,
};

struct target_outputs {
    struct target_nearest *nearest;
    atomic_bool is_on;    /* relaxed: a request may miss a change that is made while it comes */
    pthread_mutex_t lock; /* of what follows */
    struct target_outputs_settings settings;
    uint64_t purges;
    uint64_t asked[TARGET_CONFIDENCES]; /* with this confidence */
    uint64_t hits, misses;
};

/* ---- knobs ---- */

#define FIELD(name) offsetof(struct target_outputs_settings, name)

static const char *const serve_choices[] = {"high", "medium", "low", NULL};

static const struct target_knob knobs[] = {
    {.name = "outputs",
     .type = TARGET_KNOB_COUNT,
     .offset = FIELD(entries),
     .max = TARGET_NEAREST_ENTRIES_MAX,
     .initial = "0",
     .is_live = true,
     .text = "answers of the chat that are kept and given again to messages that say nearly the "
             "same; 0: none"},
    {.name = "outputs-ttl",
     .needs = "outputs",
     .type = TARGET_KNOB_DURATION,
     .offset = FIELD(ttl_ns),
     .min = 1000000,
     .max = 86400 * NS_PER_S,
     .initial = "5m",
     .is_live = true,
     .text = "with --outputs: how long an answer is kept at most"},
    {.name = "outputs-high",
     .needs = "outputs",
     .type = TARGET_KNOB_SHARE,
     .offset = FIELD(high),
     .initial = "95%",
     .is_live = true,
     .text = "with --outputs: from this cosine on the confidence is HIGH"},
    {.name = "outputs-medium",
     .needs = "outputs",
     .type = TARGET_KNOB_SHARE,
     .offset = FIELD(medium),
     .initial = "80%",
     .is_live = true,
     .text = "with --outputs: from this cosine on it is MEDIUM"},
    {.name = "outputs-low",
     .needs = "outputs",
     .type = TARGET_KNOB_SHARE,
     .offset = FIELD(low),
     .initial = "60%",
     .is_live = true,
     .text = "with --outputs: from this cosine on it is LOW, below NONE"},
    {.name = "outputs-serve",
     .needs = "outputs",
     .type = TARGET_KNOB_CHOICE,
     .offset = FIELD(serve),
     .choices = serve_choices,
     .initial = "medium",
     .is_live = true,
     .text = "with --outputs: the least confidence with which an answer is given again"},
};

static bool check(const void *cls, struct target_error *err)
{
    const struct target_outputs_settings *settings = cls;

    return (settings->low <= settings->medium && settings->medium <= settings->high) ||
           target_fail(err,
                       "outputs-low, outputs-medium, outputs-high: %g, %g, %g do not ascend; "
                       "try 60%%, 80%%, 95%%",
                       settings->low, settings->medium, settings->high);
}

enum target_confidence target_outputs_confidence(const struct target_outputs_settings *settings,
                                                 double cosine)
{
    return cosine >= settings->high     ? TARGET_CONFIDENCE_HIGH
           : cosine >= settings->medium ? TARGET_CONFIDENCE_MEDIUM
           : cosine >= settings->low    ? TARGET_CONFIDENCE_LOW
                                        : TARGET_CONFIDENCE_NONE;
}

/* ---- one request ---- */

void target_outputs_tag(char tag[TARGET_NAME_BYTES], const char *topic)
{
    snprintf(tag, TARGET_NAME_BYTES, "%s%s", topic[0] ? TOPIC_TAG : "", topic);
}

struct asked { /* what is compared */
    char group[GROUP_BYTES];
    struct target_embedding embedding;
};

/* False: it is no chat, or a wrong one. */
static bool read_asked(struct asked *asked, const struct target_admission *admission)
{
    bool is_ours = admission->route == TARGET_ROUTE_CHAT;
    struct target_error ignored;
    struct target_ask ask;
    int length;

    if ((!is_ours && admission->route != TARGET_ROUTE_COMPLETIONS) || !admission->body ||
        !target_ask_parse(&ask, is_ours ? TARGET_ASK_MESSAGE : TARGET_ASK_MESSAGES, admission->body,
                          admission->body_bytes, &ignored)) {
        return false;
    }
    length = snprintf(asked->group, sizeof asked->group, "%d|%llu|%s", is_ours,
                      (unsigned long long)ask.tokens_max, ask.model);
    target_embedding_make(&asked->embedding, ask.message, strlen(ask.message));
    target_ask_deinit(&ask);
    return length < (int)sizeof asked->group;
}

static struct target_outputs_settings settings_now(struct target_outputs *outputs, uint64_t *purges)
{
    struct target_outputs_settings settings;

    pthread_mutex_lock(&outputs->lock);
    settings = outputs->settings;
    *purges = outputs->purges;
    pthread_mutex_unlock(&outputs->lock);
    return settings;
}

/* The least cosine that is given again. */
static double least_of(const struct target_outputs_settings *settings)
{
    switch (settings->serve) {
    case TARGET_CONFIDENCE_HIGH:
        return settings->high;
    case TARGET_CONFIDENCE_MEDIUM:
        return settings->medium;
    default:
        return settings->low;
    }
}

/* Of a request that is answered anew; empty: it names none. */
static void read_topic(char topic[TARGET_NAME_BYTES], const struct target_admission *admission)
{
    const char *at = target_admission_header(admission, TOPIC_HEADER);

    if (!at || !target_names_next(&at, topic)) {
        topic[0] = '\0';
    }
}

static void count(struct target_outputs *outputs, enum target_confidence confidence, bool is_hit)
{
    pthread_mutex_lock(&outputs->lock);
    outputs->asked[confidence]++;
    outputs->hits += is_hit;
    outputs->misses += !is_hit;
    pthread_mutex_unlock(&outputs->lock);
}

static enum target_verdict admit(void *state, struct target_admission *admission,
                                 const struct target_scene *scene)
{
    struct target_outputs *outputs = state;
    struct target_outputs_settings settings;
    enum target_confidence confidence;
    struct target_cache_say *say;
    struct target_near near;
    struct asked asked;
    uint64_t purges;

    if (!atomic_load_explicit(&outputs->is_on, memory_order_relaxed) || admission->is_to_fail ||
        admission->is_personal || !read_asked(&asked, admission)) {
        return TARGET_GO;
    }
    settings = settings_now(outputs, &purges);
    near = target_nearest_find(outputs->nearest, asked.group, &asked.embedding, least_of(&settings),
                               scene->now_ns);
    confidence = target_outputs_confidence(&settings, near.cosine);
    count(outputs, confidence, near.body != NULL);
    say = target_admission_say(admission, target_outputs_system.name,
                               near.body ? TARGET_CACHE_ANSWERED : TARGET_CACHE_URI_MISS);
    if (say) {
        say->ttl_s = near.body ? (near.expires_ns - scene->now_ns) / NS_PER_S : 0;
        snprintf(say->detail, sizeof say->detail, "%s", target_confidence_names[confidence]);
    }
    admission->outputs.say = say;
    if (!near.body) {
        read_topic(near.topic, admission);
    }
    target_outputs_tag(admission->outputs.tag, near.topic);
    admission->outputs.is_missed = !near.body;
    admission->outputs.purges = purges;
    admission->is_body_wanted = admission->is_body_wanted || !near.body;
    admission->result = near.body;
    return near.body ? TARGET_ANSWERED : TARGET_GO;
}

/* Under the lock, as no purge may come in between. */
static bool keep(struct target_outputs *outputs, const struct asked *asked, const char *topic,
                 struct target_body *body, uint64_t now_ns)
{
    return target_nearest_keep(
        outputs->nearest,
        &(struct target_nearest_entry){.group = asked->group,
                                       .topic = topic,
                                       .embedding = &asked->embedding,
                                       .body = body,
                                       .expires_ns = now_ns + outputs->settings.ttl_ns},
        now_ns);
}

static void ended(void *state, struct target_admission *admission,
                  const struct target_outcome *outcome, const struct target_scene *scene)
{
    struct target_outputs *outputs = state;
    char topic[TARGET_NAME_BYTES];
    struct asked asked;
    bool is_kept;

    if (!admission->outputs.is_missed || outcome->status != STATUS_GOOD || !outcome->body ||
        !read_asked(&asked, admission)) {
        return;
    }
    read_topic(topic, admission);
    pthread_mutex_lock(&outputs->lock);
    is_kept = admission->outputs.purges == outputs->purges &&
              keep(outputs, &asked, topic, outcome->body, scene->now_ns);
    pthread_mutex_unlock(&outputs->lock);
    if (admission->outputs.say) {
        admission->outputs.say->is_stored = is_kept;
    }
}

size_t target_outputs_purge(struct target_outputs *outputs, const char *topic,
                            const struct target_scene *scene)
{
    size_t purged;

    pthread_mutex_lock(&outputs->lock);
    outputs->purges++;
    purged = target_nearest_purge(outputs->nearest, topic);
    pthread_mutex_unlock(&outputs->lock);

    target_journal_event(scene->journal, scene->now_ns, scene->now_ns, target_outputs_system.name,
                         "purged", ",\"topic\":\"%s\",\"answers\":%zu", topic ? topic : "", purged);
    return purged;
}

/* ---- the system ---- */

static bool apply(void *state, const void *settings, const struct target_scene *scene)
{
    struct target_outputs *outputs = state;

    pthread_mutex_lock(&outputs->lock);
    outputs->settings = *(const struct target_outputs_settings *)settings;
    pthread_mutex_unlock(&outputs->lock);
    atomic_store_explicit(&outputs->is_on, outputs->settings.entries > 0, memory_order_relaxed);
    target_nearest_set(outputs->nearest, outputs->settings.entries);
    return true;
}

static void *start(const void *settings, uint64_t now_ns)
{
    struct target_outputs *outputs = calloc(1, sizeof *outputs);

    if (!outputs) {
        return NULL;
    }
    outputs->settings = *(const struct target_outputs_settings *)settings;
    atomic_init(&outputs->is_on, outputs->settings.entries > 0);
    outputs->nearest = target_nearest_new(outputs->settings.entries);
    if (!outputs->nearest) {
        free(outputs);
        return NULL;
    }
    pthread_mutex_init(&outputs->lock, NULL);
    return outputs;
}

static void stop(void *state, const struct target_scene *scene)
{
    struct target_outputs *outputs = state;

    target_nearest_free(outputs->nearest);
    pthread_mutex_destroy(&outputs->lock);
    free(outputs);
}

static void figures(void *state, struct target_figures *figures, const struct target_scene *scene)
{
    static const char *const names[TARGET_CONFIDENCES] = {"high", "medium", "low", "none"};
    struct target_outputs *outputs = state;
    struct target_nearest_figures now = target_nearest_figures(outputs->nearest, scene->now_ns);
    const char *name = target_outputs_system.name;

    pthread_mutex_lock(&outputs->lock);
    if (outputs->settings.entries > 0) {
        target_figures_add_cache(figures, &(struct target_cache_figure){.name = name,
                                                                        .hits = outputs->hits,
                                                                        .misses = outputs->misses,
                                                                        .evictions = now.evictions,
                                                                        .bytes = now.bytes});
        for (size_t i = 0; i < TARGET_CONFIDENCES; i++) {
            target_figures_add_event(figures, name, names[i], outputs->asked[i]);
        }
        target_figures_add_event(figures, name, "expired", now.expired);
        target_figures_add_event(figures, name, "purged", now.purged);
    }
    pthread_mutex_unlock(&outputs->lock);
}

const struct target_system target_outputs_system = {
    .name = "outputs",
    .knobs = knobs,
    .knobs_count = sizeof knobs / sizeof knobs[0],
    .settings_bytes = sizeof(struct target_outputs_settings),
    .check = check,
    .start = start,
    .stop = stop,
    .apply = apply,
    .admit = admit,
    .ended = ended,
    .figures = figures,
};
