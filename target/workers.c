/*
 * workers: what is true between calls, at the virtual time `now_ns`:
 *
 *   - `running` has one entry for each worker that is not idle: when it will be free. Its order is
 *     1 if it has a job, 0 if it is still starting.
 *   - `plan` has for each of them that stays (all but `retiring`) when it will be free once all who
 *     wait have been served by it: the next arrival starts at its least entry.
 *   - a job has its place in `job` until it was started and its loop has ended it, in either order;
 *     those that wait are linked in order of arrival. While one waits, no worker is idle.
 *   - running.count + idle_count == workers + retiring.
 *
 * Of idle workers the one that was idle for the shortest time gets the next job, so that surplus
 * workers stay idle and leave.
 */
#include "workers.h"

#include <assert.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

#include "dueheap.h"
#include "hostcpu.h"

#define WORKERS_MAX     10000
#define NS_PER_S        UINT64_C(1000000000)
#define JOBS_ROOM_FIRST 256
#define CPU_READ_NS     (NS_PER_S / 2)

struct job {
    uint64_t start_ns, service_ns;
    uint32_t next; /* waits behind it, or is free as well; 0: none. The place in `job` plus one */
    bool is_waiting, is_ended;
};

struct target_workers {
    pthread_mutex_t lock;
    struct target_workers_settings settings;
    uint64_t now_ns;
    uint64_t workers; /* that there are now, those starting included; 0: off */
    uint64_t retiring;
    struct target_dueheap running, plan;
    uint64_t busy;  /* entries of `running` with a job */
    uint64_t *idle; /* since when, the longest first */
    size_t idle_count, idle_room;
    struct job *job; /* a job's ticket is its place plus one */
    uint32_t jobs, jobs_room, first_free;
    uint32_t first_waiting, last_waiting;
    uint64_t waiting;
    _Atomic uint64_t moves; /* of plans; release after, acquire before starts are asked for */
    uint64_t waits, refusals, scale_ups, scale_downs;
    bool is_full; /* since the last refusal nobody could wait */
    struct target_hostcpu cpu;
    uint64_t cpu_due_ns; /* to be read */
    double busy_share;   /* of the host, when it was last read */
    bool is_blocked;     /* since that reading a worker was not added because of it */
    uint64_t blocks;
};

/* ---- knobs ---- */

#define FIELD(name) offsetof(struct target_workers_settings, name)

static const struct target_knob knobs[] = {
    {.name = "workers",
     .type = TARGET_KNOB_COUNT,
     .offset = FIELD(size),
     .min = 1,
     .max = WORKERS_MAX,
     .word = "unlimited",
     .word_value = TARGET_UNLIMITED,
     .initial = "unlimited",
     .is_live = true,
     .text = "requests with work (POST /api/chat, GET /work) that are worked on at once, each for "
             "its service time; the others wait in order of arrival"},
    {.name = "workers-max",
     .type = TARGET_KNOB_COUNT,
     .offset = FIELD(size_max),
     .min = 0,
     .max = WORKERS_MAX,
     .initial = "0",
     .is_live = true,
     .text = "workers are added up to this many and leave again down to --workers; 0: their number "
             "is fixed"},
    {.name = "workers-queue",
     .needs = "workers",
     .type = TARGET_KNOB_COUNT,
     .offset = FIELD(queue),
     .word = "unlimited",
     .word_value = TARGET_UNLIMITED,
     .initial = "unlimited",
     .is_live = true,
     .text = "most requests that wait for a worker; the next is answered 503 with Retry-After"},
    {.name = "workers-tasks",
     .needs = "workers-max",
     .type = TARGET_KNOB_COUNT,
     .offset = FIELD(tasks),
     .min = 1,
     .max = 1000000,
     .initial = "5",
     .is_live = true,
     .text = "with --workers-max: a worker is added when more than this many wait for each"},
    {.name = "workers-idle",
     .needs = "workers-max",
     .type = TARGET_KNOB_DURATION,
     .offset = FIELD(idle_ns),
     .min = 1000000,
     .max = 86400 * NS_PER_S,
     .initial = "30s",
     .is_live = true,
     .text = "with --workers-max: a worker leaves when it had no work for this long"},
    {.name = "workers-boot",
     .needs = "workers-max",
     .type = TARGET_KNOB_DURATION,
     .offset = FIELD(boot_ns),
     .min = 0,
     .max = 3600 * NS_PER_S,
     .initial = "0",
     .is_live = true,
     .text = "with --workers-max: how long an added worker needs before it takes work"},
    {.name = "workers-cpu",
     .needs = "workers-max",
     .type = TARGET_KNOB_SHARE,
     .offset = FIELD(cpu),
     .initial = "0",
     .is_live = true,
     .text = "with --workers-max: none is added while the processors of this machine, all "
             "together, are busier than this; 0: whatever they are"},
};

static bool check_cpu(const struct target_workers_settings *settings, struct target_error *err)
{
    return settings->cpu <= 0 || access(TARGET_HOSTCPU_FILE, R_OK) == 0 ||
           target_fail(err, "workers-cpu: cannot read " TARGET_HOSTCPU_FILE
                            "; mount /proc, or try workers-cpu 0");
}

static bool check(const void *cls, struct target_error *err)
{
    const struct target_workers_settings *settings = cls;

    if (!check_cpu(settings, err)) {
        return false;
    }
    if (settings->size_max == 0) {
        return true;
    }
    if (settings->size == TARGET_UNLIMITED) {
        return target_fail(err,
                           "workers-max: \"%" PRIu64 "\" needs workers, the least, as well; try "
                           "workers 1",
                           settings->size_max);
    }
    return settings->size <= settings->size_max ||
           target_fail(err,
                       "workers-max: \"%" PRIu64 "\" is less than workers, %" PRIu64
                       "; try workers-max %" PRIu64 ", or 0 for a fixed number",
                       settings->size_max, settings->size, settings->size);
}

/* ---- the places of jobs ---- */

static struct job *job_of(const struct target_workers *w, uint64_t ticket)
{
    assert(ticket >= 1 && ticket <= w->jobs);
    return &w->job[ticket - 1];
}

static bool reserve_job(struct target_workers *w)
{
    uint32_t room = w->jobs_room ? w->jobs_room * 2 : JOBS_ROOM_FIRST;
    struct job *job;

    if (w->first_free || w->jobs < w->jobs_room) {
        return true;
    }
    job = realloc(w->job, room * sizeof *job);
    if (!job) {
        return false;
    }
    w->job = job;
    w->jobs_room = room;
    return true;
}

/* A job that waits, behind all others. Room was reserved. */
static uint32_t add_job(struct target_workers *w, uint64_t start_ns, uint64_t service_ns)
{
    uint32_t ticket = w->first_free ? w->first_free : ++w->jobs;
    struct job *job = job_of(w, ticket);

    w->first_free = w->first_free ? job->next : 0;
    *job = (struct job){.start_ns = start_ns, .service_ns = service_ns, .is_waiting = true};
    if (w->waiting++ == 0) {
        w->first_waiting = ticket;
    } else {
        job_of(w, w->last_waiting)->next = ticket;
    }
    w->last_waiting = ticket;
    return ticket;
}

static void drop_if_over(struct target_workers *w, uint32_t ticket)
{
    struct job *job = job_of(w, ticket);

    if (!job->is_waiting && job->is_ended) {
        job->next = w->first_free;
        w->first_free = ticket;
    }
}

/* The first that waits does not wait any more. Returns its service time. */
static uint64_t take_waiting(struct target_workers *w, uint64_t start_ns)
{
    uint32_t ticket = w->first_waiting;
    struct job *job = job_of(w, ticket);
    uint64_t service_ns = job->service_ns;

    w->first_waiting = job->next;
    w->waiting--;
    job->start_ns = start_ns;
    job->is_waiting = false;
    drop_if_over(w, ticket);
    return service_ns;
}

/* ---- virtual time ---- */

static bool reserve_workers(struct target_workers *w, uint64_t count)
{
    uint64_t *idle = w->idle;

    if (count > w->idle_room) {
        idle = realloc(w->idle, count * sizeof *idle);
        if (!idle) {
            return false;
        }
        w->idle = idle;
        w->idle_room = count;
    }
    return target_dueheap_reserve(&w->running, count) && target_dueheap_reserve(&w->plan, count);
}

/* Room was reserved when the worker was added. */
static void push(struct target_dueheap *heap, uint64_t due_ns, uint64_t order)
{
    bool is_pushed =
        target_dueheap_push(heap, (struct target_held){.due_ns = due_ns, .order = order});

    assert(is_pushed);
    (void)is_pushed;
}

/* A worker that is in neither heap takes the first that waits. */
static void start_next(struct target_workers *w, uint64_t at_ns)
{
    push(&w->running, at_ns + take_waiting(w, at_ns), 1);
    w->busy++;
}

static void free_worker(struct target_workers *w)
{
    struct target_held was = target_dueheap_pop(&w->running);

    w->busy -= was.order != 0;
    if (w->retiring > 0) {
        w->retiring--;
    } else if (w->waiting > 0) {
        assert(job_of(w, w->first_waiting)->start_ns == was.due_ns);
        start_next(w, was.due_ns);
    } else {
        assert(target_dueheap_peek(&w->plan)->due_ns == was.due_ns);
        target_dueheap_pop(&w->plan);
        w->idle[w->idle_count++] = was.due_ns;
    }
}

static bool is_scaling(const struct target_workers *w)
{
    return w->settings.size_max > 0;
}

/* When the worker that is idle for the longest time leaves; UINT64_MAX: none does. */
static uint64_t leave_ns(const struct target_workers *w)
{
    return is_scaling(w) && w->idle_count > 0 && w->workers > w->settings.size
               ? w->idle[0] + w->settings.idle_ns
               : UINT64_MAX;
}

static void remove_longest_idle(struct target_workers *w)
{
    w->workers--;
    w->idle_count--;
    memmove(&w->idle[0], &w->idle[1], w->idle_count * sizeof w->idle[0]);
}

static void tell_scale(const struct target_workers *w, uint64_t at_ns, const char *event,
                       const char *why, const struct target_scene *scene)
{
    target_journal_event(scene->journal, scene->now_ns, at_ns, target_workers_system.name, event,
                         ",\"workers\":%" PRIu64 ",\"waiting\":%" PRIu64 ",\"why\":\"%s\"",
                         w->workers, w->waiting, why);
}

/* All that happens until `to_ns`, in order. */
static void advance(struct target_workers *w, const struct target_scene *scene)
{
    uint64_t to_ns = scene->now_ns;

    for (;;) {
        const struct target_held *first = target_dueheap_peek(&w->running);
        uint64_t free_ns = first ? first->due_ns : UINT64_MAX;
        uint64_t gone_ns = leave_ns(w);

        if (free_ns > to_ns && gone_ns > to_ns) {
            break;
        }
        if (gone_ns < free_ns) {
            remove_longest_idle(w);
            w->scale_downs++;
            tell_scale(w, gone_ns, "scale_down", "idle", scene);
        } else {
            free_worker(w);
        }
    }
    w->now_ns = to_ns > w->now_ns ? to_ns : w->now_ns;
}

/* ---- changing the number of workers ---- */

/* Plans those who wait anew, after idle workers have taken what they can. */
static void plan_again(struct target_workers *w)
{
    while (w->idle_count > 0 && w->waiting > 0) {
        w->idle_count--;
        start_next(w, w->now_ns);
    }
    target_dueheap_clear(&w->plan);
    for (size_t i = 0; i < w->running.count; i++) {
        push(&w->plan, w->running.item[i].due_ns, 0);
    }
    for (uint64_t i = 0; i < w->retiring; i++) {
        target_dueheap_pop(&w->plan);
    }
    for (uint32_t ticket = w->waiting ? w->first_waiting : 0; ticket;
         ticket = job_of(w, ticket)->next) {
        struct job *job = job_of(w, ticket);

        job->start_ns = target_dueheap_pop(&w->plan).due_ns;
        push(&w->plan, job->start_ns + job->service_ns, 0);
    }
    atomic_fetch_add_explicit(&w->moves, 1, memory_order_release);
}

/* The pool was turned off: nobody waits any more, and all are let go when they have finished. */
static void release_all(struct target_workers *w)
{
    w->retiring = 0;
    w->workers = 0;
    w->idle_count = 0;
    target_dueheap_clear(&w->running);
    target_dueheap_clear(&w->plan);
    while (w->waiting > 0) {
        take_waiting(w, w->now_ns);
    }
    w->busy = 0;
    atomic_fetch_add_explicit(&w->moves, 1, memory_order_release);
}

/* Room for `count` workers was reserved. */
static void resize(struct target_workers *w, uint64_t count)
{
    while (w->workers < count) {
        w->workers++;
        if (w->retiring > 0) {
            w->retiring--;
        } else {
            w->idle[w->idle_count++] = w->now_ns;
        }
    }
    while (w->workers > count) {
        if (w->idle_count > 0) {
            remove_longest_idle(w);
        } else {
            w->workers--;
            w->retiring++;
        }
    }
    plan_again(w);
}

static uint64_t clamped(uint64_t n, uint64_t min, uint64_t max)
{
    return n < min ? min : n > max ? max : n;
}

static bool take_settings(struct target_workers *w, const struct target_workers_settings *settings)
{
    uint64_t most = settings->size_max ? settings->size_max : settings->size;
    uint64_t in_use = w->running.count > most ? w->running.count : most;

    if (settings->size == TARGET_UNLIMITED) {
        w->settings = *settings;
        release_all(w);
        return true;
    }
    if (!reserve_workers(w, in_use)) {
        return false;
    }
    w->settings = *settings;
    resize(w, clamped(w->workers, settings->size, most));
    return true;
}

/* Told once a reading. */
static bool is_blocked(struct target_workers *w, const struct target_scene *scene)
{
    if (w->settings.cpu <= 0 || w->busy_share <= w->settings.cpu) {
        return false;
    }
    if (!w->is_blocked) {
        w->is_blocked = true;
        w->blocks++;
        target_journal_event(scene->journal, scene->now_ns, w->now_ns, target_workers_system.name,
                             "cpu_block",
                             ",\"workers\":%" PRIu64 ",\"waiting\":%" PRIu64 ",\"cpu\":%.3f",
                             w->workers, w->waiting, w->busy_share);
    }
    return true;
}

/* One more, if those who wait are too many for those who are there. */
static void scale_up(struct target_workers *w, const struct target_scene *scene)
{
    if (!is_scaling(w) || w->workers >= w->settings.size_max || w->retiring > 0 ||
        w->waiting <= w->settings.tasks * w->workers || is_blocked(w, scene)) {
        return;
    }
    w->workers++;
    w->scale_ups++;
    tell_scale(w, w->now_ns, "scale_up", "queue", scene);
    push(&w->running, w->now_ns + w->settings.boot_ns, 0);
    plan_again(w);
    advance(w, scene);
}

/* ---- one request ---- */

static void tell_full(struct target_workers *w, bool is_full, const struct target_scene *scene)
{
    if (w->is_full != is_full) {
        w->is_full = is_full;
        target_journal_event(scene->journal, scene->now_ns, w->now_ns, target_workers_system.name,
                             is_full ? "full" : "free", ",\"waiting\":%" PRIu64, w->waiting);
    }
}

static enum target_verdict refuse(struct target_workers *w, struct target_admission *admission,
                                  const struct target_scene *scene)
{
    uint64_t free_ns = target_dueheap_peek(&w->running)->due_ns;

    w->refusals++;
    tell_full(w, true, scene);
    admission->status = 503;
    admission->refused_by = target_workers_system.name;
    admission->message = "all workers are busy and their queue is full";
    admission->retry_after_s = (free_ns - w->now_ns + NS_PER_S - 1) / NS_PER_S;
    admission->retry_after_s += admission->retry_after_s == 0;
    return TARGET_REFUSED;
}

static void start_at_once(struct target_workers *w, struct target_admission *admission)
{
    w->idle_count--;
    push(&w->plan, w->now_ns + admission->service_ns, 0);
    admission->start_ns = w->now_ns;
    admission->ticket = add_job(w, w->now_ns, admission->service_ns);
    start_next(w, w->now_ns);
}

static void wait_in_line(struct target_workers *w, struct target_admission *admission,
                         const struct target_scene *scene)
{
    uint64_t start_ns = target_dueheap_pop(&w->plan).due_ns;

    push(&w->plan, start_ns + admission->service_ns, 0);
    admission->ticket = add_job(w, start_ns, admission->service_ns);
    w->waits++;
    scale_up(w, scene);
    admission->start_ns = job_of(w, admission->ticket)->start_ns;
}

static enum target_verdict admit_locked(struct target_workers *w,
                                        struct target_admission *admission,
                                        const struct target_scene *scene)
{
    advance(w, scene);
    if (w->workers == 0) {
        return TARGET_GO; /* off */
    }
    if (!reserve_job(w)) {
        return TARGET_NO_MEMORY;
    }
    if (w->idle_count == 0 && w->waiting >= w->settings.queue) {
        return refuse(w, admission, scene);
    }
    tell_full(w, false, scene);
    if (w->idle_count > 0) {
        start_at_once(w, admission);
    } else {
        wait_in_line(w, admission, scene);
    }
    return TARGET_GO;
}

static enum target_verdict admit(void *state, struct target_admission *admission,
                                 const struct target_scene *scene)
{
    struct target_workers *w = state;
    enum target_verdict verdict;

    pthread_mutex_lock(&w->lock);
    verdict = admit_locked(w, admission, scene);
    pthread_mutex_unlock(&w->lock);
    return verdict;
}

uint64_t target_workers_plan(struct target_workers *w)
{
    return atomic_load_explicit(&w->moves, memory_order_acquire);
}

uint64_t target_workers_start(struct target_workers *w, uint64_t ticket)
{
    uint64_t start_ns;

    pthread_mutex_lock(&w->lock);
    start_ns = job_of(w, ticket)->start_ns;
    pthread_mutex_unlock(&w->lock);
    return start_ns;
}

bool target_workers_end(struct target_workers *w, uint64_t ticket, uint64_t now_ns,
                        bool is_given_up, uint64_t *start_ns)
{
    struct job *job;
    bool is_ended;

    pthread_mutex_lock(&w->lock);
    job = job_of(w, ticket);
    *start_ns = job->start_ns;
    is_ended = is_given_up || job->start_ns + job->service_ns <= now_ns;
    if (is_ended) {
        job->is_ended = true;
        drop_if_over(w, (uint32_t)ticket);
    }
    pthread_mutex_unlock(&w->lock);
    return is_ended;
}

/* ---- the host ---- */

static void note_host(struct target_workers *w, double busy)
{
    w->busy_share = busy;
    w->is_blocked = false;
}

void target_workers_host_is(struct target_workers *w, double busy)
{
    pthread_mutex_lock(&w->lock);
    note_host(w, busy);
    pthread_mutex_unlock(&w->lock);
}

static uint64_t tick(void *state, const struct target_scene *scene)
{
    struct target_workers *w = state;
    uint64_t due_ns;

    pthread_mutex_lock(&w->lock);
    if (!is_scaling(w) || w->settings.cpu <= 0) {
        target_hostcpu_forget(&w->cpu);
        note_host(w, 0);
        w->cpu_due_ns = 0;
        due_ns = UINT64_MAX;
    } else {
        if (scene->now_ns >= w->cpu_due_ns) {
            note_host(w, target_hostcpu_busy(&w->cpu));
            w->cpu_due_ns = scene->now_ns + CPU_READ_NS;
        }
        due_ns = w->cpu_due_ns;
    }
    pthread_mutex_unlock(&w->lock);
    return due_ns;
}

/* ---- the system ---- */

static void *start(const void *settings, uint64_t now_ns)
{
    struct target_workers *w = calloc(1, sizeof *w);

    if (!w) {
        return NULL;
    }
    pthread_mutex_init(&w->lock, NULL);
    target_hostcpu_init(&w->cpu);
    w->now_ns = now_ns;
    if (!take_settings(w, settings)) {
        target_hostcpu_deinit(&w->cpu);
        free(w);
        return NULL;
    }
    return w;
}

static void stop(void *state, const struct target_scene *scene)
{
    struct target_workers *w = state;

    advance(w, scene);
    target_dueheap_deinit(&w->running);
    target_dueheap_deinit(&w->plan);
    free(w->idle);
    free(w->job);
    target_hostcpu_deinit(&w->cpu);
    pthread_mutex_destroy(&w->lock);
    free(w);
}

static bool apply(void *state, const void *settings, const struct target_scene *scene)
{
    struct target_workers *w = state;
    bool is_taken;

    pthread_mutex_lock(&w->lock);
    advance(w, scene);
    is_taken = take_settings(w, settings);
    pthread_mutex_unlock(&w->lock);
    return is_taken;
}

static void figures(void *state, struct target_figures *figures, const struct target_scene *scene)
{
    struct target_workers *w = state;

    pthread_mutex_lock(&w->lock);
    advance(w, scene);
    if (w->workers > 0) {
        target_figures_add_limit(figures, &(struct target_limit_figure){.name = "workers",
                                                                        .used = w->busy,
                                                                        .limit = w->workers,
                                                                        .waiters = w->waiting,
                                                                        .events = w->waits});
        target_figures_add_limit(figures, &(struct target_limit_figure){.name = "workers_queue",
                                                                        .used = w->waiting,
                                                                        .limit = w->settings.queue,
                                                                        .events = w->refusals});
        target_figures_add_event(figures, "workers", "scale_up", w->scale_ups);
        target_figures_add_event(figures, "workers", "scale_down", w->scale_downs);
        target_figures_add_event(figures, "workers", "cpu_block", w->blocks);
    }
    pthread_mutex_unlock(&w->lock);
}

const struct target_system target_workers_system = {
    .name = "workers",
    .knobs = knobs,
    .knobs_count = sizeof knobs / sizeof knobs[0],
    .settings_bytes = sizeof(struct target_workers_settings),
    .check = check,
    .start = start,
    .stop = stop,
    .apply = apply,
    .admit = admit,
    .tick = tick,
    .figures = figures,
};
