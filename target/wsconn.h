/*
 * wsconn: one WebSocket (RFC 6455, the server's side) that echoes what it gets or answers as the
 * chat does. wslay reads and writes the frames; it pongs, and closes with 1002, 1007 or 1009 what
 * breaks the rules.
 *
 * In the chat a client sends {"message": "..."} and gets, one at a time,
 *
 *   {"type": "token", "index": 0, "content": "You", "planned_ns": N, "sent_ns": N}
 *   {"type": "done", "finish_reason": "stop", "usage": {...}[, "turn": N], ...}
 *   {"type": "error", "message": "..."}
 *
 * with the moments of the knobs that streamed answers have, too. A connection that is pushed to
 * gets
 * {"type": "stats", ...} at even intervals instead, and what it sends is left alone.
 *
 * Knows no socket: bytes come and go by functions of the owner, which answer at once. What waits
 * for a client to read is bounded: above that the connection is closed with 1013.
 *
 * Storage: the caller's; init/deinit. Clock: CLOCK_MONOTONIC nanoseconds. Thread: the owning
 * loop's.
 */
#ifndef TARGET_WSCONN_H
#define TARGET_WSCONN_H

#include <sys/types.h>

#include <wslay/wslay.h>

#include "reply.h"
#include "sessions.h"
#include "stamp.h"
#include "ws.h"

#define TARGET_WS_GOING_AWAY 1001
#define TARGET_WS_TRY_LATER  1013

#define TARGET_WS_PUSH_BYTES 1024

struct target_wsenv { /* of all connections of a loop; borrowed */
    /* Bytes moved; 0: none now, ask again later; -1: the client is gone. */
    ssize_t (*receive)(void *cls, uint8_t *bytes, size_t room);
    ssize_t (*send)(void *cls, const uint8_t *bytes, size_t count, bool more_follows);
    uint64_t (*clock)(void);
    /* What is pushed: an object without its closing brace, into room for TARGET_WS_PUSH_BYTES; its
     * length. And how long after a push the next one is due. NULL both: nobody is pushed to. */
    size_t (*push)(void *loop, char *text);
    uint64_t (*push_ns)(void *loop);
    struct target_ws *ws;
    struct target_sessions *sessions;
    struct target_journal *journal;
    /* What is set now: asked once a question has wholly come, so that a knob turned before it
     * counts. */
    const struct target_pace *(*pace)(void *loop);
    void *loop;
    const uint64_t *seed;
    _Atomic uint64_t *arrivals; /* the next answer's index of draws */
};

struct target_wsout; /* a message that waits for the one before it */

struct target_wsconn { /* open so that it can be embedded; use the functions */
    const struct target_wsenv *env;
    void *cls; /* for receive and send */
    wslay_event_context_ptr ctx;
    bool is_chat;
    uint64_t push_due_ns;                  /* UINT64_MAX: nothing is pushed to it */
    bool is_at_end;                        /* the client has closed its side, or is gone */
    bool is_gone;                          /* the client left without a word, or no memory */
    bool is_slow;                          /* it is closed because its client does not read */
    bool is_closing;                       /* a close was asked for by this side */
    bool is_answering;                     /* `reply` is on its way */
    char session[TARGET_SESSION_ID_BYTES]; /* empty: none */
    uint64_t turn;                         /* of that session, that `reply` answers; 0: none */
    struct target_reply reply;
    uint64_t first_ns, last_ns; /* when the first and the last token of `reply` were sent */
    struct target_stamped said; /* the message being made */
    uint64_t tokens;
    struct target_ws_count count;
    size_t read_budget; /* bytes that this turn may still read */
    size_t queue_bytes_max;
    size_t queued_bytes;  /* not wholly sent, over all messages */
    size_t sending_bytes; /* of the message that wslay has */
    bool is_sending;
    struct target_wsout *first, *last; /* the others */
};

/* False: no memory; there is nothing to deinit. `session`: NULL: none. */
TARGET_MUST_USE bool target_wsconn_init(struct target_wsconn *conn, const struct target_wsenv *env,
                                        void *cls, bool is_chat, const char *session);
void target_wsconn_deinit(struct target_wsconn *conn);

/* From now on it is pushed to, first at `due_ns`. */
void target_wsconn_push_from(struct target_wsconn *conn, uint64_t due_ns);

/* Takes what the client sent, but not without end, and answers what can be answered at once. */
void target_wsconn_receive(struct target_wsconn *conn);

/* Sends what waits, as far as the client takes it. */
void target_wsconn_send(struct target_wsconn *conn);

/* When it has something to say; UINT64_MAX: never. */
uint64_t target_wsconn_due_ns(const struct target_wsconn *conn);

/* Says the next token, or pushes, which must be due. */
void target_wsconn_say(struct target_wsconn *conn);

/* Begins the close handshake, unless one has begun; an answer on its way ends. */
void target_wsconn_close(struct target_wsconn *conn, uint16_t code, const char *reason);

bool target_wsconn_wants_read(const struct target_wsconn *conn);
bool target_wsconn_wants_write(const struct target_wsconn *conn);

/* True: both have closed, or the client is gone: nothing more will happen. */
bool target_wsconn_is_over(const struct target_wsconn *conn);

/* True: this side has said that it closes. */
bool target_wsconn_has_closed(const struct target_wsconn *conn);

#endif
