/* Messages of gRPC in every split, and what an answer comes to. */
#include "test.h"

#include <stdlib.h>
#include <string.h>

#include "pelt/grpc.h"

static const struct pelt_grpc LIMITS = {.message_max = 8, .expected = 1 << 5};

static enum pelt_status on_message(void *arg, struct pelt_span message)
{
    pelt_buf_addf(arg, "<%.*s>", (int)message.len, message.ptr);
    return PELT_OK;
}

/* Pieces of `step` bytes, each in memory of its own. */
static const char *feed(struct pelt_span bytes, size_t step, struct pelt_buf *out, size_t *left)
{
    struct pelt_grpc_frames f = {.on_message = on_message, .arg = out, .grpc = &LIMITS};
    const char *why = NULL;
    for (size_t at = 0, n; why == NULL && at < bytes.len; at += n) {
        n = step < bytes.len - at ? step : bytes.len - at;
        char *piece = malloc(n);
        memcpy(piece, bytes.ptr + at, n);
        why = pelt_grpc_frames_feed(&f, piece, n);
        free(piece);
    }
    *left = f.part.len;
    pelt_grpc_frames_deinit(&f);
    return why;
}

#define EXPECT(bytes, messages, why, left) expect(bytes, sizeof(bytes) - 1, messages, why, left)

static void expect(const char *bytes, size_t len, const char *messages, const char *why,
                   size_t left)
{
    for (size_t step = 1; step <= len; step++) {
        struct pelt_buf got = {0};
        size_t rest;
        const char *said = feed(pelt_span(bytes, len), step, &got, &rest);
        assert_string_equal(said != NULL ? said : "", why);
        assert_string_equal(got.len > 0 ? got.data : "", messages);
        if (said == NULL) {
            assert_int_equal(rest, left);
        }
        pelt_buf_deinit(&got);
    }
}

static void messages_are_the_same_in_every_split(void **state)
{
    EXPECT("\0\0\0\0\2ab\0\0\0\0\0\0\0\0\0\1c", "<ab><><c>", "", 0);
    EXPECT("\0\0\0\0\10abcdefgh", "<abcdefgh>", "", 0);
    EXPECT("\0\0\0\0\2ab\0\0\0\0\3cd", "<ab>", "", 7);
    EXPECT("\0\0\0", "", "", 3);
}

static void what_no_message_may_be_is_refused(void **state)
{
    EXPECT("\0\0\0\0\1a\0\0\0\0\11", "<a>", "a message is larger than max_message allows", 0);
    EXPECT("\0\377\377\377\377", "", "a message is larger than max_message allows", 0);
    EXPECT("\1\0\0\0\1a", "", "a message is compressed, and none was asked to be", 0);
}

#define HEAD "HTTP/2 200\r\ncontent-type: application/grpc+proto\r\n"

static void judge(const char *head, const char *body, size_t len, enum pelt_grpc_verdict verdict,
                  int status, const char *text)
{
    struct pelt_span b = {body, len};
    char said[320] = "";
    int got;
    assert_int_equal(pelt_grpc_judge(&LIMITS, pelt_span_of(head), body != NULL ? &b : NULL, &got,
                                     said, sizeof said),
                     verdict);
    assert_int_equal(got, status);
    assert_string_equal(said, text);
}

#define JUDGE(fields, body, verdict, status, text)                                                 \
    judge(HEAD fields "\r\n", body, sizeof(body) - 1, verdict, status, text)

static void an_answer_is_one_message_and_a_status(void **state)
{
    JUDGE("grpc-status: 0\r\n", "\0\0\0\0\1a", PELT_GRPC_OK, 0, "");
    JUDGE("grpc-status: 0\r\n", "\0\0\0\0\0", PELT_GRPC_OK, 0, "");
    JUDGE("grpc-status: 0\r\n", "", PELT_GRPC_BAD, 0, "status OK, and no message");
    JUDGE("grpc-status: 0\r\n", "\0\0\0", PELT_GRPC_BAD, 0, "its message is cut off");
    JUDGE("grpc-status: 0\r\n", "\0\0\0\0\2a", PELT_GRPC_BAD, 0, "its message is cut off");
    JUDGE("grpc-status: 0\r\n", "\0\0\0\0\0\0\0\0\0\0", PELT_GRPC_BAD, 0,
          "more than one message came");
    JUDGE("grpc-status: 0\r\n", "\0\0\0\0\11123456789", PELT_GRPC_LARGE, 0,
          "a message is larger than max_message allows");
    judge(HEAD "grpc-status: 0\r\n\r\n", NULL, 0, PELT_GRPC_OK, 0, "");
}

static void another_status_is_told_with_its_name(void **state)
{
    JUDGE("grpc-status: 14\r\ngrpc-message: down %20\r\n", "", PELT_GRPC_STATUS, 14,
          "status 14 UNAVAILABLE: down %20");
    JUDGE("grpc-status: 16\r\n", "", PELT_GRPC_STATUS, 16, "status 16 UNAUTHENTICATED");
    JUDGE("grpc-status: 5\r\n", "", PELT_GRPC_OK, 5, "status 5 NOT_FOUND"); /* as expected */
    JUDGE("grpc-status: 17\r\n", "", PELT_GRPC_STATUS, -1, "status 17 UNKNOWN");
    JUDGE("grpc-status: \r\n", "", PELT_GRPC_STATUS, -1, "status  UNKNOWN");
    JUDGE("grpc-status: 1\r\ngrpc-message: \xff\r\n", "", PELT_GRPC_STATUS, 1,
          "status 1 CANCELLED: .");
}

static void what_is_no_answer_of_grpc_is_told(void **state)
{
    JUDGE("", "\0\0\0\0\0", PELT_GRPC_BAD, 0, "it ended without grpc-status");
    judge("HTTP/2 200\r\ncontent-type: text/html\r\ngrpc-status: 0\r\n\r\n", "", 0, PELT_GRPC_BAD,
          0, "no answer of gRPC: Content-Type 'text/html'");
    judge("HTTP/2 200\r\n\r\n", "", 0, PELT_GRPC_BAD, 0, "no answer of gRPC: Content-Type ''");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_are_the_same_in_every_split),
        cmocka_unit_test(what_no_message_may_be_is_refused),
        cmocka_unit_test(an_answer_is_one_message_and_a_status),
        cmocka_unit_test(another_status_is_told_with_its_name),
        cmocka_unit_test(what_is_no_answer_of_grpc_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
