/* trace: the last requests by their id, each with its steps in order. */
#include "test.h"

#include "trace.h"

static const struct target_system *const sys = &target_trace_system;
static const struct target_scene scene = {.now_ns = 1};

static void *start(uint64_t kept)
{
    const struct target_trace_settings settings = {.kept = kept};
    void *trace = sys->start(&settings, 1);

    assert_non_null(trace);
    return trace;
}

static void add(void *trace, const char *id)
{
    static const struct target_span span[] = {{.name = "upstream", .call_ns = 3000000}};
    const struct target_truth truth = {.begin_ns = 10,
                                       .end_ns = 9000010,
                                       .path = "/work",
                                       .status = 200,
                                       .is_sent = true,
                                       .queue_ns = 1000000,
                                       .work_ns = 5000000,
                                       .cache = "miss",
                                       .span = span,
                                       .spans = 1};

    target_trace_add(trace, id, "GET", &truth);
}

static void steps_stand_in_their_order(void **state)
{
    void *trace = start(3);
    json_t *json;
    char *text;

    add(trace, "a");
    json = target_trace_json(trace, "a");
    text = json_dumps(json, JSON_COMPACT);
    assert_string_equal(
        text, "{\"id\":\"a\",\"requests\":[{\"method\":\"GET\",\"path\":\"/work\",\"status\":200,"
              "\"begin_ns\":10,\"duration_ms\":9.0,\"steps\":[{\"step\":\"received\",\"at_ns\":10},"
              "{\"step\":\"cache\",\"outcome\":\"miss\"},{\"step\":\"queued\",\"ms\":1.0},"
              "{\"step\":\"worked\",\"ms\":5.0},{\"step\":\"called\",\"what\":\"upstream\","
              "\"wait_ms\":0.0,\"ms\":3.0},{\"step\":\"answered\",\"at_ns\":9000010,"
              "\"status\":200,\"sent\":true}]}]}");
    free(text);
    json_decref(json);
    sys->stop(trace, &scene);
}

static void the_last_ones_are_kept(void **state)
{
    void *trace = start(2);
    json_t *json;

    add(trace, "a");
    add(trace, "b");
    add(trace, "b");
    add(trace, "");
    assert_null(target_trace_json(trace, "a"));
    json = target_trace_json(trace, "b");
    assert_int_equal(json_array_size(json_object_get(json, "requests")), 2);
    json_decref(json);
    assert_null(target_trace_json(trace, ""));
    sys->stop(trace, &scene);
}

static void off_nothing_is_kept(void **state)
{
    void *trace = start(0);

    assert_false(target_trace_is_on(trace));
    add(trace, "a");
    assert_null(target_trace_json(trace, "a"));
    sys->stop(trace, &scene);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(steps_stand_in_their_order),
        cmocka_unit_test(the_last_ones_are_kept),
        cmocka_unit_test(off_nothing_is_kept),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
