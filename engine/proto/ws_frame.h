/*
 * ws_frame: heads of WebSocket frames from and to bytes, by wslay's frame layer. Private to proto.
 *
 * wslay reads from and writes to callbacks; payload would go through its own 4 KB, and masking is
 * bytewise. So the callbacks give it the bytes of heads only. Payload is told to be there and never
 * looked at (reading), or masked and copied once, by ws_mask, on its way to the caller's buffer
 * (writing). Between two calls wslay stands between two frames: one such object serves all
 * WebSockets of a thread. Thread: its own.
 */
#ifndef PELT_WS_FRAME_H
#define PELT_WS_FRAME_H

#include <stdint.h>

#include "pelt/buf.h"

#define PELT_WS_HEAD_MAX 10 /* bytes of a server's head: it has no mask */

enum pelt_ws_opcode { /* RFC 6455 section 5.2 */
                      PELT_WS_OP_CONTINUATION = 0,
                      PELT_WS_OP_TEXT = 1,
                      PELT_WS_OP_BINARY = 2,
                      PELT_WS_OP_CLOSE = 8,
                      PELT_WS_OP_PING = 9,
                      PELT_WS_OP_PONG = 10,
};

struct pelt_ws_frame {
    uint64_t payload_bytes;
    uint8_t opcode;
    uint8_t rsv; /* three bits: RSV1 is 4 */
    bool fin;
};

struct pelt_ws_frames;

PELT_MUST_USE enum pelt_status pelt_ws_frames_new(struct pelt_ws_frames **frames); /* PELT_ENOMEM */
void pelt_ws_frames_free(struct pelt_ws_frames *frames); /* NULL: nothing */

/* Bytes of an unmasked head by its first two. */
static inline size_t pelt_ws_head_bytes(const char *head)
{
    unsigned length = (unsigned char)head[1] & 127u;
    return length == 126 ? 4 : length == 127 ? 10 : 2;
}

/*
 * Reads one whole unmasked head. PELT_EPARSE: a control frame in fragments or above 125 bytes, or a
 * length not in its shortest form; PELT_ELIMIT: payload above `payload_max` (*frame is filled);
 * PELT_ENOMEM. Costs some 60 instructions for each 4 KB of payload.
 */
PELT_MUST_USE enum pelt_status pelt_ws_frames_read(struct pelt_ws_frames *frames, const char *head,
                                                   uint64_t payload_max,
                                                   struct pelt_ws_frame *frame);

/* Appends a frame masked with `key` to `out`: head and payload (payload_bytes of it at `payload`).
 * PELT_ENOMEM, PELT_ELIMIT: nothing was added. */
PELT_MUST_USE enum pelt_status pelt_ws_frames_write(struct pelt_ws_frames *frames,
                                                    const struct pelt_ws_frame *frame,
                                                    const uint8_t key[4], const char *payload,
                                                    struct pelt_buf *out);

#endif
