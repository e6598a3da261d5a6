/* coalesce: as many as ask for the same at the same time share one execution. */
#include "test.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#include "coalesce.h"
#include "failing_malloc.h"

static struct target_coalesce *coalesce;
static struct target_waiter waiter[100];

static int start(void **state)
{
    memset(waiter, 0, sizeof waiter);
    coalesce = target_coalesce_new(1000);
    return coalesce ? 0 : -1;
}

static int end(void **state)
{
    target_coalesce_free(coalesce);
    return 0;
}

/* waiter[0] leads, the other 99 follow. */
static struct target_flight *join_all(const char *key)
{
    struct target_flight *flight, *none;

    assert_int_equal(target_coalesce_join(coalesce, key, &waiter[0], &flight),
                     TARGET_COALESCE_LEAD);
    for (size_t i = 1; i < 100; i++) {
        assert_int_equal(target_coalesce_join(coalesce, key, &waiter[i], &none),
                         TARGET_COALESCE_FOLLOW);
        assert_null(none);
    }
    return flight;
}

static void a_hundred_same_keys_are_one_execution_and_99_collapsed(void **state)
{
    int result = 42;
    struct target_flight *flight = join_all("k");
    struct target_coalesce_figures figures = target_coalesce_figures(coalesce);
    struct target_waiter *follower;
    size_t told = 0;

    assert_int_equal(figures.executions, 1);
    assert_int_equal(figures.collapsed, 99);
    assert_int_equal(figures.flights, 1);
    assert_int_equal(figures.usage.waiters, 99);
    follower = target_coalesce_end(coalesce, flight, &result);
    for (; follower; follower = follower->next) {
        assert_ptr_equal(follower, &waiter[++told]); /* in order of arrival */
        assert_ptr_equal(follower->got, &result);
    }
    assert_int_equal(told, 99);
    assert_int_equal(target_coalesce_figures(coalesce).usage.waiters, 0);
    assert_int_equal(target_coalesce_figures(coalesce).flights, 0);
}

static void a_failing_leader_tells_its_followers(void **state)
{
    struct target_waiter *follower = target_coalesce_end(coalesce, join_all("k"), NULL);
    size_t told = 0;

    for (; follower; follower = follower->next, told++) {
        assert_null(follower->got);
    }
    assert_int_equal(told, 99);
}

static void other_keys_and_later_ones_lead_themselves(void **state)
{
    struct target_flight *a, *b;

    assert_int_equal(target_coalesce_join(coalesce, "a", &waiter[0], &a), TARGET_COALESCE_LEAD);
    assert_int_equal(target_coalesce_join(coalesce, "b", &waiter[1], &b), TARGET_COALESCE_LEAD);
    assert_null(target_coalesce_end(coalesce, a, NULL));
    assert_int_equal(target_coalesce_join(coalesce, "a", &waiter[2], &a), TARGET_COALESCE_LEAD);
    assert_null(target_coalesce_end(coalesce, a, NULL));
    assert_null(target_coalesce_end(coalesce, b, NULL));
    assert_int_equal(target_coalesce_figures(coalesce).executions, 3);
}

static void a_follower_may_leave(void **state)
{
    struct target_flight *flight = join_all("k");
    struct target_waiter *follower;
    size_t told = 0;

    assert_true(target_coalesce_leave(coalesce, &waiter[1]));
    assert_true(target_coalesce_leave(coalesce, &waiter[50]));
    assert_true(target_coalesce_leave(coalesce, &waiter[99]));
    assert_false(target_coalesce_leave(coalesce, &waiter[99]));
    assert_int_equal(target_coalesce_figures(coalesce).usage.waiters, 96);
    for (follower = target_coalesce_end(coalesce, flight, NULL); follower;
         follower = follower->next) {
        told++;
    }
    assert_int_equal(told, 96);
    assert_false(target_coalesce_leave(coalesce, &waiter[2]));
}

static void one_too_many_runs_alone(void **state)
{
    struct target_flight *flight, *none;

    target_coalesce_set(coalesce, 1);
    assert_int_equal(target_coalesce_join(coalesce, "k", &waiter[0], &flight),
                     TARGET_COALESCE_LEAD);
    assert_int_equal(target_coalesce_join(coalesce, "k", &waiter[1], &none),
                     TARGET_COALESCE_FOLLOW);
    assert_int_equal(target_coalesce_join(coalesce, "k", &waiter[2], &none), TARGET_COALESCE_ALONE);
    assert_int_equal(target_coalesce_figures(coalesce).usage.events, 1);
    assert_ptr_equal(target_coalesce_end(coalesce, flight, NULL), &waiter[1]);
}

static void without_memory_each_runs_alone(void **state)
{
    enum target_coalesce_role role = TARGET_COALESCE_ALONE;
    struct target_flight *flight;

    for (long at = 0; role == TARGET_COALESCE_ALONE; at++) {
        failing_malloc_at = at;
        role = target_coalesce_join(coalesce, "k", &waiter[0], &flight);
        failing_malloc_at = -1;
        assert_int_equal(flight != NULL, role == TARGET_COALESCE_LEAD);
    }
    assert_int_equal(role, TARGET_COALESCE_LEAD);
    assert_int_equal(target_coalesce_figures(coalesce).executions, 1);
    assert_null(target_coalesce_end(coalesce, flight, NULL));
}

#define ROUNDS 2000

static atomic_uint executing[4], executions;

static void execute(struct target_flight *flight, unsigned key)
{
    struct target_waiter *follower, *next;

    assert_int_equal(atomic_fetch_add(&executing[key], 1), 0);
    sched_yield(); /* so that others come to follow */
    atomic_fetch_add(&executions, 1);
    atomic_fetch_sub(&executing[key], 1);
    for (follower = target_coalesce_end(coalesce, flight, &executing[key]); follower;
         follower = next) {
        next = follower->next;
        atomic_store((atomic_bool *)follower->owner, true);
    }
}

static void *ask_often(void *cls)
{
    static const char *const keys[] = {"0", "1", "2", "3"};

    for (unsigned i = 0; i < ROUNDS; i++) {
        atomic_bool is_back = false;
        struct target_waiter mine = {.owner = &is_back};
        struct target_flight *flight;
        unsigned key = i / 8 % 4;

        if (target_coalesce_join(coalesce, keys[key], &mine, &flight) == TARGET_COALESCE_LEAD) {
            execute(flight, key);
            continue;
        }
        if (i % 5 == 0 && target_coalesce_leave(coalesce, &mine)) {
            continue;
        }
        while (!atomic_load(&is_back)) {
            sched_yield();
        }
        assert_ptr_equal(mine.got, &executing[key]);
    }
    return NULL;
}

static void threads_never_execute_a_key_twice_at_once(void **state)
{
    pthread_t thread[4];
    struct target_coalesce_figures figures;

    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(pthread_create(&thread[i], NULL, ask_often, NULL), 0);
    }
    for (size_t i = 0; i < 4; i++) {
        pthread_join(thread[i], NULL);
    }
    figures = target_coalesce_figures(coalesce);
    assert_int_equal(figures.executions, executions);
    assert_int_equal(figures.executions + figures.collapsed, 4 * ROUNDS);
    assert_int_equal(figures.flights, 0);
    assert_int_equal(figures.usage.waiters, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_hundred_same_keys_are_one_execution_and_99_collapsed,
                                        start, end),
        cmocka_unit_test_setup_teardown(a_failing_leader_tells_its_followers, start, end),
        cmocka_unit_test_setup_teardown(other_keys_and_later_ones_lead_themselves, start, end),
        cmocka_unit_test_setup_teardown(a_follower_may_leave, start, end),
        cmocka_unit_test_setup_teardown(one_too_many_runs_alone, start, end),
        cmocka_unit_test_setup_teardown(without_memory_each_runs_alone, start, end),
        cmocka_unit_test_setup_teardown(threads_never_execute_a_key_twice_at_once, start, end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
