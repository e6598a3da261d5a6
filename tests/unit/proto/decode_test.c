/* Bodies that came compressed. */
#include "test.h"

#include <string.h>
#include <zlib.h>

#include "pelt/decode.h"

enum { GZIP = MAX_WBITS + 16, ZLIB = MAX_WBITS, BARE = -MAX_WBITS };

/* Compresses into `to`; returns how many bytes. */
static size_t deflated(int window_bits, const char *text, size_t len, char *to, size_t size)
{
    z_stream z = {.next_in = (unsigned char *)text, .avail_in = (unsigned)len};
    assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, window_bits, 8, Z_DEFAULT_STRATEGY), Z_OK);
    z.next_out = (unsigned char *)to;
    z.avail_out = (unsigned)size;
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    size_t used = size - z.avail_out;
    deflateEnd(&z);
    return used;
}

static const char TEXT[] = "hello hello hello hello, said the echo, hello";

static void each_form_comes_back(void **state)
{
    static const int forms[] = {GZIP, ZLIB, BARE};
    for (size_t i = 0; i < 3; i++) {
        char packed[256];
        bool cut;
        struct pelt_buf out;
        pelt_buf_init(&out, 0);
        size_t len = deflated(forms[i], TEXT, strlen(TEXT), packed, sizeof packed);
        assert_int_equal(pelt_decode(pelt_span(packed, len), false, 1000, &out, &cut), PELT_OK);
        assert_string_equal(out.data, TEXT);
        assert_false(cut);
        pelt_buf_deinit(&out);
    }
}

static void a_bomb_is_cut(void **state)
{
    static char zeros[1 << 20], packed[1 << 14];
    bool cut;
    struct pelt_buf out;
    pelt_buf_init(&out, 0);
    size_t len = deflated(GZIP, zeros, sizeof zeros, packed, sizeof packed);
    assert_true(len < 2000);
    assert_int_equal(pelt_decode(pelt_span(packed, len), false, 100000, &out, &cut), PELT_OK);
    assert_int_equal(out.len, 100000);
    assert_true(cut);
    pelt_buf_deinit(&out);
}

static void exactly_the_cap_is_not_cut_short(void **state)
{
    char packed[256];
    bool cut;
    struct pelt_buf out;
    pelt_buf_init(&out, 0);
    size_t len = deflated(GZIP, TEXT, strlen(TEXT), packed, sizeof packed);
    assert_int_equal(pelt_decode(pelt_span(packed, len), false, strlen(TEXT), &out, &cut), PELT_OK);
    assert_string_equal(out.data, TEXT);
    pelt_buf_deinit(&out);
}

static void members_follow_each_other(void **state)
{
    char packed[512];
    bool cut;
    struct pelt_buf out;
    pelt_buf_init(&out, 0);
    size_t len = deflated(GZIP, "one ", 4, packed, 256);
    len += deflated(GZIP, "two", 3, packed + len, 256);
    assert_int_equal(pelt_decode(pelt_span(packed, len), false, 1000, &out, &cut), PELT_OK);
    assert_string_equal(out.data, "one two");
    pelt_buf_deinit(&out);
}

static void what_ends_early_is_cut_and_what_is_damaged_refused(void **state)
{
    char packed[256];
    bool cut;
    struct pelt_buf out;
    pelt_buf_init(&out, 0);
    size_t len = deflated(GZIP, TEXT, strlen(TEXT), packed, sizeof packed);
    assert_int_equal(pelt_decode(pelt_span(packed, len - 12), true, 1000, &out, &cut), PELT_OK);
    assert_true(cut);
    pelt_buf_reset(&out);
    assert_int_equal(pelt_decode(pelt_span(packed, len - 12), false, 1000, &out, &cut),
                     PELT_EPARSE); /* all there is, and not whole */
    pelt_buf_reset(&out);
    memset(packed + 10, 0xff, len - 10);
    assert_int_equal(pelt_decode(pelt_span(packed, len), false, 1000, &out, &cut), PELT_EPARSE);
    assert_int_equal(pelt_decode(pelt_span("plain text", 10), false, 1000, &out, &cut),
                     PELT_EPARSE);
    pelt_buf_reset(&out);
    assert_int_equal(pelt_decode(pelt_span("", 0), false, 1000, &out, &cut), PELT_OK);
    pelt_buf_deinit(&out);
}

static void codings_are_known_by_name(void **state)
{
    assert_true(pelt_decode_knows(pelt_span_of("GZip")));
    assert_true(pelt_decode_knows(pelt_span_of("deflate")));
    assert_false(pelt_decode_knows(pelt_span_of("br")));
    assert_false(pelt_decode_knows(pelt_span_of("")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_form_comes_back),
        cmocka_unit_test(a_bomb_is_cut),
        cmocka_unit_test(exactly_the_cap_is_not_cut_short),
        cmocka_unit_test(members_follow_each_other),
        cmocka_unit_test(what_ends_early_is_cut_and_what_is_damaged_refused),
        cmocka_unit_test(codings_are_known_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
