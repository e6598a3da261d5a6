/*
 * aside: the caller hears signals while work is held, and leaves it behind when patience has ended.
 * Real signals and a real thread, so each test is a fraction of a second.
 */
#include "aside.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "pelt/clock.h"
#include "pelt/run.h"
#include "signals.h"
#include "test.h"

struct fixture {
    int ends[2];     /* what holds the work: a pipe */
    int patience;    /* signals that are borne */
    int heard, last; /* signals so far, the last one's number */
    bool released;   /* a signal releases the work */
    bool done;
    pthread_t caller, worked_on;
};

static int setup(void **state)
{
    struct fixture *f = test_calloc(1, sizeof(struct fixture));
    f->caller = pthread_self();
    *state = f;
    return pipe(f->ends);
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    close(f->ends[0]);
    close(f->ends[1]);
    test_free(f);
    return 0;
}

static void release(struct fixture *f)
{
    assert_int_equal(write(f->ends[1], "x", 1), 1);
}

static void work(void *arg)
{
    struct fixture *f = arg;
    char c;
    f->worked_on = pthread_self();
    f->done = read(f->ends[0], &c, 1) == 1;
}

static void do_nothing(void *arg)
{
}

/* Sends itself the next signal, so that they come one after the other. */
static bool on_signal(void *arg, int number)
{
    struct fixture *f = arg;
    f->last = number;
    if (f->released) {
        release(f);
    }
    if (++f->heard > f->patience) {
        return true;
    }
    raise(SIGTERM);
    return false;
}

static enum pelt_status run(struct fixture *f, void (*what)(void *))
{
    struct pelt_error err;
    sigset_t before;
    struct pelt_aside aside = {.work = what, .on_signal = on_signal, .arg = f};
    pelt_signals_hold(&before);
    enum pelt_status status = pelt_aside_run(&aside, &err);
    pelt_signals_drain();
    pelt_signals_release(&before);
    return status;
}

static void raise_held(int number)
{
    sigset_t before;
    pelt_signals_hold(&before);
    raise(number);
}

static void work_is_done_on_another_thread(void **state)
{
    struct fixture *f = *state;
    release(f);
    assert_int_equal(run(f, work), PELT_OK);
    assert_true(f->done);
    assert_false(pthread_equal(f->worked_on, f->caller));
    assert_int_equal(f->heard, 0);
}

static void signals_are_heard_while_the_work_is_held(void **state)
{
    struct fixture *f = *state;
    f->patience = 1;
    f->released = true;
    raise_held(SIGINT);
    assert_int_equal(run(f, work), PELT_OK);
    assert_true(f->done);
    assert_true(f->heard >= 1);
    assert_false(pelt_run_gave_up());
}

static void work_that_does_not_end_is_given_up_when_patience_has_ended(void **state)
{
    static struct fixture left; /* the thread still has it */
    assert_int_equal(pipe(left.ends), 0);
    left.patience = 1;
    uint64_t begin_ns = pelt_clock_ns();
    raise_held(SIGINT);
    assert_int_equal(run(&left, work), PELT_ESTOPPED);
    assert_true((double)(pelt_clock_ns() - begin_ns) / 1e9 >= PELT_GIVE_UP_S);
    assert_int_equal(left.heard, 2);
    assert_int_equal(left.last, SIGTERM);
    assert_true(pelt_run_gave_up());
}

static void one_that_was_given_up_disturbs_no_other(void **state)
{
    assert_int_equal(run(*state, do_nothing), PELT_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(work_is_done_on_another_thread, setup, teardown),
        cmocka_unit_test_setup_teardown(signals_are_heard_while_the_work_is_held, setup, teardown),
        cmocka_unit_test(work_that_does_not_end_is_given_up_when_patience_has_ended),
        cmocka_unit_test_setup_teardown(one_that_was_given_up_disturbs_no_other, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
