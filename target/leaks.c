/*
 * leaks: the memory is one private mapping that grows; each of its pages is written to, and so is
 * resident. It is kept from huge pages, so that resident
 * memory grows by what is written to and not by 2 MiB.
 */
#include "leaks.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <unistd.h>

#include "law.h"

#define TICK_NS  UINT64_C(20000000)
#define FDS_ROOM 256 /* at first */

/* Why one kind does not grow, so that it is told once. */
struct bound {
    bool is_at_max, is_refused;
    uint64_t refusals; /* times that the system began to refuse more */
};

struct target_leaks {
    pthread_mutex_t lock;
    struct target_leak leak;
    struct target_leak_rates rates;
    char *memory; /* NULL: none */
    uint64_t memory_bytes, page_bytes;
    int *fd;
    uint64_t fds, fds_room;
    struct bound memory_bound, fds_bound;
    _Atomic bool creeps; /* relaxed: only its value matters */
};

/* ---- knobs ---- */

#define FIELD(name) offsetof(struct target_leak_rates, name)

static const struct target_knob knobs[] = {
    {.name = "leak-memory",
     .type = TARGET_KNOB_SIZE,
     .offset = FIELD(bytes_per_s),
     .max = UINT64_C(1) << 30,
     .initial = "0",
     .is_live = true,
     .text = "memory that the service loses each second; 0: off, and what was lost comes back"},
    {.name = "leak-memory-max",
     .type = TARGET_KNOB_SIZE,
     .offset = FIELD(bytes_max),
     .initial = "256m",
     .is_live = true,
     .text = "--leak-memory ends at so much in all"},
    {.name = "leak-fds",
     .type = TARGET_KNOB_COUNT,
     .offset = FIELD(fds_per_s),
     .max = 100000,
     .initial = "0",
     .is_live = true,
     .text = "file descriptors that the service loses each second; 0: off, and all are closed"},
    {.name = "leak-fds-max",
     .type = TARGET_KNOB_COUNT,
     .offset = FIELD(fds_max),
     .max = 10000000,
     .initial = "1000",
     .is_live = true,
     .text = "--leak-fds ends at so many in all"},
    {.name = "leak-latency",
     .type = TARGET_KNOB_SHARE,
     .offset = FIELD(creep_per_min),
     .max = 1000,
     .initial = "0",
     .is_live = true,
     .text = "2%: each minute adds 2% of the drawn service time to it; 0: off, and times are as "
             "drawn again"},
};

/* ---- telling ---- */

static void tell(const struct target_scene *scene, const char *event, const char *member,
                 uint64_t value)
{
    target_journal_event(scene->journal, scene->now_ns, scene->now_ns, target_leaks_system.name,
                         event, ",\"%s\":%" PRIu64, member, value);
}

/* True if it is news. */
static bool note_refused(struct bound *bound, bool is_refused)
{
    bool is_new = is_refused && !bound->is_refused;

    bound->is_refused = is_refused;
    bound->refusals += is_new;
    return is_new;
}

static bool note_at_max(struct bound *bound, bool is_at_max)
{
    bool is_new = is_at_max && !bound->is_at_max;

    bound->is_at_max = is_at_max;
    return is_new;
}

static void grow_again(struct bound *bound)
{
    bound->is_at_max = bound->is_refused = false;
}

/* ---- memory ---- */

static char *grow_mapping(char *memory, uint64_t bytes, uint64_t wanted)
{
    void *grown =
        memory ? mremap(memory, bytes, wanted, MREMAP_MAYMOVE)
               : mmap(NULL, wanted, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (grown == MAP_FAILED) {
        return NULL;
    }
    if (!memory) {
        madvise(grown, wanted, MADV_NOHUGEPAGE);
    }
    return grown;
}

/* Whole pages; false: the system gives no more. */
static bool take_memory(struct target_leaks *leaks, uint64_t due)
{
    uint64_t wanted = due / leaks->page_bytes * leaks->page_bytes;
    char *memory;

    if (wanted <= leaks->memory_bytes) {
        return true;
    }
    memory = grow_mapping(leaks->memory, leaks->memory_bytes, wanted);
    if (!memory) {
        return false;
    }
    for (uint64_t at = leaks->memory_bytes; at < wanted; at += leaks->page_bytes) {
        memory[at] = 1;
    }
    leaks->memory = memory;
    leaks->memory_bytes = wanted;
    return true;
}

static void give_memory_back(struct target_leaks *leaks)
{
    if (leaks->memory) {
        munmap(leaks->memory, leaks->memory_bytes);
    }
    leaks->memory = NULL;
    leaks->memory_bytes = 0;
    grow_again(&leaks->memory_bound);
}

/* ---- descriptors ---- */

static bool reserve_fd(struct target_leaks *leaks)
{
    uint64_t room = leaks->fds_room ? leaks->fds_room * 2 : FDS_ROOM;
    int *fd;

    if (leaks->fds < leaks->fds_room) {
        return true;
    }
    fd = realloc(leaks->fd, room * sizeof *fd);
    if (!fd) {
        return false;
    }
    leaks->fd = fd;
    leaks->fds_room = room;
    return true;
}

/* False: the system gives no more. */
static bool take_fds(struct target_leaks *leaks, uint64_t due)
{
    while (leaks->fds < due) {
        int fd = reserve_fd(leaks) ? open("/dev/null", O_RDONLY | O_CLOEXEC) : -1;

        if (fd < 0) {
            return false;
        }
        leaks->fd[leaks->fds++] = fd;
    }
    return true;
}

static void close_fds(struct target_leaks *leaks)
{
    while (leaks->fds > 0) {
        close(leaks->fd[--leaks->fds]);
    }
    grow_again(&leaks->fds_bound);
}

/* ---- as time goes on ---- */

static bool grows(uint64_t rate, const struct bound *bound)
{
    return rate > 0 && !bound->is_at_max;
}

static void leak_memory(struct target_leaks *leaks, uint64_t due, const struct target_scene *scene)
{
    bool is_taken = take_memory(leaks, due);

    if (note_refused(&leaks->memory_bound, !is_taken)) {
        tell(scene, "memory_refused", "bytes", leaks->memory_bytes);
    }
    if (note_at_max(&leaks->memory_bound, is_taken && due >= leaks->rates.bytes_max)) {
        tell(scene, "memory_max", "bytes", leaks->memory_bytes);
    }
}

static void leak_fds(struct target_leaks *leaks, uint64_t due, const struct target_scene *scene)
{
    bool is_taken = take_fds(leaks, due);

    if (note_refused(&leaks->fds_bound, !is_taken)) {
        tell(scene, "fds_refused", "fds", leaks->fds);
    }
    if (note_at_max(&leaks->fds_bound, is_taken && due >= leaks->rates.fds_max)) {
        tell(scene, "fds_max", "fds", leaks->fds);
    }
}

static uint64_t tick(void *state, const struct target_scene *scene)
{
    struct target_leaks *leaks = state;
    bool is_memory, is_fds;

    pthread_mutex_lock(&leaks->lock);
    is_memory = grows(leaks->rates.bytes_per_s, &leaks->memory_bound);
    is_fds = grows(leaks->rates.fds_per_s, &leaks->fds_bound);
    if (is_memory || is_fds) {
        struct target_leak_due due = target_leak_due(&leaks->leak, scene->now_ns);

        if (is_memory) {
            leak_memory(leaks, due.bytes, scene);
        }
        if (is_fds) {
            leak_fds(leaks, due.fds, scene);
        }
    }
    pthread_mutex_unlock(&leaks->lock);
    return is_memory || is_fds ? scene->now_ns + TICK_NS : UINT64_MAX;
}

static enum target_verdict admit(void *state, struct target_admission *admission,
                                 const struct target_scene *scene)
{
    struct target_leaks *leaks = state;
    double factor;

    if (admission->service_ns > 0 && atomic_load_explicit(&leaks->creeps, memory_order_relaxed)) {
        factor = target_leak_due(&leaks->leak, scene->now_ns).latency_factor;
        admission->service_ns =
            (uint64_t)fmin((double)admission->service_ns * factor, (double)TARGET_LAW_NS_MAX);
    }
    return TARGET_GO;
}

/* ---- the system ---- */

static void set(struct target_leaks *leaks, const struct target_leak_rates *rates, uint64_t now_ns)
{
    leaks->rates = *rates;
    leaks->memory_bound.is_at_max = false;
    leaks->fds_bound.is_at_max = false;
    target_leak_set(&leaks->leak, rates, now_ns);
    atomic_store_explicit(&leaks->creeps, rates->creep_per_min > 0, memory_order_relaxed);
}

static void *start(const void *settings, uint64_t now_ns)
{
    struct target_leaks *leaks = calloc(1, sizeof *leaks);

    if (!leaks) {
        return NULL;
    }
    pthread_mutex_init(&leaks->lock, NULL);
    target_leak_init(&leaks->leak);
    leaks->page_bytes = (uint64_t)sysconf(_SC_PAGESIZE);
    set(leaks, settings, now_ns);
    return leaks;
}

static void stop(void *state, const struct target_scene *scene)
{
    struct target_leaks *leaks = state;

    give_memory_back(leaks);
    close_fds(leaks);
    free(leaks->fd);
    target_leak_deinit(&leaks->leak);
    pthread_mutex_destroy(&leaks->lock);
    free(leaks);
}

/* What has no rate any more is given back. */
static bool apply(void *state, const void *settings, const struct target_scene *scene)
{
    struct target_leaks *leaks = state;
    const struct target_leak_rates *rates = settings;

    pthread_mutex_lock(&leaks->lock);
    set(leaks, rates, scene->now_ns);
    if (rates->bytes_per_s == 0 && leaks->memory) {
        tell(scene, "memory_freed", "bytes", leaks->memory_bytes);
        give_memory_back(leaks);
    }
    if (rates->fds_per_s == 0 && leaks->fds > 0) {
        tell(scene, "fds_closed", "fds", leaks->fds);
        close_fds(leaks);
    }
    pthread_mutex_unlock(&leaks->lock);
    return true;
}

static void figures(void *state, struct target_figures *figures, const struct target_scene *scene)
{
    struct target_leaks *leaks = state;
    double factor = target_leak_due(&leaks->leak, scene->now_ns).latency_factor;

    pthread_mutex_lock(&leaks->lock);
    if (leaks->rates.bytes_per_s > 0) {
        target_figures_add_limit(figures,
                                 &(struct target_limit_figure){.name = "leak_memory",
                                                               .used = leaks->memory_bytes,
                                                               .limit = leaks->rates.bytes_max});
        target_figures_add_event(figures, "leak", "memory_refused", leaks->memory_bound.refusals);
    }
    if (leaks->rates.fds_per_s > 0) {
        target_figures_add_limit(
            figures, &(struct target_limit_figure){
                         .name = "leak_fds", .used = leaks->fds, .limit = leaks->rates.fds_max});
        target_figures_add_event(figures, "leak", "fds_refused", leaks->fds_bound.refusals);
    }
    if (leaks->rates.creep_per_min > 0) {
        target_figures_add_limit(
            figures, &(struct target_limit_figure){.name = "leak_latency_percent",
                                                   .used = (uint64_t)((factor - 1) * 100),
                                                   .limit = TARGET_UNLIMITED});
    }
    pthread_mutex_unlock(&leaks->lock);
}

const struct target_system target_leaks_system = {
    .name = "leak",
    .knobs = knobs,
    .knobs_count = sizeof knobs / sizeof knobs[0],
    .settings_bytes = sizeof(struct target_leak_rates),
    .start = start,
    .stop = stop,
    .apply = apply,
    .admits_all = true,
    .admit = admit,
    .tick = tick,
    .figures = figures,
};
