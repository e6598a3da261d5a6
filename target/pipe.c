/* pipe: see the header. Read bytes make room at the next write. */
#include "pipe.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "admission.h"

struct target_pipe {
    pthread_mutex_t lock;
    char *data;
    size_t begin, end, room; /* what waits: [begin, end) */
    bool is_ended, is_whole, has_left;
    struct target_admission *waiting; /* to be resumed; NULL: nobody */
    unsigned holders;
};

struct target_pipe *target_pipe_new(void)
{
    struct target_pipe *pipe = calloc(1, sizeof *pipe);

    if (pipe) {
        pthread_mutex_init(&pipe->lock, NULL);
        pipe->holders = 2;
    }
    return pipe;
}

/* Unlocks; frees it with its last holder. */
static void give_up(struct target_pipe *pipe)
{
    bool is_last = --pipe->holders == 0;

    pthread_mutex_unlock(&pipe->lock);
    if (is_last) {
        pthread_mutex_destroy(&pipe->lock);
        free(pipe->data);
        free(pipe);
    }
}

static struct target_admission *take_waiting(struct target_pipe *pipe)
{
    struct target_admission *waiting = pipe->waiting;

    pipe->waiting = NULL;
    return waiting;
}

static void wake(struct target_admission *waiting)
{
    if (waiting) {
        target_resume(waiting);
    }
}

static bool make_room(struct target_pipe *pipe, size_t bytes)
{
    size_t used = pipe->end - pipe->begin, room = pipe->room ? pipe->room : 4096;
    char *data;

    if (used + bytes > TARGET_PIPE_BYTES_MAX) {
        return false;
    }
    if (pipe->begin > 0) {
        memmove(pipe->data, pipe->data + pipe->begin, used);
        pipe->begin = 0;
        pipe->end = used;
    }
    while (room < used + bytes) {
        room *= 2;
    }
    data = room > pipe->room ? realloc(pipe->data, room) : pipe->data;
    if (data) {
        pipe->data = data;
        pipe->room = room > pipe->room ? room : pipe->room;
    }
    return data != NULL;
}

bool target_pipe_write(struct target_pipe *pipe, const void *data, size_t bytes)
{
    struct target_admission *waiting = NULL;
    bool is_written;

    pthread_mutex_lock(&pipe->lock);
    is_written = !pipe->has_left && make_room(pipe, bytes);
    if (is_written && bytes > 0) {
        memcpy(pipe->data + pipe->end, data, bytes);
        pipe->end += bytes;
        waiting = take_waiting(pipe);
    }
    pthread_mutex_unlock(&pipe->lock);
    wake(waiting);
    return is_written;
}

void target_pipe_end(struct target_pipe *pipe, bool is_whole)
{
    struct target_admission *waiting;

    pthread_mutex_lock(&pipe->lock);
    pipe->is_ended = true;
    pipe->is_whole = is_whole;
    waiting = take_waiting(pipe);
    give_up(pipe);
    wake(waiting);
}

ssize_t target_pipe_read(struct target_pipe *pipe, char *bytes, size_t room,
                         struct target_admission *reader)
{
    size_t left;
    ssize_t got;

    pthread_mutex_lock(&pipe->lock);
    left = pipe->end - pipe->begin;
    left = left < room ? left : room;
    if (left > 0) {
        memcpy(bytes, pipe->data + pipe->begin, left);
        pipe->begin += left;
        got = (ssize_t)left;
    } else if (pipe->is_ended) {
        got = pipe->is_whole ? TARGET_PIPE_OVER : TARGET_PIPE_BROKEN;
    } else {
        pipe->waiting = reader;
        got = TARGET_PIPE_WAITS;
    }
    pthread_mutex_unlock(&pipe->lock);
    return got;
}

void target_pipe_leave(struct target_pipe *pipe)
{
    if (pipe) {
        pthread_mutex_lock(&pipe->lock);
        pipe->has_left = true;
        give_up(pipe);
    }
}
