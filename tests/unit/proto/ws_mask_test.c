/* Masking at every alignment, length and offset, against the formula of RFC 6455 section 5.3. */
#include "test.h"

#include <string.h>

#include "pelt/ws_mask.h"

static const uint8_t key[4] = {0x12, 0x9a, 0x00, 0xff};

static void every_alignment_length_and_offset_follows_the_formula(void **state)
{
    uint8_t from[128], to[128];
    for (size_t i = 0; i < sizeof from; i++) {
        from[i] = (uint8_t)(i * 37);
    }
    for (size_t align = 0; align < 8 * 8; align++) {
        for (size_t len = 0; len < 80; len++) {
            uint64_t offset = align % 7 + len % 3;
            uint8_t *src = from + align % 8, *dst = to + align / 8;
            memset(to, 0xee, sizeof to);
            pelt_ws_mask(dst, src, len, key, offset);
            for (size_t i = 0; i < len; i++) {
                assert_int_equal(dst[i], src[i] ^ key[(offset + i) % 4]);
            }
            assert_int_equal(dst[len], 0xee);
        }
    }
}

static void pieces_mask_as_the_whole_and_in_place(void **state)
{
    uint8_t whole[100], pieces[100];
    for (size_t i = 0; i < sizeof whole; i++) {
        whole[i] = pieces[i] = (uint8_t)i;
    }
    pelt_ws_mask(whole, whole, sizeof whole, key, UINT64_MAX - 3);
    for (size_t at = 0, len = 1; at < sizeof pieces; at += len, len = len * 2 % 31) {
        len = len < sizeof pieces - at ? len : sizeof pieces - at;
        pelt_ws_mask(pieces + at, pieces + at, len, key, at);
    }
    assert_memory_equal(whole, pieces, sizeof whole);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_alignment_length_and_offset_follows_the_formula),
        cmocka_unit_test(pieces_mask_as_the_whole_and_in_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
