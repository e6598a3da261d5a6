/* streams: see the header. */
#include "streams.h"

#include <stdlib.h>
#include <string.h>

enum pelt_status streams_init(struct streams *s, size_t frame_bytes, struct pelt_error *err)
{
    *s = (struct streams){0};
    s->bytes = frame_bytes > STREAM_WAITING_BYTES ? frame_bytes : STREAM_WAITING_BYTES;
    s->memory = malloc(STREAMS_MAX * s->bytes);
    if (!s->memory) {
        return pelt_fail(err, PELT_ENOMEM, "out of memory");
    }
    for (size_t i = 0; i < STREAMS_MAX; i++) {
        s->all[i].bytes = s->memory + i * s->bytes;
    }
    return PELT_OK;
}

void streams_deinit(struct streams *s)
{
    free(s->memory);
    s->memory = NULL;
}

struct stream *streams_open(struct streams *s, const struct grid *grid, void (*on_ready)(void *of),
                            void *of)
{
    for (size_t i = 0; i < STREAMS_MAX; i++) {
        struct stream *stream = &s->all[i];

        if (!stream->is_open) {
            *stream = (struct stream){.grid = *grid,
                                      .is_open = true,
                                      .on_ready = on_ready,
                                      .of = of,
                                      .bytes = stream->bytes};
            s->open++;
            return stream;
        }
    }
    return NULL;
}

void streams_close(struct streams *s, struct stream *stream)
{
    stream->is_open = false;
    s->open--;
}

uint64_t streams_due_ns(const struct streams *s, unsigned factor)
{
    uint64_t due_ns = UINT64_MAX;

    for (size_t i = 0; i < STREAMS_MAX; i++) {
        if (s->all[i].is_open) {
            uint64_t its_ns = grid_due_ns(&s->all[i].grid, factor);

            due_ns = its_ns < due_ns ? its_ns : due_ns;
        }
    }
    return due_ns;
}

/* For another frame where so much waits. */
static size_t room(const struct streams *s, size_t waiting)
{
    if (waiting == 0) {
        return s->bytes;
    }
    return waiting < STREAM_WAITING_BYTES ? STREAM_WAITING_BYTES - waiting : 0;
}

bool streams_put(struct streams *s, struct stream *stream, const struct page *frame)
{
    size_t waiting = stream->end - stream->begin;

    if (frame->full || frame->len > room(s, waiting)) {
        stream->lost++;
        s->lost_total++;
        return false;
    }
    if (frame->len > s->bytes - stream->end) {
        memmove(stream->bytes, stream->bytes + stream->begin, waiting);
        stream->begin = 0;
        stream->end = waiting;
    }
    memcpy(stream->bytes + stream->end, frame->bytes, frame->len);
    stream->end += frame->len;
    stream->on_ready(stream->of);
    return true;
}

void streams_end(struct streams *s)
{
    s->ending = true;
    for (size_t i = 0; i < STREAMS_MAX; i++) {
        if (s->all[i].is_open) {
            s->all[i].on_ready(s->all[i].of);
        }
    }
}

size_t stream_take(struct stream *stream, char *into, size_t size)
{
    size_t waiting = stream->end - stream->begin, len = waiting < size ? waiting : size;

    memcpy(into, stream->bytes + stream->begin, len);
    stream->begin += len;
    if (stream->begin == stream->end) {
        stream->begin = stream->end = 0;
    }
    return len;
}
