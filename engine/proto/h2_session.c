/*
 * h2_session: see the header.
 *
 * nghttp2 tells of frames; this makes an answer of them:
 *
 *   HEADERS (1xx)* -> HEADERS -> DATA* [-> HEADERS: the trailer] -> stream closed
 *
 * A stream's `ended` is told in one place, when nghttp2 has closed it, but for answers that are
 * refused or whole before our side is: then the stream is let go of (nghttp2's user data of it is
 * NULL) and reset.
 *
 * Invariants: `text` holds one head at a time, as those of different streams never lie within each
 * other. Headers of a request are serialised before submit returns, so that nothing of nghttp2
 * points into its text afterwards but `body`.
 */
#include "pelt/h2_session.h"

#include <assert.h>
#include <limits.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "h2_request.h"
#include "pelt/http1_response.h"

#define FRAME_HEAD    9
#define CONSUME_SHARE 4 /* room is made again once so much of a window was used */
#define SAID_BYTES    200
#define WHY_BYTES     (SAID_BYTES + 40) /* with the name of a code behind */
#define OUT_KEPT      8192              /* bytes of buffer between sends */
#define SPARE_STEP    32                /* bytes from one size of spare blocks to the next */
#define SPARE_CLASSES 17                /* 0: none; up to 512 bytes */
#define STATUS_LINE   "HTTP/2 "

#define TEXT(number)   #number
#define NUMBER(number) TEXT(number) /* as text, of a macro's value */

struct pelt_h2_session {
    nghttp2_session *session;
    const struct pelt_h2_ops *ops;
    void *arg;
    size_t memory;                      /* that nghttp2 holds, or did and may again */
    struct block *spare[SPARE_CLASSES]; /* by class */
    struct pelt_buf text;               /* the head or trailer that is coming */
    struct pelt_buf out;                /* serialised frames */
    size_t out_at;                      /* of these, sent */
    struct pelt_h2_fields fields;
    int32_t known_id;             /* the stream looked for last, */
    struct pelt_h2_stream *known; /* and what was found */
    uint32_t open;
    uint32_t consume_at; /* bytes of a stream's window */
    uint32_t waste;      /* bytes of fields behind a limit, in this block */
    size_t consumed;     /* of the connection's window, in this feed */
    int32_t goaway_last; /* -1: none came */
    uint32_t goaway_code;
    int32_t frame_id;   /* stream of the frame that has begun last */
    int32_t blamed;     /* that of one that broke the rules; 0: none did */
    bool settled;       /* the server's settings came */
    bool begun;         /* bytes came */
    bool head;          /* a block of fields is coming that is a head, not a trailer */
    bool last;          /* the running DATA frame ends its stream */
    uint32_t data_left; /* of it */
    bool unsendable;    /* the request that is being submitted is too large for a head */
    char why[WHY_BYTES];
    char said[SAID_BYTES]; /* words on what is not liked, nghttp2's or ours, */
    int32_t said_of;       /* and of which stream; 0: of the connection */
    const char *words;     /* of the answer that ended last as a bad one; NULL: another way */
};

/* ---- memory ----
 *
 * What nghttp2 holds is counted. It allocates some ten small blocks a request and frees them again:
 * they are kept for the next one, by size, which costs an eighth of malloc and free.
 */

struct block {
    union {
        struct block *next; /* while it is spare */
        size_t size;        /* bytes behind this head while it is in use */
    };
    max_align_t bytes[];
};

static struct block *block_of(void *p)
{
    return (struct block *)(void *)((char *)p - offsetof(struct block, bytes));
}

/* Of a size that is kept: 1 for up to SPARE_STEP bytes, and so on. */
static size_t class_of(size_t size)
{
    return (size + SPARE_STEP - 1) / SPARE_STEP;
}

static void *take_memory(struct pelt_h2_session *h, size_t size)
{
    const size_t class = class_of(size);
    struct block *b = NULL;
    if (class < SPARE_CLASSES) {
        b = h->spare[class];
        size = class * SPARE_STEP;
    }
    if (b != NULL) {
        h->spare[class] = b->next;
    } else if (h->memory + size <= PELT_H2_MEMORY_MAX && (b = malloc(sizeof *b + size)) != NULL) {
        h->memory += size;
    } else {
        return NULL;
    }
    b->size = size;
    return b->bytes;
}

static void give_memory(struct pelt_h2_session *h, void *p)
{
    struct block *b = block_of(p);
    const size_t size = b->size, class = class_of(size);
    if (class < SPARE_CLASSES) {
        b->next = h->spare[class];
        h->spare[class] = b;
    } else {
        h->memory -= size;
        free(b);
    }
}

static void free_spare(struct pelt_h2_session *h)
{
    for (size_t i = 0; i < SPARE_CLASSES; i++) {
        while (h->spare[i] != NULL) {
            struct block *b = h->spare[i];
            h->spare[i] = b->next;
            free(b);
        }
    }
}

static void *on_malloc(size_t size, void *arg)
{
    return take_memory(arg, size);
}

static void on_free(void *p, void *arg)
{
    if (p != NULL) {
        give_memory(arg, p);
    }
}

static void *on_calloc(size_t n, size_t size, void *arg)
{
    void *p = take_memory(arg, n * size); /* nghttp2's own sizes: no overflow */
    return p != NULL ? memset(p, 0, n * size) : NULL;
}

static void *on_realloc(void *old, size_t size, void *arg)
{
    const size_t had = old != NULL ? block_of(old)->size : 0;
    if (old != NULL && size <= had) {
        return old;
    }
    void *p = take_memory(arg, size);
    if (p != NULL && old != NULL) {
        memcpy(p, old, had);
        give_memory(arg, old);
    }
    return p;
}

/* ---- the end of a stream ---- */

/* nghttp2 would look into its map for each frame, field and piece of one answer. */
static struct pelt_h2_stream *stream_of(struct pelt_h2_session *h, int32_t id)
{
    if (id != h->known_id) {
        h->known_id = id;
        h->known = id > 0 ? nghttp2_session_get_stream_user_data(h->session, id) : NULL;
    }
    return h->known;
}

static void forget(struct pelt_h2_session *h, int32_t id)
{
    if (id == h->known_id) {
        h->known = NULL;
    }
}

/* Where nghttp2 resets without a word. */
static const char *usual_words(enum pelt_h2_end how)
{
    switch (how) {
    case PELT_H2_BAD_HEAD:
        return "frames that make no head of an answer";
    case PELT_H2_BAD_BODY:
        return "the body is not as many bytes as Content-Length says";
    default:
        return NULL;
    }
}

static void end_as(struct pelt_h2_session *h, struct pelt_h2_stream *s, enum pelt_h2_end how,
                   uint32_t code, const char *words)
{
    h->words = words;
    forget(h, s->id);
    s->id = 0;
    h->ops->ended(s, how, code);
}

static void end(struct pelt_h2_session *h, struct pelt_h2_stream *s, enum pelt_h2_end how,
                uint32_t code)
{
    const char *words = NULL;
    if (how != PELT_H2_DONE) {
        words = h->said[0] != '\0' && h->said_of == s->id ? h->said : usual_words(how);
    }
    end_as(h, s, how, code, words);
}

PELT_PRINTF(3, 4)
static void say(struct pelt_h2_session *h, int32_t stream, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    const int len = vsnprintf(h->said, sizeof h->said, fmt, args);
    va_end(args);
    if (len >= (int)sizeof h->said) {
        memcpy(h->said + sizeof h->said - 4, "...", 4);
    }
    h->said_of = stream;
    pelt_h2_plain(h->said);
}

/* Nothing more is told of it; nghttp2 closes it once the reset is sent. */
static void let_go(struct pelt_h2_session *h, struct pelt_h2_stream *s, uint32_t code)
{
    forget(h, s->id);
    nghttp2_session_set_stream_user_data(h->session, s->id, NULL);
    (void)nghttp2_submit_rst_stream(h->session, NGHTTP2_FLAG_NONE, s->id, code);
}

/* nghttp2 has closed it with `code`. */
static enum pelt_h2_end end_of(const struct pelt_h2_session *h, const struct pelt_h2_stream *s,
                               int32_t id, uint32_t code)
{
    if (s->remote_ended && code == NGHTTP2_NO_ERROR && s->head_done) {
        return PELT_H2_DONE;
    }
    if (code == NGHTTP2_REFUSED_STREAM &&
        (s->peer_reset || (h->goaway_last >= 0 && id > h->goaway_last))) {
        return PELT_H2_REFUSED;
    }
    if (s->peer_reset) {
        return PELT_H2_RESET;
    }
    return s->head_done ? PELT_H2_BAD_BODY : PELT_H2_BAD_HEAD;
}

static int on_stream_close(nghttp2_session *session, int32_t id, uint32_t code, void *arg)
{
    struct pelt_h2_session *h = arg;
    struct pelt_h2_stream *s = stream_of(h, id);
    h->open -= id & 1; /* else a push that crossed our settings, which nghttp2 resets */
    if (s != NULL && !s->sent_headers) { /* submit tells */
        forget(h, id);
        s->id = 0;
    } else if (s != NULL) {
        const enum pelt_h2_end how = end_of(h, s, id, code);
        const bool by_goaway = how == PELT_H2_REFUSED && !s->peer_reset;
        end(h, s, how, by_goaway ? h->goaway_code : code);
    }
    return 0;
}

/* ---- heads ---- */

static void add_text(struct pelt_h2_session *h, const char *bytes, size_t len)
{
    (void)pelt_buf_add(&h->text, bytes, len);
}

static int on_begin_headers(nghttp2_session *session, const nghttp2_frame *frame, void *arg)
{
    struct pelt_h2_session *h = arg;
    struct pelt_h2_stream *s = stream_of(h, frame->hd.stream_id);
    h->waste = 0;
    pelt_buf_reset(&h->text);
    if (s != NULL) {
        h->head = !s->head_done;
        s->fields = 0;
    }
    return 0;
}

/* The head or trailer goes on beyond its limits. */
static int too_large(struct pelt_h2_session *h, struct pelt_h2_stream *s)
{
    const enum pelt_h2_end how = h->head ? PELT_H2_HEAD_TOO_LARGE : PELT_H2_BAD_BODY;
    const char *words = s->informational > PELT_HTTP1_1XX_MAX
                            ? "more than " NUMBER(PELT_HTTP1_1XX_MAX) " informational (1xx) heads"
                        : s->head_bytes > PELT_HTTP1_HEAD_MAX
                            ? "more than " NUMBER(PELT_HTTP1_HEAD_MAX) " bytes of heads"
                        : h->head
                            ? "a head of more than " NUMBER(PELT_HTTP1_FIELDS_MAX) " fields"
                            : "a trailer of more than " NUMBER(PELT_HTTP1_FIELDS_MAX) " fields";
    let_go(h, s, NGHTTP2_CANCEL);
    end_as(h, s, how, NGHTTP2_CANCEL, words);
    return 0;
}

/* The rest of a head nobody wants; it must be decoded all the same. */
static int waste(struct pelt_h2_session *h, size_t len)
{
    h->waste += (uint32_t)len;
    if (h->waste <= PELT_H2_WASTE_MAX) {
        return 0;
    }
    snprintf(h->why, sizeof h->why, "more than %u KiB of header fields that were not asked for",
             PELT_H2_WASTE_MAX >> 10);
    return NGHTTP2_ERR_CALLBACK_FAILURE;
}

static unsigned digits3(const uint8_t *d)
{
    return (unsigned)(d[0] - '0') * 100 + (unsigned)(d[1] - '0') * 10 + (unsigned)(d[2] - '0');
}

/* nghttp2 has seen to it that it comes first, once, and has three digits; below 100 it would take
 * it for a final one. */
static int take_status(struct pelt_h2_session *h, struct pelt_h2_stream *s, const uint8_t *value,
                       size_t len)
{
    const unsigned status = len == 3 ? digits3(value) : 0;
    if (status < 100) {
        say(h, s->id, "status %.*s", (int)len, (const char *)value);
        let_go(h, s, NGHTTP2_PROTOCOL_ERROR);
        end(h, s, PELT_H2_BAD_HEAD, NGHTTP2_PROTOCOL_ERROR);
        return 0;
    }
    s->informational += status < 200;
    s->continued |= status == 100;
    s->status = status >= 200 ? (uint16_t)status : 0;
    if (s->want_head || s->want_cookies) {
        add_text(h, STATUS_LINE, sizeof STATUS_LINE - 1);
        add_text(h, (const char *)value, len);
        add_text(h, "\r\n", 2);
    }
    return 0;
}

static bool is_set_cookie(const uint8_t *name, size_t len)
{
    return len == 10 && memcmp(name, "set-cookie", 10) == 0;
}

static void take_field(struct pelt_h2_session *h, struct pelt_h2_stream *s, const uint8_t *name,
                       size_t name_len, const uint8_t *value, size_t value_len)
{
    const bool cookie = h->head && is_set_cookie(name, name_len);
    const bool wanted = h->head ? s->want_head || (cookie && s->want_cookies) : s->want_trailer;
    s->may_set_cookie |= cookie;
    if (wanted) {
        add_text(h, (const char *)name, name_len);
        add_text(h, ": ", 2);
        add_text(h, (const char *)value, value_len);
        add_text(h, "\r\n", 2);
    }
}

static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
                     size_t name_len, const uint8_t *value, size_t value_len, uint8_t flags,
                     void *arg)
{
    struct pelt_h2_session *h = arg;
    struct pelt_h2_stream *s = stream_of(h, frame->hd.stream_id);
    const size_t len = name_len + value_len + sizeof ": \r\n" - 1;
    if (s == NULL) {
        return waste(h, len);
    }
    s->head_bytes += (uint32_t)len;
    if (s->head_bytes > PELT_HTTP1_HEAD_MAX || ++s->fields > PELT_HTTP1_FIELDS_MAX + 1 ||
        s->informational > PELT_HTTP1_1XX_MAX) {
        return too_large(h, s);
    }
    if (name[0] == ':') {
        return h->head ? take_status(h, s, value, value_len) : 0;
    }
    take_field(h, s, name, name_len, value, value_len);
    return 0;
}

/* A block of fields is complete. */
static void on_block(struct pelt_h2_session *h, struct pelt_h2_stream *s)
{
    const bool final = h->head && s->status != 0;
    if (final && (s->want_head || s->want_cookies)) {
        add_text(h, "\r\n", 2);
    }
    const struct pelt_span text =
        h->text.failed ? pelt_span(NULL, 0) : pelt_span(h->text.data, h->text.len);
    if (final) {
        s->head_done = true;
        h->ops->head(s, text);
    } else if (h->head && s->continued) {
        h->ops->go_on(s);
    } else if (!h->head && text.len > 0) {
        h->ops->trailer(s, text);
    }
}

/* ---- frames that come ---- */

static int on_begin_frame(nghttp2_session *session, const nghttp2_frame_hd *hd, void *arg)
{
    struct pelt_h2_session *h = arg;
    struct pelt_h2_stream *s = stream_of(h, hd->stream_id);
    h->frame_id = hd->stream_id;
    if (hd->type == NGHTTP2_DATA) {
        h->data_left = (uint32_t)hd->length;
        h->last = (hd->flags & NGHTTP2_FLAG_END_STREAM) != 0;
    }
    if (s != NULL && hd->type != NGHTTP2_WINDOW_UPDATE && hd->type != NGHTTP2_RST_STREAM) {
        h->ops->came(s, FRAME_HEAD + (uint32_t)hd->length);
    }
    return 0;
}

static void make_room(struct pelt_h2_session *h, struct pelt_h2_stream *s)
{
    (void)nghttp2_session_consume_stream(h->session, s->id, s->taken);
    s->taken = 0;
}

static int on_data(nghttp2_session *session, uint8_t flags, int32_t id, const uint8_t *bytes,
                   size_t len, void *arg)
{
    struct pelt_h2_session *h = arg;
    struct pelt_h2_stream *s = stream_of(h, id);
    h->consumed += len;
    h->data_left -= (uint32_t)len;
    if (s == NULL) {
        return 0;
    }
    const bool last = h->last && h->data_left == 0;
    s->taken += (uint32_t)len;
    h->ops->body(s, (const char *)bytes, len, last);
    if (!last && !s->hold && s->id != 0 && s->taken >= h->consume_at) {
        make_room(h, s);
    }
    return 0;
}

/* The answer is whole, or will be found not to be; our side may not be done, and need not be. */
static void on_remote_end(struct pelt_h2_session *h, struct pelt_h2_stream *s)
{
    s->remote_ended = true;
    if (!s->sent_all && s->head_done) {
        let_go(h, s, NGHTTP2_CANCEL);
        end(h, s, PELT_H2_DONE, NGHTTP2_NO_ERROR);
    }
}

static void on_goaway(struct pelt_h2_session *h, const nghttp2_goaway *frame)
{
    h->goaway_last = frame->last_stream_id;
    h->goaway_code = frame->error_code;
    h->ops->goaway(h->arg, frame->last_stream_id, frame->error_code,
                   pelt_span((const char *)frame->opaque_data, frame->opaque_data_len));
}

static int on_frame(nghttp2_session *session, const nghttp2_frame *frame, void *arg)
{
    struct pelt_h2_session *h = arg;
    struct pelt_h2_stream *s;
    switch (frame->hd.type) {
    case NGHTTP2_HEADERS:
    case NGHTTP2_DATA:
        s = stream_of(h, frame->hd.stream_id);
        if (s != NULL && frame->hd.type == NGHTTP2_HEADERS) {
            on_block(h, s);
        }
        if (s != NULL && s->id != 0 && frame->hd.flags & NGHTTP2_FLAG_END_STREAM) {
            on_remote_end(h, s);
        }
        break;
    case NGHTTP2_RST_STREAM:
        s = stream_of(h, frame->hd.stream_id);
        if (s != NULL) {
            s->peer_reset = true;
        }
        break;
    case NGHTTP2_SETTINGS:
        h->settled |= (frame->hd.flags & NGHTTP2_FLAG_ACK) == 0;
        break;
    case NGHTTP2_GOAWAY:
        on_goaway(h, &frame->goaway);
        break;
    default:
        break;
    }
    return 0;
}

static int on_invalid_frame(nghttp2_session *session, const nghttp2_frame *frame, int error,
                            void *arg)
{
    struct pelt_h2_session *h = arg;
    h->blamed = frame->hd.stream_id;
    if (frame->hd.type == NGHTTP2_PUSH_PROMISE) {
        say(h, h->blamed, "the server pushes, though push is switched off");
    } else if (h->said[0] == '\0' || h->said_of != h->blamed) {
        say(h, h->blamed, "%s", nghttp2_strerror(error));
    }
    return 0;
}

static int on_words(nghttp2_session *session, int error, const char *words, size_t len, void *arg)
{
    struct pelt_h2_session *h = arg;
    say(h, h->frame_id, "%.*s", (int)(len < INT_MAX ? len : INT_MAX), words);
    return 0;
}

/* ---- frames that go ---- */

static int on_frame_sent(nghttp2_session *session, const nghttp2_frame *frame, void *arg)
{
    struct pelt_h2_session *h = arg;
    const uint8_t type = frame->hd.type;
    if (type == NGHTTP2_GOAWAY) { /* we never say so but for a reason */
        char code[16];
        snprintf(h->why, sizeof h->why, "%s (%s)",
                 h->said[0] != '\0' ? h->said : "the server broke the rules of HTTP/2",
                 pelt_h2_code_name(frame->goaway.error_code, code));
        return 0;
    }
    struct pelt_h2_stream *s =
        type == NGHTTP2_HEADERS || type == NGHTTP2_DATA ? stream_of(h, frame->hd.stream_id) : NULL;
    if (s != NULL) {
        s->sent_headers = true;
        s->sent_all = (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
        h->ops->sent(s, FRAME_HEAD + (uint32_t)frame->hd.length, s->sent_all);
    }
    return 0;
}

static int on_frame_not_sent(nghttp2_session *session, const nghttp2_frame *frame, int error,
                             void *arg)
{
    struct pelt_h2_session *h = arg;
    h->unsendable |= frame->hd.type == NGHTTP2_HEADERS && error == NGHTTP2_ERR_FRAME_SIZE_ERROR;
    return 0;
}

static ssize_t read_body(nghttp2_session *session, int32_t id, uint8_t *out, size_t size,
                         uint32_t *flags, nghttp2_data_source *source, void *arg)
{
    struct pelt_h2_stream *s = stream_of(arg, id);
    if (s == NULL) {
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE; /* it was let go of */
    }
    const size_t free_len = s->body_left - s->body_held;
    const size_t len = free_len < size ? free_len : size;
    if (len == 0) {
        return NGHTTP2_ERR_DEFERRED;
    }
    memcpy(out, s->body, len);
    s->body += len;
    s->body_left -= len;
    if (s->body_left == 0) {
        *flags |= NGHTTP2_DATA_FLAG_EOF;
    }
    return (ssize_t)len;
}

/* ---- life ---- */

static enum pelt_status make_callbacks(nghttp2_session_callbacks **out)
{
    nghttp2_session_callbacks *c;
    if (nghttp2_session_callbacks_new(&c) != 0) {
        return PELT_ENOMEM;
    }
    nghttp2_session_callbacks_set_on_begin_frame_callback(c, on_begin_frame);
    nghttp2_session_callbacks_set_on_begin_headers_callback(c, on_begin_headers);
    nghttp2_session_callbacks_set_on_header_callback(c, on_header);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(c, on_data);
    nghttp2_session_callbacks_set_on_frame_recv_callback(c, on_frame);
    nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(c, on_invalid_frame);
    nghttp2_session_callbacks_set_on_stream_close_callback(c, on_stream_close);
    nghttp2_session_callbacks_set_on_frame_send_callback(c, on_frame_sent);
    nghttp2_session_callbacks_set_on_frame_not_send_callback(c, on_frame_not_sent);
    nghttp2_session_callbacks_set_error_callback2(c, on_words);
    *out = c;
    return PELT_OK;
}

static enum pelt_status make_session(struct pelt_h2_session *h)
{
    nghttp2_mem memory = {h, on_malloc, on_free, on_calloc, on_realloc};
    nghttp2_session_callbacks *callbacks;
    nghttp2_option *option;
    enum pelt_status status = make_callbacks(&callbacks);
    if (status != PELT_OK) {
        return status;
    }
    if (nghttp2_option_new(&option) != 0) {
        nghttp2_session_callbacks_del(callbacks);
        return PELT_ENOMEM;
    }
    nghttp2_option_set_no_auto_window_update(option, 1);
    nghttp2_option_set_max_send_header_block_length(option, PELT_H2_REQUEST_MAX);
    const int made = nghttp2_session_client_new3(&h->session, callbacks, h, option, &memory);
    nghttp2_option_del(option);
    nghttp2_session_callbacks_del(callbacks);
    return made == 0 ? PELT_OK : PELT_ENOMEM;
}

static bool say_settings(struct pelt_h2_session *h, const struct pelt_h2_settings *settings)
{
    const uint32_t window = settings->window != 0 ? settings->window : PELT_H2_WINDOW;
    const uint32_t all = settings->window_all != 0 ? settings->window_all : PELT_H2_WINDOW_ALL;
    const nghttp2_settings_entry entries[] = {
        {NGHTTP2_SETTINGS_ENABLE_PUSH, 0},
        {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, window},
        {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, PELT_HTTP1_HEAD_MAX},
    };
    h->consume_at = window / CONSUME_SHARE;
    return nghttp2_submit_settings(h->session, NGHTTP2_FLAG_NONE, entries,
                                   sizeof entries / sizeof entries[0]) == 0 &&
           nghttp2_session_set_local_window_size(h->session, NGHTTP2_FLAG_NONE, 0,
                                                 (int32_t)(all > window ? all : window)) == 0;
}

enum pelt_status pelt_h2_session_new(struct pelt_h2_session **out,
                                     const struct pelt_h2_settings *settings,
                                     const struct pelt_h2_ops *ops, void *arg)
{
    struct pelt_h2_session *h = calloc(1, sizeof *h);
    if (h == NULL) {
        return PELT_ENOMEM;
    }
    h->ops = ops;
    h->arg = arg;
    h->goaway_last = -1;
    pelt_buf_init(&h->text, 2 * PELT_HTTP1_HEAD_MAX);
    pelt_buf_init(&h->out, 0);
    enum pelt_status status = make_session(h);
    if (status == PELT_OK && !say_settings(h, settings)) {
        status = PELT_ENOMEM;
    }
    if (status != PELT_OK) {
        pelt_h2_session_free(h);
        return status;
    }
    *out = h;
    return PELT_OK;
}

void pelt_h2_session_free(struct pelt_h2_session *h)
{
    if (h != NULL) {
        nghttp2_session_del(h->session);
        free_spare(h);
        pelt_h2_request_deinit(&h->fields);
        pelt_buf_deinit(&h->text);
        pelt_buf_deinit(&h->out);
        free(h);
    }
}

/* ---- bytes out ---- */

/* One frame into `out`. False: there is none, or no memory. */
static bool pull(struct pelt_h2_session *h)
{
    const uint8_t *bytes;
    const ssize_t len = nghttp2_session_mem_send(h->session, &bytes);
    if (len > 0 && pelt_buf_add(&h->out, bytes, (size_t)len) == PELT_OK) {
        return true;
    }
    if (len != 0 && h->why[0] == '\0') {
        snprintf(h->why, sizeof h->why, "%s",
                 len > 0 ? "out of memory" : nghttp2_strerror((int)len));
    }
    return false;
}

static void gather(struct pelt_h2_session *h)
{
    while (h->out.len - h->out_at < PELT_H2_OUT_BYTES && pull(h)) {
    }
}

struct pelt_span pelt_h2_session_peek(struct pelt_h2_session *h)
{
    gather(h);
    return pelt_span(h->out.data + h->out_at, h->out.len - h->out_at);
}

void pelt_h2_session_advance(struct pelt_h2_session *h, size_t len)
{
    h->out_at += len;
    if (h->out_at < h->out.len) {
        return;
    }
    h->out_at = 0;
    if (h->out.cap > OUT_KEPT) {
        pelt_buf_deinit(&h->out);
    } else {
        pelt_buf_reset(&h->out);
    }
}

/* ---- bytes in ---- */

/* False, and why: no first frame of HTTP/2 can begin so. */
static bool begins_well(struct pelt_h2_session *h, const char *bytes, size_t len)
{
    if (len >= 5 && memcmp(bytes, "HTTP/", 5) == 0) {
        snprintf(h->why, sizeof h->why,
                 "the server answers in HTTP/1.1: it does not speak HTTP/2 at this port, "
                 "or not without TLS");
        return false;
    }
    return true;
}

static bool take(struct pelt_h2_session *h, const char *bytes, size_t len)
{
    const ssize_t used = nghttp2_session_mem_recv(h->session, (const uint8_t *)bytes, len);
    if (used < 0 && h->why[0] == '\0') {
        snprintf(h->why, sizeof h->why, "%s",
                 h->said[0] != '\0' ? h->said : nghttp2_strerror((int)used));
    }
    return used >= 0;
}

enum pelt_status pelt_h2_session_feed(struct pelt_h2_session *h, const char *bytes, size_t len)
{
    if (h->why[0] != '\0' || (!h->begun && !begins_well(h, bytes, len))) {
        return PELT_EIO;
    }
    h->begun |= len > 0;
    h->said[0] = '\0';
    if (!take(h, bytes, len)) {
        return PELT_EIO;
    }
    if (h->consumed > 0) {
        (void)nghttp2_session_consume_connection(h->session, h->consumed);
        h->consumed = 0;
    }
    gather(h); /* so that streams that are reset for what came end here */
    return h->why[0] == '\0' ? PELT_OK : PELT_EIO;
}

void pelt_h2_session_consume(struct pelt_h2_session *h, struct pelt_h2_stream *s)
{
    if (s->id != 0 && s->taken > 0) {
        make_room(h, s);
    }
}

uint32_t pelt_h2_session_grant(struct pelt_h2_session *h, struct pelt_h2_stream *s, uint32_t bytes)
{
    const uint32_t n = bytes < s->taken ? bytes : s->taken;
    if (s->id == 0 || n == 0 ||
        nghttp2_submit_window_update(h->session, NGHTTP2_FLAG_NONE, s->id, (int32_t)n) != 0) {
        return 0;
    }
    s->taken -= n;
    return n;
}

/* ---- streams ---- */

void pelt_h2_session_release(struct pelt_h2_session *h, struct pelt_h2_stream *s, size_t bytes)
{
    if (s->id != 0 && s->body_held > 0 && bytes > 0) {
        s->body_held -= bytes < s->body_held ? bytes : s->body_held;
        (void)nghttp2_session_resume_data(h->session,
                                          s->id); /* it may not have been asked for yet */
    }
}

static int submit(struct pelt_h2_session *h, struct pelt_h2_stream *s)
{
    const nghttp2_data_provider body = {.read_callback = read_body};
    return nghttp2_submit_request(h->session, NULL, h->fields.nv, h->fields.len,
                                  s->body_left > 0 ? &body : NULL, s);
}

/* The head of its request, and what nghttp2 sends before it, into `out`. */
static enum pelt_status serialise(struct pelt_h2_session *h, const struct pelt_h2_stream *s)
{
    while (!s->sent_headers) {
        if (!pull(h)) {
            return h->unsendable ? PELT_EINVAL : h->why[0] != '\0' ? PELT_ENOMEM : PELT_ELIMIT;
        }
    }
    return PELT_OK;
}

enum pelt_status pelt_h2_session_submit(struct pelt_h2_session *h, struct pelt_h2_stream *s,
                                        struct pelt_span request, bool https)
{
    struct pelt_span body;
    enum pelt_status status = pelt_h2_request_read(&h->fields, request, https, &body);
    if (status != PELT_OK || h->why[0] != '\0') {
        return status != PELT_OK ? status : PELT_ELIMIT;
    }
    h->unsendable = false;
    *s = (struct pelt_h2_stream){.want_head = s->want_head,
                                 .want_cookies = s->want_cookies,
                                 .want_trailer = s->want_trailer,
                                 .hold = s->hold,
                                 .body_held = s->body_held < body.len ? s->body_held : body.len,
                                 .body = body.ptr,
                                 .body_left = body.len};
    const int id = submit(h, s);
    if (id < 0) {
        return id == NGHTTP2_ERR_NOMEM ? PELT_ENOMEM : PELT_ELIMIT;
    }
    s->id = id;
    h->open++;
    h->known_id = id;
    h->known = s;
    status = serialise(h, s);
    if (status != PELT_OK && s->id != 0) { /* it may be sent yet, but nobody hears of it */
        let_go(h, s, NGHTTP2_CANCEL);
        s->id = 0;
    }
    return status;
}

void pelt_h2_session_cancel(struct pelt_h2_session *h, struct pelt_h2_stream *s)
{
    if (s->id != 0) {
        let_go(h, s, NGHTTP2_CANCEL);
        s->id = 0;
    }
}

/* ---- what is told ---- */

const char *pelt_h2_session_words(const struct pelt_h2_session *h)
{
    return h->words;
}

const char *pelt_h2_session_why(const struct pelt_h2_session *h)
{
    return h->why[0] != '\0' ? h->why : NULL;
}

bool pelt_h2_session_blames(const struct pelt_h2_session *h, const struct pelt_h2_stream *s)
{
    const int32_t id = h->blamed != 0 ? h->blamed : h->frame_id;
    return !h->settled || id == s->id;
}

uint32_t pelt_h2_session_limit(const struct pelt_h2_session *h)
{
    return h->settled ? nghttp2_session_get_remote_settings(h->session,
                                                            NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS)
                      : 1;
}

bool pelt_h2_session_settled(const struct pelt_h2_session *h)
{
    return h->settled;
}

uint32_t pelt_h2_session_open(const struct pelt_h2_session *h)
{
    return h->open;
}

void pelt_h2_plain(char *text)
{
    for (; *text != '\0'; text++) {
        if (*text < ' ' || *text > '~') {
            *text = '.';
        }
    }
}

const char *pelt_h2_code_name(uint32_t code, char out[16])
{
    if (code <= NGHTTP2_HTTP_1_1_REQUIRED) {
        return nghttp2_http2_strerror(code);
    }
    snprintf(out, 16, "code %u", code);
    return out;
}
