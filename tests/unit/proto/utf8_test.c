/* UTF-8 in pieces: all code points, all pairs of bytes, and where it stops. */
#include "test.h"

#include <string.h>

#include "pelt/utf8.h"

/* Bytes of `code` as UTF-8's formula has it, whether it may be encoded or not. */
static size_t encode(uint32_t code, char out[4])
{
    static const unsigned char leads[] = {0, 0, 0xc0, 0xe0, 0xf0};
    size_t len = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    for (size_t i = len - 1; i > 0; i--) {
        out[i] = (char)(0x80 | (code & 0x3f));
        code >>= 6;
    }
    out[0] = (char)(leads[len] | code);
    return len;
}

/* How many bytes go by before a no; -1: all, and the text may end there; -2: all, and it may not.
 */
static int stops_at(const char *bytes, size_t len)
{
    struct pelt_utf8 whole = {0}, single = {0};
    bool is_good = pelt_utf8_feed(&whole, bytes, len);
    for (size_t i = 0; i < len; i++) {
        if (!pelt_utf8_feed(&single, bytes + i, 1)) {
            assert_false(is_good);
            return (int)i;
        }
    }
    assert_true(is_good);
    assert_int_equal(whole.state, single.state);
    return pelt_utf8_is_whole(&whole) ? -1 : -2;
}

static void all_code_points_but_surrogates_are_text(void **state)
{
    char bytes[12] = "\xc3\xa9\xe2\x82\xac";
    for (uint32_t code = 0; code <= 0x110000; code++) {
        bool bad = (code >= 0xd800 && code <= 0xdfff) || code > 0x10ffff;
        size_t len = encode(code, bytes + 5);
        if (stops_at(bytes + 5, len) != (bad ? 1 : -1)) {
            fail_msg("U+%04X", code);
        }
        memcpy(bytes + 5 + len, bytes + 2, 3); /* between characters of 2 and 3 bytes */
        if (stops_at(bytes, 5 + len + 3) != (bad ? 6 : -1)) {
            fail_msg("U+%04X among others", code);
        }
    }
}

static void pairs_of_bytes_follow_the_table(void **state)
{
    for (unsigned a = 0x80; a < 0x100; a++) {
        for (unsigned b = 0; b < 0x100; b++) {
            char bytes[2] = {(char)a, (char)b};
            unsigned low = a == 0xe0 ? 0xa0 : a == 0xf0 ? 0x90 : 0x80;
            unsigned high = a == 0xed ? 0x9f : a == 0xf4 ? 0x8f : 0xbf;
            int expected = a < 0xc2 || a > 0xf4 ? 0 : b < low || b > high ? 1 : a < 0xe0 ? -1 : -2;
            char more[4] = {(char)a, (char)b, 'x', 'x'};
            assert_int_equal(stops_at(bytes, 2), expected);
            assert_int_equal(stops_at(more, 4), expected == -2 ? 2 : expected);
        }
    }
}

static void a_bad_byte_is_found_wherever_it_lies(void **state)
{
    char text[100];
    for (size_t at = 0; at < sizeof text; at++) {
        memset(text, 'a', sizeof text);
        assert_int_equal(stops_at(text, sizeof text), -1);
        text[at] = (char)0xff;
        assert_int_equal(stops_at(text, sizeof text), (int)at);
        text[at] = (char)0x80;
        assert_int_equal(stops_at(text, sizeof text), (int)at);
    }
}

static void a_text_may_not_end_within_a_character(void **state)
{
    assert_int_equal(stops_at("a\xc3", 2), -2);
    assert_int_equal(stops_at("\xe2\x82", 2), -2);
    assert_int_equal(stops_at("\xf0\x9f\x98", 3), -2);
    assert_int_equal(stops_at("\xe2\x82\xac", 3), -1);
    assert_int_equal(stops_at("\xe2\x82z", 3), 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_code_points_but_surrogates_are_text),
        cmocka_unit_test(pairs_of_bytes_follow_the_table),
        cmocka_unit_test(a_bad_byte_is_found_wherever_it_lies),
        cmocka_unit_test(a_text_may_not_end_within_a_character),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
