/*
 * wsconn: see the header. The connection of the handshake is the first member; once it is UPGRADED,
 * what becomes ready of it comes here.
 *
 * Invariant: only the end of pelt_wsconn_on_ready(), on_timer() and on_opened() wakes the set, and
 * touches nothing afterwards, as the user may free anything then.
 */
#include <assert.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"
#include "pelt/utf8.h"
#include "pelt/ws_reader.h"
#include "pelt/ws_writer.h"
#include "wsbox.h"

#define RECEIVES_A_TURN 4
#define FRAME_KEPT      (4u << 20) /* bytes of the thread's buffer for frames */
#define HELD_BYTES      4096       /* of a message that may wait for the end of a batch */
#define CONTROLS_MAX    65536      /* bytes of pongs on top of what may wait to be sent */

/* What the opening handshake needs while it is in flight. */
struct opening {
    struct pelt_request request;
    struct pelt_ws_handshake key;
    struct pelt_ws_ask ask;
    struct pelt_ws_answer answer;
    uint16_t expect;
    size_t message_max;
    void (*opened)(void *arg, const struct pelt_wsconn_opened *opened);
    void *arg;
    char bytes[]; /* the request, the subprotocols */
};

struct pelt_wsconn {
    struct pelt_conn conn;
    struct pelt_wsset *set;          /* NULL: its user is gone */
    struct pelt_wsconn *sibling;     /* of the set */
    struct pelt_wsconn *prev, *next; /* of the client */
    struct pelt_wsconn **holder;     /* where its user keeps it; NULL: nobody asks for it */
    struct opening *opening;         /* NULL: none is in flight */
    struct pelt_ws_meter *meter;     /* NULL: nothing is recorded */
    struct pelt_timer timer;         /* never later than wait_ns and close_ns */
    struct pelt_ws_reader reader;
    struct pelt_ws_writer writer;
    struct pelt_wsbox box;
    struct pelt_buf rest;             /* received, not read yet as the box is full */
    struct pelt_buf out;              /* written, not sent yet */
    size_t out_at;                    /* so much of it was sent */
    uint64_t out_messages, out_bytes; /* of messages in it */
    uint64_t out_ns;                  /* when it was sent last */
    uint64_t wait_ns;                 /* the set waits until then; 0: it does not */
    uint64_t close_ns;                /* in CLOSING, PARTING: it is over then */
    uint64_t pong_ns;
    uint64_t ping; /* number of the newest */
    uint32_t series;
    uint8_t state; /* enum pelt_wsconn_state */
    bool feed;     /* the set waits for a feed's message */
    bool news;     /* something happened that may be waited for */
    bool held;     /* `out` is sent at the end of the running batch (outbox.c) */
    bool paused;   /* the box is full: nothing is received */
    struct pelt_wsconn_end end;
};

static struct pelt_client *client_of(const struct pelt_wsconn *ws)
{
    return pelt_conn_client(&ws->conn);
}

static struct pelt_recorder *recorder_of(const struct pelt_wsconn *ws)
{
    return client_of(ws)->opt.recorder;
}

static bool is_busy(enum pelt_wsconn_state state)
{
    return state == PELT_WSCONN_OPEN || state == PELT_WSCONN_CLOSING;
}

static void set_state(struct pelt_wsconn *ws, enum pelt_wsconn_state state)
{
    struct pelt_wsconns *all = &client_of(ws)->wsconns;
    all->busy += is_busy(state);
    all->busy -= is_busy(ws->state);
    ws->state = state;
    ws->news = true;
}

/* ---- time ---- */

/* The timer may fire before it is needed, which costs less than moving it each time. Out of memory
 * for it: whoever waits is woken by what comes only. */
static void arm(struct pelt_wsconn *ws, uint64_t due_ns)
{
    if (due_ns != PELT_NEVER && (ws->timer.slot == 0 || ws->timer.due_ns > due_ns)) {
        (void)!pelt_timerq_add(client_of(ws)->opt.timers, &ws->timer, due_ns);
    }
}

/* ---- the end ---- */

static void unlink_from_client(struct pelt_wsconn *ws)
{
    struct pelt_wsconns *all = &client_of(ws)->wsconns;
    *(ws->prev != NULL ? &ws->prev->next : &all->first) = ws->next;
    if (ws->next != NULL) {
        ws->next->prev = ws->prev;
    }
}

static void unhold(struct pelt_wsconn *ws)
{
    if (ws->held) {
        ws->held = false;
        pelt_outbox_remove(&ws->conn);
    }
}

static void drop_buffers(struct pelt_wsconn *ws)
{
    pelt_ws_reader_deinit(&ws->reader);
    pelt_ws_writer_deinit(&ws->writer);
    ws->reader = (struct pelt_ws_reader){.pool = NULL};
    ws->writer = (struct pelt_ws_writer){.pool = NULL};
    pelt_buf_deinit(&ws->rest);
    pelt_buf_deinit(&ws->out);
    ws->out_at = 0;
    ws->out_messages = ws->out_bytes = 0;
    ws->paused = false;
}

static void destroy(struct pelt_wsconn *ws)
{
    assert(ws->conn.request == NULL);
    unhold(ws);
    pelt_timerq_remove(client_of(ws)->opt.timers, &ws->timer);
    unlink_from_client(ws);
    drop_buffers(ws);
    pelt_wsbox_deinit(&ws->box);
    free(ws->opening);
    pelt_conn_free(&ws->conn); /* and with it all of `ws` */
}

/* The connection is of no further use. */
static void hang_up(struct pelt_wsconn *ws)
{
    unhold(ws);
    pelt_conn_drop(&ws->conn);
    drop_buffers(ws);
    pelt_timerq_remove(client_of(ws)->opt.timers, &ws->timer);
    set_state(ws, PELT_WSCONN_CLOSED);
}

static void note_end(struct pelt_wsconn *ws, unsigned code, bool clean, struct pelt_span reason,
                     uint64_t now_ns)
{
    size_t len = reason.len < PELT_WSCONN_REASON ? reason.len : PELT_WSCONN_REASON - 1;
    ws->end.code = code;
    ws->end.clean = clean;
    if (len > 0) {
        memcpy(ws->end.reason, reason.ptr, len);
    }
    ws->end.reason[len] = '\0';
    pelt_ws_meter_closed(client_of(ws), ws->series, code, clean, now_ns);
}

static void note_failure(struct pelt_wsconn *ws, enum pelt_ws_class class, uint64_t now_ns)
{
    ws->end.failed = true;
    ws->end.class = class;
    pelt_ws_meter_failed(client_of(ws), ws->series, class, now_ns);
}

/* ---- sending ---- */

static void count_sent(struct pelt_wsconn *ws, uint64_t messages, uint64_t bytes, uint64_t now_ns)
{
    if (ws->meter != NULL && messages > 0) {
        pelt_recorder_counter(recorder_of(ws), ws->meter->messages[PELT_WS_SENT], messages, now_ns);
        pelt_recorder_counter(recorder_of(ws), ws->meter->bytes[PELT_WS_SENT], bytes, now_ns);
    }
}

static size_t unsent(const struct pelt_wsconn *ws)
{
    return ws->out.len - ws->out_at;
}

/* A failed send is left to the reading side: what the server said before its end is still there. */
static void flush(struct pelt_wsconn *ws, uint64_t now_ns)
{
    struct pelt_transport *t = &ws->conn.transport;
    ws->out_ns = now_ns;
    while (unsent(ws) > 0) {
        ssize_t put = t->ops->send(t, ws->out.data + ws->out_at, unsent(ws));
        if (put <= 0) {
            return;
        }
        ws->out_at += (size_t)put;
    }
    if (ws->out.cap > 2 * HELD_BYTES) {
        pelt_buf_deinit(&ws->out);
    }
    ws->out.len = 0;
    ws->out_at = 0;
    count_sent(ws, ws->out_messages, ws->out_bytes, now_ns);
    ws->out_messages = ws->out_bytes = 0;
    ws->news = true;
}

/* Where a frame is to be written: behind what waits, else the thread's buffer. */
static struct pelt_buf *frame_of(struct pelt_wsconn *ws)
{
    struct pelt_buf *frame = &client_of(ws)->wsconns.frame;
    if (unsent(ws) > 0) {
        if (ws->out_at > ws->out.len / 2) {
            memmove(ws->out.data, ws->out.data + ws->out_at, unsent(ws));
            ws->out.len -= ws->out_at;
            ws->out_at = 0;
        }
        return &ws->out;
    }
    pelt_buf_reset(frame);
    return frame;
}

/* Sends a frame just written. False: out of memory for what is left of it. */
static bool put_frame(struct pelt_wsconn *ws, struct pelt_buf *frame)
{
    struct pelt_transport *t = &ws->conn.transport;
    if (frame == &ws->out) {
        return true;
    }
    ssize_t put = t->ops->send(t, frame->data, frame->len);
    size_t done = put > 0 ? (size_t)put : 0;
    bool kept = done == frame->len ||
                pelt_buf_add(&ws->out, frame->data + done, frame->len - done) == PELT_OK;
    if (frame->cap > FRAME_KEPT) {
        pelt_buf_deinit(frame);
    }
    return kept;
}

/* Says close, and is done with it: at most once. */
static bool say_close(struct pelt_wsconn *ws, unsigned code, struct pelt_span reason)
{
    struct pelt_buf *frame = frame_of(ws);
    return pelt_ws_write_close(&ws->writer, frame, code, reason) == PELT_OK && put_frame(ws, frame);
}

static void fail(struct pelt_wsconn *ws, enum pelt_ws_class class, struct pelt_span why,
                 uint64_t now_ns)
{
    unsigned code = pelt_ws_class_code(class);
    if (ws->state == PELT_WSCONN_OPEN && code != 0) {
        (void)say_close(ws, code, pelt_span("", 0));
        flush(ws, now_ns);
    }
    note_failure(ws, class, now_ns);
    note_end(ws, code != 0 ? code : PELT_WS_CODE_ABNORMAL, false, why, now_ns);
    hang_up(ws);
}

static void send_pong(struct pelt_wsconn *ws, struct pelt_span data)
{
    struct pelt_buf *frame = frame_of(ws);
    if (unsent(ws) > PELT_WSCONN_OUT_BYTES + CONTROLS_MAX) {
        return; /* it does not read what it asks for */
    }
    if (pelt_ws_write_pong(&ws->writer, frame, data) == PELT_OK) {
        (void)!put_frame(ws, frame);
    }
}

/* ---- receiving ---- */

/* The connection ended: errno, or 0 for an orderly end. */
static void lost(struct pelt_wsconn *ws, int error, uint64_t now_ns)
{
    if (ws->state == PELT_WSCONN_OPEN) {
        const char *how = error != 0 ? strerror(error) : "the server closed the connection";
        fail(ws, PELT_WS_CLASS_RESET, pelt_span_of(how), now_ns);
        return;
    }
    if (ws->state == PELT_WSCONN_CLOSING) {
        note_end(ws, PELT_WS_CODE_ABNORMAL, false, pelt_span("", 0), now_ns);
    }
    hang_up(ws);
}

static void take_close(struct pelt_wsconn *ws, const struct pelt_ws_event *event, uint64_t now_ns)
{
    bool ours = ws->state == PELT_WSCONN_CLOSING;
    bool said = ours || say_close(ws, event->code, pelt_span("", 0));
    note_end(ws, event->code, said, event->data, now_ns);
    set_state(ws, PELT_WSCONN_PARTING);
    ws->close_ns = now_ns + PELT_WSCONN_CLOSE_NS;
    arm(ws, ws->close_ns);
}

static void take_failure(struct pelt_wsconn *ws, const struct pelt_ws_event *event, uint64_t now_ns)
{
    enum pelt_ws_class class = event->fault == PELT_WS_BIG_MESSAGE   ? PELT_WS_CLASS_TOO_LARGE
                               : event->fault == PELT_WS_BAD_UTF8    ? PELT_WS_CLASS_BAD_UTF8
                               : event->fault == PELT_WS_BAD_DEFLATE ? PELT_WS_CLASS_BAD_DEFLATE
                                                                     : PELT_WS_CLASS_PROTOCOL;
    fail(ws, class, event->data, now_ns);
}

static void no_memory(struct pelt_wsconn *ws, uint64_t now_ns)
{
    fail(ws, PELT_WS_CLASS_GEN_MEMORY, pelt_span_of("out of memory"), now_ns);
}

static void take_pong(struct pelt_wsconn *ws, struct pelt_span data, uint64_t now_ns)
{
    if (data.len == sizeof ws->ping && memcmp(data.ptr, &ws->ping, sizeof ws->ping) == 0) {
        ws->pong_ns = now_ns;
        ws->news = true;
    }
}

/* Messages of the running read. */
struct tally {
    uint64_t messages, bytes;
};

/* What comes after our close is counted, and nobody's. */
static void take_message(struct pelt_wsconn *ws, const struct pelt_ws_event *event, bool binary,
                         struct tally *tally, uint64_t now_ns)
{
    tally->messages++;
    tally->bytes += event->data.len;
    if (ws->state == PELT_WSCONN_OPEN && ws->holder != NULL) {
        if (!pelt_wsbox_add(&ws->box, event->data, binary, now_ns)) {
            no_memory(ws, now_ns);
        }
        ws->news = true;
    }
}

/* False: there is no more to be read from *in now. */
static bool take_next(struct pelt_wsconn *ws, struct pelt_span *in, struct tally *tally,
                      uint64_t now_ns)
{
    struct pelt_ws_event event;
    switch (pelt_ws_reader_next(&ws->reader, in, &event)) {
    case PELT_WS_MORE:
        return false;
    case PELT_WS_TEXT:
        take_message(ws, &event, false, tally, now_ns);
        break;
    case PELT_WS_BINARY:
        take_message(ws, &event, true, tally, now_ns);
        break;
    case PELT_WS_PING:
        if (ws->state == PELT_WSCONN_OPEN) {
            send_pong(ws, event.data);
        }
        break;
    case PELT_WS_PONG:
        take_pong(ws, event.data, now_ns);
        break;
    case PELT_WS_CLOSE:
        take_close(ws, &event, now_ns);
        break;
    case PELT_WS_FAILED:
        take_failure(ws, &event, now_ns);
        break;
    case PELT_WS_NO_MEMORY:
        no_memory(ws, now_ns);
        break;
    }
    return is_busy(ws->state);
}

/* Its user takes no messages: the server is to feel it. */
static bool is_full(const struct pelt_wsconn *ws)
{
    return ws->state == PELT_WSCONN_OPEN && ws->box.bytes >= PELT_WSCONN_BOX_BYTES;
}

/* What does not fit into the box waits in `rest`. */
static void read_bytes(struct pelt_wsconn *ws, struct pelt_span in, uint64_t now_ns)
{
    struct tally tally = {0, 0};
    while (!is_full(ws) && take_next(ws, &in, &tally, now_ns)) {
    }
    if (ws->meter != NULL && tally.messages > 0) {
        pelt_recorder_counter(recorder_of(ws), ws->meter->messages[PELT_WS_RECEIVED],
                              tally.messages, now_ns);
        pelt_recorder_counter(recorder_of(ws), ws->meter->bytes[PELT_WS_RECEIVED], tally.bytes,
                              now_ns);
    }
    if (is_full(ws)) {
        ws->paused = true;
        if (in.len > 0 && pelt_buf_add(&ws->rest, in.ptr, in.len) != PELT_OK) {
            no_memory(ws, now_ns);
        }
    }
}

/* Whether a receive that gave less than it could hold says that nothing is left. */
static bool is_drained(const struct pelt_wsconn *ws, size_t got)
{
    return got < PELT_RECV_BYTES && ws->conn.transport.ops->discard != NULL;
}

/* Returns the moment of the last one; 0: there was none. */
static uint64_t receive(struct pelt_wsconn *ws, bool ended)
{
    struct pelt_client *client = client_of(ws);
    struct pelt_transport *t = &ws->conn.transport;
    uint64_t now_ns = 0;
    for (unsigned i = 0; i < RECEIVES_A_TURN; i++) {
        if (ws->paused || ws->state < PELT_WSCONN_OPEN) {
            return now_ns;
        }
        ssize_t got = t->ops->recv(t, client->recv, PELT_RECV_BYTES);
        if (got == PELT_AGAIN) {
            return now_ns;
        }
        now_ns = pelt_clock_ns();
        if (got <= 0) {
            lost(ws, got == PELT_EOF ? 0 : t->err, now_ns);
            return now_ns;
        }
        if (ws->state != PELT_WSCONN_PARTING) {
            read_bytes(ws, pelt_span(client->recv, (size_t)got), now_ns);
        }
        if (is_drained(ws, (size_t)got) && !ended) {
            return now_ns;
        }
    }
    if (ws->state != PELT_WSCONN_CLOSED) {
        pelt_poller_again(&client->poller, t->fd, &ws->conn);
    }
    return now_ns;
}

/* ---- events ---- */

/* Tells who has to know. Nothing is touched afterwards. */
static void settle(struct pelt_wsconn *ws, uint64_t now_ns)
{
    struct pelt_wsset *set = ws->set;
    struct pelt_wsconns *all = &client_of(ws)->wsconns;
    bool wakes = ws->news && ws->wait_ns != 0;
    ws->news = false;
    if (set == NULL && ws->state == PELT_WSCONN_CLOSED) {
        destroy(ws);
    } else if (wakes) {
        ws->wait_ns = 0;
    }
    if (all->on_quiet != NULL && all->busy == 0) {
        void (*quiet)(void *arg) = all->on_quiet;
        all->on_quiet = NULL;
        quiet(all->on_quiet_arg);
    } else if (wakes) {
        set->wake(set->arg, now_ns);
    }
}

void pelt_wsconn_on_ready(struct pelt_conn *c, unsigned ready)
{
    struct pelt_wsconn *ws = (struct pelt_wsconn *)c;
    uint64_t now_ns = 0;
    if (ready & PELT_READY_WRITE && unsent(ws) > 0) {
        flush(ws, pelt_clock_ns());
    }
    if (ready & PELT_READY_READ) {
        now_ns = receive(ws, ready & PELT_READY_END);
    }
    if (ws->news || ws->state == PELT_WSCONN_CLOSED) {
        settle(ws, now_ns != 0 ? now_ns : pelt_clock_ns());
    }
}

static void on_timer(struct pelt_timer *timer, uint64_t now_ns)
{
    struct pelt_wsconn *ws =
        (struct pelt_wsconn *)(void *)((char *)timer - offsetof(struct pelt_wsconn, timer));
    bool closing = ws->state == PELT_WSCONN_CLOSING || ws->state == PELT_WSCONN_PARTING;
    if (closing && now_ns >= ws->close_ns) {
        if (ws->state == PELT_WSCONN_CLOSING) {
            note_failure(ws, PELT_WS_CLASS_CLOSE_TIMEOUT, now_ns);
            note_end(ws, PELT_WS_CODE_ABNORMAL, false, pelt_span("", 0), now_ns);
        }
        hang_up(ws);
    } else if (closing) {
        arm(ws, ws->close_ns);
    }
    if (ws->wait_ns != 0 && now_ns >= ws->wait_ns) {
        ws->news = true;
    } else if (ws->wait_ns != 0 && ws->state != PELT_WSCONN_CLOSED) {
        arm(ws, ws->wait_ns);
    }
    settle(ws, now_ns);
}

/* ---- opening ---- */

enum pelt_outcome pelt_wsconn_judge(struct pelt_conn *c, unsigned status, struct pelt_span head,
                                    const char **error)
{
    struct pelt_wsconn *ws = (struct pelt_wsconn *)c;
    struct opening *o = ws->opening;
    switch (pelt_ws_handshake_check(&o->key, &o->ask, status, head, &o->answer)) {
    case PELT_WS_ACCEPTED:
        return PELT_OUTCOME_OK;
    case PELT_WS_BAD_STATUS:
        return PELT_OUTCOME_HTTP_STATUS;
    default:
        *error = o->answer.reason;
        return PELT_OUTCOME_WS_HANDSHAKE;
    }
}

static void begin(struct pelt_wsconn *ws, const struct pelt_exchange *x)
{
    struct pelt_client *client = client_of(ws);
    const struct pelt_ws_deflate_terms *terms = &ws->opening->answer.deflate;
    const uint64_t now_ns = x->sample.done_ns;
    pelt_ws_reader_init(&ws->reader, client->wsconns.pool, ws->opening->message_max, terms);
    pelt_ws_writer_init(&ws->writer, client->wsconns.pool, &client->rng, terms);
    ws->meter = pelt_ws_meter_of(client, ws->series);
    if (ws->meter != NULL) {
        pelt_recorder_trend(recorder_of(ws), ws->meter->connect,
                            (now_ns - ws->conn.call_ns + 500) / 1000, now_ns);
        /* So that a threshold can say that there were none. */
        pelt_recorder_counter(recorder_of(ws), ws->meter->errors, 0, now_ns);
    }
    set_state(ws, PELT_WSCONN_OPEN);
}

static void on_opened(void *arg, const struct pelt_exchange *x)
{
    struct pelt_wsconn *ws = arg;
    struct pelt_client *client = client_of(ws);
    struct opening *o = ws->opening;
    struct pelt_span behind = client->behind;
    client->behind.len = 0;
    struct pelt_wsconn_opened opened = {.exchange = x};
    if (x->outcome == PELT_OUTCOME_OK) {
        opened.subprotocol = o->answer.subprotocol;
        opened.deflate = o->answer.deflate.deflate;
        begin(ws, x);
    } else {
        if (ws->conn.state == PELT_CONN_IDLE) {
            pelt_conn_drop(&ws->conn); /* it answered otherwise, and keeps the connection open */
        }
        set_state(ws, PELT_WSCONN_CLOSED);
    }
    ws->opening = NULL;
    if (o->opened != NULL) {
        o->opened(o->arg, &opened);
    }
    free(o);
    if (ws->state == PELT_WSCONN_OPEN) {
        if (ws->holder == NULL) {
            pelt_wsconn_release(ws, x->sample.done_ns);
        }
        read_bytes(ws, behind, x->sample.done_ns);
        (void)receive(ws, false);
    }
    settle(ws, x->sample.done_ns);
}

/* One that ended before, to the same server: with it goes the wait after failed connects. */
static struct pelt_wsconn *find_ended(const struct pelt_wsset *set,
                                      const struct pelt_origin *origin)
{
    for (struct pelt_wsconn *ws = set->first; ws != NULL; ws = ws->sibling) {
        if (ws->holder == NULL && ws->state == PELT_WSCONN_CLOSED && ws->conn.origin == origin) {
            return ws;
        }
    }
    return NULL;
}

static struct pelt_wsconn *make(struct pelt_wsset *set, struct pelt_origin *origin)
{
    struct pelt_wsconns *all = &set->client->wsconns;
    if (all->pool == NULL && pelt_ws_pool_new(&all->pool) != PELT_OK) {
        all->pool = NULL;
        return NULL;
    }
    struct pelt_wsconn *ws = calloc(1, sizeof *ws);
    if (ws == NULL) {
        return NULL;
    }
    ws->conn.transport.fd = -1;
    pelt_conn_bind(&ws->conn, origin);
    ws->timer.fn = on_timer;
    ws->set = set;
    ws->sibling = set->first;
    set->first = ws;
    ws->next = all->first;
    if (all->first != NULL) {
        all->first->prev = ws;
    }
    all->first = ws;
    return ws;
}

static struct opening *make_opening(const struct pelt_wsconn_call *call)
{
    const struct pelt_span names = call->ask.subprotocols;
    struct opening *o = calloc(1, sizeof *o + call->head.len + names.len);
    if (o == NULL) {
        return NULL;
    }
    memcpy(o->bytes, call->head.ptr, call->head.len);
    if (names.len > 0) {
        memcpy(o->bytes + call->head.len, names.ptr, names.len);
    }
    o->key = *call->key;
    o->ask = call->ask;
    o->ask.subprotocols = pelt_span(o->bytes + call->head.len, names.len);
    o->expect = 101;
    o->message_max = call->message_max;
    o->opened = call->opened;
    o->arg = call->arg;
    o->request = (struct pelt_request){.bytes = o->bytes,
                                       .len = call->head.len,
                                       .origin = call->origin,
                                       .timeouts = call->timeouts,
                                       .expect = &o->expect,
                                       .expect_len = 1,
                                       .series = call->series,
                                       .keep = true,
                                       .cookies = call->cookies,
                                       .upgrade = true};
    return o;
}

bool pelt_wsconn_open(struct pelt_wsset *set, const struct pelt_wsconn_call *call)
{
    struct opening *o = make_opening(call);
    struct pelt_wsconn *ws = o != NULL ? find_ended(set, call->origin) : NULL;
    if (ws == NULL && o != NULL) {
        ws = make(set, call->origin);
    }
    if (ws == NULL) {
        free(o);
        return false;
    }
    pelt_wsbox_deinit(&ws->box);
    ws->opening = o;
    ws->series = call->series;
    ws->end = (struct pelt_wsconn_end){.code = 0};
    ws->holder = call->holder;
    *ws->holder = ws;
    ws->wait_ns = ws->pong_ns = 0;
    set_state(ws, PELT_WSCONN_OPENING);
    ws->news = false;
    pelt_conn_open(&ws->conn, &o->request, call->due_ns, call->now_ns, on_opened, ws);
    pelt_client_started(set->client, &o->request, call->due_ns, call->now_ns);
    pelt_conn_start(&ws->conn, call->now_ns);
    return true;
}

void pelt_wsconn_release(struct pelt_wsconn *ws, uint64_t now_ns)
{
    if (ws == NULL) {
        return;
    }
    if (ws->holder != NULL) {
        *ws->holder = NULL;
        ws->holder = NULL;
    }
    ws->wait_ns = 0;
    pelt_wsbox_deinit(&ws->box);
    if (ws->opening != NULL) {
        ws->opening->opened = NULL;
    } else if (ws->state == PELT_WSCONN_OPEN) {
        (void)!pelt_wsconn_close(ws, PELT_WS_CODE_NORMAL, pelt_span("", 0), now_ns);
    }
    if (ws->paused) {
        pelt_wsconn_read_on(ws, now_ns);
    }
}

/* ---- for its user ---- */

enum pelt_wsconn_state pelt_wsconn_state(const struct pelt_wsconn *ws)
{
    return ws->state;
}

void pelt_wsconn_wait(struct pelt_wsconn *ws, uint64_t until_ns, bool feed)
{
    ws->wait_ns = until_ns;
    ws->feed = feed;
    ws->news = false;
    arm(ws, until_ns);
}

bool pelt_wsconn_peek(const struct pelt_wsconn *ws, size_t *at, struct pelt_wsconn_message *out)
{
    struct pelt_wsbox_message m;
    if (!pelt_wsbox_peek(&ws->box, at, &m)) {
        return false;
    }
    *out = (struct pelt_wsconn_message){m.data, m.came_ns, m.binary};
    return true;
}

size_t pelt_wsconn_behind(const struct pelt_wsconn *ws, size_t at)
{
    return pelt_wsbox_behind(&ws->box, at);
}

void pelt_wsconn_take(struct pelt_wsconn *ws, size_t at)
{
    pelt_wsbox_take(&ws->box, at);
}

void pelt_wsconn_read_on(struct pelt_wsconn *ws, uint64_t now_ns)
{
    bool open = ws->state == PELT_WSCONN_OPEN;
    if (!ws->paused || (open && ws->box.bytes > PELT_WSCONN_BOX_BYTES / 2)) {
        return;
    }
    struct pelt_buf rest = ws->rest;
    ws->rest = (struct pelt_buf){.data = NULL};
    ws->paused = false;
    if (rest.len > 0) {
        read_bytes(ws, pelt_span(rest.data, rest.len), now_ns);
    }
    pelt_buf_deinit(&rest);
    if (!ws->paused && ws->state != PELT_WSCONN_CLOSED) {
        pelt_poller_again(&client_of(ws)->poller, ws->conn.transport.fd, &ws->conn);
    }
}

/* In closed loop a small message that is sent while a batch of answers is being received waits for
 * the batch's end, as requests do. */
static bool hold(struct pelt_wsconn *ws, size_t len)
{
    if (len <= HELD_BYTES && unsent(ws) == 0 && pelt_outbox_add(&ws->conn)) {
        ws->held = true;
    }
    return ws->held;
}

void pelt_wsconn_send_held(struct pelt_conn *c)
{
    struct pelt_wsconn *ws = (struct pelt_wsconn *)c;
    ws->held = false; /* the outbox has forgotten it */
    flush(ws, pelt_clock_ns());
}

uint64_t pelt_wsconn_sent_ns(const struct pelt_wsconn *ws, uint64_t sent_ns)
{
    return ws->out_ns > sent_ns ? ws->out_ns : sent_ns;
}

static bool is_text(struct pelt_span data)
{
    struct pelt_utf8 u = {.state = 0};
    return pelt_utf8_feed(&u, data.ptr, data.len) && pelt_utf8_is_whole(&u);
}

enum pelt_wsconn_sent pelt_wsconn_send(struct pelt_wsconn *ws, struct pelt_span data, bool binary,
                                       uint64_t *sent_ns)
{
    if (ws->state != PELT_WSCONN_OPEN) {
        return PELT_WSCONN_GONE;
    }
    if (ws->held) {
        unhold(ws);
        flush(ws, pelt_clock_ns());
    }
    if (unsent(ws) >= PELT_WSCONN_OUT_BYTES) {
        return PELT_WSCONN_FULL;
    }
    if (!binary && !is_text(data)) {
        return PELT_WSCONN_NO_TEXT;
    }
    struct pelt_buf *frame = hold(ws, data.len) ? &ws->out : frame_of(ws);
    enum pelt_status status = binary ? pelt_ws_write_binary(&ws->writer, frame, data)
                                     : pelt_ws_write_text(&ws->writer, frame, data);
    const uint64_t now_ns = pelt_clock_ns();
    if (sent_ns != NULL) {
        *sent_ns = now_ns;
    }
    if (status != PELT_OK || !put_frame(ws, frame)) {
        no_memory(ws, now_ns);
        return PELT_WSCONN_MEMORY;
    }
    if (unsent(ws) > 0) { /* held, or the server does not take it now */
        ws->out_messages++;
        ws->out_bytes += data.len;
    } else {
        count_sent(ws, 1, data.len, now_ns);
    }
    return PELT_WSCONN_SENT;
}

enum pelt_wsconn_sent pelt_wsconn_ping(struct pelt_wsconn *ws, uint64_t *sent_ns)
{
    if (ws->state != PELT_WSCONN_OPEN) {
        return PELT_WSCONN_GONE;
    }
    if (unsent(ws) >= PELT_WSCONN_OUT_BYTES) {
        return PELT_WSCONN_FULL;
    }
    struct pelt_buf *frame = frame_of(ws);
    ws->ping++;
    ws->pong_ns = 0;
    struct pelt_span data = pelt_span((const char *)&ws->ping, sizeof ws->ping);
    enum pelt_status status = pelt_ws_write_ping(&ws->writer, frame, data);
    *sent_ns = pelt_clock_ns();
    if (status != PELT_OK || !put_frame(ws, frame)) {
        no_memory(ws, *sent_ns);
        return PELT_WSCONN_MEMORY;
    }
    return PELT_WSCONN_SENT;
}

uint64_t pelt_wsconn_pong_ns(const struct pelt_wsconn *ws)
{
    return ws->pong_ns;
}

enum pelt_status pelt_wsconn_close(struct pelt_wsconn *ws, unsigned code, struct pelt_span reason,
                                   uint64_t now_ns)
{
    if (ws->state != PELT_WSCONN_OPEN) {
        return PELT_OK;
    }
    struct pelt_buf *frame = frame_of(ws);
    enum pelt_status status = pelt_ws_write_close(&ws->writer, frame, code, reason);
    if (status == PELT_EINVAL) {
        return status;
    }
    if (status != PELT_OK || !put_frame(ws, frame)) {
        no_memory(ws, now_ns);
        return PELT_OK;
    }
    set_state(ws, PELT_WSCONN_CLOSING);
    ws->close_ns = now_ns + PELT_WSCONN_CLOSE_NS;
    arm(ws, ws->close_ns);
    pelt_wsconn_read_on(ws, now_ns);
    return PELT_OK;
}

const struct pelt_wsconn_end *pelt_wsconn_end(const struct pelt_wsconn *ws)
{
    return &ws->end;
}

static uint64_t us_of(uint64_t ns)
{
    return (ns + 500) / 1000;
}

void pelt_wsconn_rtt(struct pelt_wsconn *ws, uint64_t ns, uint64_t now_ns)
{
    if (ws->meter != NULL) {
        pelt_recorder_trend(recorder_of(ws), ws->meter->rtt, us_of(ns), now_ns);
    }
}

void pelt_wsconn_gap(struct pelt_wsconn *ws, uint64_t ns, uint64_t now_ns)
{
    if (ws->meter != NULL) {
        pelt_recorder_trend(recorder_of(ws), ws->meter->gap, us_of(ns), now_ns);
    }
}

void pelt_wsconn_timed_out(struct pelt_wsconn *ws, uint64_t now_ns)
{
    pelt_ws_meter_failed(client_of(ws), ws->series, PELT_WS_CLASS_TIMEOUT, now_ns);
}

/* ---- all of a user ---- */

void pelt_wsset_init(struct pelt_wsset *set, struct pelt_client *client,
                     void (*wake)(void *arg, uint64_t now_ns), void *arg)
{
    *set = (struct pelt_wsset){.client = client, .wake = wake, .arg = arg};
}

void pelt_wsset_cancel(struct pelt_wsset *set, enum pelt_outcome outcome, uint64_t now_ns)
{
    for (struct pelt_wsconn *ws = set->first; ws != NULL; ws = ws->sibling) {
        ws->wait_ns = 0;
        if (ws->conn.request != NULL) {
            pelt_conn_finish(&ws->conn, outcome, pelt_outcome_name(outcome), now_ns);
        }
    }
}

void pelt_wsset_close(struct pelt_wsset *set, unsigned code, uint64_t now_ns)
{
    for (struct pelt_wsconn *ws = set->first; ws != NULL; ws = ws->sibling) {
        (void)!pelt_wsconn_close(ws, code, pelt_span("", 0), now_ns);
    }
}

void pelt_wsset_hurry(struct pelt_wsset *set, uint64_t now_ns)
{
    for (struct pelt_wsconn *ws = set->first; ws != NULL; ws = ws->sibling) {
        if (ws->wait_ns != 0 && ws->feed) {
            ws->wait_ns = now_ns;
            arm(ws, now_ns);
        }
    }
}

void pelt_wsset_leave(struct pelt_wsset *set, uint64_t now_ns)
{
    while (set->first != NULL) {
        struct pelt_wsconn *ws = set->first;
        set->first = ws->sibling;
        ws->set = NULL;
        ws->sibling = NULL;
        pelt_wsconn_release(ws, now_ns);
        if (ws->state == PELT_WSCONN_CLOSED) {
            destroy(ws);
        }
    }
}

/* ---- all of a client ---- */

bool pelt_client_close_wsconns(struct pelt_client *client, unsigned code, uint64_t now_ns,
                               uint64_t within_ns, void (*quiet)(void *arg), void *arg)
{
    struct pelt_wsconns *all = &client->wsconns;
    for (struct pelt_wsconn *ws = all->first; ws != NULL; ws = ws->next) {
        (void)!pelt_wsconn_close(ws, code, pelt_span("", 0), now_ns);
        if (ws->state == PELT_WSCONN_CLOSING && ws->close_ns > now_ns + within_ns) {
            ws->close_ns = now_ns + within_ns;
            arm(ws, ws->close_ns);
        }
    }
    if (all->busy == 0) {
        return false;
    }
    all->on_quiet = quiet;
    all->on_quiet_arg = arg;
    return true;
}

/* What is still open hears why, though nobody waits for its answer; nothing is recorded any more.
 */
void pelt_wsconns_deinit(struct pelt_client *client)
{
    struct pelt_wsconns *all = &client->wsconns;
    while (all->first != NULL) {
        struct pelt_wsconn *ws = all->first;
        assert(ws->set == NULL);
        destroy(ws);
    }
    pelt_ws_meters_free(client);
    pelt_buf_deinit(&all->frame);
    pelt_ws_pool_free(all->pool);
}
