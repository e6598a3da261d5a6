/*
 * cache_http: a page of metrics by HTTP/1.1. The status and the content type decide, before a byte
 * of the body is looked at, whether it is one.
 */
#include "cache_reader.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cache_lines.h"
#include "pelt/http1_response.h"

#define HEAD_MAX 16384 /* bytes of a head that are kept */

struct http_reader {
    struct cache_reader base;
    cache_text_fn format;
    struct pelt_http1_response response;
    bool judged;  /* the head is complete, and was looked at */
    size_t bytes; /* of the answer so far, chunk framing included */
    size_t head_len;
    char head[HEAD_MAX];
    struct cache_lines lines;
};

static void on_line(void *arg, struct pelt_span line)
{
    struct http_reader *r = arg;

    r->format(line, r->base.fn, r->base.arg);
}

static void on_body(void *arg, const char *bytes, size_t len)
{
    struct http_reader *r = arg;

    if (r->judged) {
        cache_lines_feed(&r->lines, bytes, len);
    }
}

static enum cache_answer refuse(struct http_reader *r, enum cache_answer answer, const char *what,
                                struct pelt_span text)
{
    snprintf(r->base.why, sizeof r->base.why, "%s%.*s", what, (int)(text.len < 60 ? text.len : 60),
             text.ptr);
    for (char *c = r->base.why; *c; c++) {
        *c = *c < ' ' || *c > '~' ? '?' : *c;
    }
    return answer;
}

static bool starts_with(struct pelt_span s, const char *text)
{
    size_t len = strlen(text);

    return s.len >= len && strncasecmp(s.ptr, text, len) == 0;
}

/* The head is complete: is this a page of metrics? */
static enum cache_answer judge(struct http_reader *r)
{
    struct pelt_span head = pelt_span(r->head, r->head_len);
    struct pelt_span type = pelt_http1_head_field(head, "Content-Type");
    struct pelt_span coding = pelt_http1_head_field(head, "Content-Encoding");

    r->judged = true;
    if (r->response.status != 200) {
        char status[16];
        snprintf(status, sizeof status, "%u", r->response.status);
        return refuse(r, CACHE_BAD, "it answers HTTP status ", pelt_span_of(status));
    }
    if (type.len > 0 && !starts_with(type, "text/plain") &&
        !starts_with(type, "application/openmetrics-text")) {
        return refuse(r, CACHE_NEVER,
                      "no page of metrics (text/plain or application/openmetrics-text), but ",
                      type);
    }
    if (coding.len > 0 && !pelt_span_eq_nocase(coding, "identity")) {
        return refuse(r, CACHE_NEVER, "it compresses though nobody asked for it: ", coding);
    }
    return CACHE_MORE;
}

static void begin(struct cache_reader *base)
{
    struct http_reader *r = (struct http_reader *)base;

    pelt_http1_response_reset(&r->response, false);
    r->judged = false;
    r->bytes = r->head_len = 0;
    cache_lines_reset(&r->lines);
}

static enum cache_answer end(struct http_reader *r, enum pelt_http1_answer answer)
{
    switch (answer) {
    case PELT_HTTP1_MORE:
        return CACHE_MORE;
    case PELT_HTTP1_DONE:
        cache_lines_end(&r->lines);
        return r->response.keep_alive ? CACHE_DONE : CACHE_LAST;
    default:
        return refuse(r, CACHE_BAD,
                      "no HTTP: ", pelt_span_of(pelt_http1_response_reason(&r->response)));
    }
}

/* The head is fed bytewise up to its end: it is small, and what comes behind it must not be read
 * before it was judged. */
static enum cache_answer feed_head(struct http_reader *r, const char **bytes, size_t *len)
{
    while (*len > 0 && !r->response.head_done) {
        size_t used;
        if (r->head_len == sizeof r->head) {
            return refuse(r, CACHE_BAD, "its head is longer than 16 KiB", pelt_span("", 0));
        }
        r->head[r->head_len++] = **bytes;
        enum pelt_http1_answer answer = pelt_http1_response_feed(&r->response, *bytes, 1, &used);
        (*bytes)++, (*len)--;
        if (answer != PELT_HTTP1_MORE) {
            enum cache_answer a = answer == PELT_HTTP1_DONE ? judge(r) : CACHE_MORE;
            return a == CACHE_MORE ? end(r, answer) : a;
        }
    }
    return r->response.head_done ? judge(r) : CACHE_MORE;
}

static enum cache_answer feed(struct cache_reader *base, const char *bytes, size_t len)
{
    struct http_reader *r = (struct http_reader *)base;
    size_t used;

    r->bytes += len;
    if (r->bytes > CACHE_ANSWER_MAX) {
        return refuse(r, CACHE_BAD, "its answer is longer than 4 MiB", pelt_span("", 0));
    }
    if (!r->judged) {
        enum cache_answer a = feed_head(r, &bytes, &len);
        if (a == CACHE_DONE && len > 0) {
            return CACHE_LAST;
        }
        if (a != CACHE_MORE || !r->judged || len == 0) {
            return a;
        }
    }
    enum cache_answer a = end(r, pelt_http1_response_feed(&r->response, bytes, len, &used));
    return a == CACHE_DONE && used < len ? CACHE_LAST : a;
}

static enum cache_answer eof(struct cache_reader *base)
{
    struct http_reader *r = (struct http_reader *)base;

    if (!r->judged) {
        return refuse(r, CACHE_BAD, "it ended the connection before its answer", pelt_span("", 0));
    }
    enum cache_answer a = end(r, pelt_http1_response_eof(&r->response));
    return a == CACHE_DONE ? CACHE_LAST : a;
}

static const struct cache_reader_ops ops = {begin, feed, eof};

struct cache_reader *cache_http_new(cache_text_fn format)
{
    struct http_reader *r = calloc(1, sizeof *r);

    if (!r) {
        return NULL;
    }
    r->base.ops = &ops;
    r->format = format;
    r->response.on_body = on_body;
    r->response.arg = r;
    r->lines.on_line = on_line;
    r->lines.arg = r;
    return &r->base;
}

void cache_reader_free(struct cache_reader *r)
{
    free(r);
}
