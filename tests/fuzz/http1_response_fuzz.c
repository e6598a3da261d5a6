/*
 * http1_response: any bytes, fed whole and split, have the same outcome; bytes in bounds; fields of
 * accepted heads can be walked. The first byte says where to split and whether the request was
 * HEAD.
 */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "pelt/http1_response.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct outcome {
    enum pelt_http1_answer answer;
    size_t used; /* of all bytes, when DONE */
    uint16_t status;
    uint64_t body_bytes, body_sum;
};

static void on_body(void *arg, const char *bytes, size_t len)
{
    struct outcome *o = arg;
    for (size_t i = 0; i < len; i++) {
        o->body_sum = o->body_sum * 31 + (unsigned char)bytes[i];
    }
}

static void walk(const char *head, size_t len)
{
    struct pelt_span name, value, whole = pelt_span(head, len);
    size_t pos = 0, count = 0;
    while (pelt_http1_head_next(whole, &pos, &name, &value)) {
        assert(name.ptr >= head && name.ptr + name.len <= head + len);
        assert(value.ptr >= head && value.ptr + value.len <= head + len);
        count++;
    }
    assert(count <= PELT_HTTP1_FIELDS_MAX);
}

/* Feeds pieces of `step` bytes (0: all at once), each a block of its own. */
static struct outcome read_all(const uint8_t *data, size_t size, size_t step, bool head_request)
{
    struct outcome o = {.answer = PELT_HTTP1_MORE};
    struct pelt_http1_response r = {.on_body = on_body, .arg = &o};
    pelt_http1_response_reset(&r, head_request);
    for (size_t at = 0; at < size && o.answer == PELT_HTTP1_MORE;) {
        size_t used = 0, n = step == 0 || step > size - at ? size - at : step;
        char *piece = malloc(n);
        memcpy(piece, data + at, n);
        o.answer = pelt_http1_response_feed(&r, piece, n, &used);
        assert(used <= n && r.head_end <= n);
        assert(o.answer == PELT_HTTP1_DONE || used == n);
        if (step == 0 && r.head_done) {
            walk(piece, r.head_end);
        }
        free(piece);
        o.used += used;
        at += n;
    }
    if (o.answer != PELT_HTTP1_DONE && o.answer != PELT_HTTP1_MORE) {
        assert(pelt_http1_response_reason(&r)[0] != '\0');
        o.used = 0; /* says nothing */
    }
    o.status = r.status;
    o.body_bytes = r.body_bytes;
    return o;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2) {
        return 0;
    }
    bool head_request = data[0] & 1;
    size_t step = 1 + data[0] / 2;
    struct outcome whole = read_all(data + 1, size - 1, 0, head_request);
    struct outcome pieces = read_all(data + 1, size - 1, step, head_request);
    assert(whole.answer == pieces.answer && whole.used == pieces.used);
    assert(whole.status == pieces.status);
    assert(whole.body_bytes == pieces.body_bytes && whole.body_sum == pieces.body_sum);
    return 0;
}
