/* cognitive: see the header. */
#include "cognitive.h"

#include <pthread.h>

#include "draw.h"

#define NO_TYPE TARGET_COGNITIVE_TYPES

/* By type; the limits' names are "cognitive_" and these. */
static const char *const names[TARGET_COGNITIVE_TYPES] = {
    "memory", "reasoning", "grammar", "agent", "multimodal", "membrane", "arena", "echo",
};

static const char *const limit_names[TARGET_COGNITIVE_TYPES] = {
    "cognitive_memory",     "cognitive_reasoning", "cognitive_grammar", "cognitive_agent",
    "cognitive_multimodal", "cognitive_membrane",  "cognitive_arena",   "cognitive_echo",
};

struct cognitive {
    pthread_mutex_t lock;
    struct target_cognitive_settings settings;
    uint64_t inside[TARGET_COGNITIVE_TYPES]; /* now */
    uint64_t asked[TARGET_COGNITIVE_TYPES];  /* so far */
};

/* ---- knobs ---- */

#define LAW(which, of_time, what)                                                                  \
    {                                                                                              \
        .name = "cognitive-" which, .needs = "cognitive", .type = TARGET_KNOB_LAW,                 \
        .offset =                                                                                  \
            offsetof(struct target_cognitive_settings, law) + (what) * sizeof(struct target_law),  \
        .initial = (of_time), .is_live = true,                                                     \
        .text = "with --cognitive: how long /cognitive/" which " takes, written as service-time"   \
    }

static const struct target_knob knobs[] = {
    {.name = "cognitive",
     .type = TARGET_KNOB_FLAG,
     .offset = offsetof(struct target_cognitive_settings, is_on),
     .initial = "off",
     .is_live = true,
     .text = "/cognitive/NAME is there, with a service time of its own for each NAME: memory, "
             "reasoning, grammar, agent, multimodal, membrane, arena, echo"},
    LAW("memory", "lognormal:4ms,0.3", TARGET_COGNITIVE_MEMORY),
    LAW("reasoning", "lognormal:60ms,0.8", TARGET_COGNITIVE_REASONING),
    LAW("grammar", "uniform:6ms,0.5", TARGET_COGNITIVE_GRAMMAR),
    LAW("agent", "exponential:40ms", TARGET_COGNITIVE_AGENT),
    LAW("multimodal", "weibull:80ms,0.7", TARGET_COGNITIVE_MULTIMODAL),
    LAW("membrane", "weibull:5ms,2", TARGET_COGNITIVE_MEMBRANE),
    LAW("arena", "exponential:25ms", TARGET_COGNITIVE_ARENA),
    LAW("echo", "constant:1ms", TARGET_COGNITIVE_ECHO),
};

/* ---- one request ---- */

static enum target_cognitive_type type_of(const char *path)
{
    const char *rest = target_route_rest(TARGET_ROUTE_COGNITIVE, path);
    enum target_cognitive_type type = 0;

    while (type < TARGET_COGNITIVE_TYPES && strcmp(rest, names[type]) != 0) {
        type++;
    }
    return type;
}

const char *target_cognitive_name(const char *path)
{
    enum target_cognitive_type type = type_of(path);

    return type == NO_TYPE ? NULL : names[type];
}

static enum target_verdict refuse(struct target_admission *admission, const char *message)
{
    admission->status = 404;
    admission->refused_by = target_cognitive_system.name;
    admission->message = message;
    return TARGET_REFUSED;
}

static uint64_t draw_ns(const struct target_law *law, const struct target_admission *admission)
{
    return target_law_ns(law, target_draw(admission->seed, admission->index, TARGET_LANE_COGNITIVE),
                         target_draw(admission->seed, admission->index, TARGET_LANE_COGNITIVE_2));
}

static enum target_verdict admit_locked(struct cognitive *cognitive,
                                        struct target_admission *admission)
{
    enum target_cognitive_type type = type_of(admission->path);

    if (!cognitive->settings.is_on) {
        return refuse(admission, "the processing types are off; turn the knob cognitive on");
    }
    if (type == NO_TYPE) {
        return refuse(admission, "there is no such type of processing; try /cognitive/memory");
    }
    cognitive->inside[type]++;
    cognitive->asked[type]++;
    admission->cognitive = names[type];
    admission->service_ns = draw_ns(&cognitive->settings.law[type], admission);
    return TARGET_GO;
}

static enum target_verdict admit(void *state, struct target_admission *admission,
                                 const struct target_scene *scene)
{
    struct cognitive *cognitive = state;
    enum target_verdict verdict;

    if (admission->route != TARGET_ROUTE_COGNITIVE) {
        return TARGET_GO;
    }
    pthread_mutex_lock(&cognitive->lock);
    verdict = admit_locked(cognitive, admission);
    pthread_mutex_unlock(&cognitive->lock);
    return verdict;
}

static void ended(void *state, struct target_admission *admission,
                  const struct target_outcome *outcome, const struct target_scene *scene)
{
    struct cognitive *cognitive = state;

    if (admission->cognitive) {
        pthread_mutex_lock(&cognitive->lock);
        cognitive->inside[type_of(admission->path)]--;
        pthread_mutex_unlock(&cognitive->lock);
    }
}

/* ---- the system ---- */

static bool apply(void *state, const void *settings, const struct target_scene *scene)
{
    struct cognitive *cognitive = state;

    pthread_mutex_lock(&cognitive->lock);
    memcpy(&cognitive->settings, settings, sizeof cognitive->settings);
    pthread_mutex_unlock(&cognitive->lock);
    return true;
}

static void *start(const void *settings, uint64_t now_ns)
{
    struct cognitive *cognitive = calloc(1, sizeof *cognitive);

    if (cognitive) {
        pthread_mutex_init(&cognitive->lock, NULL);
        memcpy(&cognitive->settings, settings, sizeof cognitive->settings);
    }
    return cognitive;
}

static void stop(void *state, const struct target_scene *scene)
{
    struct cognitive *cognitive = state;

    pthread_mutex_destroy(&cognitive->lock);
    free(cognitive);
}

static void figures(void *state, struct target_figures *figures, const struct target_scene *scene)
{
    struct cognitive *cognitive = state;

    pthread_mutex_lock(&cognitive->lock);
    for (size_t i = 0; cognitive->settings.is_on && i < TARGET_COGNITIVE_TYPES; i++) {
        target_figures_add_limit(figures,
                                 &(struct target_limit_figure){.name = limit_names[i],
                                                               .used = cognitive->inside[i],
                                                               .limit = TARGET_UNLIMITED});
        target_figures_add_event(figures, target_cognitive_system.name, names[i],
                                 cognitive->asked[i]);
    }
    pthread_mutex_unlock(&cognitive->lock);
}

const struct target_system target_cognitive_system = {
    .name = "cognitive",
    .knobs = knobs,
    .knobs_count = sizeof knobs / sizeof knobs[0],
    .settings_bytes = sizeof(struct target_cognitive_settings),
    .start = start,
    .stop = stop,
    .apply = apply,
    .admit = admit,
    .ended = ended,
    .figures = figures,
};
