/*
 * h2call: see h2.h; an exchange on a stream: what the session tells of it, in the terms of conn.c.
 */
#include <assert.h>
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>

#include "h2.h"
#include "pelt/own_metric.h"

#define MOVES_MAX 3 /* connections in a row that are given up before they begin an exchange */

static struct pelt_h2call *call_of(struct pelt_conn *c)
{
    assert(c->muxed);
    return (struct pelt_h2call *)c;
}

static struct pelt_h2call *call_of_stream(struct pelt_h2_stream *s)
{
    return (struct pelt_h2call *)(void *)((char *)s - offsetof(struct pelt_h2call, stream));
}

/* ---- those that the running feed touched ---- */

static void touch(struct pelt_h2call *a)
{
    struct pelt_h2conn *k = a->via;
    if (!a->touched) {
        a->touched = true;
        a->tprev = NULL;
        a->tnext = k->touched;
        if (k->touched != NULL) {
            k->touched->tprev = a;
        }
        k->touched = a;
    }
}

static void untouch(struct pelt_h2call *a)
{
    if (a->touched) {
        *(a->tprev != NULL ? &a->tprev->tnext : &a->via->touched) = a->tnext;
        if (a->tnext != NULL) {
            a->tnext->tprev = a->tprev;
        }
        a->touched = false;
    }
}

/* ---- off a connection ---- */

/* Its stream is the session's no more. */
static void detach(struct pelt_h2call *a)
{
    untouch(a);
    pelt_h2queue_remove(a);
    pelt_h2manner_end(a);
    a->via = NULL;
}

void pelt_h2call_leave(struct pelt_conn *c)
{
    struct pelt_h2call *a = call_of(c);
    struct pelt_h2conn *k = a->via;
    if (a->making) {
        a->making = false;
        a->hub->making--;
        pelt_h2hub_serve_later(a->hub);
    }
    if (k == NULL) {
        pelt_h2queue_remove(a);
        return;
    }
    if (a->stream.id != 0 && k->heard_ns < c->sent_ns && c->first_ns == 0 &&
        pelt_clock_ns() >= c->sent_ns + c->request->timeouts.first_byte_ns) {
        pelt_h2conn_retire(k); /* nothing at all came meanwhile: it may be dead */
    }
    pelt_h2_session_cancel(k->session, &a->stream);
    detach(a);
    pelt_h2conn_settle(k);
}

/* ---- to a connection ---- */

/* Waits for one, in front of who came after it. */
static void queue(struct pelt_h2call *a, bool first)
{
    a->conn.state = PELT_CONN_QUEUED;
    (first ? pelt_h2queue_push_first : pelt_h2queue_push)(&a->hub->waiting, a);
}

static void watch_whole(struct pelt_conn *c)
{
    const uint64_t total_ns = c->request->timeouts.total_ns;
    pelt_deadline_set(&pelt_conn_client(c)->deadlines, &c->deadline, total_ns,
                      c->call_ns + total_ns);
}

void pelt_h2call_start(struct pelt_conn *c, uint64_t now_ns)
{
    struct pelt_h2call *a = call_of(c);
    a->moves = 0;
    if (a->hub == NULL) {
        pelt_h2call_join(c, NULL);
    }
    if (a->hub == NULL) {
        pelt_setup_fail(c, PELT_OUTCOME_GEN_MEMORY, ENOMEM, now_ns);
        return;
    }
    watch_whole(c);
    queue(a, false);
    pelt_h2hub_serve(a->hub, now_ns);
}

static void not_http2(struct pelt_conn *c, uint64_t now_ns)
{
    char *text = pelt_conn_client(c)->error_text;
    snprintf(text, sizeof pelt_conn_client(c)->error_text,
             "%s: %s: the server does not choose HTTP/2 (ALPN h2): leave out --http2, or ask one "
             "that speaks it",
             pelt_tls_class_name(PELT_TLS_ALPN), c->origin->host_header);
    pelt_setup_note_failure(c, now_ns);
    pelt_h2call_unmade(c, PELT_OUTCOME_TLS, text, now_ns);
}

void pelt_h2call_made(struct pelt_conn *c)
{
    struct pelt_h2call *a = call_of(c);
    struct pelt_h2hub *hub = a->hub;
    const uint64_t now_ns = pelt_clock_ns();
    struct pelt_tls_about about = {.alpn = "h2"}; /* prior knowledge, without TLS */
    if (c->origin->secure) {
        pelt_tls_about(&c->transport, &about);
    }
    if (strcmp(about.alpn, "h2") != 0) {
        not_http2(c, now_ns);
        return;
    }
    struct pelt_h2conn *k = pelt_h2conn_new(hub, c);
    if (k == NULL) {
        pelt_h2call_unmade(c, PELT_OUTCOME_GEN_MEMORY, "no memory for a connection", now_ns);
        return;
    }
    a->making = false;
    hub->making--;
    watch_whole(c);
    queue(a, true);
    k->busy = true;
    pelt_h2hub_serve(hub, now_ns);
    k->busy = false;
    pelt_h2conn_read(k, false); /* TLS may hold what came with the handshake; it sends, too */
}

void pelt_h2call_unmade(struct pelt_conn *c, enum pelt_outcome outcome, const char *error,
                        uint64_t now_ns)
{
    struct pelt_h2call *a = call_of(c);
    struct pelt_h2hub *hub = a->hub;
    char text[PELT_SAMPLE_TEXT];
    if (!a->making) {
        pelt_conn_finish(c, outcome, error, now_ns);
        return;
    }
    snprintf(text, sizeof text, "%s", error);
    hub->refs++; /* as the last exchange's end may end its users */
    hub->making--;
    a->making = false;
    hub->failures = c->failures;
    hub->retry_ns = c->retry_ns;
    uint32_t waiting = hub->conns == NULL && hub->making == 0 ? hub->waiting.len : 0;
    pelt_conn_finish(c, outcome, text, now_ns);
    for (; waiting > 0 && hub->waiting.first != NULL; waiting--) {
        pelt_conn_finish(&hub->waiting.first->conn, outcome, text, now_ns);
    }
    pelt_h2hub_serve_later(hub);
    pelt_h2hub_free(hub);
}

/* ---- what is told of its stream ---- */

static void on_sent(struct pelt_h2_stream *s, uint32_t bytes, bool all)
{
    struct pelt_h2call *a = call_of_stream(s);
    struct pelt_conn *c = &a->conn;
    c->bytes_sent += bytes;
    if (all) {
        pelt_conn_sent_all(c, a->via->now_ns);
        pelt_h2manner_sent(a);
    }
}

static void on_came(struct pelt_h2_stream *s, uint32_t bytes)
{
    struct pelt_h2call *a = call_of_stream(s);
    a->conn.bytes_received += bytes;
    if (a->conn.first_ns == 0) {
        pelt_conn_first_byte(&a->conn, a->via->now_ns);
    }
}

static void on_head(struct pelt_h2_stream *s, struct pelt_span text)
{
    struct pelt_h2call *a = call_of_stream(s);
    struct pelt_http1_response *r = &a->conn.response;
    r->status = s->status;
    r->head_done = true;
    r->may_set_cookie = s->may_set_cookie;
    if (text.len > 0 && (a->conn.request->keep || s->may_set_cookie)) {
        pelt_conn_keep_head(&a->conn, text);
    }
    touch(a);
}

static void on_go_on(struct pelt_h2_stream *s)
{
    struct pelt_h2call *a = call_of_stream(s);
    pelt_h2manner_continued(a, a->via->now_ns);
}

static void on_body(struct pelt_h2_stream *s, const char *bytes, size_t len, bool last)
{
    struct pelt_h2call *a = call_of_stream(s);
    struct pelt_http1_response *r = &a->conn.response;
    r->body_bytes += len;
    pelt_conn_client(&a->conn)->piece.len = 0; /* the end of an answer that was found to be bad */
    if (r->on_body != NULL && len > 0) {
        r->on_body(r->arg, bytes, len);
        if (!last) {
            pelt_conn_keep_piece(&a->conn); /* others may come before its next one */
        }
    }
    touch(a);
}

static void on_trailer(struct pelt_h2_stream *s, struct pelt_span fields)
{
    struct pelt_conn *c = &call_of_stream(s)->conn;
    if (c->response.on_trailer != NULL) {
        c->response.on_trailer(c->response.arg, fields.ptr, fields.len);
    }
    if (c->request->grpc != NULL) {
        pelt_conn_grpc_trailer(c, fields);
    }
}

/* A counter with the tag `code`. */
static void count_code(struct pelt_client *client, enum pelt_own_metric which, uint32_t code,
                       uint64_t now_ns)
{
    char name[16], tags[PELT_TAGS_TEXT + 1];
    if (client->opt.metrics != NULL) {
        snprintf(tags, sizeof tags, "code=%s", pelt_h2_code_name(code, name));
        pelt_recorder_counter(client->opt.recorder,
                              pelt_own_metric_series(client->opt.metrics, which, tags), 1, now_ns);
    }
}

/* The server had not begun it, and closes in good order: it goes over another connection. */
static bool moves(struct pelt_h2call *a, const struct pelt_h2conn *k, uint32_t code)
{
    struct pelt_conn *c = &a->conn;
    if (!k->goaway || code != 0 || ++a->moves > MOVES_MAX) {
        return false;
    }
    struct pelt_client *client = pelt_conn_client(c);
    if (client->opt.metrics != NULL) {
        pelt_recorder_counter(client->opt.recorder,
                              pelt_own_metric_series(client->opt.metrics, PELT_OWN_H2_MOVED, ""), 1,
                              k->now_ns);
    }
    c->sent_ns = c->first_ns = 0;
    c->send_us = 0;
    c->bytes_sent = 0;
    watch_whole(c);
    queue(a, true);
    pelt_h2hub_serve_later(a->hub);
    return true;
}

static void on_refused(struct pelt_h2call *a, const struct pelt_h2conn *k, uint32_t code)
{
    char *text = pelt_conn_client(&a->conn)->error_text, name[16];
    if (moves(a, k, code)) {
        return;
    }
    if (k->goaway) {
        snprintf(text, PELT_SAMPLE_TEXT, "GOAWAY %s before it was begun", k->goodbye);
    } else {
        snprintf(text, PELT_SAMPLE_TEXT, "RST_STREAM %s", pelt_h2_code_name(code, name));
    }
    pelt_conn_finish(&a->conn, PELT_OUTCOME_REFUSED, text, k->now_ns);
}

static void on_reset(struct pelt_conn *c, uint32_t code, uint64_t now_ns)
{
    char *text = pelt_conn_client(c)->error_text, name[16];
    const char *said = pelt_h2_code_name(code, name);
    if (c->response.head_done) {
        snprintf(text, PELT_SAMPLE_TEXT, "RST_STREAM %s after %llu bytes of the body", said,
                 (unsigned long long)c->response.body_bytes);
        pelt_conn_finish(c, PELT_OUTCOME_TRUNCATED, text, now_ns);
    } else {
        snprintf(text, PELT_SAMPLE_TEXT, "RST_STREAM %s before any answer", said);
        pelt_conn_finish(c, PELT_OUTCOME_STREAM_RESET, text, now_ns);
    }
}

static void on_bad(struct pelt_conn *c, const struct pelt_h2conn *k, enum pelt_outcome outcome)
{
    const char *words = pelt_h2_session_words(k->session);
    pelt_conn_finish(c, outcome, words != NULL ? words : pelt_outcome_name(outcome), k->now_ns);
}

static void on_ended(struct pelt_h2_stream *s, enum pelt_h2_end end, uint32_t code)
{
    struct pelt_h2call *a = call_of_stream(s);
    struct pelt_h2conn *k = a->via;
    struct pelt_conn *c = &a->conn;
    const bool left = pelt_h2manner_left(a);
    detach(a);
    switch (end) {
    case PELT_H2_DONE:
        a->hub->failures = 0;
        k->served = true;
        if (left) {
            pelt_h2manner_abandon(c, k->now_ns);
        } else {
            pelt_conn_end(c, PELT_HTTP1_DONE, k->now_ns);
        }
        break;
    case PELT_H2_REFUSED:
    case PELT_H2_RESET:
        if (end == PELT_H2_RESET || !k->goaway) {
            count_code(pelt_conn_client(c), PELT_OWN_H2_RESETS, code, k->now_ns);
        }
        if (end == PELT_H2_RESET) {
            on_reset(c, code, k->now_ns);
        } else {
            on_refused(a, k, code);
        }
        break;
    case PELT_H2_BAD_HEAD:
        on_bad(c, k, PELT_OUTCOME_BAD_RESPONSE);
        break;
    case PELT_H2_HEAD_TOO_LARGE:
        on_bad(c, k, PELT_OUTCOME_HEAD_TOO_LARGE);
        break;
    case PELT_H2_BAD_BODY:
        on_bad(c, k, PELT_OUTCOME_BAD_BODY);
        break;
    }
}

static void on_goaway(void *arg, int32_t last, uint32_t code, struct pelt_span debug)
{
    struct pelt_h2conn *k = arg;
    char name[16];
    k->goaway = true;
    k->goaway_code = code;
    snprintf(k->goodbye, sizeof k->goodbye, "%s%s%.*s", pelt_h2_code_name(code, name),
             debug.len > 0 ? ": " : "", (int)(debug.len < 60 ? debug.len : 60),
             debug.len > 0 ? debug.ptr : "");
    pelt_h2_plain(k->goodbye);
    count_code(pelt_conn_client(&k->conn), PELT_OWN_H2_GOAWAYS, code, k->now_ns);
    if (last == 0 && code == 0 && k->hub != NULL) { /* what moves would move at once, again */
        k->hub->retry_ns =
            pelt_setup_back_off(pelt_conn_client(&k->conn), &k->hub->failures, k->now_ns);
    }
    pelt_h2conn_retire(k);
}

const struct pelt_h2_ops pelt_h2call_ops = {
    .sent = on_sent,
    .came = on_came,
    .head = on_head,
    .go_on = on_go_on,
    .body = on_body,
    .trailer = on_trailer,
    .ended = on_ended,
    .goaway = on_goaway,
};

void pelt_h2call_go_on(struct pelt_h2conn *k)
{
    const uint64_t now_ns = k->now_ns;
    struct pelt_h2call *a;
    while ((a = k->touched) != NULL) {
        untouch(a);
        if (!pelt_h2manner_fed(a, now_ns)) {
            continue;
        }
        if (a->conn.request->stream != NULL) {
            pelt_conn_stream_goes_on(&a->conn, now_ns);
        } else {
            watch_whole(&a->conn);
        }
    }
}

void pelt_h2call_unsent(struct pelt_h2call *a, enum pelt_outcome outcome, const char *error,
                        uint64_t now_ns)
{
    detach(a);
    a->stream.id = 0;
    pelt_conn_finish(&a->conn, outcome, error, now_ns);
}

void pelt_h2call_lost(struct pelt_h2call *a, const char *how, bool blamed, uint64_t now_ns)
{
    struct pelt_conn *c = &a->conn;
    detach(a);
    a->stream.id = 0;
    if (blamed) {
        pelt_conn_finish(c,
                         c->response.head_done ? PELT_OUTCOME_BAD_BODY : PELT_OUTCOME_BAD_RESPONSE,
                         how, now_ns);
    } else {
        pelt_conn_cut_off(c, how, now_ns);
    }
}

/* ---- life ---- */

void pelt_h2call_pause(struct pelt_conn *c)
{
    call_of(c)->stream.hold = true;
}

void pelt_h2call_resume(struct pelt_conn *c)
{
    struct pelt_h2call *a = call_of(c);
    a->stream.hold = false;
    pelt_h2manner_resume(a);
    if (a->via != NULL) {
        if (!a->stream.hold) {
            pelt_h2_session_consume(a->via->session, &a->stream);
        }
        pelt_h2conn_flush_soon(a->via);
    }
}

struct pelt_conn *pelt_h2call_new(void)
{
    struct pelt_h2call *a = calloc(1, sizeof *a);
    if (a == NULL) {
        return NULL;
    }
    a->conn.transport.fd = -1;
    a->conn.muxed = true;
    return &a->conn;
}

void pelt_h2call_part(struct pelt_conn *c)
{
    struct pelt_h2call *a = call_of(c);
    pelt_h2hub_free(a->hub);
    a->hub = NULL;
}

static void join(struct pelt_h2call *a, struct pelt_h2hub *hub)
{
    hub->refs++;
    pelt_h2call_part(&a->conn);
    a->hub = hub;
}

void pelt_h2call_join(struct pelt_conn *c, const struct pelt_conn *other)
{
    struct pelt_h2call *a = call_of(c);
    const struct pelt_h2call *b = (const struct pelt_h2call *)other;
    if (b != NULL && b->hub != NULL) {
        join(a, b->hub);
    } else {
        pelt_h2call_part(c);
        a->hub = pelt_h2hub_new(c->origin, 1);
    }
}

void pelt_h2call_join_pool(struct pelt_conn *c)
{
    struct pelt_origin *o = c->origin;
    if (o->hub == NULL) {
        o->hub = pelt_h2hub_new(o, o->client->opt.connections_max);
    }
    if (o->hub != NULL) {
        join(call_of(c), o->hub);
    }
}
