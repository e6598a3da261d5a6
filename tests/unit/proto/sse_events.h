/* What an event stream came to, as text: shared by the tests of sse. */
#ifndef SSE_EVENTS_H
#define SSE_EVENTS_H

#include <stdlib.h>
#include <string.h>

#include "pelt/sse.h"

#define SSE_EVENTS_MAX 1000 /* bytes of an event */

static inline void add_event(struct pelt_buf *out, struct pelt_span type, struct pelt_span data,
                             struct pelt_span id)
{
    pelt_buf_addf(out, "[%.*s] %zu:", (int)type.len, type.ptr, data.len);
    pelt_buf_add(out, data.ptr, data.len);
    pelt_buf_addf(out, " #%.*s\n", (int)id.len, id.ptr);
}

static inline enum pelt_status on_event(void *arg, const struct pelt_sse_event *e)
{
    add_event(arg, e->type, e->data, e->id);
    return PELT_OK;
}

/* Each piece is a block of its own, gone when the next one comes. */
static inline enum pelt_status feed_piece(struct pelt_sse *s, const char *bytes, size_t len)
{
    char *piece = malloc(len + 1);
    memcpy(piece, bytes, len);
    enum pelt_status status = pelt_sse_feed(s, piece, len);
    free(piece);
    return status;
}

/* In pieces of `step` bytes, the first one of `first`. */
static inline enum pelt_status read_events(struct pelt_span bytes, size_t first, size_t step,
                                           struct pelt_buf *out)
{
    struct pelt_sse s;
    enum pelt_status status = PELT_OK;
    pelt_sse_init(&s, SSE_EVENTS_MAX, on_event, out);
    for (size_t at = 0, n = first; status == PELT_OK && at < bytes.len; at += n, n = step) {
        n = n < bytes.len - at ? n : bytes.len - at;
        status = feed_piece(&s, bytes.ptr + at, n);
    }
    pelt_sse_deinit(&s);
    return status;
}

static inline bool same_text(const struct pelt_buf *a, const struct pelt_buf *b)
{
    return a->len == b->len && (a->len == 0 || memcmp(a->data, b->data, a->len) == 0);
}

/* Whole, byte by byte and split at every place; `out` is what all had in common, or *same false. */
static inline enum pelt_status read_every_split(struct pelt_span bytes, struct pelt_buf *out,
                                                bool *same)
{
    enum pelt_status status = read_events(bytes, bytes.len, bytes.len, out);
    *same = true;
    for (size_t first = 0; first < bytes.len; first++) {
        struct pelt_buf other = {0};
        enum pelt_status split = first == 0 ? read_events(bytes, 1, 1, &other)
                                            : read_events(bytes, first, bytes.len, &other);
        *same = *same && split == status && same_text(out, &other);
        pelt_buf_deinit(&other);
    }
    return status;
}

#endif
