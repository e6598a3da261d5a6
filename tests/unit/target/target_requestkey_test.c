/* requestkey: different requests have different keys, as printable text. Queries and headers need
 * a connection: they are tested through HTTP. */
#include "test.h"

#include "requestkey.h"

static struct target_request_key key;

static const char *key_of(const char *path, const char *body, const char *vary)
{
    struct target_admission admission = {
        .path = path, .body = body, .body_bytes = body ? strlen(body) : 0, .vary = vary};

    assert_true(target_request_key_make(&key, &admission));
    return key.text;
}

static void a_key_is_path_and_body(void **state)
{
    assert_string_equal(key_of("/work", NULL, NULL), "=/work");
    assert_string_equal(key_of("/api/chat", "{}", ""), "=/api/chat {}");
}

static void a_header_that_was_not_sent_shows(void **state)
{
    assert_string_equal(key_of("/work", NULL, "A, B"), "%|%=/work");
    assert_string_equal(target_request_key_base(key.text), "=/work");
}

static void what_means_something_or_cannot_be_printed_is_escaped(void **state)
{
    assert_string_equal(key_of("/a?b=c&d|e%f g\"h\\i\x01\xff", NULL, NULL),
                        "=/a%3Fb%3Dc%26d%7Ce%25f%20g%22h%5Ci%01%FF");
}

static void all_bytes_of_a_body_count(void **state)
{
    struct target_admission admission = {.path = "/p", .body = "a\0b", .body_bytes = 3};

    assert_true(target_request_key_make(&key, &admission));
    assert_string_equal(key.text, "=/p a%00b");
}

static void what_is_too_long_has_none(void **state)
{
    static char body[TARGET_REQUEST_KEY_BYTES];
    struct target_admission admission = {.path = "/p", .body = body};
    size_t longest = 0;

    for (const char *of = "x\n"; *of; of++) { /* one byte in the key, and three */
        memset(body, *of, sizeof body);
        for (size_t bytes = 1; bytes < sizeof body; bytes++) {
            admission.body_bytes = bytes;
            if (target_request_key_make(&key, &admission)) {
                assert_int_equal(strlen(key.text), 4 + bytes * (*of == 'x' ? 1 : 3));
                longest = bytes;
            } else {
                assert_true(bytes > longest && key.length < sizeof key.text);
            }
        }
        assert_in_range(longest, (TARGET_REQUEST_KEY_BYTES - 12) / (*of == 'x' ? 1 : 3),
                        TARGET_REQUEST_KEY_BYTES);
        longest = 0;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_key_is_path_and_body),
        cmocka_unit_test(a_header_that_was_not_sent_shows),
        cmocka_unit_test(what_means_something_or_cannot_be_printed_is_escaped),
        cmocka_unit_test(all_bytes_of_a_body_count),
        cmocka_unit_test(what_is_too_long_has_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
