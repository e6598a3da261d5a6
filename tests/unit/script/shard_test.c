/* shard: what a state takes before it has a user; there is one for each 250 of them. */
#include "test.h"

#include <string.h>

#include <lua.h>

#include "fake_client.h"
#include "shard.h"

#define STATE_BYTES_MOST (96 * 1024)

static size_t bytes_of_a_state(const char *source)
{
    struct pelt_error err;
    struct pelt_scenario *scenario = NULL;
    if (pelt_scenario_load_text("t.lua", source, strlen(source), NULL, 0, &scenario, &err) !=
        PELT_OK) {
        fail_msg("%s", err.text);
    }
    int opaque = 0;
    struct pelt_timerq timers;
    pelt_timerq_init(&timers);
    struct pelt_registry *registry = pelt_registry_new();
    struct pelt_script_options options = {
        .scenario = scenario,
        .client = (struct pelt_client *)&opaque,
        .registry = registry,
        .timers = &timers,
        .target = "http://target/",
    };
    struct pelt_shard *shard = NULL;
    if (pelt_shard_new(&options, NULL, &shard, &err) != PELT_OK) {
        fail_msg("%s", err.text);
    }
    lua_gc(shard->L, LUA_GCCOLLECT);
    size_t bytes = shard->slab.live_bytes;
    pelt_shard_free(shard);
    pelt_timerq_deinit(&timers);
    pelt_registry_free(registry);
    pelt_scenario_free(scenario);
    return bytes;
}

static void a_state_has_only_what_its_script_asks_for(void **state)
{
    size_t plain = bytes_of_a_state("return { load = { users = 1, iterations = 1 }, iteration = "
                                    "function() end }");
    size_t model = bytes_of_a_state("local llm = require('pelt').llm "
                                    "return { load = { users = 1, iterations = 1 }, iteration = "
                                    "function() return llm end }");
    print_message("a state: %zu bytes, with llm: %zu\n", plain, model);
    assert_true(plain < STATE_BYTES_MOST);
    assert_true(model > plain + 32 * 1024);
}

static void what_tells_loads_does_not_stay(void **state)
{
    size_t plain = bytes_of_a_state("return { load = { users = 1, iterations = 1 }, iteration = "
                                    "function() end }");
    size_t burst = bytes_of_a_state("local load = require('pelt').load "
                                    "return { load = load.burst { base = 1, peak = 2, duration = "
                                    "'2m' }, iteration = function() end }");
    assert_true(burst < plain + 8 * 1024);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_state_has_only_what_its_script_asks_for),
        cmocka_unit_test(what_tells_loads_does_not_stay),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
