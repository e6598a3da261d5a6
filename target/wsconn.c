/*
 * wsconn: see the header.
 *
 * wslay gets one message at a time: once all that it has was sent, that message was, so messages
 * out are counted exactly. Invariant: `is_answering` only while no close has begun.
 */
#include "wsconn.h"

#include <inttypes.h>

#define READ_BUDGET  (64 * 1024) /* bytes a turn, so that one client cannot starve the others */
#define CONTROLS_MAX 1024        /* pongs that wait for a client that does not read */

struct target_wsout {
    struct target_wsout *next;
    uint8_t opcode;
    size_t bytes;
    uint8_t data[];
};

/* ---- counts ---- */

static void add(_Atomic uint64_t *count, uint64_t more)
{
    atomic_fetch_add_explicit(count, more, memory_order_relaxed);
}

static void count_in(struct target_wsconn *conn, size_t bytes)
{
    conn->count.messages_in++;
    conn->count.bytes_in += bytes;
    add(&conn->env->ws->messages_in, 1);
    add(&conn->env->ws->bytes_in, bytes);
}

static void count_out(struct target_wsconn *conn, size_t bytes)
{
    conn->count.messages_out++;
    conn->count.bytes_out += bytes;
    add(&conn->env->ws->messages_out, 1);
    add(&conn->env->ws->bytes_out, bytes);
}

/* ---- messages to the client ---- */

static void drop_waiting(struct target_wsconn *conn)
{
    while (conn->first) {
        struct target_wsout *out = conn->first;

        conn->first = out->next;
        free(out);
    }
    conn->last = NULL;
}

static void tell_answer(const struct target_wsconn *conn)
{
    const struct target_reply *reply = &conn->reply;
    uint64_t now_ns = conn->env->clock();

    target_journal_event(conn->env->journal, now_ns, now_ns, target_ws_system.name, "answer",
                         ",\"tokens\":%" PRIu64 ",\"first_ns\":%" PRIu64 ",\"last_ns\":%" PRIu64
                         ",\"whole\":%s",
                         reply->given, conn->first_ns, conn->last_ns,
                         reply->given == reply->tokens ? "true" : "false");
}

static void stop_answering(struct target_wsconn *conn)
{
    if (conn->is_answering) {
        tell_answer(conn);
        target_reply_deinit(&conn->reply);
        conn->is_answering = false;
    }
}

static void give_up(struct target_wsconn *conn)
{
    conn->is_gone = true;
    stop_answering(conn);
}

void target_wsconn_close(struct target_wsconn *conn, uint16_t code, const char *reason)
{
    stop_answering(conn);
    if (conn->is_closing || conn->is_gone) {
        return;
    }
    conn->is_closing = true;
    /* Refused where a close was begun already, which is as well. */
    wslay_event_queue_close(conn->ctx, code, (const uint8_t *)reason, strlen(reason));
}

static void close_slow(struct target_wsconn *conn)
{
    const struct target_wsenv *env = conn->env;
    uint64_t now_ns = env->clock();

    conn->is_slow = true;
    add(&env->ws->slow, 1);
    target_journal_event(env->journal, now_ns, now_ns, target_ws_system.name, "slow",
                         ",\"queued_bytes\":%zu", conn->queued_bytes);
    drop_waiting(conn);
    wslay_event_shutdown_read(conn->ctx);
    target_wsconn_close(conn, TARGET_WS_TRY_LATER, "the client does not read");
}

/* Hands a message to wslay, which has none. */
static void give(struct target_wsconn *conn, uint8_t opcode, const uint8_t *data, size_t bytes)
{
    struct wslay_event_msg message = {.opcode = opcode, .msg = data, .msg_length = bytes};
    int code = wslay_event_queue_msg(conn->ctx, &message);

    if (code == 0) {
        conn->is_sending = true;
        conn->sending_bytes = bytes;
    } else if (code == WSLAY_ERR_NOMEM) {
        give_up(conn);
    } else {
        conn->queued_bytes -= bytes; /* it is closing: nobody gets it */
    }
}

static void give_next(struct target_wsconn *conn)
{
    struct target_wsout *out = conn->first;

    conn->first = out->next;
    conn->last = conn->first ? conn->last : NULL;
    give(conn, out->opcode, out->data, out->bytes);
    free(out);
}

static void note_sent(struct target_wsconn *conn)
{
    conn->is_sending = false;
    conn->queued_bytes -= conn->sending_bytes;
    count_out(conn, conn->sending_bytes);
}

void target_wsconn_send(struct target_wsconn *conn)
{
    while (!conn->is_gone) {
        if (wslay_event_send(conn->ctx) != 0) {
            give_up(conn);
            return;
        }
        if (wslay_event_get_queued_msg_count(conn->ctx) > 0) {
            return; /* the client does not take it now, or a close went before it */
        }
        if (conn->is_sending) {
            note_sent(conn);
        }
        if (!conn->first) {
            return;
        }
        give_next(conn);
    }
}

static void wait_in_line(struct target_wsconn *conn, uint8_t opcode, const uint8_t *data,
                         size_t bytes)
{
    struct target_wsout *out = malloc(sizeof *out + bytes);

    if (!out) {
        give_up(conn);
        return;
    }
    *out = (struct target_wsout){.opcode = opcode, .bytes = bytes};
    if (bytes > 0) { /* an empty message has no bytes to point at */
        memcpy(out->data, data, bytes);
    }
    *(conn->last ? &conn->last->next : &conn->first) = out;
    conn->last = out;
}

/* Sends at once if nothing waits. */
static void put(struct target_wsconn *conn, uint8_t opcode, const uint8_t *data, size_t bytes)
{
    if (conn->is_gone || conn->is_slow) {
        return;
    }
    if (conn->queued_bytes > 0 && conn->queued_bytes + bytes > conn->queue_bytes_max) {
        close_slow(conn);
        return;
    }
    conn->queued_bytes += bytes;
    if (conn->is_sending) {
        wait_in_line(conn, opcode, data, bytes);
    } else {
        give(conn, opcode, data, bytes);
        target_wsconn_send(conn);
    }
}

/* ---- the chat ---- */

/* Takes `json`, which may be NULL: then there is no memory. Returns the stamp. */
static uint64_t say_json(struct target_wsconn *conn, uint64_t planned_ns, json_t *json)
{
    uint64_t sent_ns;

    if (!target_stamp_make(&conn->said, "", json)) {
        give_up(conn);
        return 0;
    }
    sent_ns = conn->env->clock();
    target_stamp_end(&conn->said, planned_ns, sent_ns, "");
    put(conn, WSLAY_TEXT_FRAME, (const uint8_t *)conn->said.text, conn->said.bytes);
    return sent_ns;
}

static void say_error(struct target_wsconn *conn, const char *message)
{
    json_t *text = json_string(message);

    say_json(conn, conn->env->clock(),
             json_pack("{s:s, s:o}", "type", "error", "message",
                       text ? text : json_string("the message cannot be read")));
}

static void say_done(struct target_wsconn *conn)
{
    json_t *done = json_pack("{s:s, s:s, s:s, s:o}", "type", "done", "finish_reason",
                             target_reply_end(&conn->reply), "model", conn->reply.ask.model,
                             "usage", target_reply_usage(&conn->reply));

    if (done && conn->turn > 0) {
        json_object_set_new(done, "turn", json_integer((json_int_t)conn->turn));
    }
    say_json(conn, conn->reply.due_ns, done);
    stop_answering(conn);
}

static json_t *token_json(const struct target_token *token)
{
    return json_pack("{s:s, s:I, s:o}", "type", "token", "index", (json_int_t)token->number,
                     "content", json_stringn(token->text, token->bytes));
}

/* A push that is late by more than a period is left out: the next one says the same. */
static void push(struct target_wsconn *conn)
{
    const struct target_wsenv *env = conn->env;
    uint64_t planned_ns = conn->push_due_ns, now_ns = env->clock();
    uint64_t period_ns = env->push_ns(env->loop);
    char text[TARGET_WS_PUSH_BYTES + 80];
    size_t bytes = env->push(env->loop, text);

    conn->push_due_ns += period_ns * (1 + (now_ns - planned_ns) / period_ns);
    bytes += (size_t)snprintf(text + bytes, sizeof text - bytes,
                              ",\"planned_ns\":%" PRIu64 ",\"sent_ns\":%" PRIu64 "}", planned_ns,
                              env->clock());
    put(conn, WSLAY_TEXT_FRAME, (const uint8_t *)text, bytes);
}

void target_wsconn_push_from(struct target_wsconn *conn, uint64_t due_ns)
{
    conn->push_due_ns = due_ns;
}

void target_wsconn_say(struct target_wsconn *conn)
{
    struct target_token token;

    if (conn->push_due_ns <= conn->env->clock() && !conn->is_closing) {
        push(conn);
        return;
    }
    if (!conn->is_answering || !target_reply_next(&conn->reply, &token)) {
        return;
    }
    conn->tokens++;
    conn->last_ns = say_json(conn, token.planned_ns, token_json(&token));
    conn->first_ns = token.number == 0 ? conn->last_ns : conn->first_ns;
    if (conn->is_answering && conn->reply.given == conn->reply.tokens) {
        say_done(conn);
    }
}

uint64_t target_wsconn_due_ns(const struct target_wsconn *conn)
{
    if (conn->is_closing) {
        return UINT64_MAX;
    }
    return conn->is_answering ? conn->reply.due_ns : conn->push_due_ns;
}

/* False: its session is over, and the client was told. */
static bool take_turn(struct target_wsconn *conn, const char *message)
{
    struct target_scene scene = {.now_ns = conn->env->clock(), .journal = conn->env->journal};

    conn->turn = 0;
    if (conn->session[0] == '\0' ||
        target_sessions_turn(conn->env->sessions, conn->session, message, &scene, &conn->turn)) {
        return true;
    }
    say_error(conn, TARGET_NO_SESSION);
    return false;
}

static void answer(struct target_wsconn *conn, const char *text, size_t bytes)
{
    const struct target_wsenv *env = conn->env;
    struct target_error err = {{0}};
    struct target_ask ask;
    uint64_t index;

    if (conn->is_answering) {
        say_error(conn, "an answer is on its way; ask again when it is done");
        return;
    }
    if (!target_ask_parse(&ask, TARGET_ASK_MESSAGE, text, bytes, &err)) {
        say_error(conn, err.text);
        return;
    }
    if (!take_turn(conn, ask.message)) {
        target_ask_deinit(&ask);
        return;
    }
    conn->first_ns = conn->last_ns = 0;
    index = atomic_fetch_add_explicit(env->arrivals, 1, memory_order_relaxed);
    conn->is_answering = target_reply_begin(&conn->reply, &ask, env->pace(env->loop), *env->seed,
                                            index, env->clock());
    conn->is_gone |= !conn->is_answering;
}

/* ---- what wslay calls ---- */

static ssize_t on_receive(wslay_event_context_ptr ctx, uint8_t *bytes, size_t room, int flags,
                          void *cls)
{
    struct target_wsconn *conn = cls;
    size_t most = room < conn->read_budget ? room : conn->read_budget;
    ssize_t n = most > 0 ? conn->env->receive(conn->cls, bytes, most) : 0;

    if (n > 0) {
        conn->read_budget -= (size_t)n;
        return n;
    }
    conn->is_at_end = n < 0;
    wslay_event_set_error(ctx, n == 0 ? WSLAY_ERR_WOULDBLOCK : WSLAY_ERR_CALLBACK_FAILURE);
    return -1;
}

static ssize_t on_send(wslay_event_context_ptr ctx, const uint8_t *bytes, size_t count, int flags,
                       void *cls)
{
    struct target_wsconn *conn = cls;
    ssize_t n = conn->env->send(conn->cls, bytes, count, (flags & WSLAY_MSG_MORE) != 0);

    if (n > 0) {
        return n;
    }
    wslay_event_set_error(ctx, n == 0 ? WSLAY_ERR_WOULDBLOCK : WSLAY_ERR_CALLBACK_FAILURE);
    return -1;
}

static void on_message(wslay_event_context_ptr ctx,
                       const struct wslay_event_on_msg_recv_arg *message, void *cls)
{
    struct target_wsconn *conn = cls;

    if (message->opcode == WSLAY_CONNECTION_CLOSE) {
        stop_answering(conn);
    }
    if (wslay_is_ctrl_frame(message->opcode) || conn->is_gone || conn->is_closing) {
        return;
    }
    count_in(conn, message->msg_length);
    if (conn->push_due_ns != UINT64_MAX) {
        return;
    }
    if (!conn->is_chat) {
        put(conn, message->opcode, message->msg, message->msg_length);
    } else if (message->opcode == WSLAY_TEXT_FRAME) {
        answer(conn, message->msg_length > 0 ? (const char *)message->msg : "",
               message->msg_length);
    } else {
        say_error(conn, "the chat takes text messages");
    }
}

/* wslay takes a close frame of one byte for one without a code; RFC 6455 (5.5.1) has no such frame.
 */
static void on_frame(wslay_event_context_ptr ctx,
                     const struct wslay_event_on_frame_recv_start_arg *frame, void *cls)
{
    if (frame->opcode == WSLAY_CONNECTION_CLOSE && frame->payload_length == 1) {
        target_wsconn_close(cls, WSLAY_CODE_PROTOCOL_ERROR, "a close frame of one byte");
    }
}

static const struct wslay_event_callbacks callbacks = {
    .recv_callback = on_receive,
    .send_callback = on_send,
    .on_frame_recv_start_callback = on_frame,
    .on_msg_recv_callback = on_message,
};

/* ---- the connection ---- */

bool target_wsconn_init(struct target_wsconn *conn, const struct target_wsenv *env, void *cls,
                        bool is_chat, const char *session)
{
    *conn = (struct target_wsconn){
        .env = env,
        .cls = cls,
        .is_chat = is_chat,
        .push_due_ns = UINT64_MAX,
        .queue_bytes_max = atomic_load_explicit(&env->ws->queue_bytes, memory_order_relaxed),
    };
    if (session) {
        snprintf(conn->session, sizeof conn->session, "%s", session);
    }
    if (wslay_event_context_server_init(&conn->ctx, &callbacks, conn) != 0) {
        return false;
    }
    wslay_event_config_set_max_recv_msg_length(
        conn->ctx, atomic_load_explicit(&env->ws->message_bytes, memory_order_relaxed));
    return true;
}

void target_wsconn_deinit(struct target_wsconn *conn)
{
    stop_answering(conn);
    drop_waiting(conn);
    target_stamp_deinit(&conn->said);
    wslay_event_context_free(conn->ctx);
}

/*
 * The head of a frame broke the rules. wslay then asks for a close without a code, and can be told
 * no other; so a fresh context says it, unless the old one is in the middle of a message.
 */
static void close_broken(struct target_wsconn *conn)
{
    wslay_event_context_ptr fresh;

    if (wslay_event_get_queued_msg_count(conn->ctx) > 1 ||
        wslay_event_context_server_init(&fresh, &callbacks, conn) != 0) {
        give_up(conn);
        return;
    }
    wslay_event_context_free(conn->ctx);
    conn->ctx = fresh;
    conn->is_closing = false;
    target_wsconn_close(conn, WSLAY_CODE_PROTOCOL_ERROR, "a frame that breaks the rules");
    wslay_event_shutdown_read(fresh);
}

void target_wsconn_receive(struct target_wsconn *conn)
{
    if (conn->is_gone) {
        return;
    }
    conn->read_budget = READ_BUDGET;
    if (wslay_event_recv(conn->ctx) != 0 && !conn->is_gone) {
        if (conn->is_at_end || wslay_event_get_close_sent(conn->ctx)) {
            give_up(conn);
            return;
        }
        close_broken(conn);
    }
    target_wsconn_send(conn);
    if (!conn->is_gone && !conn->is_slow &&
        wslay_event_get_queued_msg_count(conn->ctx) > CONTROLS_MAX) {
        close_slow(conn);
    }
}

bool target_wsconn_wants_read(const struct target_wsconn *conn)
{
    return !conn->is_gone && wslay_event_want_read(conn->ctx);
}

bool target_wsconn_wants_write(const struct target_wsconn *conn)
{
    return !conn->is_gone && wslay_event_want_write(conn->ctx);
}

bool target_wsconn_is_over(const struct target_wsconn *conn)
{
    return !target_wsconn_wants_read(conn) && !target_wsconn_wants_write(conn);
}

bool target_wsconn_has_closed(const struct target_wsconn *conn)
{
    return conn->is_closing || wslay_event_get_close_sent(conn->ctx);
}
