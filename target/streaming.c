/* streaming: see the header. */
#include "streaming.h"

#include "clock.h"
#include "hold.h"
#include "loop_internal.h"
#include "pipe.h"

#define SERVICE_ENDS "service_ends" /* the finish_reason of a stream that is cut */

void target_streaming_begin(struct target_loop *loop, struct target_request *request,
                            struct target_stream *stream)
{
    request->stream = stream;
    loop->streams++;
    target_chat_begun(loop->shared->chat);
}

/* Makes the next event, or holds the connection until it is due. */
static ssize_t next_event(struct target_loop *loop, struct target_request *request)
{
    struct target_stream *stream = request->stream;
    uint64_t now = target_clock_now_ns(), due = target_stream_due_ns(stream);
    uint64_t free_ns = target_hold_outside_stalls_ns(loop, due > now ? due : now);

    if (loop->is_giving_up) {
        target_stream_cut(stream, SERVICE_ENDS, now);
    } else if (free_ns > now) {
        return target_hold_until(loop, request, free_ns) ? 0 : MHD_CONTENT_READER_END_WITH_ERROR;
    }
    return target_stream_make(stream, target_clock_now_ns) ? 1 : MHD_CONTENT_READER_END_WITH_ERROR;
}

ssize_t target_streaming_read(void *cls, uint64_t position, char *bytes, size_t room)
{
    struct target_request *request = cls;
    struct target_stream *stream = request->stream;

    if (!target_stream_has_bytes(stream)) {
        ssize_t made = stream->step == TARGET_STREAM_OVER ? MHD_CONTENT_READER_END_OF_STREAM
                                                          : next_event(request->loop, request);

        if (made <= 0) {
            return made;
        }
    }
    return (ssize_t)target_stream_take(stream, bytes, room);
}

ssize_t target_streaming_pipe(void *cls, uint64_t position, char *bytes, size_t room)
{
    struct target_request *request = cls;
    struct target_loop *loop = request->loop;
    struct target_pipe *pipe = request->admission.lb.pipe;
    ssize_t got = loop->is_giving_up ? TARGET_PIPE_BROKEN
                                     : target_pipe_read(pipe, bytes, room, &request->admission);

    if (got == TARGET_PIPE_WAITS) {
        target_hold_for_mail(loop, request);
        return 0;
    }
    if (got > 0) {
        return got;
    }
    return got == TARGET_PIPE_OVER ? MHD_CONTENT_READER_END_OF_STREAM
                                   : MHD_CONTENT_READER_END_WITH_ERROR;
}

void target_streaming_end(struct target_loop *loop, struct target_request *request, bool is_sent)
{
    struct target_stream *stream = request->stream;

    if (stream) {
        target_chat_ended(loop->shared->chat, is_sent && !stream->cause, stream->tokens);
        target_stream_free(stream);
        request->stream = NULL;
        loop->streams--;
    }
}
