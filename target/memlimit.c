/* memlimit: see the header. The file stays open, so that a service without descriptors can still
 * read it. */
#include "memlimit.h"

#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

#define STATM    "/proc/self/statm"
#define NS_PER_S UINT64_C(1000000000)

struct target_memlimit {
    pthread_mutex_t lock;
    struct target_memlimit_settings settings;
    int statm_fd; /* -1: cannot be read */
    uint64_t read_due_ns;
    uint64_t crossings, refusals;
    _Atomic bool is_above; /* written under the lock; relaxed: only its value matters */
};

/* ---- knobs ---- */

#define FIELD(name) offsetof(struct target_memlimit_settings, name)

static const struct target_knob knobs[] = {
    {.name = "memory-limit",
     .type = TARGET_KNOB_SIZE,
     .offset = FIELD(limit_bytes),
     .initial = "0",
     .is_live = true,
     .text = "while the process has this much resident memory or more, requests with work are "
             "answered 503 with Retry-After; 0: off"},
    {.name = "memory-resume",
     .needs = "memory-limit",
     .type = TARGET_KNOB_SHARE,
     .offset = FIELD(resume),
     .initial = "95%",
     .is_live = true,
     .text = "with --memory-limit: they are served again once it is down to this share of it"},
    {.name = "memory-interval",
     .needs = "memory-limit",
     .type = TARGET_KNOB_DURATION,
     .offset = FIELD(interval_ns),
     .min = 1000000,
     .max = 60 * NS_PER_S,
     .initial = "100ms",
     .is_live = true,
     .text = "with --memory-limit: how often the memory is read"},
};

static bool check(const void *cls, struct target_error *err)
{
    const struct target_memlimit_settings *settings = cls;

    return settings->limit_bytes == 0 || access(STATM, R_OK) == 0 ||
           target_fail(err,
                       "memory-limit: cannot read " STATM "; mount /proc, or try memory-limit 0");
}

/* ---- reading ---- */

/* Resident bytes; 0: they cannot be read. */
static uint64_t resident_bytes(const struct target_memlimit *limit)
{
    unsigned long long size, resident;
    char text[128];
    ssize_t length = pread(limit->statm_fd, text, sizeof text - 1, 0);

    if (length <= 0) {
        return 0;
    }
    text[length] = '\0';
    if (sscanf(text, "%llu %llu", &size, &resident) != 2) {
        return 0;
    }
    return resident * (uint64_t)sysconf(_SC_PAGESIZE);
}

static void cross(struct target_memlimit *limit, bool is_above, uint64_t resident,
                  const struct target_scene *scene)
{
    atomic_store_explicit(&limit->is_above, is_above, memory_order_relaxed);
    limit->crossings += is_above;
    target_journal_event(scene->journal, scene->now_ns, scene->now_ns, target_memlimit_system.name,
                         is_above ? "above" : "below", ",\"bytes\":%" PRIu64 ",\"limit\":%" PRIu64,
                         resident, limit->settings.limit_bytes);
}

static void look(struct target_memlimit *limit, const struct target_scene *scene)
{
    const struct target_memlimit_settings *settings = &limit->settings;
    bool was_above = atomic_load_explicit(&limit->is_above, memory_order_relaxed);
    uint64_t resident = resident_bytes(limit);
    bool is_above = was_above ? (double)resident > settings->resume * (double)settings->limit_bytes
                              : resident >= settings->limit_bytes;

    if (settings->limit_bytes == 0) {
        is_above = false;
    }
    if (is_above != was_above) {
        cross(limit, is_above, resident, scene);
    }
    limit->read_due_ns =
        settings->limit_bytes > 0 ? scene->now_ns + settings->interval_ns : UINT64_MAX;
}

static uint64_t tick(void *state, const struct target_scene *scene)
{
    struct target_memlimit *limit = state;
    uint64_t due_ns;

    pthread_mutex_lock(&limit->lock);
    if (scene->now_ns >= limit->read_due_ns) {
        look(limit, scene);
    }
    due_ns = limit->read_due_ns;
    pthread_mutex_unlock(&limit->lock);
    return due_ns;
}

/* ---- one request ---- */

static enum target_verdict admit(void *state, struct target_admission *admission,
                                 const struct target_scene *scene)
{
    struct target_memlimit *limit = state;

    if (!atomic_load_explicit(&limit->is_above, memory_order_relaxed)) {
        return TARGET_GO;
    }
    pthread_mutex_lock(&limit->lock);
    limit->refusals++;
    admission->retry_after_s = (limit->settings.interval_ns + NS_PER_S - 1) / NS_PER_S;
    pthread_mutex_unlock(&limit->lock);
    admission->status = 503;
    admission->refused_by = target_memlimit_system.name;
    admission->message = "the service is above its memory limit";
    return TARGET_REFUSED;
}

/* ---- the system ---- */

static void *start(const void *settings, uint64_t now_ns)
{
    struct target_memlimit *limit = calloc(1, sizeof *limit);

    if (!limit) {
        return NULL;
    }
    pthread_mutex_init(&limit->lock, NULL);
    limit->settings = *(const struct target_memlimit_settings *)settings;
    limit->statm_fd = open(STATM, O_RDONLY | O_CLOEXEC);
    return limit;
}

static void stop(void *state, const struct target_scene *scene)
{
    struct target_memlimit *limit = state;

    if (limit->statm_fd >= 0) {
        close(limit->statm_fd);
    }
    pthread_mutex_destroy(&limit->lock);
    free(limit);
}

static bool apply(void *state, const void *settings, const struct target_scene *scene)
{
    struct target_memlimit *limit = state;

    pthread_mutex_lock(&limit->lock);
    limit->settings = *(const struct target_memlimit_settings *)settings;
    look(limit, scene);
    pthread_mutex_unlock(&limit->lock);
    return true;
}

static void figures(void *state, struct target_figures *figures, const struct target_scene *scene)
{
    struct target_memlimit *limit = state;

    pthread_mutex_lock(&limit->lock);
    if (limit->settings.limit_bytes > 0) {
        target_figures_add_limit(figures, &(struct target_limit_figure){
                                              .name = "memory",
                                              .used = resident_bytes(limit),
                                              .limit = limit->settings.limit_bytes,
                                              .events = limit->refusals,
                                          });
        target_figures_add_event(figures, target_memlimit_system.name, "above", limit->crossings);
    }
    pthread_mutex_unlock(&limit->lock);
}

const struct target_system target_memlimit_system = {
    .name = "memory_limit",
    .knobs = knobs,
    .knobs_count = sizeof knobs / sizeof knobs[0],
    .settings_bytes = sizeof(struct target_memlimit_settings),
    .check = check,
    .start = start,
    .stop = stop,
    .apply = apply,
    .admit = admit,
    .tick = tick,
    .figures = figures,
};
