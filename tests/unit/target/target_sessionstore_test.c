/* sessionstore: what a server gives is a session, or is not taken. */
#include "test.h"

#include <string.h>

#include "redislink.h"
#include "sessionstore.h"

static bool is_session(const char *text)
{
    json_t *session = target_sessionstore_read(text, strlen(text));
    bool is_one = session != NULL;

    json_decref(session);
    return is_one;
}

static void only_sessions_are_taken(void **state)
{
    assert_true(is_session("{\"turns\":3,\"messages\":[\"a\",\"b\"]}"));
    assert_true(is_session("{\"turns\":0,\"messages\":[]}"));
    assert_false(is_session("{\"turns\":-1,\"messages\":[]}"));
    assert_false(is_session("{\"turns\":1.5,\"messages\":[]}"));
    assert_false(is_session("{\"messages\":[]}"));
    assert_false(is_session("{\"turns\":1,\"messages\":[1]}"));
    assert_false(is_session("{\"turns\":1,\"messages\":{}}"));
    assert_false(is_session("{\"turns\":1,\"turns\":2,\"messages\":[]}"));
    assert_false(is_session("[]"));
    assert_false(is_session(""));
}

static void too_much_is_not_taken(void **state)
{
    static char text[3 * TARGET_SESSIONSTORE_MESSAGES_MAX + 100];
    size_t used = (size_t)snprintf(text, sizeof text, "{\"turns\":1,\"messages\":[\"");

    memset(text + used, 'x', TARGET_SESSIONSTORE_MESSAGES_MAX + 1);
    snprintf(text + used + TARGET_SESSIONSTORE_MESSAGES_MAX + 1, 10, "\"]}");
    assert_false(is_session(text));
    snprintf(text + used + TARGET_SESSIONSTORE_MESSAGES_MAX, 10, "\"]}");
    assert_true(is_session(text));
}

static void addresses_have_a_port(void **state)
{
    struct target_error err;

    assert_true(target_redislink_check("", &err));
    assert_true(target_redislink_check("127.0.0.1:6379", &err));
    assert_true(target_redislink_check("[::1]:6379", &err));
    assert_true(target_redislink_check("redis.example:1", &err));
    assert_false(target_redislink_check("127.0.0.1", &err));
    assert_false(target_redislink_check(":6379", &err));
    assert_false(target_redislink_check("a:0", &err));
    assert_false(target_redislink_check("a:65536", &err));
    assert_false(target_redislink_check("a:6x", &err));
    assert_non_null(strstr(err.text, "try 127.0.0.1:6379"));
}

static void who_is_not_there_fails_at_once(void **state)
{
    struct target_redislink *link = target_redislink_new("127.0.0.1:1");
    char *value;
    size_t bytes;

    assert_non_null(link);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(target_redislink_get(link, "a", &value, &bytes), TARGET_REDIS_FAILED);
    }
    assert_false(target_redislink_set(link, "a", "b", 1, 1));
    target_redislink_free(link);
    target_redislink_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_sessions_are_taken),
        cmocka_unit_test(too_much_is_not_taken),
        cmocka_unit_test(addresses_have_a_port),
        cmocka_unit_test(who_is_not_there_fails_at_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
