/*
 * null_h2: see the header.
 */
#include "null_h2.h"

#include <nghttp2/nghttp2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WINDOW  0x7fffffff /* so that bodies of requests never wait */
#define STREAMS 1000

#define FIELD(name, value)                                                                         \
    {                                                                                              \
        (uint8_t *)(uintptr_t)(name), (uint8_t *)(uintptr_t)(value), strlen(name), strlen(value),  \
            0                                                                                      \
    }

struct pelt_null_h2 {
    nghttp2_session *session;
    struct pelt_span body;
    uint64_t *requests;
};

/* Its head field says so; kept as the stream's user data. */
static char is_head;

static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
                     size_t name_len, const uint8_t *value, size_t value_len, uint8_t flags,
                     void *arg)
{
    if (name_len == 7 && memcmp(name, ":method", 7) == 0 && value_len == 4 &&
        memcmp(value, "HEAD", 4) == 0) {
        nghttp2_session_set_stream_user_data(session, frame->hd.stream_id, &is_head);
    }
    return 0;
}

/* What was sent of a body stands in the stream's source. */
static ssize_t read_body(nghttp2_session *session, int32_t id, uint8_t *out, size_t size,
                         uint32_t *flags, nghttp2_data_source *source, void *arg)
{
    const struct pelt_null_h2 *h = arg;
    const size_t at = (size_t)source->fd, left = h->body.len - at;
    const size_t len = left < size ? left : size;
    memcpy(out, h->body.ptr + at, len);
    source->fd = (int)(at + len);
    if (len == left) {
        *flags |= NGHTTP2_DATA_FLAG_EOF;
    }
    return (ssize_t)len;
}

static int answer(struct pelt_null_h2 *h, int32_t id)
{
    char length[24];
    snprintf(length, sizeof length, "%zu", h->body.len);
    /* What servers usually say, so that reading it costs what it usually does. */
    const nghttp2_nv head[] = {FIELD(":status", "200"), FIELD("server", "pelt-null"),
                               FIELD("date", "Thu, 01 Jan 1970 00:00:00 GMT"),
                               FIELD("content-type", "application/json"),
                               FIELD("content-length", length)};
    const nghttp2_data_provider body = {.source.fd = 0, .read_callback = read_body};
    const bool none =
        h->body.len == 0 || nghttp2_session_get_stream_user_data(h->session, id) == &is_head;
    ++*h->requests;
    return nghttp2_submit_response(h->session, id, head, sizeof head / sizeof head[0],
                                   none ? NULL : &body);
}

static int on_frame(nghttp2_session *session, const nghttp2_frame *frame, void *arg)
{
    const bool of_request = frame->hd.type == NGHTTP2_HEADERS || frame->hd.type == NGHTTP2_DATA;
    return of_request && frame->hd.flags & NGHTTP2_FLAG_END_STREAM
               ? answer(arg, frame->hd.stream_id)
               : 0;
}

static bool make(struct pelt_null_h2 *h)
{
    static const nghttp2_settings_entry settings[] = {
        {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, STREAMS},
        {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, WINDOW},
    };
    nghttp2_session_callbacks *callbacks;
    if (nghttp2_session_callbacks_new(&callbacks) != 0) {
        return false;
    }
    nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame);
    const int made = nghttp2_session_server_new(&h->session, callbacks, h);
    nghttp2_session_callbacks_del(callbacks);
    return made == 0 &&
           nghttp2_submit_settings(h->session, NGHTTP2_FLAG_NONE, settings,
                                   sizeof settings / sizeof settings[0]) == 0 &&
           nghttp2_session_set_local_window_size(h->session, NGHTTP2_FLAG_NONE, 0, WINDOW) == 0;
}

struct pelt_null_h2 *pelt_null_h2_new(struct pelt_span body)
{
    struct pelt_null_h2 *h = calloc(1, sizeof *h);
    if (h != NULL) {
        h->body = body;
        if (!make(h)) {
            pelt_null_h2_free(h);
            h = NULL;
        }
    }
    return h;
}

void pelt_null_h2_free(struct pelt_null_h2 *h)
{
    if (h != NULL) {
        nghttp2_session_del(h->session);
        free(h);
    }
}

bool pelt_null_h2_begins(const char *bytes, size_t len)
{
    return len >= NGHTTP2_CLIENT_MAGIC_LEN &&
           memcmp(bytes, NGHTTP2_CLIENT_MAGIC, NGHTTP2_CLIENT_MAGIC_LEN) == 0;
}

bool pelt_null_h2_read(struct pelt_null_h2 *h, const char *bytes, size_t len, uint64_t *requests)
{
    h->requests = requests;
    return nghttp2_session_mem_recv(h->session, (const uint8_t *)bytes, len) >= 0;
}

struct pelt_span pelt_null_h2_send(struct pelt_null_h2 *h)
{
    const uint8_t *bytes;
    const ssize_t len = nghttp2_session_mem_send(h->session, &bytes);
    return len > 0 ? pelt_span((const char *)bytes, (size_t)len) : pelt_span(NULL, 0);
}
