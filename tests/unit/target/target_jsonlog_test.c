/* jsonlog: ids that clients give are taken if they can stand in a line, and lines are JSON. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <jansson.h>

#include "jsonlog.h"

static void an_id_that_a_client_gave_is_kept(void **state)
{
    char id[TARGET_CORRELATION_BYTES];

    target_correlation_id(id, "4bf92f35-77b3.4da6_A:/+=", 1, 2);
    assert_string_equal(id, "4bf92f35-77b3.4da6_A:/+=");
}

static void other_ids_are_replaced(void **state)
{
    static const char *const bad[] = {
        NULL,
        "",
        "a b",
        "a\"b",
        "a\\b",
        "\xc3\xa4",
        "12345678901234567890123456789012345678901234567890123456789012345"};
    char id[TARGET_CORRELATION_BYTES];

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        target_correlation_id(id, bad[i], 255, 16);
        assert_string_equal(id, "ff-10");
    }
}

static void a_request_is_one_line_of_json(void **state)
{
    struct target_log_entry entry = {.method = "GET",
                                     .path = "/health",
                                     .status = 503,
                                     .correlation_id = "abc",
                                     .trace_id = "def",
                                     .begin_ns = 1000000,
                                     .end_ns = 3500000};
    struct target_place place = {"/src/target/course.c", "log_request", 7};
    FILE *file = tmpfile();
    struct target_lines lines;
    char text[512];
    json_t *json;

    assert_non_null(file);
    assert_true(target_lines_init(&lines, fileno(file)));
    target_jsonlog_request(&lines, place, &entry);
    target_jsonlog_event(&lines, place, 5, "workers", "scale_up", ",\"workers\":3");
    target_lines_deinit(&lines);
    rewind(file);
    json = json_loads(fgets(text, sizeof text, file), 0, NULL);
    assert_non_null(json);
    assert_int_equal(json_object_size(json), 10);
    assert_int_equal(json_string_length(json_object_get(json, "timestamp")), 27);
    assert_string_equal(json_string_value(json_object_get(json, "level")), "ERROR");
    assert_string_equal(json_string_value(json_object_get(json, "logger")), "pelt-target.http");
    assert_string_equal(json_string_value(json_object_get(json, "message")), "GET /health 503");
    assert_string_equal(json_string_value(json_object_get(json, "correlation_id")), "abc");
    assert_true(json_real_value(json_object_get(json, "duration_ms")) == 2.5);
    assert_string_equal(json_string_value(json_object_get(json, "module")), "course");
    assert_string_equal(json_string_value(json_object_get(json, "function")), "log_request");
    assert_int_equal(json_integer_value(json_object_get(json, "line")), 7);
    assert_string_equal(json_string_value(json_object_get(json, "trace_id")), "def");
    json_decref(json);
    json = json_loads(fgets(text, sizeof text, file), 0, NULL);
    assert_string_equal(json_string_value(json_object_get(json, "message")), "scale_up");
    assert_int_equal(json_integer_value(json_object_get(json, "workers")), 3);
    json_decref(json);
    fclose(file);
}

static void lines_wait_for_a_second_and_are_written_whole(void **state)
{
    FILE *file = tmpfile();
    struct target_lines lines;

    assert_non_null(file);
    assert_true(target_lines_init(&lines, fileno(file)));
    target_lines_add(&lines, 10, "a line\n");
    assert_int_equal(lines.flush_due_ns, 1000000010);
    target_lines_tick(&lines, 1000000009);
    assert_int_equal(lines.used_bytes, 7);
    target_lines_tick(&lines, 1000000010);
    assert_int_equal(lines.used_bytes, 0);
    assert_true(lines.flush_due_ns == UINT64_MAX);
    target_lines_deinit(&lines);
    fclose(file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_id_that_a_client_gave_is_kept),
        cmocka_unit_test(other_ids_are_replaced),
        cmocka_unit_test(a_request_is_one_line_of_json),
        cmocka_unit_test(lines_wait_for_a_second_and_are_written_whole),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
