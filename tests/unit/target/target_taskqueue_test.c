/* taskqueue: who is next, and when, in virtual time. */
#include "test.h"

#include <stdlib.h>

#include "taskqueue.h"

static struct target_taskqueue *queue;
static uint64_t ended[20000];
static size_t ends;

static void on_end(void *cls, const struct target_task *task)
{
    ended[ends++] = task->id;
}

static int start(void **state)
{
    ends = 0;
    queue = target_taskqueue_new(on_end, NULL);
    if (queue) {
        target_taskqueue_set(queue, 1, 100, 0);
    }
    return queue ? 0 : -1;
}

static int stop(void **state)
{
    target_taskqueue_free(queue);
    return 0;
}

static uint64_t add(enum target_task_priority priority, uint64_t service_ns, uint64_t now_ns)
{
    return target_taskqueue_add(queue, priority, service_ns, NULL, now_ns);
}

static void a_higher_priority_goes_first_and_interrupts_nobody(void **state)
{
    uint64_t running = add(TARGET_TASK_LOW, 10, 0), low = add(TARGET_TASK_LOW, 10, 1);
    uint64_t normal = add(TARGET_TASK_NORMAL, 10, 2), high = add(TARGET_TASK_HIGH, 10, 3);
    uint64_t later = add(TARGET_TASK_HIGH, 10, 4);

    assert_int_equal(target_taskqueue_due_ns(queue), 10);
    target_taskqueue_advance(queue, 100);
    assert_int_equal(ends, 5);
    assert_int_equal(ended[0], running);
    assert_int_equal(ended[1], high);
    assert_int_equal(ended[2], later);
    assert_int_equal(ended[3], normal);
    assert_int_equal(ended[4], low);
    assert_int_equal(target_taskqueue_find(queue, high)->start_ns, 10);
    assert_int_equal(target_taskqueue_find(queue, low)->start_ns, 40);
    assert_int_equal(target_taskqueue_find(queue, low)->end_ns, 50);
}

/* Of any two that wait together, the one of the higher priority begins first. */
static void high_never_waits_behind_low(void **state)
{
    enum { TASKS = 400 };
    uint64_t id[TASKS], now_ns = 0;

    srand(7);
    target_taskqueue_set(queue, 3, 1000, 0);
    for (size_t i = 0; i < TASKS; i++) {
        now_ns += (uint64_t)rand() % 30;
        id[i] = add((unsigned)rand() % TARGET_TASK_PRIORITIES, 20 + (uint64_t)rand() % 100, now_ns);
    }
    target_taskqueue_advance(queue, UINT64_C(1) << 40);
    for (size_t i = 0; i < TASKS; i++) {
        const struct target_task *a = target_taskqueue_find(queue, id[i]);

        for (size_t k = 0; k < TASKS; k++) {
            const struct target_task *b = target_taskqueue_find(queue, id[k]);

            if (a->priority < b->priority && a->queued_ns < b->start_ns) {
                assert_true(a->start_ns <= b->start_ns);
            }
        }
    }
    assert_int_equal(ends, TASKS);
}

static void too_many_are_refused_and_none_without_workers(void **state)
{
    struct target_taskqueue_figures figures;

    target_taskqueue_set(queue, 1, 2, 0);
    assert_int_not_equal(add(TARGET_TASK_LOW, 10, 0), 0);
    assert_int_not_equal(add(TARGET_TASK_LOW, 10, 0), 0);
    assert_int_not_equal(add(TARGET_TASK_LOW, 10, 0), 0);
    assert_int_equal(add(TARGET_TASK_HIGH, 10, 0), 0);
    figures = target_taskqueue_figures(queue);
    assert_int_equal(figures.queued[TARGET_TASK_LOW], 2);
    assert_int_equal(figures.running, 1);
    assert_int_equal(figures.refused, 1);
    assert_int_equal(figures.waited, 2);
    target_taskqueue_set(queue, 0, 2, 0);
    assert_int_equal(add(TARGET_TASK_HIGH, 10, 0), 0);
}

static void the_last_tasks_are_remembered(void **state)
{
    uint64_t first = add(TARGET_TASK_LOW, 0, 0), last = 0;

    for (uint64_t i = 0; i < TARGET_TASKS_KEPT; i++) {
        last = add(TARGET_TASK_LOW, 0, i);
    }
    assert_null(target_taskqueue_find(queue, first));
    assert_null(target_taskqueue_find(queue, 0));
    assert_null(target_taskqueue_find(queue, last + 1));
    assert_int_equal(target_taskqueue_find(queue, last)->id, last);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_higher_priority_goes_first_and_interrupts_nobody, start,
                                        stop),
        cmocka_unit_test_setup_teardown(high_never_waits_behind_low, start, stop),
        cmocka_unit_test_setup_teardown(too_many_are_refused_and_none_without_workers, start, stop),
        cmocka_unit_test_setup_teardown(the_last_tasks_are_remembered, start, stop),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
