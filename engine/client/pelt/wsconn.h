/*
 * wsconn: the life of a WebSocket (RFC 6455) of one user, from its opening handshake to the end of
 * its connection.
 *
 *   CLOSED --open--> OPENING --101--> OPEN --close()--> CLOSING --the server's close--> PARTING
 *   PARTING --the server ends the connection, or 2 s--> CLOSED
 *   OPENING --any other answer, or none--> CLOSED
 *   OPEN --the server's close, which is answered--> PARTING
 *   OPEN, CLOSING --the connection ends, the server breaks the rules--> CLOSED
 *   CLOSING --2 s--> CLOSED
 *
 * The opening handshake is an exchange like any: counted, timed, with one outcome, over a
 * connection of its own that is made as all are. What comes is read as it comes, whatever the user
 * does meanwhile: pings and closes are answered at once, messages wait in a box. Once more than
 * PELT_WSCONN_BOX_BYTES wait, no more is read until half of them were taken, so the server feels
 * it. What the server does not take now waits as well; beyond PELT_WSCONN_OUT_BYTES there is no
 * room for messages.
 *
 * Each WebSocket belongs to a set, its user's, which hears (`wake`) when something happened that it
 * waits for, or its time is over. A set that leaves hands its WebSockets to the client, where they
 * come to their end.
 *
 * Memory: 1.1 KB each, up to 12 KB kept for messages, and what waits; nothing is allocated for a
 * message once such have come. In closed loop a small message may be sent with the outbox.
 * Thread: the client's.
 */
#ifndef PELT_WSCONN_H
#define PELT_WSCONN_H

#include "pelt/client.h"
#include "pelt/ws_handshake.h"

#define PELT_WSCONN_BOX_BYTES 1048576       /* messages not taken; one more may come on top */
#define PELT_WSCONN_OUT_BYTES 1048576       /* not sent yet; one message more on top */
#define PELT_WSCONN_CLOSE_NS  2000000000ull /* most that the end of the close handshake takes */
#define PELT_WSCONN_REASON    124           /* bytes of a close's reason, with a NUL */

struct pelt_wsconn;

enum pelt_wsconn_state {
    PELT_WSCONN_CLOSED,
    PELT_WSCONN_OPENING,
    PELT_WSCONN_OPEN,
    PELT_WSCONN_CLOSING,
    PELT_WSCONN_PARTING,
};

/* Those of one user. */
struct pelt_wsset {
    struct pelt_client *client;
    struct pelt_wsconn *first;
    /* May do anything, with any of them too. */
    void (*wake)(void *arg, uint64_t now_ns);
    void *arg;
};
void pelt_wsset_init(struct pelt_wsset *set, struct pelt_client *client,
                     void (*wake)(void *arg, uint64_t now_ns), void *arg);
/* Whoever waits on one of them does so no more; handshakes in flight end as `outcome`. */
void pelt_wsset_cancel(struct pelt_wsset *set, enum pelt_outcome outcome, uint64_t now_ns);
/* Begins to close all that are open. */
void pelt_wsset_close(struct pelt_wsset *set, unsigned code, uint64_t now_ns);
/* Who waits on a feed is woken: the load is over. */
void pelt_wsset_hurry(struct pelt_wsset *set, uint64_t now_ns);
/* The user is gone: closes what is open, and is empty. No handshake may be in flight. */
void pelt_wsset_leave(struct pelt_wsset *set, uint64_t now_ns);

/* How the opening handshake ended; valid until the callback returns. */
struct pelt_wsconn_opened {
    const struct pelt_exchange *exchange;
    struct pelt_span subprotocol; /* that the server chose; empty: none */
    bool deflate;                 /* agreed upon */
};

struct pelt_wsconn_call {
    struct pelt_wsconn **holder; /* where the user will keep it; stays at its address */
    struct pelt_origin *origin;
    struct pelt_span head;               /* of the handshake's request, all of it; copied */
    const struct pelt_ws_handshake *key; /* that stands in it; copied */
    struct pelt_ws_ask ask;              /* what it asks for; copied */
    struct pelt_timeouts timeouts;
    uint32_t series;
    bool cookies;            /* the answer's are told */
    size_t message_max;      /* bytes of a message that comes, decompressed */
    uint64_t due_ns, now_ns; /* as of pelt_session_call() */
    /* Called once, never before pelt_wsconn_open() returns; only then the set is woken. */
    void (*opened)(void *arg, const struct pelt_wsconn_opened *opened);
    void *arg;
};

/* False: out of memory. The holder is set, until pelt_wsconn_release() or the set leaves. */
PELT_MUST_USE bool pelt_wsconn_open(struct pelt_wsset *set, const struct pelt_wsconn_call *call);
/* Nobody asks for it any more: one that is open is closed, its messages are dropped, its holder
 * holds NULL. NULL: nothing. Its `opened` is not called any more. */
void pelt_wsconn_release(struct pelt_wsconn *ws, uint64_t now_ns);

enum pelt_wsconn_state pelt_wsconn_state(const struct pelt_wsconn *ws);

/* What happens to it next wakes the set, `until_ns` at the latest. `feed`: so does the end of the
 * load. */
void pelt_wsconn_wait(struct pelt_wsconn *ws, uint64_t until_ns, bool feed);

struct pelt_wsconn_message {
    struct pelt_span data; /* borrowed until the WebSocket is spoken to again */
    uint64_t came_ns;
    bool binary;
};
/* The first message at or behind *at (0: the oldest) that was not taken, which is where it lies
 * then. False: none. Places hold until something is waited for. */
bool pelt_wsconn_peek(const struct pelt_wsconn *ws, size_t *at, struct pelt_wsconn_message *out);
size_t pelt_wsconn_behind(const struct pelt_wsconn *ws, size_t at);
/* Takes the message at `at`; its bytes stay until the set waits, or for pelt_wsconn_read_on(). */
void pelt_wsconn_take(struct pelt_wsconn *ws, size_t at);
/* After taking: reads on where messages had to wait. */
void pelt_wsconn_read_on(struct pelt_wsconn *ws, uint64_t now_ns);

enum pelt_wsconn_sent {
    PELT_WSCONN_SENT,    /* handed to the kernel, or waiting for it */
    PELT_WSCONN_FULL,    /* nothing was sent: wait until it has room */
    PELT_WSCONN_GONE,    /* it is not open */
    PELT_WSCONN_MEMORY,  /* out of memory: it is closed */
    PELT_WSCONN_NO_TEXT, /* text that is no UTF-8: nothing was sent */
};
/* *sent_ns (may be NULL): just before sending. */
enum pelt_wsconn_sent pelt_wsconn_send(struct pelt_wsconn *ws, struct pelt_span data, bool binary,
                                       uint64_t *sent_ns);
/* When what pelt_wsconn_send() took at sent_ns was handed to the kernel, if nothing was sent since:
 * in closed loop it may have waited for the end of a batch. */
uint64_t pelt_wsconn_sent_ns(const struct pelt_wsconn *ws, uint64_t sent_ns);
/* A ping whose pong is waited for. */
enum pelt_wsconn_sent pelt_wsconn_ping(struct pelt_wsconn *ws, uint64_t *sent_ns);
/* When the pong of the newest ping came; 0: not so far. */
uint64_t pelt_wsconn_pong_ns(const struct pelt_wsconn *ws);
/* Begins to close. PELT_EINVAL: a code that may not be sent, a reason longer than 123 bytes. */
PELT_MUST_USE enum pelt_status pelt_wsconn_close(struct pelt_wsconn *ws, unsigned code,
                                                 struct pelt_span reason, uint64_t now_ns);

/* How an opened one ended, from PARTING or CLOSED on. */
struct pelt_wsconn_end {
    unsigned code; /* of the close: the server's, else ours; 1006: there was none */
    bool clean;    /* both sides said close */
    bool failed;   /* `class` says why */
    enum pelt_ws_class class;
    char reason[PELT_WSCONN_REASON]; /* the server's, or what is wrong with what it sent */
};
const struct pelt_wsconn_end *pelt_wsconn_end(const struct pelt_wsconn *ws);
void pelt_wsconn_rtt(struct pelt_wsconn *ws, uint64_t ns, uint64_t now_ns);
void pelt_wsconn_gap(struct pelt_wsconn *ws, uint64_t ns, uint64_t now_ns);
/* A request over it had no answer in time. */
void pelt_wsconn_timed_out(struct pelt_wsconn *ws, uint64_t now_ns);

/* Begins to close all of the client's. False: there is nothing to wait for. Else `quiet` is called
 * once, when the last close handshake is over, or `within_ns` are. */
bool pelt_client_close_wsconns(struct pelt_client *client, unsigned code, uint64_t now_ns,
                               uint64_t within_ns, void (*quiet)(void *arg), void *arg);

#endif
