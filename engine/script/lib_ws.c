/*
 * pelt.ws: connect{} and the WebSockets that it gives: send, recv, request, messages, ping, close.
 *
 * What waits is written as a loop over one C function and its own continuation: it looks whether
 * what it wants has come, and waits for the next event of the WebSocket if not. What it knows
 * meanwhile stands in the userdata, as a user does one thing at a time, and on the coroutine's
 * stack (SOCKET and MESSAGE below).
 *
 * The userdata holds the WebSocket until it is closed, collected, or its user is gone; how it ended
 * is copied then.
 */
#include "lib_ws.h"

#include <string.h>

#include "args.h"
#include "draft.h"
#include "fields.h"
#include "http_fields.h"
#include "json.h"
#include "pelt/crew.h"
#include "pelt/http1_request.h"
#include "pelt/units.h"
#include "pelt/ws_code.h"
#include "pelt/wsconn.h"
#include "user_cookies.h"
#include "ws_asking.h"
#include "ws_match.h"

#define SOCKET_TYPE       "pelt.websocket"
#define WAIT_NS           (60 * PELT_NS_PER_S) /* for a message, where the script says nothing */
#define LAST_FEED_NS      (30 * PELT_NS_PER_S) /* of a feed whose user has stopped */
#define MESSAGE_MAX       (1u << 20)           /* bytes, likewise */
#define SUBPROTOCOL_BYTES 64

enum { SOCKET = 1, MESSAGE = PELT_WS_MESSAGE }; /* on the stack of what waits */

struct socket {
    struct pelt_wsconn *ws; /* NULL: it is over, or its handshake failed */
    struct pelt_strand *strand;
    struct pelt_wsconn_end end;
    const char *error; /* what the newest call, or the handshake, failed with; NULL: nothing */
    uint64_t until_ns; /* what waits does so until then */
    uint64_t sent_ns;  /* of the request, or the ping, that waits */
    uint64_t from_ns;  /* messages that came before are no answer to it */
    uint64_t feed_ns;  /* when the feed's message before came; 0: there was none */
    uint64_t feed_from_ns;
    uint64_t wait_ns;    /* for a feed's message, or a request's answer */
    uint64_t connect_ns; /* call to 101 */
    uint16_t status;
    uint8_t match; /* enum pelt_ws_match */
    bool binary;   /* of the message that waits for room */
    bool deflate, opened;
    char subprotocol[SUBPROTOCOL_BYTES];
};

/* ---- the one that is spoken to ---- */

static struct socket *socket_at(lua_State *L, int index, const char *call)
{
    struct socket *s = pelt_shard_test(L, index, PELT_TYPE_WEBSOCKET);
    if (!s) {
        luaL_error(L, "call it with a colon: %s", call);
    }
    if (s->strand && s->strand != pelt_shard_of(L)->running) {
        luaL_error(L, "this WebSocket is another user's: each user opens its own, and keeps it in "
                      "a field of `user`");
    }
    return s;
}

/* It is over: what it was is known, and its memory is free for the next one. */
static void let_go(struct socket *s, uint64_t now_ns)
{
    if (s->ws) {
        s->end = *pelt_wsconn_end(s->ws);
        pelt_wsconn_release(s->ws, now_ns);
    }
}

static const struct pelt_wsconn_end *end_of(const struct socket *s)
{
    return s->ws ? pelt_wsconn_end(s->ws) : &s->end;
}

static bool is_open(const struct socket *s)
{
    return s->ws && pelt_wsconn_state(s->ws) == PELT_WSCONN_OPEN;
}

/* Why nothing can be sent or received any more. */
static const char *why_closed(const struct socket *s)
{
    const struct pelt_wsconn_end *end = end_of(s);
    if (!s->opened && s->error) {
        return s->error;
    }
    return end->failed ? pelt_ws_class_name(end->class) : "closed";
}

/* nil, error */
static int give_error(lua_State *L, struct socket *s, const char *error)
{
    s->error = error;
    lua_pushnil(L);
    lua_pushstring(L, error);
    return 2;
}

static int wait_until(lua_State *L, struct socket *s, uint64_t until_ns, bool feed,
                      lua_KFunction then)
{
    struct pelt_strand *strand = pelt_shard_of(L)->running;
    pelt_wsconn_wait(s->ws, until_ns, feed);
    return pelt_strand_wait(L, strand, then);
}

static int wait_more(lua_State *L, struct socket *s, lua_KFunction then)
{
    return wait_until(L, s, s->until_ns, false, then);
}

static uint64_t now_ns(lua_State *L)
{
    return pelt_shard_of(L)->now_ns;
}

static uint64_t wait_ns_of(lua_State *L, int index, const char *what)
{
    return lua_isnoneornil(L, index) ? WAIT_NS : pelt_args_duration(L, index, what);
}

/* ---- receiving ---- */

/* Takes the message at `at`: text, binary */
static int give_message(lua_State *L, struct socket *s, size_t at,
                        const struct pelt_wsconn_message *m)
{
    lua_pushlstring(L, m->data.ptr, m->data.len);
    lua_pushboolean(L, m->binary);
    pelt_wsconn_take(s->ws, at);
    pelt_wsconn_read_on(s->ws, now_ns(L));
    return 2;
}

static int recv_next(lua_State *L, int status, lua_KContext ctx)
{
    struct socket *s = lua_touserdata(L, SOCKET);
    struct pelt_wsconn_message m;
    size_t at = 0;
    if (s->ws && pelt_wsconn_peek(s->ws, &at, &m)) {
        return give_message(L, s, at, &m);
    }
    if (!is_open(s)) {
        return give_error(L, s, why_closed(s));
    }
    if (now_ns(L) >= s->until_ns) {
        return give_error(L, s, "timeout");
    }
    return wait_more(L, s, recv_next);
}

/* c:recv(timeout) */
static int socket_recv(lua_State *L)
{
    struct socket *s = socket_at(L, SOCKET, "c:recv()");
    (void)pelt_strand_waiter(L, "recv");
    s->until_ns = pelt_clock_ns() + wait_ns_of(L, 2, "recv");
    lua_settop(L, SOCKET);
    return recv_next(L, LUA_OK, 0);
}

/* ---- a feed ---- */

/* When the load is over for this user. Who stopped (as in `check --once`) has some time more. */
static uint64_t feed_ends_ns(const struct socket *s)
{
    const struct pelt_vu *vu = s->strand->vu;
    uint64_t ends_ns = vu ? pelt_crew_ends_ns(vu) : PELT_NEVER;
    uint64_t last_ns = vu && vu->stopped ? s->feed_from_ns + LAST_FEED_NS : PELT_NEVER;
    return ends_ns < last_ns ? ends_ns : last_ns;
}

static int feed_next(lua_State *L, int status, lua_KContext ctx)
{
    struct socket *s = lua_touserdata(L, SOCKET);
    struct pelt_wsconn_message m;
    size_t at = 0;
    uint64_t ends_ns = feed_ends_ns(s);
    if (now_ns(L) >= ends_ns) {
        return 0;
    }
    if (s->ws && pelt_wsconn_peek(s->ws, &at, &m)) {
        if (s->feed_ns) {
            pelt_wsconn_gap(s->ws, m.came_ns - s->feed_ns, now_ns(L));
        }
        s->feed_ns = m.came_ns;
        return give_message(L, s, at, &m);
    }
    if (!is_open(s) || now_ns(L) >= s->until_ns) {
        s->error = is_open(s) ? "timeout" : why_closed(s);
        return 0;
    }
    return wait_until(L, s, ends_ns < s->until_ns ? ends_ns : s->until_ns, true, feed_next);
}

/* The iterator that messages() gives: upvalue is the WebSocket. */
static int feed_step(lua_State *L)
{
    lua_settop(L, 0);
    lua_pushvalue(L, lua_upvalueindex(1));
    struct socket *s = socket_at(L, SOCKET, "c:messages()");
    (void)pelt_strand_waiter(L, "messages");
    s->until_ns = pelt_clock_ns() + s->wait_ns;
    return feed_next(L, LUA_OK, 0);
}

/* for message, binary in c:messages(timeout) do */
static int socket_messages(lua_State *L)
{
    struct socket *s = socket_at(L, SOCKET, "c:messages()");
    s->wait_ns = wait_ns_of(L, 2, "messages");
    s->feed_ns = 0;
    s->feed_from_ns = pelt_clock_ns();
    lua_settop(L, SOCKET);
    lua_pushcclosure(L, feed_step, 1);
    return 1;
}

/* ---- sending ---- */

/* Puts text in the place of a table at `index`, which becomes JSON. */
static struct pelt_span message_at(lua_State *L, int index, const char *what)
{
    if (lua_istable(L, index)) {
        struct pelt_buf *text = &pelt_shard_of(L)->json;
        struct pelt_error err;
        pelt_buf_reset(text);
        if (pelt_json_encode(L, index, "message", text, &err) != PELT_OK) {
            luaL_error(L, "%s: %s", what, err.text);
        }
        lua_pushlstring(L, text->data, text->len);
        lua_replace(L, index);
        pelt_shard_trim(text);
    } else if (lua_type(L, index) != LUA_TSTRING) {
        luaL_error(L, "%s: a string, or a table to be sent as JSON, is expected, not a %s", what,
                   luaL_typename(L, index));
    }
    struct pelt_span data;
    data.ptr = lua_tolstring(L, index, &data.len);
    return data;
}

/* NULL: sent. "full": wait for room. Raises for text that is none. */
static const char FULL[] = "full";
static const char *send_now(lua_State *L, struct socket *s)
{
    struct pelt_span data;
    data.ptr = lua_tolstring(L, MESSAGE, &data.len);
    switch (s->ws ? pelt_wsconn_send(s->ws, data, s->binary, &s->sent_ns) : PELT_WSCONN_GONE) {
    case PELT_WSCONN_SENT:
        return NULL;
    case PELT_WSCONN_FULL:
        return FULL;
    case PELT_WSCONN_NO_TEXT:
        luaL_error(L, "send: the text is not UTF-8: send_binary sends any bytes");
        return NULL;
    case PELT_WSCONN_GONE:
    case PELT_WSCONN_MEMORY:
        break;
    }
    return why_closed(s);
}

static int send_more(lua_State *L, int status, lua_KContext ctx)
{
    struct socket *s = lua_touserdata(L, SOCKET);
    const char *error = send_now(L, s);
    if (!error) {
        lua_pushboolean(L, true);
        return 1;
    }
    if (error != FULL) {
        return give_error(L, s, error);
    }
    if (status != LUA_OK && now_ns(L) >= s->until_ns) {
        pelt_wsconn_timed_out(s->ws, now_ns(L));
        return give_error(L, s, "timeout");
    }
    if (status == LUA_OK) {
        (void)pelt_strand_waiter(L, "send");
        s->until_ns = pelt_clock_ns() + WAIT_NS;
    }
    return wait_more(L, s, send_more);
}

static int start_send(lua_State *L, const char *what, const char *call, bool binary)
{
    struct socket *s = socket_at(L, SOCKET, call);
    (void)message_at(L, MESSAGE, what);
    lua_settop(L, MESSAGE);
    s->binary = binary;
    return send_more(L, LUA_OK, 0);
}

/* c:send(text) */
static int socket_send(lua_State *L)
{
    return start_send(L, "send", "c:send(text)", false);
}

/* c:send_binary(bytes) */
static int socket_send_binary(lua_State *L)
{
    return start_send(L, "send_binary", "c:send_binary(bytes)", true);
}

/* ---- round trips ---- */

/* The answer among what came since the request was sent; others stay for recv. */
static bool find_answer(lua_State *L, struct socket *s, size_t *at, struct pelt_wsconn_message *m)
{
    *at = 0;
    while (s->ws && pelt_wsconn_peek(s->ws, at, m)) {
        if (m->came_ns >= s->sent_ns && pelt_ws_match_is(L, s->match, m)) {
            return true;
        }
        if (s->ws) { /* a function may have closed it */
            *at = pelt_wsconn_behind(s->ws, *at);
        }
    }
    return false;
}

static int request_next(lua_State *L, int status, lua_KContext ctx)
{
    struct socket *s = lua_touserdata(L, SOCKET);
    struct pelt_wsconn_message m;
    size_t at;
    if (find_answer(L, s, &at, &m)) {
        const uint64_t sent_ns = pelt_wsconn_sent_ns(s->ws, s->sent_ns);
        pelt_wsconn_rtt(s->ws, m.came_ns > sent_ns ? m.came_ns - sent_ns : 0, now_ns(L));
        return give_message(L, s, at, &m);
    }
    if (!is_open(s)) {
        return give_error(L, s, why_closed(s));
    }
    if (now_ns(L) >= s->until_ns) {
        pelt_wsconn_timed_out(s->ws, now_ns(L));
        return give_error(L, s, "timeout");
    }
    return wait_more(L, s, request_next);
}

static int request_send(lua_State *L, int status, lua_KContext ctx)
{
    struct socket *s = lua_touserdata(L, SOCKET);
    const char *error = send_now(L, s);
    if (!error) {
        s->until_ns = s->sent_ns + s->wait_ns;
        return request_next(L, status, ctx);
    }
    if (error != FULL) {
        return give_error(L, s, error);
    }
    if (status == LUA_OK) {
        s->until_ns = pelt_clock_ns() + s->wait_ns;
    } else if (now_ns(L) >= s->until_ns) {
        pelt_wsconn_timed_out(s->ws, now_ns(L));
        return give_error(L, s, "timeout");
    }
    return wait_more(L, s, request_send);
}

static const char *const REQUEST_OPTIONS[] = {"match", "pattern", "timeout", "binary", NULL};

/* Options at 3; afterwards the stack is SOCKET, MESSAGE, and what pelt_ws_match_read() leaves. */
static void read_request_options(lua_State *L, struct socket *s)
{
    s->match = PELT_WS_MATCH_NEXT;
    s->binary = false;
    s->wait_ns = WAIT_NS;
    if (lua_isnoneornil(L, 3)) {
        lua_settop(L, MESSAGE);
        return;
    }
    pelt_args_keys(L, 3, "request", REQUEST_OPTIONS);
    lua_settop(L, 3);
    if (lua_getfield(L, 3, "timeout") != LUA_TNIL) {
        s->wait_ns = pelt_args_timeout(L, 4, "request: timeout");
    }
    if (lua_getfield(L, 3, "binary") != LUA_TNIL) {
        s->binary = pelt_args_boolean(L, 5, "request", "binary");
    }
    lua_settop(L, 3);
    if (lua_getfield(L, 3, "pattern") != LUA_TNIL) {
        (void)pelt_args_text(L, 4, "request: pattern");
        if (lua_getfield(L, 3, "match") != LUA_TNIL) {
            luaL_error(L, "request: give one of match and pattern");
        }
        lua_pop(L, 1);
        s->match = PELT_WS_MATCH_PATTERN;
    } else {
        lua_pop(L, 1);
        lua_getfield(L, 3, "match");
        s->match = (uint8_t)pelt_ws_match_read(L);
    }
    lua_remove(L, 3);
}

/* c:request(message, options) */
static int socket_request(lua_State *L)
{
    struct socket *s = socket_at(L, SOCKET, "c:request(message)");
    (void)pelt_strand_waiter(L, "request");
    (void)message_at(L, MESSAGE, "request");
    read_request_options(L, s);
    return request_send(L, LUA_OK, 0);
}

/* ---- ping ---- */

static int ping_next(lua_State *L, int status, lua_KContext ctx)
{
    struct socket *s = lua_touserdata(L, SOCKET);
    uint64_t pong_ns = s->ws ? pelt_wsconn_pong_ns(s->ws) : 0;
    if (pong_ns) {
        lua_pushnumber(L, (double)(pong_ns - s->sent_ns) / (double)PELT_NS_PER_S);
        return 1;
    }
    if (!is_open(s)) {
        return give_error(L, s, why_closed(s));
    }
    if (now_ns(L) >= s->until_ns) {
        pelt_wsconn_timed_out(s->ws, now_ns(L));
        return give_error(L, s, "timeout");
    }
    return wait_more(L, s, ping_next);
}

/* c:ping(timeout): seconds */
static int socket_ping(lua_State *L)
{
    struct socket *s = socket_at(L, SOCKET, "c:ping()");
    (void)pelt_strand_waiter(L, "ping");
    s->until_ns = pelt_clock_ns() + wait_ns_of(L, 2, "ping");
    lua_settop(L, SOCKET);
    enum pelt_wsconn_sent sent = s->ws ? pelt_wsconn_ping(s->ws, &s->sent_ns) : PELT_WSCONN_GONE;
    if (sent == PELT_WSCONN_FULL) {
        return give_error(L, s, "timeout");
    }
    return ping_next(L, LUA_OK, 0);
}

/* ---- closing ---- */

/* code, clean */
static int close_next(lua_State *L, int status, lua_KContext ctx)
{
    struct socket *s = lua_touserdata(L, SOCKET);
    if (s->ws && pelt_wsconn_state(s->ws) == PELT_WSCONN_CLOSING) {
        return wait_more(L, s, close_next);
    }
    let_go(s, now_ns(L));
    if (!s->opened) {
        return 0;
    }
    lua_pushinteger(L, s->end.code);
    lua_pushboolean(L, s->end.clean);
    return 2;
}

/* c:close(code, reason) */
static int socket_close(lua_State *L)
{
    struct socket *s = socket_at(L, SOCKET, "c:close()");
    lua_Integer code = luaL_optinteger(L, 2, PELT_WS_CODE_NORMAL);
    struct pelt_span reason = {"", 0};
    if (!lua_isnoneornil(L, 3)) {
        reason = pelt_args_text(L, 3, "close: reason");
    }
    if (!s->ws) {
        return close_next(L, LUA_OK, 0);
    }
    (void)pelt_strand_waiter(L, "close");
    if (code < 0 || code > 4999 ||
        pelt_wsconn_close(s->ws, (unsigned)code, reason, pelt_clock_ns()) != PELT_OK) {
        luaL_error(L,
                   "close: code %d with a reason of %d bytes: give 1000, or 3000 to 4999, and at "
                   "most 123 bytes of UTF-8",
                   (int)code, (int)reason.len);
    }
    lua_settop(L, SOCKET);
    s->until_ns = PELT_NEVER;
    return close_next(L, LUA_OK, 0);
}

/* At the end of its scope, or when it is collected: it is closed, and nobody waits for that. */
static int socket_drop(lua_State *L)
{
    struct socket *s = lua_touserdata(L, 1);
    let_go(s, pelt_clock_ns());
    return 0;
}

/* ---- opening ---- */

static void on_opened(void *arg, const struct pelt_wsconn_opened *opened)
{
    struct socket *s = arg;
    const struct pelt_exchange *x = opened->exchange;
    size_t len = opened->subprotocol.len;
    len = len < SUBPROTOCOL_BYTES ? len : SUBPROTOCOL_BYTES - 1;
    s->status = x->status;
    s->opened = x->outcome == PELT_OUTCOME_OK;
    s->error = s->opened ? NULL : pelt_outcome_name(x->outcome);
    s->deflate = opened->deflate;
    s->connect_ns = x->sample.done_ns - s->from_ns;
    if (len > 0) {
        memcpy(s->subprotocol, opened->subprotocol.ptr, len);
    }
    s->subprotocol[len] = '\0';
    if (x->set_cookie.ptr) {
        pelt_user_cookies_take(s->strand, x);
    }
}

/* Gives the WebSocket, open or not. */
static int give_socket(lua_State *L, int status, lua_KContext ctx)
{
    struct socket *s = lua_touserdata(L, -1);
    if (s->ws && pelt_wsconn_state(s->ws) == PELT_WSCONN_OPENING) {
        pelt_wsconn_wait(s->ws, PELT_NEVER, false);
        return pelt_strand_wait(L, s->strand, give_socket);
    }
    if (!s->opened) {
        let_go(s, now_ns(L));
    }
    return 1;
}

static struct socket *push_socket(lua_State *L, struct pelt_strand *strand)
{
    struct socket *s = lua_newuserdatauv(L, sizeof *s, 0);
    memset(s, 0, sizeof *s);
    s->strand = strand;
    luaL_setmetatable(L, SOCKET_TYPE);
    return s;
}

/* ws.connect(url, options) */
static int ws_connect(lua_State *L)
{
    struct pelt_strand *strand = pelt_strand_waiter(L, "ws.connect");
    struct pelt_shard *shard = strand->shard;
    struct pelt_ws_asking a = {.what = "ws.connect", .message_max = MESSAGE_MAX};
    struct pelt_ws_handshake key;
    struct pelt_rng rng;
    struct pelt_url url;
    struct pelt_origin *origin;
    struct pelt_error err;
    lua_settop(L, 2);
    pelt_http_start_fields(L, &a.fields);
    pelt_ws_asking_read(L, 2, &a);
    struct pelt_span text = pelt_ws_asking_url(L, 1);
    if (pelt_url_parse_ws(text, &url, &err) != PELT_OK ||
        pelt_client_origin(shard->opt->client, &url, &origin, &err) != PELT_OK) {
        luaL_error(L, "ws.connect: %s", err.text);
    }
    struct pelt_span target = url.target.len > 0 ? url.target : pelt_span_of("/");
    pelt_rng_init(&rng, pelt_clock_ns(), (uintptr_t)strand);
    pelt_ws_handshake_init(&key, &rng);
    pelt_ws_asking_head(L, &a, strand, origin, target, &key, &shard->made);
    uint32_t series =
        a.name.ptr ? pelt_draft_series_named(L, a.name) : pelt_draft_series(L, "WS", target);
    struct socket *s = push_socket(L, strand);
    const uint64_t at_ns = pelt_clock_ns();
    s->from_ns = at_ns;
    struct pelt_wsconn_call call = {.holder = &s->ws,
                                    .origin = origin,
                                    .head = pelt_span(shard->made.data, shard->made.len),
                                    .key = &key,
                                    .ask = a.ask,
                                    .timeouts = pelt_ws_asking_timeouts(&a),
                                    .series = series,
                                    .cookies = true,
                                    .message_max = a.message_max,
                                    .due_ns = pelt_strand_due(strand, at_ns),
                                    .now_ns = at_ns,
                                    .opened = on_opened,
                                    .arg = s};
    if (!pelt_wsconn_open(&strand->sockets, &call)) {
        luaL_error(L, "ws.connect: out of memory");
    }
    return give_socket(L, LUA_OK, 0);
}

void pelt_ws_wake(void *arg, uint64_t at_ns)
{
    struct pelt_strand *strand = arg;
    if (!strand->closing) {
        pelt_strand_go_on(strand, at_ns);
    }
}

/* ---- fields ---- */

static int push_optional(lua_State *L, const char *text)
{
    if (text && *text) {
        lua_pushstring(L, text);
    } else {
        lua_pushnil(L);
    }
    return 1;
}

static int push_code(lua_State *L, const struct socket *s)
{
    unsigned code = end_of(s)->code;
    if (code) {
        lua_pushinteger(L, code);
    } else {
        lua_pushnil(L);
    }
    return 1;
}

static int push_open(lua_State *L, const struct socket *s)
{
    lua_pushboolean(L, is_open(s));
    return 1;
}

static int push_status(lua_State *L, const struct socket *s)
{
    lua_pushinteger(L, s->status);
    return 1;
}

static int push_error_field(lua_State *L, const struct socket *s)
{
    const struct pelt_wsconn_end *end = end_of(s);
    return push_optional(L, end->failed ? pelt_ws_class_name(end->class) : s->error);
}

static int push_reason(lua_State *L, const struct socket *s)
{
    return push_optional(L, end_of(s)->reason);
}

static int push_clean(lua_State *L, const struct socket *s)
{
    if (!end_of(s)->code) {
        return push_optional(L, NULL);
    }
    lua_pushboolean(L, end_of(s)->clean);
    return 1;
}

static int push_subprotocol(lua_State *L, const struct socket *s)
{
    return push_optional(L, s->subprotocol);
}

static int push_deflate(lua_State *L, const struct socket *s)
{
    lua_pushboolean(L, s->deflate);
    return 1;
}

static int push_connect_time(lua_State *L, const struct socket *s)
{
    lua_pushnumber(L, (double)s->connect_ns / (double)PELT_NS_PER_S);
    return 1;
}

static const struct {
    const char *name;
    int (*push)(lua_State *L, const struct socket *s);
} FIELDS[] = {
    {"open", push_open},
    {"status", push_status},
    {"error", push_error_field},
    {"code", push_code},
    {"reason", push_reason},
    {"clean", push_clean},
    {"subprotocol", push_subprotocol},
    {"deflate", push_deflate},
    {"connect_time", push_connect_time},
};

static const luaL_Reg METHODS[] = {
    {"send", socket_send},         {"send_binary", socket_send_binary},
    {"recv", socket_recv},         {"request", socket_request},
    {"messages", socket_messages}, {"ping", socket_ping},
    {"close", socket_close},       {NULL, NULL}};

static int refuse_field(lua_State *L)
{
    enum { ALL = sizeof FIELDS / sizeof FIELDS[0] + sizeof METHODS / sizeof METHODS[0] };
    const char *names[ALL], *key = luaL_tolstring(L, 2, NULL);
    size_t len = 0;
    for (size_t i = 0; i < sizeof FIELDS / sizeof FIELDS[0]; i++) {
        names[len++] = FIELDS[i].name;
    }
    for (size_t i = 0; METHODS[i].name; i++) {
        names[len++] = METHODS[i].name;
    }
    names[len] = NULL;
    const char *nearest = pelt_nearest(key, names);
    return luaL_error(L, "a WebSocket has no '%s'%s%s%s", key, nearest ? ": did you mean '" : "",
                      nearest ? nearest : "", nearest ? "'?" : "");
}

/* Upvalue: the methods. */
static int socket_index(lua_State *L)
{
    lua_pushvalue(L, 2);
    if (lua_rawget(L, lua_upvalueindex(1)) != LUA_TNIL) {
        return 1;
    }
    const struct socket *s = lua_touserdata(L, 1);
    const char *key = lua_type(L, 2) == LUA_TSTRING ? lua_tostring(L, 2) : "";
    for (size_t i = 0; i < sizeof FIELDS / sizeof FIELDS[0]; i++) {
        if (strcmp(key, FIELDS[i].name) == 0) {
            return FIELDS[i].push(L, s);
        }
    }
    return refuse_field(L);
}

static void make_metatable(lua_State *L)
{
    luaL_newmetatable(L, SOCKET_TYPE);
    pelt_shard_of(L)->type[PELT_TYPE_WEBSOCKET] = lua_topointer(L, -1);
    luaL_newlib(L, METHODS);
    lua_pushcclosure(L, socket_index, 1);
    lua_setfield(L, -2, "__index");
    lua_pushcfunction(L, socket_drop);
    lua_setfield(L, -2, "__gc");
    lua_pushcfunction(L, socket_drop);
    lua_setfield(L, -2, "__close");
    lua_pushliteral(L, SOCKET_TYPE);
    lua_setfield(L, -2, "__metatable");
    lua_pop(L, 1);
}

int pelt_lib_ws(lua_State *L)
{
    static const luaL_Reg functions[] = {{"connect", ws_connect}, {NULL, NULL}};
    make_metatable(L);
    luaL_newlib(L, functions);
    return 1;
}
