/*
 * relay: a thread that does HTTP calls for others, any number at once, by libcurl.
 *
 * A call is made, filled, begun and told when it is over; then it is gone. Connections are kept and
 * used again. Answers are kept whole, up to TARGET_RELAY_BYTES_MAX; but streams of events may go
 * through a pipe as they come.
 *
 *   new -> (the caller fills it) -> begin -> on_done, on the relay's thread -> freed
 *
 * Storage: opaque relay, new/free; calls are the relay's.   Thread: calls are made and begun by any
 * thread; on_done and on_turn run on the relay's own.   Clock: CLOCK_MONOTONIC nanoseconds.
 */
#ifndef TARGET_RELAY_H
#define TARGET_RELAY_H

#include <stddef.h>
#include <stdint.h>

#include "answerhead.h"
#include "error.h"

#define TARGET_RELAY_BYTES_MAX (64u * 1024 * 1024) /* of an answer */

struct curl_slist;
struct target_pipe;
struct target_relay;

enum target_relay_result {
    TARGET_RELAY_ANSWERED,
    TARGET_RELAY_REFUSED, /* no connection: the request has not left */
    TARGET_RELAY_LATE,
    TARGET_RELAY_BROKEN,     /* the connection broke, or the answer is no HTTP */
    TARGET_RELAY_TOO_LARGE,  /* the answer is */
    TARGET_RELAY_HEAD_LARGE, /* its header fields are */
    TARGET_RELAY_NO_STATUS,  /* its status is none of 200 to 599 */
    TARGET_RELAY_ENDED,      /* the relay ends, or there is no memory */
};

struct target_relay_call {
    /* The caller's, before begin: */
    const char *method;        /* upper-case letters; borrowed until on_done */
    char *url;                 /* heap; the call's */
    const char *target;        /* sent as it is instead of the url's path and query; borrowed until
                                  on_done. NULL: the url's */
    struct curl_slist *fields; /* "Name: value"; the call's */
    const char *body;          /* `body_bytes` of them, borrowed until on_done; NULL: none */
    char *owned_body;          /* heap, the call's: what `body` points to, perhaps */
    size_t body_bytes;
    bool has_body;       /* it says its length, even where that is 0; but not a HEAD */
    uint64_t timeout_ms; /* of the whole call */
    void (*on_done)(void *cls, struct target_relay_call *call);
    /*
     * An answer of type text/event-stream has begun: `status` and `head` are set. Returns the pipe
     * that gets it, whose end the relay tells before on_done; NULL: it is kept whole, as others.
     * May be NULL.
     */
    struct target_pipe *(*on_stream)(void *cls, struct target_relay_call *call);
    void *cls;
    size_t number; /* the caller's own */

    /* Once it is over: */
    enum target_relay_result result;
    unsigned status;
    char *text; /* heap, `text_bytes` and an end; take it by setting it NULL. NULL: empty */
    size_t text_bytes;
    struct target_answerhead head; /* its fields; take them */

    /* The relay's. */
    struct target_relay *relay;
    void *easy;
    bool is_again;
    struct target_pipe *pipe; /* NULL: the answer is kept whole */
    bool has_streamed;        /* through a pipe: its request was answered long ago */
    struct target_relay_call *next;
    size_t text_room;
};

/*
 * `on_turn` is called when its last answer is due, and after each call: does what is to be done by
 * `now_ns`, and returns when it wants to be called next. NULL: no memory, or no thread.
 */
struct target_relay *target_relay_new(uint64_t (*on_turn)(void *cls, uint64_t now_ns), void *cls);

/* Breaks off all calls, which are told of it, and ends. NULL: nothing happens. */
void target_relay_free(struct target_relay *relay);

/* All calls under way, and those begun from now on, end as TARGET_RELAY_ENDED. */
void target_relay_end(struct target_relay *relay);

/* on_turn is to be called soon. */
void target_relay_wake(struct target_relay *relay);

/* NULL: no memory. */
struct target_relay_call *target_relay_call_new(struct target_relay *relay);

/* Adds "NAME: VALUE" to its fields. False: no memory. */
TARGET_MUST_USE bool target_relay_call_add(struct target_relay_call *call, const char *name,
                                           const char *value);

/* Unless `name` was added, none is sent: libcurl has some of its own. False: no memory. */
TARGET_MUST_USE bool target_relay_call_omit(struct target_relay_call *call, const char *name);

/* Before begin only: there will be none. */
void target_relay_call_drop(struct target_relay_call *call);

void target_relay_call_begin(struct target_relay_call *call);

/* From on_done only: it is done once more, perhaps with another url, and told again. */
void target_relay_call_again(struct target_relay_call *call);

#endif
