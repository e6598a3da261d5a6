/*
 * stream: see the header.
 *
 * Outside of Lua come: head and pieces (into the queue), the end of a receive and the exchange's
 * end (which wake the strand if it waits here), and, from the strand, the end of what ran. While
 * the strand goes on within one of them, the userdata must not be collected, though the script may
 * have closed it: `told` holds it.
 */
#include "stream.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

#include "args.h"
#include "events.h"
#include "pelt/clock.h"
#include "response.h"
#include "strand.h"
#include "stream_event.h"
#include "user_cookies.h"

#define STREAM_TYPE      "pelt.stream"
#define BETWEEN_NS       (60 * PELT_NS_PER_S)
#define RETRY_MS         1000   /* unless the server says another */
#define RETRY_MS_MAX     300000 /* a longer one is taken for this */
#define RESUME_ID_MAX    4096   /* bytes of an event id that is sent */
#define USER_VALUE_FIRST 1      /* the option `first` */

enum state {
    OPENING,  /* its strand waits for the first head */
    FLOWING,  /* events come */
    RESUMING, /* lost; another connection is waited for, or has not told its head */
    ENDED     /* nothing comes any more; events may still wait */
};

struct pelt_script_stream {
    struct pelt_stream stream; /* first: what the client tells */
    struct pelt_events events;
    struct pelt_strand *strand;      /* NULL: what opened it has ended */
    struct pelt_script_stream *next; /* of its strand */
    struct pelt_draft *draft;        /* its request */
    struct pelt_buf again;           /* bytes of the one that goes on with it */
    enum state state;
    enum pelt_outcome outcome; /* of the newest exchange that ended */
    uint32_t series;
    uint32_t resume;  /* connections that may be made anew */
    uint32_t resumed; /* that were */
    uint64_t taken;   /* events handed out */
    uint64_t ended_ns;
    int anchor_ref; /* LUA_NOREF: no exchange is in flight */
    bool in_flight;
    bool waiting;     /* its strand waits for it */
    bool told;        /* something is told within which the strand goes on */
    bool paused;      /* so many events wait that nothing more is received */
    bool matched;     /* the event of `first` came, or is not asked for */
    char reason[160]; /* of outcome, for people */
};

static const char ACCEPT_SSE[] = "text/event-stream", ACCEPT_ANY[] = "*/*",
                  ACCEPT_JSONL[] = "application/x-ndjson";

/* ---- options ---- */

enum own_option { OWN_METHOD, OWN_BETWEEN, OWN_FORMAT, OWN_FIRST, OWN_RESUME, OWN_OPTIONS };

const char *const pelt_stream_option_names[] = {
    "method", "between", "format", "first",   "resume", "headers", "body",      "json",
    "name",   "timeout", "expect", "cookies", "auth",   "form",    "multipart", NULL};

struct options {
    const char *method;
    int method_index; /* 0: a constant */
    int first;        /* 0: not given */
    int rest;         /* a table for the request's draft; 0: none */
    uint64_t between_ns;
    enum pelt_events_format format;
    uint32_t resume;
    bool body;
};

static enum pelt_events_format read_format(lua_State *L, int index)
{
    static const char *const FORMATS[] = {"auto", "sse", "jsonl", "lines", NULL};
    const char *format = lua_type(L, index) == LUA_TSTRING ? lua_tostring(L, index) : "";
    for (int i = 0; FORMATS[i]; i++) {
        if (strcmp(format, FORMATS[i]) == 0) {
            return (enum pelt_events_format)i;
        }
    }
    luaL_error(L, "http.stream: format: '%s' is none of \"auto\", \"sse\", \"jsonl\", \"lines\"",
               luaL_tolstring(L, index, NULL));
    return PELT_EVENTS_AUTO;
}

static uint32_t read_resume(lua_State *L, int index)
{
    const lua_Integer n = lua_tointeger(L, index);
    if (!lua_isinteger(L, index) || n < 0 || n > PELT_STREAM_RESUMES_MAX) {
        luaL_error(L,
                   "http.stream: resume: '%s': give how often a lost connection is made anew, 0 to "
                   "%d",
                   luaL_tolstring(L, index, NULL), PELT_STREAM_RESUMES_MAX);
    }
    return (uint32_t)n;
}

static void check_first(lua_State *L, int index)
{
    if (lua_type(L, index) != LUA_TSTRING && !lua_isfunction(L, index)) {
        luaL_error(
            L,
            "http.stream: first: a function, a JSON pointer (\"/choices/0\") or a pattern is "
            "expected, not a %s",
            luaL_typename(L, index));
    }
}

static void read_method(lua_State *L, int index, struct options *o)
{
    if (lua_type(L, index) != LUA_TSTRING) {
        luaL_error(L, "http.stream: method: a string is expected, not a %s",
                   luaL_typename(L, index));
    }
    o->method = lua_tostring(L, index);
    o->method_index = index;
    if (strcmp(o->method, "HEAD") == 0) {
        luaL_error(L, "http.stream: method: the answer to HEAD has no body to be streamed");
    }
}

/* Own option `option` with its value at `index`, which stays on the stack where it is needed. */
static bool read_own(lua_State *L, enum own_option option, int index, struct options *o)
{
    switch (option) {
    case OWN_METHOD:
        read_method(L, index, o);
        return true;
    case OWN_BETWEEN:
        o->between_ns = pelt_args_timeout(L, index, "http.stream: between");
        break;
    case OWN_FORMAT:
        o->format = read_format(L, index);
        break;
    case OWN_FIRST:
        check_first(L, index);
        o->first = index;
        return true;
    case OWN_RESUME:
        o->resume = read_resume(L, index);
        break;
    case OWN_OPTIONS:
        break;
    }
    return false;
}

/* Raises for what is no option of a stream. */
static void check_rest(lua_State *L, const char *key)
{
    static const struct {
        const char *name, *why;
    } NOT[] = {
        {"redirects", "a stream follows none: ask for the URL itself"},
        {"compressed", "a compressed stream is refused"},
        {"keep_body", "the events are what is kept of its body"},
    };
    for (size_t i = 0; i < sizeof NOT / sizeof NOT[0]; i++) {
        if (strcmp(key, NOT[i].name) == 0) {
            luaL_error(L, "http.stream: %s: %s", key, NOT[i].why);
        }
    }
    for (int i = 0; pelt_stream_option_names[i]; i++) {
        if (strcmp(key, pelt_stream_option_names[i]) == 0) {
            return;
        }
    }
    pelt_args_unknown(L, "http.stream", key, pelt_stream_option_names);
}

static enum own_option own_option(const char *key)
{
    int option = 0;
    while (option < OWN_OPTIONS && strcmp(key, pelt_stream_option_names[option]) != 0) {
        option++;
    }
    return (enum own_option)option;
}

static bool is_body(const char *key)
{
    return strcmp(key, "body") == 0 || strcmp(key, "json") == 0 || strcmp(key, "form") == 0 ||
           strcmp(key, "multipart") == 0;
}

/* Takes the stream's own options; the others go into a table for the draft. What must stay alive
 * is left on the stack. */
static void read_options(lua_State *L, int options, struct options *o)
{
    *o = (struct options){.between_ns = BETWEEN_NS};
    if (!lua_isnoneornil(L, options)) {
        if (!lua_istable(L, options)) {
            luaL_error(L, "http.stream: options: a table is expected, not a %s",
                       luaL_typename(L, options));
        }
        options = pelt_template_entries(L, options);
        lua_createtable(L, 0, 8);
        o->rest = lua_gettop(L);
        lua_pushnil(L);
        while (lua_next(L, options)) {
            const int value = lua_gettop(L);
            const char *key = lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : "[1]";
            const enum own_option own = own_option(key);
            if (own != OWN_OPTIONS) {
                if (read_own(L, own, value, o)) {
                    lua_rotate(L, value - 1, 1); /* the value below the key, and stays there */
                    o->first = o->first == value ? value - 1 : o->first;
                    o->method_index = o->method_index == value ? value - 1 : o->method_index;
                } else {
                    lua_pop(L, 1);
                }
                continue;
            }
            check_rest(L, key);
            o->body = o->body || is_body(key);
            lua_pushvalue(L, -2);
            lua_insert(L, -2);
            lua_rawset(L, o->rest);
        }
    }
    if (!o->method) {
        o->method = o->body ? "POST" : "GET";
    }
}

static const char *accept_of(enum pelt_events_format format)
{
    return format == PELT_EVENTS_GRPC    ? NULL
           : format == PELT_EVENTS_LINES ? ACCEPT_ANY
           : format == PELT_EVENTS_JSONL ? ACCEPT_JSONL
                                         : ACCEPT_SSE;
}

/* ---- told by the client ---- */

static struct pelt_script_stream *of_stream(struct pelt_stream *s)
{
    return (struct pelt_script_stream *)s;
}

static void anchor(lua_State *L, struct pelt_script_stream *h, int index)
{
    lua_pushvalue(L, index);
    h->anchor_ref = luaL_ref(L, LUA_REGISTRYINDEX);
}

/* Nothing refers to it any more but the script, perhaps; `h` may be collected from here on. */
static void release(struct pelt_script_stream *h, lua_State *L)
{
    if (!h->in_flight && !h->told && h->anchor_ref != LUA_NOREF) {
        const int ref = h->anchor_ref;
        h->anchor_ref = LUA_NOREF;
        luaL_unref(L, LUA_REGISTRYINDEX, ref);
    }
}

static void wake(struct pelt_script_stream *h, struct pelt_strand *strand, uint64_t now_ns)
{
    if (h->waiting) {
        h->waiting = false;
        pelt_strand_go_on(strand, now_ns);
    }
}

static void on_head(struct pelt_stream *s, unsigned status, struct pelt_span head, uint64_t now_ns)
{
    struct pelt_script_stream *h = of_stream(s);
    h->events.now_ns = now_ns;
    pelt_events_head(&h->events, s, &h->draft->request, status, head);
}

static void on_piece(struct pelt_stream *s, const char *bytes, size_t len, uint64_t now_ns)
{
    pelt_events_piece(&of_stream(s)->events, s, bytes, len, now_ns);
}

/* What its strand waits for is there. An answer that is no stream is waited for to its end. */
static bool is_ready(const struct pelt_script_stream *h)
{
    return h->state == OPENING ? h->events.is_stream : pelt_events_wait(&h->events);
}

static bool on_received(struct pelt_stream *s, uint64_t now_ns)
{
    struct pelt_script_stream *h = of_stream(s);
    lua_State *L = h->strand->shard->L;
    const bool outer = h->told;
    h->told = true;
    pelt_events_received(&h->events);
    if (is_ready(h)) {
        wake(h, h->strand, now_ns);
    }
    h->told = outer;
    h->paused = h->in_flight && pelt_events_full(&h->events);
    const bool more = !h->paused;
    release(h, L);
    return more;
}

static const struct pelt_stream_ops OPS = {on_head, on_piece, on_received};

/* A stream that was cut off may go on; one that its server ended, or refused, may not. */
static bool was_lost(enum pelt_outcome outcome)
{
    return outcome == PELT_OUTCOME_TRUNCATED || outcome == PELT_OUTCOME_RESET ||
           outcome == PELT_OUTCOME_STALE_REUSE || outcome == PELT_OUTCOME_TIMEOUT ||
           outcome == PELT_OUTCOME_CONNECT || outcome == PELT_OUTCOME_DNS;
}

static void forget(struct pelt_script_stream *h)
{
    struct pelt_script_stream **at = h->strand ? &h->strand->streams : NULL;
    while (at && *at && *at != h) {
        at = &(*at)->next;
    }
    if (at && *at) {
        *at = h->next;
    }
    h->strand = NULL;
}

/* Nothing of it will come any more. */
static void finish(struct pelt_script_stream *h, uint64_t now_ns)
{
    if (h->state != ENDED) {
        h->state = ENDED;
        pelt_events_finish(&h->events, now_ns);
        pelt_draft_trim(h->draft);
    }
    h->waiting = false;
    forget(h);
}

/* Takes what the exchange's end tells. */
static void note_end(struct pelt_script_stream *h, const struct pelt_exchange *x)
{
    const uint64_t now_ns = x->sample.done_ns;
    struct pelt_events *e = &h->events;
    if (!h->stream.conn && x->error == NULL) { /* an answer without a body: its head is new */
        h->stream.sent_ns = now_ns - x->sample.service_ns;
        h->stream.first_ns = now_ns - x->sample.receive_ns;
        pelt_events_head(e, &h->stream, x->request, x->status, x->head);
    }
    pelt_stream_ended(&h->stream);
    if (x->request->grpc && x->head.len > 0) { /* with the trailer's fields */
        pelt_buf_reset(&e->head);
        (void)pelt_buf_add(&e->head, x->head.ptr, x->head.len);
    }
    if (x->outcome == PELT_OUTCOME_OK) {
        pelt_events_whole(e, now_ns);
    }
    pelt_events_received(e);
    if (e->sent_ns == 0 && x->sample.sent) {
        e->sent_ns = now_ns - x->sample.service_ns;
    }
    h->in_flight = h->paused = false;
    h->outcome = x->outcome;
    h->ended_ns = now_ns;
    const char *why = x->error ? x->error : x->sample.error;
    snprintf(h->reason, sizeof h->reason, "%s", why ? why : "");
}

static void on_done(void *arg, const struct pelt_exchange *x)
{
    struct pelt_script_stream *h = arg;
    struct pelt_strand *strand = h->strand;
    lua_State *L = strand->shard->L;
    const uint64_t now_ns = x->sample.done_ns;
    const bool resumes = h->state != OPENING && was_lost(x->outcome) && h->resumed < h->resume;
    const bool outer = h->told;
    note_end(h, x);
    if (x->set_cookie.ptr && !strand->closing) {
        pelt_user_cookies_take(strand, x);
    }
    const bool waited = h->waiting;
    if (resumes) {
        h->state = RESUMING;
        h->waiting = false;
    } else {
        finish(h, now_ns);
    }
    h->told = true;
    if (waited && !strand->closing) {
        pelt_strand_go_on(strand, now_ns);
    }
    h->told = outer;
    release(h, L);
}

/* ---- life ---- */

static void start(lua_State *L, struct pelt_script_stream *h, int index, uint64_t due_ns,
                  uint64_t now_ns)
{
    if (!pelt_session_has_room(&h->strand->session)) {
        luaL_error(L, "http.stream: not enough memory for a connection");
    }
    if (h->anchor_ref == LUA_NOREF) {
        anchor(L, h, index);
    }
    h->stream.refused = NULL;
    h->in_flight = true;
    pelt_session_call(&h->strand->session, &h->draft->request, due_ns, now_ns, on_done, h);
}

/* The request once more, with the last event id; the draft keeps the first one's bytes. Raises
 * (memory). */
static void write_again(lua_State *L, struct pelt_script_stream *h)
{
    const struct pelt_buf *first = &h->draft->buf, *id = &h->events.sse.id;
    const char *end = memmem(first->data, first->len, "\r\n\r\n", 4);
    const size_t head = (size_t)(end - first->data) + 2;
    pelt_buf_reset(&h->again);
    enum pelt_status status = pelt_buf_add(&h->again, first->data, head);
    if (id->len > 0 && id->len <= RESUME_ID_MAX) {
        status = status == PELT_OK ? pelt_buf_addf(&h->again, "Last-Event-ID: ") : status;
        status = status == PELT_OK ? pelt_buf_add(&h->again, id->data, id->len) : status;
        status = status == PELT_OK ? pelt_buf_add(&h->again, "\r\n", 2) : status;
    }
    status =
        status == PELT_OK ? pelt_buf_add(&h->again, first->data + head, first->len - head) : status;
    if (status != PELT_OK) {
        luaL_error(L, "http.stream: not enough memory to go on with it");
    }
    h->draft->request.bytes = h->again.data;
    h->draft->request.len = h->again.len;
}

/* Gives up what has not come; what has come can still be taken. An exchange without a head is only
 * in flight while its strand waits for it. */
static void leave(struct pelt_script_stream *h)
{
    const uint64_t now_ns = pelt_clock_ns();
    assert(!h->in_flight || h->stream.conn);
    h->resume = 0;
    if (h->in_flight) {
        pelt_stream_cancel(&h->stream, PELT_OUTCOME_ABANDONED, now_ns);
    }
    finish(h, now_ns);
}

void pelt_streams_leave(struct pelt_strand *strand)
{
    while (strand->streams) {
        leave(strand->streams);
    }
}

/* ---- for scripts ---- */

static struct pelt_script_stream *self(lua_State *L)
{
    struct pelt_script_stream *h = pelt_shard_test(L, 1, PELT_TYPE_STREAM);
    return h ? h : luaL_checkudata(L, 1, STREAM_TYPE); /* raises */
}

static void check_first_match(lua_State *L, struct pelt_script_stream *h, uint64_t at_ns)
{
    if (h->matched) {
        return;
    }
    const int event = lua_gettop(L);
    lua_getiuservalue(L, 1, USER_VALUE_FIRST);
    if (pelt_stream_event_matches(L, event, event + 1)) {
        h->matched = true;
        pelt_events_matched(&h->events, at_ns);
    }
    lua_settop(L, event);
}

static void take(lua_State *L, struct pelt_script_stream *h)
{
    struct pelt_event event;
    pelt_events_take(&h->events, &event);
    pelt_stream_event_push(L, &event);
    h->taken++;
    if (h->paused && !pelt_events_wait(&h->events)) {
        h->paused = false;
        pelt_stream_resume(&h->stream, pelt_clock_ns());
    }
    check_first_match(L, h, event.at_ns);
}

static int give_next(lua_State *L, int status, lua_KContext ctx);

/* The pause before the connection is made anew is over. */
static int resume(lua_State *L, int status, lua_KContext ctx)
{
    struct pelt_script_stream *h = self(L);
    const uint64_t now_ns = pelt_clock_ns();
    write_again(L, h);
    pelt_events_resume(&h->events);
    h->resumed++;
    h->state = FLOWING;
    start(L, h, 1, now_ns, now_ns);
    return give_next(L, status, ctx);
}

static int pause_before_resume(lua_State *L, struct pelt_script_stream *h)
{
    int64_t ms = h->events.sse.retry_ms >= 0 ? h->events.sse.retry_ms : RETRY_MS;
    ms = ms < RETRY_MS_MAX ? ms : RETRY_MS_MAX;
    return pelt_strand_sleep_then(L, h->strand, (uint64_t)ms * PELT_NS_PER_MS, resume);
}

/* The stream is at 1, alone. */
static int give_next(lua_State *L, int status, lua_KContext ctx)
{
    struct pelt_script_stream *h = self(L);
    if (pelt_events_wait(&h->events)) {
        take(L, h);
        return 1;
    }
    if (h->state == ENDED) {
        lua_pushnil(L);
        return 1;
    }
    struct pelt_strand *strand = pelt_strand_waiter(L, "a stream's next event");
    if (strand != h->strand) {
        return luaL_error(L, "the stream is another user's");
    }
    if (h->state == RESUMING) {
        return pause_before_resume(L, h);
    }
    h->waiting = true;
    return pelt_strand_wait(L, strand, give_next);
}

/* s(), s:next(), and what a generic for calls */
static int stream_next(lua_State *L)
{
    lua_settop(L, 1);
    return give_next(L, LUA_OK, 0);
}

/* For a generic for: function, stream, nil, and the stream again, to be closed. */
static int stream_events(lua_State *L)
{
    (void)self(L);
    lua_settop(L, 1);
    lua_pushcfunction(L, stream_next);
    lua_insert(L, 1);
    lua_pushnil(L);
    lua_pushvalue(L, 2);
    return 4;
}

static int stream_close(lua_State *L)
{
    struct pelt_script_stream *h = self(L);
    if (h->state != ENDED) {
        leave(h);
    }
    h->events.queue.len = h->events.taken = 0; /* nobody takes them any more */
    return 0;
}

static int stream_gc(lua_State *L)
{
    struct pelt_script_stream *h = lua_touserdata(L, 1);
    forget(h);
    pelt_draft_free(h->draft);
    h->draft = NULL;
    pelt_buf_deinit(&h->again);
    pelt_events_deinit(&h->events);
    return 0;
}

/* ---- opening ---- */

/* The head came, or the exchange has ended. */
static int opened(lua_State *L, int status, lua_KContext ctx)
{
    struct pelt_script_stream *h = self(L);
    if (h->in_flight) {
        h->state = FLOWING;
    }
    lua_pushnil(L);
    lua_pushnil(L);
    lua_pushvalue(L, 1);
    return 4;
}

static struct pelt_script_stream *push_stream(lua_State *L)
{
    struct pelt_script_stream *h = lua_newuserdatauv(L, sizeof *h, 1);
    memset(h, 0, sizeof *h);
    h->stream.ops = &OPS;
    h->anchor_ref = LUA_NOREF;
    h->state = OPENING;
    h->outcome = PELT_OUTCOME_OK;
    luaL_setmetatable(L, STREAM_TYPE);
    return h;
}

static void compose(lua_State *L, struct pelt_http_client *client, int url, const struct options *o,
                    struct pelt_script_stream *h)
{
    struct pelt_call call = {.what = "http.stream",
                             .method = o->method,
                             .url = url,
                             .options = o->rest,
                             .accept = accept_of(o->format),
                             .method_index = o->method_index};
    if (!o->rest) {
        lua_pushnil(L);
        call.options = lua_gettop(L);
    }
    pelt_draft_compose(L, client, &call, &h->draft);
    struct pelt_request *request = &h->draft->request;
    request->stream = &h->stream;
    request->keep = true;
    request->body_max = 0;
    request->redirects = 0;
    request->decode = false;
    h->series = request->series;
}

static unsigned open_streams(const struct pelt_strand *strand)
{
    unsigned n = 0;
    for (const struct pelt_script_stream *h = strand->streams; h; h = h->next) {
        n += h->in_flight;
    }
    return n;
}

int pelt_stream_call(lua_State *L, struct pelt_http_client *client, int url, int options,
                     const struct pelt_grpc *grpc)
{
    struct pelt_strand *strand = pelt_strand_waiter(L, "http.stream");
    struct pelt_shard *shard = strand->shard;
    if (open_streams(strand) >= PELT_STREAMS_MAX) {
        return luaL_error(L, "http.stream: %d streams of this user are open: close some",
                          PELT_STREAMS_MAX);
    }
    lua_settop(L, options);
    struct options o;
    read_options(L, options, &o);
    o.format = grpc ? PELT_EVENTS_GRPC : o.format;
    struct pelt_script_stream *h = push_stream(L);
    const int index = lua_gettop(L);
    if (o.first) {
        lua_pushvalue(L, o.first);
        lua_setiuservalue(L, index, USER_VALUE_FIRST);
    }
    compose(L, client, url, &o, h);
    h->draft->request.grpc = grpc;
    h->draft->request.judged = grpc != NULL;
    const struct pelt_stream_series *series = pelt_stream_series(shard, h->series);
    if (!series) {
        return luaL_error(L, "http.stream: out of memory");
    }
    const uint64_t now_ns = pelt_clock_ns(), due_ns = pelt_strand_due(strand, now_ns);
    pelt_events_init(&h->events, o.format, shard->opt->recorder, series, due_ns);
    h->stream.between_ns = o.between_ns;
    h->resume = o.resume;
    h->matched = !o.first;
    lua_pushvalue(L, index);
    lua_replace(L, 1);
    lua_settop(L, 1); /* where opened() looks */
    h->strand = strand;
    h->next = strand->streams;
    strand->streams = h;
    start(L, h, 1, due_ns, now_ns);
    h->waiting = true;
    return pelt_strand_wait(L, strand, opened);
}

/* ---- fields ---- */

static void push_error(lua_State *L, const struct pelt_script_stream *h)
{
    if (h->outcome == PELT_OUTCOME_OK || h->state == RESUMING) {
        lua_pushnil(L);
    } else {
        lua_pushstring(L, pelt_outcome_name(h->outcome));
    }
}

static void push_reason(lua_State *L, const struct pelt_script_stream *h)
{
    if (h->outcome == PELT_OUTCOME_OK || h->state == RESUMING) {
        lua_pushnil(L);
    } else {
        lua_pushstring(L, h->reason);
    }
}

/* Those of a response with this head. */
static void push_headers(lua_State *L, const struct pelt_script_stream *h)
{
    const struct pelt_request request = {.keep = true};
    const struct pelt_exchange x = {.request = &request,
                                    .outcome = PELT_OUTCOME_OK,
                                    .status = h->events.status,
                                    .head = {h->events.head.data, h->events.head.len}};
    if (x.head.len == 0) {
        lua_pushnil(L);
        return;
    }
    pelt_response_push(L, &x, PELT_HOP_NONE);
    lua_getfield(L, -1, "headers");
}

static void push_body(lua_State *L, const struct pelt_script_stream *h)
{
    if (h->events.status == 0 || h->events.is_stream || h->outcome == PELT_OUTCOME_BAD_STREAM) {
        lua_pushnil(L);
    } else {
        lua_pushlstring(L, h->events.text.data ? h->events.text.data : "", h->events.text.len);
    }
}

static void push_time(lua_State *L, uint64_t ns)
{
    if (ns != 0) {
        lua_pushnumber(L, (double)ns / (double)PELT_NS_PER_S);
    } else {
        lua_pushnil(L);
    }
}

static void push_last_id(lua_State *L, const struct pelt_script_stream *h)
{
    const struct pelt_buf *id = &h->events.sse.id;
    lua_pushlstring(L, id->data ? id->data : "", id->len);
}

static void push_name(lua_State *L, const struct pelt_script_stream *h)
{
    lua_pushstring(
        L, pelt_registry_name(pelt_shard_of(L)->opt->registry, PELT_NAME_REQUEST, h->series));
}

static const struct field {
    const char *name;
    void (*push)(lua_State *L, const struct pelt_script_stream *h);
} FIELDS[] = {{"error", push_error}, {"reason", push_reason},   {"headers", push_headers},
              {"body", push_body},   {"last_id", push_last_id}, {"name", push_name}};

static bool push_number(lua_State *L, const struct pelt_script_stream *h, const char *key)
{
    if (strcmp(key, "status") == 0) {
        lua_pushinteger(L, h->events.status);
    } else if (strcmp(key, "count") == 0) {
        lua_pushinteger(L, (lua_Integer)h->taken);
    } else if (strcmp(key, "resumed") == 0) {
        lua_pushinteger(L, h->resumed);
    } else if (strcmp(key, "due") == 0) {
        push_time(L, h->events.due_ns);
    } else if (strcmp(key, "sent") == 0) {
        push_time(L, h->events.sent_ns);
    } else if (strcmp(key, "first_byte") == 0) {
        push_time(L, h->events.first_byte_ns);
    } else if (strcmp(key, "ended") == 0) {
        push_time(L, h->state == ENDED ? h->ended_ns : 0);
    } else {
        return false;
    }
    return true;
}

/* Upvalue: the table of methods. */
static int stream_index(lua_State *L)
{
    const struct pelt_script_stream *h = lua_touserdata(L, 1);
    const char *key = lua_type(L, 2) == LUA_TSTRING ? lua_tostring(L, 2) : "";
    lua_pushvalue(L, 2);
    if (lua_rawget(L, lua_upvalueindex(1)) != LUA_TNIL || push_number(L, h, key)) {
        return 1;
    }
    for (size_t i = 0; i < sizeof FIELDS / sizeof FIELDS[0]; i++) {
        if (strcmp(key, FIELDS[i].name) == 0) {
            FIELDS[i].push(L, h);
            return 1;
        }
    }
    return luaL_error(
        L,
        "a stream has no field '%s'; it has next, events, close, status, error, "
        "reason, headers, body, name, count, last_id, resumed, due, sent, first_byte, "
        "ended",
        luaL_tolstring(L, 2, NULL));
}

static int stream_tostring(lua_State *L)
{
    const struct pelt_script_stream *h = luaL_checkudata(L, 1, STREAM_TYPE);
    lua_pushfstring(L, "stream: %s, status %d, %d events",
                    h->state == ENDED ? pelt_outcome_name(h->outcome) : "open",
                    (int)h->events.status, (int)h->taken);
    return 1;
}

void pelt_streams_open(lua_State *L)
{
    static const luaL_Reg methods[] = {
        {"next", stream_next}, {"events", stream_events}, {"close", stream_close}, {NULL, NULL}};
    pelt_stream_event_open(L);
    luaL_newmetatable(L, STREAM_TYPE);
    luaL_newlib(L, methods);
    lua_pushcclosure(L, stream_index, 1);
    lua_setfield(L, -2, "__index");
    lua_pushcfunction(L, stream_next);
    lua_setfield(L, -2, "__call");
    lua_pushcfunction(L, stream_close);
    lua_setfield(L, -2, "__close");
    lua_pushcfunction(L, stream_gc);
    lua_setfield(L, -2, "__gc");
    lua_pushcfunction(L, stream_tostring);
    lua_setfield(L, -2, "__tostring");
    lua_pushliteral(L, STREAM_TYPE);
    lua_setfield(L, -2, "__metatable");
    pelt_shard_of(L)->type[PELT_TYPE_STREAM] = lua_topointer(L, -1);
    lua_pop(L, 1);
}

struct pelt_strand *pelt_stream_strand(pelt_done_fn done, void *arg)
{
    return done == on_done ? ((struct pelt_script_stream *)arg)->strand : NULL;
}
