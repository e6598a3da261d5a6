/*
 * http1_response: each case whole, byte by byte and split at every offset; bytes behind the message
 * stay the caller's; limits and refusals have their named answer.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "http1_outcome.h"

/* All of `input` comes to `expected` (words of http1_outcome), fed in any way. */
static enum pelt_http1_answer check_as(const char *input, bool head_request, const char *expected)
{
    struct pelt_buf text = {0};
    enum pelt_http1_answer answer =
        outcome_of_every_split(pelt_span_of(input), head_request, &text);
    assert_string_equal(text.len > 0 ? text.data : "", expected);
    pelt_buf_deinit(&text);
    return answer;
}

static void check(const char *input, const char *expected)
{
    check_as(input, false, expected);
}

static void check_refused(const char *input, enum pelt_http1_answer answer)
{
    struct pelt_buf text = {0};
    enum pelt_http1_answer got = outcome_of_every_split(pelt_span_of(input), false, &text);
    if (got != answer) {
        print_error("%s\n", input);
    }
    assert_int_equal(got, answer);
    pelt_buf_deinit(&text);
}

/* Feeds `input` whole to a fresh response. */
static enum pelt_http1_answer feed(struct pelt_http1_response *r, const char *input,
                                   bool head_request, size_t *used)
{
    pelt_http1_response_reset(r, head_request);
    return pelt_http1_response_feed(r, input, strlen(input), used);
}

static void a_length_ends_the_body(void **state)
{
    check("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
          "200 [Content-Length=5] body \"hello\" complete\n");
    check("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
          "404 [Content-Length=0] body \"\" complete\n");
    check("HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhello",
          "200 [Content-Length=50] body \"hello\" open\n");
}

static void pipelined_bytes_are_left_to_the_caller(void **state)
{
    struct pelt_http1_response r = {0};
    const char *inputs[] = {
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
        "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 204 No Content\r\n\r\n",
        "HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nSum: 1\r\n\r\n",
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx",
    };
    for (size_t i = 0; i < sizeof(inputs) / sizeof(inputs[0]); i++) {
        char longer[256];
        size_t used = 0, len = strlen(inputs[i]);
        snprintf(longer, sizeof(longer), "%sHTTP/1.1 500 Next\r\n", inputs[i]);
        assert_int_equal(feed(&r, longer, false, &used), PELT_HTTP1_DONE);
        assert_int_equal(used, len);
        assert_true(r.keep_alive);
        /* And the next message begins as if nothing had been. */
        assert_int_equal(feed(&r, longer, false, &used), PELT_HTTP1_DONE);
        assert_int_equal(used, len);
    }
}

static void chunks_are_decoded_and_trailers_skipped(void **state)
{
    check("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
          "5\r\nhello\r\nA;ext=\"1\"\r\n, old wor\n\r\n2\r\nld\r\n000\r\nSum: 1\r\nMore: 2\r\n\r\n",
          "200 [Transfer-Encoding=chunked] body \"hello, old wor\nld\" complete\n");
    check("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, Chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n",
          "200 [Transfer-Encoding=gzip, Chunked] body \"x\" complete\n");
    check("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel",
          "200 [Transfer-Encoding=chunked] body \"hel\" open\n");
}

static void answers_to_head_have_no_body(void **state)
{
    check_as("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nHTTP/1.1 200 OK\r\n\r\n", true,
             "200 [Content-Length=5] body \"\" complete\n200  body \"\" complete\n");
    check_as("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", true,
             "200 [Transfer-Encoding=chunked] body \"\" complete\n");
}

static void no_content_and_not_modified_have_no_body(void **state)
{
    check("HTTP/1.1 204 No Content\r\n\r\nHTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\n\r\n"
          "HTTP/1.1 304 Not Modified\r\nTransfer-Encoding: chunked\r\n\r\n",
          "204  body \"\" complete\n304 [Content-Length=7] body \"\" complete\n"
          "304 [Transfer-Encoding=chunked] body \"\" complete\n");
}

static void informational_heads_are_skipped(void **state)
{
    check("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
          "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx",
          "200 [Content-Length=1] body \"x\" complete\n");
    /* What a 1xx says of a body or of closing does not hold for what follows. */
    check("HTTP/1.1 102 Processing\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
          "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx",
          "200 [Content-Length=1] body \"x\" complete\n");
    check("HTTP/1.1 100 Continue\r\n\r\n", "");
}

static void an_informational_status_is_not_reported(void **state)
{
    struct pelt_http1_response r = {0};
    size_t used = 0;
    assert_int_equal(feed(&r, "HTTP/1.1 100 Continue\r\n\r\n", false, &used), PELT_HTTP1_MORE);
    assert_int_equal(r.status, 0);
    assert_false(r.head_done);
    assert_int_equal(r.informational & 0x7f, 1);
    assert_true(pelt_http1_response_continued(&r));
    assert_int_equal(r.head_end, 0);
}

static void the_33rd_informational_head_is_too_much(void **state)
{
    struct pelt_http1_response r = {0};
    size_t used = 0;
    const char *head = "HTTP/1.1 100 Continue\r\n\r\n";
    pelt_http1_response_reset(&r, false);
    for (int i = 0; i < PELT_HTTP1_1XX_MAX; i++) {
        assert_int_equal(pelt_http1_response_feed(&r, head, strlen(head), &used), PELT_HTTP1_MORE);
    }
    struct pelt_http1_response before = r;
    assert_int_equal(pelt_http1_response_feed(&r, head, strlen(head), &used),
                     PELT_HTTP1_HEAD_TOO_LARGE);
    head = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
    assert_int_equal(pelt_http1_response_feed(&before, head, strlen(head), &used), PELT_HTTP1_DONE);
}

static void switching_protocols_ends_the_message(void **state)
{
    struct pelt_http1_response r = {0};
    const char *head = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                       "Connection: Upgrade\r\n\r\n\x81\x05hello";
    size_t used = 0;
    assert_int_equal(feed(&r, head, false, &used), PELT_HTTP1_DONE);
    assert_int_equal(used, strlen(head) - 7);
    assert_int_equal(r.head_end, used);
    assert_int_equal(r.status, 101);
    assert_true(r.upgraded);
    assert_false(r.keep_alive);
}

static void a_body_without_length_ends_with_the_connection(void **state)
{
    struct pelt_http1_response r = {0};
    size_t used = 0;
    assert_int_equal(feed(&r, "HTTP/1.1 200 OK\r\n\r\nhello", false, &used), PELT_HTTP1_MORE);
    assert_int_equal(used, strlen("HTTP/1.1 200 OK\r\n\r\nhello"));
    assert_int_equal(pelt_http1_response_eof(&r), PELT_HTTP1_DONE);
    assert_int_equal(r.body_bytes, 5);
    assert_false(r.keep_alive);
}

static void an_early_end_is_told_by_where_it_came(void **state)
{
    struct pelt_http1_response r = {0};
    size_t used = 0;
    pelt_http1_response_reset(&r, false);
    assert_int_equal(pelt_http1_response_eof(&r), PELT_HTTP1_BAD_HEAD);
    assert_false(r.begun);
    feed(&r, "HTTP/1.1 200 OK\r\nContent-", false, &used);
    assert_true(r.begun);
    assert_int_equal(pelt_http1_response_eof(&r), PELT_HTTP1_BAD_HEAD);
    feed(&r, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell", false, &used);
    assert_int_equal(pelt_http1_response_eof(&r), PELT_HTTP1_BAD_BODY);
    feed(&r, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", false, &used);
    assert_int_equal(pelt_http1_response_eof(&r), PELT_HTTP1_BAD_BODY);
    assert_string_equal(pelt_http1_response_reason(&r), "Connection closed within the body");
}

static void the_connection_persists_as_version_and_fields_say(void **state)
{
    static const struct {
        const char *head;
        bool keep_alive;
    } cases[] = {
        {"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", true},
        {"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", false},
        {"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: x, Close\r\n\r\n", false},
        {"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: keep-alive, close\r\n\r\n", false},
        {"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n", false},
        {"HTTP/1.0 200 OK\r\nContent-Length: 0\r\nConnection: Keep-Alive\r\n\r\n", true},
        {"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: keep-alive\r\n\r\n"
         "0\r\n\r\n",
         false},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n0\r\n\r\n",
         false},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct pelt_http1_response r = {0};
        size_t used = 0;
        assert_int_equal(feed(&r, cases[i].head, false, &used), PELT_HTTP1_DONE);
        assert_int_equal(r.keep_alive, cases[i].keep_alive);
    }
}

static void what_is_no_response_is_refused(void **state)
{
    static const char *const heads[] = {
        "rubbish\r\n\r\n",
        "HTTP/2.0 200 OK\r\n\r\n",
        "HTTP/0.9 200 OK\r\n\r\n",
        "HTTP/1.1 20 OK\r\n\r\n",
        "HTTP/1.1 2000 OK\r\n\r\n",
        "HTTP/1.1 099 OK\r\n\r\n",
        "HTTP/1.1 abc OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\nNo colon\r\n\r\n",
        "HTTP/1.1 200 OK\r\nBlank : before colon\r\n\r\n",
        "HTTP/1.1 200 OK\r\nA: b\nC: d\r\n\r\n",
        "HTTP/1.1 200 OK\r\nA: b\rC: d\r\n\r\n",
        "HTTP/1.1 200 OK\r\nA: b\001\r\n\r\n",
        "\x16\x03\x01\x02",
        "GET / HTTP/1.1\r\n\r\n",
        "HTTP/1.2 200 OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\n: 5\r\n\r\n",
        "HTTP/1.1 200 OK\r\nA: b\r\n:\r\n\r\n",
        "HTTP/1.1 200 O\001K\r\n\r\n",
        "HTTP/1.1 200 O\177K\r\n\r\n",
    };
    for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++) {
        check_refused(heads[i], PELT_HTTP1_BAD_HEAD);
    }
    static const char with_nul[] = "HTTP/1.1 200 O\0K\r\n\r\n";
    struct pelt_buf text = {0};
    assert_int_equal(
        outcome_of_every_split(pelt_span(with_nul, sizeof(with_nul) - 1), false, &text),
        PELT_HTTP1_BAD_HEAD);
    pelt_buf_deinit(&text);
}

static void contradictory_framing_is_refused(void **state)
{
    static const char *const fields[] = {
        "Content-Length: 5\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked\r\nContent-Length: 5",
        "Content-Length: 5\r\nContent-Length: 6",
        "Content-Length: 5, 6",
        "Content-Length: 5\r\n 6",
        "Content-Length: -5",
        "Content-Length: +5",
        "Content-Length: 0x5",
        "Content-Length: 5 5",
        "Content-Length:",
        "Content-Length: 18446744073709551616",
        "Content-Length : 5",
        "Content-Length: 5\nA: b",
        "Transfer-Encoding: gzip",
        "Transfer-Encoding: chunked, gzip",
        "Transfer-Encoding: xchunked",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: gzip",
        "Transfer-Encoding: chunked\r\n x",
        "Transfer-Encoding: chunked\r\n \r\n",
        "Transfer-Encoding:\001chunked",
        "Transfer-Encoding: chunked\001",
        "Content-Length: 5\r\nTransfer-Encoding:",
        "Transfer-Encoding:\r\nContent-Length: 5",
        "Content-Length: 5\r\nTransfer-Encoding: \t",
        "Content-Length: 5\r\nTransfer-Encoding:\r\n ",
        "Transfer-Encoding:\r\n \r\nContent-Length: 5",
        "Transfer-Encoding:",
        "Transfer-Encoding: ,",
        "Transfer-Encoding: \r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding:",
        "Transfer-Encoding: identity",
        "Transfer-Encoding: chunked, chunked",
        "Transfer-Encoding: chunked, gzip, chunked",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
        "transfer-encoding: CHUNKED\r\nA: b\r\nTRANSFER-ENCODING: Chunked",
        "Transfer-Encoding: chunked;q=1",
        "Transfer-Encoding: chunked x",
        "Transfer-Encoding: chunk ed",
        "Transfer-Encoding: chunk\r\n ed",
        "Transfer-Encoding: chunkedchunked",
    };
    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
        char head[256];
        snprintf(head, sizeof(head), "HTTP/1.1 200 OK\r\n%s\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
                 fields[i]);
        check_refused(head, PELT_HTTP1_BAD_HEAD);
    }
}

static void chunked_once_and_last_is_a_framing(void **state)
{
    static const char *const fields[] = {
        "Transfer-Encoding: chunked",
        "transfer-encoding:Chunked  ",
        "Transfer-Encoding: , chunked",
        "Transfer-Encoding: gzip, chunked",
        "Transfer-Encoding: gzip;x=chunked ,chunked",
        "Transfer-Encoding: gzip\r\nA: Transfer-Encoding\r\nTransfer-Encoding: chunked",
        "Transfer-Encodin: chunked, chunked\r\nTransfer-Encodings: x\r\nTransfer-Encoding: chunked",
    };
    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
        char head[256];
        struct pelt_buf text = {0};
        snprintf(head, sizeof(head), "HTTP/1.1 200 OK\r\n%s\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
                 fields[i]);
        assert_int_equal(outcome_of_every_split(pelt_span_of(head), false, &text), PELT_HTTP1_MORE);
        assert_non_null(strstr(text.data, "body \"hello\" complete"));
        pelt_buf_deinit(&text);
    }
}

static void a_body_is_refused_where_none_may_be(void **state)
{
    static const char *const heads[] = {
        "HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\nhello",
        "HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "HTTP/1.1 204 No Content\r\nX-Folded: a\r\n b\r\nContent-Length: 5\r\n\r\nhello",
        "HTTP/1.1 100 Continue\r\nContent-Length: 5\r\n\r\nhello",
        "HTTP/1.1 103 Early Hints\r\nTransfer-Encoding: chunked\r\n\r\n",
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nTransfer-Encoding: chunked\r\n\r\n",
    };
    for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++) {
        check_refused(heads[i], PELT_HTTP1_BAD_HEAD);
        struct pelt_buf text = {0};
        assert_int_equal(outcome_of_every_split(pelt_span_of(heads[i]), true, &text),
                         PELT_HTTP1_BAD_HEAD);
        pelt_buf_deinit(&text);
    }
    check("HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n",
          "204 [Content-Length=0] body \"\" complete\n");
    check("HTTP/1.1 103 Early Hints\r\nContent-Length: 0\r\n\r\n", "");
    check("HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n",
          "304 [Content-Length=5] body \"\" complete\n");
}

static void a_refused_head_of_the_common_form_says_nothing(void **state)
{
    struct pelt_http1_response r = {0};
    size_t used = 0;
    const char *input = "HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\nhello";
    feed(&r, input, false, &used);
    assert_int_equal(used, strlen(input));
    assert_false(r.head_done || r.keep_alive);
    assert_int_equal(r.status, 0);
    assert_int_equal(r.head_end, 0);
    assert_non_null(strstr(pelt_http1_response_reason(&r), "204"));
}

static void bare_crs_before_the_status_line_hide_no_field(void **state)
{
    check("\r\rHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi",
          "200 [Content-Length=2] body \"hi\" complete\n");
    check("\r\r\n\rHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi",
          "200 [Content-Length=2] body \"hi\" complete\n");
}

static void bad_chunks_are_refused(void **state)
{
    static const char *const bodies[] = {
        "x\r\n",
        "-1\r\n",
        " 1\r\na\r\n",
        "\r\n",
        "5 \r\nhello",
        "5\nhello\r\n",
        "5\r\nhelloX\r\n",
        "5\r\nhello\n0\r\n\r\n",
        "5\r\nhello\rX",
        "0x5\r\nhello",
        "10000000000000000\r\n",
        "fffffffffffffffff\r\n",
        "5;a\nhello\r\n",
        "0\r\nBad trailer\r\n\r\n",
        "0\r\n: nameless\r\n\r\n",
        "5\rhello",
    };
    for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
        char message[256];
        snprintf(message, sizeof(message),
                 "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%s", bodies[i]);
        check_refused(message, PELT_HTTP1_BAD_BODY);
    }
}

static void a_refusal_has_a_reason(void **state)
{
    struct pelt_http1_response r = {0};
    size_t used = 0;
    feed(&r, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n", false, &used);
    assert_string_equal(pelt_http1_response_reason(&r),
                        "The size of a chunk is not a hexadecimal number");
    feed(&r, "HTTP/2.0 200 OK\r\n\r\n", false, &used);
    assert_string_equal(pelt_http1_response_reason(&r),
                        "The answer is not of HTTP/1.0 or HTTP/1.1");
    feed(&r, "HTTP/2 200\r\n\r\n", false, &used);
    assert_string_equal(pelt_http1_response_reason(&r),
                        "The answer is not of HTTP/1.0 or HTTP/1.1");
    feed(&r, "SSH-2.0-OpenSSH_9.2\r\n", false, &used);
    assert_string_equal(pelt_http1_response_reason(&r), "The answer does not begin with HTTP/1.");
    feed(&r, "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx", false, &used);
    assert_string_equal(pelt_http1_response_reason(&r),
                        "Content-Length came twice, or beside Transfer-Encoding");
    feed(&r, "HTTP/1.1 200 OK\r\nTransfer-Encoding: br\r\n\r\n", false, &used);
    assert_string_equal(pelt_http1_response_reason(&r),
                        "Transfer-Encoding does not end with chunked, once");
    feed(&r, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding:\r\n\r\n", false, &used);
    assert_non_null(strstr(pelt_http1_response_reason(&r), "with Content-Length"));
    feed(&r, "HTTP/1.1 204 No\r\nContent-Length: 1\r\n\r\n", false, &used);
    assert_string_equal(pelt_http1_response_reason(&r),
                        "A body is announced where a 1xx or 204 has none");
    feed(&r, "HTTP/1.1 200 O\x01K\r\n\r\n", false, &used);
    assert_string_equal(pelt_http1_response_reason(&r), "Invalid character in the reason phrase");
}

/* A head of exactly `bytes`, by one long field; the caller frees. */
static char *head_of_size(size_t bytes)
{
    static const char begin[] = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nA: ";
    char *head = malloc(bytes + 1);
    memset(head, 'x', bytes);
    memcpy(head, begin, sizeof(begin) - 1);
    memcpy(head + bytes - 4, "\r\n\r\n", 5);
    return head;
}

static void a_head_has_at_most_64_kib(void **state)
{
    const size_t splits[] = {OUTCOME_WHOLE, OUTCOME_SINGLY, 60000, 65535, 65536};
    for (size_t i = 0; i < sizeof(splits) / sizeof(splits[0]); i++) {
        for (size_t over = 0; over < 3; over++) {
            char *head = head_of_size(PELT_HTTP1_HEAD_MAX - 1 + over);
            struct pelt_buf text = {0};
            enum pelt_http1_answer answer = outcome_of(pelt_span_of(head), splits[i], false, &text);
            if (over < 2) {
                assert_int_not_equal(answer, PELT_HTTP1_HEAD_TOO_LARGE);
                assert_memory_equal(text.data, "200 ", 4);
            } else {
                assert_int_equal(answer, PELT_HTTP1_HEAD_TOO_LARGE);
            }
            pelt_buf_deinit(&text);
            free(head);
        }
    }
}

static void a_head_has_at_most_256_fields(void **state)
{
    for (int over = 0; over < 2; over++) {
        struct pelt_buf head = {0}, text = {0};
        pelt_buf_add_str(&head, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n");
        for (int i = 1; i < PELT_HTTP1_FIELDS_MAX + over; i++) {
            pelt_buf_add_str(&head, "a:\r\n");
        }
        pelt_buf_add_str(&head, "\r\nhi");
        enum pelt_http1_answer answer =
            outcome_of_every_split(pelt_span(head.data, head.len), false, &text);
        assert_int_equal(answer, over ? PELT_HTTP1_HEAD_TOO_LARGE : PELT_HTTP1_MORE);
        pelt_buf_deinit(&head);
        pelt_buf_deinit(&text);
    }
}

static void a_trailer_has_at_most_256_fields(void **state)
{
    struct pelt_buf bytes = {0}, text = {0};
    pelt_buf_add_str(&bytes, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n");
    for (int i = 0; i < PELT_HTTP1_FIELDS_MAX + 1; i++) {
        pelt_buf_add_str(&bytes, "a:\r\n");
    }
    assert_int_equal(outcome_of_every_split(pelt_span(bytes.data, bytes.len), false, &text),
                     PELT_HTTP1_BAD_BODY);
    pelt_buf_deinit(&bytes);
    pelt_buf_deinit(&text);
}

static void add_fields(struct pelt_buf *bytes, int count)
{
    for (int i = 0; i < count; i++) {
        pelt_buf_add_str(bytes, "a:\r\n");
    }
}

static void fields_are_counted_for_each_head_and_trailer_alone(void **state)
{
    struct pelt_http1_response r = {0};
    struct pelt_buf bytes = {0};
    size_t used = 0;
    pelt_buf_add_str(&bytes, "HTTP/1.1 103 Early Hints\r\n");
    add_fields(&bytes, 200);
    pelt_buf_add_str(&bytes, "\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n");
    add_fields(&bytes, 200);
    pelt_buf_add_str(&bytes, "\r\n0\r\n");
    add_fields(&bytes, 200);
    pelt_buf_add_str(&bytes, "\r\n");
    assert_int_equal(feed(&r, bytes.data, false, &used), PELT_HTTP1_DONE);
    assert_int_equal(used, bytes.len);
    pelt_buf_deinit(&bytes);
}

static void without_a_reader_bodies_are_counted(void **state)
{
    struct pelt_http1_response r = {0};
    size_t used = 0;
    assert_int_equal(
        feed(&r, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
             false, &used),
        PELT_HTTP1_DONE);
    assert_int_equal(r.body_bytes, 5);
    assert_int_equal(feed(&r, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc", false, &used),
                     PELT_HTTP1_DONE);
    assert_int_equal(r.body_bytes, 3);
}

static void want_body(void *arg, const char *bytes, size_t len)
{
}

static void the_rest_of_an_unread_body_can_be_skipped(void **state)
{
    struct pelt_http1_response r = {0};
    size_t used = 0;
    const char *head = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc";
    assert_int_equal(pelt_http1_response_skippable(&r), 0);
    assert_int_equal(feed(&r, head, false, &used), PELT_HTTP1_MORE);
    assert_int_equal(pelt_http1_response_skippable(&r), 97);
    assert_int_equal(pelt_http1_response_skip(&r, 90), PELT_HTTP1_MORE);
    assert_int_equal(pelt_http1_response_skippable(&r), 7);
    assert_int_equal(pelt_http1_response_eof(&r), PELT_HTTP1_BAD_BODY);
    feed(&r, head, false, &used);
    assert_int_equal(pelt_http1_response_skip(&r, 96), PELT_HTTP1_MORE);
    assert_int_equal(pelt_http1_response_feed(&r, "zHTTP/1.1", 9, &used), PELT_HTTP1_DONE);
    assert_int_equal(used, 1);
    assert_int_equal(r.body_bytes, 100);
    feed(&r, head, false, &used);
    assert_int_equal(pelt_http1_response_skip(&r, 97), PELT_HTTP1_DONE);
    assert_true(r.keep_alive);
    assert_int_equal(r.body_bytes, 100);
    assert_int_equal(pelt_http1_response_skippable(&r), 0);
}

static void what_is_wanted_or_parsed_cannot_be_skipped(void **state)
{
    struct pelt_http1_response r = {0};
    size_t used = 0;
    feed(&r, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n50\r\nab", false, &used);
    assert_int_equal(pelt_http1_response_skippable(&r), 0);
    feed(&r, "HTTP/1.1 200 OK\r\n\r\nab", false, &used);
    assert_int_equal(pelt_http1_response_skippable(&r), 0);
    feed(&r, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n", false, &used);
    assert_int_equal(pelt_http1_response_skippable(&r), 0);
    r.on_body = want_body;
    feed(&r, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nab", false, &used);
    assert_int_equal(pelt_http1_response_skippable(&r), 0);
}

static void on_trailer(void *arg, const char *bytes, size_t len)
{
    assert_int_equal(pelt_buf_add(arg, bytes, len), PELT_OK);
}

static void a_trailer_is_told_to_who_asks_however_it_comes(void **state)
{
    static const char input[] = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n"
                                "X-Head: no\r\n\r\n2\r\nhi\r\n0\r\n"
                                "Server-Timing: db;dur=2\r\nX-Empty:\r\n\r\n";
    for (size_t cut = 0; cut < sizeof input - 1; cut++) {
        struct pelt_buf trailer = {0};
        struct pelt_http1_response r = {.on_trailer = on_trailer, .arg = &trailer};
        size_t used;
        enum pelt_http1_answer answer = PELT_HTTP1_MORE;
        pelt_http1_response_reset(&r, false);
        if (cut > 0) {
            answer = pelt_http1_response_feed(&r, input, cut, &used);
            assert_int_equal(answer, PELT_HTTP1_MORE);
        }
        answer = pelt_http1_response_feed(&r, input + cut, sizeof input - 1 - cut, &used);
        assert_int_equal(answer, PELT_HTTP1_DONE);
        struct pelt_span name, value, fields = pelt_span(trailer.data, trailer.len);
        size_t pos = 0;
        assert_true(pelt_http1_trailer_next(fields, &pos, &name, &value));
        assert_true(pelt_span_eq(name, "Server-Timing") && pelt_span_eq(value, "db;dur=2"));
        assert_true(pelt_http1_trailer_next(fields, &pos, &name, &value));
        assert_true(pelt_span_eq(name, "X-Empty") && value.len == 0);
        assert_false(pelt_http1_trailer_next(fields, &pos, &name, &value));
        pelt_buf_deinit(&trailer);
    }
}

static void a_trailer_with_too_many_fields_is_refused_also_if_somebody_asks(void **state)
{
    struct pelt_buf input = {0}, trailer = {0};
    struct pelt_http1_response r = {.on_trailer = on_trailer, .arg = &trailer};
    size_t used;
    assert_int_equal(
        pelt_buf_add_str(&input, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n"),
        PELT_OK);
    for (int i = 0; i <= PELT_HTTP1_FIELDS_MAX; i++) {
        assert_int_equal(pelt_buf_addf(&input, "X-%d: 1\r\n", i), PELT_OK);
    }
    assert_int_equal(pelt_buf_add_str(&input, "\r\n"), PELT_OK);
    assert_int_equal(feed(&r, input.data, false, &used), PELT_HTTP1_BAD_BODY);
    pelt_buf_deinit(&input);
    pelt_buf_deinit(&trailer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_length_ends_the_body),
        cmocka_unit_test(pipelined_bytes_are_left_to_the_caller),
        cmocka_unit_test(chunks_are_decoded_and_trailers_skipped),
        cmocka_unit_test(answers_to_head_have_no_body),
        cmocka_unit_test(no_content_and_not_modified_have_no_body),
        cmocka_unit_test(informational_heads_are_skipped),
        cmocka_unit_test(an_informational_status_is_not_reported),
        cmocka_unit_test(the_33rd_informational_head_is_too_much),
        cmocka_unit_test(switching_protocols_ends_the_message),
        cmocka_unit_test(a_body_without_length_ends_with_the_connection),
        cmocka_unit_test(an_early_end_is_told_by_where_it_came),
        cmocka_unit_test(the_connection_persists_as_version_and_fields_say),
        cmocka_unit_test(what_is_no_response_is_refused),
        cmocka_unit_test(contradictory_framing_is_refused),
        cmocka_unit_test(chunked_once_and_last_is_a_framing),
        cmocka_unit_test(a_body_is_refused_where_none_may_be),
        cmocka_unit_test(a_refused_head_of_the_common_form_says_nothing),
        cmocka_unit_test(bare_crs_before_the_status_line_hide_no_field),
        cmocka_unit_test(bad_chunks_are_refused),
        cmocka_unit_test(a_refusal_has_a_reason),
        cmocka_unit_test(a_head_has_at_most_64_kib),
        cmocka_unit_test(a_head_has_at_most_256_fields),
        cmocka_unit_test(a_trailer_has_at_most_256_fields),
        cmocka_unit_test(fields_are_counted_for_each_head_and_trailer_alone),
        cmocka_unit_test(without_a_reader_bodies_are_counted),
        cmocka_unit_test(the_rest_of_an_unread_body_can_be_skipped),
        cmocka_unit_test(what_is_wanted_or_parsed_cannot_be_skipped),
        cmocka_unit_test(a_trailer_is_told_to_who_asks_however_it_comes),
        cmocka_unit_test(a_trailer_with_too_many_fields_is_refused_also_if_somebody_asks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
