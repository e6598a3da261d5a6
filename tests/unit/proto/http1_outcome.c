/*
 * http1_outcome: see the header. Keeps head bytes as a user of http1_response does, by head_end.
 */
#include "http1_outcome.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct reading {
    struct pelt_http1_response response;
    struct pelt_buf head, body;
    struct pelt_buf *text;
    bool head_request;
};

static void on_body(void *arg, const char *bytes, size_t len)
{
    pelt_buf_add(&((struct reading *)arg)->body, bytes, len);
}

void outcome_add_field(struct pelt_buf *text, struct pelt_span name, struct pelt_span value)
{
    pelt_buf_addf(text, "[%.*s=%.*s]", (int)name.len, name.ptr, (int)value.len, value.ptr);
}

void outcome_add_body(struct pelt_buf *text, struct pelt_span body, bool complete)
{
    pelt_buf_add_str(text, " body \"");
    pelt_buf_add(text, body.ptr, body.len);
    pelt_buf_addf(text, "\" %s\n", complete ? "complete" : "open");
}

static void put_down(struct reading *r, bool complete)
{
    struct pelt_span name, value, head = pelt_span(r->head.data, r->head.len);
    size_t pos = 0;
    pelt_buf_addf(r->text, "%u ", (unsigned)r->response.status);
    while (pelt_http1_head_next(head, &pos, &name, &value)) {
        outcome_add_field(r->text, name, value);
    }
    outcome_add_body(r->text, pelt_span(r->body.data, r->body.len), complete);
    if (r->body.len != r->response.body_bytes) {
        pelt_buf_addf(r->text, "but counted %llu bytes of body\n",
                      (unsigned long long)r->response.body_bytes);
    }
}

static void begin(struct reading *r)
{
    pelt_buf_reset(&r->head);
    pelt_buf_reset(&r->body);
    pelt_http1_response_reset(&r->response, r->head_request);
}

/* Feeds one piece, and what is left of it to the next message. MORE and DONE: go on. */
static enum pelt_http1_answer feed(struct reading *r, const char *bytes, size_t len)
{
    while (len > 0) {
        bool had_head = r->response.head_done;
        size_t used = 0;
        /* A copy of its own, so that a read past the end is seen. */
        char *copy = malloc(len);
        memcpy(copy, bytes, len);
        enum pelt_http1_answer answer = pelt_http1_response_feed(&r->response, copy, len, &used);
        if (!had_head) {
            pelt_buf_add(&r->head, copy, r->response.head_done ? r->response.head_end : len);
        }
        free(copy);
        if (answer != PELT_HTTP1_DONE) {
            return answer;
        }
        put_down(r, true);
        if (!r->response.keep_alive) {
            return answer;
        }
        begin(r);
        bytes += used;
        len -= used;
    }
    return PELT_HTTP1_MORE;
}

static enum pelt_http1_answer feed_all(struct reading *r, struct pelt_span bytes, size_t split)
{
    size_t at = 0;
    enum pelt_http1_answer answer = PELT_HTTP1_MORE;
    while (at < bytes.len && answer == PELT_HTTP1_MORE) {
        size_t n = split == OUTCOME_SINGLY ? 1 : bytes.len - at;
        if (at == 0 && split != OUTCOME_WHOLE && split != OUTCOME_SINGLY) {
            n = split;
        }
        answer = feed(r, bytes.ptr + at, n);
        at += n;
    }
    return answer;
}

const char *outcome_class(enum pelt_http1_answer answer)
{
    return answer == PELT_HTTP1_BAD_HEAD   ? "bad_response"
           : answer == PELT_HTTP1_BAD_BODY ? "bad_body"
                                           : "head_too_large";
}

/* By llhttp's name of the error, which its versions share, or by our own reason. */
static void put_refusal(struct reading *r, enum pelt_http1_answer answer)
{
    llhttp_errno_t error = llhttp_get_errno(&r->response.parser);
    bool own = error == HPE_OK || error == HPE_USER || error == HPE_PAUSED;
    pelt_buf_addf(r->text, "refused %s %s\n", outcome_class(answer),
                  own ? pelt_http1_response_reason(&r->response) : llhttp_errno_name(error));
}

/* The server closes the connection behind all bytes. */
static void put_end(struct reading *r)
{
    if (!r->response.begun) {
        return;
    }
    enum pelt_http1_answer answer = pelt_http1_response_eof(&r->response);
    if (answer == PELT_HTTP1_DONE) {
        pelt_buf_add_str(r->text, "complete by the end of the connection\n");
    } else {
        pelt_buf_addf(r->text, "cut off: %s\n", outcome_class(answer));
    }
}

static enum pelt_http1_answer outcome_until(struct pelt_span bytes, size_t split, bool head_request,
                                            bool ended, struct pelt_buf *text)
{
    struct reading r = {.text = text, .head_request = head_request};
    r.response.on_body = on_body;
    r.response.arg = &r;
    begin(&r);
    enum pelt_http1_answer answer = feed_all(&r, bytes, split);
    if (answer != PELT_HTTP1_DONE && r.response.head_done) {
        put_down(&r, false);
    }
    if (answer != PELT_HTTP1_DONE && answer != PELT_HTTP1_MORE) {
        put_refusal(&r, answer);
    } else if (answer == PELT_HTTP1_MORE && ended) {
        put_end(&r);
    }
    pelt_buf_deinit(&r.head);
    pelt_buf_deinit(&r.body);
    return answer;
}

enum pelt_http1_answer outcome_of(struct pelt_span bytes, size_t split, bool head_request,
                                  struct pelt_buf *text)
{
    return outcome_until(bytes, split, head_request, false, text);
}

static void check_split(struct pelt_span bytes, size_t split, bool head_request, bool ended,
                        const struct pelt_buf *whole, enum pelt_http1_answer expected)
{
    struct pelt_buf text = {0};
    enum pelt_http1_answer answer = outcome_until(bytes, split, head_request, ended, &text);
    if (answer != expected || text.len != whole->len ||
        (text.len > 0 && memcmp(text.data, whole->data, text.len) != 0)) {
        fprintf(stderr, "fed whole: %d\n%s\nfed with split %zd: %d\n%s\n", (int)expected,
                whole->len > 0 ? whole->data : "", (ssize_t)split, (int)answer,
                text.len > 0 ? text.data : "");
        abort();
    }
    pelt_buf_deinit(&text);
}

static enum pelt_http1_answer every_split_until(struct pelt_span bytes, bool head_request,
                                                bool ended, struct pelt_buf *text)
{
    enum pelt_http1_answer answer = outcome_until(bytes, OUTCOME_WHOLE, head_request, ended, text);
    check_split(bytes, OUTCOME_SINGLY, head_request, ended, text, answer);
    for (size_t split = 1; split < bytes.len; split++) {
        check_split(bytes, split, head_request, ended, text, answer);
    }
    return answer;
}

enum pelt_http1_answer outcome_of_every_split(struct pelt_span bytes, bool head_request,
                                              struct pelt_buf *text)
{
    return every_split_until(bytes, head_request, false, text);
}

enum pelt_http1_answer outcome_of_every_split_and_end(struct pelt_span bytes, bool head_request,
                                                      struct pelt_buf *text)
{
    return every_split_until(bytes, head_request, true, text);
}
