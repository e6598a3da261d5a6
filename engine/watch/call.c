/*
 * call: see the header.
 *
 *   CLOSED -> CONNECTING -> [SHAKING] -> SENDING -> RECEIVING -> IDLE -> SENDING ...
 *   any state -> CLOSED
 */
#include "call.h"

#include <errno.h>
#include <stdarg.h>

#include "pelt/clock.h"
#include "pelt/sock.h"

#define RECVS_MAX 8 /* of one readiness */

static void connect_next(struct pelt_call *c);

static void watch(struct pelt_call *c, int events)
{
    ev_io_stop(c->loop, &c->io);
    ev_io_set(&c->io, c->transport.fd, events);
    ev_io_start(c->loop, &c->io);
}

void pelt_call_close(struct pelt_call *c)
{
    c->serial++;
    ev_io_stop(c->loop, &c->io);
    if (c->state != PELT_CALL_CLOSED) {
        c->state = PELT_CALL_CLOSED;
        c->transport.ops->close(&c->transport);
    }
    c->reused = false;
}

PELT_PRINTF(3, 4)
static void fail(struct pelt_call *c, enum pelt_status status, const char *fmt, ...)
{
    char why[700];
    va_list args;
    va_start(args, fmt);
    vsnprintf(why, sizeof(why), fmt, args);
    va_end(args);
    pelt_call_close(c);
    c->ops->on_failed(c->arg, status, why);
}

/* The connection went before it brought a byte. An idle one may have been closed by the agent while
 * our request was on its way; a new one tells. */
static void went(struct pelt_call *c, const char *how)
{
    if (c->reused && !c->response.begun) {
        pelt_call_close(c);
        c->next_addr = 0;
        connect_next(c);
        return;
    }
    const bool new_to_us = !c->answered && !c->endpoint->https;
    fail(c, PELT_EIO, "%s%s", how, new_to_us ? ": does it want https:// ?" : "");
}

static enum pelt_status trust_status(enum pelt_tls_class class)
{
    return class == PELT_TLS_CUT_OFF || class == PELT_TLS_TRUNCATED || class == PELT_TLS_RESET
               ? PELT_EIO
               : PELT_EINVAL;
}

static void fail_transport(struct pelt_call *c)
{
    const struct pelt_tls_failure *tls = pelt_tls_failure(&c->transport);
    if (tls == NULL) {
        char how[200];
        snprintf(how, sizeof(how), "connection lost: %s", strerror(c->transport.err));
        went(c, how);
        return;
    }
    char text[500];
    snprintf(text, sizeof(text), "%s", tls->text); /* closing takes it away */
    const char *hint = tls->class == PELT_TLS_NOT_TLS ? ": does it want http:// ?" : "";
    fail(c, trust_status(tls->class), "TLS: %s%s", text, hint);
}

/* ---- receiving ---- */

static void on_body(void *arg, const char *bytes, size_t len)
{
    struct pelt_call *c = arg;
    pelt_buf_add(&c->body, bytes, len);
}

/* False: a callback asked for something else or closed. */
static bool hand_on(struct pelt_call *c)
{
    uint32_t serial = c->serial;
    if (c->streams && c->response.status == 200 && c->body.len > 0) {
        c->ops->on_bytes(c->arg, c->body.data, c->body.len);
        if (c->serial == serial) {
            pelt_buf_reset(&c->body);
        }
    }
    return c->serial == serial;
}

static void done(struct pelt_call *c, bool keep)
{
    c->answered = true;
    if (!hand_on(c)) {
        return;
    }
    if (keep) {
        c->state = PELT_CALL_IDLE;
        c->reused = true;
    } else {
        pelt_call_close(c);
    }
    c->ops->on_done(c->arg);
}

static void feed(struct pelt_call *c, const char *bytes, size_t len)
{
    size_t used;
    enum pelt_http1_answer answer = pelt_http1_response_feed(&c->response, bytes, len, &used);
    if (c->body.failed) {
        fail(c, PELT_EINVAL, "answers more than %zu bytes: is it a pelt-agent?", c->body.limit);
    } else if (answer == PELT_HTTP1_DONE) {
        done(c, c->response.keep_alive && used == len && !c->transport.ended);
    } else if (answer == PELT_HTTP1_MORE) {
        (void)hand_on(c);
    } else {
        fail(c, PELT_EINVAL, "what it answers is no HTTP (%s): %s",
             pelt_http1_response_reason(&c->response),
             c->endpoint->https ? "is it a pelt-agent?" : "does it want https:// ?");
    }
}

static void on_end(struct pelt_call *c)
{
    if (pelt_http1_response_eof(&c->response) == PELT_HTTP1_DONE) {
        done(c, false);
    } else if (!c->response.begun) {
        went(c, "closed the connection without an answer");
    } else {
        fail(c, PELT_EIO, "closed the connection");
    }
}

static void receive(struct pelt_call *c)
{
    char bytes[PELT_TRANSPORT_ROOM];
    bool more = true;
    for (int i = 0; more && i < RECVS_MAX && c->state == PELT_CALL_RECEIVING; i++) {
        uint32_t serial = c->serial;
        ssize_t n = c->transport.ops->recv(&c->transport, bytes, sizeof(bytes));
        c->received_ns = pelt_clock_ns();
        more = c->transport.more || c->transport.ended;
        if (n > 0) {
            feed(c, bytes, (size_t)n);
        } else if (n == PELT_EOF) {
            on_end(c);
        } else if (n != PELT_AGAIN) {
            fail_transport(c);
        }
        more = more && n > 0 && c->serial == serial;
    }
}

/* ---- sending ---- */

static void send_rest(struct pelt_call *c)
{
    while (c->sent < c->request.len) {
        ssize_t n = c->transport.ops->send(&c->transport, c->request.data + c->sent,
                                           c->request.len - c->sent);
        if (n == PELT_AGAIN) {
            watch(c, EV_WRITE);
            return;
        }
        if (n < 0) {
            fail_transport(c);
            return;
        }
        c->sent += (size_t)n;
    }
    c->state = PELT_CALL_RECEIVING;
    watch(c, EV_READ);
}

static void send_request(struct pelt_call *c)
{
    c->state = PELT_CALL_SENDING;
    c->sent = 0;
    pelt_buf_reset(&c->body);
    pelt_http1_response_reset(&c->response, false);
    c->sent_ns = pelt_clock_ns();
    send_rest(c);
}

/* ---- opening ---- */

static void shake(struct pelt_call *c)
{
    enum pelt_status status = pelt_tls_handshake(&c->transport);
    if (status == PELT_OK) {
        send_request(c);
    } else if (status == PELT_AGAIN) {
        watch(c, EV_READ); /* what we send finds room in a new connection's buffer */
    } else {
        fail_transport(c);
    }
}

static void on_connected(struct pelt_call *c)
{
    struct pelt_endpoint *e = c->endpoint;
    if (!e->https) {
        send_request(c);
        return;
    }
    if (pelt_transport_tls(&c->transport, e->tls_thread, e->host, &e->session) != PELT_OK) {
        fail(c, PELT_ENOMEM, "out of memory");
        return;
    }
    c->state = PELT_CALL_SHAKING;
    shake(c);
}

static void fail_connect(struct pelt_call *c, int error)
{
    char where[64];
    uint16_t port = c->endpoint->port;
    pelt_addr_format(&c->addrs.addr[c->next_addr - 1], where, sizeof(where));
    fail(c, PELT_EIO, "cannot connect to %s: %s: %s", where, strerror(error),
         port == 80 || port == 443
             ? "pelt-agent has port 9646 unless told otherwise: write it behind the host"
             : "is pelt-agent running there, and does it listen on that address (--listen)?");
}

static void connect_next(struct pelt_call *c)
{
    int fd = -ENOENT;
    bool in_progress = false;
    while (c->next_addr < c->addrs.len && fd < 0) {
        fd = pelt_sock_connect(&c->addrs.addr[c->next_addr++], &in_progress);
    }
    if (fd < 0) {
        fail_connect(c, -fd);
        return;
    }
    pelt_transport_plain(&c->transport, fd);
    c->state = PELT_CALL_CONNECTING;
    if (in_progress) {
        watch(c, EV_WRITE);
    } else {
        on_connected(c);
    }
}

static void on_connecting(struct pelt_call *c)
{
    int error = pelt_sock_error(c->transport.fd);
    if (error == 0) {
        on_connected(c);
        return;
    }
    if (c->next_addr == c->addrs.len) {
        fail_connect(c, error);
        return;
    }
    pelt_call_close(c);
    connect_next(c);
}

/* ---- the connection ---- */

/* Of an idle connection: TLS may have had something for itself. Else the agent closed it, or sends
 * what nobody asked for. */
static void idle(struct pelt_call *c)
{
    char byte;
    if (c->transport.ops->recv(&c->transport, &byte, 1) != PELT_AGAIN) {
        pelt_call_close(c);
    }
}

static void on_io(struct ev_loop *loop, ev_io *io, int events)
{
    struct pelt_call *c = io->data;
    switch (c->state) {
    case PELT_CALL_CLOSED:
        break;
    case PELT_CALL_CONNECTING:
        on_connecting(c);
        break;
    case PELT_CALL_SHAKING:
        shake(c);
        break;
    case PELT_CALL_SENDING:
        send_rest(c);
        break;
    case PELT_CALL_RECEIVING:
        receive(c);
        break;
    case PELT_CALL_IDLE:
        idle(c);
        break;
    }
}

void pelt_call_init(struct pelt_call *c, struct ev_loop *loop, struct pelt_endpoint *endpoint,
                    const struct pelt_call_ops *ops, void *arg)
{
    *c = (struct pelt_call){.ops = ops, .arg = arg, .loop = loop, .endpoint = endpoint};
    ev_io_init(&c->io, on_io, -1, EV_READ);
    c->io.data = c;
    c->response.on_body = on_body;
    c->response.arg = c;
    pelt_buf_init(&c->request, 16384);
    pelt_buf_init(&c->body, 0);
}

void pelt_call_deinit(struct pelt_call *c)
{
    if (c->loop != NULL) {
        pelt_call_close(c);
    }
    pelt_buf_deinit(&c->request);
    pelt_buf_deinit(&c->body);
}

void pelt_call_set_addrs(struct pelt_call *c, const struct pelt_addrs *addrs)
{
    c->addrs = *addrs;
}

static bool write_request(struct pelt_call *c, const char *target)
{
    const struct pelt_endpoint *e = c->endpoint;
    struct pelt_buf *b = &c->request;
    pelt_buf_reset(b);
    pelt_buf_addf(b, "GET %s%s HTTP/1.1\r\nHost: %s\r\nUser-Agent: pelt/%s\r\n", e->path, target,
                  e->host_header, PELT_VERSION);
    pelt_buf_add_str(b, "Accept: application/json\r\n");
    if (e->token != NULL) {
        pelt_buf_addf(b, "Authorization: Bearer %s\r\n", e->token);
    }
    pelt_buf_add_str(b, "\r\n");
    return !b->failed;
}

void pelt_call_get(struct pelt_call *c, const char *target, bool streams, size_t most)
{
    if (c->state != PELT_CALL_IDLE) {
        pelt_call_close(c);
    }
    c->serial++;
    c->streams = streams;
    c->body.limit = most;
    if (!write_request(c, target)) {
        fail(c, PELT_ENOMEM, "out of memory");
    } else if (c->state == PELT_CALL_IDLE) {
        send_request(c);
    } else {
        c->next_addr = 0;
        connect_next(c);
    }
}

unsigned pelt_call_status(const struct pelt_call *c)
{
    return c->response.status;
}

struct pelt_span pelt_call_body(const struct pelt_call *c)
{
    return pelt_span(c->body.data, c->body.len);
}
