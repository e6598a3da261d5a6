/* breaker: opens after N failures in a row, probes once after the cool-down, closes. */
#include "test.h"

#include <stdatomic.h>

#include "breaker.h"

#define MS UINT64_C(1000000)
#define S  (1000 * MS)

static struct target_breaker breaker;

static int start(void **state)
{
    static const struct target_breaker_options options = {.failures = 3, .cooldown_ns = 5 * S};

    target_breaker_init(&breaker, &options);
    return 0;
}

static int end(void **state)
{
    target_breaker_deinit(&breaker);
    return 0;
}

static struct target_breaker_pass ask(uint64_t now_ns)
{
    return target_breaker_ask(&breaker, now_ns);
}

static void call(uint64_t now_ns, enum target_breaker_outcome outcome)
{
    struct target_breaker_pass pass = ask(now_ns);

    assert_true(pass.is_allowed);
    target_breaker_report(&breaker, &pass, outcome, now_ns);
}

static void fail_three_times(uint64_t now_ns)
{
    for (int i = 0; i < 3; i++) {
        call(now_ns, TARGET_BREAKER_FAILED);
    }
}

static void assert_state(uint64_t now_ns, const char *name)
{
    assert_string_equal(target_breaker_state_name(target_breaker_figures(&breaker, now_ns).state),
                        name);
}

static void it_opens_at_the_nth_failure_in_a_row(void **state)
{
    call(0, TARGET_BREAKER_FAILED);
    call(0, TARGET_BREAKER_FAILED);
    call(0, TARGET_BREAKER_OK); /* starts afresh */
    call(0, TARGET_BREAKER_FAILED);
    call(0, TARGET_BREAKER_FAILED);
    call(0, TARGET_BREAKER_ABANDONED); /* counts as neither */
    assert_state(0, "closed");
    assert_int_equal(target_breaker_figures(&breaker, 0).usage.used, 2);
    call(0, TARGET_BREAKER_FAILED);
    assert_state(0, "open");
    assert_int_equal(target_breaker_figures(&breaker, 0).usage.used, 3);
    assert_int_equal(target_breaker_figures(&breaker, 0).usage.limit, 3);
    assert_int_equal(target_breaker_figures(&breaker, 0).usage.events, 1);
}

static void open_it_rejects_until_the_cooldown_is_over(void **state)
{
    fail_three_times(S);
    assert_false(ask(S).is_allowed);
    assert_int_equal(ask(2 * S).retry_ns, 4 * S);
    assert_false(ask(6 * S - 1).is_allowed);
    assert_int_equal(target_breaker_figures(&breaker, S).rejected, 3);
    assert_true(ask(6 * S).is_allowed);
}

static void exactly_one_call_probes(void **state)
{
    struct target_breaker_pass probe;

    fail_three_times(0);
    probe = ask(5 * S);
    assert_true(probe.is_allowed && probe.is_probe);
    for (int i = 0; i < 10; i++) {
        assert_false(ask(6 * S).is_allowed);
    }
    assert_state(6 * S, "half-open");
    target_breaker_report(&breaker, &probe, TARGET_BREAKER_OK, 7 * S);
    assert_state(7 * S, "closed");
    assert_true(ask(7 * S).is_allowed);
    assert_false(ask(7 * S).is_probe);
    assert_int_equal(target_breaker_figures(&breaker, 7 * S).probes, 1);
    assert_int_equal(target_breaker_figures(&breaker, 7 * S).usage.used, 0);
}

static void a_failing_probe_opens_it_for_another_cooldown(void **state)
{
    struct target_breaker_pass probe;

    fail_three_times(0);
    probe = ask(5 * S);
    target_breaker_report(&breaker, &probe, TARGET_BREAKER_FAILED, 8 * S);
    assert_state(8 * S, "open");
    assert_false(ask(13 * S - 1).is_allowed);
    assert_true(ask(13 * S).is_probe);
    assert_int_equal(target_breaker_figures(&breaker, 13 * S).usage.events, 2);
}

static void an_abandoned_probe_makes_way_for_another(void **state)
{
    struct target_breaker_pass probe;

    fail_three_times(0);
    probe = ask(5 * S);
    target_breaker_report(&breaker, &probe, TARGET_BREAKER_ABANDONED, 6 * S);
    assert_state(6 * S, "half-open");
    assert_true(ask(6 * S).is_probe);
    assert_false(ask(6 * S).is_allowed);
}

static void what_began_before_the_last_change_says_nothing(void **state)
{
    struct target_breaker_pass early[6], probe;

    for (size_t i = 0; i < 6; i++) {
        early[i] = ask(0);
    }
    fail_three_times(0);
    probe = ask(5 * S);
    for (size_t i = 0; i < 3; i++) {
        target_breaker_report(&breaker, &early[i], TARGET_BREAKER_FAILED, 6 * S);
    }
    assert_state(6 * S, "half-open");
    target_breaker_report(&breaker, &probe, TARGET_BREAKER_OK, 6 * S);
    for (size_t i = 3; i < 6; i++) {
        target_breaker_report(&breaker, &early[i], TARGET_BREAKER_FAILED, 7 * S);
    }
    assert_state(7 * S, "closed");
    assert_int_equal(target_breaker_figures(&breaker, 7 * S).usage.used, 0);
}

static void no_number_of_failures_opens_it_when_it_is_off(void **state)
{
    static const struct target_breaker_options off = {.failures = 0, .cooldown_ns = S};
    static const struct target_breaker_options two = {.failures = 2, .cooldown_ns = S};

    fail_three_times(0);
    assert_state(0, "open");
    target_breaker_set(&breaker, &off);
    assert_state(0, "closed");
    fail_three_times(0);
    assert_state(0, "closed");
    target_breaker_set(&breaker, &two);
    call(0, TARGET_BREAKER_FAILED);
    assert_state(0, "open");
    assert_false(ask(S - 1).is_allowed);
    assert_true(ask(S).is_probe);
}

static void *ask_often(void *cls)
{
    atomic_int *allowed = cls;

    for (int i = 0; i < 1000; i++) {
        atomic_fetch_add(allowed, ask(5 * S).is_allowed);
    }
    return NULL;
}

static void of_many_threads_one_call_probes(void **state)
{
    atomic_int allowed = 0;
    pthread_t thread[4];

    fail_three_times(0);
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(pthread_create(&thread[i], NULL, ask_often, &allowed), 0);
    }
    for (size_t i = 0; i < 4; i++) {
        pthread_join(thread[i], NULL);
    }
    assert_int_equal(allowed, 1);
    assert_int_equal(target_breaker_figures(&breaker, 5 * S).rejected, 3999);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(it_opens_at_the_nth_failure_in_a_row, start, end),
        cmocka_unit_test_setup_teardown(open_it_rejects_until_the_cooldown_is_over, start, end),
        cmocka_unit_test_setup_teardown(exactly_one_call_probes, start, end),
        cmocka_unit_test_setup_teardown(a_failing_probe_opens_it_for_another_cooldown, start, end),
        cmocka_unit_test_setup_teardown(an_abandoned_probe_makes_way_for_another, start, end),
        cmocka_unit_test_setup_teardown(what_began_before_the_last_change_says_nothing, start, end),
        cmocka_unit_test_setup_teardown(no_number_of_failures_opens_it_when_it_is_off, start, end),
        cmocka_unit_test_setup_teardown(of_many_threads_one_call_probes, start, end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
