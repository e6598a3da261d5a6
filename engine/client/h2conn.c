/*
 * h2conn: see h2.h; one HTTP/2 connection: bytes between its socket and its session, and which
 * calls are on it.
 *
 * What is called while a batch of answers is being received goes in one send behind it, where the
 * client may hold; window updates and answers to pings go with it.
 *
 * Invariants: no user's code runs but within read() and on_end(). While `busy` a connection is not
 * freed; whoever ends that state looks at `dead`.
 */
#include <assert.h>
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>

#include "h2.h"

#define RECEIVES_A_TURN 4

/* ---- life ---- */

static void conn_free(struct pelt_h2conn *k)
{
    struct pelt_client *client = pelt_conn_client(&k->conn);
    assert(k->calls.len == 0 && k->pending.len == 0 && k->hub == NULL);
    if (k->held) {
        pelt_outbox_remove(&k->conn);
    }
    pelt_timerq_remove(client->opt.timers, &k->end);
    pelt_h2_session_free(k->session);
    pelt_conn_free(&k->conn); /* the first member: all of it */
}

static void free_or_mark(struct pelt_h2conn *k)
{
    if (k->busy) {
        k->dead = true;
    } else {
        conn_free(k);
    }
}

/* Calls that nothing was sent of look for another connection. */
static void give_back_pending(struct pelt_h2conn *k, struct pelt_h2hub *hub)
{
    struct pelt_h2call *a;
    while ((a = k->pending.last) != NULL) {
        pelt_h2queue_remove(a);
        a->via = NULL;
        pelt_h2queue_push_first(&hub->waiting, a);
    }
    pelt_h2hub_serve_later(hub);
}

/* Takes it out of its hub. */
static void leave_hub(struct pelt_h2conn *k)
{
    struct pelt_h2hub *hub = k->hub;
    if (hub == NULL) {
        return;
    }
    struct pelt_h2conn **at = &hub->conns;
    while (*at != k) {
        at = &(*at)->next;
    }
    *at = k->next;
    hub->conns_len--;
    k->hub = NULL;
    give_back_pending(k, hub);
}

void pelt_h2conn_retire(struct pelt_h2conn *k)
{
    leave_hub(k);
    if (k->calls.len == 0) {
        free_or_mark(k);
    }
}

/* ---- the end ---- */

/* Into the client's text; what came last says most. */
static const char *say_end(struct pelt_h2conn *k, int error)
{
    const struct pelt_tls_failure *failure = pelt_tls_failure(&k->conn.transport);
    const char *why = pelt_h2_session_why(k->session);
    char *text = pelt_conn_client(&k->conn)->error_text;
    const size_t size = sizeof pelt_conn_client(&k->conn)->error_text;
    const char *how = why != NULL       ? why
                      : failure != NULL ? failure->text
                      : error != 0      ? strerror(error)
                                        : "the server closed the connection";
    if (k->goaway) {
        snprintf(text, size, "%s behind GOAWAY %s", how, k->goodbye);
    } else {
        snprintf(text, size, "%s", how);
    }
    return text;
}

/* Ends what is on it, and the connection. `error`: errno; 0: an orderly end. */
static void end_all(struct pelt_h2conn *k, int error, uint64_t now_ns)
{
    char text[PELT_SAMPLE_TEXT];
    const bool refused = !k->served && pelt_handshake_refused(&k->conn);
    const bool broken = pelt_h2_session_why(k->session) != NULL;
    if (refused) {
        pelt_handshake_say(&k->conn, text, sizeof text);
    } else {
        snprintf(text, sizeof text, "%s", say_end(k, error));
    }
    leave_hub(k);
    k->busy = true;
    while (k->calls.first != NULL) {
        struct pelt_h2call *a = k->calls.first;
        if (refused && a->conn.first_ns == 0) {
            pelt_h2call_unsent(a, PELT_OUTCOME_TLS, text, now_ns);
        } else {
            pelt_h2call_lost(a, text, broken && pelt_h2_session_blames(k->session, &a->stream),
                             now_ns);
        }
    }
    k->busy = false;
    conn_free(k);
}

static void on_end(struct pelt_timer *timer, uint64_t now_ns)
{
    end_all((struct pelt_h2conn *)(void *)((char *)timer - offsetof(struct pelt_h2conn, end)), 0,
            now_ns);
}

/* ---- sending ---- */

/* A call's exchange becomes a stream. Whatever fails is told later, as the call may not have
 * returned. */
static void begin(struct pelt_h2conn *k, struct pelt_h2call *a)
{
    struct pelt_conn *c = &a->conn;
    const struct pelt_request *request = c->request;
    c->state = PELT_CONN_SENDING;
    c->used = k->served;
    c->sent_ns = k->now_ns;
    pelt_conn_await(c);
    c->response.may_set_cookie = false;
    a->stream.want_head = request->keep;
    a->stream.want_cookies = request->cookies;
    a->stream.want_trailer = request->grpc != NULL || (request->observer != NULL && request->keep);
    pelt_h2queue_push(&k->calls, a);
    const enum pelt_status status =
        pelt_h2manner_begin(a)
            ? pelt_h2_session_submit(k->session, &a->stream,
                                     pelt_span(request->bytes, request->len), c->origin->https)
            : PELT_ENOMEM;
    if (status == PELT_OK) {
        return;
    }
    pelt_h2queue_remove(a);
    pelt_h2manner_end(a);
    a->via = NULL;
    c->sent_ns = 0;
    c->state = PELT_CONN_QUEUED;
    if (status == PELT_ELIMIT && k->hub != NULL) { /* it can take none any more */
        pelt_h2queue_push_first(&k->hub->waiting, a);
        pelt_h2conn_retire(k);
    } else if (status == PELT_EINVAL) {
        char why[sizeof c->setup.why];
        snprintf(why, sizeof why, "not sent: over HTTP/2 heads are of %u KiB at most",
                 PELT_H2_REQUEST_MAX >> 10);
        pelt_setup_refuse(c, why, k->now_ns);
    } else {
        pelt_setup_fail(c, PELT_OUTCOME_GEN_MEMORY, ENOMEM, k->now_ns);
    }
}

static void send_bytes(struct pelt_h2conn *k)
{
    struct pelt_transport *t = &k->conn.transport;
    struct pelt_span bytes;
    while (!k->blocked && (bytes = pelt_h2_session_peek(k->session)).len > 0) {
        const ssize_t put = t->ops->send(t, bytes.ptr, bytes.len);
        k->blocked = put < (ssize_t)bytes.len;
        if (put > 0) {
            pelt_h2_session_advance(k->session, (size_t)put);
        }
        /* A failed send is left to the reading side, as in conn.c. */
    }
}

static void flush(struct pelt_h2conn *k)
{
    struct pelt_client *client = pelt_conn_client(&k->conn);
    if (k->busy || k->blocked) {
        return;
    }
    k->busy = true;
    k->now_ns = pelt_clock_ns();
    while (k->pending.first != NULL) {
        struct pelt_h2call *a = k->pending.first;
        pelt_h2queue_remove(a);
        begin(k, a);
    }
    send_bytes(k);
    k->busy = false;
    if (k->dead) {
        conn_free(k);
    } else if (pelt_h2_session_why(k->session) != NULL && k->end.slot == 0) {
        (void)!pelt_timerq_add(client->opt.timers, &k->end, k->now_ns); /* else the next read */
    }
}

void pelt_h2conn_flush_soon(struct pelt_h2conn *k)
{
    if (k->busy || k->held || k->blocked) {
        return;
    }
    if (pelt_outbox_add(&k->conn)) {
        k->held = true;
    } else {
        flush(k);
    }
}

void pelt_h2conn_send_held(struct pelt_conn *c)
{
    struct pelt_h2conn *k = (struct pelt_h2conn *)c;
    k->held = false;
    flush(k);
}

/* ---- calls ---- */

static uint32_t streams_max(const struct pelt_h2conn *k)
{
    const uint32_t own = pelt_conn_client(&k->conn)->opt.http2.streams;
    const uint32_t theirs = pelt_h2_session_limit(k->session);
    return own < theirs ? own : theirs;
}

bool pelt_h2conn_has_room(const struct pelt_h2conn *k)
{
    return k->pending.len + pelt_h2_session_open(k->session) < streams_max(k);
}

bool pelt_h2conn_is_new(const struct pelt_h2conn *k)
{
    return !pelt_h2_session_settled(k->session);
}

void pelt_h2conn_take(struct pelt_h2conn *k, struct pelt_h2call *a)
{
    a->via = k;
    pelt_h2queue_push(&k->pending, a);
    pelt_h2conn_flush_soon(k);
}

void pelt_h2conn_settle(struct pelt_h2conn *k)
{
    if (k->hub != NULL) {
        pelt_h2hub_serve_later(k->hub);
    } else if (k->calls.len == 0) {
        free_or_mark(k);
        return;
    }
    if (!pelt_conn_client(&k->conn)->hurried) {
        pelt_h2conn_flush_soon(k);
    }
}

/* ---- receiving ---- */

/* What a feed leaves to be done. */
enum fed { FED_ALL, FED_MORE, FED_END };

/* One receive. *error: errno of the end, 0 for an orderly one. */
static enum fed take(struct pelt_h2conn *k, bool *ended, int *error)
{
    struct pelt_client *client = pelt_conn_client(&k->conn);
    struct pelt_transport *t = &k->conn.transport;
    const ssize_t got = t->ops->recv(t, client->recv, PELT_RECV_BYTES);
    if (got == PELT_AGAIN) {
        return FED_ALL;
    }
    k->now_ns = client->received_ns = pelt_clock_ns();
    if (got <= 0) {
        *error = got == PELT_EOF ? 0 : t->err;
        return FED_END;
    }
    k->heard_ns = k->now_ns;
    *ended |= t->ended;
    const enum pelt_status status = pelt_h2_session_feed(k->session, client->recv, (size_t)got);
    client->piece.len = 0;
    pelt_h2call_go_on(k);
    if (status != PELT_OK) {
        *error = 0;
        return FED_END;
    }
    return (size_t)got < PELT_RECV_BYTES && !*ended && !t->more ? FED_ALL : FED_MORE;
}

void pelt_h2conn_read(struct pelt_h2conn *k, bool ended)
{
    struct pelt_client *client = pelt_conn_client(&k->conn);
    enum fed fed = FED_MORE;
    int error = 0;
    k->busy = true;
    client->carrier = &k->conn;
    for (unsigned i = 0; i < RECEIVES_A_TURN && fed == FED_MORE && !k->dead; i++) {
        fed = take(k, &ended, &error);
    }
    client->carrier = NULL;
    if (fed != FED_END && !k->dead && k->hub != NULL && k->hub->waiting.first != NULL) {
        pelt_h2hub_serve(k->hub, k->now_ns); /* what goes over this one is sent below */
    }
    k->busy = false;
    if (fed == FED_END) {
        end_all(k, error, k->now_ns);
    } else if (k->dead || (k->hub == NULL && k->calls.len == 0)) {
        conn_free(k);
    } else {
        if (fed == FED_MORE) {
            pelt_poller_again(&client->poller, k->conn.transport.fd, &k->conn);
        }
        pelt_h2conn_flush_soon(k);
    }
}

void pelt_h2conn_on_ready(struct pelt_conn *c, unsigned ready)
{
    struct pelt_h2conn *k = (struct pelt_h2conn *)c;
    if (ready & PELT_READY_WRITE) {
        k->blocked = false;
    }
    if (ready & PELT_READY_READ) {
        pelt_h2conn_read(k, ready & PELT_READY_END);
    } else {
        pelt_h2conn_flush_soon(k);
    }
}

/* ---- new ---- */

/* The poller tells of the socket in another name from now on. */
static bool move_transport(struct pelt_h2conn *k, struct pelt_conn *c)
{
    struct pelt_poller *poller = &pelt_conn_client(c)->poller;
    const int fd = c->transport.fd;
    pelt_poller_remove(poller, fd, c);
    if (pelt_poller_add(poller, fd, &k->conn) != 0) {
        return false;
    }
    k->conn.transport = c->transport;
    c->transport = (struct pelt_transport){.fd = -1};
    return true;
}

struct pelt_h2conn *pelt_h2conn_new(struct pelt_h2hub *hub, struct pelt_conn *c)
{
    const struct pelt_http2 *opt = &pelt_conn_client(c)->opt.http2;
    const struct pelt_h2_settings settings = {opt->window, opt->window_all};
    struct pelt_h2conn *k = calloc(1, sizeof *k);
    if (k == NULL) {
        return NULL;
    }
    k->conn = (struct pelt_conn){.transport.fd = -1,
                                 .origin = c->origin,
                                 .state = PELT_CONN_IDLE,
                                 .piped = true,
                                 .carrier = true};
    k->end.fn = on_end;
    if (pelt_h2_session_new(&k->session, &settings, &pelt_h2call_ops, k) != PELT_OK ||
        !move_transport(k, c)) {
        pelt_h2_session_free(k->session);
        free(k);
        return NULL;
    }
    k->next = hub->conns;
    hub->conns = k;
    hub->conns_len++;
    k->hub = hub;
    return k;
}
