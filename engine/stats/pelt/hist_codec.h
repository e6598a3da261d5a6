/*
 * hist_codec: HdrHistogram's standard V2 compressed form (cookie 0x1c849314: zlib around
 * cookie 0x1c849313, zigzag LEB128 counts with zero runs), which every HDR library reads.
 * Bytes in, bytes out. Input is untrusted: every length is checked.
 */
#ifndef PELT_HIST_CODEC_H
#define PELT_HIST_CODEC_H

#include "pelt/buf.h"
#include "pelt/hist.h"

/* Appends the payload to `out` (binary, not base64). PELT_ENOMEM or PELT_ELIMIT from the buffer. */
PELT_MUST_USE enum pelt_status pelt_hist_encode(const struct pelt_hist *h, struct pelt_buf *out);

/*
 * Adds a payload's counts to `h`. Payloads of another range or precision are re-recorded value by
 * value (`scale`: how many of the payload's units make one microsecond, e.g. 1000 for ns; 1 for our
 * own). min_us and max_us come from the counters then (equivalent values), so a caller that knows
 * them exactly sets them. PELT_EPARSE: not a V2 payload, cut short, or counts that overflow; `h`
 * unchanged then.
 */
PELT_MUST_USE enum pelt_status pelt_hist_decode_add(struct pelt_hist *h,
                                                    struct pelt_hist_pool *pool,
                                                    struct pelt_span payload, double scale,
                                                    struct pelt_error *err);

/*
 * Walks a V0, V1 or V2 payload (compressed or not) of any configuration: calls `fn` with each
 * counter that is not zero, lowest values first: the range of values it stands for (in the
 * payload's own unit; HdrHistogram's percentiles are highest values, its sums of histograms
 * re-record lowest ones) and its count. For readers of foreign logs. PELT_EPARSE before the first
 * call of `fn`, never after.
 */
typedef void (*pelt_hist_walk_fn)(void *arg, uint64_t lowest, uint64_t highest, uint64_t count);
PELT_MUST_USE enum pelt_status pelt_hist_walk(struct pelt_span payload, pelt_hist_walk_fn fn,
                                              void *arg, struct pelt_error *err);

#endif
