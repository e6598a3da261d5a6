/*
 * conn: one connection and the exchange on it; states in internal.h.
 *
 * The poller tells once of what is new, so bytes are received until a receive gave less than it
 * could hold; after RECEIVES_A_TURN of them the poller is asked to tell again, so that no
 * connection starves the others. Time stamps are read just before sending and just after receiving.
 *
 * Of a body that nobody reads, what can be left out is received into nothing, where the transport
 * can. A connection that has had such a body takes the next answer's head with a short receive, so
 * that little of the body is copied along with it.
 */
#include <assert.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "h2.h"
#include "internal.h"
#include "pelt/observer.h"
#include "pelt/sock.h"
#include "pelt/trace_context.h"

#define RECEIVES_A_TURN 4
#define SKIP_BYTES_MAX  ((size_t)1 << 30) /* what one system call surely takes */

/* ---- keeping what a reader wants ---- */

static void keep_free(struct pelt_keep *keep)
{
    if (keep != NULL) {
        pelt_buf_deinit(&keep->head);
        pelt_buf_deinit(&keep->body);
        pelt_buf_deinit(&keep->trailer);
        pelt_mannered_free(keep->mannered);
        free(keep);
    }
}

struct pelt_keep *pelt_conn_keep(struct pelt_conn *c)
{
    if (c->keep == NULL) {
        c->keep = calloc(1, sizeof(struct pelt_keep));
    }
    return c->keep;
}

/* What lies behind a cut is dropped, wherever the cut came from. */
static void keep_body(struct pelt_conn *c, const char *bytes, size_t len)
{
    struct pelt_keep *keep = c->body_cut ? NULL : pelt_conn_keep(c);
    if (keep == NULL) {
        c->body_cut = true;
        return;
    }
    size_t room = c->request->body_max - keep->body.len;
    if (len > room) {
        len = room;
        c->body_cut = true;
    }
    if (len > 0 && pelt_buf_add(&keep->body, bytes, len) != PELT_OK) {
        c->body_cut = true;
    }
}

/* A first piece is only borrowed: most responses come whole and are never copied here. */
static void on_body(void *arg, const char *bytes, size_t len)
{
    struct pelt_conn *c = arg;
    struct pelt_client *client = pelt_conn_client(c);
    bool first = client->piece.len == 0 && (c->keep == NULL || c->keep->body.len == 0);
    if (first && !c->body_cut) {
        client->piece = pelt_span(bytes, len);
        return;
    }
    if (client->piece.len > 0) {
        keep_body(c, client->piece.ptr, client->piece.len);
        client->piece.len = 0;
    }
    keep_body(c, bytes, len);
}

/* What would be too much of a trailer, or has no memory, is left out from there on. */
static void on_trailer(void *arg, const char *bytes, size_t len)
{
    struct pelt_keep *keep = pelt_conn_keep(arg);
    if (keep != NULL && !keep->trailer.failed && keep->trailer.len + len <= PELT_TRAILER_BYTES) {
        (void)pelt_buf_add(&keep->trailer, bytes, len);
    } else if (keep != NULL) {
        keep->trailer.failed = true;
    }
}

void pelt_observer_hear(struct pelt_conn *conn, struct pelt_span value)
{
    static const char name[] = "Server-Timing: ";
    if (conn->request->observer != NULL && memchr(value.ptr, '\n', value.len) == NULL) {
        on_trailer(conn, name, sizeof name - 1);
        on_trailer(conn, value.ptr, value.len);
        on_trailer(conn, "\r\n", 2);
    }
}

static void keep_head(struct pelt_conn *c, size_t len)
{
    struct pelt_keep *keep = pelt_conn_keep(c);
    if (keep == NULL || pelt_buf_add(&keep->head, pelt_conn_client(c)->recv, len) != PELT_OK) {
        c->head_lost = true;
    }
}

static inline void keep_piece(struct pelt_conn *c)
{
    struct pelt_client *client = pelt_conn_client(c);
    if (client->piece.len > 0) {
        keep_body(c, client->piece.ptr, client->piece.len);
        client->piece.len = 0;
    }
    if (c->body_cut) {
        c->response.on_body = NULL; /* nobody wants the rest */
    }
}

void pelt_conn_keep_piece(struct pelt_conn *c)
{
    keep_piece(c);
}

void pelt_conn_keep_head(struct pelt_conn *c, struct pelt_span head)
{
    struct pelt_keep *keep = pelt_conn_keep(c);
    c->head_lost = keep == NULL || pelt_buf_add(&keep->head, head.ptr, head.len) != PELT_OK;
}

/* After a feed that did not end the message: what was borrowed must be copied. */
static void keep_rest(struct pelt_conn *c, bool head_was_done, size_t len)
{
    struct pelt_http1_response *r = &c->response;
    keep_piece(c);
    if (!head_was_done) {
        keep_head(c, r->head_done ? r->head_end : len);
        r->head_end = 0; /* copied: an end without further bytes must not add it again */
    }
}

/* Is the head to be kept for its cookies, though nobody reads it? One that came whole and has none
 * is not. */
static bool wants_cookies(const struct pelt_conn *c, bool head_was_done)
{
    return c->request->cookies && !head_was_done &&
           (!c->response.head_done || c->response.may_set_cookie);
}

struct pelt_span pelt_conn_head(struct pelt_conn *c)
{
    size_t len = c->response.head_end; /* what came last */
    if (c->keep != NULL && c->keep->head.len > 0) {
        if (len > 0) {
            keep_head(c, len);
            c->response.head_end = 0;
        }
        return c->head_lost ? pelt_span(NULL, 0) : pelt_span(c->keep->head.data, c->keep->head.len);
    }
    return c->head_lost ? pelt_span(NULL, 0) : pelt_span(pelt_conn_client(c)->recv, len);
}

static void keep_spans(struct pelt_conn *c, struct pelt_exchange *x)
{
    struct pelt_client *client = pelt_conn_client(c);
    x->head = pelt_conn_head(c);
    if (c->keep != NULL && c->keep->trailer.len > 0) {
        x->trailer = pelt_span(c->keep->trailer.data, c->keep->trailer.len);
    }
    if (c->keep != NULL && c->keep->body.len > 0) {
        x->body = pelt_span(c->keep->body.data, c->keep->body.len);
    } else {
        x->body = client->piece;
        if (x->body.len > c->request->body_max) {
            x->body.len = c->request->body_max;
            c->body_cut = true;
        }
    }
}

/* ---- the end of an exchange ---- */

static uint64_t since(uint64_t later_ns, uint64_t earlier_ns)
{
    return later_ns > earlier_ns ? later_ns - earlier_ns : 0;
}

static uint64_t phase_ns(uint32_t us)
{
    return us != UINT32_MAX ? (uint64_t)us * 1000 : PELT_NEVER;
}

static uint64_t or_none(uint64_t ns)
{
    return ns != PELT_NEVER ? ns : 0;
}

static void fill_sample(const struct pelt_conn *c, enum pelt_outcome outcome, const char *error,
                        uint64_t now_ns, struct pelt_sample *s)
{
    uint64_t send_ns = (uint64_t)c->send_us * 1000, setup_ns = 0; /* 0: not measured */
    uint64_t dns_ns = PELT_NEVER, connect_ns = PELT_NEVER, tls_ns = PELT_NEVER;
    if ((c->dns_us & c->connect_us) != UINT32_MAX) { /* it had a new connection */
        dns_ns = phase_ns(c->dns_us);
        connect_ns = phase_ns(c->connect_us);
        tls_ns = c->failures == 0 && c->tls_ns > 0 ? c->tls_ns : PELT_NEVER;
        setup_ns = or_none(dns_ns) + or_none(connect_ns) + or_none(tls_ns);
    }
    *s = (struct pelt_sample){
        .outcome = outcome,
        .sent = c->sent_ns != 0,
        .answered = error == NULL,
        .done_ns = now_ns,
        .response_ns = since(now_ns, c->due_ns),
        .service_ns = c->sent_ns != 0 ? since(now_ns, c->sent_ns) : 0,
        .blocked_ns = c->sent_ns != 0 ? since(c->sent_ns - setup_ns, c->due_ns) : PELT_NEVER,
        .dns_ns = dns_ns,
        .connect_ns = connect_ns,
        .tls_ns = tls_ns,
        .send_ns = send_ns != 0 ? send_ns : PELT_NEVER,
        .wait_ns = c->first_ns != 0 ? since(c->first_ns, c->sent_ns + send_ns) : PELT_NEVER,
        .receive_ns = c->first_ns != 0 ? since(now_ns, c->first_ns) : PELT_NEVER,
        .bytes_sent = c->bytes_sent,
        .bytes_received = c->bytes_received,
        .error = error,
        .of = c,
    };
}

void pelt_client_describe(const void *of, struct pelt_kept *k)
{
    const struct pelt_conn *c = of;
    const pelt_whose_fn whose = pelt_conn_client(c)->whose;
    const char *id = pelt_request_trace_id(c->request);
    k->status = c->first_ns != 0 ? c->response.status : 0;
    if (id != NULL && c->sent_ns != 0) {
        snprintf(k->id, sizeof k->id, "%.*s", PELT_TRACE_ID_LEN, id);
    }
    if (whose != NULL) {
        whose(c->done, c->arg, k);
    }
}

/* False: not now, or there is no memory for it. */
static bool put_aside(struct pelt_conn *c)
{
    struct pelt_client *client = pelt_conn_client(c);
    if (!client->hurried ||
        pelt_buf_add(&client->left, (const char *)&c->transport, sizeof(c->transport)) != PELT_OK) {
        return false;
    }
    pelt_poller_remove(&client->poller, c->transport.fd, c);
    c->transport = (struct pelt_transport){.fd = -1};
    return true;
}

static void close_socket(struct pelt_conn *c)
{
    if (c->transport.fd >= 0 && !put_aside(c)) {
        pelt_poller_forget(&pelt_conn_client(c)->poller, c);
        c->transport.ops->close(&c->transport);
    }
    c->state = PELT_CONN_CLOSED;
    c->used = false;
    c->wide = false;
    c->paused = false;
    c->upgraded = false;
    c->odd = false;
}

static bool reusable(const struct pelt_conn *c)
{
    return c->response.keep_alive && !c->response.upgraded && !c->request->close &&
           (c->bytes_sent == c->request->len ||
            (c->absolute && c->state != PELT_CONN_SENDING)); /* it was sent with more bytes */
}

static void tell(struct pelt_conn *c, struct pelt_exchange *x)
{
    const struct pelt_client_options *opt = &pelt_conn_client(c)->opt;
    if (opt->observe != NULL) {
        if (c->state != PELT_CONN_CLOSED) {
            x->secured = pelt_handshake_look(c);
        }
        opt->observe(opt->observe_arg, x);
    }
    c->done(c->arg, x);
}

/* What the error sample tells: the cause, or the status that is the error; and by which id the
 * server's log knows the request. */
static const char *say_error(struct pelt_conn *c, enum pelt_outcome outcome, const char *error)
{
    struct pelt_client *client = pelt_conn_client(c);
    const char *id = pelt_request_trace_id(c->request);
    if (outcome == PELT_OUTCOME_HTTP_STATUS) {
        snprintf(client->error_text, sizeof(client->error_text), "status %u",
                 (unsigned)c->response.status);
        error = client->error_text;
    } else if (outcome == PELT_OUTCOME_GRPC_STATUS) {
        error = client->error_text;
    }
    if (id == NULL || c->sent_ns == 0) {
        return error;
    }
    snprintf(client->traced_text, sizeof(client->traced_text), "%.250s, trace %.*s",
             error != NULL ? error : pelt_outcome_name(outcome), PELT_TRACE_ID_LEN, id);
    return client->traced_text;
}

void pelt_conn_finish(struct pelt_conn *c, enum pelt_outcome outcome, const char *error,
                      uint64_t now_ns)
{
    const struct pelt_request *request = c->request;
    bool in_setup = c->state == PELT_CONN_SETUP;
    bool begun = c->state >= PELT_CONN_SENDING;
    struct pelt_exchange x = {
        .request = request,
        .outcome = outcome,
        .status = begun ? c->response.status : 0,
        .reused = c->used,
        .body_bytes = begun ? c->response.body_bytes : 0,
        .error = error,
        .due_ns = c->due_ns,
    };
    pelt_deadline_clear(&c->deadline);
    fill_sample(c, outcome, error, now_ns, &x.sample);
    if (outcome != PELT_OUTCOME_OK) {
        x.sample.error = say_error(c, outcome, error);
    }
    if (request->keep && error == NULL) {
        keep_spans(c, &x);
        x.body_cut = c->body_cut;
        if (request->observer != NULL) {
            pelt_observer_take(request->observer, &x);
        }
    }
    if (request->cookies && error == NULL && c->response.may_set_cookie) {
        x.set_cookie = request->keep ? x.head : pelt_conn_head(c);
    }
    struct pelt_keep *keep = c->keep; /* its spans are valid until `done` returns */
    c->keep = NULL;
    if (error == NULL && reusable(c)) {
        c->state = PELT_CONN_IDLE;
        c->used = true;
    } else if (request->upgrade && outcome == PELT_OUTCOME_OK) {
        c->state = PELT_CONN_UPGRADED;
        c->upgraded = true;
    } else {
        if (in_setup) {
            pelt_setup_cancel(c);
        } else if (!begun) {
            pelt_outbox_remove(c);
        }
        if (pelt_conn_client(c)->opt.observe != NULL) {
            x.secured = pelt_handshake_look(c);
        }
        if (c->muxed) {
            pelt_h2call_leave(c);
        }
        close_socket(c);
        pelt_conn_client(c)->behind.len = 0;
    }
    pelt_conn_client(c)->piece.len = 0;
    pelt_recorder_ended(pelt_conn_client(c)->opt.recorder, request->series, &x.sample);
    c->request = NULL;
    tell(c, &x); /* may free this connection with its user: `c` is not touched any more */
    keep_free(keep);
}

/* An answer that not its status alone decides, or that is not ok by it. Not inlined: most are
 * others. */
__attribute__((noinline)) static void finish_judged(struct pelt_conn *c, uint64_t now_ns)
{
    const struct pelt_request *request = c->request;
    const bool ok = pelt_request_accepts(request, c->response.status);
    enum pelt_outcome outcome = ok ? PELT_OUTCOME_OK : PELT_OUTCOME_HTTP_STATUS;
    const char *error = NULL;
    if (request->stream != NULL && pelt_conn_stream_refused(c, now_ns)) {
        return;
    }
    if (request->upgrade) {
        outcome = pelt_wsconn_judge(c, c->response.status, pelt_conn_head(c), &error);
    } else if (request->decode && pelt_conn_content_refused(c, now_ns)) {
        return;
    } else if (ok && request->grpc != NULL) {
        outcome = pelt_conn_grpc_judge(c, &error, now_ns);
    } else if (!ok && request->judged && request->judge != NULL &&
               request->judge(request, c->response.status, pelt_conn_head(c))) {
        outcome = PELT_OUTCOME_OK;
    } else if (!ok && c->absolute && c->response.status == 407) {
        outcome = PELT_OUTCOME_PROXY_AUTH;
        error = "407: the proxy wants other credentials";
    }
    pelt_conn_finish(c, outcome, error, now_ns);
}

static void finish_answered(struct pelt_conn *c, uint64_t now_ns)
{
    const struct pelt_request *r = c->request;
    const unsigned status = c->response.status;
    if (__builtin_expect(status >= 200 && status <= 399 && r->stream == NULL && !r->upgrade &&
                             !r->decode && !r->judged,
                         1)) {
        pelt_conn_finish(c, PELT_OUTCOME_OK, NULL, now_ns);
    } else {
        finish_judged(c, now_ns);
    }
}

static void finish_refused(struct pelt_conn *c, enum pelt_http1_answer answer, uint64_t now_ns)
{
    enum pelt_outcome outcome = PELT_OUTCOME_BAD_RESPONSE;
    if (answer == PELT_HTTP1_HEAD_TOO_LARGE) {
        outcome = PELT_OUTCOME_HEAD_TOO_LARGE;
    } else if (answer == PELT_HTTP1_BAD_BODY) {
        outcome = PELT_OUTCOME_BAD_BODY;
    }
    const char *reason = pelt_http1_response_reason(&c->response);
    pelt_conn_finish(c, outcome, reason != NULL ? reason : pelt_outcome_name(outcome), now_ns);
}

void pelt_conn_end(struct pelt_conn *c, enum pelt_http1_answer answer, uint64_t now_ns)
{
    if (answer == PELT_HTTP1_DONE) {
        finish_answered(c, now_ns);
    } else {
        finish_refused(c, answer, now_ns);
    }
}

void pelt_conn_lost(struct pelt_conn *c, int error, uint64_t now_ns)
{
    const struct pelt_tls_failure *failure = pelt_tls_failure(&c->transport);
    const char *how = failure != NULL ? failure->text
                      : error != 0    ? strerror(error)
                                      : "the server closed the connection";
    char *text = pelt_conn_client(c)->error_text;
    size_t size = sizeof(pelt_conn_client(c)->error_text);
    if (!c->used && c->first_ns == 0 && pelt_handshake_refused(c)) {
        pelt_handshake_say(c, text, size);
        pelt_conn_finish(
            c, pelt_handshake_is_proxys(c) ? PELT_OUTCOME_PROXY_CONNECT : PELT_OUTCOME_TLS, text,
            now_ns);
    } else if (error == 0 && c->response.head_done &&
               pelt_http1_response_eof(&c->response) == PELT_HTTP1_DONE) {
        finish_answered(c, now_ns);
    } else {
        pelt_conn_cut_off(c, how, now_ns);
    }
}

void pelt_conn_cut_off(struct pelt_conn *c, const char *how, uint64_t now_ns)
{
    char *text = pelt_conn_client(c)->error_text;
    size_t size = sizeof(pelt_conn_client(c)->error_text);
    if (c->response.head_done) {
        snprintf(text, size, "%s after %llu bytes of the body", how,
                 (unsigned long long)c->response.body_bytes);
        pelt_conn_finish(c, PELT_OUTCOME_TRUNCATED, text, now_ns);
    } else if (c->first_ns != 0) {
        snprintf(text, size, "%s within the response head", how);
        pelt_conn_finish(c, PELT_OUTCOME_BAD_RESPONSE, text, now_ns);
    } else {
        snprintf(text, size, "%s before any answer", how);
        pelt_conn_finish(c, c->used ? PELT_OUTCOME_STALE_REUSE : PELT_OUTCOME_RESET, text, now_ns);
    }
}

/* ---- receiving ---- */

void pelt_conn_first_byte(struct pelt_conn *c, uint64_t now_ns)
{
    c->first_ns = now_ns;
    if (c->state == PELT_CONN_WAITING) {
        c->state = PELT_CONN_RECEIVING;
    }
}

/* As pelt_conn_receive(); inlined where nearly all bytes come. */
__attribute__((always_inline)) static inline bool receive(struct pelt_conn *c, size_t len,
                                                          bool ended, uint64_t now_ns)
{
    struct pelt_client *client = pelt_conn_client(c);
    bool head_was_done = c->response.head_done;
    size_t used = 0;
    assert(c->state >= PELT_CONN_SENDING && c->state <= PELT_CONN_RECEIVING);
    c->bytes_received += len;
    client->received_ns = now_ns;
    if (c->first_ns == 0) {
        pelt_conn_first_byte(c, now_ns);
    }
    enum pelt_http1_answer answer =
        pelt_http1_response_feed(&c->response, client->recv, len, &used);
    if (answer == PELT_HTTP1_DONE) {
        if (used < len || ended) {
            client->behind = pelt_span(client->recv + used, len - used);
            c->response.keep_alive = false; /* bytes that nobody asked for: not trusted again */
        }
        if (len == PELT_RECV_BYTES || len == PELT_HEAD_BYTES || c->transport.more) {
            /* more may wait, told already */
            pelt_poller_again(&client->poller, c->transport.fd, c);
        }
        finish_answered(c, now_ns);
        return false;
    }
    if (answer != PELT_HTTP1_MORE) {
        finish_refused(c, answer, now_ns);
        return false;
    }
    if (c->request->stream != NULL) {
        keep_rest(c, head_was_done, len);
        return pelt_conn_stream_goes_on(c, now_ns);
    }
    const struct pelt_timeouts *t = &c->request->timeouts;
    pelt_deadline_set(&client->deadlines, &c->deadline, t->total_ns, c->call_ns + t->total_ns);
    if (c->request->keep || wants_cookies(c, head_was_done)) {
        keep_rest(c, head_was_done, len);
    }
    return true;
}

bool pelt_conn_receive(struct pelt_conn *c, size_t len, bool ended, uint64_t now_ns)
{
    return receive(c, len, ended, now_ns);
}

/* What the next receive takes: so many bytes, and whether into nothing. */
struct portion {
    size_t len;
    bool skipped;
};

/* A body that is left out is no reason to keep the sender waiting: with room for all of it the
 * sender's own system call brings it here, rather than each of our receives a part. */
static void widen(struct pelt_conn *c)
{
    if (!c->wide) {
        c->wide = true;
        pelt_sock_widen(c->transport.fd, PELT_WIDE_BYTES);
    }
}

/* Into nothing goes one byte more than the body has: as one exchange at a time is in flight, that
 * would be a byte nobody asked for, and shows as it does in other receives. */
static struct portion next_portion(struct pelt_conn *c)
{
    if (c->state == PELT_CONN_RECEIVING && c->transport.ops->discard != NULL) {
        uint64_t left = pelt_http1_response_skippable(&c->response);
        if (left >= PELT_SKIP_BYTES) {
            size_t most = left < SKIP_BYTES_MAX ? (size_t)left + 1 : SKIP_BYTES_MAX;
            c->large = true;
            widen(c);
            return (struct portion){most, true};
        }
    } else if (c->large && c->state == PELT_CONN_WAITING && c->response.on_body == NULL) {
        c->large = false; /* until it shows again */
        return (struct portion){PELT_HEAD_BYTES, false};
    }
    return (struct portion){PELT_RECV_BYTES, false};
}

/* Bytes of the body went by unseen. As pelt_conn_receive(). */
static bool leave_out(struct pelt_conn *c, size_t len, bool ended, uint64_t now_ns)
{
    uint64_t left = pelt_http1_response_skippable(&c->response);
    c->bytes_received += len;
    if (pelt_http1_response_skip(&c->response, len < left ? len : left) == PELT_HTTP1_MORE) {
        return true;
    }
    if (len > left || ended) {
        c->response.keep_alive = false; /* as in pelt_conn_receive() */
    }
    finish_answered(c, now_ns);
    return false;
}

/* Bytes or the end on a connection that had no exchange when they came: it serves nobody any more.
 * A call that is held for it has sent nothing, and gets a new one. */
void pelt_conn_drop(struct pelt_conn *c)
{
    bool held = c->state == PELT_CONN_HELD;
    if (held) {
        pelt_outbox_remove(c);
    }
    close_socket(c);
    if (held) {
        pelt_setup_start(c, pelt_clock_ns());
    }
}

__attribute__((always_inline)) static inline void on_readable(struct pelt_conn *c, bool ended)
{
    struct pelt_client *client = pelt_conn_client(c);
    for (unsigned i = 0; i < RECEIVES_A_TURN; i++) {
        struct portion portion = next_portion(c);
        ssize_t got = portion.skipped
                          ? c->transport.ops->discard(&c->transport, portion.len)
                          : c->transport.ops->recv(&c->transport, client->recv, portion.len);
        if (got == PELT_AGAIN) {
            return;
        }
        if (c->state == PELT_CONN_IDLE || c->state == PELT_CONN_HELD) {
            pelt_conn_drop(c);
            return;
        }
        uint64_t now_ns = pelt_clock_ns();
        if (got <= 0) {
            pelt_conn_lost(c, got == PELT_EOF ? 0 : c->transport.err, now_ns);
            return;
        }
        ended |= c->transport.ended;
        bool goes_on = portion.skipped ? leave_out(c, (size_t)got, ended, now_ns)
                                       : receive(c, (size_t)got, ended, now_ns);
        if (!goes_on) {
            return;
        }
        if ((size_t)got < portion.len && !ended && !c->transport.more) {
            return;
        }
    }
    pelt_poller_again(&client->poller, c->transport.fd, c);
}

/* ---- sending ---- */

void pelt_conn_sent_all(struct pelt_conn *c, uint64_t now_ns)
{
    const struct pelt_timeouts *t = &c->request->timeouts;
    uint64_t first_ns = now_ns + t->first_byte_ns;
    uint64_t total_ns = c->call_ns + t->total_ns;
    c->send_us = (uint32_t)((now_ns - c->sent_ns + 500) / 1000);
    if (c->first_ns == 0) {
        c->state = PELT_CONN_WAITING;
        pelt_deadline_set(&pelt_conn_client(c)->deadlines, &c->deadline, t->first_byte_ns,
                          first_ns < total_ns ? first_ns : total_ns);
    } else {
        c->state = PELT_CONN_RECEIVING;
    }
}

static void send_more(struct pelt_conn *c, uint64_t now_ns)
{
    const struct pelt_request *request = c->request;
    ssize_t put = c->transport.ops->send(&c->transport, request->bytes + c->bytes_sent,
                                         request->len - c->bytes_sent);
    if (put > 0) {
        c->bytes_sent += (uint32_t)put;
        if (c->bytes_sent == request->len) {
            pelt_conn_sent_all(c, now_ns);
        }
    }
    /* A failed send is left to the reading side: an answer sent before the reset is still there to
     * be read. */
}

/* Who gets the body of a request that keeps its answer. */
static void (*body_reader(const struct pelt_request *request))(void *, const char *, size_t)
{
    if (request->stream != NULL) {
        return pelt_conn_on_stream_body;
    }
    return request->body_max > 0 ? on_body : NULL;
}

__attribute__((always_inline)) static inline void await_answer(struct pelt_conn *c)
{
    const struct pelt_request *request = c->request;
    pelt_http1_response_reset(&c->response, request->head);
    c->response.on_body = NULL;
    c->response.on_trailer = NULL;
    if (request->keep) {
        c->response.on_body = body_reader(request);
        c->response.on_trailer = request->observer != NULL ? on_trailer : NULL;
    }
    c->response.arg = c;
}

void pelt_conn_await(struct pelt_conn *c)
{
    await_answer(c);
}

/* To send, and to read the answer. */
__attribute__((always_inline)) static inline void prepare(struct pelt_conn *c)
{
    await_answer(c);
    c->state = PELT_CONN_SENDING;
    c->sent_ns = pelt_clock_ns();
}

void pelt_conn_prepare(struct pelt_conn *c)
{
    prepare(c);
}

void pelt_conn_send(struct pelt_conn *c)
{
    const struct pelt_request *request = c->request;
    if (__builtin_expect(request->mannered | c->absolute, 0)) {
        pelt_manner_begin(c);
        return;
    }
    prepare(c);
    send_more(c, c->sent_ns);
    if (c->state ==
        PELT_CONN_SENDING) { /* not all at once: the whole exchange's deadline watches */
        pelt_deadline_set(&pelt_conn_client(c)->deadlines, &c->deadline, request->timeouts.total_ns,
                          c->call_ns + request->timeouts.total_ns);
    }
}

/* ---- events ---- */

void pelt_conn_on_ready(void *conn, unsigned ready)
{
    struct pelt_conn *c = conn;
    if (__builtin_expect(c->piped | c->upgraded | c->odd, 0)) {
        (c->carrier    ? pelt_h2conn_on_ready
         : c->piped    ? pelt_pipe_on_ready
         : c->upgraded ? pelt_wsconn_on_ready
                       : pelt_manner_on_ready)(c, ready);
        return;
    }
    if (c->state == PELT_CONN_SETUP) {
        ready = pelt_setup_on_ready(c, ready);
    } else if (c->state == PELT_CONN_SENDING && ready & PELT_READY_WRITE) {
        send_more(c, pelt_clock_ns());
    }
    if (ready & PELT_READY_READ && !c->paused) {
        on_readable(c, ready & PELT_READY_END); /* may free `c` */
    }
}

void pelt_conn_unmade(struct pelt_conn *c, enum pelt_outcome outcome, const char *error,
                      uint64_t now_ns)
{
    (c->muxed ? pelt_h2call_unmade : pelt_conn_finish)(c, outcome, error, now_ns);
}

/* Connecting took too long: what it was about. */
static enum pelt_outcome say_slow(const struct pelt_conn *c, char *text, size_t size)
{
    const double limit_s = (double)c->request->timeouts.connect_ns / 1e9;
    const char *host = c->origin->host_header;
    if (c->setup.shaking && !c->setup.with_proxy) {
        snprintf(
            text, size,
            "timeout: %s: no end of the TLS handshake within %.3g s: does this port speak TLS?",
            host, limit_s);
        return PELT_OUTCOME_TLS;
    }
    if (c->origin->way.proxy != NULL) {
        snprintf(text, size, "proxy %s: no %s within %.3g s", c->origin->way.host,
                 c->setup.asking           ? "address"
                 : c->setup.shaking        ? "end of the TLS handshake"
                 : c->setup.tunnel != NULL ? "answer to CONNECT"
                                           : "connection",
                 limit_s);
        return PELT_OUTCOME_PROXY_CONNECT;
    }
    snprintf(text, size, "%s: no %s within %.3g s", host,
             c->setup.asking ? "address" : "connection", limit_s);
    return c->setup.asking ? PELT_OUTCOME_DNS : PELT_OUTCOME_CONNECT;
}

void pelt_conn_on_deadline(void *arg, struct pelt_deadline *d, uint64_t now_ns)
{
    struct pelt_conn *c = (struct pelt_conn *)((char *)d - offsetof(struct pelt_conn, deadline));
    char *text = pelt_conn_client(c)->error_text;
    size_t size = sizeof(pelt_conn_client(c)->error_text);
    const struct pelt_timeouts *t = &c->request->timeouts;
    if (c->head_lost && c->first_ns == 0) {
        pelt_conn_finish(c, PELT_OUTCOME_GEN_MEMORY, "out of memory", now_ns);
        return;
    }
    if (c->state == PELT_CONN_SETUP && !c->setup.cut) {
        pelt_conn_unmade(c, say_slow(c, text, size), text, now_ns);
        return;
    }
    bool whole = now_ns >= c->call_ns + t->total_ns;
    if (c->state == PELT_CONN_QUEUED) {
        snprintf(text, size, "no stream of a connection came free within %.3g s",
                 (double)t->total_ns / 1e9);
    } else if (!whole && c->first_ns != 0 && c->request->stream != NULL) {
        snprintf(text, size, "no further byte within %.3g s",
                 (double)c->request->stream->between_ns / 1e9);
    } else {
        snprintf(text, size, "no %s within %.3g s", whole ? "whole response" : "first byte",
                 (double)(whole ? t->total_ns : t->first_byte_ns) / 1e9);
    }
    pelt_conn_finish(c, PELT_OUTCOME_TIMEOUT, text, now_ns);
}

/* ---- life ---- */

struct pelt_conn *pelt_conn_new(void)
{
    struct pelt_conn *c = calloc(1, sizeof(struct pelt_conn));
    if (c == NULL) {
        return NULL;
    }
    c->transport.fd = -1;
    return c;
}

struct pelt_conn *pelt_conn_for(const struct pelt_client *client)
{
    return client->opt.http2.on ? pelt_h2call_new() : pelt_conn_new();
}

void pelt_conn_bind(struct pelt_conn *c, struct pelt_origin *origin)
{
    close_socket(c);
    c->origin = origin;
    c->failures = 0;
    c->retry_ns = 0;
}

void pelt_conn_free(struct pelt_conn *c)
{
    close_socket(c);
    if (c->muxed) {
        pelt_h2call_part(c);
    }
    free(c);
}

void pelt_conn_call(struct pelt_conn *c, const struct pelt_request *request, uint64_t due_ns,
                    uint64_t now_ns, pelt_done_fn done, void *arg)
{
    pelt_conn_open(c, request, due_ns, now_ns, done, arg);
    pelt_recorder_started(pelt_conn_client(c)->opt.recorder, request->series, due_ns, now_ns);
    pelt_conn_start(c, now_ns);
}
