/* batching: see the header. */
#include "batching.h"

#include <pthread.h>
#include <stdatomic.h>

#include "alarm.h"
#include "keytable.h"

#define NS_PER_S UINT64_C(1000000000)

struct batching {
    pthread_mutex_t lock;
    struct target_batcher batcher;
    atomic_bool is_on; /* written under the lock; read without, to see that it is off */
    struct target_alarm *alarm;
};

/* ---- knobs ---- */

#define FIELD(name) offsetof(struct target_batch_options, name)

static const struct target_knob knobs[] = {
    {.name = "batch",
     .type = TARGET_KNOB_COUNT,
     .offset = FIELD(size_max),
     .max = TARGET_BATCH_SIZE_MAX,
     .initial = "0",
     .is_live = true,
     .text = "requests with work are done in batches of at most so many, one batch at a time; 0: "
             "off"},
    {.name = "batch-wait",
     .needs = "batch",
     .type = TARGET_KNOB_DURATION,
     .offset = FIELD(wait_ns),
     .max = 60 * NS_PER_S,
     .initial = "10ms",
     .is_live = true,
     .text = "with --batch: how long the first of a batch waits for others"},
    {.name = "batch-time",
     .needs = "batch",
     .type = TARGET_KNOB_DURATION,
     .offset = FIELD(base_ns),
     .max = 60 * NS_PER_S,
     .initial = "20ms",
     .is_live = true,
     .text = "with --batch: how long a batch takes, whatever its size"},
    {.name = "batch-item",
     .needs = "batch",
     .type = TARGET_KNOB_DURATION,
     .offset = FIELD(item_ns),
     .max = 60 * NS_PER_S,
     .initial = "1ms",
     .is_live = true,
     .text = "with --batch: and how much longer for each in it"},
};

/* ---- one request ---- */

#define ADMISSION(waiter_of)                                                                       \
    TARGET_OWNER(TARGET_OWNER(waiter_of, struct target_batch_member, waiter),                      \
                 struct target_admission, batch)

static void resume_all(struct target_waiter *done)
{
    struct target_waiter *next;

    for (; done; done = next) {
        struct target_admission *admission = ADMISSION(done);
        const struct target_batch_member *member = &admission->batch;

        next = done->next;
        target_admission_span(admission, "batch", member->begin_ns - member->since_ns,
                              member->end_ns - member->begin_ns);
        target_resume(admission);
    }
}

/* On the alarm's thread. */
static uint64_t ring(void *cls, uint64_t now_ns)
{
    struct batching *batching = cls;
    struct target_waiter *done;
    uint64_t due_ns;

    pthread_mutex_lock(&batching->lock);
    done = target_batcher_advance(&batching->batcher, now_ns);
    due_ns = target_batcher_due_ns(&batching->batcher);
    pthread_mutex_unlock(&batching->lock);
    resume_all(done);
    return due_ns;
}

static enum target_verdict work(void *state, struct target_admission *admission,
                                const struct target_scene *scene)
{
    struct batching *batching = state;
    bool is_set = true, is_on;

    if (!atomic_load_explicit(&batching->is_on, memory_order_relaxed)) {
        return TARGET_GO;
    }
    pthread_mutex_lock(&batching->lock);
    is_on = atomic_load_explicit(&batching->is_on, memory_order_relaxed);
    if (is_on) {
        target_batcher_add(&batching->batcher, &admission->batch, scene->now_ns);
        is_set = target_alarm_at(batching->alarm, target_batcher_due_ns(&batching->batcher));
        if (!is_set) {
            (void)!target_batcher_leave(&batching->batcher, &admission->batch);
        }
    }
    pthread_mutex_unlock(&batching->lock);
    return !is_on ? TARGET_GO : is_set ? TARGET_WAITS : TARGET_NO_MEMORY;
}

static bool leave(void *state, struct target_admission *admission)
{
    struct batching *batching = state;
    bool is_left;

    pthread_mutex_lock(&batching->lock);
    is_left = target_batcher_leave(&batching->batcher, &admission->batch);
    pthread_mutex_unlock(&batching->lock);
    return is_left;
}

/* ---- the system ---- */

/* Turned off, those that wait are done one last time, in batches of as many as may be. */
static void take_settings(struct batching *batching, const struct target_batch_options *options)
{
    uint64_t size_max = options->size_max;

    atomic_store_explicit(&batching->is_on, size_max > 0, memory_order_relaxed);
    batching->batcher.options = *options;
    batching->batcher.options.size_max = size_max ? size_max : TARGET_BATCH_SIZE_MAX;
}

static bool apply(void *state, const void *settings, const struct target_scene *scene)
{
    struct batching *batching = state;

    pthread_mutex_lock(&batching->lock);
    take_settings(batching, settings);
    (void)!target_alarm_at(batching->alarm, target_batcher_due_ns(&batching->batcher));
    pthread_mutex_unlock(&batching->lock);
    return true;
}

static void stop(void *state, const struct target_scene *scene)
{
    struct batching *batching = state;

    target_alarm_free(batching->alarm);
    pthread_mutex_destroy(&batching->lock);
    free(batching);
}

static void *start(const void *settings, uint64_t now_ns)
{
    struct batching *batching = calloc(1, sizeof *batching);

    if (!batching) {
        return NULL;
    }
    pthread_mutex_init(&batching->lock, NULL);
    take_settings(batching, settings);
    batching->alarm = target_alarm_new(ring, batching);
    if (!batching->alarm) {
        stop(batching, NULL);
        return NULL;
    }
    return batching;
}

static void add_figures(const struct target_batcher *batcher, struct target_figures *figures)
{
    struct target_histogram_figure sizes = {.name = "batch_size", .sum = batcher->members};

    for (size_t i = 0; i < TARGET_BATCH_BUCKETS; i++) {
        target_histogram_add(&sizes, (double)(UINT64_C(1) << i), batcher->by_size[i]);
    }
    target_figures_add_histogram(figures, &sizes);
    target_figures_add_limit(figures,
                             &(struct target_limit_figure){.name = "batch",
                                                           .used = batcher->doing.count,
                                                           .limit = batcher->options.size_max,
                                                           .waiters = batcher->waiting.count,
                                                           .events = batcher->members});
}

static void figures(void *state, struct target_figures *figures, const struct target_scene *scene)
{
    struct batching *batching = state;

    pthread_mutex_lock(&batching->lock);
    if (atomic_load_explicit(&batching->is_on, memory_order_relaxed)) {
        add_figures(&batching->batcher, figures);
    }
    pthread_mutex_unlock(&batching->lock);
}

const struct target_system target_batching_system = {
    .name = "batch",
    .knobs = knobs,
    .knobs_count = sizeof knobs / sizeof knobs[0],
    .settings_bytes = sizeof(struct target_batch_options),
    .start = start,
    .stop = stop,
    .apply = apply,
    .work = work,
    .leave = leave,
    .figures = figures,
};
