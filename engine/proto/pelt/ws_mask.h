/*
 * ws_mask: a WebSocket client's masking (RFC 6455 section 5.3), copied and masked in one pass, in
 * words. Any alignment. Thread: any.
 */
#ifndef PELT_WS_MASK_H
#define PELT_WS_MASK_H

#include <stddef.h>
#include <stdint.h>

/*
 * dst[i] = src[i] ^ key[(offset + i) % 4] for `len` bytes. `offset`: how many bytes of the frame's
 * payload went before. `dst` may be `src`, else they do not overlap.
 */
void pelt_ws_mask(void *dst, const void *src, size_t len, const uint8_t key[4], uint64_t offset);

#endif
