/* alert: fires after being above for long enough, and says when it did and until when. */
#include "test.h"

#include "alert.h"

#define S UINT64_C(1000000000)

static void it_fires_once_it_was_above_for_long_enough(void **state)
{
    struct target_alert alert = {.fired = 0};

    assert_int_equal(target_alert_see(&alert, 5, 5, 3 * S, 1 * S), 0); /* equal is not above */
    assert_int_equal(alert.state, TARGET_ALERT_QUIET);
    assert_int_equal(target_alert_see(&alert, 6, 5, 3 * S, 2 * S), 0);
    assert_int_equal(alert.state, TARGET_ALERT_PENDING);
    assert_int_equal(target_alert_see(&alert, 6, 5, 3 * S, 5 * S - 1), 0);
    assert_int_equal(target_alert_see(&alert, 6, 5, 3 * S, 5 * S), 1);
    assert_int_equal(target_alert_see(&alert, 7, 5, 3 * S, 6 * S), 0);
    assert_int_equal(target_alert_see(&alert, 4, 5, 3 * S, 9 * S), -1);
    assert_int_equal(alert.past[0].fired_ns, 5 * S);
    assert_int_equal(alert.past[0].resolved_ns, 9 * S);
    assert_int_equal(target_alert_see(&alert, 4, 5, 3 * S, 10 * S), 0);
}

static void a_moment_above_is_forgotten(void **state)
{
    struct target_alert alert = {.fired = 0};

    for (uint64_t t = 1; t < 20; t++) {
        assert_int_equal(target_alert_see(&alert, t % 3 ? 9 : 0, 5, 2 * S, t * S), 0);
    }
    assert_int_equal(alert.fired, 0);
}

static void without_a_time_it_fires_at_once(void **state)
{
    struct target_alert alert = {.fired = 0};

    assert_int_equal(target_alert_see(&alert, 1, 0, 0, S), 1);
    assert_int_equal(target_alert_see(&alert, 0, 0, 0, S), -1);
}

static void the_last_firings_are_remembered(void **state)
{
    struct target_alert alert = {.fired = 0};

    for (uint64_t n = 0; n < TARGET_ALERT_PAST + 3; n++) {
        target_alert_see(&alert, 1, 0, 0, (2 * n + 1) * S);
        target_alert_see(&alert, 0, 0, 0, (2 * n + 2) * S);
    }
    assert_int_equal(alert.fired, TARGET_ALERT_PAST + 3);
    assert_int_equal(alert.past[2].fired_ns, (2 * (TARGET_ALERT_PAST + 2) + 1) * S);
    assert_int_equal(alert.past[3].fired_ns, 7 * S);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_fires_once_it_was_above_for_long_enough),
        cmocka_unit_test(a_moment_above_is_forgotten),
        cmocka_unit_test(without_a_time_it_fires_at_once),
        cmocka_unit_test(the_last_firings_are_remembered),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
