/* tasks: see the header. Whoever waits for a task is its `owner` until it ends or who waits leaves.
 */
#include "tasks.h"

#include <inttypes.h>
#include <pthread.h>

#include "alarm.h"
#include "draw.h"
#include "notices.h"
#include "taskqueue.h"

static const char *const priority_names[] = {"high", "normal", "low", NULL};
static const char *const state_names[] = {"queued", "running", "done"};

struct target_tasks {
    pthread_mutex_t lock;
    struct target_tasks_settings settings;
    struct target_taskqueue *queue;
    struct target_alarm *alarm;
    struct target_notices notices;
};

/* ---- knobs ---- */

#define FIELD(name) offsetof(struct target_tasks_settings, name)

static const struct target_knob knobs[] = {
    {.name = "tasks",
     .type = TARGET_KNOB_COUNT,
     .offset = FIELD(workers),
     .max = TARGET_TASK_WORKERS_MAX,
     .initial = "0",
     .is_live = true,
     .text = "background tasks of POST /tasks that are worked on at once; who is of a higher "
             "priority goes first; 0: there are none"},
    {.name = "tasks-time",
     .needs = "tasks",
     .type = TARGET_KNOB_LAW,
     .offset = FIELD(time),
     .initial = "constant:50ms",
     .is_live = true,
     .text = "with --tasks: how long a task takes, written as service-time"},
    {.name = "tasks-queue",
     .needs = "tasks",
     .type = TARGET_KNOB_COUNT,
     .offset = FIELD(queue),
     .max = TARGET_TASKS_KEPT - TARGET_TASK_WORKERS_MAX,
     .initial = "1000",
     .is_live = true,
     .text = "with --tasks: most that wait, of all priorities; the next is answered 503"},
};

/* ---- reading ---- */

static bool read_priority(const json_t *json, unsigned *priority)
{
    const char *name = json_string_value(json);

    *priority = TARGET_TASK_NORMAL;
    if (!json) {
        return true;
    }
    for (*priority = 0; name && *priority < TARGET_TASK_PRIORITIES; ++*priority) {
        if (strcmp(name, priority_names[*priority]) == 0) {
            return true;
        }
    }
    return false;
}

bool target_tasks_read(const char *body, size_t bytes, unsigned *priority, bool *is_waiting,
                       struct target_error *err)
{
    json_t *json = json_loadb(body ? body : "", bytes, 0, NULL);
    const json_t *wait = json_object_get(json, "wait");
    bool is_good = json_is_object(json) &&
                   read_priority(json_object_get(json, "priority"), priority) &&
                   (!wait || json_is_boolean(wait));

    *is_waiting = json_is_true(wait);
    json_decref(json);
    return is_good || target_fail(err, "a task is an object whose \"priority\" is high, normal or "
                                       "low and whose \"wait\" is true or false; try "
                                       "{\"priority\": \"high\"}");
}

/* ---- one request ---- */

static void refuse(struct target_admission *admission, const struct target_tasks *tasks,
                   uint64_t now_ns)
{
    uint64_t due_ns = target_taskqueue_due_ns(tasks->queue);

    admission->status = 503;
    admission->refused_by = target_tasks_system.name;
    admission->message = "too many tasks wait";
    admission->retry_after_s = due_ns == UINT64_MAX ? 1 : (due_ns - now_ns) / 1000000000 + 1;
}

static uint64_t draw_ns(const struct target_tasks *tasks, const struct target_admission *admission)
{
    return target_law_ns(&tasks->settings.time,
                         target_draw(admission->seed, admission->index, TARGET_LANE_TASK),
                         target_draw(admission->seed, admission->index, TARGET_LANE_TASK_2));
}

static enum target_verdict add(struct target_tasks *tasks, struct target_admission *admission,
                               unsigned priority, bool is_waiting, uint64_t now_ns)
{
    struct target_task_part *part = &admission->task;

    part->id = target_taskqueue_add(tasks->queue, priority, draw_ns(tasks, admission),
                                    is_waiting ? admission : NULL, now_ns);
    if (part->id == 0) {
        refuse(admission, tasks, now_ns);
        return TARGET_REFUSED;
    }
    if (!target_alarm_at(tasks->alarm, target_taskqueue_due_ns(tasks->queue))) {
        target_taskqueue_find(tasks->queue, part->id)->owner = NULL;
        return TARGET_NO_MEMORY;
    }
    return is_waiting ? TARGET_WAITS : TARGET_GO;
}

static enum target_verdict admit(void *state, struct target_admission *admission,
                                 const struct target_scene *scene)
{
    struct target_tasks *tasks = state;
    struct target_error ignored;
    enum target_verdict verdict = TARGET_GO;
    unsigned priority;
    bool is_waiting;

    if (admission->route != TARGET_ROUTE_TASKS || admission->is_to_fail ||
        strcmp(admission->method, "POST") != 0 ||
        !target_tasks_read(admission->body, admission->body_bytes, &priority, &is_waiting,
                           &ignored)) {
        return TARGET_GO;
    }
    pthread_mutex_lock(&tasks->lock);
    if (tasks->settings.workers > 0) {
        verdict = add(tasks, admission, priority, is_waiting, scene->now_ns);
    }
    pthread_mutex_unlock(&tasks->lock);
    target_notices_tell(&tasks->notices, target_tasks_system.name, scene);
    return verdict;
}

static bool leave(void *state, struct target_admission *admission)
{
    struct target_tasks *tasks = state;
    struct target_task *task;
    bool is_left = false;

    pthread_mutex_lock(&tasks->lock);
    task = target_taskqueue_find(tasks->queue, admission->task.id);
    if (task && task->owner == admission) {
        task->owner = NULL;
        is_left = true;
    }
    pthread_mutex_unlock(&tasks->lock);
    return is_left;
}

/* Under the lock. */
static void on_end(void *cls, const struct target_task *task)
{
    struct target_tasks *tasks = cls;
    struct target_admission *admission = task->owner;
    uint64_t wait_ns = task->start_ns - task->queued_ns;

    target_notices_add(&tasks->notices, task->end_ns, "done",
                       ",\"task\":%" PRIu64 ",\"priority\":\"%s\",\"wait_ns\":%" PRIu64, task->id,
                       priority_names[task->priority], wait_ns);
    if (admission) {
        target_taskqueue_find(tasks->queue, task->id)->owner = NULL;
        target_admission_span(admission, "task", wait_ns, task->service_ns);
        admission->held_ns += wait_ns + task->service_ns;
        target_resume(admission);
    }
}

/* On the alarm's thread. */
static uint64_t ring(void *cls, uint64_t now_ns)
{
    struct target_tasks *tasks = cls;
    uint64_t due_ns;

    pthread_mutex_lock(&tasks->lock);
    target_taskqueue_advance(tasks->queue, now_ns);
    due_ns = target_taskqueue_due_ns(tasks->queue);
    pthread_mutex_unlock(&tasks->lock);
    return due_ns;
}

/* ---- what is told ---- */

bool target_tasks_is_on(struct target_tasks *tasks)
{
    bool is_on;

    pthread_mutex_lock(&tasks->lock);
    is_on = tasks->settings.workers > 0;
    pthread_mutex_unlock(&tasks->lock);
    return is_on;
}

static json_t *one_json(const struct target_task *task)
{
    json_t *json = json_pack("{s:I, s:s, s:s}", "id", (json_int_t)task->id, "priority",
                             priority_names[task->priority], "state", state_names[task->state]);

    if (json && task->state != TARGET_TASK_QUEUED) {
        json_object_set_new(json, "wait_ms",
                            json_real((double)(task->start_ns - task->queued_ns) / 1e6));
        json_object_set_new(json, "work_ms", json_real((double)task->service_ns / 1e6));
    }
    return json;
}

json_t *target_tasks_json(struct target_tasks *tasks, uint64_t id, uint64_t now_ns)
{
    const struct target_task *task;
    json_t *json;

    pthread_mutex_lock(&tasks->lock);
    target_taskqueue_advance(tasks->queue, now_ns);
    task = target_taskqueue_find(tasks->queue, id);
    json = task ? one_json(task) : NULL;
    pthread_mutex_unlock(&tasks->lock);
    return json;
}

static json_t *jobs(void *state, enum target_jobs which, uint64_t id,
                    const struct target_scene *scene)
{
    struct target_tasks *tasks = state;
    const enum target_task_state wanted =
        which == TARGET_JOBS_QUEUED ? TARGET_TASK_QUEUED : TARGET_TASK_RUNNING;
    uint64_t last, first;
    json_t *all;

    if (which == TARGET_JOBS_ONE) {
        return target_tasks_json(tasks, id, scene->now_ns);
    }
    all = json_array();
    pthread_mutex_lock(&tasks->lock);
    target_taskqueue_advance(tasks->queue, scene->now_ns);
    last = target_taskqueue_last(tasks->queue);
    first = last > TARGET_TASKS_KEPT ? last - TARGET_TASKS_KEPT + 1 : 1;
    for (uint64_t at = first; at <= last; at++) {
        const struct target_task *task = target_taskqueue_find(tasks->queue, at);

        if (task && task->state == wanted) {
            json_array_append_new(all, one_json(task));
        }
    }
    pthread_mutex_unlock(&tasks->lock);
    return all;
}

/* ---- the system ---- */

static bool apply(void *state, const void *settings, const struct target_scene *scene)
{
    struct target_tasks *tasks = state;

    pthread_mutex_lock(&tasks->lock);
    tasks->settings = *(const struct target_tasks_settings *)settings;
    target_taskqueue_set(tasks->queue, tasks->settings.workers, tasks->settings.queue,
                         scene->now_ns);
    (void)!target_alarm_at(tasks->alarm, target_taskqueue_due_ns(tasks->queue));
    pthread_mutex_unlock(&tasks->lock);
    return true;
}

static void stop(void *state, const struct target_scene *scene)
{
    struct target_tasks *tasks = state;

    target_alarm_free(tasks->alarm);
    if (scene) {
        target_notices_tell(&tasks->notices, target_tasks_system.name, scene);
    }
    target_notices_deinit(&tasks->notices);
    target_taskqueue_free(tasks->queue);
    pthread_mutex_destroy(&tasks->lock);
    free(tasks);
}

static void *start(const void *settings, uint64_t now_ns)
{
    struct target_tasks *tasks = calloc(1, sizeof *tasks);

    if (!tasks) {
        return NULL;
    }
    pthread_mutex_init(&tasks->lock, NULL);
    tasks->settings = *(const struct target_tasks_settings *)settings;
    tasks->queue = target_taskqueue_new(on_end, tasks);
    tasks->alarm = target_alarm_new(ring, tasks);
    if (!target_notices_init(&tasks->notices) || !tasks->queue || !tasks->alarm) {
        stop(tasks, NULL);
        return NULL;
    }
    target_taskqueue_set(tasks->queue, tasks->settings.workers, tasks->settings.queue, now_ns);
    return tasks;
}

static void add_figures(const struct target_tasks *tasks, struct target_figures *figures)
{
    static const char *const limits[] = {"tasks_high", "tasks_normal", "tasks_low"};
    static const char *const done[] = {"done_high", "done_normal", "done_low"};
    struct target_taskqueue_figures now = target_taskqueue_figures(tasks->queue);
    uint64_t waiting = 0;

    for (size_t i = 0; i < TARGET_TASK_PRIORITIES; i++) {
        waiting += now.queued[i];
        target_figures_add_limit(figures,
                                 &(struct target_limit_figure){.name = limits[i],
                                                               .used = now.queued[i],
                                                               .limit = tasks->settings.queue,
                                                               .waiters = now.queued[i]});
        target_figures_add_event(figures, target_tasks_system.name, done[i], now.done[i]);
    }
    target_figures_add_limit(figures,
                             &(struct target_limit_figure){.name = "tasks",
                                                           .used = now.running,
                                                           .limit = tasks->settings.workers,
                                                           .waiters = waiting,
                                                           .events = now.waited});
    target_figures_add_event(figures, target_tasks_system.name, "refused", now.refused);
}

static void figures(void *state, struct target_figures *figures, const struct target_scene *scene)
{
    struct target_tasks *tasks = state;

    pthread_mutex_lock(&tasks->lock);
    target_taskqueue_advance(tasks->queue, scene->now_ns);
    if (tasks->settings.workers > 0) {
        add_figures(tasks, figures);
    }
    pthread_mutex_unlock(&tasks->lock);
    target_notices_tell(&tasks->notices, target_tasks_system.name, scene);
}

const struct target_system target_tasks_system = {
    .name = "tasks",
    .knobs = knobs,
    .knobs_count = sizeof knobs / sizeof knobs[0],
    .settings_bytes = sizeof(struct target_tasks_settings),
    .start = start,
    .stop = stop,
    .apply = apply,
    .admits_all = true,
    .admit = admit,
    .leave = leave,
    .figures = figures,
    .jobs = jobs,
};
