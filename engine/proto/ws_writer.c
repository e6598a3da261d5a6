/* ws_writer: see the header. */
#include "pelt/ws_writer.h"

#include <assert.h>
#include <string.h>

#include "ws_deflate.h"
#include "ws_frame.h"

static_assert(sizeof(struct pelt_ws_writer) == 40, "each WebSocket has one; the header says so");

#define RSV1 4

void pelt_ws_writer_init(struct pelt_ws_writer *w, struct pelt_ws_pool *pool, struct pelt_rng *rng,
                         const struct pelt_ws_deflate_terms *terms)
{
    *w = (struct pelt_ws_writer){.pool = pool, .rng = rng, .terms = *terms};
}

void pelt_ws_writer_deinit(struct pelt_ws_writer *w)
{
    pelt_ws_deflate_free(w->deflate);
    *w = (struct pelt_ws_writer){.pool = NULL};
}

static enum pelt_status add_frame(struct pelt_ws_writer *w, struct pelt_buf *out,
                                  struct pelt_ws_frame frame, const char *payload)
{
    uint8_t key[4];
    uint32_t random = (uint32_t)(pelt_rng_u64(w->rng) >> 32);
    memcpy(key, &random, sizeof key);
    return pelt_ws_frames_write(pelt_ws_pool_frames(w->pool), &frame, key, payload, out);
}

/* ---- messages ---- */

/* As one frame, or in fragments; on failure `out` is as it was. */
static enum pelt_status add_message(struct pelt_ws_writer *w, struct pelt_buf *out, uint8_t opcode,
                                    uint8_t rsv, struct pelt_span payload)
{
    size_t begin = out->len, most = w->fragment_bytes > 0 ? w->fragment_bytes : payload.len;
    enum pelt_status status;
    do {
        size_t len = payload.len < most ? payload.len : most;
        struct pelt_ws_frame frame = {
            .payload_bytes = len, .opcode = opcode, .rsv = rsv, .fin = len == payload.len};
        status = add_frame(w, out, frame, payload.ptr);
        payload = pelt_span(len > 0 ? payload.ptr + len : payload.ptr, payload.len - len);
        opcode = PELT_WS_OP_CONTINUATION;
        rsv = 0;
    } while (status == PELT_OK && payload.len > 0);
    if (status != PELT_OK && out->data != NULL) {
        out->len = begin;
        out->data[begin] = '\0';
    }
    return status;
}

static bool is_to_be_compressed(const struct pelt_ws_writer *w, size_t len)
{
    return w->terms.deflate && len >= w->compress_bytes &&
           w->terms.client_window_bits >= PELT_WS_DEFLATE_BITS_MIN;
}

static struct pelt_ws_deflate *stream(struct pelt_ws_writer *w)
{
    if (w->terms.client_no_context_takeover) {
        return pelt_ws_pool_deflate(w->pool, w->terms.client_window_bits);
    }
    if (w->deflate == NULL) {
        w->deflate = pelt_ws_deflate_new(w->terms.client_window_bits);
    }
    return w->deflate;
}

static enum pelt_status write_message(struct pelt_ws_writer *w, struct pelt_buf *out,
                                      uint8_t opcode, struct pelt_span payload)
{
    if (!is_to_be_compressed(w, payload.len)) {
        return add_message(w, out, opcode, 0, payload);
    }
    struct pelt_ws_deflate *deflate = stream(w);
    struct pelt_buf *scratch = pelt_ws_pool_scratch(w->pool);
    enum pelt_status status =
        deflate != NULL ? pelt_ws_deflate_message(deflate, payload, scratch) : PELT_ENOMEM;
    if (status != PELT_OK) {
        return status;
    }
    return add_message(w, out, opcode, RSV1, pelt_span(scratch->data, scratch->len));
}

enum pelt_status pelt_ws_write_text(struct pelt_ws_writer *w, struct pelt_buf *out,
                                    struct pelt_span payload)
{
    return write_message(w, out, PELT_WS_OP_TEXT, payload);
}

enum pelt_status pelt_ws_write_binary(struct pelt_ws_writer *w, struct pelt_buf *out,
                                      struct pelt_span payload)
{
    return write_message(w, out, PELT_WS_OP_BINARY, payload);
}

/* ---- control frames ---- */

static enum pelt_status write_control(struct pelt_ws_writer *w, struct pelt_buf *out,
                                      uint8_t opcode, struct pelt_span payload)
{
    if (payload.len > PELT_WS_CONTROL_MAX) {
        return PELT_EINVAL;
    }
    return add_frame(
        w, out, (struct pelt_ws_frame){.payload_bytes = payload.len, .opcode = opcode, .fin = true},
        payload.ptr);
}

enum pelt_status pelt_ws_write_ping(struct pelt_ws_writer *w, struct pelt_buf *out,
                                    struct pelt_span payload)
{
    return write_control(w, out, PELT_WS_OP_PING, payload);
}

enum pelt_status pelt_ws_write_pong(struct pelt_ws_writer *w, struct pelt_buf *out,
                                    struct pelt_span payload)
{
    return write_control(w, out, PELT_WS_OP_PONG, payload);
}

enum pelt_status pelt_ws_write_close(struct pelt_ws_writer *w, struct pelt_buf *out, unsigned code,
                                     struct pelt_span reason)
{
    char payload[PELT_WS_CONTROL_MAX] = {(char)(code >> 8), (char)code};
    if (code == PELT_WS_CODE_NONE && reason.len == 0) {
        return write_control(w, out, PELT_WS_OP_CLOSE, pelt_span("", 0));
    }
    if (!pelt_ws_code_is_valid(code) || reason.len > PELT_WS_REASON_MAX) {
        return PELT_EINVAL;
    }
    if (reason.len > 0) {
        memcpy(payload + 2, reason.ptr, reason.len);
    }
    return write_control(w, out, PELT_WS_OP_CLOSE, pelt_span(payload, 2 + reason.len));
}
