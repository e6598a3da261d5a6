/*
 * sse: any bytes have the same events whole, in pieces and byte by byte, or are refused in all of
 * them; types have no line breaks, data no CR. The first byte says how long the pieces are.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "pelt/sse.h"

#define EVENT_MAX 64 /* small, so that the limit is met */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct outcome {
    enum pelt_status status;
    uint64_t events, sum;
    int64_t retry_ms;
};

static void add(struct outcome *o, struct pelt_span text)
{
    for (size_t i = 0; i < text.len; i++) {
        o->sum = o->sum * 31 + (unsigned char)text.ptr[i];
    }
    o->sum = o->sum * 31 + text.len;
}

static enum pelt_status on_event(void *arg, const struct pelt_sse_event *e)
{
    struct outcome *o = arg;
    assert(e->type.len > 0 && memchr(e->type.ptr, '\n', e->type.len) == NULL);
    assert(e->data.len < EVENT_MAX && memchr(e->data.ptr, '\r', e->data.len) == NULL);
    assert(memchr(e->id.ptr, '\0', e->id.len) == NULL);
    add(o, e->type);
    add(o, e->data);
    add(o, e->id);
    o->events++;
    return PELT_OK;
}

static struct outcome read_all(const uint8_t *data, size_t size, size_t step)
{
    struct outcome o = {.status = PELT_OK};
    struct pelt_sse s;
    pelt_sse_init(&s, EVENT_MAX, on_event, &o);
    for (size_t at = 0, n; o.status == PELT_OK && at < size; at += n) {
        n = step < size - at ? step : size - at;
        char *piece = malloc(n);
        memcpy(piece, data + at, n);
        o.status = pelt_sse_feed(&s, piece, n);
        free(piece);
    }
    o.retry_ms = s.retry_ms;
    pelt_sse_deinit(&s);
    return o;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2) {
        return 0;
    }
    size_t step = 1 + data[0] % 32;
    struct outcome whole = read_all(data + 1, size - 1, size);
    struct outcome pieces = read_all(data + 1, size - 1, step),
                   bytes = read_all(data + 1, size - 1, 1);
    assert(whole.status == pieces.status && whole.status == bytes.status);
    assert(whole.events == pieces.events && whole.events == bytes.events);
    assert(whole.sum == pieces.sum && whole.sum == bytes.sum);
    assert(whole.retry_ms == pieces.retry_ms && whole.retry_ms == bytes.retry_ms);
    return 0;
}
