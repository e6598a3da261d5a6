/*
 * ws_reader: any bytes, fed whole and in pieces, each a block of its own, have the same events;
 * messages keep their limit, text is UTF-8, close codes are such as may be sent, and after the end
 * nothing comes. The first byte of the input says what was agreed on compression, the second the
 * size of pieces.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "pelt/ws_reader.h"

#define MESSAGE_MAX 5000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct outcome {
    uint64_t sum; /* of all events */
    size_t events;
    enum pelt_ws_kind last;
    bool mid_message;
};

static void mix(struct outcome *o, const void *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        o->sum = (o->sum ^ ((const unsigned char *)bytes)[i]) * 0x100000001b3u;
    }
}

static void check(enum pelt_ws_kind kind, const struct pelt_ws_event *event)
{
    struct pelt_utf8 utf8 = {0};
    bool text = kind == PELT_WS_TEXT || kind == PELT_WS_CLOSE;
    assert(kind != PELT_WS_NO_MEMORY);
    assert(event->data.ptr != NULL);
    assert(event->data.len <=
           (kind == PELT_WS_TEXT || kind == PELT_WS_BINARY ? MESSAGE_MAX : PELT_WS_CONTROL_MAX));
    assert(!text ||
           (pelt_utf8_feed(&utf8, event->data.ptr, event->data.len) && pelt_utf8_is_whole(&utf8)));
    assert(kind != PELT_WS_CLOSE || event->code == PELT_WS_CODE_NONE ||
           pelt_ws_code_is_valid(event->code));
    assert((kind == PELT_WS_FAILED) == (event->fault != PELT_WS_NO_FAULT));
    assert(kind != PELT_WS_FAILED || event->code == PELT_WS_CODE_PROTOCOL ||
           event->code == PELT_WS_CODE_NOT_UTF8 || event->code == PELT_WS_CODE_TOO_BIG);
}

static void feed(struct pelt_ws_reader *r, struct pelt_span in, struct outcome *o)
{
    struct pelt_ws_event event;
    enum pelt_ws_kind kind;
    while ((kind = pelt_ws_reader_next(r, &in, &event)) != PELT_WS_MORE) {
        assert(o->last != PELT_WS_CLOSE && o->last != PELT_WS_FAILED);
        check(kind, &event);
        mix(o, &kind, sizeof kind);
        mix(o, &event.code, sizeof event.code);
        mix(o, &event.frames, sizeof event.frames);
        mix(o, event.data.ptr, event.data.len);
        o->events++;
        o->last = kind;
    }
    assert(in.len == 0);
}

static struct outcome read_all(struct pelt_ws_pool *pool, const struct pelt_ws_deflate_terms *terms,
                               const uint8_t *data, size_t size, size_t step)
{
    struct outcome o = {.last = PELT_WS_MORE};
    struct pelt_ws_reader r;
    pelt_ws_reader_init(&r, pool, MESSAGE_MAX, terms);
    for (size_t at = 0; at < size;) {
        size_t n = step < size - at ? step : size - at;
        char *piece = malloc(n);
        memcpy(piece, data + at, n);
        feed(&r, pelt_span(piece, n), &o);
        free(piece);
        at += n;
    }
    o.mid_message = pelt_ws_reader_is_mid_message(&r);
    pelt_ws_reader_deinit(&r);
    return o;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct pelt_ws_pool *pool;
    if (size < 3 || pelt_ws_pool_new(&pool) != PELT_OK) {
        return 0;
    }
    struct pelt_ws_deflate_terms terms = {.deflate = (data[0] & 1) != 0,
                                          .server_no_context_takeover = (data[0] & 2) != 0,
                                          .server_window_bits = (uint8_t)(8 + (data[0] >> 2 & 7)),
                                          .client_window_bits = 15};
    struct outcome whole = read_all(pool, &terms, data + 2, size - 2, SIZE_MAX);
    struct outcome pieces = read_all(pool, &terms, data + 2, size - 2, 1u + data[1]);
    assert(whole.sum == pieces.sum && whole.events == pieces.events);
    assert(whole.last == pieces.last && whole.mid_message == pieces.mid_message);
    pelt_ws_pool_free(pool);
    return 0;
}
