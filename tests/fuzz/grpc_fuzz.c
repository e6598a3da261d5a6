/*
 * grpc: any bytes have the same messages whole, in pieces and byte by byte, none above the limit,
 * and end in the same way; and any head is judged. The first byte says how long the pieces are.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "pelt/grpc.h"

#define LARGEST 300

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct pelt_grpc LIMITS = {.message_max = LARGEST, .expected = 1 << 5};

struct outcome {
    const char *why;
    uint64_t messages, sum;
    size_t left;
};

static enum pelt_status on_message(void *arg, struct pelt_span message)
{
    struct outcome *o = arg;
    assert(message.len <= LARGEST);
    for (size_t i = 0; i < message.len; i++) {
        o->sum = o->sum * 31 + (unsigned char)message.ptr[i];
    }
    o->sum = o->sum * 31 + message.len;
    o->messages++;
    return PELT_OK;
}

static struct outcome read_all(const uint8_t *data, size_t size, size_t step)
{
    struct outcome o = {.why = NULL};
    struct pelt_grpc_frames f = {.on_message = on_message, .arg = &o, .grpc = &LIMITS};
    for (size_t at = 0, n; o.why == NULL && at < size; at += n) {
        n = step < size - at ? step : size - at;
        char *piece = malloc(n);
        memcpy(piece, data + at, n);
        o.why = pelt_grpc_frames_feed(&f, piece, n);
        free(piece);
    }
    o.left = o.why == NULL ? f.part.len : 0;
    pelt_grpc_frames_deinit(&f);
    return o;
}

static void judge(const uint8_t *data, size_t size)
{
    static const char HEAD[] = "HTTP/2 200\r\ncontent-type: application/grpc\r\n";
    const uint8_t *split = memchr(data, '|', size);
    const size_t fields = split != NULL ? (size_t)(split - data) : size;
    struct pelt_buf head = {.data = NULL};
    char text[320];
    int status;
    for (size_t i = 0; i < fields; i++) {
        if (data[i] == '\n' || data[i] == '\r' || data[i] == 0) {
            return; /* of no head that the session tells */
        }
    }
    pelt_buf_add_str(&head, HEAD);
    pelt_buf_addf(&head, "grpc-status: %.*s\r\ngrpc-message: %.*s\r\n\r\n", (int)(fields % 4), data,
                  (int)fields, data);
    const struct pelt_span body = {(const char *)data + fields, size - fields};
    const enum pelt_grpc_verdict verdict =
        pelt_grpc_judge(&LIMITS, pelt_span(head.data, head.len), &body, &status, text, sizeof text);
    assert(memchr(text, '\0', sizeof text) != NULL && (verdict == PELT_GRPC_OK || text[0] != '\0'));
    assert(status >= -1 && status < PELT_GRPC_STATUSES);
    pelt_buf_deinit(&head);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2) {
        return 0;
    }
    const struct outcome whole = read_all(data + 1, size - 1, size);
    const struct outcome pieces = read_all(data + 1, size - 1, 1 + data[0] % 32);
    const struct outcome bytes = read_all(data + 1, size - 1, 1);
    assert(whole.why == pieces.why && whole.why == bytes.why);
    assert(whole.messages == pieces.messages && whole.messages == bytes.messages);
    assert(whole.sum == pieces.sum && whole.sum == bytes.sum);
    assert(whole.left == pieces.left && whole.left == bytes.left);
    judge(data + 1, size - 1);
    return 0;
}
