/* picture: what the page and the API are told of a made-up run. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "fake_live.h"
#include "pelt/alert.h"
#include "picture.h"

static json_t *parse(char *text)
{
    json_t *o = text != NULL ? json_loads(text, 0, NULL) : NULL;
    assert_non_null(o);
    assert_null(strchr(text, '\n'));
    free(text);
    return o;
}

static double real(const json_t *o, const char *key)
{
    const json_t *value = json_object_get(o, key);
    if (!json_is_number(value)) {
        fail_msg("%s is no number", key);
    }
    return json_number_value(value);
}

/* Three begin at 0.5 s and end at 1.5 s. */
static void what_is_in_flight_goes_on_from_second_to_second(void **state)
{
    struct live_picture picture = {.begun = 0};
    struct fake_live f;
    fake_live_init(&f, PELT_LOOP_CLOSED, 0);
    f.second->second = 0;
    f.second->requests[1]->started = 3;
    f.second->flight_ns = (uint64_t)-1500000000;
    json_t *first = parse(live_picture_second(&picture, &f.live));
    assert_float_equal(real(first, "in_flight"), 1.5, 1e-9);
    f.second->second = 1;
    f.second->requests[1]->started = 0;
    f.second->requests[1]->outcomes[PELT_OUTCOME_OK] = 3;
    f.second->flight_ns = 4500000000;
    json_t *second = parse(live_picture_second(&picture, &f.live));
    assert_float_equal(real(second, "in_flight"), 1.5, 1e-9);
    assert_float_equal(real(second, "t"), 1, 0);
    json_decref(first);
    json_decref(second);
    fake_live_deinit(&f);
    live_picture_deinit(&picture);
}

static void a_second_has_percentiles_as_far_as_there_are_samples(void **state)
{
    struct live_picture picture = {.begun = 0};
    struct fake_live f;
    fake_live_init(&f, PELT_LOOP_CLOSED, 100);
    json_t *o = parse(live_picture_second(&picture, &f.live));
    const json_t *response = json_object_get(o, "response_ms");
    assert_float_equal(real(response, "p95"), 10, 0.1);
    assert_float_equal(real(response, "max"), 10, 0.1);
    assert_true(json_is_null(json_object_get(response, "p99")));
    json_decref(o);
    fake_live_deinit(&f);
    live_picture_deinit(&picture);
}

static void the_status_names_what_was_started_most_first(void **state)
{
    struct live_picture picture = {.begun = 0};
    struct live_audience audience = {.viewers = 2, .missed = 7};
    struct fake_live f;
    char name[32];
    fake_live_init(&f, PELT_LOOP_CLOSED, 10);
    f.live.names = pelt_registry_new();
    f.live.run_id = "ab";
    f.live.plan_text = "200 users";
    f.live.target = "http://h";
    for (uint32_t i = 1; i <= LIVE_REQUESTS_SHOWN + 5; i++) {
        snprintf(name, sizeof name, "r%u", i);
        assert_int_equal(pelt_registry_intern(f.live.names, PELT_NAME_REQUEST, pelt_span_of(name)),
                         i);
        pelt_frame_request(f.total, i)->started = i;
    }
    json_t *o = parse(live_picture_status(&picture, &f.live, &audience));
    const json_t *requests = json_object_get(o, "requests");
    assert_int_equal(json_array_size(requests), LIVE_REQUESTS_SHOWN);
    assert_string_equal(json_string_value(json_object_get(json_array_get(requests, 0), "name")),
                        "r45");
    assert_float_equal(real(o, "viewers"), 2, 0);
    assert_float_equal(real(o, "missed_events"), 7, 0);
    assert_string_equal(json_string_value(json_object_get(o, "phase")), "load");
    const json_t *phase = json_array_get(json_object_get(o, "phases"), 0);
    assert_float_equal(real(phase, "to_s"), 30, 0);
    assert_float_equal(real(phase, "level_to"), 200, 0);
    json_decref(o);
    pelt_registry_free(f.live.names);
    fake_live_deinit(&f);
    live_picture_deinit(&picture);
}

static void events_keep_strange_texts_in_one_line(void **state)
{
    const struct pelt_live_event event = {
        .t_s = 1.23456, .kind = "script_error", .text = "a\n\ndata: x\r\xff\"\x01"};
    json_t *o = parse(live_picture_event(&event));
    assert_float_equal(real(o, "t_s"), 1.235, 1e-9);
    assert_string_equal(json_string_value(json_object_get(o, "text")),
                        "a\n\ndata: x\r\xef\xbf\xbd\"\x01");
    assert_true(json_is_null(json_object_get(o, "alert")));
    json_decref(o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_in_flight_goes_on_from_second_to_second),
        cmocka_unit_test(a_second_has_percentiles_as_far_as_there_are_samples),
        cmocka_unit_test(the_status_names_what_was_started_most_first),
        cmocka_unit_test(events_keep_strange_texts_in_one_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
