/* ws_frame: see the header. */
#include "ws_frame.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <wslay/wslay.h>

#include "pelt/ws_mask.h"

#define KEY_BYTES 4
#define MASK_BIT  0x80

struct pelt_ws_frames {
    wslay_frame_context_ptr wslay; /* NULL: no memory for it */
    /* reading */
    struct pelt_span head; /* what wslay has not taken of it */
    uint64_t unseen;       /* payload that wslay may believe to have come */
    /* writing */
    const uint8_t *key;
    struct pelt_buf *out;
    uint64_t payload_done;
    bool head_done;
};

/* ---- wslay's callbacks ---- */

static ssize_t on_recv(uint8_t *to, size_t room, int flags, void *arg)
{
    struct pelt_ws_frames *f = arg;
    size_t n;
    if (f->head.len > 0) {
        n = f->head.len < room ? f->head.len : room;
        memcpy(to, f->head.ptr, n);
        f->head.ptr += n;
        f->head.len -= n;
    } else {
        n = f->unseen < room ? (size_t)f->unseen : room;
        f->unseen -= n;
    }
    return n > 0 ? (ssize_t)n : -1;
}

static void add_head(struct pelt_ws_frames *f, const uint8_t *bytes, size_t len)
{
    char *to = f->out->data + f->out->len;
    memcpy(to, bytes, len);
    to[1] = (char)((uint8_t)to[1] | MASK_BIT);
    memcpy(to + len, f->key, KEY_BYTES);
    f->out->len += len + KEY_BYTES;
}

/* There is room for all of it. wslay calls this for the head first. */
static ssize_t on_send(const uint8_t *bytes, size_t len, int flags, void *arg)
{
    struct pelt_ws_frames *f = arg;
    if (!f->head_done) {
        add_head(f, bytes, len);
        f->head_done = true;
        return (ssize_t)len;
    }
    pelt_ws_mask(f->out->data + f->out->len, bytes, len, f->key, f->payload_done);
    f->out->len += len;
    f->payload_done += len;
    return (ssize_t)len;
}

/* ---- ---- */

/* wslay between two frames, whatever it was in. */
static enum pelt_status renew(struct pelt_ws_frames *f)
{
    static const struct wslay_frame_callbacks callbacks = {.send_callback = on_send,
                                                           .recv_callback = on_recv};
    wslay_frame_context_free(f->wslay);
    if (wslay_frame_context_init(&f->wslay, &callbacks, f) != 0) {
        f->wslay = NULL;
        return PELT_ENOMEM;
    }
    return PELT_OK;
}

enum pelt_status pelt_ws_frames_new(struct pelt_ws_frames **frames)
{
    struct pelt_ws_frames *f = calloc(1, sizeof *f);
    *frames = f;
    if (f == NULL || renew(f) != PELT_OK) {
        pelt_ws_frames_free(f);
        *frames = NULL;
        return PELT_ENOMEM;
    }
    return PELT_OK;
}

void pelt_ws_frames_free(struct pelt_ws_frames *frames)
{
    if (frames != NULL) {
        wslay_frame_context_free(frames->wslay);
        free(frames);
    }
}

/* After anything but OK wslay is in the middle of something. */
static enum pelt_status leave(struct pelt_ws_frames *f, enum pelt_status status)
{
    return renew(f) == PELT_OK ? status : PELT_ENOMEM;
}

enum pelt_status pelt_ws_frames_read(struct pelt_ws_frames *f, const char *head,
                                     uint64_t payload_max, struct pelt_ws_frame *frame)
{
    struct wslay_frame_iocb io;
    if (f->wslay == NULL && renew(f) != PELT_OK) {
        return PELT_ENOMEM;
    }
    f->head = pelt_span(head, pelt_ws_head_bytes(head));
    /* wslay tells of a frame with its first payload: all of it, or, where a longer head says how
     * much that is, a byte. */
    unsigned length = (unsigned char)head[1] & 127u;
    f->unseen = length < 126 ? length : 1;
    if (wslay_frame_recv(f->wslay, &io) < 0) {
        return leave(f, PELT_EPARSE);
    }
    *frame = (struct pelt_ws_frame){
        .payload_bytes = io.payload_length, .opcode = io.opcode, .rsv = io.rsv, .fin = io.fin != 0};
    if (io.payload_length > payload_max) {
        return leave(f, PELT_ELIMIT);
    }
    f->unseen = io.payload_length - io.data_length;
    while (f->unseen > 0) {
        if (wslay_frame_recv(f->wslay, &io) <= 0) {
            return leave(f, PELT_EPARSE);
        }
    }
    return PELT_OK;
}

enum pelt_status pelt_ws_frames_write(struct pelt_ws_frames *f, const struct pelt_ws_frame *frame,
                                      const uint8_t key[4], const char *payload,
                                      struct pelt_buf *out)
{
    struct wslay_frame_iocb io = {.fin = frame->fin,
                                  .rsv = frame->rsv,
                                  .opcode = frame->opcode,
                                  .payload_length = frame->payload_bytes,
                                  .data = (const uint8_t *)payload,
                                  .data_length = (size_t)frame->payload_bytes};
    if (f->wslay == NULL && renew(f) != PELT_OK) {
        return PELT_ENOMEM;
    }
    enum pelt_status status =
        pelt_buf_reserve(out, PELT_WS_HEAD_MAX + KEY_BYTES + (size_t)frame->payload_bytes);
    if (status != PELT_OK) {
        return status;
    }
    f->key = key;
    f->out = out;
    f->payload_done = 0;
    f->head_done = false;
    ssize_t sent = wslay_frame_send(f->wslay, &io);
    assert(sent == (ssize_t)frame->payload_bytes);
    out->data[out->len] = '\0';
    return sent < 0 ? leave(f, PELT_EINVAL) : PELT_OK;
}
