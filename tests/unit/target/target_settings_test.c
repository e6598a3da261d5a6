/* settings: a change is made as a whole or not at all, and who sets later wins. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "service.h"
#include "settings.h"
#include "workers.h"

static struct target_settings settings;
static struct target_error err;

static int begin(void **state)
{
    err = (struct target_error){{0}};
    return target_settings_init(&settings, &err) ? 0 : -1;
}

static int finish(void **state)
{
    target_settings_deinit(&settings);
    return 0;
}

static bool set(struct target_change *change, const char *name, const char *text,
                enum target_source source)
{
    struct target_knob_place place;

    assert_true(target_knob_find(&place, name));
    return target_change_set(change, &place, text, source, &err);
}

static const struct target_service *service(void)
{
    return target_settings_of(&settings, target_systems_index(&target_service_system));
}

static const struct target_workers_settings *workers(void)
{
    return target_settings_of(&settings, target_systems_index(&target_workers_system));
}

static void a_change_is_seen_once_it_is_made(void **state)
{
    struct target_change change;
    struct target_service copy = {.seed = 99};
    uint64_t version = UINT64_MAX;

    assert_true(target_settings_refresh(&settings, &target_service_system, &copy, &version));
    assert_int_equal(copy.seed, 1);
    assert_true(target_change_begin(&change, &settings, NULL, &err));
    assert_true(set(&change, "seed", "7", TARGET_SOURCE_FILE));
    assert_true(set(&change, "workers", "3", TARGET_SOURCE_FILE));
    assert_false(target_settings_refresh(&settings, &target_service_system, &copy, &version));
    assert_true(target_change_commit(&change, NULL, &err));
    assert_true(target_settings_refresh(&settings, &target_service_system, &copy, &version));
    assert_int_equal(copy.seed, 7);
    assert_int_equal(workers()->size, 3);
    assert_false(target_settings_refresh(&settings, &target_service_system, &copy, &version));
}

static void an_aborted_change_leaves_all_as_it_was(void **state)
{
    struct target_change change;

    assert_true(target_change_begin(&change, &settings, NULL, &err));
    assert_true(set(&change, "seed", "7", TARGET_SOURCE_FILE));
    assert_false(set(&change, "workers", "none", TARGET_SOURCE_FILE));
    target_change_abort(&change);
    assert_int_equal(service()->seed, 1);
    assert_true(workers()->size == TARGET_UNLIMITED);
}

static void knobs_that_contradict_each_other_change_nothing(void **state)
{
    struct target_change change;

    assert_true(target_change_begin(&change, &settings, NULL, &err));
    assert_true(set(&change, "seed", "7", TARGET_SOURCE_FILE));
    assert_true(set(&change, "workers", "4", TARGET_SOURCE_FILE));
    assert_true(set(&change, "workers-max", "2", TARGET_SOURCE_FILE));
    assert_false(target_change_commit(&change, NULL, &err));
    assert_non_null(strstr(err.text, "workers-max"));
    assert_int_equal(service()->seed, 1);
}

static void a_later_source_replaces_what_repeats(void **state)
{
    struct target_change change;

    assert_true(target_change_begin(&change, &settings, NULL, &err));
    assert_true(set(&change, "stall", "1s/5s", TARGET_SOURCE_FILE));
    assert_true(set(&change, "stall", "1s/7s", TARGET_SOURCE_FILE));
    assert_true(set(&change, "stall", "2s/9s", TARGET_SOURCE_COMMAND_LINE));
    assert_true(target_change_commit(&change, NULL, &err));
    assert_int_equal(service()->stalls.rules, 1);
    assert_int_equal(service()->stalls.rule[0].period_ns, 9000000000);
}

static const void *settings_of(const void *cls, size_t system)
{
    return target_settings_of(cls, system);
}

static uint64_t limit_of(const struct target_figures *figures, const char *name)
{
    for (size_t i = 0; i < figures->limits; i++) {
        if (strcmp(figures->limit[i].name, name) == 0) {
            return figures->limit[i].limit;
        }
    }
    return 0;
}

static void what_runs_is_told_and_refuses_what_is_read_at_the_start(void **state)
{
    struct target_scene scene = {.now_ns = 0};
    struct target_running running;
    struct target_figures figures = {.limits = 0};
    struct target_change change;

    assert_true(target_running_start(&running, settings_of, &settings, 0));
    assert_true(target_change_begin(&change, &settings, &running, &err));
    assert_false(set(&change, "seed", "7", TARGET_SOURCE_ADMIN));
    assert_non_null(strstr(err.text, "restart with --seed"));
    assert_true(set(&change, "workers", "5", TARGET_SOURCE_ADMIN));
    assert_true(target_change_commit(&change, &scene, &err));
    target_running_figures(&running, &figures, &scene);
    assert_int_equal(limit_of(&figures, "workers"), 5);
    target_running_stop(&running, &scene);
}

static void names_that_are_near_are_suggested(void **state)
{
    struct target_knob_place place;

    assert_false(target_knob_find(&place, "wokers"));
    assert_string_equal(target_knob_nearest("wokers"), "workers");
    assert_string_equal(target_knob_nearest("worker-queue"), "workers-queue");
    assert_null(target_knob_nearest("frobnicate"));
    assert_null(target_knob_nearest("foo"));
    assert_null(target_knob_nearest(""));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, finish)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_change_is_seen_once_it_is_made),
        TEST(an_aborted_change_leaves_all_as_it_was),
        TEST(knobs_that_contradict_each_other_change_nothing),
        TEST(a_later_source_replaces_what_repeats),
        TEST(what_runs_is_told_and_refuses_what_is_read_at_the_start),
        TEST(names_that_are_near_are_suggested),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
