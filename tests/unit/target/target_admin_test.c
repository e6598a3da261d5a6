/* admin: who may turn knobs, and what JSON does. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>

#include "admin.h"
#include "workers.h"

static struct target_settings settings;
static struct target_running running;
static struct target_error err;

static int begin(void **state)
{
    size_t at = target_systems_index(&target_workers_system);

    err = (struct target_error){{0}};
    if (!target_settings_init(&settings, &err)) {
        return -1;
    }
    running = (struct target_running){.systems = NULL};
    running.state[at] = target_workers_system.start(target_settings_of(&settings, at), 0);
    return running.state[at] ? 0 : -1;
}

static int finish(void **state)
{
    target_running_stop(&running, &(struct target_scene){.now_ns = 0});
    target_settings_deinit(&settings);
    return 0;
}

static unsigned put(const char *name, const char *text)
{
    struct target_scene scene = {.now_ns = 0};

    return target_admin_write(&settings, &running, name, text, strlen(text), &scene, &err);
}

static void assert_value(const char *name, const char *expected)
{
    json_t *json = target_admin_read(&settings, name);
    char *value = json_dumps(json_object_get(json, "value"), JSON_ENCODE_ANY);

    assert_string_equal(value, expected);
    free(value);
    json_decref(json);
}

static void assert_refused(const char *name, const char *text, unsigned status, const char *said)
{
    err = (struct target_error){{0}};
    assert_int_equal(put(name, text), status);
    if (!strstr(err.text, said)) {
        fail_msg("\"%s\" does not say \"%s\"", err.text, said);
    }
}

static bool is_loopback(const char *address)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};

    if (inet_pton(AF_INET, address, &v4.sin_addr) == 1) {
        return target_admin_is_loopback((const struct sockaddr *)&v4);
    }
    assert_int_equal(inet_pton(AF_INET6, address, &v6.sin6_addr), 1);
    return target_admin_is_loopback((const struct sockaddr *)&v6);
}

static void only_loopback_addresses_are_of_this_machine(void **state)
{
    struct sockaddr other = {.sa_family = AF_UNSPEC};

    assert_true(is_loopback("127.0.0.1"));
    assert_true(is_loopback("127.255.0.9"));
    assert_true(is_loopback("::1"));
    assert_true(is_loopback("::ffff:127.0.0.1"));
    assert_false(is_loopback("128.0.0.1"));
    assert_false(is_loopback("10.0.0.1"));
    assert_false(is_loopback("::2"));
    assert_false(is_loopback("::ffff:10.0.0.1"));
    assert_false(is_loopback("::127.0.0.1"));
    assert_false(target_admin_is_loopback(&other));
}

static void several_knobs_turn_together(void **state)
{
    assert_int_equal(put(NULL, "{\"workers\": 3, \"service-time\": \"5ms\", \"error-share\": 0.25,"
                               " \"workers-queue\": \"unlimited\", \"admin\": true}"),
                     200);
    assert_value("workers", "3");
    assert_value("service-time", "\"constant:5ms\"");
    assert_value("error-share", "0.25");
    assert_value("workers-queue", "\"unlimited\"");
    assert_value("admin", "true");
}

static void one_knob_takes_its_value_alone(void **state)
{
    assert_int_equal(put("workers", "3"), 200);
    assert_int_equal(put("workers-idle", "\"7s\""), 200);
    assert_value("workers", "3");
    assert_value("workers-idle", "\"7s\"");
}

static void one_wrong_knob_turns_none(void **state)
{
    assert_refused(NULL, "{\"workers\": 3, \"wokers\": 4}", 400, "did you mean workers?");
    assert_refused(NULL, "{\"workers\": 3, \"workers-max\": 2}", 400, "workers-max: \"2\"");
    assert_refused(NULL, "{\"workers\": 3, \"seed\": 2}", 400, "seed: is read at the start only");
    assert_value("workers", "\"unlimited\"");
}

static void what_is_no_value_is_refused(void **state)
{
    assert_refused(NULL, "", 400, "not JSON");
    assert_refused(NULL, "{\"workers\": 3", 400, "not JSON");
    assert_refused(NULL, "{\"workers\": 3, \"workers\": 4}", 400, "duplicate");
    assert_refused(NULL, "[3]", 400, "no JSON object");
    assert_refused("workers", "null", 400, "workers: the value is no");
    assert_refused("workers", "[]", 400, "workers: the value is no");
    assert_refused("workers", "\"\\u0000\"", 400, "not JSON");
    assert_refused("workers", "-1", 400, "\"-1\"");
    assert_refused("workers", "2.5", 400, "\"2.5\"");
    assert_refused("workers", "true", 400, "\"on\"");
    assert_refused("wokers", "3", 404, "did you mean workers?");
}

static void reading_says_all_there_is_to_know(void **state)
{
    json_t *json = target_admin_read(&settings, "workers");
    json_t *all = target_admin_read(&settings, NULL);

    assert_string_equal(json_string_value(json_object_get(json, "default")), "unlimited");
    assert_string_equal(json_string_value(json_object_get(json, "set_by")), "default");
    assert_string_equal(json_string_value(json_object_get(json, "system")), "workers");
    assert_true(json_is_true(json_object_get(json, "live")));
    assert_int_equal(json_object_size(all), settings.knobs);
    assert_null(target_admin_read(&settings, "nothing"));
    json_decref(json);
    json_decref(all);
    assert_int_equal(put("workers", "3"), 200);
    json = target_admin_read(&settings, "workers");
    assert_string_equal(json_string_value(json_object_get(json, "set_by")), "admin");
    json_decref(json);
}

static void a_change_stands_in_the_truth_log(void **state)
{
    struct target_journal journal;
    struct target_scene scene = {.now_ns = 5, .journal = &journal};
    FILE *file = tmpfile();
    char line[256];

    assert_non_null(file);
    assert_true(target_journal_init(&journal, fileno(file), -1));
    assert_int_equal(target_admin_write(&settings, &running, "workers", "3", 1, &scene, &err), 200);
    target_journal_deinit(&journal);
    rewind(file);
    assert_non_null(fgets(line, sizeof line, file));
    assert_string_equal(line, "{\"type\":\"event\",\"at_ns\":5,\"system\":\"workers\",\"event\":"
                              "\"knob\",\"knob\":\"workers\",\"before\":\"unlimited\","
                              "\"after\":\"3\"}\n");
    fclose(file);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, finish)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_loopback_addresses_are_of_this_machine),
        TEST(several_knobs_turn_together),
        TEST(one_knob_takes_its_value_alone),
        TEST(one_wrong_knob_turns_none),
        TEST(what_is_no_value_is_refused),
        TEST(reading_says_all_there_is_to_know),
        TEST(a_change_stands_in_the_truth_log),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
