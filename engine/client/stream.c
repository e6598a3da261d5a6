/*
 * stream: see the header; what a connection does for an exchange whose body is told piece by piece.
 *
 * Invariant: stream->conn is set once the head was told, and cleared by the owner's `done`, which
 * may be called within `received`; that is all that is looked at then, as the connection may be
 * gone.
 */
#include "pelt/stream.h"

#include <assert.h>

#include "h2.h"
#include "internal.h"

/* Of the whole exchange; from the head on also from one receive to the next. */
static void watch(struct pelt_conn *c, uint64_t now_ns)
{
    uint64_t length_ns = c->request->timeouts.total_ns, due_ns = c->call_ns + length_ns;
    uint64_t between_ns = c->request->stream->between_ns;
    if (c->response.head_done && !c->paused && now_ns + between_ns < due_ns) {
        length_ns = between_ns;
        due_ns = now_ns + between_ns;
    }
    pelt_deadline_set(&pelt_conn_client(c)->deadlines, &c->deadline, length_ns, due_ns);
}

static void tell_head(struct pelt_conn *c, uint64_t now_ns)
{
    struct pelt_stream *s = c->request->stream;
    s->conn = c;
    s->sent_ns = c->sent_ns;
    s->first_ns = c->first_ns;
    s->ops->head(s, c->response.status, pelt_conn_head(c), now_ns);
}

void pelt_conn_on_stream_body(void *conn, const char *bytes, size_t len)
{
    struct pelt_conn *c = conn;
    struct pelt_stream *s = c->request->stream;
    const uint64_t now_ns = pelt_conn_client(c)->received_ns;
    if (s->conn == NULL) {
        tell_head(c, now_ns);
    }
    if (s->refused == NULL) {
        s->ops->piece(s, bytes, len, now_ns);
    }
}

/* Not inlined, as pelt_client_started() is not: where answers end the recorder is to be. */
__attribute__((noinline)) bool pelt_conn_stream_refused(struct pelt_conn *c, uint64_t now_ns)
{
    const char *why = c->request->stream->refused;
    if (why != NULL) {
        pelt_conn_finish(c, PELT_OUTCOME_BAD_STREAM, why, now_ns);
    }
    return why != NULL;
}

__attribute__((noinline)) bool pelt_conn_stream_goes_on(struct pelt_conn *c, uint64_t now_ns)
{
    struct pelt_stream *s = c->request->stream;
    if (s->conn == NULL && c->response.head_done) {
        tell_head(c, now_ns);
    }
    if (pelt_conn_stream_refused(c, now_ns)) {
        return false;
    }
    watch(c, now_ns);
    if (s->conn == NULL) {
        return true;
    }
    bool more = s->ops->received(s, now_ns);
    if (s->conn != NULL && !more) {
        c->paused = true;
        if (c->muxed) {
            pelt_h2call_pause(c);
        }
        watch(c, now_ns);
    }
    return s->conn != NULL && more;
}

void pelt_stream_resume(struct pelt_stream *s, uint64_t now_ns)
{
    struct pelt_conn *c = s->conn;
    assert(c != NULL);
    if (c->paused) {
        c->paused = false;
        watch(c, now_ns);
        if (c->muxed) {
            pelt_h2call_resume(c);
        } else {
            pelt_poller_again(&pelt_conn_client(c)->poller, c->transport.fd, c);
        }
    }
}

void pelt_stream_cancel(struct pelt_stream *s, enum pelt_outcome outcome, uint64_t now_ns)
{
    assert(s->conn != NULL);
    pelt_conn_finish(s->conn, outcome, pelt_outcome_name(outcome), now_ns);
}
