/* trim: see the header. */
#include "trim.h"

#include <inttypes.h>
#include <malloc.h>
#include <pthread.h>
#include <unistd.h>

#define NS_PER_S     UINT64_C(1000000000)
#define REQUESTS_MAX UINT64_C(1000000)

struct target_trim {
    pthread_mutex_t lock;
    struct target_trim_settings settings;
    struct target_request_store *requests; /* NULL: not attached; its own lock */
    uint64_t due_ns;                       /* 0: not planned */
    uint64_t trims, freed_bytes;
};

/* ---- knobs ---- */

static const struct target_knob knobs[] = {
    {.name = "trim-interval",
     .type = TARGET_KNOB_DURATION,
     .offset = offsetof(struct target_trim_settings, interval_ns),
     .max = 86400 * NS_PER_S,
     .initial = "0",
     .is_live = true,
     .text = "how often memory that was freed is given back to the kernel, as POST /admin/trim "
             "does; 0: only then"},
    {.name = "request-pool",
     .type = TARGET_KNOB_COUNT,
     .offset = offsetof(struct target_trim_settings, request_pool),
     .max = REQUESTS_MAX,
     .word = "unlimited",
     .word_value = TARGET_UNLIMITED,
     .initial = "unlimited",
     .is_live = true,
     .text = "requests that are over whose memory, with that of their bodies, is kept for the next "
             "ones until it is trimmed; 0: each one's is freed"},
};

/* ---- trimming ---- */

static uint64_t resident_bytes(void)
{
    FILE *file = fopen("/proc/self/statm", "re");
    unsigned long long size, resident = 0;

    if (file) {
        if (fscanf(file, "%llu %llu", &size, &resident) != 2) {
            resident = 0;
        }
        fclose(file);
    }
    return (uint64_t)resident * (uint64_t)sysconf(_SC_PAGESIZE);
}

struct target_trimmed target_trim_now(struct target_trim *trim, const struct target_scene *scene,
                                      const char *why)
{
    struct target_trimmed trimmed = {.before_bytes = resident_bytes()};

    if (trim->requests) {
        target_request_store_trim(trim->requests);
    }
    malloc_trim(0);
    trimmed.after_bytes = resident_bytes();
    pthread_mutex_lock(&trim->lock);
    trim->trims++;
    if (trimmed.after_bytes < trimmed.before_bytes) {
        trim->freed_bytes += trimmed.before_bytes - trimmed.after_bytes;
    }
    pthread_mutex_unlock(&trim->lock);
    target_journal_event(scene->journal, scene->now_ns, scene->now_ns, target_trim_system.name,
                         "trim",
                         ",\"why\":\"%s\",\"before_bytes\":%" PRIu64 ",\"after_bytes\":%" PRIu64,
                         why, trimmed.before_bytes, trimmed.after_bytes);
    return trimmed;
}

/* True: it is time. `*due_ns`: when it is next. */
static bool is_due(struct target_trim *trim, uint64_t now_ns, uint64_t *due_ns)
{
    uint64_t interval_ns;
    bool is_time;

    pthread_mutex_lock(&trim->lock);
    interval_ns = trim->settings.interval_ns;
    is_time = interval_ns > 0 && trim->due_ns > 0 && now_ns >= trim->due_ns;
    if (interval_ns == 0) {
        trim->due_ns = 0;
    } else if (is_time || trim->due_ns == 0 || trim->due_ns > now_ns + interval_ns) {
        trim->due_ns = now_ns + interval_ns;
    }
    *due_ns = trim->due_ns ? trim->due_ns : UINT64_MAX;
    pthread_mutex_unlock(&trim->lock);
    return is_time;
}

static uint64_t tick(void *state, const struct target_scene *scene)
{
    uint64_t due_ns;

    if (is_due(state, scene->now_ns, &due_ns)) {
        target_trim_now(state, scene, "interval");
    }
    return due_ns;
}

/* ---- the system ---- */

static bool apply(void *state, const void *settings, const struct target_scene *scene)
{
    const struct target_trim_settings *wanted = settings;
    struct target_trim *trim = state;

    pthread_mutex_lock(&trim->lock);
    trim->settings = *wanted;
    pthread_mutex_unlock(&trim->lock);
    if (trim->requests) {
        target_request_store_set(trim->requests, wanted->request_pool);
    }
    return true;
}

void target_trim_attach(struct target_trim *trim, struct target_request_store *requests)
{
    trim->requests = requests;
    target_request_store_set(requests, trim->settings.request_pool);
}

static void *start(const void *settings, uint64_t now_ns)
{
    struct target_trim *trim = calloc(1, sizeof *trim);

    if (trim) {
        pthread_mutex_init(&trim->lock, NULL);
        trim->settings = *(const struct target_trim_settings *)settings;
    }
    return trim;
}

static void stop(void *state, const struct target_scene *scene)
{
    struct target_trim *trim = state;

    pthread_mutex_destroy(&trim->lock);
    free(trim);
}

static void add_pool(struct target_request_store *requests, struct target_figures *figures)
{
    struct target_request_stored now = target_request_store_now(requests);

    target_figures_add_limit(figures, &(struct target_limit_figure){.name = "request_pool",
                                                                    .used = now.used,
                                                                    .limit = now.used + now.kept,
                                                                    .events = now.made});
}

static void figures(void *state, struct target_figures *figures, const struct target_scene *scene)
{
    struct target_trim *trim = state;
    struct mallinfo2 heap;

    if (trim->requests) {
        add_pool(trim->requests, figures);
    }
    pthread_mutex_lock(&trim->lock);
    if (trim->settings.interval_ns > 0 || trim->trims > 0) {
        heap = mallinfo2();
        target_figures_add_limit(
            figures,
            &(struct target_limit_figure){.name = "heap", /* in use, of what the allocator has */
                                          .used = heap.uordblks + heap.hblkhd,
                                          .limit = heap.uordblks + heap.hblkhd + heap.fordblks});
        target_figures_add_event(figures, target_trim_system.name, "trim", trim->trims);
        target_figures_add_event(figures, target_trim_system.name, "freed_byte", trim->freed_bytes);
    }
    pthread_mutex_unlock(&trim->lock);
}

const struct target_system target_trim_system = {
    .name = "trim",
    .knobs = knobs,
    .knobs_count = sizeof knobs / sizeof knobs[0],
    .settings_bytes = sizeof(struct target_trim_settings),
    .start = start,
    .stop = stop,
    .apply = apply,
    .tick = tick,
    .figures = figures,
};
