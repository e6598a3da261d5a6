/* step: see the header. */
#include "step.h"

#include <stdatomic.h>

#include "cache.h"
#include "threadcpu.h"

#define NS_PER_S    UINT64_C(1000000000)
#define ENTRIES_MAX UINT64_C(1000000)
#define FNV_BASIS   UINT64_C(0xcbf29ce484222325)
#define FNV_PRIME   UINT64_C(0x100000001b3)
#define ROUND       4096 /* bytes hashed between two looks at the clock */
#define KEY_BYTES   4096 /* longer texts are not memoised */

struct step {
    struct target_cache *memo;
    _Atomic uint64_t cpu_ns, entries, ttl_ns; /* relaxed: a request may miss a change */
    _Atomic uint64_t computed;
};

/* ---- knobs ---- */

#define FIELD(name) offsetof(struct target_step_settings, name)

static const struct target_knob knobs[] = {
    {.name = "step",
     .type = TARGET_KNOB_DURATION,
     .offset = FIELD(cpu_ns),
     .max = NS_PER_S,
     .initial = "0",
     .is_live = true,
     .text = "CPU time that each request with work costs, by computing: as a tokeniser or a "
             "template does; 0: none"},
    {.name = "memo",
     .needs = "step",
     .type = TARGET_KNOB_COUNT,
     .offset = FIELD(memo),
     .max = ENTRIES_MAX,
     .initial = "0",
     .is_live = true,
     .text = "with --step: results that are kept by the request's text, so that the next one with "
             "it does not compute; 0: none"},
    {.name = "memo-ttl",
     .needs = "memo",
     .type = TARGET_KNOB_DURATION,
     .offset = FIELD(ttl_ns),
     .min = 1000000,
     .max = 86400 * NS_PER_S,
     .initial = "60s",
     .is_live = true,
     .text = "with --memo: how long a result is kept at most"},
};

/* ---- one request ---- */

struct text { /* that is computed from; borrowed */
    const char *bytes;
    size_t count;
};

static struct text text_of(const struct target_admission *admission)
{
    if (admission->body) {
        return (struct text){.bytes = admission->body, .count = admission->body_bytes};
    }
    return (struct text){.bytes = admission->path, .count = strlen(admission->path)};
}

/* Hashes the text again and again until so much CPU time was spent. Returns how much was. */
static uint64_t compute(const struct text *text, uint64_t cpu_ns)
{
    uint64_t begin_ns = target_threadcpu_ns(), spent_ns = 0;
    volatile uint64_t hash = FNV_BASIS;

    for (size_t i = 0; spent_ns < cpu_ns; i++) {
        unsigned char c = text->count > 0 ? (unsigned char)text->bytes[i % text->count] : 0;

        hash = (hash ^ c) * FNV_PRIME;
        if (i % ROUND == ROUND - 1) {
            spent_ns = target_threadcpu_ns() - begin_ns;
        }
    }
    return spent_ns;
}

/* False: it is too long, or has a 0 in it. */
static bool make_key(const struct text *text, char key[KEY_BYTES])
{
    if (text->count >= KEY_BYTES || memchr(text->bytes, '\0', text->count)) {
        return false;
    }
    memcpy(key, text->bytes, text->count);
    key[text->count] = '\0';
    return true;
}

static bool is_remembered(struct step *step, const char *key, uint64_t now_ns)
{
    const struct target_cache_entry *entry = target_cache_peek(step->memo, key, now_ns);

    if (entry) {
        target_cache_release(step->memo, entry);
    }
    return entry != NULL;
}

static void remember(struct step *step, const char *key, uint64_t cost, uint64_t now_ns)
{
    struct target_cache_ask ask = {.key = key, .is_counted = true, .now_ns = now_ns};
    struct target_cache_load load = {
        .bytes = strlen(key),
        .cost = cost,
        .ttl_ns = atomic_load_explicit(&step->ttl_ns, memory_order_relaxed),
    };
    const struct target_cache_entry *entry;
    enum target_cache_found found = target_cache_find(step->memo, &ask, &entry);

    if (found == TARGET_CACHE_LOAD) {
        (void)!target_cache_fill(step->memo, entry, &load, now_ns); /* nobody waits in it */
    }
    if (found == TARGET_CACHE_LOAD || found == TARGET_CACHE_HIT) {
        target_cache_release(step->memo, entry);
    }
}

static uint64_t run(struct step *step, const struct target_admission *admission, uint64_t cpu_ns,
                    uint64_t now_ns)
{
    struct text text = text_of(admission);
    char key[KEY_BYTES];
    bool is_memoised =
        atomic_load_explicit(&step->entries, memory_order_relaxed) > 0 && make_key(&text, key);
    uint64_t begin_ns = target_threadcpu_ns();

    if (is_memoised && is_remembered(step, key, now_ns)) {
        return target_threadcpu_ns() - begin_ns;
    }
    compute(&text, cpu_ns);
    atomic_fetch_add_explicit(&step->computed, 1, memory_order_relaxed);
    if (is_memoised) {
        remember(step, key, cpu_ns, now_ns);
    }
    return target_threadcpu_ns() - begin_ns;
}

static enum target_verdict work(void *state, struct target_admission *admission,
                                const struct target_scene *scene)
{
    struct step *step = state;
    uint64_t cpu_ns = atomic_load_explicit(&step->cpu_ns, memory_order_relaxed);

    if (cpu_ns > 0) {
        target_admission_span(admission, "step", 0, run(step, admission, cpu_ns, scene->now_ns));
    }
    return TARGET_GO;
}

/* ---- the system ---- */

static void take_settings(struct step *step, const struct target_step_settings *settings,
                          uint64_t now_ns)
{
    atomic_store_explicit(&step->cpu_ns, settings->cpu_ns, memory_order_relaxed);
    atomic_store_explicit(&step->entries, settings->memo, memory_order_relaxed);
    atomic_store_explicit(&step->ttl_ns, settings->ttl_ns, memory_order_relaxed);
    if (settings->memo == 0) {
        target_cache_clear(step->memo);
    }
    target_cache_set(step->memo, settings->memo > 0 ? UINT64_MAX : 0, TARGET_CACHE_LRU, now_ns);
    target_cache_set_entries(step->memo, settings->memo);
}

static bool apply(void *state, const void *settings, const struct target_scene *scene)
{
    take_settings(state, settings, scene->now_ns);
    return true;
}

static void *start(const void *settings, uint64_t now_ns)
{
    struct step *step = calloc(1, sizeof *step);
    struct target_cache_options options = {.policy = TARGET_CACHE_LRU};

    if (!step) {
        return NULL;
    }
    step->memo = target_cache_new(&options);
    if (!step->memo) {
        free(step);
        return NULL;
    }
    take_settings(step, settings, now_ns);
    return step;
}

static void stop(void *state, const struct target_scene *scene)
{
    struct step *step = state;

    target_cache_free(step->memo);
    free(step);
}

static void figures(void *state, struct target_figures *figures, const struct target_scene *scene)
{
    struct step *step = state;

    if (atomic_load_explicit(&step->cpu_ns, memory_order_relaxed) == 0) {
        return;
    }
    target_figures_add_event(figures, target_step_system.name, "computed",
                             atomic_load_explicit(&step->computed, memory_order_relaxed));
    target_cache_tell(step->memo, "memo", figures, scene->now_ns);
}

const struct target_system target_step_system = {
    .name = "step",
    .knobs = knobs,
    .knobs_count = sizeof knobs / sizeof knobs[0],
    .settings_bytes = sizeof(struct target_step_settings),
    .start = start,
    .stop = stop,
    .apply = apply,
    .work = work,
    .figures = figures,
};
