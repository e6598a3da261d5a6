/*
 * h2manner: exchanges over HTTP/2 that are sent or received in another way than at once, as
 * manner.c has them for HTTP/1.1. A stream's own means stand in for those of a connection: its
 * window is opened again at the reading rate, DATA frames go at the writing rate, whoever gives up
 * resets it. Others on the connection do not feel it.
 *
 *   begin (before submit) -> fed, sent, continued, on_timer ... -> end (off its stream)
 *
 * Invariant: one is there only while its call is on a connection.
 */
#include <stddef.h>
#include <stdlib.h>

#include "h2.h"
#include "pace.h"
#include "pelt/manner.h"

struct pelt_h2manner {
    struct pelt_timer timer; /* first member */
    struct pelt_h2call *call;
    uint64_t read_per_s, write_per_s, abandon_after; /* as of struct pelt_manner */
    uint64_t body_ns;   /* the body may be sent from then on; PELT_NEVER: never */
    uint64_t body_sent; /* bytes of it that were let go, with a rate */
    uint64_t begun_ns;  /* when the reading rate counts from: first byte; 0: none came */
    uint64_t granted;   /* bytes that the server got room for since */
    bool waits;         /* the body, for 100 (Continue) or body_ns */
};

static void wake_at(struct pelt_h2manner *m, uint64_t at_ns)
{
    pelt_pace_wake(pelt_conn_client(&m->call->conn)->opt.timers, &m->timer, at_ns);
}

static struct pelt_h2_session *session_of(const struct pelt_h2manner *m)
{
    return m->call->via->session;
}

/* ---- what is due ---- */

/* The body, or as much of it as the rate allows. */
static void send_on(struct pelt_h2manner *m, uint64_t now_ns)
{
    struct pelt_h2_stream *s = &m->call->stream;
    if (m->waits || s->body_held == 0) {
        return;
    }
    if (m->write_per_s == 0) {
        pelt_h2_session_release(session_of(m), s, s->body_held);
        return;
    }
    const uint64_t due = pelt_pace_allowed(m->write_per_s, m->body_ns, now_ns);
    if (due > m->body_sent) {
        pelt_h2_session_release(session_of(m), s, (size_t)(due - m->body_sent));
        m->body_sent = due;
    }
    if (s->body_held > 0) {
        wake_at(m, pelt_pace_next_ns(m->write_per_s, m->body_ns, m->body_sent, now_ns));
    }
}

/* Room for what came, as the rate allows; none while a stream's script does not take it. */
static void grant(struct pelt_h2manner *m, uint64_t now_ns)
{
    struct pelt_h2_stream *s = &m->call->stream;
    if (m->read_per_s == 0 || s->taken == 0 || m->call->conn.paused) {
        return;
    }
    m->begun_ns = m->begun_ns == 0 ? now_ns : m->begun_ns;
    const uint64_t due = pelt_pace_allowed(m->read_per_s, m->begun_ns, now_ns);
    if (due > m->granted) {
        const uint64_t left = due - m->granted;
        m->granted += pelt_h2_session_grant(session_of(m), s,
                                            left < UINT32_MAX ? (uint32_t)left : UINT32_MAX);
    }
    if (s->taken > 0) {
        wake_at(m, pelt_pace_next_ns(m->read_per_s, m->begun_ns, m->granted, now_ns));
    }
}

static bool is_enough(const struct pelt_h2manner *m)
{
    const struct pelt_conn *c = &m->call->conn;
    return c->bytes_received >= m->abandon_after && c->state != PELT_CONN_SENDING;
}

static void abandon(struct pelt_conn *c, uint64_t now_ns)
{
    char *text = pelt_conn_client(c)->error_text;
    snprintf(text, sizeof pelt_conn_client(c)->error_text, "abandoned after %llu bytes",
             (unsigned long long)c->bytes_received);
    pelt_conn_finish(c, PELT_OUTCOME_ABANDONED, text, now_ns);
}

static void on_timer(struct pelt_timer *timer, uint64_t now_ns)
{
    struct pelt_h2manner *m = (struct pelt_h2manner *)timer;
    if (is_enough(m)) {
        abandon(&m->call->conn, now_ns);
        return;
    }
    if (m->waits && now_ns >= m->body_ns) {
        m->waits = false;
    } else if (m->waits && m->body_ns != PELT_NEVER) {
        wake_at(m, m->body_ns);
    }
    send_on(m, now_ns);
    grant(m, now_ns);
    pelt_h2conn_flush_soon(m->call->via);
}

/* ---- what happens on its stream ---- */

void pelt_h2manner_sent(struct pelt_h2call *a)
{
    if (a->manner != NULL && a->conn.bytes_received >= a->manner->abandon_after) {
        wake_at(a->manner, pelt_clock_ns()); /* not within the call that began it */
    }
}

void pelt_h2manner_continued(struct pelt_h2call *a, uint64_t now_ns)
{
    struct pelt_h2manner *m = a->manner;
    if (m != NULL && m->waits && m->body_ns != PELT_NEVER) {
        m->waits = false;
        m->body_ns = now_ns;
        send_on(m, now_ns);
    }
}

bool pelt_h2manner_fed(struct pelt_h2call *a, uint64_t now_ns)
{
    struct pelt_h2manner *m = a->manner;
    if (m == NULL) {
        return true;
    }
    if (is_enough(m)) {
        abandon(&a->conn, now_ns);
        return false;
    }
    if (m->waits && a->conn.response.head_done) {
        m->body_ns = PELT_NEVER; /* an answer before the body was sent: there it stays */
    }
    grant(m, now_ns);
    return true;
}

bool pelt_h2manner_left(const struct pelt_h2call *a)
{
    return a->manner != NULL && a->conn.bytes_received > a->manner->abandon_after;
}

void pelt_h2manner_abandon(struct pelt_conn *c, uint64_t now_ns)
{
    abandon(c, now_ns);
}

void pelt_h2manner_resume(struct pelt_h2call *a)
{
    if (a->manner != NULL) {
        a->stream.hold = a->manner->read_per_s > 0;
        grant(a->manner, pelt_clock_ns());
    }
}

/* ---- life ---- */

bool pelt_h2manner_begin(struct pelt_h2call *a)
{
    const struct pelt_request *r = a->conn.request;
    const struct pelt_manner *manner = r->manner;
    a->stream.hold = false;
    a->stream.body_held = 0;
    if (!r->mannered) {
        return true;
    }
    struct pelt_h2manner *m = calloc(1, sizeof *m);
    if (m == NULL) {
        return false;
    }
    *m =
        (struct pelt_h2manner){.timer = {.fn = on_timer},
                               .call = a,
                               .read_per_s = manner != NULL ? manner->read_per_s : 0,
                               .write_per_s = manner != NULL ? manner->write_per_s : 0,
                               .abandon_after = manner != NULL ? manner->abandon_after : PELT_NEVER,
                               .body_ns = a->conn.sent_ns,
                               .waits = r->continue_at != 0};
    a->manner = m;
    a->stream.hold = m->read_per_s > 0;
    if (m->waits) {
        m->body_ns += PELT_PACE_CONTINUE_NS;
    }
    if (m->waits || m->write_per_s > 0) {
        a->stream.body_held = SIZE_MAX;
        wake_at(m, m->body_ns);
    }
    return true;
}

void pelt_h2manner_end(struct pelt_h2call *a)
{
    if (a->manner != NULL) {
        pelt_timerq_remove(pelt_conn_client(&a->conn)->opt.timers, &a->manner->timer);
        free(a->manner);
        a->manner = NULL;
    }
}
