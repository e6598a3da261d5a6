/*
 * stream: a reply on its way to one client as server-sent events, in the shape of OpenAI's:
 *
 *   role, token, token, ..., end [, usage], [DONE]
 *
 * The role leaves just before the first token, all that follows the last token right behind it.
 * Each event but [DONE] tells when it was planned for and when it was sent.
 *
 * Knows neither sockets nor a clock: the owner asks when the next event is due, makes it then, and
 * takes its bytes. Storage: heap; new/free. Thread: the owning loop's.
 */
#ifndef TARGET_STREAM_H
#define TARGET_STREAM_H

#include "completion.h"
#include "stamp.h"

enum target_stream_step { /* what comes next */
                          TARGET_STREAM_ROLE,
                          TARGET_STREAM_TOKENS,
                          TARGET_STREAM_FINISH, /* why it ends */
                          TARGET_STREAM_USAGE,
                          TARGET_STREAM_DONE,
                          TARGET_STREAM_OVER,
};

struct target_stream {
    struct target_reply reply;
    struct target_completion completion;
    enum target_stream_step step;
    const char *cause; /* why it ends early; NULL: it does not */
    struct target_stamped event;
    size_t at;                  /* in `event`: what was taken */
    uint64_t tokens;            /* made so far */
    uint64_t first_ns, last_ns; /* when the first and the last of them were; 0: none was */
};

/* Takes `reply`, also when it fails. NULL: no memory. */
struct target_stream *target_stream_new(struct target_reply *reply,
                                        const struct target_completion *completion);
void target_stream_free(struct target_stream *stream);

/* True: bytes of an event are left to take. */
bool target_stream_has_bytes(const struct target_stream *stream);

/* When the next event is planned; the last one was made if the step is OVER. */
uint64_t target_stream_due_ns(const struct target_stream *stream);

/* Makes the next event, which must be due; `clock` says when that was. False: no memory. */
TARGET_MUST_USE bool target_stream_make(struct target_stream *stream, uint64_t (*clock)(void));

/* Copies at most `room` bytes of the event; how many. */
size_t target_stream_take(struct target_stream *stream, char *bytes, size_t room);

/* The service ends: no token comes any more, the end says `cause`, a static text, and is planned
 * now. */
void target_stream_cut(struct target_stream *stream, const char *cause, uint64_t now_ns);

#endif
