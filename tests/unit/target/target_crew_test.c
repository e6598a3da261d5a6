/* crew: each member does its jobs in order on a thread of its own. */
#include "test.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#include "crew.h"
#include "failing_malloc.h"

#define MEMBERS 4
#define JOBS    200

static struct target_crew *crew;
static atomic_uint done[MEMBERS]; /* jobs so far, of each */
static pthread_t thread[MEMBERS]; /* of the member's first job; read after the crew's end */
static atomic_bool is_out_of_order, is_on_two_threads;

/* Jobs count up; each gives the next. */
static void run(void *cls, size_t member, unsigned job)
{
    unsigned before = atomic_fetch_add(&done[member], 1);

    if (job == 1) {
        thread[member] = pthread_self();
    }
    if (before != job - 1) {
        atomic_store(&is_out_of_order, true);
    }
    if (!pthread_equal(thread[member], pthread_self())) {
        atomic_store(&is_on_two_threads, true);
    }
    if (job < JOBS && !target_crew_give(crew, member, job + 1)) {
        atomic_store(&is_out_of_order, true);
    }
}

static void each_member_does_its_jobs_in_order_on_its_own_thread(void **unused)
{
    crew = target_crew_new(MEMBERS, run, NULL);
    assert_non_null(crew);
    for (size_t i = 1; i < MEMBERS; i++) { /* the first one never begins */
        assert_true(target_crew_give(crew, i, 1));
    }
    for (size_t i = 1; i < MEMBERS; i++) {
        while (atomic_load(&done[i]) < JOBS) {
            sched_yield();
        }
    }
    target_crew_free(crew);
    assert_int_equal(atomic_load(&done[0]), 0);
    assert_false(atomic_load(&is_out_of_order));
    assert_false(atomic_load(&is_on_two_threads));
    assert_false(pthread_equal(thread[1], thread[2]));
    assert_false(pthread_equal(thread[1], pthread_self()));
}

static void count(void *cls, size_t member, unsigned job)
{
    atomic_fetch_add((atomic_uint *)cls, job);
}

static void its_end_waits_for_what_was_given(void **unused)
{
    for (int i = 0; i < 50; i++) {
        atomic_uint sum = 0;
        struct target_crew *short_lived = target_crew_new(2, count, &sum);

        assert_non_null(short_lived);
        assert_true(target_crew_give(short_lived, 0, 3));
        assert_true(target_crew_give(short_lived, 1, 4));
        target_crew_free(short_lived);
        assert_int_equal(atomic_load(&sum), 7);
    }
}

static void without_memory_there_is_none(void **unused)
{
    failing_malloc_at = 0;
    assert_null(target_crew_new(MEMBERS, run, NULL));
    failing_malloc_at = -1;
    target_crew_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_member_does_its_jobs_in_order_on_its_own_thread),
        cmocka_unit_test(its_end_waits_for_what_was_given),
        cmocka_unit_test(without_memory_there_is_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
