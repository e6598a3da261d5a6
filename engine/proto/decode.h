/*
 * decode: what the decoders of one body have in common.
 */
#ifndef PELT_PROTO_DECODE_H
#define PELT_PROTO_DECODE_H

#include "pelt/decode.h"

/* Each: `out` has room for `max` further bytes. */
enum pelt_status pelt_decode_gzip(struct pelt_span in, size_t max, struct pelt_buf *out);
enum pelt_status pelt_decode_br(struct pelt_span in, size_t max, struct pelt_buf *out);
enum pelt_status pelt_decode_zstd(struct pelt_span in, size_t max, struct pelt_buf *out);

#endif
