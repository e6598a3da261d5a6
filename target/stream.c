/* stream: see the header. */
#include "stream.h"

#define DATA  "data: "
#define AFTER "\n\n"
#define DONE  "data: [DONE]\n\n"

struct target_stream *target_stream_new(struct target_reply *reply,
                                        const struct target_completion *completion)
{
    struct target_stream *stream = calloc(1, sizeof *stream);

    if (!stream) {
        target_reply_deinit(reply);
        return NULL;
    }
    stream->reply = *reply;
    stream->completion = *completion;
    return stream;
}

void target_stream_free(struct target_stream *stream)
{
    if (!stream) {
        return;
    }
    target_reply_deinit(&stream->reply);
    target_stamp_deinit(&stream->event);
    free(stream);
}

bool target_stream_has_bytes(const struct target_stream *stream)
{
    return stream->at < stream->event.bytes;
}

uint64_t target_stream_due_ns(const struct target_stream *stream)
{
    return stream->reply.due_ns;
}

/* The next event's JSON, and the step behind it; *planned_ns is set. */
static json_t *next(struct target_stream *stream, uint64_t *planned_ns)
{
    const struct target_reply *reply = &stream->reply;
    struct target_token token;

    *planned_ns = reply->due_ns;
    switch (stream->step) {
    case TARGET_STREAM_ROLE:
        stream->step = TARGET_STREAM_TOKENS;
        return target_completion_role(&stream->completion, reply);
    case TARGET_STREAM_TOKENS:
        if (target_reply_next(&stream->reply, &token)) {
            *planned_ns = token.planned_ns;
            stream->step =
                reply->given < reply->tokens ? TARGET_STREAM_TOKENS : TARGET_STREAM_FINISH;
            return target_completion_token(&stream->completion, reply, &token);
        }
        break;
    case TARGET_STREAM_FINISH:
        stream->step = reply->ask.has_usage ? TARGET_STREAM_USAGE : TARGET_STREAM_DONE;
        return target_completion_end(&stream->completion, reply, stream->cause);
    case TARGET_STREAM_USAGE:
        stream->step = TARGET_STREAM_DONE;
        return target_completion_usage(&stream->completion, reply);
    case TARGET_STREAM_DONE:
    case TARGET_STREAM_OVER:
        break;
    }
    return NULL;
}

static void note_token(struct target_stream *stream, uint64_t now_ns)
{
    stream->first_ns = stream->tokens == 0 ? now_ns : stream->first_ns;
    stream->last_ns = now_ns;
    stream->tokens++;
}

bool target_stream_make(struct target_stream *stream, uint64_t (*clock)(void))
{
    bool is_token = stream->step == TARGET_STREAM_TOKENS;
    uint64_t planned_ns, now_ns;

    stream->at = 0;
    if (stream->step == TARGET_STREAM_DONE) {
        stream->step = TARGET_STREAM_OVER;
        memcpy(stream->event.text, DONE, sizeof DONE - 1); /* there is room: it held the end */
        stream->event.bytes = sizeof DONE - 1;
        return true;
    }
    if (!target_stamp_make(&stream->event, DATA, next(stream, &planned_ns))) {
        stream->event.bytes = 0;
        return false;
    }
    now_ns = clock();
    target_stamp_end(&stream->event, planned_ns, now_ns, AFTER);
    if (is_token) {
        note_token(stream, now_ns);
    }
    return true;
}

size_t target_stream_take(struct target_stream *stream, char *bytes, size_t room)
{
    size_t left = stream->event.bytes - stream->at;
    size_t taken = left < room ? left : room;

    memcpy(bytes, stream->event.text + stream->at, taken);
    stream->at += taken;
    return taken;
}

void target_stream_cut(struct target_stream *stream, const char *cause, uint64_t now_ns)
{
    if (stream->step <= TARGET_STREAM_TOKENS) {
        stream->reply.due_ns = now_ns;
        stream->step = TARGET_STREAM_FINISH;
        stream->cause = cause;
    }
}
