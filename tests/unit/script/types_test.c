/*
 * lua/types/pelt.lua, which editors read, names what scripts have and nothing else. The comparison
 * is a scenario (tests/lua/types.lua); a finding is its script error and says what to add where.
 */
#include "test.h"

#include <lauxlib.h>
#include <stdatomic.h>
#include <string.h>

#include "fake_client.h"
#include "script_state.h"
#include "shard.h"

static struct pelt_error finding;

static void on_error(void *arg, const struct pelt_script_whose *whose, const char *line,
                     const char *traceback)
{
    finding = (struct pelt_error){{0}};
    print_error("%s\n", line); /* whole, however many findings there are */
    snprintf(finding.text, sizeof finding.text, "%s", line);
}

/* What is said of a scenario with a key that does not exist. */
static const char *refusal_of(const char *source, struct pelt_error *err)
{
    struct pelt_scenario *scenario = NULL;
    assert_int_not_equal(
        pelt_scenario_load_text("t.lua", source, strlen(source), NULL, 0, &scenario, err), PELT_OK);
    return err->text;
}

static int push_registry(lua_State *L)
{
    luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
    lua_pushvalue(L, LUA_REGISTRYINDEX);
    lua_setfield(L, -2, "registry");
    return 0;
}

static void run_one_iteration(struct pelt_script *script)
{
    struct pelt_vu *vu = pelt_script_vu_ops.create(script, 0);
    assert_non_null(vu);
    assert_true(pelt_shard_protect(script->shards[0], push_registry, NULL, NULL));
    vu->running = true;
    pelt_script_vu_ops.begin(vu, 1000, 1000);
    while (fake_answer()) {
    }
    assert_false(vu->running);
    pelt_script_vu_ops.destroy(vu);
}

static void types_for_editors_name_what_scripts_have(void **state)
{
    struct pelt_error key, task, threshold, http2, tls, agent, err;
    struct pelt_setting settings[] = {
        {"TYPES", PELT_LUA_TYPES, false},
        {"DOCS", PELT_DOCS "/SCENARIOS.md", false},
        {"UNKNOWN_SCENARIO", refusal_of("return { ['?'] = 1 }", &key), false},
        {"UNKNOWN_TASK", refusal_of("return { tasks = { { ['?'] = 1 } } }", &task), false},
        {"UNKNOWN_THRESHOLD",
         refusal_of("return { iteration = print, thresholds = { { ['?'] = 1 } } }", &threshold),
         false},
        {"UNKNOWN_HTTP2", refusal_of("return { iteration = print, http2 = { ['?'] = 1 } }", &http2),
         false},
        {"UNKNOWN_TLS", refusal_of("return { iteration = print, tls = { ['?'] = 1 } }", &tls),
         false},
        {"UNKNOWN_AGENT",
         refusal_of("return { iteration = print, agents = { { ['?'] = 1 } } }", &agent), false},
    };
    size_t settings_len = sizeof settings / sizeof *settings;
    struct pelt_scenario *scenario = NULL;
    if (pelt_scenario_load(PELT_LUA_TESTS "/types.lua", settings, settings_len, &scenario, &err) !=
        PELT_OK) {
        fail_msg("%s", err.text);
    }
    _Atomic bool stopping = false;
    struct pelt_recorder recorder;
    struct pelt_frame *frame = pelt_frame_new(NULL);
    struct pelt_timerq timers;
    pelt_timerq_init(&timers);
    pelt_recorder_init(&recorder, frame, 0, NULL, NULL);
    recorder.edge_ns = PELT_NEVER;
    fake_reset();
    struct pelt_script_options options = {
        .scenario = scenario,
        .settings = settings,
        .settings_len = settings_len,
        .client = (struct pelt_client *)&options, /* opaque to the script; not NULL */
        .recorder = &recorder,
        .registry = pelt_registry_new(),
        .timers = &timers,
        .target = "http://target:80/",
        .seed = 42,
        .stopping = &stopping,
        .on_error = on_error,
    };
    struct pelt_script *script = NULL;
    if (pelt_script_new(&options, &script, &err) != PELT_OK) {
        fail_msg("%s", err.text);
    }
    run_one_iteration(script);
    assert_string_equal(finding.text, "");
    pelt_script_free(script);
    pelt_registry_free(options.registry);
    pelt_timerq_deinit(&timers);
    pelt_frame_free(frame);
    pelt_scenario_free(scenario);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(types_for_editors_name_what_scripts_have),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
