/* What a client sends over a WebSocket, read by a server of this test's own. */
#include "test.h"

#include <stdlib.h>
#include <string.h>

#include "pelt/ws_reader.h"
#include "pelt/ws_writer.h"
#include "ws_outcome.h"

static const struct pelt_ws_deflate_terms none = {.deflate = false};

struct fixture {
    struct pelt_ws_pool *pool;
    struct pelt_rng rng;
    struct pelt_ws_writer writer;
    struct pelt_buf out;
};

static int set_up(void **state)
{
    static struct fixture f;
    *state = &f;
    pelt_rng_init(&f.rng, 1, 1);
    if (pelt_ws_pool_new(&f.pool) != PELT_OK) {
        return -1;
    }
    pelt_ws_writer_init(&f.writer, f.pool, &f.rng, &none);
    pelt_buf_init(&f.out, 0);
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    pelt_ws_writer_deinit(&f->writer);
    pelt_ws_writer_deinit(&f->writer);
    pelt_ws_pool_free(f->pool);
    pelt_buf_deinit(&f->out);
    return 0;
}

/* A client's frames as a server would send them: without masks. Asserts that each has one, and
 * lengths in their shortest form. */
static struct pelt_buf unmasked(const struct pelt_buf *frames)
{
    struct pelt_buf plain = {0};
    const unsigned char *at = (const unsigned char *)frames->data, *end = at + frames->len;
    while (at < end) {
        assert_true((at[1] & 0x80) != 0);
        uint64_t len = at[1] & 0x7f;
        size_t head = len == 126 ? 4 : len == 127 ? 10 : 2;
        char first[10];
        memcpy(first, at, head);
        first[1] = (char)(first[1] & 0x7f);
        pelt_buf_add(&plain, first, head);
        for (size_t i = 2, more = 0; i < head; i++) {
            len = more = more << 8 | at[i];
        }
        const unsigned char *key = at + head;
        for (uint64_t i = 0; i < len; i++) {
            char byte = (char)(key[4 + i] ^ key[i % 4]);
            pelt_buf_add(&plain, &byte, 1);
        }
        at += head + 4 + len;
    }
    assert_ptr_equal(at, end);
    return plain;
}

/* What was written, put down in words. */
static void assert_written(struct fixture *f, const char *expected)
{
    struct ws_wire wire = {.message_max = 1 << 22, .terms = f->writer.terms};
    struct pelt_buf plain = unmasked(&f->out), text = {0};
    wire.terms.server_window_bits = f->writer.terms.client_window_bits;
    wire.terms.server_no_context_takeover = f->writer.terms.client_no_context_takeover;
    ws_outcome_of(&wire, pelt_span(plain.data, plain.len), WS_WHOLE, &text);
    assert_string_equal(text.data, expected);
    pelt_buf_deinit(&plain);
    pelt_buf_deinit(&text);
}

static void frames_are_masked_with_a_key_of_their_own(void **state)
{
    struct fixture *f = *state;
    struct pelt_span hello = pelt_span_of("Hello");
    assert_int_equal(pelt_ws_write_text(&f->writer, &f->out, hello), PELT_OK);
    assert_int_equal(f->out.len, 2 + 4 + 5);
    assert_int_equal(pelt_ws_write_binary(&f->writer, &f->out, hello), PELT_OK);
    assert_int_equal(f->out.len, 22);
    assert_memory_equal(f->out.data, "\x81\x85", 2);
    assert_memory_equal(f->out.data + 11, "\x82\x85", 2);
    assert_memory_not_equal(f->out.data + 2, f->out.data + 13, 4);
    assert_int_equal(pelt_ws_write_ping(&f->writer, &f->out, pelt_span_of("p")), PELT_OK);
    assert_int_equal(pelt_ws_write_pong(&f->writer, &f->out, pelt_span("", 0)), PELT_OK);
    assert_int_equal(pelt_ws_write_close(&f->writer, &f->out, 1000, pelt_span_of("bye")), PELT_OK);
    assert_written(f, "text \"Hello\" 1 frame\nbinary \"Hello\" 1 frame\nping \"p\"\npong \"\"\n"
                      "close 1000 \"bye\"\n");
}

/* At each border of the three forms of a length, and of words. */
static void lengths_come_back(void **state)
{
    struct fixture *f = *state;
    static const size_t lengths[] = {0,  1,   7,   8,   9,     31,    32,
                                     33, 125, 126, 127, 65535, 65536, 1 << 20};
    char *bytes = malloc(1 << 20);
    for (size_t i = 0; i < 1 << 20; i++) {
        bytes[i] = (char)(i * 7 + i / 251);
    }
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        size_t head = lengths[i] < 126 ? 2 : lengths[i] < 65536 ? 4 : 10;
        pelt_buf_reset(&f->out);
        assert_int_equal(pelt_ws_write_binary(&f->writer, &f->out, pelt_span(bytes, lengths[i])),
                         PELT_OK);
        struct pelt_buf plain = unmasked(&f->out);
        assert_int_equal(plain.len, head + lengths[i]);
        assert_memory_equal(plain.data + head, bytes, lengths[i]);
        pelt_buf_deinit(&plain);
    }
    free(bytes);
}

static void long_messages_can_go_in_fragments(void **state)
{
    struct fixture *f = *state;
    f->writer.fragment_bytes = 2;
    assert_int_equal(pelt_ws_write_text(&f->writer, &f->out, pelt_span_of("Hello")), PELT_OK);
    assert_int_equal(pelt_ws_write_text(&f->writer, &f->out, pelt_span_of("Hell")), PELT_OK);
    assert_int_equal(pelt_ws_write_text(&f->writer, &f->out, pelt_span("", 0)), PELT_OK);
    assert_written(f, "text \"Hello\" 3 frames\ntext \"Hell\" 2 frames\ntext \"\" 1 frame\n");
}

static void what_must_not_be_sent_is_refused(void **state)
{
    struct fixture *f = *state;
    static const unsigned codes[] = {0, 999, 1004, 1006, 1015, 2999, 5000, 65536 + 1000};
    char long_text[126];
    memset(long_text, 'x', sizeof long_text);
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
        assert_int_equal(pelt_ws_write_close(&f->writer, &f->out, codes[i], pelt_span("", 0)),
                         PELT_EINVAL);
    }
    assert_int_equal(pelt_ws_write_close(&f->writer, &f->out, 1000, pelt_span(long_text, 124)),
                     PELT_EINVAL);
    assert_int_equal(pelt_ws_write_close(&f->writer, &f->out, PELT_WS_CODE_NONE, pelt_span("x", 1)),
                     PELT_EINVAL);
    assert_int_equal(pelt_ws_write_ping(&f->writer, &f->out, pelt_span(long_text, 126)),
                     PELT_EINVAL);
    assert_int_equal(f->out.len, 0);
    assert_int_equal(pelt_ws_write_ping(&f->writer, &f->out, pelt_span(long_text, 125)), PELT_OK);
    assert_int_equal(pelt_ws_write_close(&f->writer, &f->out, PELT_WS_CODE_NONE, pelt_span("", 0)),
                     PELT_OK);
}

static void a_full_buffer_takes_no_part_of_a_message(void **state)
{
    struct fixture *f = *state;
    f->out.limit = 40;
    f->writer.fragment_bytes = 8;
    assert_int_equal(pelt_ws_write_text(&f->writer, &f->out, pelt_span_of("Hello")), PELT_OK);
    size_t len = f->out.len;
    assert_int_equal(
        pelt_ws_write_text(&f->writer, &f->out, pelt_span_of("a longer message than fits")),
        PELT_ELIMIT);
    assert_int_equal(f->out.len, len);
    assert_written(f, "text \"Hello\" 1 frame\n");
}

/* ---- compression ---- */

static const char saying[] = "hello hello hello hello, said the echo";

static size_t second_is(struct fixture *f)
{
    size_t first;
    assert_int_equal(pelt_ws_write_text(&f->writer, &f->out, pelt_span_of(saying)), PELT_OK);
    first = f->out.len;
    assert_int_equal(pelt_ws_write_text(&f->writer, &f->out, pelt_span_of(saying)), PELT_OK);
    assert_written(f, "text \"hello hello hello hello, said the echo\" 1 frame, deflate\n"
                      "text \"hello hello hello hello, said the echo\" 1 frame, deflate\n");
    assert_true(first < strlen(saying));
    return f->out.len - first;
}

static void messages_refer_to_those_before_with_context_takeover(void **state)
{
    struct fixture *f = *state;
    f->writer.terms = (struct pelt_ws_deflate_terms){
        .deflate = true, .server_window_bits = 15, .client_window_bits = 15};
    size_t with = second_is(f);
    assert_true(with < 20);
    pelt_buf_reset(&f->out);
    f->writer.terms.client_no_context_takeover = true;
    assert_true(second_is(f) > with);
}

static void small_and_empty_messages_can_be_compressed(void **state)
{
    struct fixture *f = *state;
    f->writer.terms = (struct pelt_ws_deflate_terms){.deflate = true, .client_window_bits = 9};
    for (int i = 0; i < 2; i++) {
        assert_int_equal(pelt_ws_write_text(&f->writer, &f->out, pelt_span("", 0)), PELT_OK);
    }
    f->writer.compress_bytes = 2;
    assert_int_equal(pelt_ws_write_text(&f->writer, &f->out, pelt_span("a", 1)), PELT_OK);
    assert_int_equal(pelt_ws_write_text(&f->writer, &f->out, pelt_span("aa", 2)), PELT_OK);
    assert_written(f, "text \"\" 1 frame, deflate\ntext \"\" 1 frame, deflate\n"
                      "text \"a\" 1 frame\ntext \"aa\" 1 frame, deflate\n");
}

static void a_window_too_small_for_zlib_means_no_compression(void **state)
{
    struct fixture *f = *state;
    f->writer.terms = (struct pelt_ws_deflate_terms){.deflate = true, .client_window_bits = 8};
    assert_int_equal(pelt_ws_write_text(&f->writer, &f->out, pelt_span("aa", 2)), PELT_OK);
    assert_written(f, "text \"aa\" 1 frame\n");
}

/* Random bytes and runs, in one stream: sizes around zlib's own buffers. */
static void come_back_compressed(struct fixture *f, const char *bytes, uint8_t window_bits)
{
    static const size_t lengths[] = {1, 100, 4095, 4096, 16384, 70000, 1 << 20};
    struct pelt_ws_reader r;
    f->writer.terms = (struct pelt_ws_deflate_terms){
        .deflate = true, .server_window_bits = window_bits, .client_window_bits = window_bits};
    f->writer.fragment_bytes = 30000;
    pelt_ws_reader_init(&r, f->pool, 1 << 20, &f->writer.terms);
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        struct pelt_ws_event event;
        pelt_buf_reset(&f->out);
        assert_int_equal(pelt_ws_write_text(&f->writer, &f->out, pelt_span(bytes, lengths[i])),
                         PELT_OK);
        struct pelt_buf plain = unmasked(&f->out);
        struct pelt_span in = pelt_span(plain.data, plain.len);
        assert_int_equal(pelt_ws_reader_next(&r, &in, &event), PELT_WS_TEXT);
        assert_int_equal(event.data.len, lengths[i]);
        assert_memory_equal(event.data.ptr, bytes, lengths[i]);
        assert_int_equal(in.len, 0);
        pelt_buf_deinit(&plain);
    }
    pelt_ws_reader_deinit(&r);
    pelt_ws_writer_deinit(&f->writer);
}

static void compressed_messages_come_back(void **state)
{
    struct fixture *f = *state;
    char *bytes = malloc(1 << 20);
    for (size_t i = 0; i < 1 << 20; i++) {
        bytes[i] = i / 1000 % 2 == 0 ? 'x' : (char)('0' + pelt_rng_below(&f->rng, 70));
    }
    for (uint8_t bits = 9; bits <= 15; bits += 3) {
        pelt_ws_writer_init(&f->writer, f->pool, &f->rng, &none);
        come_back_compressed(f, bytes, bits);
    }
    free(bytes);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(frames_are_masked_with_a_key_of_their_own),
        TEST(lengths_come_back),
        TEST(long_messages_can_go_in_fragments),
        TEST(what_must_not_be_sent_is_refused),
        TEST(a_full_buffer_takes_no_part_of_a_message),
        TEST(messages_refer_to_those_before_with_context_takeover),
        TEST(small_and_empty_messages_can_be_compressed),
        TEST(a_window_too_small_for_zlib_means_no_compression),
        TEST(compressed_messages_come_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
