/*
 * ws_reader: see the header.
 *
 *     HEAD -> CONTROL -> HEAD      a control frame: an event of its own
 *     HEAD -> DATA -> HEAD         a data frame; with the message's last one, an event
 *     any -> OVER                  close frame, failure
 */
#include "pelt/ws_reader.h"

#include <assert.h>
#include <string.h>

#include "ws_deflate.h"
#include "ws_frame.h"

static_assert(sizeof(struct pelt_ws_reader) == 240, "each WebSocket has one; the header says so");

enum state { HEAD, CONTROL, DATA, OVER };

/* zlib's stored blocks grow what they hold by less, a sender that flushes often by more; a message
 * that comes as many empty blocks must end too. */
#define COMPRESSED_SLACK 1024
/* Room made for payload that a frame's head promises: what a server only says costs no more. */
#define AHEAD_BYTES (256 * 1024)
#define RSV1        4

void pelt_ws_reader_init(struct pelt_ws_reader *r, struct pelt_ws_pool *pool,
                         size_t message_bytes_max, const struct pelt_ws_deflate_terms *terms)
{
    *r = (struct pelt_ws_reader){.pool = pool, .message_max = message_bytes_max, .terms = *terms};
}

void pelt_ws_reader_deinit(struct pelt_ws_reader *r)
{
    if (r->pool != NULL) {
        pelt_ws_pool_give(r->pool, &r->message);
    }
    pelt_ws_inflate_free(r->inflate);
    *r = (struct pelt_ws_reader){.state = OVER};
}

bool pelt_ws_reader_is_mid_message(const struct pelt_ws_reader *r)
{
    return r->state != OVER && (r->state != HEAD || r->head_len > 0 || r->kind != 0);
}

/* ---- events ---- */

static enum pelt_ws_kind give(struct pelt_ws_event *event, enum pelt_ws_kind kind, const char *data,
                              size_t len)
{
    event->data = pelt_span(len > 0 ? data : "", len);
    return kind;
}

static enum pelt_ws_kind fail(struct pelt_ws_reader *r, struct pelt_ws_event *event,
                              enum pelt_ws_fault fault, const char *why)
{
    static const uint16_t codes[] = {[PELT_WS_BAD_FRAME] = PELT_WS_CODE_PROTOCOL,
                                     [PELT_WS_BAD_UTF8] = PELT_WS_CODE_NOT_UTF8,
                                     [PELT_WS_BAD_DEFLATE] = PELT_WS_CODE_NOT_UTF8,
                                     [PELT_WS_BIG_MESSAGE] = PELT_WS_CODE_TOO_BIG};
    r->state = OVER;
    event->fault = fault;
    event->code = codes[fault];
    return give(event, PELT_WS_FAILED, why, strlen(why));
}

static enum pelt_ws_kind fail_memory(struct pelt_ws_reader *r, struct pelt_ws_event *event)
{
    r->state = OVER;
    return give(event, PELT_WS_NO_MEMORY, "out of memory", strlen("out of memory"));
}

static enum pelt_ws_kind fail_size(struct pelt_ws_reader *r, struct pelt_ws_event *event)
{
    return fail(r, event, PELT_WS_BIG_MESSAGE, "the message is longer than its limit");
}

/* ---- heads ---- */

static struct pelt_span take(struct pelt_span *in, size_t most)
{
    struct pelt_span taken = pelt_span(in->ptr, in->len < most ? in->len : most);
    if (taken.len > 0) { /* not from NULL */
        in->ptr += taken.len;
        in->len -= taken.len;
    }
    return taken;
}

/* A whole head: where it lies, or gathered from pieces. NULL: more must come. */
static const char *take_head(struct pelt_ws_reader *r, struct pelt_span *in)
{
    if (r->head_len == 0 && in->len >= 2 && in->len >= pelt_ws_head_bytes(in->ptr)) {
        return take(in, pelt_ws_head_bytes(in->ptr)).ptr;
    }
    while (r->head_len < 2 || r->head_len < pelt_ws_head_bytes(r->head)) {
        size_t want = r->head_len < 2 ? 2 : pelt_ws_head_bytes(r->head);
        struct pelt_span piece = take(in, want - r->head_len);
        if (piece.len == 0) {
            return NULL;
        }
        memcpy(r->head + r->head_len, piece.ptr, piece.len);
        r->head_len = (uint8_t)(r->head_len + piece.len);
    }
    r->head_len = 0;
    return r->head;
}

static bool is_control(unsigned opcode)
{
    return opcode >= PELT_WS_OP_CLOSE;
}

/* Of a head that wslay refused. */
static const char *why_refused(const char *head)
{
    if (!is_control((uint8_t)head[0] & 15u)) {
        return "a frame's length is not in its shortest form";
    }
    return ((uint8_t)head[0] & 0x80) == 0 ? "a control frame in fragments"
                                          : "a control frame of more than 125 bytes";
}

/* What is wrong with a frame at this place; NULL: nothing. */
static const char *why_wrong(const struct pelt_ws_reader *r, const struct pelt_ws_frame *frame)
{
    bool begins = frame->opcode == PELT_WS_OP_TEXT || frame->opcode == PELT_WS_OP_BINARY;
    if ((frame->opcode > PELT_WS_OP_BINARY && frame->opcode < PELT_WS_OP_CLOSE) ||
        frame->opcode > PELT_WS_OP_PONG) {
        return "a reserved opcode";
    }
    if ((frame->rsv & ~RSV1) != 0) {
        return "a reserved bit is set (RSV2, RSV3)";
    }
    if (frame->rsv != 0 && !r->terms.deflate) {
        return "a reserved bit is set (RSV1) and no compression was agreed";
    }
    if (frame->rsv != 0 && !begins) {
        return "a reserved bit is set (RSV1) on a frame that begins no message";
    }
    if (begins && r->kind != 0) {
        return "a new message within a fragmented one";
    }
    if (frame->opcode == PELT_WS_OP_CONTINUATION && r->kind == 0) {
        return "a continuation without a message begun";
    }
    return NULL;
}

/* Most payload that the next frame may have. */
static uint64_t most_payload(const struct pelt_ws_reader *r, const char *head)
{
    unsigned opcode = (uint8_t)head[0] & 15u;
    bool compressed =
        opcode == PELT_WS_OP_CONTINUATION ? r->compressed : ((uint8_t)head[0] >> 4 & RSV1) != 0;
    uint64_t most = r->message_max;
    if (is_control(opcode)) {
        return PELT_WS_CONTROL_MAX;
    }
    if (compressed) {
        most += r->message_max / 8 + COMPRESSED_SLACK;
    }
    return most > r->came_bytes ? most - r->came_bytes : 0;
}

static void begin_message(struct pelt_ws_reader *r, const struct pelt_ws_frame *frame)
{
    r->kind = frame->opcode == PELT_WS_OP_TEXT ? PELT_WS_TEXT : PELT_WS_BINARY;
    r->compressed = frame->rsv != 0;
    r->frames = 0;
    r->utf8 = (struct pelt_utf8){.state = 0};
}

static enum pelt_ws_kind begin_frame(struct pelt_ws_reader *r, const char *head,
                                     struct pelt_ws_event *event)
{
    struct pelt_ws_frame frame;
    if (((uint8_t)head[1] & 0x80) != 0) {
        return fail(r, event, PELT_WS_BAD_FRAME, "a masked frame from a server");
    }
    enum pelt_status status =
        pelt_ws_frames_read(pelt_ws_pool_frames(r->pool), head, most_payload(r, head), &frame);
    if (status == PELT_EPARSE) {
        return fail(r, event, PELT_WS_BAD_FRAME, why_refused(head));
    }
    if (status == PELT_ENOMEM) {
        return fail_memory(r, event);
    }
    const char *why = why_wrong(r, &frame);
    if (why != NULL) {
        return fail(r, event, PELT_WS_BAD_FRAME, why);
    }
    if (status == PELT_ELIMIT) {
        return fail_size(r, event);
    }
    r->opcode = frame.opcode;
    r->fin = frame.fin;
    r->frame_left = frame.payload_bytes;
    r->control_len = 0;
    r->state = is_control(frame.opcode) ? CONTROL : DATA;
    if (r->state == DATA) {
        if (r->kind == 0) {
            begin_message(r, &frame);
        }
        r->frames++;
        r->came_bytes += frame.payload_bytes;
    }
    return PELT_WS_MORE;
}

/* ---- control frames ---- */

static enum pelt_ws_kind close_frame(struct pelt_ws_reader *r, const char *payload, size_t len,
                                     struct pelt_ws_event *event)
{
    struct pelt_utf8 utf8 = {.state = 0};
    if (len == 0) {
        event->code = PELT_WS_CODE_NONE;
        r->state = OVER;
        return give(event, PELT_WS_CLOSE, "", 0);
    }
    if (len == 1) {
        return fail(r, event, PELT_WS_BAD_FRAME, "a close frame of one byte");
    }
    unsigned code = (unsigned)(uint8_t)payload[0] << 8 | (uint8_t)payload[1];
    if (!pelt_ws_code_is_valid(code)) {
        return fail(r, event, PELT_WS_BAD_FRAME, "a close code that no frame may carry");
    }
    if (!pelt_utf8_feed(&utf8, payload + 2, len - 2) || !pelt_utf8_is_whole(&utf8)) {
        return fail(r, event, PELT_WS_BAD_UTF8, "the reason of the close is not UTF-8");
    }
    event->code = (uint16_t)code;
    r->state = OVER;
    return give(event, PELT_WS_CLOSE, payload + 2, len - 2);
}

static enum pelt_ws_kind take_control(struct pelt_ws_reader *r, struct pelt_span *in,
                                      struct pelt_ws_event *event)
{
    struct pelt_span piece = take(in, (size_t)r->frame_left);
    r->frame_left -= piece.len;
    if (r->frame_left > 0 || r->control_len > 0) {
        memcpy(r->control + r->control_len, piece.ptr, piece.len);
        r->control_len = (uint8_t)(r->control_len + piece.len);
        piece = pelt_span(r->control, r->control_len);
    }
    if (r->frame_left > 0) {
        return PELT_WS_MORE;
    }
    r->state = HEAD;
    if (r->opcode == PELT_WS_OP_CLOSE) {
        return close_frame(r, piece.ptr, piece.len, event);
    }
    return give(event, r->opcode == PELT_WS_OP_PING ? PELT_WS_PING : PELT_WS_PONG, piece.ptr,
                piece.len);
}

/* ---- messages ---- */

static bool is_utf8(struct pelt_ws_reader *r, const char *bytes, size_t len)
{
    return r->kind != PELT_WS_TEXT || len == 0 || pelt_utf8_feed(&r->utf8, bytes, len);
}

static enum pelt_ws_kind fail_utf8(struct pelt_ws_reader *r, struct pelt_ws_event *event)
{
    return fail(r, event, PELT_WS_BAD_UTF8, "a text message is not UTF-8");
}

/* A buffer for what must be kept. */
static void begin_gathering(struct pelt_ws_reader *r)
{
    if (r->message.data == NULL) {
        r->message = pelt_ws_pool_take(r->pool);
    }
}

static enum pelt_ws_kind deliver(struct pelt_ws_reader *r, struct pelt_span message,
                                 struct pelt_ws_event *event)
{
    enum pelt_ws_kind kind = r->kind;
    if (kind == PELT_WS_TEXT && !pelt_utf8_is_whole(&r->utf8)) {
        return fail(r, event, PELT_WS_BAD_UTF8, "a text message ends within a character");
    }
    event->compressed = r->compressed;
    event->frames = r->frames;
    r->delivered = true;
    r->kind = 0;
    r->came_bytes = 0;
    return give(event, kind, message.ptr, message.len);
}

/* The frame's payload as it came, or its next piece. */
static enum pelt_ws_kind take_plain(struct pelt_ws_reader *r, struct pelt_span piece,
                                    struct pelt_ws_event *event)
{
    bool complete = r->frame_left == 0 && r->fin;
    if (!is_utf8(r, piece.ptr, piece.len)) {
        return fail_utf8(r, event);
    }
    if (complete && r->message.len == 0) {
        return deliver(r, piece, event);
    }
    if (piece.len > 0) {
        size_t ahead = r->frame_left < AHEAD_BYTES ? (size_t)r->frame_left : AHEAD_BYTES;
        begin_gathering(r);
        if (pelt_buf_reserve(&r->message, piece.len + ahead) != PELT_OK) {
            return fail_memory(r, event);
        }
        pelt_buf_add(&r->message, piece.ptr, piece.len);
    }
    return complete ? deliver(r, pelt_span(r->message.data, r->message.len), event) : PELT_WS_MORE;
}

static bool has_inflate(struct pelt_ws_reader *r)
{
    if (r->inflate == NULL) {
        r->inflate = pelt_ws_inflate_new();
    }
    return r->inflate != NULL;
}

static enum pelt_ws_kind take_compressed(struct pelt_ws_reader *r, struct pelt_span piece,
                                         struct pelt_ws_event *event)
{
    bool complete = r->frame_left == 0 && r->fin;
    begin_gathering(r);
    if (!has_inflate(r)) {
        return fail_memory(r, event);
    }
    size_t before = r->message.len;
    enum pelt_status status = pelt_ws_inflate_piece(r->inflate, piece, r->message_max, &r->message);
    if (status == PELT_OK && complete) {
        status = pelt_ws_inflate_end(r->inflate, r->message_max, &r->message);
    }
    if (status == PELT_ENOMEM) {
        return fail_memory(r, event);
    }
    if (r->message.len > before && !is_utf8(r, r->message.data + before, r->message.len - before)) {
        return fail_utf8(r, event);
    }
    if (status == PELT_ELIMIT) {
        return fail_size(r, event);
    }
    if (status != PELT_OK) {
        return fail(r, event, PELT_WS_BAD_DEFLATE, "a compressed message does not decompress");
    }
    if (complete && r->terms.server_no_context_takeover) {
        pelt_ws_inflate_reset(r->inflate);
    }
    return complete ? deliver(r, pelt_span(r->message.data, r->message.len), event) : PELT_WS_MORE;
}

static enum pelt_ws_kind take_data(struct pelt_ws_reader *r, struct pelt_span *in,
                                   struct pelt_ws_event *event)
{
    struct pelt_span piece = take(in, r->frame_left < SIZE_MAX ? (size_t)r->frame_left : SIZE_MAX);
    r->frame_left -= piece.len;
    if (r->frame_left == 0) {
        r->state = HEAD;
    }
    return r->compressed ? take_compressed(r, piece, event) : take_plain(r, piece, event);
}

/* ---- ---- */

enum pelt_ws_kind pelt_ws_reader_next(struct pelt_ws_reader *r, struct pelt_span *in,
                                      struct pelt_ws_event *event)
{
    enum pelt_ws_kind kind = PELT_WS_MORE;
    const char *head;
    if (r->delivered) {
        pelt_ws_pool_give(r->pool, &r->message);
        r->delivered = false;
    }
    *event = (struct pelt_ws_event){.data = {"", 0}};
    while (kind == PELT_WS_MORE) {
        switch ((enum state)r->state) {
        case HEAD:
            head = take_head(r, in);
            if (head == NULL) {
                return PELT_WS_MORE;
            }
            kind = begin_frame(r, head, event);
            break;
        case CONTROL:
        case DATA:
            if (in->len == 0 && r->frame_left > 0) {
                return PELT_WS_MORE;
            }
            kind = r->state == DATA ? take_data(r, in, event) : take_control(r, in, event);
            break;
        case OVER:
            take(in, in->len);
            return PELT_WS_MORE;
        }
    }
    return kind;
}
