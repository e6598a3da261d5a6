/*
 * manner: exchanges that are sent or received in another way than at once: slowly, given up on the
 * way, with a body that waits for 100 (Continue), with one side of the connection closed; and those
 * by a proxy, whose requests name the whole URL. What they need beside a connection hangs on its
 * `keep`, and goes with that at the exchange's end; `odd` stays set until an event finds none.
 *
 *   begin -> push (what may be sent now) -> on_ready, on_timer -> ... -> pelt_conn_finish()
 *
 * Slow means so many bytes each PELT_PACE_PIECE_NS, by a timer; the poller tells of what is new
 * only once, so what was not read then is asked for by the next tick.
 */
#include <assert.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "internal.h"
#include "pace.h"
#include "pelt/http1_request.h"
#include "pelt/manner.h"

#define RECEIVES_A_TURN 4
/* Of a slow reader, bytes: what comes in WINDOW_SHARE of a second, as each piece must find its
 * bytes there, also when it is late. Between these; above, the kernel's own limits rule
 * (net.core.rmem_max is 208 KiB where nobody changed it). */
#define WINDOW_LEAST 4096
#define WINDOW_MOST  (192u << 10)
#define WINDOW_SHARE 4

static const struct pelt_manner none = {.abandon_after = PELT_NEVER};

struct pelt_mannered {
    struct pelt_timer timer;
    struct pelt_conn *conn;
    const struct pelt_manner *manner;
    struct pelt_buf rewritten; /* for a proxy */
    const char *bytes;         /* as they are sent */
    size_t len, body_at;       /* of them; the body that waits, or len */
    uint64_t begun_ns;         /* when the reading rate counts from: first byte */
    uint64_t taken;            /* bytes received since, for the rate */
    uint64_t continue_ns; /* the body is sent at this moment; PELT_NEVER: the answer is there */
    bool readable;        /* the poller told so, and not all was read */
};

static void wake_at(struct pelt_mannered *m, uint64_t at_ns)
{
    pelt_pace_wake(pelt_conn_client(m->conn)->opt.timers, &m->timer, at_ns);
}

void pelt_mannered_free(struct pelt_mannered *m)
{
    if (m != NULL) {
        pelt_timerq_remove(pelt_conn_client(m->conn)->opt.timers, &m->timer);
        pelt_buf_deinit(&m->rewritten);
        free(m);
    }
}

/* ---- sending ---- */

static bool waits(const struct pelt_mannered *m)
{
    return m->body_at < m->len;
}

/* All of the request is on its way. */
static void sent(struct pelt_mannered *m, uint64_t now_ns)
{
    struct pelt_conn *c = m->conn;
    if (m->manner->half_close) {
        (void)shutdown(c->transport.fd, SHUT_WR);
    }
    pelt_conn_sent_all(c, now_ns);
    if (m->manner->abandon_after == 0) {
        wake_at(m, now_ns); /* not within the call that began it */
    }
}

/* Sends what may be sent by now. */
static void push(struct pelt_mannered *m, uint64_t now_ns)
{
    struct pelt_conn *c = m->conn;
    const uint64_t per_s = m->manner->write_per_s;
    const size_t end = waits(m) ? m->body_at : m->len;
    size_t most = end - c->bytes_sent;
    if (per_s > 0) {
        const uint64_t due = pelt_pace_allowed(per_s, c->sent_ns, now_ns);
        const uint64_t left = due > c->bytes_sent ? due - c->bytes_sent : 0;
        most = left < most ? (size_t)left : most;
    }
    if (most > 0) {
        const ssize_t put = c->transport.ops->send(&c->transport, m->bytes + c->bytes_sent, most);
        if (put <= 0) {
            return; /* the poller tells, or the reading side, as in conn.c */
        }
        c->bytes_sent += (uint32_t)put;
    }
    if (c->bytes_sent == m->len) {
        sent(m, now_ns);
    } else if (c->bytes_sent < end && per_s > 0) {
        wake_at(m, pelt_pace_next_ns(per_s, c->sent_ns, c->bytes_sent, now_ns));
    } else if (c->bytes_sent == end && m->continue_ns == 0) {
        m->continue_ns = now_ns + PELT_PACE_CONTINUE_NS;
        wake_at(m, m->continue_ns);
    }
}

/* 100 came, or nothing for long enough. */
static void release_body(struct pelt_mannered *m, uint64_t now_ns)
{
    m->body_at = m->len;
    push(m, now_ns);
}

/* An answer that is there before the body was sent: there it stays. */
static void look_for_continue(struct pelt_mannered *m, uint64_t now_ns)
{
    const struct pelt_http1_response *r = &m->conn->response;
    if (r->head_done) {
        m->continue_ns = PELT_NEVER;
    } else if (pelt_http1_response_continued(r)) {
        release_body(m, now_ns);
    }
}

/* ---- receiving ---- */

/* Bytes that may be received by now; 0: none, and the timer is set. */
static size_t room(struct pelt_mannered *m, uint64_t now_ns)
{
    const struct pelt_conn *c = m->conn;
    const uint64_t per_s = m->manner->read_per_s;
    uint64_t most = PELT_RECV_BYTES;
    if (per_s > 0) {
        m->begun_ns = m->begun_ns == 0 ? now_ns : m->begun_ns;
        const uint64_t due = pelt_pace_allowed(per_s, m->begun_ns, now_ns);
        if (due <= m->taken) {
            wake_at(m, pelt_pace_next_ns(per_s, m->begun_ns, m->taken, now_ns));
            return 0;
        }
        most = due - m->taken < most ? due - m->taken : most;
    }
    const uint64_t left = m->manner->abandon_after - c->bytes_received; /* PELT_NEVER: plenty */
    return (size_t)(left > 0 && left < most ? left : most);
}

static bool is_enough(const struct pelt_mannered *m)
{
    const struct pelt_conn *c = m->conn;
    return c->bytes_received >= m->manner->abandon_after && c->state != PELT_CONN_SENDING;
}

static void abandon(struct pelt_mannered *m, uint64_t now_ns)
{
    struct pelt_conn *c = m->conn;
    char *text = pelt_conn_client(c)->error_text;
    snprintf(text, sizeof(pelt_conn_client(c)->error_text), "abandoned after %llu bytes",
             (unsigned long long)c->bytes_received);
    pelt_conn_finish(c, PELT_OUTCOME_ABANDONED, text, now_ns);
}

/* One receive. False: not now, or the exchange has ended, and `m` may be gone. */
static bool pull(struct pelt_mannered *m)
{
    struct pelt_conn *c = m->conn;
    struct pelt_client *client = pelt_conn_client(c);
    const size_t most = c->paused ? 0 : room(m, pelt_clock_ns()); /* a stream may be */
    if (most == 0) {
        return false;
    }
    const ssize_t got = c->transport.ops->recv(&c->transport, client->recv, most);
    const uint64_t now_ns = pelt_clock_ns();
    if (got == PELT_AGAIN) {
        m->readable = false;
        return false;
    }
    if (got <= 0) {
        pelt_conn_lost(c, got == PELT_EOF ? 0 : c->transport.err, now_ns);
        return false;
    }
    m->taken += (uint64_t)got;
    if (!pelt_conn_receive(c, (size_t)got, c->transport.ended, now_ns)) {
        return false;
    }
    if (waits(m)) {
        look_for_continue(m, now_ns);
    }
    if (is_enough(m)) {
        abandon(m, now_ns);
        return false;
    }
    return true;
}

static void read_on(struct pelt_mannered *m)
{
    struct pelt_conn *c = m->conn;
    for (unsigned i = 0; i < RECEIVES_A_TURN; i++) {
        if (!pull(m)) {
            return;
        }
    }
    pelt_poller_again(&pelt_conn_client(c)->poller, c->transport.fd, c);
}

/* ---- events ---- */

static void on_timer(struct pelt_timer *timer, uint64_t now_ns)
{
    struct pelt_mannered *m = (struct pelt_mannered *)timer;
    struct pelt_conn *c = m->conn;
    if (is_enough(m)) {
        abandon(m, now_ns);
        return;
    }
    if (c->state == PELT_CONN_SENDING) {
        if (m->continue_ns == 0) {
            push(m, now_ns);
        } else if (!waits(m) || now_ns >= m->continue_ns) {
            release_body(m, now_ns);
        } else if (m->continue_ns != PELT_NEVER) {
            wake_at(m, m->continue_ns);
        }
    }
    if (m->readable) {
        read_on(m);
    }
}

static struct pelt_mannered *mannered(const struct pelt_conn *c)
{
    return c->keep != NULL ? c->keep->mannered : NULL;
}

void pelt_manner_on_ready(struct pelt_conn *c, unsigned ready)
{
    struct pelt_mannered *m = mannered(c);
    if (m == NULL || c->request == NULL) {
        c->odd = false; /* another exchange, or none */
        pelt_conn_on_ready(c, ready);
        return;
    }
    if (c->state == PELT_CONN_SENDING && ready & PELT_READY_WRITE) {
        push(m, pelt_clock_ns());
    }
    if (ready & PELT_READY_READ) {
        m->readable = true;
        read_on(m);
    }
}

/* ---- the beginning ---- */

/* "GET http://host:port/path HTTP/1.1", the fields, and the proxy's credentials among them. */
static bool rewrite(struct pelt_mannered *m)
{
    const struct pelt_conn *c = m->conn;
    const struct pelt_request *r = c->request;
    const char *path = memchr(r->bytes, ' ', r->len);
    const char *line_end = memchr(r->bytes, '\n', r->len);
    const char *auth = c->origin->proxy_authorization;
    struct pelt_buf *out = &m->rewritten;
    if (path == NULL || line_end == NULL || path > line_end) {
        return false;
    }
    pelt_buf_add(out, r->bytes, (size_t)(path + 1 - r->bytes));
    if (path[1] == '/') { /* "*" of OPTIONS stays what it is */
        pelt_buf_addf(out, "http://%s", c->origin->host_header);
    }
    pelt_buf_add(out, path + 1, (size_t)(line_end - path));
    if (auth != NULL) {
        pelt_buf_addf(out, "Proxy-Authorization: %s\r\n", auth);
    }
    const size_t added = out->len - (size_t)(line_end + 1 - r->bytes);
    pelt_buf_add(out, line_end + 1, r->len - (size_t)(line_end + 1 - r->bytes));
    m->bytes = out->data;
    m->len = out->len;
    m->body_at = r->continue_at != 0 ? r->continue_at + added : m->len;
    return !out->failed;
}

static struct pelt_mannered *mannered_new(struct pelt_conn *c)
{
    const struct pelt_request *r = c->request;
    struct pelt_mannered *m = calloc(1, sizeof *m);
    if (m == NULL) {
        return NULL;
    }
    *m = (struct pelt_mannered){.timer = {.fn = on_timer},
                                .conn = c,
                                .manner = r->manner != NULL ? r->manner : &none,
                                .bytes = r->bytes,
                                .len = r->len,
                                .body_at = r->continue_at != 0 ? r->continue_at : r->len};
    pelt_buf_init(&m->rewritten, 0);
    if (c->absolute && !rewrite(m)) {
        pelt_mannered_free(m);
        return NULL;
    }
    return m;
}

/* So that the server feels a slow reader. It stays: such a request says `close`. */
static void narrow(const struct pelt_conn *c, uint64_t per_s)
{
    const uint64_t wanted = per_s / WINDOW_SHARE;
    const int window = wanted < WINDOW_LEAST ? WINDOW_LEAST : (int)wanted;
    if (wanted <= WINDOW_MOST) {
        (void)setsockopt(c->transport.fd, SOL_SOCKET, SO_RCVBUF, &window, sizeof window);
    }
}

void pelt_manner_begin(struct pelt_conn *c)
{
    const struct pelt_request *r = c->request;
    struct pelt_client *client = pelt_conn_client(c);
    pelt_conn_prepare(c);
    struct pelt_keep *keep = pelt_conn_keep(c);
    c->odd = true;
    pelt_deadline_set(&client->deadlines, &c->deadline, r->timeouts.total_ns,
                      c->call_ns + r->timeouts.total_ns);
    if (keep == NULL || (keep->mannered = mannered_new(c)) == NULL) {
        free(keep); /* empty so far; the deadline tells */
        c->keep = NULL;
        c->head_lost = true;
        pelt_deadline_set(&client->deadlines, &c->deadline, 1, c->sent_ns);
        return;
    }
    if (keep->mannered->manner->read_per_s > 0) {
        narrow(c, keep->mannered->manner->read_per_s);
    }
    push(keep->mannered, c->sent_ns);
}
