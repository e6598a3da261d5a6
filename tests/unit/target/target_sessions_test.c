/* sessions: sticky, bounded, and over in their time, which is virtual here. */
#include "test.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "failing_malloc.h"
#include "sessions.h"

#define S UINT64_C(1000000000)

static struct target_sessions *sessions;

static struct target_sessions_settings settings = {.most = 3, .ttl_ns = 10 * S, .messages = 2};

static int start(void **state)
{
    sessions = target_sessions_system.start(&settings, 0);
    return sessions ? 0 : -1;
}

static int end(void **state)
{
    target_sessions_system.stop(sessions, &(struct target_scene){.now_ns = 0});
    return 0;
}

static struct target_scene at(uint64_t now_s)
{
    return (struct target_scene){.now_ns = now_s * S};
}

static void make(uint64_t now_s, char id[TARGET_SESSION_ID_BYTES])
{
    struct target_scene scene = at(now_s);
    uint64_t retry_after_s;

    assert_true(target_sessions_make(sessions, &scene, id, &retry_after_s));
    assert_int_equal(strlen(id), TARGET_SESSION_ID_BYTES - 1);
}

/* The turn; 0: there is no such session. */
static uint64_t turn(uint64_t now_s, const char *id, const char *message)
{
    struct target_scene scene = at(now_s);
    uint64_t number = 99;

    return target_sessions_turn(sessions, id, message, &scene, &number) ? number : 0;
}

static bool is_there(uint64_t now_s, const char *id)
{
    struct target_scene scene = at(now_s);

    return target_sessions_touch(sessions, id, &scene);
}

static void assert_told(uint64_t now_s, const char *id, const char *expected)
{
    struct target_scene scene = at(now_s);
    json_t *json = target_sessions_tell(sessions, id, &scene);
    char *text = json_dumps(json_object_get(json, "messages"), JSON_COMPACT);

    assert_string_equal(json_string_value(json_object_get(json, "id")), id);
    assert_string_equal(text, expected);
    free(text);
    json_decref(json);
}

static struct target_limit_figure used(uint64_t now_s, uint64_t expired)
{
    struct target_figures figures = {.limits = 0};
    struct target_scene scene = at(now_s);

    target_sessions_system.figures(sessions, &figures, &scene);
    assert_int_equal(figures.limits, 1);
    assert_string_equal(figures.event[1].event, "expired");
    assert_int_equal(figures.event[1].count, expired);
    return figures.limit[0];
}

static void turns_are_counted_and_the_last_messages_kept(void **state)
{
    char a[TARGET_SESSION_ID_BYTES], b[TARGET_SESSION_ID_BYTES];

    make(0, a);
    make(0, b);
    assert_string_not_equal(a, b);
    assert_told(0, a, "[]");
    for (uint64_t i = 1; i <= 3; i++) {
        char message[2] = {(char)('0' + i), '\0'};

        assert_int_equal(turn(1, a, message), i);
    }
    assert_told(2, a, "[\"2\",\"3\"]");
    assert_told(2, b, "[]");
    assert_int_equal(turn(1, "none", ""), 0);
}

static void a_session_that_is_not_used_is_over(void **state)
{
    char a[TARGET_SESSION_ID_BYTES], b[TARGET_SESSION_ID_BYTES];

    make(0, a);
    make(0, b);
    assert_true(is_there(5, a));
    assert_true(is_there(9, b));
    assert_true(is_there(14, a));
    assert_int_equal(used(18, 0).used, 2);
    assert_int_equal(used(19, 1).used, 1);
    assert_false(is_there(19, b));
    assert_true(is_there(23, a));
    assert_int_equal(turn(32, a, "x"), 1);
    assert_int_equal(turn(42, a, "y"), 0);
    assert_int_equal(used(42, 2).used, 0);
}

static void one_too_many_is_refused_until_there_is_room(void **state)
{
    char id[4][TARGET_SESSION_ID_BYTES];
    struct target_scene scene = at(4);
    uint64_t retry_after_s = 99;

    for (uint64_t i = 0; i < 3; i++) {
        make(i, id[i]);
    }
    assert_false(target_sessions_make(sessions, &scene, id[3], &retry_after_s));
    assert_int_equal(retry_after_s, 6);
    assert_int_equal(used(4, 0).events, 1);
    assert_true(target_sessions_end(sessions, id[1], &scene));
    assert_false(target_sessions_end(sessions, id[1], &scene));
    make(4, id[3]);
    assert_int_equal(used(4, 0).used, 3);
    scene = at(10);
    make(10, id[1]);
    assert_false(is_there(10, id[0]));
}

static void knobs_hold_for_all_at_once(void **state)
{
    struct target_sessions_settings turned = {.most = 1, .ttl_ns = 3 * S, .messages = 0};
    char a[TARGET_SESSION_ID_BYTES], b[TARGET_SESSION_ID_BYTES];
    struct target_scene scene = at(5);
    uint64_t retry_after_s;

    make(0, a);
    make(4, b);
    assert_int_equal(turn(4, b, "x"), 1);
    assert_true(target_sessions_system.apply(sessions, &turned, &scene));
    assert_false(is_there(5, a));
    assert_false(target_sessions_make(sessions, &scene, a, &retry_after_s));
    assert_int_equal(turn(6, b, "y"), 2);
    assert_told(6, b, "[]");
    assert_false(is_there(9, b));
}

static void a_long_message_is_cut_at_a_character(void **state)
{
    char id[TARGET_SESSION_ID_BYTES], message[1204], expected[1100];

    for (size_t i = 0; i < 400; i++) {
        memcpy(message + 3 * i, "\xe2\x82\xac", 4);
    }
    memcpy(message + 1197, "", 1);
    snprintf(expected, sizeof expected, "[\"%.999s\"]", message);
    make(0, id);
    assert_int_equal(turn(0, id, message), 1);
    assert_told(0, id, expected);
}

static void time_that_goes_backward_stands_still(void **state)
{
    char id[TARGET_SESSION_ID_BYTES];

    make(20, id);
    assert_true(is_there(5, id));
    assert_true(is_there(29, id));
}

static void without_memory_nothing_is_lost(void **state)
{
    char id[TARGET_SESSION_ID_BYTES], other[TARGET_SESSION_ID_BYTES];
    struct target_scene scene = at(0);
    uint64_t retry_after_s = 99;

    make(0, id);
    failing_malloc_at = 0;
    assert_false(target_sessions_make(sessions, &scene, other, &retry_after_s));
    failing_malloc_at = -1;
    assert_int_equal(retry_after_s, 0);
    failing_malloc_at = 0;
    assert_int_equal(turn(0, id, "not kept"), 1);
    failing_malloc_at = -1;
    assert_told(0, id, "[]");
}

static void *use_often(void *cls)
{
    for (uint64_t i = 0; i < 500; i++) {
        assert_int_not_equal(turn(1, cls, "x"), 0);
    }
    return NULL;
}

static void threads_count_together(void **state)
{
    char id[TARGET_SESSION_ID_BYTES];
    pthread_t thread[4];

    make(0, id);
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(pthread_create(&thread[i], NULL, use_often, id), 0);
    }
    for (size_t i = 0; i < 4; i++) {
        pthread_join(thread[i], NULL);
    }
    assert_int_equal(turn(1, id, "x"), 2001);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(turns_are_counted_and_the_last_messages_kept, start, end),
        cmocka_unit_test_setup_teardown(a_session_that_is_not_used_is_over, start, end),
        cmocka_unit_test_setup_teardown(one_too_many_is_refused_until_there_is_room, start, end),
        cmocka_unit_test_setup_teardown(knobs_hold_for_all_at_once, start, end),
        cmocka_unit_test_setup_teardown(a_long_message_is_cut_at_a_character, start, end),
        cmocka_unit_test_setup_teardown(time_that_goes_backward_stands_still, start, end),
        cmocka_unit_test_setup_teardown(without_memory_nothing_is_lost, start, end),
        cmocka_unit_test_setup_teardown(threads_count_together, start, end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
