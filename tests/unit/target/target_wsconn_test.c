/* wsconn: one WebSocket over memory: what it echoes, says, counts, and how it closes. */
#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "failing_malloc.h"
#include "wsconn.h"

#define MS UINT64_C(1000000)

static struct {
    uint8_t in[1 << 18];
    size_t in_bytes, in_at;
    bool is_gone;
    uint8_t out[1 << 18];
    size_t out_bytes, out_room; /* no more is taken than `out_room` */
} wire;

static uint64_t now_ns;
static struct target_ws ws;
static struct target_pace pace;
static _Atomic uint64_t arrivals;
static struct target_wsconn conn;

static ssize_t receive(void *cls, uint8_t *bytes, size_t room)
{
    size_t left = wire.in_bytes - wire.in_at;
    size_t n = left < room ? left : room;

    if (n == 0) {
        return wire.is_gone ? -1 : 0;
    }
    memcpy(bytes, wire.in + wire.in_at, n);
    wire.in_at += n;
    return (ssize_t)n;
}

static ssize_t send_bytes(void *cls, const uint8_t *bytes, size_t count, bool more_follows)
{
    size_t left = wire.out_room - wire.out_bytes;
    size_t n = left < count ? left : count;

    memcpy(wire.out + wire.out_bytes, bytes, n);
    wire.out_bytes += n;
    return wire.is_gone ? -1 : (ssize_t)n;
}

static uint64_t now(void)
{
    return now_ns;
}

/* Asked too early it would not have what was set while the question came. */
static const struct target_pace *pace_now(void *loop)
{
    assert_int_equal(wire.in_at, wire.in_bytes);
    return &pace;
}

static void begin(bool is_chat)
{
    static const uint64_t seed = 1;
    static const struct target_wsenv env = {.receive = receive,
                                            .send = send_bytes,
                                            .clock = now,
                                            .ws = &ws,
                                            .pace = pace_now,
                                            .seed = &seed,
                                            .arrivals = &arrivals};

    memset(&wire, 0, sizeof wire);
    wire.out_room = sizeof wire.out;
    now_ns = 1000 * MS;
    pace = (struct target_pace){.first = {.mean_ns = 30 * MS}, .gap = {.mean_ns = 7 * MS}};
    memset(&ws, 0, sizeof ws);
    ws.message_bytes = 10000;
    ws.queue_bytes = 5000;
    assert_true(target_wsconn_init(&conn, &env, NULL, is_chat, NULL));
}

static int start_echo(void **state)
{
    begin(false);
    return 0;
}

static int start_chat(void **state)
{
    begin(true);
    return 0;
}

static int end(void **state)
{
    target_wsconn_deinit(&conn);
    return 0;
}

/* A masked frame of at most 65535 bytes. */
static void put(uint8_t first, const void *data, size_t bytes)
{
    static const uint8_t mask[4] = {0x12, 0x34, 0x56, 0x78};
    uint8_t *to = wire.in + wire.in_bytes;

    *to++ = first;
    if (bytes < 126) {
        *to++ = (uint8_t)(0x80 | bytes);
    } else {
        *to++ = 0x80 | 126;
        *to++ = (uint8_t)(bytes >> 8);
        *to++ = (uint8_t)bytes;
    }
    memcpy(to, mask, 4);
    to += 4;
    for (size_t i = 0; i < bytes; i++) {
        *to++ = ((const uint8_t *)data)[i] ^ mask[i % 4];
    }
    wire.in_bytes = (size_t)(to - wire.in);
}

static void put_text(const char *text)
{
    put(0x81, text, strlen(text));
}

static void assert_out(const char *expected, size_t bytes)
{
    assert_int_equal(wire.out_bytes, bytes);
    assert_memory_equal(wire.out, expected, bytes);
    wire.out_bytes = 0;
}

static void assert_counts(uint64_t in, uint64_t out, uint64_t bytes_in, uint64_t bytes_out)
{
    assert_int_equal(conn.count.messages_in, in);
    assert_int_equal(conn.count.messages_out, out);
    assert_int_equal(conn.count.bytes_in, bytes_in);
    assert_int_equal(conn.count.bytes_out, bytes_out);
    assert_int_equal(ws.messages_in, in);
    assert_int_equal(ws.messages_out, out);
    assert_int_equal(ws.bytes_in, bytes_in);
    assert_int_equal(ws.bytes_out, bytes_out);
}

static void what_came_goes_back(void **state)
{
    put_text("hello");
    put(0x02, "ab", 2);
    put(0x89, "p", 1);
    put(0x80, "cd", 2);
    target_wsconn_receive(&conn);
    assert_out("\x81\x05hello\x8a\x01p\x82\x04"
               "abcd",
               16);
    assert_counts(2, 2, 9, 9);
    assert_false(target_wsconn_is_over(&conn));
}

static void a_close_is_answered_and_ends_it(void **state)
{
    put_text("a");
    put(0x88, "\x03\xe8", 2);
    put_text("behind it");
    target_wsconn_receive(&conn);
    assert_out("\x81\x01"
               "a\x88\x02\x03\xe8",
               7);
    assert_true(target_wsconn_is_over(&conn));
    assert_counts(1, 1, 1, 1);
}

static void a_frame_that_breaks_the_rules_closes_with_1002(void **state)
{
    uint8_t ping[126] = {0};

    put(0x89, ping, sizeof ping);
    target_wsconn_receive(&conn);
    assert_int_equal(wire.out[0], 0x88);
    assert_memory_equal(wire.out + 2, "\x03\xea", 2);
    assert_true(target_wsconn_is_over(&conn));
    assert_false(conn.is_gone);
}

static void this_side_closes_and_waits_for_the_other(void **state)
{
    target_wsconn_close(&conn, TARGET_WS_GOING_AWAY, "bye");
    target_wsconn_close(&conn, TARGET_WS_TRY_LATER, "again");
    target_wsconn_send(&conn);
    assert_out("\x88\x05\x03\xe9"
               "bye",
               7);
    assert_true(target_wsconn_has_closed(&conn));
    assert_false(target_wsconn_is_over(&conn));
    put_text("too late");
    put(0x88, "\x03\xe9", 2);
    target_wsconn_receive(&conn);
    assert_int_equal(wire.out_bytes, 0);
    assert_true(target_wsconn_is_over(&conn));
    assert_counts(0, 0, 0, 0);
}

static void a_client_that_is_gone_is_noticed(void **state)
{
    wire.is_gone = true;
    target_wsconn_receive(&conn);
    assert_true(conn.is_gone);
    assert_true(target_wsconn_is_over(&conn));
}

static void messages_are_counted_once_they_are_wholly_sent(void **state)
{
    wire.out_room = 10; /* head and six bytes of the second message */
    put_text("one");
    put_text("second");
    put_text("third");
    target_wsconn_receive(&conn);
    assert_int_equal(wire.out_bytes, 10);
    assert_counts(3, 1, 14, 3);
    assert_true(target_wsconn_wants_write(&conn));
    wire.out_room = sizeof wire.out;
    target_wsconn_send(&conn);
    assert_out("\x81\x03one\x81\x06second\x81\x05third", 20);
    assert_counts(3, 3, 14, 14);
    assert_false(target_wsconn_wants_write(&conn));
}

static void what_waits_is_bounded(void **state)
{
    char text[2001];

    memset(text, 'x', 2000);
    text[2000] = '\0';
    wire.out_room = 0;
    for (int i = 0; i < 2; i++) {
        put_text(text);
    }
    target_wsconn_receive(&conn);
    assert_int_equal(conn.queued_bytes, 4000);
    assert_false(conn.is_slow);
    put_text(text);
    target_wsconn_receive(&conn);
    assert_true(conn.is_slow);
    assert_int_equal(ws.slow, 1);
    assert_false(target_wsconn_wants_read(&conn));
    wire.out_room = sizeof wire.out;
    target_wsconn_send(&conn);
    assert_int_equal(wire.out_bytes, 2004 + 4 + strlen("the client does not read"));
    assert_memory_equal(wire.out + 2004 + 2, "\x03\xf5", 2); /* 1013, behind what was begun */
    assert_counts(3, 1, 6000, 2000);
    assert_true(target_wsconn_is_over(&conn));
}

static void one_message_may_be_longer_than_the_bound(void **state)
{
    char text[9001];

    memset(text, 'x', 9000);
    text[9000] = '\0';
    put_text(text);
    target_wsconn_receive(&conn);
    assert_int_equal(wire.out_bytes, 9004);
    assert_counts(1, 1, 9000, 9000);
}

static void a_turn_reads_a_bounded_piece(void **state)
{
    char text[2001];

    memset(text, 'x', 2000);
    text[2000] = '\0';
    for (int i = 0; i < 100; i++) {
        put_text(text);
    }
    target_wsconn_receive(&conn);
    assert_int_equal(wire.in_at, 65536);
    while (wire.in_at < wire.in_bytes) {
        target_wsconn_receive(&conn);
    }
    assert_counts(100, 100, 200000, 200000);
}

/* ---- the chat ---- */

static void say(const char *expected)
{
    now_ns = target_wsconn_due_ns(&conn) + MS;
    target_wsconn_say(&conn);
    wire.out[wire.out_bytes] = '\0';
    if (!strstr((char *)wire.out + 2, expected)) {
        fail_msg("\"%s\" is not in \"%s\"", expected, (char *)wire.out + 2);
    }
    wire.out_bytes = 0;
}

static void an_answer_is_said_when_it_is_due(void **state)
{
    assert_true(target_wsconn_due_ns(&conn) == UINT64_MAX);
    put_text("{\"message\":\"x\"}");
    target_wsconn_receive(&conn);
    assert_int_equal(wire.out_bytes, 0);
    assert_int_equal(target_wsconn_due_ns(&conn), 1030 * MS);
    say("{\"type\":\"token\",\"index\":0,\"content\":\"You\",\"planned_ns\":1030000000,"
        "\"sent_ns\":1031000000}");
    assert_int_equal(target_wsconn_due_ns(&conn), 1037 * MS);
    say("\"content\":\" said:\"");
    now_ns = target_wsconn_due_ns(&conn);
    say("\"content\":\" x\"");
    assert_true(target_wsconn_due_ns(&conn) == UINT64_MAX);
    assert_int_equal(conn.tokens, 3);
    assert_int_equal(conn.count.messages_out, 4);
    target_wsconn_say(&conn);
    assert_int_equal(wire.out_bytes, 0);
    assert_int_equal(arrivals, 1);
}

static void a_second_question_waits_for_nothing(void **state)
{
    put_text("{\"message\":\"x\"}");
    put_text("{\"message\":\"y\"}");
    put_text("{");
    target_wsconn_receive(&conn);
    wire.out[wire.out_bytes] = '\0';
    assert_non_null(strstr((char *)wire.out + 2, "on its way"));
    assert_int_equal(conn.count.messages_out, 2);
    wire.out_bytes = 0;
    say("\"You\"");
}

static void a_close_ends_the_answer(void **state)
{
    put_text("{\"message\":\"x\"}");
    target_wsconn_receive(&conn);
    put(0x88, "", 0);
    target_wsconn_receive(&conn);
    assert_true(target_wsconn_due_ns(&conn) == UINT64_MAX);
    assert_out("\x88\x00", 2);
}

static void want_of_memory_ends_the_connection_only(void **state)
{
    for (long at = 0; at < 12; at++) {
        target_wsconn_deinit(&conn);
        begin(at % 2);
        wire.out_room = at < 6 ? sizeof wire.out : 3;
        put_text("{\"message\":\"x\"}");
        put_text("{\"message\":\"y\"}");
        failing_malloc_at = at / 2;
        target_wsconn_receive(&conn);
        failing_malloc_at = -1;
        target_wsconn_say(&conn);
        target_wsconn_send(&conn);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_came_goes_back, start_echo, end),
        cmocka_unit_test_setup_teardown(a_close_is_answered_and_ends_it, start_echo, end),
        cmocka_unit_test_setup_teardown(a_frame_that_breaks_the_rules_closes_with_1002, start_echo,
                                        end),
        cmocka_unit_test_setup_teardown(this_side_closes_and_waits_for_the_other, start_echo, end),
        cmocka_unit_test_setup_teardown(a_client_that_is_gone_is_noticed, start_echo, end),
        cmocka_unit_test_setup_teardown(messages_are_counted_once_they_are_wholly_sent, start_echo,
                                        end),
        cmocka_unit_test_setup_teardown(what_waits_is_bounded, start_echo, end),
        cmocka_unit_test_setup_teardown(one_message_may_be_longer_than_the_bound, start_echo, end),
        cmocka_unit_test_setup_teardown(a_turn_reads_a_bounded_piece, start_echo, end),
        cmocka_unit_test_setup_teardown(an_answer_is_said_when_it_is_due, start_chat, end),
        cmocka_unit_test_setup_teardown(a_second_question_waits_for_nothing, start_chat, end),
        cmocka_unit_test_setup_teardown(a_close_ends_the_answer, start_chat, end),
        cmocka_unit_test_setup_teardown(want_of_memory_ends_the_connection_only, start_echo, end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
