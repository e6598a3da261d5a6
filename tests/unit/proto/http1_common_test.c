/*
 * http1_common: which heads it takes and what it finds in them; that every other head is left to
 * llhttp; that with either the outcome is the same. Heads lie in blocks of their own length, so
 * that a read behind one is seen.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "http1_common.h"
#include "http1_outcome.h"

/* Bytes of the head that is taken, 0: none. */
static size_t take(llhttp_t *parser, const char *bytes, size_t len)
{
    char *copy = malloc(len > 0 ? len : 1);
    memcpy(copy, bytes, len);
    memset(parser, 0xa5, sizeof(*parser));
    size_t head = pelt_http1_common_read(parser, copy, len);
    free(copy);
    return head;
}

/* The outcome is llhttp's: it reads all heads that come in pieces. */
static void check_both_ways(const char *head, const char *behind)
{
    char bytes[1024];
    struct pelt_buf text = {0};
    snprintf(bytes, sizeof(bytes), "%s%s", head, behind);
    outcome_of_every_split(pelt_span_of(bytes), false, &text);
    pelt_buf_reset(&text);
    outcome_of_every_split(pelt_span_of(bytes), true, &text);
    pelt_buf_deinit(&text);
}

static void check_taken(const char *head, const char *behind)
{
    llhttp_t parser;
    char bytes[1024];
    snprintf(bytes, sizeof(bytes), "%s%s", head, behind);
    size_t taken = take(&parser, bytes, strlen(bytes));
    if (taken != strlen(head)) {
        print_error("%s\n", bytes);
    }
    assert_int_equal(taken, strlen(head));
    check_both_ways(head, behind);
}

static void check_left(const char *head)
{
    static const char *const behind[] = {"", "a body that is longer than any block of bytes"};
    for (size_t i = 0; i < sizeof(behind) / sizeof(behind[0]); i++) {
        llhttp_t parser;
        char bytes[1024];
        snprintf(bytes, sizeof(bytes), "%s%s", head, behind[i]);
        size_t taken = take(&parser, bytes, strlen(bytes));
        if (taken != 0) {
            print_error("%s\n", bytes);
        }
        assert_int_equal(taken, 0);
        check_both_ways(head, behind[i]);
    }
}

/* A field among others. */
static void check_field_left(const char *field)
{
    char head[512];
    snprintf(head, sizeof(head), "HTTP/1.1 200 OK\r\nServer: a\r\n%s\r\nContent-Length: 2\r\n\r\n",
             field);
    check_left(head);
}

static void heads_of_ordinary_servers_are_taken(void **state)
{
    static const char *const heads[] = {
        "HTTP/1.1 200 OK\r\nServer: nginx/1.22.1\r\nDate: Sat, 21 Nov 2026 09:00:00 GMT\r\n"
        "Content-Type: text/html\r\nContent-Length: 5\r\n"
        "Last-Modified: Mon, 13 Mar 2023 10:11:12 GMT\r\nConnection: keep-alive\r\n"
        "ETag: \"640ef4a0-5\"\r\nAccept-Ranges: bytes\r\n\r\n",
        "HTTP/1.1 404 Not Found\r\nDate: Sat, 21 Nov 2026 09:00:00 GMT\r\n"
        "Server: Apache/2.4.57 (Debian)\r\nContent-Length: 5\r\n"
        "Keep-Alive: timeout=5, max=100\r\nConnection: Keep-Alive\r\n"
        "Content-Type: text/html; charset=iso-8859-1\r\n\r\n",
        "HTTP/1.1 200 OK\r\nX-Powered-By: Express\r\nContent-Type: application/json; charset=utf-8"
        "\r\nContent-Length: 5\r\nETag: W/\"5-mSXo4vXpoQ8\"\r\n"
        "Date: Sat, 21 Nov 2026 09:00:00 GMT\r\nConnection: keep-alive\r\n"
        "Keep-Alive: timeout=5\r\n\r\n",
        "HTTP/1.1 200 OK\r\nDate: Sat, 21 Nov 2026 09:00:00 GMT\r\nContent-Length: 5\r\n"
        "Content-Type: text/plain; charset=utf-8\r\n\r\n",
        "HTTP/1.1 200 OK\r\nAlt-Svc: h3=\":443\"; ma=2592000\r\nContent-Length: 5\r\n"
        "Server: Caddy\r\nDate: Sat, 21 Nov 2026 09:00:00 GMT\r\n\r\n",
        "HTTP/1.1 200 \r\nContent-Length:5\r\n\r\n",
        "HTTP/1.1 503 a\treason\r\nconnection: CLOSE\r\ncontent-length: 5\r\nA:\r\nB: \r\n\r\n",
        "HTTP/1.1 200 OK\r\nA-name-that-is-longer-than-a-block-of-bytes:  a\tvalue that is too \r\n"
        "Content-Length: 5\r\n\r\n",
    };
    static const char *const behind[] = {"", "h", "hello", "helloHTTP/1.1 200 OK\r\n"};
    for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++) {
        for (size_t j = 0; j < sizeof(behind) / sizeof(behind[0]); j++) {
            check_taken(heads[i], behind[j]);
        }
    }
}

static void heads_without_length_are_taken(void **state)
{
    check_taken("HTTP/1.1 200 OK\r\nServer: a\r\n\r\n", "until the connection ends");
    check_taken("HTTP/1.1 204 No Content\r\n\r\n", "");
    check_taken("HTTP/1.1 304 Not Modified\r\nETag: \"a\"\r\n\r\n", "");
}

static void what_a_head_says_is_found(void **state)
{
    llhttp_t parser;
    const char *head = "HTTP/1.1 503 No\r\nConnection: close\r\nContent-Length: 0123456789\r\n\r\n";
    assert_int_equal(take(&parser, head, strlen(head)), strlen(head));
    assert_int_equal(parser.status_code, 503);
    assert_int_equal(parser.http_major, 1);
    assert_int_equal(parser.http_minor, 1);
    assert_int_equal(parser.content_length, 123456789);
    assert_int_equal(parser.flags, F_CONTENT_LENGTH | F_CONNECTION_CLOSE);
    head = "HTTP/1.1 299 \r\nconnection:keep-alive\r\nCONTENT-LENGTH: 999999999999999999\r\n\r\n";
    assert_int_equal(take(&parser, head, strlen(head)), strlen(head));
    assert_int_equal(parser.status_code, 299);
    assert_int_equal(parser.content_length, 999999999999999999);
    assert_int_equal(parser.flags, F_CONTENT_LENGTH | F_CONNECTION_KEEP_ALIVE);
    head = "HTTP/1.1 200 OK\r\nContent-Digest: 5\r\nXonnection: close\r\n\r\n";
    assert_int_equal(take(&parser, head, strlen(head)), strlen(head));
    assert_int_equal(parser.flags, 0);
    assert_int_equal(parser.content_length, 0);
}

static void a_part_of_a_head_is_left(void **state)
{
    const char *head = "HTTP/1.1 200 OK\r\nServer: a\r\nContent-Length: 5\r\n\r\n";
    llhttp_t parser;
    for (size_t len = 0; len < strlen(head); len++) {
        assert_int_equal(take(&parser, head, len), 0);
    }
    assert_int_equal(take(&parser, head, strlen(head)), strlen(head));
}

static void other_status_lines_are_left(void **state)
{
    static const char *const lines[] = {
        "\r\nHTTP/1.1 200 OK", "HTTP/1.0 200 OK",  "HTTP/1.2 200 OK",    "http/1.1 200 OK",
        "HTTP/1.1  200 OK",    "HTTP/1.1 100 OK",  "HTTP/1.1 199 OK",    "HTTP/1.1 600 OK",
        "HTTP/1.1 2000 OK",    "HTTP/1.1 20 OK",   "HTTP/1.1 2x0 OK",    "HTTP/1.1 20/ OK",
        "HTTP/1.1 200",        "HTTP/1.1 200\tOK", "HTTP/1.1 200 \x80",  "HTTP/1.1 200 a\rb",
        "HTTP/1.1 200 a\x01",  "RTSP/1.1 200 OK",  "HTTP/1.1 200 a\x7f", "HTTP/1.1 101 Switching",
    };
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        char head[256];
        snprintf(head, sizeof(head), "%s\r\nContent-Length: 0\r\n\r\n", lines[i]);
        check_left(head);
    }
    check_left("HTTP/1.1 200 OK\nContent-Length: 0\r\n\r\n");
    check_left("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\n");
}

static void fields_that_llhttp_judges_are_left(void **state)
{
    static const char *const fields[] = {
        "Transfer-Encoding: chunked", "transfer-encoding: x", "Upgrade: websocket",
        "Proxy-Connection: close",    "Connection: upgrade",  "Connection: keep-alive, close",
        "Connection: close ",         "Connection:",          "Connection: keep-alivf",
        "Connection:  close",         "Connection: \tclose",
    };
    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
        check_field_left(fields[i]);
    }
}

static void lengths_other_than_one_of_plain_digits_are_left(void **state)
{
    static const char *const fields[] = {
        "Content-Length: 2",   "Content-Length: 2, 2", "Content-Length:",
        "Content-Length: ",    "Content-Length: +2",   "Content-Length: -2",
        "Content-Length: 2 ",  "Content-Length: 2\t",  "Content-Length: 0x2",
        "Content-Length:  2",  "Content-Length: \t2",  "Content-Length: 1234567890123456789",
        "Content-Length: 2:2", "Content-Length: 2/",
    };
    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
        char head[256];
        snprintf(head, sizeof(head), "HTTP/1.1 200 OK\r\n%s\r\n%s\r\n", fields[i],
                 i == 0 ? "Content-Length: 2\r\n" : "");
        check_left(head);
    }
}

static void lines_that_are_no_plain_fields_are_left(void **state)
{
    static const char *const fields[] = {
        "No colon",        ": no name",  "Blank : a", " Folded: a", "\tFolded: a",
        "A: b\r\n folded", "A_b: c",     "A.b: c",    "A/b: c",     "A@b: c",
        "A[b: c",          "A\x80: b",   "A\x7f: b",  "A`b: c",     "A{b: c",
        "A\x01: b",        "A: b\x7f",   "A: b\x80",  "A: \xff",    "A: b\x1f",
        "A: b\rc",         "A: b\nC: d", "A: b\n",    "A: b\r\r",   "A: b\x08\x0b",
    };
    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
        check_field_left(fields[i]);
    }
}

/* Each byte at each place of a name and of a value that fill more than a block. */
static void each_byte_is_judged_alike_at_every_place(void **state)
{
    static const char pattern[] =
        "HTTP/1.1 200 OK\r\nname-of-more-than-16:value of more than 16\r\n"
        "\r\n0123456789012345";
    const size_t name = strlen("HTTP/1.1 200 OK\r\n"),
                 value = name + strlen("name-of-more-than-16:");
    const char *name_bytes = "0123456789-abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    for (size_t at = name; pattern[at] != '\r'; at++) {
        for (int c = 1; c < 256; c++) {
            char bytes[sizeof(pattern)];
            llhttp_t parser;
            memcpy(bytes, pattern, sizeof(pattern));
            bytes[at] = (char)c;
            bool fits = at >= value       ? (c >= ' ' && c < 0x7f) || c == '\t'
                        : at == name      ? strchr(name_bytes, c) != NULL
                        : at == value - 1 ? c == ':'
                                          : strchr(name_bytes, c) != NULL || c == ':';
            /* With and without bytes behind the head, so in blocks and singly. */
            size_t head = strlen(pattern) - 16;
            assert_int_equal(take(&parser, bytes, head + 16), fits ? head : 0);
            assert_int_equal(take(&parser, bytes, head), fits ? head : 0);
        }
    }
}

static void more_fields_than_the_limit_are_left(void **state)
{
    for (int over = 0; over < 2; over++) {
        struct pelt_buf head = {0};
        llhttp_t parser;
        pelt_buf_add_str(&head, "HTTP/1.1 200 OK\r\n");
        for (int i = 0; i < PELT_HTTP1_FIELDS_MAX + over; i++) {
            pelt_buf_add_str(&head, "a:\r\n");
        }
        pelt_buf_add_str(&head, "\r\n");
        assert_int_equal(take(&parser, head.data, head.len), over ? 0 : head.len);
        pelt_buf_deinit(&head);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(heads_of_ordinary_servers_are_taken),
        cmocka_unit_test(heads_without_length_are_taken),
        cmocka_unit_test(what_a_head_says_is_found),
        cmocka_unit_test(a_part_of_a_head_is_left),
        cmocka_unit_test(other_status_lines_are_left),
        cmocka_unit_test(fields_that_llhttp_judges_are_left),
        cmocka_unit_test(lengths_other_than_one_of_plain_digits_are_left),
        cmocka_unit_test(lines_that_are_no_plain_fields_are_left),
        cmocka_unit_test(each_byte_is_judged_alike_at_every_place),
        cmocka_unit_test(more_fields_than_the_limit_are_left),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
