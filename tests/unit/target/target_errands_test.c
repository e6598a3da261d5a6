/* errands and alarm: threads that do in order what they were given, and when they were told to. */
#include "test.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "alarm.h"
#include "clock.h"
#include "errands.h"
#include "keytable.h"

#define COUNT 100

struct numbered {
    struct target_errand errand;
    int number;
};

static int done[COUNT], dones;

static void note(void *cls, struct target_errand *errand)
{
    assert_ptr_equal(cls, &dones);
    done[dones++] = TARGET_OWNER(errand, struct numbered, errand)->number;
}

static void errands_are_done_in_order_and_all_of_them(void **state)
{
    static struct numbered one[COUNT];
    struct target_errands *errands = target_errands_new(COUNT, &dones);

    assert_non_null(errands);
    for (int i = 0; i < COUNT; i++) {
        one[i] = (struct numbered){.errand.run = note, .number = i};
        assert_true(target_errands_give(errands, &one[i].errand));
    }
    target_errands_free(errands);
    assert_int_equal(dones, COUNT);
    for (int i = 0; i < COUNT; i++) {
        assert_int_equal(done[i], i);
    }
}

static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;

static void wait_at_gate(void *cls, struct target_errand *errand)
{
    pthread_mutex_lock(&gate);
    pthread_mutex_unlock(&gate);
}

static void too_many_are_not_taken(void **state)
{
    struct target_errand one[3] = {
        {.run = wait_at_gate}, {.run = wait_at_gate}, {.run = wait_at_gate}};
    struct target_errands *errands = target_errands_new(2, NULL);

    pthread_mutex_lock(&gate);
    assert_true(target_errands_give(errands, &one[0]));
    assert_true(target_errands_give(errands, &one[1]));
    assert_false(target_errands_give(errands, &one[2]));
    assert_int_equal(target_errands_waiting(errands), 2);
    pthread_mutex_unlock(&gate);
    target_errands_free(errands);
    target_errands_free(NULL);
}

static atomic_int rings;
static _Atomic uint64_t rung_ns;

static uint64_t ring(void *cls, uint64_t now_ns)
{
    atomic_store(&rung_ns, now_ns);
    return atomic_fetch_add(&rings, 1) == 0 ? now_ns : UINT64_MAX; /* once more, at once */
}

static void an_alarm_rings_at_the_earliest_moment_that_was_set(void **state)
{
    struct target_alarm *alarm = target_alarm_new(ring, NULL);
    uint64_t now_ns = target_clock_now_ns(), soon_ns = now_ns + 2000000;

    assert_non_null(alarm);
    assert_true(target_alarm_at(alarm, UINT64_MAX));
    assert_true(target_alarm_at(alarm, now_ns + UINT64_C(3600000000000)));
    assert_true(target_alarm_at(alarm, soon_ns));
    while (atomic_load(&rings) < 2) {
    }
    assert_true(atomic_load(&rung_ns) >= soon_ns);
    target_alarm_free(alarm);
    target_alarm_free(NULL);
    assert_int_equal(atomic_load(&rings), 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(errands_are_done_in_order_and_all_of_them),
        cmocka_unit_test(too_many_are_not_taken),
        cmocka_unit_test(an_alarm_rings_at_the_earliest_moment_that_was_set),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
