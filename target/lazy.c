/* lazy: see the header. */
#include "lazy.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>

#define NS_PER_S UINT64_C(1000000000)

struct lazy {
    atomic_bool is_on;    /* relaxed: a request may miss a change that is made while it comes */
    pthread_mutex_t lock; /* of what follows */
    struct target_lazy_settings settings;
    uint64_t ready_ns; /* the load ends, or ended; 0: not loaded */
    uint64_t used_ns;  /* last */
    uint64_t loads, unloads, waits, waiters;
};

/* ---- knobs ---- */

#define FIELD(name) offsetof(struct target_lazy_settings, name)

static const struct target_knob knobs[] = {
    {.name = "lazy",
     .type = TARGET_KNOB_DURATION,
     .offset = FIELD(load_ns),
     .max = 3600 * NS_PER_S,
     .initial = "0",
     .is_live = true,
     .text = "what requests with work need is loaded when the first of them comes, and takes so "
             "long; who comes meanwhile waits for the same load; 0: off, and unloaded"},
    {.name = "lazy-idle",
     .needs = "lazy",
     .type = TARGET_KNOB_DURATION,
     .offset = FIELD(idle_ns),
     .max = 86400 * NS_PER_S,
     .initial = "0",
     .is_live = true,
     .text = "with --lazy: it is unloaded when nobody needed it for so long; 0: never"},
};

/* ---- one request ---- */

static void unload_if_idle(struct lazy *lazy, const struct target_scene *scene)
{
    uint64_t idle_from = lazy->used_ns > lazy->ready_ns ? lazy->used_ns : lazy->ready_ns;

    if (lazy->ready_ns > 0 && lazy->settings.idle_ns > 0 &&
        scene->now_ns >= idle_from + lazy->settings.idle_ns) {
        target_journal_event(scene->journal, scene->now_ns, idle_from + lazy->settings.idle_ns,
                             target_lazy_system.name, "unload", ",\"idle_ns\":%" PRIu64,
                             lazy->settings.idle_ns);
        lazy->ready_ns = 0;
        lazy->unloads++;
    }
}

static void load(struct lazy *lazy, const struct target_scene *scene)
{
    lazy->ready_ns = scene->now_ns + lazy->settings.load_ns;
    lazy->loads++;
    target_journal_event(scene->journal, scene->now_ns, scene->now_ns, target_lazy_system.name,
                         "load", ",\"load_ns\":%" PRIu64, lazy->settings.load_ns);
}

static enum target_verdict wait_for_load(struct lazy *lazy, struct target_admission *admission,
                                         uint64_t now_ns)
{
    admission->lazy.is_waiting = true;
    admission->lazy.since_ns = now_ns;
    admission->later_ns = lazy->ready_ns;
    lazy->waiters++;
    lazy->waits++;
    return TARGET_LATER;
}

static void end_wait(struct lazy *lazy, struct target_admission *admission, uint64_t now_ns)
{
    admission->lazy.is_waiting = false;
    lazy->waiters--;
    target_admission_span(admission, "lazy", now_ns - admission->lazy.since_ns, 0);
}

static enum target_verdict ask(struct lazy *lazy, struct target_admission *admission,
                               const struct target_scene *scene)
{
    if (admission->lazy.is_waiting) {
        end_wait(lazy, admission, scene->now_ns);
        lazy->used_ns = scene->now_ns;
        return TARGET_GO;
    }
    if (lazy->settings.load_ns == 0) {
        return TARGET_GO;
    }
    unload_if_idle(lazy, scene);
    if (lazy->ready_ns == 0) {
        load(lazy, scene);
    }
    if (scene->now_ns < lazy->ready_ns) {
        return wait_for_load(lazy, admission, scene->now_ns);
    }
    lazy->used_ns = scene->now_ns > lazy->used_ns ? scene->now_ns : lazy->used_ns;
    return TARGET_GO;
}

static enum target_verdict work(void *state, struct target_admission *admission,
                                const struct target_scene *scene)
{
    struct lazy *lazy = state;
    enum target_verdict verdict;

    if (!atomic_load_explicit(&lazy->is_on, memory_order_relaxed) && !admission->lazy.is_waiting) {
        return TARGET_GO;
    }
    pthread_mutex_lock(&lazy->lock);
    verdict = ask(lazy, admission, scene);
    pthread_mutex_unlock(&lazy->lock);
    return verdict;
}

/* Given up while it waited? */
static void ended(void *state, struct target_admission *admission,
                  const struct target_outcome *outcome, const struct target_scene *scene)
{
    struct lazy *lazy = state;

    if (admission->lazy.is_waiting) {
        pthread_mutex_lock(&lazy->lock);
        end_wait(lazy, admission, scene->now_ns);
        pthread_mutex_unlock(&lazy->lock);
    }
}

/* ---- the system ---- */

static bool apply(void *state, const void *settings, const struct target_scene *scene)
{
    struct lazy *lazy = state;

    pthread_mutex_lock(&lazy->lock);
    lazy->settings = *(const struct target_lazy_settings *)settings;
    atomic_store_explicit(&lazy->is_on, lazy->settings.load_ns > 0, memory_order_relaxed);
    if (lazy->settings.load_ns == 0) {
        lazy->ready_ns = 0;
    }
    pthread_mutex_unlock(&lazy->lock);
    return true;
}

static void *start(const void *settings, uint64_t now_ns)
{
    struct lazy *lazy = calloc(1, sizeof *lazy);

    if (lazy) {
        pthread_mutex_init(&lazy->lock, NULL);
        lazy->settings = *(const struct target_lazy_settings *)settings;
        atomic_init(&lazy->is_on, lazy->settings.load_ns > 0);
    }
    return lazy;
}

static void stop(void *state, const struct target_scene *scene)
{
    struct lazy *lazy = state;

    pthread_mutex_destroy(&lazy->lock);
    free(lazy);
}

static void figures(void *state, struct target_figures *figures, const struct target_scene *scene)
{
    struct lazy *lazy = state;

    pthread_mutex_lock(&lazy->lock);
    if (lazy->settings.load_ns > 0) {
        unload_if_idle(lazy, scene);
        target_figures_add_limit(figures,
                                 &(struct target_limit_figure){
                                     .name = "lazy",
                                     .used = lazy->ready_ns > 0 && scene->now_ns >= lazy->ready_ns,
                                     .limit = 1,
                                     .waiters = lazy->waiters,
                                     .events = lazy->waits});
        target_figures_add_event(figures, target_lazy_system.name, "load", lazy->loads);
        target_figures_add_event(figures, target_lazy_system.name, "unload", lazy->unloads);
    }
    pthread_mutex_unlock(&lazy->lock);
}

const struct target_system target_lazy_system = {
    .name = "lazy",
    .knobs = knobs,
    .knobs_count = sizeof knobs / sizeof knobs[0],
    .settings_bytes = sizeof(struct target_lazy_settings),
    .start = start,
    .stop = stop,
    .apply = apply,
    .work = work,
    .ended = ended,
    .figures = figures,
};
