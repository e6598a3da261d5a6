/*
 * taskqueue: what is true between calls, at the virtual time `now_ns`: `running` has each task
 * under way with its end, which is later than that; while one waits, as many run as there are
 * workers.
 */
#include "taskqueue.h"

#include <stdlib.h>

#include "dueheap.h"

struct line { /* of one priority */
    struct target_task *first, *last;
};

struct target_taskqueue {
    target_task_end_fn on_end;
    void *cls;
    struct target_task task[TARGET_TASKS_KEPT]; /* by id, in turns */
    uint64_t last_id;
    struct line line[TARGET_TASK_PRIORITIES];
    struct target_dueheap running; /* room for all workers is reserved */
    uint64_t workers, waiting_max, waiting;
    uint64_t now_ns;
    struct target_taskqueue_figures figures;
};

struct target_taskqueue *target_taskqueue_new(target_task_end_fn on_end, void *cls)
{
    struct target_taskqueue *queue = calloc(1, sizeof *queue);

    if (!queue) {
        return NULL;
    }
    queue->on_end = on_end;
    queue->cls = cls;
    if (!target_dueheap_reserve(&queue->running, TARGET_TASK_WORKERS_MAX)) {
        free(queue);
        return NULL;
    }
    return queue;
}

void target_taskqueue_free(struct target_taskqueue *queue)
{
    if (queue) {
        target_dueheap_deinit(&queue->running);
        free(queue);
    }
}

/* ---- one task ---- */

static void join_line(struct target_taskqueue *queue, struct target_task *task)
{
    struct line *line = &queue->line[task->priority];

    *(line->last ? &line->last->next : &line->first) = task;
    line->last = task;
    queue->waiting++;
    queue->figures.queued[task->priority]++;
}

/* The one that is next, out of its line; NULL: none waits. */
static struct target_task *take_next(struct target_taskqueue *queue)
{
    for (size_t i = 0; i < TARGET_TASK_PRIORITIES; i++) {
        struct line *line = &queue->line[i];
        struct target_task *task = line->first;

        if (task) {
            line->first = task->next;
            line->last = line->first ? line->last : NULL;
            task->next = NULL;
            queue->waiting--;
            queue->figures.queued[i]--;
            return task;
        }
    }
    return NULL;
}

static void begin(struct target_taskqueue *queue, struct target_task *task)
{
    struct target_held run = {
        .due_ns = queue->now_ns + task->service_ns, .order = task->id, .what = task};

    task->state = TARGET_TASK_RUNNING;
    task->start_ns = queue->now_ns;
    task->end_ns = run.due_ns;
    queue->figures.running++;
    queue->figures.wait_ns[task->priority] += task->start_ns - task->queued_ns;
    (void)!target_dueheap_push(&queue->running, run); /* there is room */
}

static void begin_those_that_can(struct target_taskqueue *queue)
{
    struct target_task *task;

    while (queue->figures.running < queue->workers && (task = take_next(queue)) != NULL) {
        begin(queue, task);
    }
}

static void end(struct target_taskqueue *queue, struct target_task *task)
{
    task->state = TARGET_TASK_DONE;
    queue->figures.running--;
    queue->figures.done[task->priority]++;
    queue->on_end(queue->cls, task);
}

void target_taskqueue_advance(struct target_taskqueue *queue, uint64_t now_ns)
{
    while (target_taskqueue_due_ns(queue) <= now_ns) {
        struct target_held run = target_dueheap_pop(&queue->running);

        queue->now_ns = run.due_ns;
        end(queue, run.what);
        begin_those_that_can(queue);
    }
    queue->now_ns = now_ns > queue->now_ns ? now_ns : queue->now_ns;
}

uint64_t target_taskqueue_due_ns(const struct target_taskqueue *queue)
{
    const struct target_held *first = target_dueheap_peek(&queue->running);

    return first ? first->due_ns : UINT64_MAX;
}

/* ---- what callers do ---- */

void target_taskqueue_set(struct target_taskqueue *queue, uint64_t workers, uint64_t waiting_max,
                          uint64_t now_ns)
{
    target_taskqueue_advance(queue, now_ns);
    queue->workers = workers;
    queue->waiting_max = waiting_max;
    begin_those_that_can(queue);
}

static bool has_place(const struct target_taskqueue *queue)
{
    const struct target_task *place = &queue->task[(queue->last_id + 1) % TARGET_TASKS_KEPT];

    if (place->id != 0 && place->state != TARGET_TASK_DONE) {
        return false;
    }
    return queue->figures.running < queue->workers || queue->waiting < queue->waiting_max;
}

uint64_t target_taskqueue_add(struct target_taskqueue *queue, enum target_task_priority priority,
                              uint64_t service_ns, void *owner, uint64_t now_ns)
{
    struct target_task *task;

    target_taskqueue_advance(queue, now_ns);
    if (queue->workers == 0 || !has_place(queue)) {
        queue->figures.refused++;
        return 0;
    }
    task = &queue->task[++queue->last_id % TARGET_TASKS_KEPT];
    *task = (struct target_task){.id = queue->last_id,
                                 .priority = priority,
                                 .service_ns = service_ns,
                                 .queued_ns = queue->now_ns,
                                 .owner = owner};
    join_line(queue, task);
    begin_those_that_can(queue);
    queue->figures.waited += task->state == TARGET_TASK_QUEUED;
    return task->id;
}

struct target_task *target_taskqueue_find(struct target_taskqueue *queue, uint64_t id)
{
    struct target_task *task = &queue->task[id % TARGET_TASKS_KEPT];

    return id > 0 && task->id == id ? task : NULL;
}

struct target_taskqueue_figures target_taskqueue_figures(const struct target_taskqueue *queue)
{
    return queue->figures;
}

uint64_t target_taskqueue_last(const struct target_taskqueue *queue)
{
    return queue->last_id;
}
