/*
 * client: the sending side of one thread: origins, names, connections, deadlines. It turns calls
 * into exchanges, stamps them, and records each in the thread's recorder under exactly one outcome.
 *
 * Thread: the owner of the loop. Clock: CLOCK_MONOTONIC, read just before sending and just after
 * receiving.
 */
#ifndef PELT_CLIENT_H
#define PELT_CLIENT_H

#include "pelt/buf.h"
#include "pelt/https.h"
#include "pelt/metric.h"
#include "pelt/outcome.h"
#include "pelt/recorder.h"
#include "pelt/request.h"
#include "pelt/timerq.h"
#include "pelt/url.h"

struct ev_loop;
struct pelt_route;
struct pelt_client;
struct pelt_conn;

/* What observers may know of a connection with TLS. */
struct pelt_secured {
    bool done; /* the handshake: `about` holds */
    struct pelt_tls_about about;
    struct pelt_tls_certificate chain[PELT_TLS_CHAIN_MAX]; /* the server's own first */
    unsigned chain_len; /* 0: it sent none, as TLS 1.3 resumes without */
};

/* How an exchange ended; valid until the callback returns. */
struct pelt_exchange {
    const struct pelt_request *request;
    enum pelt_outcome outcome;
    uint16_t status; /* 0: no response head */
    bool body_cut;   /* the body was longer than body_max */
    bool reused;     /* on a connection that had served before */
    struct pelt_span
        head; /* kept requests only: status line to blank line, 1xx heads before it included */
    struct pelt_span body;    /* kept requests only: decoded, from chunks and, if the request says
                                 so, from its Content-Encoding */
    struct pelt_span trailer; /* requests with an observer only: its fields, "Name: value" lines
                               */
    struct pelt_span set_cookie; /* answers to requests with `cookies`: the head, if it may set
                                    some; else ptr NULL */
    uint64_t body_bytes;         /* body bytes received, kept or not */
    const char *error;           /* class and cause for people; NULL when answered */
    const struct pelt_secured *secured; /* for `observe` alone; NULL: there was no TLS */
    struct pelt_sample sample;          /* times */
    uint64_t due_ns;                    /* as given to the call */
};
typedef void (*pelt_done_fn)(void *arg, const struct pelt_exchange *x);

/* HTTP/2 for all that sessions call: over TLS by ALPN, without by prior knowledge (RFC 9113). */
struct pelt_http2 {
    bool on;
    uint32_t streams; /* in flight on a connection at most; the server may allow fewer */
    uint32_t window,
        window_all; /* bytes: room for a stream's body, for those of a connection; 0: usual */
};

struct pelt_client_options {
    struct ev_loop *loop;           /* borrowed */
    struct pelt_recorder *recorder; /* borrowed */
    struct pelt_registry *registry; /* borrowed: names for the metrics of WebSockets; NULL: these
                                       are not recorded */
    struct pelt_timerq *timers;     /* borrowed: the thread's */
    uint64_t seed;                  /* for the jitter of connection retries */
    const struct pelt_route *route; /* borrowed; NULL: as URLs and names say */
    struct pelt_https *https;       /* borrowed; NULL: https URLs are refused */
    struct pelt_metrics *metrics;   /* borrowed: of the recorder's ids; NULL: none are recorded */
    /* Not 0: 127.0.0.1 at this port stands in for every server, without TLS, and no name is looked
     * up; before `route`. */
    uint16_t stand_in_port;
    bool may_hold; /* closed loop: sending may wait for the batch of answers that is being received
                    */
    bool shared;   /* sessions have no connections of their own: all draw on one pool (sharing.c) */
    uint32_t connections_max; /* of the pool, to one origin; calls beyond wait; 0: no limit */
    struct pelt_http2 http2;
    /* Sees every exchange that ends, before its owner does; NULL: nobody (`pelt check --once`) */
    pelt_done_fn observe;
    void *observe_arg;
};

PELT_MUST_USE enum pelt_status pelt_client_new(const struct pelt_client_options *options,
                                               struct pelt_client **out, struct pelt_error *err);
void pelt_client_free(struct pelt_client *client); /* all sessions must be deinited; accepts NULL */

/* A server that this client called, whether it answered or not, is on this host: at a loopback
 * address, or at one that is this host's own. */
bool pelt_client_same_host(const struct pelt_client *client);
/* Exchanges that a connection takes at once, with HTTP/2; 0: HTTP/1.1 is spoken, one. */
uint32_t pelt_client_streams(const struct pelt_client *client);

/*
 * The end is near, and many exchanges may end at once: from now on a connection that ends costs
 * next to nothing, as its socket is only put aside, until pelt_client_close_left() (or the client's
 * end). Closing one tells the server, which takes longer than all the rest.
 */
void pelt_client_hurry(struct pelt_client *client);
void pelt_client_close_left(struct pelt_client *client);

/*
 * Hears which exchange is likely to be worked on soon, by what its call was given, to fetch into
 * the cache what its end will touch (pelt_fetch). It must only look at what may be read at any
 * time; nothing follows from it.
 */
typedef void (*pelt_foresee_fn)(pelt_done_fn done, void *arg);
void pelt_client_foresee(struct pelt_client *client, pelt_foresee_fn foresee);

/* Tells, of an exchange that is kept, whose it is: sets its user and iteration, by what its call
 * was given. */
typedef void (*pelt_whose_fn)(pelt_done_fn done, void *arg, struct pelt_kept *k);
void pelt_client_whose(struct pelt_client *client, pelt_whose_fn whose);
/* A pelt_describe_fn, for the recorder of a client. */
void pelt_client_describe(const void *of, struct pelt_kept *k);

/* Asks for the cache lines of `size` bytes, to be written soon; any address is allowed. */
static inline void pelt_fetch(const void *at, size_t size)
{
    for (size_t i = 0; i < size; i += 64) {
        __builtin_prefetch((const char *)at + i, 1, 2);
    }
}

/* PELT_EINVAL: a user or password in the URL. Thread: any. */
PELT_MUST_USE enum pelt_status pelt_client_speaks(const struct pelt_url *url,
                                                  struct pelt_error *err);

#define PELT_ORIGINS_MAX 1000 /* of a client: memory does not grow with the hosts that are met */

/* The origin (scheme, host, port) of a URL, made at first use and kept until free. PELT_EINVAL:
 * a user or password in the URL; https, and the settings of TLS are no good. PELT_ELIMIT: it is
 * new, and there are PELT_ORIGINS_MAX; the first time the log says so. The Host header's value is
 * pelt_origin_host(). */
PELT_MUST_USE enum pelt_status pelt_client_origin(struct pelt_client *client,
                                                  const struct pelt_url *url,
                                                  struct pelt_origin **out, struct pelt_error *err);
struct pelt_span pelt_origin_host(const struct pelt_origin *origin); /* "host" or "host:port" */
bool pelt_origin_https(const struct pelt_origin *origin);
/* A proxy reads the requests to it, and hands them on. */
bool pelt_origin_by_proxy(const struct pelt_origin *origin);

/*
 * session: the connections of one user, kept alive between exchanges until deinit: one an origin,
 * one more for each exchange in flight at the same time. With PELT_SESSION_CONNS_MAX of them, of
 * the idle ones that was called longest ago makes room for another origin's. Or, of a client whose
 * connections are shared, its exchanges on those. 16 bytes, embedded in the user.
 */
#define PELT_SESSION_CONNS_MAX 32
struct pelt_session {
    struct pelt_client *client;
    union {
        struct pelt_conn *conns;     /* its own */
        struct pelt_ticket *tickets; /* its exchanges in flight, if connections are shared */
    };
};
/* PELT_ENOMEM: the session has no connection and must not be used. */
PELT_MUST_USE enum pelt_status pelt_session_init(struct pelt_session *s,
                                                 struct pelt_client *client);
void pelt_session_deinit(
    struct pelt_session *s); /* closes all; none may be in flight; accepts a zeroed one */

/* Whether a further exchange can start now. Who has some in flight asks before each call; with none
 * there is always room. False: memory is out, and there is room once one of them has ended. */
bool pelt_session_has_room(struct pelt_session *s);

/*
 * Starts an exchange. `due_ns`: when it should have started (response time counts from there);
 * `now_ns`: the moment of the call, read by the caller. `done` is called exactly once, never before
 * this returns, and may call again on the same session. A refused connection is tried again at the
 * user's next call only after a back-off of 1 ms to 1 s, which that call waits for (phase
 * `blocked`). So it waits for a shared connection: the oldest call gets the next that is free.
 */
void pelt_session_call(struct pelt_session *s, const struct pelt_request *request, uint64_t due_ns,
                       uint64_t now_ns, pelt_done_fn done, void *arg);
/* HTTP/2, before the first call of `s`: what it calls of `origin` goes over the connections of
 * `other`, which shares them so, too; NULL: it is the first one that does. */
void pelt_session_share(struct pelt_session *s, const struct pelt_session *other,
                        struct pelt_origin *origin);
/* Ends every exchange in flight with `outcome` (unfinished, abandoned): closes its connection,
 * calls its `done`. What a `done` calls anew goes on; the last `done` may deinit the session. */
void pelt_session_cancel(struct pelt_session *s, enum pelt_outcome outcome, uint64_t now_ns);

#endif
