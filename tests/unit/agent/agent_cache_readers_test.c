/* Answers of redis, memcached and HTTP servers: whole, in every split, bad and too long. */
#include "test.h"

#include <stdlib.h>
#include <string.h>

#include "cache_reader.h"
#include "cache_samples.h"
#include "cache_text.h"

struct outcome {
    enum cache_answer answer;
    struct pelt_buf samples;
};

/* Until an answer, then no more. `ends`: the server ends the connection behind it. */
static enum cache_answer read_all(struct cache_reader *r, const char *text, size_t len, size_t step,
                                  bool ends, struct pelt_buf *samples)
{
    enum cache_answer a = CACHE_MORE;

    pelt_buf_reset(samples);
    r->fn = write_sample;
    r->arg = samples;
    r->ops->begin(r);
    for (size_t at = 0; a == CACHE_MORE && at < len; at += step) {
        a = r->ops->feed(r, text + at, step < len - at ? step : len - at);
    }
    return a == CACHE_MORE && ends ? r->ops->eof(r) : a;
}

static void expect(struct cache_reader *r, const char *text, bool ends, enum cache_answer answer,
                   const char *samples, const char *why)
{
    struct pelt_buf got = {0};

    assert_non_null(r);
    for (size_t step = 1; step <= strlen(text); step++) {
        assert_int_equal(read_all(r, text, strlen(text), step, ends, &got), answer);
        if (samples) {
            assert_string_equal(got.data ? got.data : "", samples);
        }
        if (why) {
            assert_string_equal(r->why, why);
        }
        r->why[0] = '\0';
    }
    pelt_buf_deinit(&got);
    cache_reader_free(r);
}

static void redis_answers(void **state)
{
    expect(cache_redis_new(2), "$21\r\n# Stats\r\na:1\r\nbb:22\r\n\r\n$5\r\nc:3\r\n\r\n", false,
           CACHE_DONE, "a 1;bb 22;c 3;", NULL);
    expect(cache_redis_new(1), "+OK\r\n$3\r\na:1\r\n", false, CACHE_DONE, "a 1;", NULL);
    expect(cache_redis_new(1), "$27\r\nrun_id:0000000000ff8f00aa\r\n\r\n", false, CACHE_DONE,
           "run_id 0000000000ff8f00aa;/run =255;", NULL);
    expect(cache_redis_new(1), "$26\r\nrun_id:nobody knows it..\r\n\r\n", false, CACHE_DONE,
           "run_id nobody knows it..;", NULL);
    expect(cache_redis_new(2), "$0\r\n\r\n$-1\r\n", false, CACHE_DONE, "", NULL);
    expect(cache_redis_new(1), "-NOAUTH Authentication required.\r\n", false, CACHE_BAD, "",
           "redis wants a password: give #password-file=FILE");
    expect(cache_redis_new(1), "-NOPERM \033no\r\n", false, CACHE_BAD, "",
           "redis refuses: NOPERM ?no");
    expect(cache_redis_new(1), "HTTP/1.1 400 Bad Request\r\n", false, CACHE_BAD, "",
           "no redis: it answered HTTP/1.1 400 Bad Request");
    expect(cache_redis_new(1), "$3\r\na:1x\r\n", false, CACHE_BAD, NULL,
           "no redis: a string is longer than it was said to be");
    expect(cache_redis_new(1), "$99999999\r\n", false, CACHE_BAD, "",
           "no redis: it answered $99999999");
    expect(cache_redis_new(1), "$1e99\r\n", false, CACHE_BAD, "", NULL);
    expect(cache_redis_new(1), "$nan\r\n", false, CACHE_BAD, "", NULL);
    expect(cache_redis_new(1), "$-2\r\n", false, CACHE_BAD, "", NULL);
    expect(cache_redis_new(1), "$1e3x\r\n", false, CACHE_BAD, "", NULL);
    expect(cache_redis_new(1), "$10\r\na:1", true, CACHE_BAD, NULL,
           "it ended the connection before its answer");
}

static void memcached_answers(void **state)
{
    expect(cache_memcached_new(), "STAT get_hits 7\r\nSTAT bytes 61\r\nEND\r\n", false, CACHE_DONE,
           "get_hits 7;bytes 61;", NULL);
    expect(cache_memcached_new(), "STAT uptime 93\r\nSTAT time 1093\r\nEND\r\n", false, CACHE_DONE,
           "uptime 93;time 1093;/run =1000;", NULL);
    expect(cache_memcached_new(), "STAT uptime 93\r\nSTAT time x\r\nEND\r\n", false, CACHE_DONE,
           "uptime 93;time x;", NULL);
    expect(cache_memcached_new(), "ERROR\r\n", false, CACHE_BAD, "",
           "no memcached: it answered ERROR");
    expect(cache_memcached_new(), "STAT get_hits 7\r\n", true, CACHE_BAD, NULL,
           "it ended the connection before its answer");
}

#define PAGE_HEAD "HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4\r\n"

static void pages(void **state)
{
    expect(cache_http_new(cache_text_prometheus), PAGE_HEAD "Content-Length: 8\r\n\r\na 1\nb 2\n",
           false, CACHE_DONE, "a 1;b 2;", NULL);
    expect(cache_http_new(cache_text_prometheus),
           PAGE_HEAD "Transfer-Encoding: chunked\r\n\r\n3\r\na 1\r\n5\r\n\nb 2\n\r\n0\r\n\r\n",
           false, CACHE_DONE, "a 1;b 2;", NULL);
    expect(cache_http_new(cache_text_prometheus),
           PAGE_HEAD "Connection: close\r\nContent-Length: 4\r\n\r\na 1\n", false, CACHE_LAST,
           "a 1;", NULL);
    expect(cache_http_new(cache_text_prometheus), "HTTP/1.0 200 OK\r\n\r\na 1", true, CACHE_LAST,
           "a 1;", NULL);
    expect(cache_http_new(cache_text_prometheus),
           "HTTP/1.1 200 OK\r\nContent-Type: application/openmetrics-text; version=1.0.0\r\n"
           "Content-Length: 4\r\n\r\na 1\n",
           false, CACHE_DONE, "a 1;", NULL);
    expect(cache_http_new(cache_text_squid), PAGE_HEAD "Content-Length: 6\r\n\r\na = 1\n", false,
           CACHE_DONE, "a 1;", NULL);
    expect(cache_http_new(cache_text_prometheus),
           "HTTP/1.1 100 Continue\r\n\r\n" PAGE_HEAD "Content-Length: 4\r\n\r\na 1\n", false,
           CACHE_DONE, "a 1;", NULL);
}

static void what_is_no_page_is_refused(void **state)
{
    expect(cache_http_new(cache_text_prometheus),
           "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 4\r\n\r\na 1\n", false,
           CACHE_NEVER, "",
           "no page of metrics (text/plain or application/openmetrics-text), but text/html");
    expect(cache_http_new(cache_text_prometheus),
           PAGE_HEAD "Content-Encoding: gzip\r\nContent-Length: 4\r\n\r\na 1\n", false, CACHE_NEVER,
           "", "it compresses though nobody asked for it: gzip");
    expect(cache_http_new(cache_text_prometheus),
           "HTTP/1.1 503 Busy\r\nContent-Type: text/html\r\nContent-Length: 4\r\n\r\na 1\n", false,
           CACHE_BAD, "", "it answers HTTP status 503");
    expect(cache_http_new(cache_text_prometheus), "+PONG\r\n", false, CACHE_BAD, "", NULL);
    expect(cache_http_new(cache_text_prometheus), PAGE_HEAD, true, CACHE_BAD, "",
           "it ended the connection before its answer");
    expect(cache_http_new(cache_text_prometheus), PAGE_HEAD "Content-Length: 9\r\n\r\na 1\n", true,
           CACHE_BAD, "a 1;", NULL);
}

/* A server that never ends its answer. */
static void an_answer_has_a_most(struct cache_reader *r, const char *head, const char *line)
{
    static char block[65536];
    struct pelt_buf ignored = {0};
    size_t bytes = strlen(head);

    r->fn = write_sample;
    r->arg = &ignored;
    r->ops->begin(r);
    for (size_t at = 0, n = strlen(line); at + n <= sizeof block; at += n) {
        memcpy(block + at, line, n);
    }
    size_t len = sizeof block / strlen(line) * strlen(line);
    enum cache_answer a = r->ops->feed(r, head, strlen(head));
    while (a == CACHE_MORE) {
        assert_true(bytes < CACHE_ANSWER_MAX + sizeof block);
        pelt_buf_reset(&ignored);
        a = r->ops->feed(r, block, len);
        bytes += len;
    }
    assert_int_equal(a, CACHE_BAD);
    assert_string_equal(r->why, "its answer is longer than 4 MiB");
    pelt_buf_deinit(&ignored);
    cache_reader_free(r);
}

static void answers_have_a_most(void **state)
{
    an_answer_has_a_most(cache_http_new(cache_text_prometheus), "HTTP/1.1 200 OK\r\n\r\n", "#\n");
    an_answer_has_a_most(cache_memcached_new(), "", "STAT a 1\r\n");
    an_answer_has_a_most(cache_redis_new(1), "", "+OK\r\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(redis_answers),
        cmocka_unit_test(memcached_answers),
        cmocka_unit_test(pages),
        cmocka_unit_test(what_is_no_page_is_refused),
        cmocka_unit_test(answers_have_a_most),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
