/*
 * decode: bodies with a Content-Encoding (RFC 9110 section 8.4.1): gzip and deflate by zlib, br by
 * libbrotli, zstd by libzstd. No I/O. What comes out is bounded, whatever comes in, and so is the
 * memory meanwhile: what comes out, and less than 64 KiB beside it; with br its window, too, where
 * the body fits or the window is smaller than what may come. Thread: any.
 */
#ifndef PELT_DECODE_H
#define PELT_DECODE_H

#include "pelt/buf.h"

enum pelt_coding {
    PELT_CODING_NONE,    /* none, or one that is not known */
    PELT_CODING_SEVERAL, /* upon each other; they are not undone */
    PELT_CODING_GZIP,    /* gzip, x-gzip, deflate */
    PELT_CODING_BR,
    PELT_CODING_ZSTD,
};

/* The value of a Content-Encoding field; in lists empty members and "identity" count for nothing.
 */
enum pelt_coding pelt_coding_of(struct pelt_span value);

/*
 * Appends what `in`, all of a body, decodes to. PELT_ELIMIT: that is more than `max` (> 0) bytes,
 * as it turns out before they are exceeded; PELT_EPARSE: not of this coding, damaged, or not whole;
 * PELT_EINVAL: zstd with a window above 8 MiB, or several codings; PELT_ENOMEM. What stands in
 * `out` then is of no use. gzip (several members too), zlib and bare deflate are told apart by
 * their first bytes; zstd may have several frames, of windows up to 8 MiB (RFC 9659).
 */
PELT_MUST_USE enum pelt_status pelt_decode(enum pelt_coding coding, struct pelt_span in, size_t max,
                                           struct pelt_buf *out);

#endif
