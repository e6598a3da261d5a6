/*
 * http1_common against llhttp: any bytes, fed whole, and fed with the first byte alone, which makes
 * the message llhttp's, have the same outcome in everything that a user of http1_response sees. The
 * first byte of the input says whether the request was HEAD.
 */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "pelt/http1_response.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct outcome {
    enum pelt_http1_answer answer, at_eof; /* at_eof: when the answer was MORE */
    size_t used;                           /* of all bytes */
    size_t head_end;                       /* in all bytes; 0: no head */
    uint64_t body_sum;
    struct pelt_http1_response response;
};

static void on_body(void *arg, const char *bytes, size_t len)
{
    struct outcome *o = arg;
    for (size_t i = 0; i < len; i++) {
        o->body_sum = o->body_sum * 31 + (unsigned char)bytes[i];
    }
}

/* Feeds bytes from `o->used` on, in a block of their own. */
static void feed(struct outcome *o, const uint8_t *data, size_t len)
{
    size_t used = 0;
    char *piece = malloc(len);
    memcpy(piece, data + o->used, len);
    o->answer = pelt_http1_response_feed(&o->response, piece, len, &used);
    free(piece);
    assert(used <= len);
    if (o->response.head_end > 0) {
        o->head_end = o->used + o->response.head_end;
    }
    o->used += used;
}

static void read_message(struct outcome *o, const uint8_t *data, size_t size, bool by_llhttp,
                         bool head_request)
{
    memset(o, 0, sizeof(*o));
    o->response.on_body = on_body;
    o->response.arg = o;
    pelt_http1_response_reset(&o->response, head_request);
    if (by_llhttp) {
        feed(o, data, 1);
    }
    if (o->answer == PELT_HTTP1_MORE && o->used < size) {
        feed(o, data, size - o->used);
    }
    if (o->answer == PELT_HTTP1_MORE) {
        o->at_eof = pelt_http1_response_eof(&o->response);
    }
}

static void compare(const struct outcome *a, const struct outcome *b)
{
    const struct pelt_http1_response *r = &a->response, *s = &b->response;
    assert(a->answer == b->answer && a->at_eof == b->at_eof);
    assert(r->keep_alive == s->keep_alive);
    assert(r->head_done == s->head_done && r->status == s->status);
    if (a->answer == PELT_HTTP1_MORE || a->answer == PELT_HTTP1_DONE) {
        assert(a->used == b->used && a->head_end == b->head_end);
        assert(r->head_bytes == s->head_bytes && r->informational == s->informational);
        assert(r->upgraded == s->upgraded && r->body == s->body);
    } else {
        assert(strcmp(pelt_http1_response_reason(r), pelt_http1_response_reason(s)) == 0);
    }
    assert(r->body_bytes == s->body_bytes && a->body_sum == b->body_sum);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2) {
        return 0;
    }
    struct outcome common, by_llhttp;
    bool head_request = data[0] & 1;
    read_message(&common, data + 1, size - 1, false, head_request);
    read_message(&by_llhttp, data + 1, size - 1, true, head_request);
    compare(&common, &by_llhttp);
    return 0;
}
