/*
 * What a scenario file says, and the line that each bad one gets: tests/lua/bad holds one mistake a
 * file, its first line says what the message must contain (after "-- expects: "; "|" parts all have
 * to occur).
 */
#include "test.h"

#include <dirent.h>
#include <string.h>

#include "pelt/clock.h"
#include "pelt/scenario.h"

static struct pelt_scenario *load_text(const char *source)
{
    struct pelt_error err;
    struct pelt_scenario *s = NULL;
    if (pelt_scenario_load_text("dir/test.lua", source, strlen(source), NULL, 0, &s, &err) !=
        PELT_OK) {
        fail_msg("%s", err.text);
    }
    return s;
}

static void scenario_gives_name_target_tasks_and_hooks(void **state)
{
    struct pelt_scenario *s = load_text(
        "return { target = 'http://h:1',\n"
        "tasks = { { name = 'a', weight = 3, run = print }, { name = 'b', run = print } },\n"
        "setup = print }");
    assert_string_equal(s->name, "test");
    assert_string_equal(s->target, "http://h:1");
    assert_int_equal(s->tasks_len, 2);
    assert_string_equal(s->tasks[0].name, "a");
    assert_float_equal(s->tasks[0].weight, 3, 0);
    assert_float_equal(s->tasks[1].weight, 1, 0);
    assert_true(s->has_setup);
    assert_false(s->has_teardown);
    assert_false(s->has_load);
    pelt_scenario_free(s);
}

static void scenario_counts_the_ramp_into_the_duration(void **state)
{
    struct pelt_scenario *s = load_text(
        "return { load = { users = 20, duration = '20s', ramp = '5s' }, iteration = print }");
    assert_true(s->has_load);
    assert_int_equal(s->plan.loop, PELT_LOOP_CLOSED);
    assert_int_equal(pelt_plan_length_ns(&s->plan), 20 * PELT_NS_PER_S);
    assert_int_equal(s->plan.stages_len, 2);
    assert_float_equal(s->plan.stages[0].from, 0, 0);
    assert_float_equal(s->plan.stages[1].to, 20, 0);
    assert_int_equal(s->plan.stages[0].duration_ns, 5 * PELT_NS_PER_S);
    pelt_scenario_free(s);
}

static void scenario_reads_arrivals_with_their_pool(void **state)
{
    struct pelt_scenario *s = load_text(
        "return { load = { rate = '200/s', duration = 20, arrivals = 'gamma', shape = 0.5,\n"
        "users = 500, waiting = 9, grace = '1s' }, iteration = print }");
    assert_int_equal(s->plan.loop, PELT_LOOP_OPEN);
    assert_int_equal(s->plan.arrivals, PELT_ARRIVALS_GAMMA);
    assert_float_equal(s->plan.gamma_shape, 0.5, 0);
    assert_float_equal(pelt_plan_peak(&s->plan), 200, 1e-9);
    assert_int_equal(s->plan.users_max, 500);
    assert_int_equal(s->plan.waiting_max, 9);
    assert_int_equal(s->plan.grace_ns, PELT_NS_PER_S);
    pelt_scenario_free(s);
}

static void scenario_climbs_from_stage_to_stage(void **state)
{
    struct pelt_scenario *s = load_text(
        "local pelt = require 'pelt'\n"
        "return { load = pelt.load.stages { { duration = '10s', rate = '60/m' },\n"
        "{ duration = '5s', rate = '3/s' }, { duration = '1s', from = '9/s', rate = '0/s' } },\n"
        "iteration = print }");
    const struct pelt_stage *stage = s->plan.stages;
    assert_int_equal(s->plan.stages_len, 3);
    assert_float_equal(stage[0].from, 0, 0);
    assert_float_equal(stage[0].to, 1, 1e-9);
    assert_float_equal(stage[1].from, 1, 1e-9);
    assert_float_equal(stage[2].from, 9, 1e-9);
    pelt_scenario_free(s);
}

static void scenario_reads_what_ends_and_paces_it(void **state)
{
    struct pelt_scenario *s =
        load_text("return { load = { users = 20, iterations = 1000, iterations_per_user = 70, "
                  "ramp = '5s' }, pacing = '1s', think = 0.25,\n"
                  "user_init = print, user_exit = print, iteration = print }");
    assert_true(s->has_user_init && s->has_user_exit);
    assert_true(s->plan.endless);
    assert_int_equal(s->plan.iterations, 1000);
    assert_int_equal(s->plan.iterations_per_user, 70);
    assert_int_equal(s->plan.pacing_ns, PELT_NS_PER_S);
    assert_int_equal(s->plan.think_ns, PELT_NS_PER_S / 4);
    assert_false(s->plan.think_drawn);
    assert_int_equal(s->plan.stages[0].duration_ns, 5 * PELT_NS_PER_S);
    assert_int_equal(s->plan.stages_len, 2);
    pelt_scenario_free(s);
    s = load_text("return { load = { rate = '9/s', iterations = 5 }, iteration = print }");
    assert_true(s->plan.endless && s->plan.loop == PELT_LOOP_OPEN && s->plan.iterations == 5);
    pelt_scenario_free(s);
}

static void scenario_climbs_exponentially(void **state)
{
    struct pelt_scenario *s = load_text(
        "local load = require('pelt').load\n"
        "return { load = load.ramp { from = 1, to = 100, duration = '10s', curve = 'exponential',\n"
        "hold = '5s' }, iteration = print, think = function() return 1 end }");
    assert_true(s->plan.stages[0].exponential);
    assert_false(s->plan.stages[1].exponential);
    assert_float_equal(pelt_plan_level(&s->plan, 5 * PELT_NS_PER_S), 10, 1e-9);
    assert_true(s->plan.think_drawn);
    pelt_scenario_free(s);
    s = load_text("return { load = { stages = { { duration = 1, users = 4 },\n"
                  "{ duration = 1, users = 64, curve = 'exponential' },\n"
                  "{ duration = 1, users = 0, curve = 'linear' } } }, iteration = print }");
    assert_int_equal(pelt_plan_users_at(&s->plan, PELT_NS_PER_S * 3 / 2), 16);
    assert_false(s->plan.stages[2].exponential);
    pelt_scenario_free(s);
}

static void assert_threshold(const struct pelt_scenario *s, size_t i, const char *text)
{
    char is[512];
    assert_true(i < s->thresholds_len);
    pelt_threshold_format(&s->thresholds[i], is, sizeof is);
    assert_string_equal(is, text);
}

static void scenario_takes_what_thresholds_ask_of_seconds_and_lists_of_them(void **state)
{
    struct pelt_scenario *s = load_text(
        "local more = { { metric = 'apdex', name = 'chat', t = 0.5, min = 0.9 },\n"
        "{ metric = 'goodput', t = '250ms', stat = 'share', min = '95%' } }\n"
        "return { iteration = print, thresholds = {\n"
        "{ metric = 'http_response', stat = 'p95', max = '200ms', over = 10, ['for'] = '30s',\n"
        "abort = true, delay = '1m' }, more,\n"
        "{ metric = 'http_response', stat = 'p99', trend = true, max = '10%' },\n"
        "{ metric = 'requests', stat = 'per_second', trend = true, min = -0.1 },\n"
        "'users max <= 20' } }");
    assert_int_equal(s->thresholds_len, 6);
    assert_threshold(s, 0, "http_response p95 <= 200ms over 10s for 30s abort delay 60s");
    assert_threshold(s, 1, "apdex{chat} 500ms >= 0.9");
    assert_threshold(s, 2, "goodput 250ms share >= 95%");
    assert_threshold(s, 3, "http_response p99 trend <= 10%");
    assert_threshold(s, 4, "requests per_second trend >= -10%");
    assert_threshold(s, 5, "users max <= 20");
    pelt_scenario_free(s);
}

static void assert_alert(const struct pelt_scenario *s, size_t i, const char *name,
                         const char *rule)
{
    char is[400];
    assert_true(i < s->alerts_len);
    assert_string_equal(s->alerts[i].name, name);
    pelt_threshold_format(&s->alerts[i].rule, is, sizeof is);
    assert_string_equal(is, rule);
}

static void scenario_takes_alerts_as_text_and_as_table_and_lists_of_them(void **state)
{
    struct pelt_scenario *s = load_text(
        "local depth = require('pelt').metric.gauge('depth')\n"
        "return { iteration = print, alerts = { webhook = 'http://h:1/x',\n"
        "{ alert = 'HighErrorRate', rule = 'errors share < 5% over 10s for 3s' },\n"
        "{ { alert = 'Deep', metric = 'depth', stat = 'max', max = 9, over = 3, delay = 2 },\n"
        "  { alert = 'Slow', metric = 'http_response', name = 'chat', stat = 'p95', max = 0.2,\n"
        "    over = '5s', ['for'] = '2s' } } } }");
    assert_int_equal(s->alerts_len, 3);
    assert_int_equal(s->thresholds_len, 0);
    assert_alert(s, 0, "HighErrorRate", "errors share <= 5% over 10s for 3s");
    assert_alert(s, 1, "Deep", "depth max <= 9 over 3s delay 2s");
    assert_alert(s, 2, "Slow", "http_response{chat} p95 <= 200ms over 5s for 2s");
    assert_string_equal(s->webhook, "http://h:1/x");
    pelt_scenario_free(s);
    s = load_text("return { iteration = print }");
    assert_int_equal(s->alerts_len, 0);
    assert_null(s->webhook);
    pelt_scenario_free(s);
}

static void scenario_takes_thresholds_as_text_and_as_table(void **state)
{
    struct pelt_scenario *s =
        load_text("return { iteration = print, thresholds = { 'http_response{chat} p99 < 8s',\n"
                  "{ metric = 'http_response', stat = 'p95', target = 0.1, warning = '200ms', "
                  "critical = '5s' },\n"
                  "{ metric = 'errors', stat = 'share', max = '1%' } } }");
    assert_int_equal(s->thresholds_len, 3);
    assert_string_equal(s->thresholds[0].name, "chat");
    assert_float_equal(s->thresholds[1].target, 100, 1e-6);
    assert_float_equal(s->thresholds[1].warning, 200, 1e-6);
    assert_float_equal(s->thresholds[2].critical, 0.01, 1e-9);
    pelt_scenario_free(s);
}

static void settings_come_before_environment_and_default(void **state)
{
    struct pelt_setting settings[] = {{"A", "set", false}, {"UNREAD", "x", false}};
    const char *source = "local env = require('pelt').env\n"
                         "return { name = env('A', 'no') .. env('PELT_TEST_ENV', 'no') .. "
                         "env('PELT_TEST_NONE', 'default'),\n"
                         "iteration = print }";
    struct pelt_scenario *s = NULL;
    struct pelt_error err;
    setenv("PELT_TEST_ENV", "env", 1);
    setenv("A", "env", 1);
    assert_int_equal(
        pelt_scenario_load_text("s.lua", source, strlen(source), settings, 2, &s, &err), PELT_OK);
    assert_string_equal(s->name, "setenvdefault");
    assert_true(settings[0].read);
    assert_false(settings[1].read);
    pelt_scenario_free(s);
}

static void file_that_is_absent_is_named(void **state)
{
    struct pelt_scenario *s = NULL;
    struct pelt_error err;
    assert_int_equal(pelt_scenario_load("/nowhere/x.lua", NULL, 0, &s, &err), PELT_EINVAL);
    assert_string_equal(err.text, "/nowhere/x.lua: No such file or directory");
}

static void compiled_file_is_refused_by_name(void **state)
{
    struct pelt_scenario *s = NULL;
    struct pelt_error err;
    assert_int_equal(pelt_scenario_load_text("c.lua", "\x1bLua\x54", 5, NULL, 0, &s, &err),
                     PELT_ESCRIPT);
    assert_string_equal(err.text, "c.lua: is compiled Lua: give the source that it was made from");
}

/* The parts that the first line of the file wants in the message. */
static void expected_of(const char *path, char *out, size_t size)
{
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    assert_non_null(fgets(out, (int)size, file));
    fclose(file);
    const char *mark = "-- expects: ";
    if (strncmp(out, mark, strlen(mark)) != 0) {
        fail_msg("%s does not begin with '%s'", path, mark);
    }
    memmove(out, out + strlen(mark), strlen(out + strlen(mark)) + 1);
    out[strcspn(out, "\n")] = '\0';
}

static void check_bad_file(const char *path)
{
    char expected[512];
    struct pelt_scenario *s = NULL;
    struct pelt_error err = {""};
    expected_of(path, expected, sizeof expected);
    if (pelt_scenario_load(path, NULL, 0, &s, &err) == PELT_OK) {
        fail_msg("%s loads", path);
    }
    char *rest = expected, *part;
    while ((part = strsep(&rest, "|"))) {
        if (!strstr(err.text, part)) {
            fail_msg("%s: \"%s\" does not contain \"%s\"", path, err.text, part);
        }
    }
}

static void each_bad_scenario_gets_its_line(void **state)
{
    DIR *dir = opendir(PELT_LUA_TESTS "/bad");
    assert_non_null(dir);
    struct dirent *entry;
    int files = 0;
    while ((entry = readdir(dir))) {
        if (entry->d_name[0] != '.') {
            char path[1024];
            snprintf(path, sizeof path, PELT_LUA_TESTS "/bad/%s", entry->d_name);
            check_bad_file(path);
            files++;
        }
    }
    closedir(dir);
    assert_true(files > 20);
}

static void scenarios_of_the_project_load(void **state)
{
    static const char *const names[] = {"hello", "chat", "demo"};
    for (size_t i = 0; i < 3; i++) {
        char path[1024];
        struct pelt_scenario *s = NULL;
        struct pelt_error err;
        snprintf(path, sizeof path, PELT_SCENARIOS "/%s.lua", names[i]);
        if (pelt_scenario_load(path, NULL, 0, &s, &err) != PELT_OK) {
            fail_msg("%s", err.text);
        }
        assert_string_equal(s->name, names[i]);
        assert_true(s->has_load);
        pelt_scenario_free(s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scenario_gives_name_target_tasks_and_hooks),
        cmocka_unit_test(scenario_counts_the_ramp_into_the_duration),
        cmocka_unit_test(scenario_reads_arrivals_with_their_pool),
        cmocka_unit_test(scenario_climbs_from_stage_to_stage),
        cmocka_unit_test(scenario_reads_what_ends_and_paces_it),
        cmocka_unit_test(scenario_climbs_exponentially),
        cmocka_unit_test(scenario_takes_alerts_as_text_and_as_table_and_lists_of_them),
        cmocka_unit_test(scenario_takes_thresholds_as_text_and_as_table),
        cmocka_unit_test(scenario_takes_what_thresholds_ask_of_seconds_and_lists_of_them),
        cmocka_unit_test(settings_come_before_environment_and_default),
        cmocka_unit_test(file_that_is_absent_is_named),
        cmocka_unit_test(compiled_file_is_refused_by_name),
        cmocka_unit_test(each_bad_scenario_gets_its_line),
        cmocka_unit_test(scenarios_of_the_project_load),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
