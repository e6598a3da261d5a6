/* The opening handshake: what is asked, and each answer that must not be taken. The key and its
 * accept are those of RFC 6455 section 1.3. */
#include "test.h"

#include <string.h>

#include "pelt/http1_request.h"
#include "pelt/ws_handshake.h"

#define ACCEPT "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="

static const struct pelt_ws_handshake sample = {.key = "dGhlIHNhbXBsZSBub25jZQ=="};

static void a_key_is_sixteen_random_bytes(void **state)
{
    struct pelt_rng rng;
    struct pelt_ws_handshake a, b;
    pelt_rng_init(&rng, 1, 1);
    pelt_ws_handshake_init(&a, &rng);
    pelt_ws_handshake_init(&b, &rng);
    assert_int_equal(strlen(a.key), 24);
    assert_string_equal(a.key + 22, "==");
    assert_string_not_equal(a.key, b.key);
    pelt_rng_init(&rng, 1, 1);
    pelt_ws_handshake_init(&b, &rng);
    assert_string_equal(a.key, b.key);
}

static void fields_ask_for_what_is_wanted(void **state)
{
    struct pelt_ws_ask ask = {.subprotocols = pelt_span_of(" chat,,  superchat "),
                              .deflate = {.deflate = true}};
    struct pelt_buf out = {0};
    pelt_ws_handshake_fields(&sample, &ask, &out);
    assert_string_equal(out.data, "Upgrade: websocket\r\nConnection: Upgrade\r\n"
                                  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                                  "Sec-WebSocket-Version: 13\r\n"
                                  "Sec-WebSocket-Protocol: chat, superchat\r\n"
                                  "Sec-WebSocket-Extensions: permessage-deflate\r\n");
    pelt_buf_reset(&out);
    ask = (struct pelt_ws_ask){.subprotocols = pelt_span(NULL, 0)};
    pelt_ws_handshake_fields(&sample, &ask, &out);
    assert_null(strstr(out.data, "Protocol"));
    assert_null(strstr(out.data, "Extensions"));
    pelt_buf_deinit(&out);
}

static void bad_wishes_are_told(void **state)
{
    struct pelt_error err = {.text = ""};
    struct pelt_ws_ask ask = {.subprotocols = pelt_span_of("chat, super chat")};
    assert_int_equal(pelt_ws_ask_check(&ask, &err), PELT_EINVAL);
    assert_non_null(strstr(err.text, "\"super chat\""));
    ask.subprotocols = pelt_span_of("chat, x, chat");
    assert_int_equal(pelt_ws_ask_check(&ask, &err), PELT_EINVAL);
    assert_non_null(strstr(err.text, "\"chat\" is named twice"));
    ask.subprotocols = pelt_span_of("chat, x");
    assert_int_equal(pelt_ws_ask_check(&ask, &err), PELT_OK);
    ask.deflate.client_max_window_bits = 7;
    assert_int_equal(pelt_ws_ask_check(&ask, &err), PELT_EINVAL);
    ask.deflate.client_max_window_bits = 0;
    ask.deflate.server_max_window_bits = 16;
    assert_int_equal(pelt_ws_ask_check(&ask, &err), PELT_EINVAL);
}

static void its_own_fields_are_known(void **state)
{
    static const char *const own[] = {"upgrade", "CONNECTION", "Sec-WebSocket-Key",
                                      "sec-websocket-anything"};
    static const char *const others[] = {"Cookie", "Sec-WebSocket", "Origin", ""};
    for (size_t i = 0; i < 4; i++) {
        assert_true(pelt_ws_handshake_writes(pelt_span_of(own[i])));
        assert_false(pelt_ws_handshake_writes(pelt_span_of(others[i])));
    }
}

/* ---- the answer ---- */

#define LINE     "HTTP/1.1 101 Switching Protocols\r\n"
#define UPGRADE  "Upgrade: websocket\r\n"
#define CONNECT  "Connection: Upgrade\r\n"
#define ACCEPTED "Sec-WebSocket-Accept: " ACCEPT "\r\n"
#define GOOD     LINE UPGRADE CONNECT ACCEPTED

static const struct {
    const char *head, *reason;
    enum pelt_ws_refusal refusal;
} answers[] = {
    {GOOD "\r\n", "", PELT_WS_ACCEPTED},
    {LINE "UPGRADE: WebSocket\r\nconnection: keep-alive\r\nconnection: foo, uPGRADE\r\n" ACCEPTED
          "\r\n",
     "", PELT_WS_ACCEPTED},
    {"HTTP/1.1 103 Early Hints\r\nUpgrade: h2c\r\n\r\n" GOOD "\r\n", "", PELT_WS_ACCEPTED},
    {LINE CONNECT ACCEPTED "\r\n", "no Upgrade", PELT_WS_BAD_UPGRADE},
    {LINE "Upgrade: h2c\r\n" CONNECT ACCEPTED "\r\n", "\"h2c\"", PELT_WS_BAD_UPGRADE},
    {LINE UPGRADE ACCEPTED "\r\n", "no Connection", PELT_WS_BAD_CONNECTION},
    {LINE UPGRADE "Connection: keep-alive\r\n" ACCEPTED "\r\n", "does not say",
     PELT_WS_BAD_CONNECTION},
    {LINE UPGRADE CONNECT "\r\n", "no Sec-WebSocket-Accept", PELT_WS_BAD_ACCEPT},
    {GOOD ACCEPTED "\r\n", "more than one Sec-WebSocket-Accept", PELT_WS_BAD_ACCEPT},
    {LINE UPGRADE CONNECT "Sec-WebSocket-Accept: S3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n", ACCEPT,
     PELT_WS_BAD_ACCEPT},
    {LINE UPGRADE CONNECT "Sec-WebSocket-Accept: \x01\xff\r\n\r\n", "\"??\"", PELT_WS_BAD_ACCEPT},
    {GOOD "Sec-WebSocket-Protocol: chat\r\n\r\n", "", PELT_WS_ACCEPTED},
    {GOOD "Sec-WebSocket-Protocol: Chat\r\n\r\n", "\"Chat\"", PELT_WS_BAD_SUBPROTOCOL},
    {GOOD "Sec-WebSocket-Protocol: chat, superchat\r\n\r\n", "not asked for",
     PELT_WS_BAD_SUBPROTOCOL},
    {GOOD "Sec-WebSocket-Protocol: chat\r\nSec-WebSocket-Protocol: chat\r\n\r\n", "more than one",
     PELT_WS_BAD_SUBPROTOCOL},
    {GOOD "Sec-WebSocket-Protocol:\r\n\r\n", "\"\"", PELT_WS_BAD_SUBPROTOCOL},
    {GOOD "Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n", "", PELT_WS_ACCEPTED},
    {GOOD "Sec-WebSocket-Extensions: foo\r\n\r\n", "\"foo\": an extension that was not offered",
     PELT_WS_BAD_EXTENSION},
    {GOOD "Sec-WebSocket-Extensions: permessage-deflate\r\n"
          "Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n",
     "twice", PELT_WS_BAD_EXTENSION},
};

static void answers_are_judged(void **state)
{
    struct pelt_ws_ask ask = {.subprotocols = pelt_span_of("chat, superchat"),
                              .deflate = {.deflate = true}};
    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
        struct pelt_ws_answer answer;
        enum pelt_ws_refusal refusal =
            pelt_ws_handshake_check(&sample, &ask, 101, pelt_span_of(answers[i].head), &answer);
        if (refusal != answers[i].refusal || strstr(answer.reason, answers[i].reason) == NULL) {
            fail_msg("%s: %d, \"%s\"", answers[i].head, refusal, answer.reason);
        }
        assert_int_equal(refusal == PELT_WS_ACCEPTED, answer.reason[0] == '\0');
    }
}

static void what_was_agreed_is_told(void **state)
{
    struct pelt_ws_ask ask = {.subprotocols = pelt_span_of("chat, superchat"),
                              .deflate = {.deflate = true}};
    struct pelt_ws_answer answer;
    struct pelt_span head = pelt_span_of(GOOD "Sec-WebSocket-Protocol: superchat\r\n"
                                              "Sec-WebSocket-Extensions: permessage-deflate; "
                                              "server_max_window_bits=9\r\n\r\n");
    assert_int_equal(pelt_ws_handshake_check(&sample, &ask, 101, head, &answer), PELT_WS_ACCEPTED);
    assert_true(pelt_span_eq(answer.subprotocol, "superchat"));
    assert_true(answer.deflate.deflate);
    assert_int_equal(answer.deflate.server_window_bits, 9);
    assert_int_equal(pelt_ws_handshake_check(&sample, &ask, 403, head, &answer),
                     PELT_WS_BAD_STATUS);
    assert_string_equal(answer.reason, "status 403; due is 101");
    assert_int_equal(answer.subprotocol.len, 0);
}

static void a_long_value_is_cut_in_the_reason(void **state)
{
    struct pelt_ws_ask ask = {.subprotocols = pelt_span(NULL, 0)};
    struct pelt_ws_answer answer;
    struct pelt_buf head = {0};
    pelt_buf_add_str(&head, LINE "Upgrade: ");
    for (int i = 0; i < 1000; i++) {
        pelt_buf_add_str(&head, "x");
    }
    pelt_buf_add_str(&head, "\r\n\r\n");
    pelt_ws_handshake_check(&sample, &ask, 101, pelt_span(head.data, head.len), &answer);
    assert_non_null(strstr(answer.reason, "xxx...\"; due is \"websocket\""));
    pelt_buf_deinit(&head);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_key_is_sixteen_random_bytes),
        cmocka_unit_test(fields_ask_for_what_is_wanted),
        cmocka_unit_test(bad_wishes_are_told),
        cmocka_unit_test(its_own_fields_are_known),
        cmocka_unit_test(answers_are_judged),
        cmocka_unit_test(what_was_agreed_is_told),
        cmocka_unit_test(a_long_value_is_cut_in_the_reason),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
