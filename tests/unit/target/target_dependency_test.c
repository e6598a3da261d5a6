/* dependency: a call waits, is done elsewhere, is told once, may be tried again, may be left. */
#include "test.h"

#include <pthread.h>
#include <sched.h>

#include "dependency.h"
#include "failing_malloc.h"
#include "systems.h"

#define MS UINT64_C(1000000)
#define S  (1000 * MS)

/* A dependency that does as a test says. */
static struct {
    pthread_mutex_t lock;
    pthread_cond_t moved;
    bool is_holding;  /* calls last until it ends */
    bool is_refusing; /* nothing opens */
    int answer;
    unsigned tries;       /* until which on_done asks for another */
    uint64_t again_in_ns; /* and when */
    bool is_blocked;      /* may_go says no */
    size_t opened, closed, checked, calling, called, done;
    enum target_call_result result; /* of the last that was done */
} fake = {.lock = PTHREAD_MUTEX_INITIALIZER, .moved = PTHREAD_COND_INITIALIZER};

static struct target_dependency *dependency;

static void count(size_t *what)
{
    pthread_mutex_lock(&fake.lock);
    ++*what;
    pthread_cond_broadcast(&fake.moved);
    pthread_mutex_unlock(&fake.lock);
}

static void *open_fake(void *cls, uint64_t deadline_ns, const char **why)
{
    static char something;

    if (fake.is_refusing) {
        *why = "it refuses";
        return NULL;
    }
    count(&fake.opened);
    return &something;
}

static bool check_fake(void *cls, void *connection, uint64_t deadline_ns)
{
    count(&fake.checked);
    return true;
}

static void close_fake(void *cls, void *connection)
{
    count(&fake.closed);
}

static int call_fake(void *cls, void *connection, uint64_t index, uint64_t deadline_ns,
                     bool *is_good)
{
    int answer;

    count(&fake.calling);
    pthread_mutex_lock(&fake.lock);
    while (fake.is_holding) {
        pthread_cond_wait(&fake.moved, &fake.lock);
    }
    answer = fake.answer;
    pthread_mutex_unlock(&fake.lock);
    count(&fake.called);
    return answer;
}

static uint64_t on_done(void *cls, struct target_call *call, uint64_t now_ns)
{
    bool is_again = call->tries < fake.tries && call->result != TARGET_CALL_REJECTED;
    uint64_t again_ns = is_again ? now_ns + fake.again_in_ns : 0;

    pthread_mutex_lock(&fake.lock);
    fake.result = call->result;
    pthread_mutex_unlock(&fake.lock);
    count(&fake.done);
    return again_ns;
}

static bool may_go(void *cls, struct target_call *call, uint64_t now_ns)
{
    bool is_blocked;

    pthread_mutex_lock(&fake.lock);
    is_blocked = fake.is_blocked;
    pthread_mutex_unlock(&fake.lock);
    return !is_blocked;
}

static const struct target_dependency_kind kind = {.name = "fake",
                                                   .queue_name = "fake_queue",
                                                   .open = open_fake,
                                                   .check = check_fake,
                                                   .call = call_fake,
                                                   .close = close_fake,
                                                   .on_done = on_done,
                                                   .may_go = may_go};

static const struct target_dependency_settings one = {
    .max = 1, .waiters_max = 1, .wait_ns = 10 * S, .call_ns = 10 * S};

static int begin(void **unused)
{
    fake.is_holding = fake.is_refusing = fake.is_blocked = false;
    fake.answer = 0;
    fake.tries = 0;
    fake.again_in_ns = 1;
    fake.opened = fake.closed = fake.checked = fake.calling = fake.called = fake.done = 0;
    dependency = target_dependency_new(&kind, NULL);
    assert_non_null(dependency);
    target_dependency_set(dependency, &one);
    return 0;
}

static void hold(bool is_holding)
{
    pthread_mutex_lock(&fake.lock);
    fake.is_holding = is_holding;
    pthread_cond_broadcast(&fake.moved);
    pthread_mutex_unlock(&fake.lock);
}

static void block(bool is_blocked)
{
    pthread_mutex_lock(&fake.lock);
    fake.is_blocked = is_blocked;
    pthread_mutex_unlock(&fake.lock);
}

static int end(void **unused)
{
    hold(false);
    target_dependency_free(dependency, NULL);
    assert_int_equal(fake.opened, fake.closed);
    assert_int_equal(fake.calling, fake.called);
    return 0;
}

static void wait_for(const size_t *what, size_t value)
{
    pthread_mutex_lock(&fake.lock);
    while (*what < value) {
        pthread_cond_wait(&fake.moved, &fake.lock);
    }
    assert_int_equal(*what, value);
    pthread_mutex_unlock(&fake.lock);
}

static void start(struct target_call *call)
{
    assert_int_equal(target_dependency_begin(dependency, call), TARGET_BEGIN_UNDER_WAY);
}

static struct target_limit_figure figure(size_t which)
{
    struct target_figures figures = {0};

    target_dependency_figures(dependency, &figures);
    assert_int_equal(figures.limits, 2);
    return figures.limit[which];
}

static void a_call_is_made_and_told_once(void **unused)
{
    struct target_call call;

    start(&call);
    wait_for(&fake.done, 1);
    assert_false(target_dependency_leave(dependency, &call)); /* too late */
    assert_int_equal(call.result, TARGET_CALL_OK);
    assert_int_equal(call.tries, 1);
    assert_true(call.begin_ns <= call.end_ns && call.spent_ns <= call.end_ns - call.begin_ns);
    start(&call);
    wait_for(&fake.done, 2);
    assert_int_equal(fake.opened, 1);
    assert_int_equal(call.index, 1);
}

static void who_finds_none_free_waits_and_who_finds_too_many_is_told(void **unused)
{
    struct target_call first, second, third;

    hold(true);
    start(&first);
    wait_for(&fake.calling, 1);
    start(&second);
    assert_int_equal(target_dependency_begin(dependency, &third), TARGET_BEGIN_FULL);
    assert_int_equal(figure(0).used, 1);
    assert_int_equal(figure(0).waiters, 1);
    assert_int_equal(figure(1).used, 1);
    assert_int_equal(figure(1).events, 1);
    hold(false);
    wait_for(&fake.done, 2);
    assert_false(target_dependency_leave(dependency, &second));
    assert_int_equal(figure(0).used, 0);
}

static void turned_off_it_lets_go_who_waits(void **unused)
{
    static const struct target_dependency_settings off;
    struct target_call first, second;

    hold(true);
    start(&first);
    wait_for(&fake.calling, 1);
    start(&second);
    target_dependency_set(dependency, &off);
    wait_for(&fake.done, 1);
    assert_false(target_dependency_leave(dependency, &second));
    assert_int_equal(second.result, TARGET_CALL_SHUT);
    assert_int_equal(target_dependency_begin(dependency, &second), TARGET_BEGIN_OFF);
    hold(false);
    wait_for(&fake.done, 2);
    wait_for(&fake.closed, 1);
}

static void a_call_is_tried_as_often_as_it_is_told_to(void **unused)
{
    struct target_call call;

    fake.answer = 5;
    fake.tries = 3;
    start(&call);
    wait_for(&fake.done, 3);
    assert_false(target_dependency_leave(dependency, &call));
    assert_int_equal(call.result, TARGET_CALL_FAILED);
    assert_int_equal(call.answer, 5);
    assert_int_equal(call.tries, 3);
    fake.again_in_ns = 20 * MS;
    start(&call);
    wait_for(&fake.done, 4);
    block(true);
    wait_for(&fake.done, 5);
    assert_false(target_dependency_leave(dependency, &call));
    assert_int_equal(call.result, TARGET_CALL_REJECTED);
    assert_int_equal(call.tries, 1);
}

/* As a breaker does that opens while the call waits for a connection. */
static void who_waits_is_not_called_once_it_may_not(void **unused)
{
    struct target_call first, second;

    hold(true);
    start(&first);
    wait_for(&fake.calling, 1);
    start(&second);
    block(true);
    hold(false);
    wait_for(&fake.done, 2);
    assert_false(target_dependency_leave(dependency, &second));
    assert_int_equal(second.result, TARGET_CALL_REJECTED);
    assert_int_equal(second.tries, 0);
    assert_int_equal(fake.calling, 1);
    block(false);
    start(&second);
    wait_for(&fake.done, 3);
    assert_false(target_dependency_leave(dependency, &second));
    assert_int_equal(second.result, TARGET_CALL_OK);
}

static void an_opening_that_fails_fails_the_call(void **unused)
{
    struct target_call call;

    fake.is_refusing = true;
    fake.tries = 2;
    start(&call);
    wait_for(&fake.done, 2);
    assert_false(target_dependency_leave(dependency, &call));
    assert_int_equal(call.result, TARGET_CALL_NOT_OPENED);
    assert_int_equal(call.tries, 2);
}

static void who_waits_too_long_is_told(void **unused)
{
    struct target_dependency_settings hasty = one;
    struct target_call first, second;

    hasty.wait_ns = MS;
    hold(true);
    start(&first);
    wait_for(&fake.calling, 1);
    target_dependency_set(dependency, &hasty); /* now: the first one's connection took its time */
    start(&second);
    wait_for(&fake.done, 1);
    assert_false(target_dependency_leave(dependency, &second));
    assert_int_equal(second.result, TARGET_CALL_NOT_SERVED);
    assert_int_equal(second.spent_ns, 0);
    assert_true(second.end_ns - second.begin_ns >= MS);
    hold(false);
    wait_for(&fake.done, 2);
}

static void whoever_leaves_is_told_nothing(void **unused)
{
    struct target_call called, waiting, later;

    hold(true);
    start(&called);
    wait_for(&fake.calling, 1);
    start(&waiting);
    assert_true(target_dependency_leave(dependency, &waiting));
    assert_true(target_dependency_leave(dependency, &called));
    assert_false(target_dependency_leave(dependency, &called));
    memset(&waiting, 0xff, sizeof waiting); /* the memory is ours again */
    memset(&called, 0xff, sizeof called);
    hold(false);
    wait_for(&fake.called, 1);
    fake.tries = 2;
    fake.again_in_ns = 1000 * S;
    start(&later);
    wait_for(&fake.done, 1);
    assert_true(target_dependency_leave(dependency, &later));
    memset(&later, 0xff, sizeof later);
    assert_int_equal(fake.done, 1);
}

static void its_end_waits_for_what_a_connection_does(void **unused)
{
    struct target_call call;

    hold(true);
    start(&call);
    wait_for(&fake.calling, 1);
    assert_true(target_dependency_leave(dependency, &call));
    assert_false(target_dependency_is_ending(dependency));
    /* `end` lets it go on, and sees that it was closed */
}

static void connections_to_keep_are_there_before_anybody_asks(void **unused)
{
    struct target_dependency_settings three = one;

    three.min = three.max = 3;
    target_dependency_set(dependency, &three);
    wait_for(&fake.opened, 3);
}

static void a_connection_not_known_good_for_long_is_checked(void **unused)
{
    struct target_dependency_settings careful = one;
    struct target_call call;

    careful.check_ns = 1;
    target_dependency_set(dependency, &careful);
    start(&call);
    wait_for(&fake.done, 1);
    start(&call);
    wait_for(&fake.done, 2);
    assert_int_equal(fake.checked, 1); /* not while it was fresh */
}

static void without_memory_there_is_none(void **unused)
{
    struct target_dependency *made = NULL;

    for (long at = 0; !made; at++) {
        failing_malloc_at = at;
        made = target_dependency_new(&kind, NULL);
        failing_malloc_at = -1;
        assert_true(at < 20);
        assert_true(at > 0 || !made);
    }
    target_dependency_free(made, NULL);
    target_dependency_free(NULL, NULL);
}

static void a_call_without_memory_is_not_begun(void **unused)
{
    struct target_call call;

    failing_malloc_at = 0;
    assert_int_equal(target_dependency_begin(dependency, &call), TARGET_BEGIN_NO_MEMORY);
    failing_malloc_at = -1;
    start(&call);
    wait_for(&fake.done, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_call_is_made_and_told_once),
        TEST(who_finds_none_free_waits_and_who_finds_too_many_is_told),
        TEST(turned_off_it_lets_go_who_waits),
        TEST(a_call_is_tried_as_often_as_it_is_told_to),
        TEST(who_waits_is_not_called_once_it_may_not),
        TEST(an_opening_that_fails_fails_the_call),
        TEST(who_waits_too_long_is_told),
        TEST(whoever_leaves_is_told_nothing),
        TEST(its_end_waits_for_what_a_connection_does),
        TEST(connections_to_keep_are_there_before_anybody_asks),
        TEST(a_connection_not_known_good_for_long_is_checked),
        TEST(a_call_without_memory_is_not_begun),
        cmocka_unit_test(without_memory_there_is_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
