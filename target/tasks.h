/*
 * tasks: background tasks of clients, with priorities.
 *
 *   POST /tasks {"priority": "high", "wait": true}    both optional; priority: high, normal, low
 *   GET /tasks/ID
 *
 * 202 with the task's id at once, or, if the client waits, 200 once it is done. Who does them and
 * in which order: taskqueue.h.
 *
 * Thread: any; there is one lock. Clock: CLOCK_MONOTONIC nanoseconds, passed in.
 */
#ifndef TARGET_TASKS_H
#define TARGET_TASKS_H

#include <jansson.h>

#include "law.h"
#include "systems.h"

struct target_tasks_settings {
    uint64_t workers;       /* 0: off */
    uint64_t queue;         /* most that wait */
    struct target_law time; /* of a task */
};

struct target_tasks;

extern const struct target_system target_tasks_system;

bool target_tasks_is_on(struct target_tasks *tasks);

/* {"id", "priority", "state", ...}; NULL: there is no such task. */
json_t *target_tasks_json(struct target_tasks *tasks, uint64_t id, uint64_t now_ns);

/* What the body asks for. False: it is wrong, and the error says how. */
TARGET_MUST_USE bool target_tasks_read(const char *body, size_t bytes, unsigned *priority,
                                       bool *is_waiting, struct target_error *err);

#endif
