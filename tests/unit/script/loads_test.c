/*
 * The loads of lua/load: each as the stages that it is, written "from-to/seconds part:span", and
 * what it says of itself to who analyses the run. What they refuse is in tests/lua/bad.
 */
#include "test.h"

#include <string.h>

#include "pelt/clock.h"
#include "pelt/scenario.h"

static struct pelt_scenario *load(const char *expression)
{
    char source[1024];
    struct pelt_error err;
    struct pelt_scenario *s = NULL;
    snprintf(source, sizeof source,
             "local load = require('pelt').load\nreturn { load = %s, tasks = { { name = 'a', run = "
             "print }, { name = 'b', run = print } } }",
             expression);
    if (pelt_scenario_load_text("dir/test.lua", source, strlen(source), NULL, 0, &s, &err) !=
        PELT_OK) {
        fail_msg("%s: %s", expression, err.text);
    }
    return s;
}

static void write_stages(const struct pelt_plan *plan, char *out, size_t size)
{
    size_t len = 0;
    out[0] = '\0';
    for (size_t i = 0; i < plan->stages_len && len < size; i++) {
        const struct pelt_stage *s = &plan->stages[i];
        len += (size_t)snprintf(out + len, size - len, "%s%g-%g/%g %s:%u", i > 0 ? ", " : "",
                                s->from, s->to, (double)s->duration_ns / 1e9, s->part, s->span);
    }
}

static void assert_load(const char *expression, enum pelt_loop loop, const char *kind,
                        const char *params, const char *stages)
{
    char text[1024];
    struct pelt_scenario *s = load(expression);
    write_stages(&s->plan, text, sizeof text);
    assert_string_equal(text, stages);
    assert_int_equal(s->plan.loop, loop);
    assert_string_equal(s->plan.kind, kind);
    assert_string_equal(s->plan.params != NULL ? s->plan.params : "", params);
    pelt_scenario_free(s);
}

#define CLOSED PELT_LOOP_CLOSED
#define OPEN   PELT_LOOP_OPEN

static void simple_levels_climb_and_leave(void **state)
{
    assert_load("{ users = 4, duration = '10s' }", CLOSED, "", "", "4-4/10 steady:1");
    assert_load("{ users = 4, duration = '10s', ramp = '2s', ramp_down = '3s' }", CLOSED, "", "",
                "0-4/2 ramp:0, 4-4/5 steady:1, 4-0/3 ramp-down:0");
    assert_load("load.rate { rate = '60/m', duration = 10, ramp_down = 10 }", OPEN, "", "",
                "1-0/10 ramp-down:0");
    assert_load("load.users { users = 4, duration = 4, ramp = 2, ramp_down = 2 }", CLOSED, "", "",
                "0-4/2 ramp:0, 4-0/2 ramp-down:0");
}

#define SUSTAINED "{\"effect\":0.05,\"family\":0.01}"

static void sustained_is_a_level_with_what_counts_as_drift(void **state)
{
    assert_load("load.sustained { users = 20, duration = '1h', ramp = '1m' }", CLOSED, "sustained",
                SUSTAINED, "0-20/60 ramp:0, 20-20/3540 steady:1");
    assert_load("load.sustained { rate = '20/s', duration = '1h', effect = '10%', family = 0.05 }",
                OPEN, "sustained", "{\"effect\":0.1,\"family\":0.05}", "20-20/3600 steady:1");
}

#define BURST(n) "{\"percentile\":99,\"spikes\":" #n ",\"tolerance\":0.1}"

static void burst_of_the_contract(void **state)
{
    assert_load("load.burst { base = 20, peak = 200, every = '30s', length = '10s', duration = "
                "'2m' }",
                CLOSED, "burst", BURST(4),
                "20-20/10 base:0, 200-200/10 spike:1, 20-20/20 base:0, 200-200/10 spike:2, "
                "20-20/20 base:0, 200-200/10 spike:3, 20-20/20 base:0, 200-200/10 spike:4, "
                "20-20/10 base:0");
}

static void bursts_have_edges_and_begin_when_told(void **state)
{
    assert_load("load.burst { base = '2/s', peak = '8/s', every = '10s', length = '1s', edges = "
                "'2s', first = 0, duration = '19s', percentile = 95, tolerance = '20%' }",
                OPEN, "burst", "{\"percentile\":95,\"spikes\":2,\"tolerance\":0.2}",
                "2-8/2 spike:1, 8-8/1 spike:1, 8-2/2 spike:1, 2-2/5 base:0, "
                "2-8/2 spike:2, 8-8/1 spike:2, 8-2/2 spike:2, 2-2/4 base:0");
    /* The second one would not be over in time; a triangle has no top. */
    assert_load("load.burst { peak = 8, every = 10, length = 0, edges = 2, first = 6, duration = "
                "19 }",
                CLOSED, "burst", BURST(1),
                "0-0/6 base:0, 0-8/2 spike:1, 8-0/2 spike:1, 0-0/9 base:0");
    /* Half of 1.5 s between two: below a second it stays as it is. */
    assert_load("load.burst { peak = 8, every = 2, length = 0.5, duration = 1.25 }", CLOSED,
                "burst", BURST(1), "0-0/0.75 base:0, 8-8/0.5 spike:1");
}

static void benchmark_repeats_its_trials(void **state)
{
    assert_load("load.benchmark { users = 5, duration = '1m' }", CLOSED, "benchmark",
                "{\"confidence\":0.95,\"effect\":0.05,\"percentile\":99,\"precision\":0.05,"
                "\"trials\":3,\"warmup\":\"auto\"}",
                "5-5/60 trial:1, 5-5/60 trial:2, 5-5/60 trial:3");
    assert_load("load.benchmark { rate = '5/s', duration = '1m', trials = 2, warmup = '10s', pause "
                "= '5s', percentile = 99.9, confidence = 0.9, precision = '1%', effect = '2%' }",
                OPEN, "benchmark",
                "{\"confidence\":0.9,\"effect\":0.02,\"percentile\":99.9,\"precision\":0.01,"
                "\"trials\":2,\"warmup\":\"given\"}",
                "5-5/10 warmup:0, 5-5/60 trial:1, 0-0/5 pause:1, 5-5/60 trial:2");
}

static void assert_part(const struct pelt_scenario *s, size_t i, const char *name, const char *text)
{
    char stages[1024];
    write_stages(&s->plan.parts[i], stages, sizeof stages);
    assert_string_equal(s->plan.parts[i].name, name);
    assert_string_equal(stages, text);
}

static void mix_puts_loads_side_by_side_in_the_order_of_names(void **state)
{
    struct pelt_scenario *s =
        load("load.mix { feed = { rate = '5/s', duration = 30, start = 10, iteration = print },\n"
             "chat = { users = 20, duration = '1m', tasks = { 'b' } },\n"
             "zip = { users = 1, duration = 5, start_after = 'after' },\n"
             "after = { load = load.burst { peak = 9, duration = 30 }, start_after = 'feed', start "
             "= '5s' } }");
    assert_int_equal(s->plan.parts_len, 4);
    assert_int_equal(s->plan.stages_len, 0);
    assert_part(s, 0, "after", "0-0/45 wait:0, 0-0/10 base:0, 9-9/10 spike:1, 0-0/10 base:0");
    assert_part(s, 1, "chat", "20-20/60 steady:1");
    assert_part(s, 2, "feed", "0-0/10 wait:0, 5-5/30 steady:1");
    assert_part(s, 3, "zip", "0-0/75 wait:0, 1-1/5 steady:1");
    assert_string_equal(s->plan.parts[0].kind, "burst");
    assert_int_equal(s->plan.loop, PELT_LOOP_CLOSED);
    assert_true(pelt_plan_mixed(&s->plan));
    assert_int_equal(pelt_plan_length_ns(&s->plan), 80 * PELT_NS_PER_S);
    assert_float_equal(pelt_plan_peak(&s->plan), 30, 0);
    assert_int_equal(s->tasks_len, 3); /* the scenario's, and feed's own */
    assert_string_equal(s->tasks[2].name, "feed");
    char line[512];
    pelt_plan_describe(&s->plan, line, sizeof line);
    assert_string_equal(line,
                        "after: burst: 0 users, 1 spike to 9 for 10s, 30s, from 45s on; chat: 20 "
                        "users for 1m; feed: 5/s for 30s, uniform, from 10s on; zip: 1 user for "
                        "5s, from 1m15s on");
    pelt_plan_scale_length(&s->plan, 8 * PELT_NS_PER_S);
    assert_part(s, 0, "after", "0-0/4.5 wait:0, 0-0/1 base:0, 9-9/1 spike:1, 0-0/1 base:0");
    assert_part(s, 2, "feed", "0-0/1 wait:0, 5-5/3 steady:1");
    pelt_scenario_free(s);
}

static void a_mix_may_be_all_that_a_scenario_does(void **state)
{
    struct pelt_error err;
    struct pelt_scenario *s = NULL;
    const char *source = "local load = require('pelt').load return { load = load.mix { "
                         "a = { users = 2, iterations = 7, iteration = print },\n"
                         "b = { users = 3, iterations_per_user = 2, iteration = print } } }";
    assert_int_equal(pelt_scenario_load_text("t.lua", source, strlen(source), NULL, 0, &s, &err),
                     PELT_OK);
    assert_int_equal(s->tasks_len, 2);
    assert_true(s->plan.endless);
    assert_int_equal(pelt_plan_iterations(&s->plan), 13);
    pelt_plan_scale_length(&s->plan, 4 * PELT_NS_PER_S);
    assert_false(s->plan.endless);
    assert_int_equal(pelt_plan_length_ns(&s->plan), 4 * PELT_NS_PER_S);
    pelt_scenario_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(simple_levels_climb_and_leave),
        cmocka_unit_test(sustained_is_a_level_with_what_counts_as_drift),
        cmocka_unit_test(burst_of_the_contract),
        cmocka_unit_test(bursts_have_edges_and_begin_when_told),
        cmocka_unit_test(benchmark_repeats_its_trials),
        cmocka_unit_test(mix_puts_loads_side_by_side_in_the_order_of_names),
        cmocka_unit_test(a_mix_may_be_all_that_a_scenario_does),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
