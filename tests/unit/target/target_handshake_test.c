/* handshake: who may become a WebSocket, and the proof of RFC 6455. */
#include "test.h"

#include "handshake.h"

/* The example of RFC 6455, section 1.3. */
static const struct target_handshake good = {
    .is_http_1_1 = true,
    .upgrade = "websocket",
    .connection = "Upgrade",
    .version = "13",
    .key = "dGhlIHNhbXBsZSBub25jZQ==",
};

static unsigned status_of(struct target_handshake handshake)
{
    char accept[TARGET_ACCEPT_BYTES];
    const char *why = NULL;
    unsigned status = target_handshake_check(&handshake, accept, &why);

    assert_int_equal(status == 101, why == NULL);
    return status;
}

static void the_example_of_the_rfc_is_proven(void **state)
{
    char accept[TARGET_ACCEPT_BYTES];
    const char *why;

    assert_int_equal(target_handshake_check(&good, accept, &why), 101);
    assert_string_equal(accept, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
}

static void lists_of_tokens_are_read_in_any_case(void **state)
{
    static const char *const listed[] = {"Upgrade", "keep-alive, Upgrade", "a,upgrade , b",
                                         " UPGRADE\t", ",,upgrade"};
    static const char *const other[] = {"",           "upgraded", "an upgrade",
                                        "upgrade me", ",",        "keep-alive"};
    struct target_handshake handshake = good;

    for (size_t i = 0; i < sizeof listed / sizeof listed[0]; i++) {
        handshake.connection = listed[i];
        assert_int_equal(status_of(handshake), 101);
    }
    for (size_t i = 0; i < sizeof other / sizeof other[0]; i++) {
        handshake.connection = other[i];
        assert_int_equal(status_of(handshake), 400);
    }
}

static void what_is_missing_or_wrong_is_told(void **state)
{
    struct target_handshake handshake = good;

    handshake.upgrade = NULL;
    assert_int_equal(status_of(handshake), 426);
    handshake = good;
    handshake.is_http_1_1 = false;
    assert_int_equal(status_of(handshake), 426);
    handshake = good;
    handshake.version = "8";
    assert_int_equal(status_of(handshake), 426);
    handshake = good;
    handshake.connection = NULL;
    assert_int_equal(status_of(handshake), 400);
}

static void a_key_is_sixteen_bytes(void **state)
{
    static const char *const wrong[] = {NULL,
                                        "",
                                        "dGhlIHNhbXBsZSBub25jZQ=",
                                        "dGhlIHNhbXBsZSBub25jZQA=",
                                        "dGhlIHNhbXBsZSBub25jZ!==",
                                        "dGhlIHNhbXBsZSBub25jZQ==="};
    struct target_handshake handshake = good;

    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        handshake.key = wrong[i];
        assert_int_equal(status_of(handshake), 400);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_example_of_the_rfc_is_proven),
        cmocka_unit_test(lists_of_tokens_are_read_in_any_case),
        cmocka_unit_test(what_is_missing_or_wrong_is_told),
        cmocka_unit_test(a_key_is_sixteen_bytes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
