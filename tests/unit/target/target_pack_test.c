/* pack: what was packed comes back whole; what was damaged does not come back. */
#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pack.h"

static unsigned char *make(const char *tags, const char *text, size_t *bytes)
{
    struct target_pack pack = {.expires_wall_ns = UINT64_C(123456789012345678),
                               .service_ns = 77,
                               .tags = tags,
                               .text = text,
                               .bytes = strlen(text)};

    return target_pack_make(&pack, bytes);
}

static void it_comes_back_as_it_was(void **state)
{
    struct target_unpacked unpacked;
    size_t bytes;
    unsigned char *packed = make("/work,red", "{\"status\":\"done\"}", &bytes);

    assert_non_null(packed);
    assert_true(target_pack_read(&unpacked, packed, bytes));
    assert_string_equal(unpacked.body->text, "{\"status\":\"done\"}");
    assert_int_equal(unpacked.body->bytes, 17);
    assert_int_equal(unpacked.body->status, 200);
    assert_string_equal(unpacked.tags, "/work,red");
    assert_int_equal(unpacked.expires_wall_ns, UINT64_C(123456789012345678));
    assert_int_equal(unpacked.service_ns, 77);
    target_body_release(unpacked.body);
    free(packed);
}

static void it_is_smaller(void **state)
{
    char text[10001];
    size_t bytes;
    unsigned char *packed;

    for (size_t i = 0; i < 10000; i++) {
        text[i] = (char)('a' + i % 7);
    }
    text[10000] = '\0';
    packed = make("", text, &bytes);
    assert_non_null(packed);
    assert_true(bytes < 1000);
    free(packed);
}

/* Times alone may be changed unnoticed: they are looked at when it is used. */
static void no_other_bit_may_change(void **state)
{
    struct target_unpacked unpacked;
    size_t bytes;
    unsigned char *packed = make("/work", "{\"status\":\"done\"}", &bytes);

    for (size_t bit = 0; bit < 8 * bytes; bit++) {
        if (bit / 8 >= 10 && bit / 8 < 26) {
            continue;
        }
        packed[bit / 8] ^= (unsigned char)(1U << bit % 8);
        if (target_pack_read(&unpacked, packed, bytes)) {
            assert_string_equal(unpacked.body->text, "{\"status\":\"done\"}");
            assert_string_equal(unpacked.tags, "/work"); /* a bit that says nothing, of zlib's */
            target_body_release(unpacked.body);
        }
        packed[bit / 8] ^= (unsigned char)(1U << bit % 8);
    }
    for (size_t shorter = 0; shorter < bytes; shorter++) {
        assert_false(target_pack_read(&unpacked, packed, shorter));
    }
    free(packed);
}

static void too_long_is_not_packed(void **state)
{
    char tags[TARGET_PACK_TAGS_MAX + 1];
    size_t bytes;

    memset(tags, 'a', sizeof tags);
    tags[TARGET_PACK_TAGS_MAX] = '\0';
    assert_null(make(tags, "x", &bytes));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_comes_back_as_it_was),
        cmocka_unit_test(it_is_smaller),
        cmocka_unit_test(no_other_bit_may_change),
        cmocka_unit_test(too_long_is_not_packed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
