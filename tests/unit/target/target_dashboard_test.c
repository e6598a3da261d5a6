/* dashboard: clients are spread over the period; a size sets what nobody else has set. */
#include "test.h"

#include "capacity.h"
#include "dashboard.h"
#include "size.h"

#define S  UINT64_C(1000000000)
#define MS UINT64_C(1000000)

static void pushes_are_spread_whenever_clients_come(void **state)
{
    const struct target_system *sys = &target_dashboard_system;
    const struct target_dashboard_settings settings = {
        .sample_ns = S, .history = 4, .push_ns = 2 * S};
    void *dashboard = sys->start(&settings, S);
    unsigned tenths[10] = {0};

    for (uint64_t i = 0; i < 5000; i++) { /* all within half a second */
        uint64_t now_ns = 7 * S + i * 100000;
        uint64_t due_ns = target_dashboard_place(dashboard, now_ns);

        assert_true(due_ns >= now_ns && due_ns < now_ns + 2 * S);
        tenths[(due_ns - S) % (2 * S) / (200 * MS)]++;
    }
    for (int i = 0; i < 10; i++) {
        assert_in_range(tenths[i], 495, 505);
    }
    sys->stop(dashboard, &(struct target_scene){.now_ns = S});
}

static void set(struct target_change *change, const char *knob, const char *value,
                enum target_source source)
{
    struct target_knob_place place;
    struct target_error err;

    assert_true(target_knob_find(&place, knob));
    assert_true(target_change_set(change, &place, value, source, &err));
}

static void assert_is(struct target_settings *settings, const char *knob, const char *value)
{
    struct target_knob_place place;
    char text[TARGET_KNOB_TEXT_BYTES];

    assert_true(target_knob_find(&place, knob));
    target_knob_print(target_knob_at(&place), target_settings_of(settings, place.system), text,
                      sizeof text);
    assert_string_equal(text, value);
}

static void a_size_sets_what_nobody_else_has_set(void **state)
{
    struct target_settings settings;
    struct target_change change;
    struct target_error err;

    assert_true(target_settings_init(&settings, &err));
    assert_true(target_change_begin(&change, &settings, NULL, &err));
    set(&change, "size", "medium", TARGET_SOURCE_FILE);
    set(&change, "workers-queue", "7", TARGET_SOURCE_COMMAND_LINE);
    assert_true(target_size_apply(&change, &err));
    assert_true(target_change_commit(&change, NULL, &err));
    assert_is(&settings, "workers", "8");
    assert_is(&settings, "workers-queue", "7");
    assert_is(&settings, "database-max", "8");
    target_settings_deinit(&settings);
}

static void without_a_size_nothing_is_set(void **state)
{
    struct target_settings settings;
    struct target_change change;
    struct target_error err;

    assert_true(target_settings_init(&settings, &err));
    assert_true(target_change_begin(&change, &settings, NULL, &err));
    assert_true(target_size_apply(&change, &err));
    assert_true(target_change_commit(&change, NULL, &err));
    assert_is(&settings, "workers", "unlimited");
    target_settings_deinit(&settings);
}

static void capacity_is_servers_by_mean_time(void **state)
{
    assert_true(target_capacity_per_s(8, 20e6) == 400);
    assert_true(target_capacity_per_s(TARGET_UNLIMITED, 20e6) == 0);
    assert_true(target_capacity_per_s(8, 0) == 0);
}

static void instances_leave_room_for_queues(void **state)
{
    assert_int_equal(target_capacity_instances(280, 400), 1);
    assert_int_equal(target_capacity_instances(281, 400), 2);
    assert_int_equal(target_capacity_instances(1000, 100), 15);
    assert_int_equal(target_capacity_instances(1000, 0), 0);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(pushes_are_spread_whenever_clients_come),
        cmocka_unit_test(a_size_sets_what_nobody_else_has_set),
        cmocka_unit_test(capacity_is_servers_by_mean_time),
        cmocka_unit_test(instances_leave_room_for_queues),
        cmocka_unit_test(without_a_size_nothing_is_set),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
