/*
 * internal: what the files of this room share: the client and its connections.
 *
 * The life of an exchange on a connection:
 *
 *   CLOSED --call--> SETUP (back-off, name, addresses, connect, TLS) --connected--> SENDING
 *   IDLE   --call--> SENDING --all sent--> WAITING --first byte--> RECEIVING --done--> IDLE or
 * CLOSED
 *
 * A call on an IDLE connection that comes while a batch of answers is being received may be HELD
 * until the batch is through (outbox.c). Should the batch then tell that the server ended that
 * connection or spoke unasked, the call goes to SETUP: nothing of it was sent. A response may begin
 * while SENDING goes on (an answer before the body is sent). Any failure leads to CLOSED. Every way
 * out of the middle states passes pelt_conn_finish(), the one place that records and calls `done`.
 * An answer that upgrades leads to UPGRADED: what comes then is the WebSocket's (wsconn.c).
 * On a pipe's connection that is the exchange whose answer comes next; those behind it are the
 * pipe's (pipe.c). With HTTP/2 an exchange goes over a stream (h2.h).
 */
#ifndef PELT_CLIENT_INTERNAL_H
#define PELT_CLIENT_INTERNAL_H

#include "deadline.h"
#include "origin.h"
#include "pelt/client.h"
#include "pelt/dns.h"
#include "pelt/http1_response.h"
#include "pelt/poller.h"
#include "pelt/rng.h"
#include "pelt/stream.h"
#include "pelt/transport.h"
#include "pelt/ws_pool.h"
#include "pelt/wsconn.h"

#define PELT_RECV_BYTES    65536        /* one receive, into the client's buffer */
#define PELT_WIDE_BYTES    (256u << 10) /* receive window once such a body came */
#define PELT_HEAD_BYTES    2048 /* the first one where a large body is foreseen that nobody reads */
#define PELT_OWNER_BYTES   192  /* of who called, fetched into the cache before its exchange ends */
#define PELT_TRAILER_BYTES 16384 /* of a trailer that is kept; no more of one that is longer */
#define PELT_SKIP_BYTES    32768 /* fewer are copied along: cheaper than a further receive */

enum pelt_conn_state {
    PELT_CONN_CLOSED,
    PELT_CONN_SETUP,
    PELT_CONN_HELD,
    PELT_CONN_QUEUED, /* for a stream of HTTP/2 (h2.h) */
    PELT_CONN_SENDING,
    PELT_CONN_WAITING,
    PELT_CONN_RECEIVING,
    PELT_CONN_IDLE,
    PELT_CONN_UPGRADED,
};

/* What a connection needs while it is being set up; lies where the response's parser will. */
struct pelt_setup {
    struct pelt_timer timer;       /* back-off, or a failure told after the call returned */
    uint64_t begin_ns, connect_ns; /* when the name was asked for; when connecting began, or the
                                      handshake of TLS */
    union {
        char why[64]; /* the name has no address; of use with PELT_OUTCOME_DNS, _REFUSED */
        struct {
            struct pelt_addr addr;   /* being tried */
            struct pelt_addr failed; /* the one that `error` is about */
        };
    };
    enum pelt_outcome failure; /* told by the timer; PELT_OUTCOME_OK: the timer is a back-off's */
    int error;                 /* errno to be told if every address fails; 0: none failed yet */
    uint32_t tried;            /* addresses tried */
    uint32_t first;            /* index of the first one */
    bool asking;               /* a question to dns is open */
    bool waited;               /* the answer took a query */
    bool cut; /* the call had waited: the whole exchange's time ends before that for connecting */
    bool shaking;               /* connected, and TLS' handshake goes on or has failed */
    bool with_proxy;            /* with `shaking`: that with the proxy, not with the server */
    struct pelt_tunnel *tunnel; /* connected to a proxy, which is asked for the server, or has
                                   refused; NULL: none */
};

/* Bytes of a kept response that came in more than one piece, and what else few exchanges need. */
struct pelt_mannered;
struct pelt_keep {
    struct pelt_mannered *mannered; /* NULL: the exchange has no manner */
    struct pelt_buf head, body;
    struct pelt_buf trailer; /* fields of; cut at PELT_TRAILER_BYTES */
};

struct pelt_conn {
    struct pelt_transport transport;
    union {
        struct pelt_setup setup;             /* in state SETUP */
        struct pelt_http1_response response; /* in SENDING, WAITING, RECEIVING */
    };
    struct pelt_deadline deadline;
    struct pelt_origin *origin;         /* NULL until first bound */
    struct pelt_conn *next;             /* of the session */
    const struct pelt_request *request; /* in flight; NULL otherwise */
    pelt_done_fn done;
    void *arg;
    struct pelt_keep *keep;   /* only while such a response arrives, or with a manner */
    uint64_t due_ns, call_ns; /* as given */
    uint64_t sent_ns;         /* just before the first byte was sent; 0: not begun */
    uint64_t first_ns;        /* first byte of the answer; 0: none yet */
    uint64_t bytes_received;
    union {
        uint64_t retry_ns; /* after `failures`: not before this moment */
        uint64_t tls_ns;   /* without: how long the handshake of TLS took; 0: there was none */
    };
    uint32_t bytes_sent;
    uint32_t send_us; /* from the first send to the one that took the last byte; 0: they are one */
    uint32_t dns_us, connect_us; /* phases of this exchange; UINT32_MAX: did not happen */
    uint8_t failures;            /* connects in a row, or handshakes */
    uint8_t state;               /* enum pelt_conn_state */
    bool used;                   /* has carried an exchange before this one */
    bool body_cut;
    bool head_lost; /* no memory to keep it */
    bool large;     /* bytes of the answer before this one were left out: foreseen here, too */
    bool wide;      /* its receive window was made larger */
    bool upgraded;  /* in state UPGRADED: first member of a struct pelt_wsconn */
    bool piped;  /* first member of a struct pelt_pipe: what is sent and received is its business */
    bool paused; /* receiving waits for pelt_stream_resume() */
    bool absolute; /* to a proxy: requests name the whole URL */
    bool odd;      /* an exchange was begun by manner.c, which looks whether it goes on */
    bool muxed;    /* first member of a struct pelt_h2call: has no socket but while it makes one */
    bool carrier;  /* with `piped`: first member of a struct pelt_h2conn */
};

/* Calls whose sending waits for the end of the running batch. */
#define PELT_HELD_MAX 32
struct pelt_outbox {
    struct pelt_conn *held[PELT_HELD_MAX];
    unsigned len;
    bool open; /* a batch is running, and the load allows to wait for its end */
};

/* Series of tls_handshake by what came of it, found at their first time; UINT32_MAX: not yet. */
#define PELT_TLS_VERSIONS (PELT_TLS_1_3 - PELT_TLS_1_0 + 1)
struct pelt_handshakes {
    uint32_t series[2][PELT_TLS_VERSIONS]; /* full or resumed, version */
};

/* What the pools of all origins have in common. */
struct pelt_sharing {
    struct pelt_deadlines deadlines; /* of calls that wait */
    struct pelt_ticket *spare; /* tickets of no call: no fewer than sessions without one in use */
    uint32_t spares, idle;     /* their number; that of such sessions */
    struct pelt_timer serve;   /* connections came free as users were cancelled */
    bool cancelling;
    struct pelt_conn *nowhere; /* never connected: calls end on it that never got a connection */
};

/* All WebSockets of the client. */
struct pelt_wsconns {
    struct pelt_ws_pool *pool;    /* NULL: there was none yet */
    struct pelt_ws_meter *meters; /* of the names that opened some */
    struct pelt_wsconn *first;
    struct pelt_buf frame;       /* the newest one written, until it is sent */
    uint32_t busy;               /* open, or waiting for the end of the close handshake */
    void (*on_quiet)(void *arg); /* to be called once none is; NULL: nobody waits */
    void *on_quiet_arg;
};

struct pelt_client {
    struct pelt_client_options opt;
    pelt_foresee_fn foresee; /* NULL: nobody wants to know */
    pelt_whose_fn whose;     /* NULL: nobody tells */
    struct pelt_dns *dns;
    struct pelt_tls_thread *tls;       /* NULL: no https server was met */
    struct pelt_tls_thread *tls_http2; /* the same, asking for HTTP/2 */
    struct pelt_tls_thread *tls_proxy; /* NULL: no https:// proxy was met */
    struct pelt_conn *carrier;         /* HTTP/2: whose bytes are being looked at; else NULL */
    struct pelt_handshakes handshakes;
    struct pelt_secured *secured; /* what the observer is to see of an exchange that ends */
    struct pelt_origin *origins;
    bool origins_told; /* the log has said that there are too many */
    bool same_host;    /* a server that was called is on this host */
    struct pelt_deadlines deadlines;
    struct pelt_poller poller;
    struct pelt_outbox outbox;
    struct pelt_sharing sharing; /* of use if opt.shared */
    struct pelt_rng rng;
    uint32_t sources_turn;   /* connections begun: own addresses go round */
    struct pelt_span piece;  /* body of the running feed, while it is one piece */
    uint64_t received_ns;    /* when the bytes of the running feed came */
    struct pelt_span behind; /* an answer of the running receive: bytes that came with it */
    struct pelt_wsconns wsconns;
    bool hurried;         /* sockets are closed later: pelt_client_hurry() */
    struct pelt_buf left; /* those that wait for it: struct pelt_transport, one behind the other */
    struct pelt_buf decoded; /* body of the answer that ends, if it came compressed */
    char error_text[PELT_SAMPLE_TEXT];
    char traced_text[PELT_SAMPLE_TEXT + 64]; /* that and the trace's id, for error samples */
    char recv[PELT_RECV_BYTES];
};

/* The exchange is the connection's from now on; nothing of it was sent. */
static inline void pelt_conn_open(struct pelt_conn *c, const struct pelt_request *request,
                                  uint64_t due_ns, uint64_t call_ns, pelt_done_fn done, void *arg)
{
    c->request = request;
    c->done = done;
    c->arg = arg;
    c->due_ns = due_ns;
    c->call_ns = call_ns;
    c->sent_ns = c->first_ns = 0;
    c->send_us = 0;
    c->bytes_sent = 0;
    c->bytes_received = 0;
    c->body_cut = c->head_lost = false;
    c->dns_us = c->connect_us = UINT32_MAX;
}

static inline struct pelt_client *pelt_conn_client(const struct pelt_conn *c)
{
    return c->origin->client; /* of a connection that was bound */
}

/* setup.c: from a call on a closed connection to a connected one. */
void pelt_setup_start(struct pelt_conn *c, uint64_t now_ns);
/* The same, also of a call of HTTP/2. */
void pelt_setup_make(struct pelt_conn *c, uint64_t now_ns);
/* The exchange ends so in the next turn of the loop; nothing was tried. */
void pelt_setup_fail(struct pelt_conn *c, enum pelt_outcome outcome, int error, uint64_t now_ns);
/* The same, as `refused`, with words for people. */
void pelt_setup_refuse(struct pelt_conn *c, const char *why, uint64_t now_ns);
/* The moment before which no further connection is to be made; one more in *failures. */
uint64_t pelt_setup_back_off(struct pelt_client *client, uint8_t *failures, uint64_t now_ns);
void pelt_setup_note_failure(struct pelt_conn *c, uint64_t now_ns); /* for the back-off */
void pelt_setup_cancel(struct pelt_conn *c); /* no timer and no answer of dns comes any more */
/* What is ready of a connection that it made; 0: not made yet, or the failure is told later. */
unsigned pelt_setup_on_ready(struct pelt_conn *c, unsigned ready);

/* handshake.c: TLS on a connection that was made */
void pelt_handshakes_init(struct pelt_handshakes *h);
/* As pelt_transport_tls(), for the connection's origin, or its proxy while setup says so. */
PELT_MUST_USE enum pelt_status pelt_handshake_begin(struct pelt_conn *c);
void pelt_handshake_count(struct pelt_conn *c, uint64_t took_ns, uint64_t now_ns); /* it is done */
/* TLS is spoken, or was to be, with the proxy and not with the server. */
bool pelt_handshake_is_proxys(const struct pelt_conn *c);
/* Why TLS failed, of the whole line for people; into `out`. False: TLS did not. */
bool pelt_handshake_say(const struct pelt_conn *c, char *out, size_t size);
/* The server refused to go on with us, though our side was done (a certificate of ours). */
bool pelt_handshake_refused(const struct pelt_conn *c);
/* For an observer, while the connection is open. NULL: no TLS, or no memory. */
const struct pelt_secured *pelt_handshake_look(struct pelt_conn *c);

/* tunnel.c: a proxy is asked for the server (CONNECT) */
struct pelt_tunnel;
/* PELT_OK: asked; PELT_ENOMEM. */
PELT_MUST_USE enum pelt_status pelt_tunnel_begin(struct pelt_conn *c);
/* PELT_OK: it stands; PELT_AGAIN; PELT_EIO: it does not, *outcome says how. */
PELT_MUST_USE enum pelt_status pelt_tunnel_go_on(struct pelt_conn *c, enum pelt_outcome *outcome);
void pelt_tunnel_say(const struct pelt_conn *c, char *out, size_t size); /* why not */
void pelt_tunnel_end(struct pelt_conn *c); /* also where there is none */

/* address.c: which addresses connections are made to */
void pelt_address_learn(struct pelt_conn *c, const struct pelt_addrs *addrs); /* newest answer */
void pelt_address_count(struct pelt_conn *c, uint64_t now_ns);                /* it is connected */
/* A connection to setup.addr failed so (errno): told once of each of several addresses. */
void pelt_address_failed(struct pelt_conn *c, int error);

/* content.c: true: the body could not be decoded, and the exchange has ended. */
bool pelt_conn_content_refused(struct pelt_conn *c, uint64_t now_ns);
struct pelt_span pelt_conn_body(struct pelt_conn *c); /* a kept one as it came, wherever it lies */

/* grpc.c: of a request whose `grpc` is set. *error: of what counts as no answer; else NULL. */
enum pelt_outcome pelt_conn_grpc_judge(struct pelt_conn *c, const char **error, uint64_t now_ns);
void pelt_conn_grpc_trailer(struct pelt_conn *c, struct pelt_span fields);

/* manner.c */
void pelt_manner_begin(struct pelt_conn *c); /* as pelt_conn_send() */
void pelt_manner_on_ready(struct pelt_conn *c, unsigned ready);
void pelt_mannered_free(struct pelt_mannered *m); /* accepts NULL */

/* outbox.c */
bool pelt_outbox_hold(struct pelt_conn *c);   /* false: to be sent at once */
bool pelt_outbox_add(struct pelt_conn *c);    /* the same, without the state HELD */
void pelt_outbox_remove(struct pelt_conn *c); /* its exchange ends unsent */
extern const struct pelt_poller_ops pelt_client_poller_ops;

/* client.c */
void pelt_client_started(struct pelt_client *client, const struct pelt_request *request,
                         uint64_t due_ns,
                         uint64_t now_ns); /* counts a call of a pipe or on shared connections */

/* pipe.c */
void pelt_pipe_connected(struct pelt_conn *c); /* sends what waits on a new connection */
void pelt_pipe_send(struct pelt_conn *c);      /* the same, held until now; none: it waits on */
void pelt_pipe_on_ready(struct pelt_conn *c, unsigned ready);

/* h2conn.c: of a connection that is a `carrier` */
void pelt_h2conn_on_ready(struct pelt_conn *c, unsigned ready);
void pelt_h2conn_send_held(struct pelt_conn *c); /* what waited for the end of the batch */

/* stream.c */
void pelt_conn_on_stream_body(void *conn, const char *bytes, size_t len);
/* True: its owner gave the answer up, and the exchange has ended. */
bool pelt_conn_stream_refused(struct pelt_conn *c, uint64_t now_ns);
/* A receive did not end the answer. As receive() in conn.c. */
bool pelt_conn_stream_goes_on(struct pelt_conn *c, uint64_t now_ns);

/* sharing.c: sessions of a client whose connections are shared */
enum pelt_status pelt_sharing_init(struct pelt_client *client);
void pelt_sharing_deinit(struct pelt_client *client);       /* accepts a half-made one */
enum pelt_status pelt_sharing_join(struct pelt_session *s); /* PELT_ENOMEM: it did not */
void pelt_sharing_leave(struct pelt_session *s);
bool pelt_sharing_has_room(struct pelt_session *s);
void pelt_sharing_call(struct pelt_session *s, const struct pelt_request *request, uint64_t due_ns,
                       uint64_t now_ns, pelt_done_fn done, void *arg);
void pelt_sharing_cancel(struct pelt_session *s, enum pelt_outcome outcome, uint64_t now_ns);

/* wsconn.c: of a connection that is the first member of a struct pelt_wsconn */
enum pelt_outcome pelt_wsconn_judge(struct pelt_conn *c, unsigned status, struct pelt_span head,
                                    const char **error); /* its handshake was answered */
void pelt_wsconn_on_ready(struct pelt_conn *c, unsigned ready);
void pelt_wsconn_send_held(struct pelt_conn *c); /* what waited for the end of the batch */
void pelt_wsconns_deinit(struct pelt_client *client);

/* wsmeter.c: the series of what WebSockets of one name do */
struct pelt_ws_meter {
    struct pelt_ws_meter *next;
    uint32_t request; /* series of their handshakes */
    uint32_t connect, rtt, gap, errors;
    uint32_t messages[2], bytes[2]; /* by enum pelt_ws_direction */
};
enum pelt_ws_direction { PELT_WS_SENT, PELT_WS_RECEIVED };
/* NULL: out of memory, or the client records no metrics. */
struct pelt_ws_meter *pelt_ws_meter_of(struct pelt_client *client, uint32_t request);
void pelt_ws_meter_closed(struct pelt_client *client, uint32_t request, unsigned code, bool clean,
                          uint64_t now_ns);
void pelt_ws_meter_failed(struct pelt_client *client, uint32_t request, enum pelt_ws_class class,
                          uint64_t now_ns);
void pelt_ws_meters_free(struct pelt_client *client);

/* conn.c */
struct pelt_conn *pelt_conn_new(void); /* NULL: out of memory */
/* The same, for exchanges as the client speaks: of HTTP/2 it has no socket. */
struct pelt_conn *pelt_conn_for(const struct pelt_client *client);
void pelt_conn_free(struct pelt_conn *c); /* no exchange in flight */
/* Points a connection without an exchange to another server; closes what it had. */
void pelt_conn_bind(struct pelt_conn *c, struct pelt_origin *origin);
void pelt_conn_call(struct pelt_conn *c, const struct pelt_request *request, uint64_t due_ns,
                    uint64_t now_ns, pelt_done_fn done, void *arg);
void pelt_conn_send(
    struct pelt_conn *c); /* begins to send: connected just now, or held until now */
/* Ends the exchange in flight: closes (unless ok to reuse), records, calls `done`. `error` NULL:
 * answered. */
void pelt_conn_finish(struct pelt_conn *c, enum pelt_outcome outcome, const char *error,
                      uint64_t now_ns);
/* The same, of one that could not be made. */
void pelt_conn_unmade(struct pelt_conn *c, enum pelt_outcome outcome, const char *error,
                      uint64_t now_ns);
/* Its answer is read from now on. */
void pelt_conn_await(struct pelt_conn *c);
/* Head, or a piece of body that was borrowed: copied, as what is around it goes. */
void pelt_conn_keep_head(struct pelt_conn *c, struct pelt_span head);
void pelt_conn_keep_piece(struct pelt_conn *c);
/* No further byte of its answer comes: outcome by how far it came. `how`: why, for people. */
void pelt_conn_cut_off(struct pelt_conn *c, const char *how, uint64_t now_ns);
/* The kept head, whether it came whole or in pieces. Lost for want of memory: none. */
struct pelt_span pelt_conn_head(struct pelt_conn *c);
/* The parser has all it needs of the answer: ends the exchange as answered or refused. */
void pelt_conn_end(struct pelt_conn *c, enum pelt_http1_answer answer, uint64_t now_ns);
/* The connection ended (errno, or 0 for an orderly end) while an exchange was in flight. */
void pelt_conn_lost(struct pelt_conn *c, int error, uint64_t now_ns);
/* All of the request was sent by `now_ns`: its answer is waited for. */
void pelt_conn_sent_all(struct pelt_conn *c, uint64_t now_ns);
void pelt_conn_first_byte(struct pelt_conn *c, uint64_t now_ns); /* of the answer, came now */
void pelt_conn_prepare(struct pelt_conn *c); /* state SENDING, nothing sent, sent_ns is now */
struct pelt_keep *pelt_conn_keep(struct pelt_conn *c); /* made if need be; NULL: out of memory */
/* `len` bytes are in the client's buffer. False: the exchange has ended, the connection may be
 * gone. `ended`: the server sends no more. */
bool pelt_conn_receive(struct pelt_conn *c, size_t len, bool ended, uint64_t now_ns);
void pelt_conn_drop(struct pelt_conn *c); /* bytes or the end came, and nobody had asked */
void pelt_conn_on_ready(void *conn, unsigned ready);
void pelt_conn_on_deadline(void *arg, struct pelt_deadline *d, uint64_t now_ns);

/* Its exchange was opened just now. Inline: nearly every call comes by here. */
static inline void pelt_conn_start(struct pelt_conn *c, uint64_t now_ns)
{
    if (c->state != PELT_CONN_IDLE) {
        pelt_setup_start(c, now_ns);
    } else if (!pelt_outbox_hold(c)) {
        pelt_conn_send(c);
    }
}

#endif
