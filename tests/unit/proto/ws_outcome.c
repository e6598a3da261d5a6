/* ws_outcome: see the header. */
#include "test.h"

#include "ws_outcome.h"

#include <stdlib.h>
#include <string.h>

static const char *const words[] = {
    [PELT_WS_TEXT] = "text",
    [PELT_WS_BINARY] = "binary",
    [PELT_WS_PING] = "ping",
    [PELT_WS_PONG] = "pong",
    [PELT_WS_CLOSE] = "close",
    [PELT_WS_FAILED] = "failed",
    [PELT_WS_NO_MEMORY] = "out of memory",
};

static void put_down(enum pelt_ws_kind kind, const struct pelt_ws_event *event,
                     struct pelt_buf *text)
{
    pelt_buf_add_str(text, words[kind]);
    if (kind == PELT_WS_FAILED) {
        pelt_buf_addf(text, " %u %.*s\n", event->code, (int)event->data.len, event->data.ptr);
        return;
    }
    if (kind == PELT_WS_CLOSE) {
        pelt_buf_addf(text, " %u", event->code);
    }
    pelt_buf_add_str(text, " \"");
    pelt_buf_add(text, event->data.ptr, event->data.len);
    pelt_buf_add_str(text, "\"");
    if (kind == PELT_WS_TEXT || kind == PELT_WS_BINARY) {
        pelt_buf_addf(text, " %u frame%s%s", event->frames, event->frames == 1 ? "" : "s",
                      event->compressed ? ", deflate" : "");
    }
    pelt_buf_add_str(text, "\n");
}

static void feed(struct pelt_ws_reader *r, struct pelt_span bytes, struct pelt_buf *text)
{
    /* A copy of its own, so that a read past the end, or of it after the end, is seen. */
    char *copy = malloc(bytes.len > 0 ? bytes.len : 1);
    if (bytes.len > 0) {
        memcpy(copy, bytes.ptr, bytes.len);
    }
    struct pelt_span in = pelt_span(copy, bytes.len);
    struct pelt_ws_event event;
    enum pelt_ws_kind kind;
    while ((kind = pelt_ws_reader_next(r, &in, &event)) != PELT_WS_MORE) {
        put_down(kind, &event, text);
    }
    assert_int_equal(in.len, 0);
    free(copy);
}

void ws_outcome_of(const struct ws_wire *wire, struct pelt_span bytes, size_t split,
                   struct pelt_buf *text)
{
    struct pelt_ws_pool *pool;
    struct pelt_ws_reader r;
    assert_int_equal(pelt_ws_pool_new(&pool), PELT_OK);
    pelt_ws_reader_init(&r, pool, wire->message_max != 0 ? wire->message_max : 1 << 20,
                        &wire->terms);
    for (size_t at = 0; at < bytes.len;) {
        size_t left = bytes.len - at, n = split == WS_SINGLY ? 1 : left;
        if (split != WS_SINGLY && split != WS_WHOLE && at == 0) {
            n = split < left ? split : left;
        }
        feed(&r, pelt_span(bytes.ptr + at, n), text);
        at += n;
    }
    if (pelt_ws_reader_is_mid_message(&r)) {
        pelt_buf_add_str(text, "mid-message\n");
    }
    pelt_ws_reader_deinit(&r);
    pelt_ws_pool_free(pool);
}

static void same_outcome(const struct ws_wire *wire, struct pelt_span bytes, size_t split,
                         const struct pelt_buf *whole)
{
    struct pelt_buf text = {0};
    ws_outcome_of(wire, bytes, split, &text);
    if (text.len != whole->len || (text.len > 0 && memcmp(text.data, whole->data, text.len) != 0)) {
        fail_msg("split at %zu:\n%swhole:\n%s", split, text.len > 0 ? text.data : "",
                 whole->len > 0 ? whole->data : "");
    }
    pelt_buf_deinit(&text);
}

void ws_outcome_of_every_split(const struct ws_wire *wire, struct pelt_span bytes,
                               struct pelt_buf *text)
{
    struct pelt_buf whole = {0};
    ws_outcome_of(wire, bytes, WS_WHOLE, &whole);
    same_outcome(wire, bytes, WS_SINGLY, &whole);
    for (size_t split = 1; split < bytes.len; split++) {
        same_outcome(wire, bytes, split, &whole);
    }
    pelt_buf_add(text, whole.data, whole.len);
    pelt_buf_deinit(&whole);
}

struct pelt_buf ws_bytes_of(const char *hex)
{
    struct pelt_buf bytes = {0};
    while (*hex != '\0') {
        if (*hex == ' ') {
            hex++;
            continue;
        }
        char digits[3] = {hex[0], hex[1], '\0'}, byte = (char)strtoul(digits, NULL, 16);
        pelt_buf_add(&bytes, &byte, 1);
        hex += 2;
    }
    return bytes;
}
