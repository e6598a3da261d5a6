/* models: loads, waits and evictions in virtual time. (The order of each policy: cache.) */
#include "test.h"

#include "models.h"

#define MS  UINT64_C(1000000)
#define S   (1000 * MS)
#define MIB UINT64_C(1048576)

static const struct target_system *const sys = &target_models_system;

static struct target_models *models;

static struct target_models_settings settings_of(const char *list, uint64_t limit_bytes,
                                                 enum target_cache_policy policy)
{
    static struct target_models_settings settings;
    struct target_error err = {{0}};

    assert_true(target_modellist_parse(&settings.list, list, &err));
    settings.limit_bytes = limit_bytes;
    settings.policy = policy;
    return settings;
}

static void start(const char *list, uint64_t limit_bytes, enum target_cache_policy policy)
{
    static struct target_models_settings settings;

    settings = settings_of(list, limit_bytes, policy);
    models = sys->start(&settings, 0);
    assert_non_null(models);
}

static void stop(uint64_t now_ns)
{
    sys->stop(models, &(struct target_scene){.now_ns = now_ns});
}

struct asking {
    struct target_admission admission;
    char body[64];
};

static enum target_verdict ask_again(struct asking *asking, uint64_t now_ns)
{
    return sys->admit(models, &asking->admission, &(struct target_scene){.now_ns = now_ns});
}

static enum target_verdict ask(struct asking *asking, const char *model, uint64_t now_ns)
{
    *asking = (struct asking){.admission = {.start_ns = now_ns, .is_work = true}};
    snprintf(asking->body, sizeof asking->body, "{\"message\":\"x\",\"model\":\"%s\"}", model);
    if (model[0]) {
        asking->admission.body = asking->body;
        asking->admission.body_bytes = strlen(asking->body);
    }
    return ask_again(asking, now_ns);
}

/* Waits as the loop does, but late; the time waited for the model. */
static uint64_t load_ns(const char *model, uint64_t now_ns)
{
    struct asking asking;
    enum target_verdict verdict = ask(&asking, model, now_ns);

    while (verdict == TARGET_LATER) {
        assert_true(asking.admission.later_ns > now_ns);
        verdict = ask_again(&asking, asking.admission.later_ns + 50000);
    }
    assert_int_equal(verdict, TARGET_GO);
    assert_int_equal(asking.admission.start_ns, now_ns + asking.admission.model.load_ns);
    return asking.admission.model.load_ns;
}

static struct target_figures figures(uint64_t now_ns)
{
    struct target_figures figures = {.limits = 0};

    sys->figures(models, &figures, &(struct target_scene){.now_ns = now_ns});
    return figures;
}

/* Of all models in order: + loaded, ~ loading, - absent. */
static void assert_states(const char *expected, uint64_t now_ns)
{
    json_t *json = target_models_json(models, &(struct target_scene){.now_ns = now_ns});
    json_t *data = json_object_get(json, "data"), *model;
    char states[TARGET_MODELS_MAX + 1] = "";
    size_t i;

    json_array_foreach(data, i, model)
    {
        const char *state = json_string_value(json_object_get(model, "state"));

        states[i] = strcmp(state, "loaded") == 0 ? '+' : strcmp(state, "loading") == 0 ? '~' : '-';
    }
    assert_string_equal(states, expected);
    json_decref(json);
}

static void without_a_list_it_is_off(void **state)
{
    struct asking asking;

    start("", 0, TARGET_CACHE_LRU);
    assert_false(target_models_is_on(models));
    assert_int_equal(ask(&asking, "any", 0), TARGET_GO);
    assert_null(asking.admission.model.name);
    assert_int_equal(figures(0).limits, 0);
    stop(0);
}

static void a_miss_loads_in_front_of_the_work_and_a_hit_does_not(void **state)
{
    start("a:1m:400ms,b:2m:3s", 0, TARGET_CACHE_LRU);
    assert_int_equal(load_ns("b", S), 3 * S);
    assert_int_equal(load_ns("b", 4 * S), 0);
    assert_int_equal(load_ns("", 5 * S), 400 * MS); /* the first of the list */
    assert_int_equal(load_ns("a", 6 * S), 0);
    assert_states("++", 6 * S);
    stop(6 * S);
}

static void a_time_before_one_already_seen_counts_as_that_one(void **state)
{
    struct asking asking;

    start("a:1m:0,b:1m:400ms", 0, TARGET_CACHE_LRU);
    load_ns("a", S);
    figures(3 * S);
    assert_int_equal(load_ns("a", 2 * S), 0);
    assert_int_equal(ask(&asking, "b", 2 * S), TARGET_LATER);
    assert_int_equal(asking.admission.later_ns, 3400 * MS);
    assert_int_equal(ask_again(&asking, 3400 * MS), TARGET_GO);
    assert_int_equal(asking.admission.model.load_ns, 400 * MS);
    assert_int_equal(asking.admission.start_ns, 3400 * MS);
    stop(4 * S);
}

static void a_model_that_there_is_not_is_404(void **state)
{
    struct asking asking;

    start("a:1m:400ms", 0, TARGET_CACHE_LRU);
    assert_int_equal(ask(&asking, "A", 0), TARGET_REFUSED);
    assert_int_equal(asking.admission.status, 404);
    assert_string_equal(asking.admission.refused_by, "models");
    assert_states("-", 0);
    stop(0);
}

static void all_who_ask_during_a_load_wait_for_its_end(void **state)
{
    struct asking first, second, third;
    struct target_figures seen;

    start("a:1m:400ms", 0, TARGET_CACHE_LRU);
    assert_int_equal(ask(&first, "a", S), TARGET_LATER);
    assert_int_equal(ask(&second, "a", S + 100 * MS), TARGET_LATER);
    assert_int_equal(ask(&third, "a", S + 399 * MS), TARGET_LATER);
    assert_int_equal(figures(S + 399 * MS).limit[0].waiters, 3);
    assert_states("~", S + 400 * MS - 1);
    assert_int_equal(ask_again(&third, S + 400 * MS), TARGET_GO);
    assert_int_equal(ask_again(&first, S + 401 * MS), TARGET_GO);
    assert_int_equal(ask_again(&second, S + 402 * MS), TARGET_GO);
    assert_int_equal(first.admission.model.load_ns, 400 * MS);
    assert_int_equal(second.admission.model.load_ns, 300 * MS);
    assert_int_equal(third.admission.model.load_ns, 1 * MS);
    assert_int_equal(second.admission.start_ns, S + 400 * MS);
    seen = figures(2 * S);
    assert_int_equal(seen.limit[0].waiters, 0);
    assert_int_equal(seen.limit[0].events, 3);
    assert_int_equal(seen.cache[0].misses, 3);
    assert_int_equal(seen.cache[0].hits, 0);
    stop(2 * S);
}

static void who_finds_no_room_waits_for_the_next_load_to_end(void **state)
{
    struct asking a, b, c;

    start("a:6m:400ms,b:6m:200ms,c:4m:100ms", 10 * MIB, TARGET_CACHE_LRU);
    assert_int_equal(ask(&a, "a", 0), TARGET_LATER);
    assert_int_equal(ask(&b, "b", 100 * MS), TARGET_LATER); /* 12m */
    assert_int_equal(b.admission.later_ns, 400 * MS);
    assert_int_equal(ask(&c, "c", 150 * MS), TARGET_LATER); /* 10m */
    assert_int_equal(c.admission.later_ns, 250 * MS);
    assert_states("~-~", 200 * MS);
    assert_int_equal(ask_again(&c, 250 * MS), TARGET_GO);
    assert_int_equal(ask_again(&a, 400 * MS), TARGET_GO);
    assert_int_equal(ask_again(&b, 401 * MS), TARGET_LATER); /* now it loads, in place of both */
    assert_int_equal(b.admission.later_ns, 600 * MS);
    assert_states("-~-", 500 * MS);
    assert_int_equal(ask_again(&b, 600 * MS), TARGET_GO);
    assert_int_equal(b.admission.model.load_ns, 500 * MS);
    assert_int_equal(b.admission.start_ns, 600 * MS);
    assert_int_equal(figures(S).cache[0].misses, 3);
    assert_int_equal(figures(S).limit[0].waiters, 0);
    stop(S);
}

static void who_is_given_up_while_it_waits_is_forgotten(void **state)
{
    struct asking asking;
    struct target_outcome none = {.status = 0};

    start("a:1m:400ms", 0, TARGET_CACHE_LRU);
    assert_int_equal(ask(&asking, "a", 0), TARGET_LATER);
    sys->ended(models, &asking.admission, &none, &(struct target_scene){.now_ns = 100 * MS});
    assert_int_equal(figures(100 * MS).limit[0].waiters, 0);
    assert_int_equal(load_ns("a", 100 * MS), 300 * MS); /* the load goes on */
    stop(100 * MS);
}

static void a_model_is_unloaded_after_its_time(void **state)
{
    start("a:1m:100ms:2s", 0, TARGET_CACHE_LRU);
    assert_int_equal(load_ns("a", 0), 100 * MS);
    assert_int_equal(load_ns("a", 2100 * MS - 1), 0);
    assert_int_equal(load_ns("a", 2100 * MS), 100 * MS);
    assert_states("+", 2200 * MS);
    assert_states("-", 4200 * MS);
    assert_int_equal(figures(5 * S).cache[0].evictions, 2);
    assert_int_equal(figures(5 * S).cache[0].bytes, 0);
    stop(5 * S);
}

static void a_load_that_takes_no_time_is_there_at_once(void **state)
{
    start("a:1m:0,b:1m:0", MIB, TARGET_CACHE_LRU);
    assert_int_equal(load_ns("a", 0), 0);
    assert_int_equal(load_ns("b", 0), 0);
    assert_states("-+", 0);
    assert_int_equal(figures(0).cache[0].misses, 2);
    stop(0);
}

static void limit_and_policy_are_turned_while_it_runs(void **state)
{
    struct target_models_settings settings =
        settings_of("a:2m:30ms,b:2m:20ms,c:2m:10ms,d:2m:0", 6 * MIB, TARGET_CACHE_LRU);
    struct target_figures seen;

    start("a:2m:30ms,b:2m:20ms,c:2m:10ms,d:2m:0", 6 * MIB, TARGET_CACHE_LRU);
    load_ns("a", 0);
    load_ns("b", S);
    load_ns("c", 2 * S);
    settings.policy = TARGET_CACHE_COST;
    assert_true(sys->apply(models, &settings, &(struct target_scene){.now_ns = 3 * S}));
    load_ns("d", 3 * S);
    assert_states("++-+", 3 * S); /* c is the cheapest to load; a was used first */
    settings.limit_bytes = 2 * MIB;
    assert_true(sys->apply(models, &settings, &(struct target_scene){.now_ns = 4 * S}));
    assert_states("+---", 4 * S);
    seen = figures(4 * S);
    assert_string_equal(seen.event[0].event, "evicted_lru");
    assert_int_equal(seen.event[0].count, 0);
    assert_string_equal(seen.event[4].event, "evicted_cost");
    assert_int_equal(seen.event[4].count, 3);
    stop(4 * S);
}

static void a_limit_lowered_during_loads_lets_them_end(void **state)
{
    struct target_models_settings settings =
        settings_of("a:2m:1s,b:2m:1s", 2 * MIB, TARGET_CACHE_LRU);
    struct asking a, b;

    start("a:2m:1s,b:2m:1s", 4 * MIB, TARGET_CACHE_LRU);
    assert_int_equal(ask(&a, "a", 0), TARGET_LATER);
    assert_int_equal(ask(&b, "b", 1), TARGET_LATER);
    assert_true(sys->apply(models, &settings, &(struct target_scene){.now_ns = 2}));
    assert_int_equal(ask_again(&a, S), TARGET_GO);
    assert_int_equal(ask_again(&b, S + 1), TARGET_GO);
    assert_states("-+", 2 * S);
    stop(2 * S);
}

static void a_model_larger_than_the_memory_is_no_setting(void **state)
{
    struct target_models_settings settings =
        settings_of("a:1m:1s,b:3g:1s", 2048 * MIB, TARGET_CACHE_LRU);
    struct target_error err = {{0}};

    assert_false(sys->check(&settings, &err));
    assert_string_equal(err.text, "model-memory: \"2g\" is less than the model b needs, 3g; try "
                                  "model-memory 3g");
    settings.limit_bytes = 0;
    assert_true(sys->check(&settings, &err));
}

static void what_is_not_json_names_no_model(void **state)
{
    struct asking asking;

    start("a:1m:0", 0, TARGET_CACHE_LRU);
    ask(&asking, "a", 0);
    asking.admission.model = (struct target_model_use){.name = NULL};
    asking.admission.body_bytes = 5;
    assert_int_equal(ask_again(&asking, 0), TARGET_GO);
    assert_string_equal(asking.admission.model.name, "a");
    stop(0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_a_list_it_is_off),
        cmocka_unit_test(a_miss_loads_in_front_of_the_work_and_a_hit_does_not),
        cmocka_unit_test(a_time_before_one_already_seen_counts_as_that_one),
        cmocka_unit_test(a_model_that_there_is_not_is_404),
        cmocka_unit_test(all_who_ask_during_a_load_wait_for_its_end),
        cmocka_unit_test(who_finds_no_room_waits_for_the_next_load_to_end),
        cmocka_unit_test(who_is_given_up_while_it_waits_is_forgotten),
        cmocka_unit_test(a_model_is_unloaded_after_its_time),
        cmocka_unit_test(a_load_that_takes_no_time_is_there_at_once),
        cmocka_unit_test(limit_and_policy_are_turned_while_it_runs),
        cmocka_unit_test(a_limit_lowered_during_loads_lets_them_end),
        cmocka_unit_test(a_model_larger_than_the_memory_is_no_setting),
        cmocka_unit_test(what_is_not_json_names_no_model),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
