/* Bodies that came compressed. */
#include "test.h"

#include <brotli/encode.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <limits.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include "pelt/decode.h"

#define MIB (1u << 20)

enum form { GZIP, ZLIB, BARE, BR, BR_SMALL_WINDOW, ZSTD, ZSTD_WITHOUT_SIZE, FORMS };

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

static size_t brotli(int window_bits, const char *text, size_t len, char *to, size_t size)
{
    assert_true(BrotliEncoderCompress(5, window_bits, BROTLI_MODE_GENERIC, len,
                                      (const uint8_t *)text, &size, (uint8_t *)to));
    return size;
}

static size_t zstd(bool tells_size, const char *text, size_t len, char *to, size_t size)
{
    ZSTD_CCtx *c = ZSTD_createCCtx();
    ZSTD_inBuffer in = {text, len, 0};
    ZSTD_outBuffer out = {to, size, 0};
    ZSTD_CCtx_setParameter(c, ZSTD_c_contentSizeFlag, tells_size);
    if (tells_size) {
        ZSTD_CCtx_setPledgedSrcSize(c, len);
    } else {
        (void)ZSTD_compressStream2(c, &out, &in, ZSTD_e_continue);
    }
    assert_int_equal(ZSTD_compressStream2(c, &out, &in, ZSTD_e_end), 0);
    ZSTD_freeCCtx(c);
    return out.pos;
}

/* Compresses into `to`; returns how many bytes. */
static size_t packed_as(enum form form, const char *text, size_t len, char *to, size_t size)
{
    switch (form) {
    case GZIP:
        return deflated(MAX_WBITS + 16, text, len, to, size);
    case ZLIB:
        return deflated(MAX_WBITS, text, len, to, size);
    case BARE:
        return deflated(-MAX_WBITS, text, len, to, size);
    case BR:
        return brotli(22, text, len, to, size);
    case BR_SMALL_WINDOW:
        return brotli(16, text, len, to, size);
    case ZSTD:
    case ZSTD_WITHOUT_SIZE:
    case FORMS:
        break;
    }
    return zstd(form == ZSTD, text, len, to, size);
}

static enum pelt_coding coding_of(enum form form)
{
    return form <= BARE              ? PELT_CODING_GZIP
           : form <= BR_SMALL_WINDOW ? PELT_CODING_BR
                                     : PELT_CODING_ZSTD;
}

static const char TEXT[] = "hello hello hello hello, said the echo, hello";

static void each_form_comes_back(void **state)
{
    for (enum form form = 0; form < FORMS; form++) {
        char packed[512];
        struct pelt_buf out;
        pelt_buf_init(&out, 0);
        size_t len = packed_as(form, TEXT, strlen(TEXT), packed, sizeof packed);
        pelt_buf_add_str(&out, "> ");
        assert_int_equal(pelt_decode(coding_of(form), pelt_span(packed, len), 1000, &out), PELT_OK);
        assert_string_equal(out.data + 2, TEXT);
        pelt_buf_deinit(&out);
    }
}

/* Text that does not repeat much, so that windows and metablocks are used. */
static void fill(char *text, size_t len)
{
    uint32_t x = 1;
    for (size_t i = 0; i < len; i++) {
        x = x * 1664525u + 1013904223u;
        text[i] = (char)('a' + (x >> 28));
    }
}

static void large_ones_come_back_whole_up_to_the_cap(void **state)
{
    char *text = malloc(MIB), *packed = malloc(2 * MIB);
    fill(text, MIB);
    for (enum form form = 0; form < FORMS; form++) {
        for (size_t size = MIB; size > 100; size = size * 2 / 3) {
            struct pelt_buf out;
            pelt_buf_init(&out, 0);
            size_t len = packed_as(form, text, size, packed, 2 * MIB);
            struct pelt_span in = pelt_span(packed, len);
            assert_int_equal(pelt_decode(coding_of(form), in, size, &out), PELT_OK);
            assert_int_equal(out.len, size);
            assert_memory_equal(out.data, text, size);
            pelt_buf_reset(&out);
            assert_int_equal(pelt_decode(coding_of(form), in, size - 1, &out), PELT_ELIMIT);
            pelt_buf_deinit(&out);
        }
    }
    free(text);
    free(packed);
}

/* Pages that were written to for the first time: never fewer than a process takes meanwhile. The
 * kernel's own figures of that are exact to some hundred KiB only. */
static long touched_pages(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_minflt;
}

/* What it takes to find out that a body is too long, more than for a short one. */
static long growth_kib(enum form form, struct pelt_span bomb)
{
    struct pelt_buf out;
    char packed[512];
    prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
    pelt_buf_init(&out, 0);
    size_t len = packed_as(form, TEXT, strlen(TEXT), packed, sizeof packed);
    assert_int_equal(pelt_decode(coding_of(form), pelt_span(packed, len), 1000, &out), PELT_OK);
    pelt_buf_deinit(&out);
    malloc_trim(0);
    long before = touched_pages();
    assert_int_equal(pelt_decode(coding_of(form), bomb, MIB, &out), PELT_ELIMIT);
    return (touched_pages() - before) * (sysconf(_SC_PAGESIZE) / 1024);
}

static void ten_megabytes_of_zeros_take_no_more_than_the_cap(void **state)
{
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    const long most_kib = LONG_MAX; /* memory is not what it is without: that it ends well counts */
#else
    const long most_kib = 1024 + 64;
#endif
    const size_t size = 10u * 1000 * 1000;
    char *zeros = calloc(1, size), *packed = malloc(MIB);
    for (enum form form = 0; form < FORMS; form++) {
        size_t len = packed_as(form, zeros, size, packed, MIB);
        pid_t child = fork();
        if (child == 0) {
            long kib = growth_kib(form, pelt_span(packed, len));
            _exit(kib - (form == BR_SMALL_WINDOW ? 64 : 0) > most_kib); /* that window */
        }
        int how = 0;
        waitpid(child, &how, 0);
        assert_int_equal(how, 0);
    }
    free(zeros);
    free(packed);
}

static void members_and_frames_follow_each_other(void **state)
{
    static const enum form forms[] = {GZIP, ZSTD, ZSTD_WITHOUT_SIZE};
    for (size_t i = 0; i < 3; i++) {
        char packed[512];
        struct pelt_buf out;
        pelt_buf_init(&out, 0);
        size_t len = packed_as(forms[i], "one ", 4, packed, 256);
        len += packed_as(forms[i], "two", 3, packed + len, 256);
        struct pelt_span in = pelt_span(packed, len);
        assert_int_equal(pelt_decode(coding_of(forms[i]), in, 1000, &out), PELT_OK);
        assert_string_equal(out.data, "one two");
        pelt_buf_reset(&out);
        assert_int_equal(pelt_decode(coding_of(forms[i]), in, 6, &out), PELT_ELIMIT);
        pelt_buf_deinit(&out);
    }
}

static void what_is_damaged_or_not_whole_is_refused(void **state)
{
    for (enum form form = 0; form < FORMS; form++) {
        char packed[512];
        struct pelt_buf out;
        pelt_buf_init(&out, 0);
        const enum pelt_coding coding = coding_of(form);
        size_t len = packed_as(form, TEXT, strlen(TEXT), packed, sizeof packed);
        assert_int_equal(pelt_decode(coding, pelt_span(packed, len - 5), 1000, &out), PELT_EPARSE);
        memset(packed + 6, 0xff, len - 6);
        pelt_buf_reset(&out);
        assert_int_equal(pelt_decode(coding, pelt_span(packed, len), 1000, &out), PELT_EPARSE);
        pelt_buf_reset(&out);
        assert_int_equal(pelt_decode(coding, pelt_span("plain text", 10), 1000, &out), PELT_EPARSE);
        pelt_buf_reset(&out);
        assert_int_equal(pelt_decode(coding, pelt_span("", 0), 1000, &out), PELT_OK);
        assert_int_equal(out.len, 0);
        pelt_buf_deinit(&out);
    }
}

static void a_window_above_8_MiB_is_no_damage(void **state)
{
    /* A frame without its size, then the descriptor of its window (128 MiB, 8 MiB) and "hi". */
    char frame[] = "\x28\xb5\x2f\xfd\x00\x88\x11\x00\x00hi";
    const struct pelt_span in = {frame, sizeof frame - 1};
    struct pelt_buf out;
    pelt_buf_init(&out, 0);
    assert_int_equal(pelt_decode(PELT_CODING_ZSTD, in, 1000, &out), PELT_EINVAL);
    pelt_buf_reset(&out);
    frame[5] = 0x68;
    assert_int_equal(pelt_decode(PELT_CODING_ZSTD, in, 1000, &out), PELT_OK);
    assert_string_equal(out.data, "hi");
    assert_int_equal(pelt_decode(PELT_CODING_SEVERAL, in, 1000, &out), PELT_EINVAL);
    pelt_buf_deinit(&out);
}

static void codings_are_known_by_name(void **state)
{
    assert_int_equal(pelt_coding_of(pelt_span_of("GZip")), PELT_CODING_GZIP);
    assert_int_equal(pelt_coding_of(pelt_span_of("deflate")), PELT_CODING_GZIP);
    assert_int_equal(pelt_coding_of(pelt_span_of("br")), PELT_CODING_BR);
    assert_int_equal(pelt_coding_of(pelt_span_of("zstd")), PELT_CODING_ZSTD);
    assert_int_equal(pelt_coding_of(pelt_span_of("gzip, br")), PELT_CODING_SEVERAL);
    assert_int_equal(pelt_coding_of(pelt_span_of("gzip,gzip")), PELT_CODING_SEVERAL);
    assert_int_equal(pelt_coding_of(pelt_span_of("foo, gzip")), PELT_CODING_SEVERAL);
    assert_int_equal(pelt_coding_of(pelt_span_of(", br ,identity,")), PELT_CODING_BR);
    assert_int_equal(pelt_coding_of(pelt_span_of("identity")), PELT_CODING_NONE);
    assert_int_equal(pelt_coding_of(pelt_span_of("foo")), PELT_CODING_NONE);
    assert_int_equal(pelt_coding_of(pelt_span_of("")), PELT_CODING_NONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_form_comes_back),
        cmocka_unit_test(large_ones_come_back_whole_up_to_the_cap),
        cmocka_unit_test(ten_megabytes_of_zeros_take_no_more_than_the_cap),
        cmocka_unit_test(members_and_frames_follow_each_other),
        cmocka_unit_test(what_is_damaged_or_not_whole_is_refused),
        cmocka_unit_test(a_window_above_8_MiB_is_no_damage),
        cmocka_unit_test(codings_are_known_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
