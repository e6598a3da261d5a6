/*
 * h2: HTTP/2 in this room. Three nouns:
 *
 *   call  (h2call.c)  a struct pelt_conn without a socket: an exchange's life is that of any other
 *                     (conn.c), but its bytes go over a stream of a connection that others use, too
 *   conn  (h2conn.c)  such a connection: socket, session (pelt/h2_session.h), the calls on it
 *   hub   (h2hub.c)   the connections to one server that some calls may go over: those of one user,
 *                     or of a thread; and the calls that wait for one
 *
 * A call whose request is `mannered` has a manner (h2manner.c) while it is on a connection.
 *
 * The life of a call:
 *
 *   CLOSED --call--> QUEUED (in the hub) --a connection has room--> QUEUED (on it) --flush-->
 *   SENDING -> WAITING -> RECEIVING --done--> CLOSED
 *
 * Where there is no connection, the first in the queue makes one: it goes through SETUP with its
 * own transport, as any connection does, so that address, back-off, TLS, limits of time and phases
 * are the same; then the socket becomes the new connection's, and the call is the first one on it.
 * If it cannot be made, all that wait end as that one does.
 *
 * Thread: the client's. Nothing here is met by a client without HTTP/2 but `muxed` where a
 * connection is set up or ends.
 */
#ifndef PELT_CLIENT_H2_H
#define PELT_CLIENT_H2_H

#include "internal.h"
#include "pelt/h2_session.h"

struct pelt_h2conn;

/* Calls in a row; each is in one at most. */
struct pelt_h2queue {
    struct pelt_h2call *first, *last;
    uint32_t len;
};

struct pelt_h2call {
    struct pelt_conn conn; /* first member, `muxed` */
    struct pelt_h2_stream stream;
    struct pelt_h2hub *hub;            /* NULL: not bound, or no memory */
    struct pelt_h2conn *via;           /* NULL: not on a connection */
    struct pelt_h2queue *in;           /* the queue it is in; NULL: none */
    struct pelt_h2call *prev, *next;   /* in that */
    struct pelt_h2call *tprev, *tnext; /* among those that the running feed touched */
    bool touched;
    bool making;   /* a connection, for the hub */
    uint8_t moves; /* of this exchange to another connection, as the server had not begun it */
    struct pelt_h2manner *manner; /* while it is on a connection; NULL: it has none */
};

struct pelt_h2hub {
    struct pelt_origin *origin;
    struct pelt_h2conn *conns; /* that take further streams */
    struct pelt_h2queue waiting;
    struct pelt_timer serve;       /* waiting calls are looked at */
    uint64_t retry_ns;             /* as of struct pelt_conn, for whoever makes the next one */
    uint32_t refs;                 /* calls bound to it, and an origin's pool */
    uint32_t conns_len, conns_max; /* 0: no limit */
    uint32_t making;
    uint8_t failures; /* since the last answer */
};

struct pelt_h2conn {
    struct pelt_conn conn;    /* first member, `piped` and `carrier`: the transport; no exchange */
    struct pelt_h2conn *next; /* of the hub */
    struct pelt_h2hub *hub;   /* NULL: takes no further streams */
    struct pelt_h2_session *session;
    struct pelt_h2queue pending; /* to be sent at the next flush */
    struct pelt_h2queue calls;   /* on streams */
    struct pelt_h2call *touched; /* by the running feed, and not ended */
    struct pelt_timer end;       /* of no use any more: told behind the call that found it */
    uint64_t now_ns;             /* of the running feed or flush */
    uint64_t heard_ns;           /* newest receive */
    uint32_t goaway_code;
    bool goaway;      /* came */
    bool busy;        /* feeding or flushing: not to be freed, and flushed at its end */
    bool held;        /* in the outbox */
    bool blocked;     /* the last send took less than it was given */
    bool served;      /* an answer came */
    bool dead;        /* to be freed at the end of what is busy */
    char goodbye[80]; /* what the GOAWAY said, for people */
};

/* ---- queues ---- */

void pelt_h2queue_push(struct pelt_h2queue *q, struct pelt_h2call *a);
void pelt_h2queue_push_first(struct pelt_h2queue *q, struct pelt_h2call *a);
void pelt_h2queue_remove(struct pelt_h2call *a); /* from the one it is in, if any */

/* ---- h2call.c: for the rest of the room, of a connection that is `muxed` ---- */

struct pelt_conn *pelt_h2call_new(void); /* NULL: out of memory */
/* Its exchange was opened just now: it waits for a stream. */
void pelt_h2call_start(struct pelt_conn *c, uint64_t now_ns);
/* Its exchange ends by our will, or was never sent: the stream is reset. */
void pelt_h2call_leave(struct pelt_conn *c);
/* It was to make a connection, and is connected. May end exchanges; `c` may be gone. */
void pelt_h2call_made(struct pelt_conn *c);
/* That failed: ends its exchange, and those that waited for it. */
void pelt_h2call_unmade(struct pelt_conn *c, enum pelt_outcome outcome, const char *error,
                        uint64_t now_ns);
void pelt_h2call_pause(struct pelt_conn *c);  /* the server gets no further room */
void pelt_h2call_resume(struct pelt_conn *c); /* it does */
/* Bound just now: over the connections of `other` (of the same server), or of its own where NULL.
 */
void pelt_h2call_join(struct pelt_conn *c, const struct pelt_conn *other);
void pelt_h2call_join_pool(struct pelt_conn *c); /* over those that the thread shares */
void pelt_h2call_part(struct pelt_conn *c);      /* without an exchange; from its hub */

/* What became of its stream; told by the connection. */
extern const struct pelt_h2_ops pelt_h2call_ops;
/* Behind a feed: those that it touched, and that go on. */
void pelt_h2call_go_on(struct pelt_h2conn *k);
/* The connection ended for the reason `how`; `blamed`: as the answer on this stream broke the
 * rules. */
void pelt_h2call_lost(struct pelt_h2call *a, const char *how, bool blamed, uint64_t now_ns);
/* It ended before the server would look at anything. */
void pelt_h2call_unsent(struct pelt_h2call *a, enum pelt_outcome outcome, const char *error,
                        uint64_t now_ns);

/* ---- h2manner.c: all accept a call without a manner ---- */

/* It is about to become a stream: says how that begins. False: out of memory. */
bool pelt_h2manner_begin(struct pelt_h2call *a);
void pelt_h2manner_end(struct pelt_h2call *a);                        /* it is off its connection */
void pelt_h2manner_sent(struct pelt_h2call *a);                       /* all of the request */
void pelt_h2manner_continued(struct pelt_h2call *a, uint64_t now_ns); /* 100 came */
/* Behind a feed that did not end it. False: it was given up, and its exchange has ended. */
bool pelt_h2manner_fed(struct pelt_h2call *a, uint64_t now_ns);
/* A whole answer came, of more bytes than it would have waited for. */
bool pelt_h2manner_left(const struct pelt_h2call *a);
void pelt_h2manner_abandon(struct pelt_conn *c, uint64_t now_ns); /* ends the exchange so */
void pelt_h2manner_resume(struct pelt_h2call *a); /* a paused stream goes on, at its rate */

/* ---- h2conn.c ---- */

/* Takes the transport of `c`, which is connected. NULL: out of memory, and `c` is as before. */
struct pelt_h2conn *pelt_h2conn_new(struct pelt_h2hub *hub, struct pelt_conn *c);
/* A further stream may begin on it, or will once the server's settings have come. */
bool pelt_h2conn_has_room(const struct pelt_h2conn *k);
bool pelt_h2conn_is_new(const struct pelt_h2conn *k); /* those settings have not come */
void pelt_h2conn_take(struct pelt_h2conn *k, struct pelt_h2call *a); /* there is room */
void pelt_h2conn_flush_soon(struct pelt_h2conn *k);                  /* with the batch, else now */
void pelt_h2conn_read(struct pelt_h2conn *k, bool ended);            /* what came */
void pelt_h2conn_retire(struct pelt_h2conn *k); /* no further streams; freed once it has none */
void pelt_h2conn_settle(struct pelt_h2conn *k); /* a stream ended: what follows for others */

/* ---- h2hub.c ---- */

struct pelt_h2hub *pelt_h2hub_new(struct pelt_origin *origin,
                                  uint32_t conns_max); /* NULL: no memory */
void pelt_h2hub_free(struct pelt_h2hub *hub);          /* one reference less; accepts NULL */
void pelt_h2hub_serve(struct pelt_h2hub *hub,
                      uint64_t now_ns);              /* those that wait, as far as may be */
void pelt_h2hub_serve_later(struct pelt_h2hub *hub); /* in the next turn of the loop */

#endif
