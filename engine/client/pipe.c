/*
 * pipe: see the header. The calls in flight lie in a ring, oldest first:
 *
 *   [ first: the connection's exchange | sent, answered later | begun to be sent | not begun ]
 *
 * The first one is the connection's own exchange (conn.c) from its send, or from the setup of a new
 * connection, to its end; then the next one takes its place, with the bytes that were received
 * behind its answer. Its end and its deadline come by conn.c's ways; what is sent and received is
 * done here, as several exchanges share one send and one receive.
 *
 * Invariant: a connection has an exchange (conn.request) exactly if it is being set up or its first
 * call has begun to be sent; `sent` and `part` are 0 while there is no connection.
 */
#include "pelt/pipe.h"

#include <assert.h>
#include <stdlib.h>

#include "internal.h"

#define RECEIVES_A_TURN 4
#define TRAIN_BYTES     65536 /* more is not worth one send */

struct flight {
    void *arg;
    uint64_t due_ns, call_ns; /* as given */
    uint64_t sent_ns;         /* just before its first byte was sent; 0: not begun */
    uint32_t send_us; /* from the first send to the one that took the last byte; 0: they are one */
};

struct pelt_pipe {
    struct pelt_conn conn; /* first member */
    const struct pelt_train *train;
    pelt_done_fn done;
    unsigned depth;      /* of the ring */
    unsigned first, len; /* the oldest flight's place, and how many there are */
    unsigned sent;       /* flights that are wholly sent, the first ones */
    size_t part;         /* bytes sent of the one behind them */
    bool held;           /* in the outbox */
    bool blocked;        /* the last send took less than it was given */
    bool ending;         /* flights of an ended connection are being told */
    bool cancelling;     /* the first flight's end is everyone's */
    struct flight ring[];
};

/* ---- the train ---- */

enum pelt_status pelt_train_init(struct pelt_train *t, const struct pelt_request *request,
                                 unsigned copies)
{
    assert(!request->keep && !request->cookies);
    t->request = request;
    pelt_buf_init(&t->bytes, 0);
    enum pelt_status status = PELT_OK;
    for (unsigned i = 0; i < copies && status == PELT_OK; i++) {
        if (i == 0 || t->bytes.len + request->len <= TRAIN_BYTES) {
            status = pelt_buf_add(&t->bytes, request->bytes, request->len);
        }
    }
    return status;
}

void pelt_train_deinit(struct pelt_train *t)
{
    pelt_buf_deinit(&t->bytes);
}

/* ---- the ring ---- */

static struct flight *flight(struct pelt_pipe *p, unsigned i)
{
    unsigned at = p->first + i;
    return &p->ring[at < p->depth ? at : at - p->depth];
}

static struct flight pop(struct pelt_pipe *p)
{
    struct flight f = *flight(p, 0);
    p->first = p->first + 1 < p->depth ? p->first + 1 : 0;
    p->len--;
    if (p->sent > 0) {
        p->sent--;
    } else {
        p->part = 0;
    }
    return f;
}

/* Flights of which a byte was sent: the server may have seen them. */
static unsigned begun(const struct pelt_pipe *p)
{
    return p->sent + (p->part > 0);
}

/* ---- from one flight to the next ---- */

static void on_done(void *arg, const struct pelt_exchange *x);
static void send_waiting(struct pelt_pipe *p);

/* The first flight becomes the connection's exchange. */
static void open_first(struct pelt_pipe *p)
{
    const struct flight *f = flight(p, 0);
    pelt_conn_open(&p->conn, p->train->request, f->due_ns, f->call_ns, on_done, p);
}

static void await_answer(struct pelt_conn *c)
{
    pelt_http1_response_reset(&c->response, c->request->head);
    c->response.on_body = NULL;
    c->response.on_trailer = NULL;
}

/* The first flight becomes the connection's exchange with what was sent of it. */
static void promote(struct pelt_pipe *p)
{
    const struct flight *f = flight(p, 0);
    struct pelt_conn *c = &p->conn;
    open_first(p);
    await_answer(c);
    c->sent_ns = f->sent_ns;
    c->send_us = f->send_us;
    c->bytes_sent = (uint32_t)(p->sent > 0 ? p->train->request->len : p->part);
    c->state = p->sent > 0 ? PELT_CONN_WAITING : PELT_CONN_SENDING;
}

static void connect_again(struct pelt_pipe *p, uint64_t now_ns)
{
    p->sent = 0;
    p->part = 0;
    p->blocked = false;
    if (p->len > 0) {
        open_first(p);
        pelt_setup_start(&p->conn, now_ns);
    }
}

/* The first `n`, on a connection that has ended. */
static void finish(struct pelt_pipe *p, unsigned n, enum pelt_outcome outcome, const char *error,
                   uint64_t now_ns)
{
    for (; n > 0; n--) {
        promote(p);
        pelt_conn_finish(&p->conn, outcome, error, now_ns);
    }
}

/* The connection has ended with `x`, behind which there were `called` flights. */
static void finish_behind(struct pelt_pipe *p, const struct pelt_exchange *x, unsigned called)
{
    uint64_t now_ns = x->sample.done_ns;
    bool answered = x->reused || x->error == NULL; /* by this connection, anything */
    bool own = x->outcome == PELT_OUTCOME_TIMEOUT; /* its time was over: no word on the others' */
    if (p->cancelling || (!x->sample.sent && !own)) {
        finish(p, called, x->outcome, x->error, now_ns);
    } else if (own) {
        finish(p, begun(p), x->outcome, "a request pipelined before it timed out", now_ns);
    } else {
        finish(p, begun(p), answered ? PELT_OUTCOME_STALE_REUSE : PELT_OUTCOME_RESET,
               "the connection ended with a request pipelined before it", now_ns);
    }
}

static void on_closed(struct pelt_pipe *p, struct flight f, const struct pelt_exchange *x)
{
    unsigned called = p->len; /* what is called from now on comes behind them */
    p->ending = true;
    p->done(f.arg, x);
    finish_behind(p, x, called);
    p->ending = false;
    connect_again(p, x->sample.done_ns);
}

/* The first flight has ended. */
static void on_done(void *arg, const struct pelt_exchange *x)
{
    struct pelt_pipe *p = arg;
    struct flight f = pop(p);
    bool idle = p->conn.state == PELT_CONN_IDLE;
    if (idle && begun(p) > 0) {
        promote(p);
    } else if (idle && p->blocked) {
        send_waiting(p); /* so that the next one's deadline runs */
    } else if (!idle && !p->ending) {
        on_closed(p, f, x);
        return;
    }
    p->done(f.arg, x);
}

/* ---- sending ---- */

/* The whole exchange's deadline, or that of the first byte where it comes before. */
static void watch(struct pelt_pipe *p, uint64_t now_ns)
{
    struct pelt_conn *c = &p->conn;
    const struct pelt_timeouts *t = &c->request->timeouts;
    uint64_t length_ns = t->total_ns, due_ns = c->call_ns + t->total_ns;
    if (c->state == PELT_CONN_WAITING && now_ns + t->first_byte_ns < due_ns) {
        length_ns = t->first_byte_ns;
        due_ns = now_ns + t->first_byte_ns;
    }
    pelt_deadline_set(&pelt_conn_client(c)->deadlines, &c->deadline, length_ns, due_ns);
}

/* The connection, idle or just made, takes the first flight. */
static void begin_first(struct pelt_pipe *p, uint64_t now_ns)
{
    struct pelt_conn *c = &p->conn;
    if (c->request == NULL) {
        open_first(p);
    }
    await_answer(c);
    c->state = PELT_CONN_SENDING;
    c->sent_ns = flight(p, 0)->sent_ns = now_ns;
    watch(p, now_ns);
}

/* Of the flight that is being sent `len` bytes more went out, by a send begun at `now_ns`. */
static void note_part(struct pelt_pipe *p, size_t len, uint64_t now_ns)
{
    struct flight *f = flight(p, p->sent);
    bool first = p->sent == 0;
    if (f->sent_ns == 0) {
        f->sent_ns = now_ns;
    }
    p->part += len;
    if (first) {
        p->conn.bytes_sent = (uint32_t)p->part;
    }
    if (p->part < p->train->request->len) {
        return;
    }
    f->send_us = (uint32_t)((now_ns - f->sent_ns + 500) / 1000);
    p->sent++;
    p->part = 0;
    if (first) {
        pelt_conn_sent_all(&p->conn, now_ns);
    }
}

static void note_sent(struct pelt_pipe *p, size_t len, uint64_t now_ns)
{
    while (len > 0) {
        size_t left = p->train->request->len - p->part;
        size_t part = len < left ? len : left;
        note_part(p, part, now_ns);
        len -= part;
    }
}

/* One send of what waits, as much of it as a train has. */
static void send_train(struct pelt_pipe *p, size_t waiting)
{
    struct pelt_conn *c = &p->conn;
    const struct pelt_buf *train = &p->train->bytes;
    size_t most = train->len - p->part;
    size_t len = waiting < most ? waiting : most;
    uint64_t now_ns = pelt_clock_ns();
    if (c->request == NULL || c->state == PELT_CONN_SETUP) {
        begin_first(p, now_ns);
    }
    ssize_t put = c->transport.ops->send(&c->transport, train->data + p->part, len);
    p->blocked = put < (ssize_t)len;
    if (put > 0) {
        note_sent(p, (size_t)put, now_ns);
    }
    /* A failed send is left to the reading side, as in conn.c. */
}

static size_t waiting(const struct pelt_pipe *p)
{
    return (p->len - p->sent) * p->train->request->len - p->part;
}

static void send_waiting(struct pelt_pipe *p)
{
    p->blocked = false;
    while (!p->blocked && waiting(p) > 0) {
        send_train(p, waiting(p));
    }
}

void pelt_pipe_send(struct pelt_conn *c)
{
    struct pelt_pipe *p = (struct pelt_pipe *)c;
    p->held = false;
    if (c->state == PELT_CONN_CLOSED) { /* cancelled meanwhile; there may be new calls */
        connect_again(p, pelt_clock_ns());
    } else if (c->state != PELT_CONN_SETUP) { /* else once it is made */
        send_waiting(p);
    }
}

void pelt_pipe_connected(struct pelt_conn *c)
{
    send_waiting((struct pelt_pipe *)c);
}

/* ---- receiving ---- */

/* The bytes of one receive, with the ends of any number of answers. False: the connection has
 * ended. */
static bool take(struct pelt_pipe *p, const char *bytes, size_t len, uint64_t now_ns)
{
    struct pelt_conn *c = &p->conn;
    enum pelt_http1_answer answer = PELT_HTTP1_DONE;
    while (len > 0 && answer == PELT_HTTP1_DONE) {
        size_t used = 0;
        if (c->first_ns == 0) {
            pelt_conn_first_byte(c, now_ns);
        }
        answer = pelt_http1_response_feed(&c->response, bytes, len, &used);
        if (answer == PELT_HTTP1_DONE && used < len && begun(p) == 1) {
            c->response.keep_alive = false; /* bytes that nobody asked for */
            used = len;
        }
        c->bytes_received += used;
        bytes += used;
        len -= used;
        if (answer != PELT_HTTP1_MORE) {
            pelt_conn_end(c, answer, now_ns);
        }
        if (c->state == PELT_CONN_CLOSED || c->state == PELT_CONN_SETUP) {
            return false;
        }
    }
    if (c->request != NULL) {
        watch(p, now_ns);
    }
    return true;
}

static void on_readable(struct pelt_pipe *p, bool ended)
{
    struct pelt_conn *c = &p->conn;
    struct pelt_client *client = pelt_conn_client(c);
    for (unsigned i = 0; i < RECEIVES_A_TURN; i++) {
        ssize_t got = c->transport.ops->recv(&c->transport, client->recv, PELT_RECV_BYTES);
        if (got == PELT_AGAIN) {
            return;
        }
        uint64_t now_ns = pelt_clock_ns();
        if (c->request == NULL) {
            pelt_conn_drop(c);
            connect_again(p, now_ns); /* for what waits to be sent */
            return;
        }
        if (got <= 0) {
            pelt_conn_lost(c, got == PELT_EOF ? 0 : c->transport.err, now_ns);
            return;
        }
        if (!take(p, client->recv, (size_t)got, now_ns)) {
            return;
        }
        ended = ended || c->transport.ended;
        if (got < PELT_RECV_BYTES && !ended && !c->transport.more) {
            return; /* else the end is received, before a next send */
        }
    }
    pelt_poller_again(&client->poller, c->transport.fd, c);
}

void pelt_pipe_on_ready(struct pelt_conn *c, unsigned ready)
{
    struct pelt_pipe *p = (struct pelt_pipe *)c;
    if (c->state == PELT_CONN_SETUP) {
        ready = pelt_setup_on_ready(c, ready);
    } else if (p->blocked && ready & PELT_READY_WRITE) {
        send_waiting(p);
    }
    if (ready & PELT_READY_READ) {
        on_readable(p, ready & PELT_READY_END);
    }
}

/* ---- public ---- */

struct pelt_pipe *pelt_pipe_new(const struct pelt_train *train, unsigned depth, pelt_done_fn done)
{
    assert(depth > 0 && depth <= PELT_PIPE_DEPTH_MAX);
    struct pelt_pipe *p = calloc(1, sizeof(struct pelt_pipe) + depth * sizeof(struct flight));
    if (p == NULL) {
        return NULL;
    }
    p->train = train;
    p->done = done;
    p->depth = depth;
    p->conn.transport.fd = -1;
    p->conn.piped = true;
    pelt_conn_bind(&p->conn, train->request->origin);
    return p;
}

void pelt_pipe_free(struct pelt_pipe *p)
{
    if (p == NULL) {
        return;
    }
    assert(p->len == 0);
    if (p->held) {
        pelt_outbox_remove(&p->conn);
    }
    pelt_conn_free(&p->conn); /* the first member: all of it */
}

void pelt_pipe_call(struct pelt_pipe *p, uint64_t due_ns, uint64_t now_ns, void *arg)
{
    struct pelt_conn *c = &p->conn;
    assert(p->len < p->depth);
    p->len++;
    *flight(p, p->len - 1) = (struct flight){.arg = arg, .due_ns = due_ns, .call_ns = now_ns};
    pelt_client_started(pelt_conn_client(c), p->train->request, due_ns, now_ns);
    if (p->ending || p->held) {
        return;
    }
    if (c->state == PELT_CONN_CLOSED) {
        connect_again(p, now_ns);
    } else if (pelt_outbox_add(c)) {
        p->held = true;
    } else {
        pelt_pipe_send(c);
    }
}

void pelt_pipe_cancel(struct pelt_pipe *p, enum pelt_outcome outcome, uint64_t now_ns)
{
    if (p->len == 0) {
        return;
    }
    if (p->conn.request == NULL) {
        promote(p);
    }
    p->cancelling = true;
    pelt_conn_finish(&p->conn, outcome, pelt_outcome_name(outcome), now_ns);
    p->cancelling = false;
}
