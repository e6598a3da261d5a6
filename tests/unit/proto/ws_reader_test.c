/* What a server sends over a WebSocket: each vector in every split. Compressed ones are those of
 * RFC 7692 section 7.2.3. */
#include "test.h"

#include <string.h>
#include <zlib.h>

#include "ws_outcome.h"

static const struct pelt_ws_deflate_terms deflate_terms = {
    .deflate = true, .server_window_bits = 15, .client_window_bits = 15};
static const struct pelt_ws_deflate_terms afresh_terms = {.deflate = true,
                                                          .server_no_context_takeover = true,
                                                          .server_window_bits = 15,
                                                          .client_window_bits = 15};

static const struct vector {
    const char *hex, *outcome;
    size_t message_max;                        /* 0: 1 MiB */
    const struct pelt_ws_deflate_terms *terms; /* NULL: no compression */
} vectors[] = {
    /* messages */
    {"8105 48656c6c6f", "text \"Hello\" 1 frame\n", 0, NULL},
    {"8200 8100", "binary \"\" 1 frame\ntext \"\" 1 frame\n", 0, NULL},
    {"0103 48656c 8002 6c6f", "text \"Hello\" 2 frames\n", 0, NULL},
    {"0103 48656c 8903 616263 0000 8a00 8002 6c6f 8103 616263",
     "ping \"abc\"\npong \"\"\ntext \"Hello\" 3 frames\ntext \"abc\" 1 frame\n", 0, NULL},
    {"0200 0000 8001 61", "binary \"a\" 3 frames\n", 0, NULL},
    {"0101 61 8000", "text \"a\" 2 frames\n", 0, NULL},
    {"8105 4865", "mid-message\n", 0, NULL},
    {"81", "mid-message\n", 0, NULL},
    {"0101 61", "mid-message\n", 0, NULL},
    /* close */
    {"8800", "close 1005 \"\"\n", 0, NULL},
    {"8802 03e8 8105 48656c6c6f", "close 1000 \"\"\n", 0, NULL},
    {"8804 0bb8 c3a9", "close 3000 \"\xc3\xa9\"\n", 0, NULL},
    {"8802 03f6", "close 1014 \"\"\n", 0, NULL},
    {"8801 03", "failed 1002 a close frame of one byte\n", 0, NULL},
    {"8802 03e7", "failed 1002 a close code that no frame may carry\n", 0, NULL},
    {"8802 03ec", "failed 1002 a close code that no frame may carry\n", 0, NULL},
    {"8802 03ed", "failed 1002 a close code that no frame may carry\n", 0, NULL},
    {"8802 03ee", "failed 1002 a close code that no frame may carry\n", 0, NULL},
    {"8802 03f7", "failed 1002 a close code that no frame may carry\n", 0, NULL},
    {"8802 0bb7", "failed 1002 a close code that no frame may carry\n", 0, NULL},
    {"8802 1388", "failed 1002 a close code that no frame may carry\n", 0, NULL},
    {"8803 03e8 c3", "failed 1007 the reason of the close is not UTF-8\n", 0, NULL},
    /* heads */
    {"8185 01020304 4867606b6e", "failed 1002 a masked frame from a server\n", 0, NULL},
    {"a100", "failed 1002 a reserved bit is set (RSV2, RSV3)\n", 0, NULL},
    {"9100", "failed 1002 a reserved bit is set (RSV2, RSV3)\n", 0, NULL},
    {"c100", "failed 1002 a reserved bit is set (RSV1) and no compression was agreed\n", 0, NULL},
    {"8300", "failed 1002 a reserved opcode\n", 0, NULL},
    {"8700", "failed 1002 a reserved opcode\n", 0, NULL},
    {"8b00", "failed 1002 a reserved opcode\n", 0, NULL},
    {"8f00", "failed 1002 a reserved opcode\n", 0, NULL},
    {"0900", "failed 1002 a control frame in fragments\n", 0, NULL},
    {"897e 007e", "failed 1002 a control frame of more than 125 bytes\n", 0, NULL},
    {"817e 007d", "failed 1002 a frame's length is not in its shortest form\n", 0, NULL},
    {"827f 000000000000ffff", "failed 1002 a frame's length is not in its shortest form\n", 0,
     NULL},
    {"827f 8000000000000000", "failed 1002 a frame's length is not in its shortest form\n", 0,
     NULL},
    {"8000", "failed 1002 a continuation without a message begun\n", 0, NULL},
    {"0101 61 8101 61", "failed 1002 a new message within a fragmented one\n", 0, NULL},
    {"8101 61 8000", "text \"a\" 1 frame\nfailed 1002 a continuation without a message begun\n", 0,
     NULL},
    /* UTF-8: at the first byte that cannot be */
    {"8102 c3a9", "text \"\xc3\xa9\" 1 frame\n", 0, NULL},
    {"0101 c3 8900 8001 a9", "ping \"\"\ntext \"\xc3\xa9\" 2 frames\n", 0, NULL},
    {"8203 ff00c3", "binary \"\xff", 0, NULL},
    {"8101 c3", "failed 1007 a text message ends within a character\n", 0, NULL},
    {"0105 c3a9 f49080", "failed 1007 a text message is not UTF-8\n", 0, NULL},
    {"0105 c3a9 f490", "failed 1007 a text message is not UTF-8\n", 0, NULL},
    /* limits */
    {"8104 61626364 8105 6162636465",
     "text \"abcd\" 1 frame\nfailed 1009 the message is longer than its limit\n", 4, NULL},
    {"8103 616263 8103 616263", "text \"abc\" 1 frame\ntext \"abc\" 1 frame\n", 4, NULL},
    {"0104 61626364 8000", "text \"abcd\" 2 frames\n", 4, NULL},
    {"0104 61626364 8001", "failed 1009 the message is longer than its limit\n", 4, NULL},
    {"827f 7fffffffffffffff", "failed 1009 the message is longer than its limit\n", 4, NULL},
    {"8904 61626364", "ping \"abcd\"\n", 1, NULL},
    /* compression */
    {"c107 f248cdc9c90700", "text \"Hello\" 1 frame, deflate\n", 0, &deflate_terms},
    {"4103 f248cd 8004 c9c90700", "text \"Hello\" 2 frames, deflate\n", 0, &deflate_terms},
    {"c107 f248cdc9c90700 c105 f200110000",
     "text \"Hello\" 1 frame, deflate\ntext \"Hello\" 1 frame, deflate\n", 0, &deflate_terms},
    {"c107 f248cdc9c90700 c105 f200110000",
     "text \"Hello\" 1 frame, deflate\nfailed 1007 a compressed message does not decompress\n", 0,
     &afresh_terms},
    {"c107 f248cdc9c90700 c107 f248cdc9c90700",
     "text \"Hello\" 1 frame, deflate\ntext \"Hello\" 1 frame, deflate\n", 0, &afresh_terms},
    {"c10b 000500faff48656c6c6f00", "text \"Hello\" 1 frame, deflate\n", 0, &deflate_terms},
    {"c108 f348cdc9c9070000", "text \"Hello\" 1 frame, deflate\n", 0, &deflate_terms},
    {"c107 f348cdc9c90700 c105 f200110000",
     "text \"Hello\" 1 frame, deflate\ntext \"Hello\" 1 frame, deflate\n", 0, &deflate_terms},
    {"c10d f248050000 00ffffcac9c90700", "text \"Hello\" 1 frame, deflate\n", 0, &deflate_terms},
    {"8105 48656c6c6f c107 f248cdc9c90700",
     "text \"Hello\" 1 frame\ntext \"Hello\" 1 frame, deflate\n", 0, &deflate_terms},
    {"c101 00 c107 f248cdc9c90700", "text \"\" 1 frame, deflate\ntext \"Hello\" 1 frame, deflate\n",
     0, &deflate_terms},
    {"c107 f248cdc9c90700", "text \"Hello\" 1 frame, deflate\n", 5, &deflate_terms},
    {"c107 f248cdc9c90700", "failed 1009 the message is longer than its limit\n", 4,
     &deflate_terms},
    {"c100", "failed 1007 a compressed message does not decompress\n", 0, &deflate_terms},
    {"c103 f248cd", "failed 1007 a compressed message does not decompress\n", 0, &deflate_terms},
    {"c101 07", "failed 1007 a compressed message does not decompress\n", 0, &deflate_terms},
    {"c104 fa4f0100", "failed 1007 a text message is not UTF-8\n", 0, &deflate_terms},
    {"0101 61 c001 61",
     "failed 1002 a reserved bit is set (RSV1) on a frame that begins no message\n", 0,
     &deflate_terms},
    {"c900", "failed 1002 a reserved bit is set (RSV1) on a frame that begins no message\n", 0,
     &deflate_terms},
    {"e100", "failed 1002 a reserved bit is set (RSV2, RSV3)\n", 0, &deflate_terms},
};

static void vectors_have_their_outcome_in_every_split(void **state)
{
    for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++) {
        const struct vector *v = &vectors[i];
        struct ws_wire wire = {.message_max = v->message_max};
        struct pelt_buf bytes = ws_bytes_of(v->hex), text = {0};
        if (v->terms != NULL) {
            wire.terms = *v->terms;
        }
        ws_outcome_of_every_split(&wire, pelt_span(bytes.data, bytes.len), &text);
        if (strcmp(text.data, v->outcome) != 0) {
            fail_msg("%s:\n%sexpected:\n%s", v->hex, text.data, v->outcome);
        }
        pelt_buf_deinit(&bytes);
        pelt_buf_deinit(&text);
    }
}

/* ---- what a reader does with memory ---- */

struct fixture {
    struct pelt_ws_pool *pool;
    struct pelt_ws_reader reader;
};

static int set_up(void **state)
{
    static struct fixture f;
    static const struct pelt_ws_deflate_terms none = {.deflate = false};
    *state = &f;
    if (pelt_ws_pool_new(&f.pool) != PELT_OK) {
        return -1;
    }
    pelt_ws_reader_init(&f.reader, f.pool, 1 << 20, &none);
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    pelt_ws_reader_deinit(&f->reader);
    pelt_ws_reader_deinit(&f->reader);
    pelt_ws_pool_free(f->pool);
    return 0;
}

static void a_message_in_one_piece_is_not_copied(void **state)
{
    struct fixture *f = *state;
    static const char bytes[] = "\x81\x05Hello\x82\x01x";
    struct pelt_span in = pelt_span(bytes, sizeof bytes - 1);
    struct pelt_ws_event event;
    assert_int_equal(pelt_ws_reader_next(&f->reader, &in, &event), PELT_WS_TEXT);
    assert_ptr_equal(event.data.ptr, bytes + 2);
    assert_int_equal(event.data.len, 5);
    assert_int_equal(pelt_ws_reader_next(&f->reader, &in, &event), PELT_WS_BINARY);
    assert_ptr_equal(event.data.ptr, bytes + 9);
    assert_null(f->reader.message.data);
}

static void gathered_messages_use_the_pool_again(void **state)
{
    struct fixture *f = *state;
    struct pelt_ws_event event;
    const char *first = NULL;
    for (int i = 0; i < 3; i++) {
        struct pelt_span begin = pelt_span("\x82\x04"
                                           "ab",
                                           4),
                         end = pelt_span("cd", 2);
        assert_int_equal(pelt_ws_reader_next(&f->reader, &begin, &event), PELT_WS_MORE);
        assert_int_equal(pelt_ws_reader_next(&f->reader, &end, &event), PELT_WS_BINARY);
        assert_memory_equal(event.data.ptr, "abcd", 4);
        assert_true(first == NULL || first == event.data.ptr);
        first = event.data.ptr;
    }
    assert_int_equal(pelt_ws_reader_next(&f->reader, &(struct pelt_span){NULL, 0}, &event),
                     PELT_WS_MORE);
    assert_null(f->reader.message.data); /* an idle connection holds nothing */
}

static void what_comes_after_the_end_is_thrown_away(void **state)
{
    struct fixture *f = *state;
    struct pelt_ws_event event;
    struct pelt_span in = pelt_span("\x83\x00\x81\x01x", 5);
    assert_int_equal(pelt_ws_reader_next(&f->reader, &in, &event), PELT_WS_FAILED);
    assert_int_equal(event.fault, PELT_WS_BAD_FRAME);
    assert_int_equal(pelt_ws_reader_next(&f->reader, &in, &event), PELT_WS_MORE);
    assert_int_equal(in.len, 0);
    assert_false(pelt_ws_reader_is_mid_message(&f->reader));
}

/* They share wslay's state. */
static void a_failed_connection_leaves_the_others_alone(void **state)
{
    struct fixture *f = *state;
    static const char *const bad[] = {"827f 0000000001000000", "817e 0001", "827f 8000000000000000",
                                      "8900 0900"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct pelt_ws_reader r;
        struct pelt_ws_event event;
        struct pelt_buf bytes = ws_bytes_of(bad[i]);
        struct pelt_span in = pelt_span(bytes.data, bytes.len);
        enum pelt_ws_kind kind, last = PELT_WS_MORE;
        pelt_ws_reader_init(&r, f->pool, 1 << 20, &f->reader.terms);
        while ((kind = pelt_ws_reader_next(&r, &in, &event)) != PELT_WS_MORE) {
            last = kind;
        }
        assert_int_equal(last, PELT_WS_FAILED);
        pelt_ws_reader_deinit(&r);
        pelt_buf_deinit(&bytes);
        in = pelt_span("\x81\x02hi", 4);
        assert_int_equal(pelt_ws_reader_next(&f->reader, &in, &event), PELT_WS_TEXT);
        assert_memory_equal(event.data.ptr, "hi", 2);
    }
}

/* `text` compressed to one frame, a binary message; its length. */
static size_t compressed_frame(const char *text, size_t text_len, char *frame, size_t room)
{
    z_stream z = {.next_in = (unsigned char *)text, .avail_in = (unsigned)text_len};
    z.next_out = (unsigned char *)frame + 4;
    z.avail_out = (unsigned)room - 4;
    assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY), Z_OK);
    assert_int_equal(deflate(&z, Z_SYNC_FLUSH), Z_OK);
    assert_int_equal(z.avail_in, 0);
    size_t len = z.total_out - 4;
    deflateEnd(&z);
    frame[0] = '\xc2';
    frame[1] = '\x7e';
    frame[2] = (char)(len >> 8);
    frame[3] = (char)len;
    return 4 + len;
}

/* It refers 1,000 bytes back where 512 were agreed: zlib with such a window takes that if those
 * bytes came out of the same call, and only then. */
static void a_window_that_a_server_exceeds_is_the_same_in_every_split(void **state)
{
    static char text[2000], frame[4096];
    uint32_t x = 1;
    for (size_t i = 0; i < 1000; i++) {
        x = x * 1664525 + 1013904223;
        text[i] = text[1000 + i] = (char)('a' + (x >> 24) % 26);
    }
    size_t len = compressed_frame(text, sizeof text, frame, sizeof frame);
    assert_true(len < 1100);
    for (uint8_t bits = 8; bits <= 15; bits++) {
        struct ws_wire wire = {
            .terms = {.deflate = true, .server_window_bits = bits, .client_window_bits = 15}};
        struct pelt_buf outcome = {0};
        ws_outcome_of_every_split(&wire, pelt_span(frame, len), &outcome);
        assert_memory_equal(outcome.data, "binary \"", 8);
        assert_memory_equal(outcome.data + 8, text, sizeof text);
        pelt_buf_deinit(&outcome);
    }
}

static void a_bomb_ends_at_the_limit(void **state)
{
    struct fixture *f = *state;
    static char zeros[4 << 20], frame[4 + 8192];
    size_t len = compressed_frame(zeros, sizeof zeros, frame, sizeof frame);
    struct pelt_ws_reader r;
    struct pelt_ws_event event;
    struct pelt_span in = pelt_span(frame, len);
    pelt_ws_reader_init(&r, f->pool, 300000, &deflate_terms);
    assert_int_equal(pelt_ws_reader_next(&r, &in, &event), PELT_WS_FAILED);
    assert_int_equal(event.fault, PELT_WS_BIG_MESSAGE);
    assert_true(r.message.cap <= 1 << 19);
    pelt_ws_reader_deinit(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vectors_have_their_outcome_in_every_split),
        cmocka_unit_test_setup_teardown(a_message_in_one_piece_is_not_copied, set_up, tear_down),
        cmocka_unit_test_setup_teardown(gathered_messages_use_the_pool_again, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_comes_after_the_end_is_thrown_away, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_failed_connection_leaves_the_others_alone, set_up,
                                        tear_down),
        cmocka_unit_test(a_window_that_a_server_exceeds_is_the_same_in_every_split),
        cmocka_unit_test_setup_teardown(a_bomb_ends_at_the_limit, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
