/*
 * h2_session: any bytes of a server, whole and in pieces, each a block of its own: every stream
 * ends at most once and none is told of afterwards, what is told keeps its limits, and memory stays
 * bounded. The first byte of the input says the size of pieces, the second what of the answers is
 * wanted.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "pelt/h2_session.h"
#include "pelt/http1_response.h"

#define STREAMS 3

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct session {
    struct pelt_h2_session *h2;
    struct pelt_h2_stream stream[STREAMS];
    bool in_flight[STREAMS], headed[STREAMS], last[STREAMS];
    bool gone;
};

static struct session *current;

static size_t number_of(const struct pelt_h2_stream *s)
{
    const size_t i = (size_t)(s - current->stream);
    assert(i < STREAMS && current->in_flight[i]);
    return i;
}

static void on_sent(struct pelt_h2_stream *s, uint32_t bytes, bool all)
{
    (void)bytes;
    (void)all;
    assert(s >= current->stream && s < current->stream + STREAMS);
}

static void on_came(struct pelt_h2_stream *s, uint32_t bytes)
{
    assert(bytes >= 9 && number_of(s) < STREAMS);
}

static void on_head(struct pelt_h2_stream *s, struct pelt_span text)
{
    const size_t i = number_of(s);
    assert(!current->headed[i] && s->status >= 200 && s->status <= 999);
    assert(text.len <= PELT_HTTP1_HEAD_MAX + 64);
    assert(s->want_head || s->want_cookies || text.len == 0);
    current->headed[i] = true;
    if (text.len > 0) {
        struct pelt_span name, value;
        size_t pos = 0;
        while (pelt_http1_head_next(text, &pos, &name, &value)) {
            assert(name.ptr >= text.ptr && value.ptr + value.len <= text.ptr + text.len);
        }
    }
}

static void on_go_on(struct pelt_h2_stream *s)
{
    assert(number_of(s) < STREAMS && s->continued);
    pelt_h2_session_release(current->h2, s, 1);
}

static void on_body(struct pelt_h2_stream *s, const char *bytes, size_t len, bool last)
{
    const size_t i = number_of(s);
    volatile char sum = 0;
    assert(current->headed[i] && !current->last[i]);
    for (size_t k = 0; k < len; k++) {
        sum = (char)(sum + bytes[k]);
    }
    current->last[i] = last;
}

static void on_trailer(struct pelt_h2_stream *s, struct pelt_span fields)
{
    assert(current->headed[number_of(s)] && s->want_trailer);
    assert(fields.len <= PELT_HTTP1_HEAD_MAX + 64);
}

static void on_ended(struct pelt_h2_stream *s, enum pelt_h2_end end, uint32_t code)
{
    const size_t i = number_of(s);
    (void)code;
    assert(end != PELT_H2_DONE || current->headed[i]);
    current->in_flight[i] = false;
}

static void on_goaway(void *arg, int32_t last, uint32_t code, struct pelt_span debug)
{
    (void)code;
    assert(arg == current && last >= 0 && debug.len <= 16384);
    current->gone = true;
}

static const struct pelt_h2_ops ops = {.sent = on_sent,
                                       .came = on_came,
                                       .head = on_head,
                                       .go_on = on_go_on,
                                       .body = on_body,
                                       .trailer = on_trailer,
                                       .ended = on_ended,
                                       .goaway = on_goaway};

static void send_all(struct session *s)
{
    struct pelt_span bytes;
    while ((bytes = pelt_h2_session_peek(s->h2)).len > 0) {
        pelt_h2_session_advance(s->h2, bytes.len);
    }
}

/* As many as may be; each that has ended begins again. */
static void submit(struct session *s, uint8_t wanted)
{
    static const char request[] = "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc";
    for (size_t i = 0; i < STREAMS && !s->gone; i++) {
        if (s->in_flight[i] || pelt_h2_session_open(s->h2) >= pelt_h2_session_limit(s->h2)) {
            continue;
        }
        s->stream[i].want_head = wanted & 1;
        s->stream[i].want_cookies = wanted & 2;
        s->stream[i].want_trailer = wanted & 4;
        s->stream[i].hold = wanted & 32;
        s->stream[i].body_held = wanted & 64 ? SIZE_MAX : 0;
        s->headed[i] = s->last[i] = false;
        s->in_flight[i] =
            pelt_h2_session_submit(s->h2, &s->stream[i], pelt_span(request, sizeof request - 1),
                                   false) == PELT_OK;
    }
}

static void live(const uint8_t *data, size_t size, size_t step, uint8_t wanted)
{
    static const struct pelt_h2_settings settings = {.window = PELT_H2_WINDOW_LEAST};
    struct session s = {.h2 = NULL};
    enum pelt_status status = pelt_h2_session_new(&s.h2, &settings, &ops, &s);
    current = &s;
    assert(status == PELT_OK);
    submit(&s, wanted);
    for (size_t at = 0; at < size && status == PELT_OK; at += step) {
        const size_t n = step < size - at ? step : size - at;
        char *piece = malloc(n);
        memcpy(piece, data + at, n);
        status = pelt_h2_session_feed(s.h2, piece, n);
        free(piece);
        if (status == PELT_OK && wanted & 8 && s.in_flight[0]) {
            pelt_h2_session_cancel(s.h2, &s.stream[0]);
            s.in_flight[0] = false;
        }
        for (size_t i = 0; i < STREAMS && status == PELT_OK; i++) {
            (void)pelt_h2_session_grant(s.h2, &s.stream[i], wanted);
        }
        if (status == PELT_OK) {
            submit(&s, wanted);
        }
        if (!(wanted & 16)) {
            send_all(&s);
        }
    }
    assert((status == PELT_OK) == (pelt_h2_session_why(s.h2) == NULL));
    pelt_h2_session_free(s.h2);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2) {
        return 0;
    }
    live(data + 2, size - 2, size, data[1]);
    live(data + 2, size - 2, data[0] + 1u, data[1]);
    return 0;
}
