/*
 * decode_zstd: the decoder is told that its output stays where it is, so that it looks back into
 * that instead of keeping a window of its own (up to 8 MiB), and refuses what does not fit. For
 * this it gets room for all that may come, of which it touches what it writes.
 */
#define ZSTD_STATIC_LINKING_ONLY /* ZSTD_d_stableOutBuffer, in libzstd since 1.4.6 */
#include "decode.h"

#include <zstd.h>
#include <zstd_errors.h>

#define WINDOW_LOG_MAX 23 /* 8 MiB: RFC 9659 */

/* The frames say that they decode to more than `max` bytes. */
static bool tell_more(struct pelt_span in, size_t max)
{
    unsigned long long sum = 0;
    while (in.len > 0) {
        const unsigned long long size = ZSTD_getFrameContentSize(in.ptr, in.len);
        const size_t frame = ZSTD_findFrameCompressedSize(in.ptr, in.len);
        if (size != ZSTD_CONTENTSIZE_UNKNOWN && size != ZSTD_CONTENTSIZE_ERROR) {
            sum = size > max ? max + 1ull : sum + size;
        }
        if (sum > max || ZSTD_isError(frame)) {
            break;
        }
        in = pelt_span(in.ptr + frame, in.len - frame);
    }
    return sum > max;
}

static enum pelt_status status_of(size_t answer)
{
    switch (ZSTD_getErrorCode(answer)) {
    case ZSTD_error_no_error:
        return answer == 0 ? PELT_OK : PELT_EPARSE; /* more was expected */
    case ZSTD_error_dstSize_tooSmall:
        return PELT_ELIMIT;
    case ZSTD_error_memory_allocation:
        return PELT_ENOMEM;
    case ZSTD_error_frameParameter_windowTooLarge:
        return PELT_EINVAL;
    default:
        return PELT_EPARSE;
    }
}

enum pelt_status pelt_decode_zstd(struct pelt_span in, size_t max, struct pelt_buf *out)
{
    if (tell_more(in, max)) {
        return PELT_ELIMIT;
    }
    ZSTD_DCtx *d = ZSTD_createDCtx();
    if (d == NULL) {
        return PELT_ENOMEM;
    }
    ZSTD_DCtx_setParameter(d, ZSTD_d_windowLogMax, WINDOW_LOG_MAX);
    ZSTD_DCtx_setParameter(d, ZSTD_d_stableOutBuffer, 1);
    ZSTD_inBuffer from = {in.ptr, in.len, 0};
    ZSTD_outBuffer to = {out->data + out->len, max, 0};
    size_t answer = 0;
    do {
        answer = ZSTD_decompressStream(d, &to, &from);
    } while (!ZSTD_isError(answer) && from.pos < from.size);
    ZSTD_freeDCtx(d);
    out->len += to.pos;
    return status_of(answer);
}
