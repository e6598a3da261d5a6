/* scaler: when one more back end is wanted and when one less, in virtual time. */
#include "test.h"

#include "scaler.h"

#define S UINT64_C(1000000000)

static const struct target_scaler_options options = {
    .min = 1, .max = 10, .up = 0.8, .down = 0.3, .cooldown_ns = 30 * S};

static void busy_is_one_more_and_idle_one_less(void **state)
{
    struct target_scaler scaler = {.last = 0};

    assert_int_equal(target_scaler_decide(&scaler, &options, 0.79, 2, S), 0);
    assert_int_equal(target_scaler_decide(&scaler, &options, 0.8, 2, 2 * S), 1);
    assert_int_equal(target_scaler_decide(&scaler, &options, 0.3, 3, 40 * S), 0);
    assert_int_equal(target_scaler_decide(&scaler, &options, 0.29, 3, 40 * S), -1);
    assert_int_equal(scaler.ups, 1);
    assert_int_equal(scaler.downs, 1);
    assert_int_equal(scaler.reversals, 1);
}

static void it_stays_between_least_and_most(void **state)
{
    struct target_scaler scaler = {.last = 0};

    assert_int_equal(target_scaler_decide(&scaler, &options, 5, 10, S), 0);
    assert_int_equal(target_scaler_decide(&scaler, &options, 0, 1, S), 0);
    assert_int_equal(scaler.ups + scaler.downs, 0);
}

static void nothing_happens_within_the_cooldown(void **state)
{
    struct target_scaler scaler = {.last = 0};
    uint64_t last_ns = 0, count = 1, events = 0;

    /* Wildly up and down each second for ten minutes. */
    for (uint64_t t = 1; t < 600; t++) {
        int step = target_scaler_decide(&scaler, &options, t % 7 < 3 ? 2.0 : 0.01, count, t * S);

        if (step != 0) {
            assert_true(last_ns == 0 || t * S - last_ns >= options.cooldown_ns);
            last_ns = t * S;
            count += (uint64_t)(int64_t)step;
            events++;
        }
    }
    assert_in_range(events, 15, 20);
    assert_int_equal(scaler.ups + scaler.downs, events);
    assert_true(scaler.held > 0);
}

/* A step of load: 30 in flight at 8 a back end wants 5, and then nothing moves. */
static void a_step_of_load_ends_without_oscillation(void **state)
{
    struct target_scaler scaler = {.last = 0};
    uint64_t count = 1, most = 1;

    for (uint64_t t = 1; t < 1200; t++) {
        count += (uint64_t)(int64_t)target_scaler_decide(
            &scaler, &options, 30.0 / (8.0 * (double)count), count, t * S);
        most = count > most ? count : most;
    }
    assert_int_equal(count, 5);
    assert_int_equal(most, 5);
    assert_int_equal(scaler.reversals, 0);
}

/* Two that are a quarter used would be one that is too busy with up at 45%. */
static void none_leaves_if_the_rest_would_be_too_busy(void **state)
{
    struct target_scaler_options narrow = options;
    struct target_scaler scaler = {.last = 0};

    narrow.up = 0.45;
    assert_int_equal(target_scaler_decide(&scaler, &narrow, 0.25, 2, S), 0);
    assert_int_equal(target_scaler_decide(&scaler, &narrow, 0.2, 2, S), -1);
}

static void the_mean_is_over_time(void **state)
{
    struct target_mean mean = {.begin_ns = S, .last_ns = S};

    target_mean_set(&mean, 4, S);
    target_mean_set(&mean, 8, 2 * S);
    assert_true(target_mean_take(&mean, 5 * S) == 7); /* 1 s of 4, 3 s of 8 */
    assert_true(target_mean_take(&mean, 5 * S) == 8);
    target_mean_set(&mean, 0, 6 * S);
    assert_true(target_mean_take(&mean, 9 * S) == 2);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(busy_is_one_more_and_idle_one_less),
        cmocka_unit_test(it_stays_between_least_and_most),
        cmocka_unit_test(nothing_happens_within_the_cooldown),
        cmocka_unit_test(a_step_of_load_ends_without_oscillation),
        cmocka_unit_test(none_leaves_if_the_rest_would_be_too_busy),
        cmocka_unit_test(the_mean_is_over_time),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
