/*
 * streaming: the streamed answers of a loop. The library asks for more of one; between two events
 * its connection is held again.
 *
 * Thread: the owning loop's. Clock: CLOCK_MONOTONIC nanoseconds.
 */
#ifndef TARGET_STREAMING_H
#define TARGET_STREAMING_H

#include <microhttpd.h>

#include "request.h"

/* The request's answer is `stream`, which it owns from now on. */
void target_streaming_begin(struct target_loop *loop, struct target_request *request,
                            struct target_stream *stream);

/* The library's call for more, an MHD_ContentReaderCallback; `cls`: the request. */
ssize_t target_streaming_read(void *cls, uint64_t position, char *bytes, size_t room);

/* The same for an answer that comes through a pipe. */
ssize_t target_streaming_pipe(void *cls, uint64_t position, char *bytes, size_t room);

/* Nothing if the request has no stream. */
void target_streaming_end(struct target_loop *loop, struct target_request *request, bool is_sent);

#endif
