/*
 * decode_br: the decoder keeps the newest bytes in a ring, of up to 16 MiB if the body says so.
 * What it makes stays there as long as the ring holds it, so that a body that is found to be too
 * long was never copied; and a ring that takes more than what may come out is refused, as it is
 * only asked for where as much comes.
 */
#include "decode.h"

#include <brotli/decode.h>
#include <stdlib.h>
#include <string.h>

struct memory {
    size_t most; /* of one piece */
    bool refused;
};

static void *allocate(void *of, size_t size)
{
    struct memory *m = of;
    if (size > m->most) {
        m->refused = true;
        return NULL;
    }
    return malloc(size);
}

static void release(void *of, void *piece)
{
    free(piece);
}

/* Rings are powers of two and a little more; other pieces are far smaller. */
static size_t ring_most(size_t max)
{
    size_t ring = 1024;
    while (ring < max) {
        ring *= 2;
    }
    return ring + 16384;
}

/* What the ring holds goes into `out`, which may be filled up to `end`. False: it is more. */
static bool take(BrotliDecoderState *d, size_t end, struct pelt_buf *out)
{
    size_t len = 0; /* all there is */
    const uint8_t *bytes = BrotliDecoderTakeOutput(d, &len);
    if (len > end - out->len) {
        return false;
    }
    if (len > 0) {
        memcpy(out->data + out->len, bytes, len);
        out->len += len;
    }
    return true;
}

/* The decoder could not go on. */
static enum pelt_status why(const BrotliDecoderState *d, const struct memory *memory)
{
    const BrotliDecoderErrorCode code = BrotliDecoderGetErrorCode(d);
    if (memory->refused) {
        return PELT_ELIMIT;
    }
    return code <= BROTLI_DECODER_ERROR_ALLOC_CONTEXT_MODES &&
                   code >= BROTLI_DECODER_ERROR_ALLOC_BLOCK_TYPE_TREES
               ? PELT_ENOMEM
               : PELT_EPARSE;
}

static enum pelt_status decode(BrotliDecoderState *d, struct pelt_span in, size_t max,
                               const struct memory *memory, struct pelt_buf *out)
{
    const uint8_t *next = (const uint8_t *)in.ptr;
    const size_t end = out->len + max;
    size_t left = in.len;
    BrotliDecoderResult result;
    do {
        size_t none = 0;
        result = BrotliDecoderDecompressStream(d, &left, &next, &none, NULL, NULL);
        if (result == BROTLI_DECODER_RESULT_ERROR) {
            return why(d, memory);
        }
        if (result != BROTLI_DECODER_RESULT_NEEDS_MORE_INPUT && !take(d, end, out)) {
            return PELT_ELIMIT;
        }
    } while (result == BROTLI_DECODER_RESULT_NEEDS_MORE_OUTPUT);
    return result == BROTLI_DECODER_RESULT_SUCCESS && left == 0 ? PELT_OK : PELT_EPARSE;
}

enum pelt_status pelt_decode_br(struct pelt_span in, size_t max, struct pelt_buf *out)
{
    struct memory memory = {.most = ring_most(max)};
    BrotliDecoderState *d = BrotliDecoderCreateInstance(allocate, release, &memory);
    if (d == NULL) {
        return PELT_ENOMEM;
    }
    enum pelt_status status = decode(d, in, max, &memory, out);
    BrotliDecoderDestroyInstance(d);
    return status;
}
