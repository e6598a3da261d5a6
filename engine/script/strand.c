/*
 * A coroutine whose function returned has the status LUA_OK again and may be resumed with the next
 * function (lua_resume, Lua 5.4): no new thread an iteration. After an error lua_resetthread()
 * makes it so.
 */
#include "strand.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "batch.h"
#include "draft.h"
#include "hop.h"
#include "lib.h"
#include "lib_ws.h"
#include "pelt/cookies.h"
#include "response.h"
#include "stream.h"
#include "user_cookies.h"
#include "user_digest.h"
#include "watchdog.h"

static int make_coroutine(lua_State *L)
{
    struct pelt_strand *s = lua_touserdata(L, 1);
    s->rng = lua_newuserdatauv(L, sizeof *s->rng, 0);
    luaL_setmetatable(L, PELT_RNG_TYPE);
    s->rng_ref = luaL_ref(L, LUA_REGISTRYINDEX);
    lua_State *co = lua_newthread(L);
    lua_pushboolean(L, true);
    lua_rawset(L, LUA_REGISTRYINDEX);
    s->co = co;
    return 0;
}

static unsigned patience(const struct pelt_strand *s)
{
    return s->vu ? PELT_WATCH_ITERATION : PELT_WATCH_ONCE;
}

/* Back to a coroutine that can be started; pending to-be-closed variables are closed on the way.
 * Not LUA_OK: one of them raised an error of its own, which is all that is left on co's stack. */
static int reset(struct pelt_strand *s)
{
    int ended = lua_status(s->co);
    const void *before = ended == LUA_YIELD ? NULL : lua_topointer(s->co, -1);
    s->closing = true;
    s->shard->running = s;
    pelt_watch_enter(s->co, patience(s));
    int status = pelt_watch_close(s->co, s->co);
    pelt_watch_leave();
    s->shard->running = NULL;
    s->closing = false;
    if (status != LUA_OK && (ended == LUA_YIELD || lua_topointer(s->co, -1) != before)) {
        return status;
    }
    lua_settop(s->co, 0);
    return LUA_OK;
}

/* On the shard's own stack; a metamethod of the error object may run. False: out of memory. */
static bool describe(struct pelt_strand *s, bool silent)
{
    lua_State *L = s->shard->L;
    struct pelt_failed failed = {.co = s->co, .silent = silent};
    lua_pushcfunction(L, pelt_shard_describe);
    lua_pushlightuserdata(L, &failed);
    s->closing = true;
    s->shard->running = s;
    pelt_watch_enter(L, patience(s));
    bool described = lua_pcall(L, 1, 2, 0) == LUA_OK;
    pelt_watch_leave();
    s->shard->running = NULL;
    s->closing = false;
    return described;
}

/* Was the slice that just ended stopped? Then err says so. A user holds its loop only once, also if
 * the slice ended by itself, without memory say. */
static bool held(struct pelt_strand *s, struct pelt_error *err)
{
    const char *line = pelt_watch_line();
    if (s->vu && pelt_watch_tripped()) {
        s->vu->stopped = true;
    }
    if (line) {
        (void)pelt_fail(err, PELT_ESCRIPT, "%s", line);
    }
    return line != NULL;
}

/* A user that needs more memory than there is stops all of its thread for it, each time. */
static const char *say_memory(struct pelt_strand *s, struct pelt_error *said)
{
    if (s->vu && s->shard->slab.refused) {
        s->vu->stopped = true;
    }
    pelt_shard_say_memory(s->shard, s->co, s->vu, said);
    return said->text;
}

/* What reset() left, as text on the shard's stack or in `said`. */
static const char *take_raised(struct pelt_strand *s, int status, struct pelt_error *said)
{
    bool described = status != LUA_ERRMEM && describe(s, false);
    lua_settop(s->co, 0);
    return described ? lua_tostring(s->shard->L, -2) : say_memory(s, said);
}

/* What it opened and did not close. */
static void leave_streams(struct pelt_strand *s)
{
    if (s->streams) {
        pelt_streams_leave(s);
    }
}

/* Closes what an ended function left open, and ends the strand with `message` or what came of that.
 * `said` is the message's, or free; `stopped`: it says that the slice was. */
static void end_closed(struct pelt_strand *s, struct pelt_error *said, bool stopped,
                       const char *message, const char *traceback)
{
    struct pelt_error second, both;
    int status = reset(s);
    if (!stopped && held(s, said)) { /* meanwhile */
        message = said->text;
        lua_settop(s->co, 0);
    } else if (status != LUA_OK) {
        const char *raised = take_raised(s, status, &second);
        (void)pelt_fail(&both, PELT_ESCRIPT, "%.600s%s%.400s", message ? message : "",
                        message ? "; and then in __close: " : "", raised);
        message = both.text;
    }
    leave_streams(s);
    s->on_end(s, 0, message, traceback);
}

/* `message` NULL: what lua_resume() left on top of the coroutine's stack says it. */
static void end_with_error(struct pelt_strand *s, int status, const char *message)
{
    lua_State *L = s->shard->L;
    int top = lua_gettop(L);
    struct pelt_error said;
    const char *traceback = "";
    bool stopped = held(s, &said);
    if (!stopped && status == LUA_ERRMEM) {
        message = say_memory(s, &said);
    }
    if (describe(s, stopped || message)) {
        message = message ? message : lua_tostring(L, -2);
        traceback = lua_tostring(L, -1);
    } else if (!stopped && !message) {
        message = say_memory(s, &said);
    }
    stopped = stopped || held(s, &said); /* while it was described */
    end_closed(s, &said, stopped, stopped ? said.text : message, traceback);
    lua_settop(L, top);
}

/* After pelt_strand_end(). */
static void end_early(struct pelt_strand *s)
{
    int top = lua_gettop(s->shard->L);
    struct pelt_error said;
    s->state = PELT_STRAND_IDLE;
    end_closed(s, &said, false, NULL, "");
    lua_settop(s->shard->L, top);
}

/* A yield that is not one of ours: nobody would ever resume it. */
static void end_stray_yield(struct pelt_strand *s)
{
    char where[PELT_SHARD_WHERE_SIZE];
    struct pelt_error said;
    pelt_shard_where(s->co, where);
    (void)pelt_fail(&said, PELT_ESCRIPT,
                    "%scoroutine.yield() outside a coroutine of the script's own: to wait, call "
                    "pelt.sleep",
                    where);
    end_with_error(s, LUA_YIELD, said.text);
}

static void go_on(struct pelt_strand *s, int args, uint64_t now_ns)
{
    struct pelt_shard *shard = s->shard;
    assert(!shard->running);
    shard->running = s;
    shard->now_ns = now_ns;
    s->state = PELT_STRAND_RUNNING;
    int results = 0;
    pelt_watch_enter(s->co, patience(s));
    int status = lua_resume(s->co, NULL, args, &results);
    pelt_watch_leave();
    pelt_watch_end_row();
    shard->running = NULL;
    if (status == LUA_YIELD && s->state == PELT_STRAND_ENDING) {
        end_early(s);
        return;
    }
    if (status == LUA_YIELD && s->state != PELT_STRAND_RUNNING) {
        return;
    }
    s->state = PELT_STRAND_IDLE;
    if (status == LUA_OK) {
        leave_streams(s);
        s->on_end(s, results, NULL, NULL);
    } else if (status == LUA_YIELD) {
        end_stray_yield(s);
    } else {
        end_with_error(s, status, NULL);
    }
}

static void on_done(void *arg, const struct pelt_exchange *x)
{
    struct pelt_strand *s = arg;
    if (s->closing) {
        return;
    }
    s->exchange = x;
    go_on(s, 0, x->sample.done_ns);
}

/* What going on touches of a coroutine (its state, its stack behind it, some calls) and of a table
 * with few fields. */
#define COROUTINE_BYTES 1152
#define TABLE_BYTES     128
#define HEAD_BYTES      192 /* of a usual request */

void pelt_strand_foresee(pelt_done_fn done, void *arg)
{
    if (done == on_done) {
        const struct pelt_strand *s = arg;
        pelt_fetch(s->vu, s->vu ? sizeof *s->vu : 0);
        pelt_fetch(s->co, COROUTINE_BYTES);
        pelt_fetch(s->rng, sizeof *s->rng);
        pelt_fetch(s->table, s->table ? TABLE_BYTES : 0);
        if (s->draft) {
            pelt_fetch(s->draft, sizeof *s->draft);
            pelt_fetch(s->draft->buf.data, HEAD_BYTES); /* the next one is written there */
        }
    }
}

void pelt_strand_whose(pelt_done_fn done, void *arg, struct pelt_kept *k)
{
    const struct pelt_strand *s = done == on_done ? arg : pelt_batch_strand(done, arg);
    s = s != NULL ? s : pelt_stream_strand(done, arg);
    if (s != NULL && s->vu != NULL) {
        k->has_user = true;
        k->user = s->vu->id;
        k->iteration = s->vu->iteration;
    }
}

static void on_timer(struct pelt_timer *timer, uint64_t now_ns)
{
    struct pelt_strand *s =
        (struct pelt_strand *)((char *)timer - offsetof(struct pelt_strand, timer));
    go_on(s, 0, now_ns);
}

static int give_response(lua_State *L, int status, lua_KContext ctx)
{
    struct pelt_strand *s = pelt_shard_of(L)->running;
    const struct pelt_exchange *x = s && s->co == L ? s->exchange : NULL;
    if (!x) {
        return luaL_error(L, "http: resumed without its answer");
    }
    s->exchange = NULL;
    if (x->set_cookie.ptr) {
        pelt_user_cookies_take(s, x);
    }
    enum pelt_hop hop = PELT_HOP_NONE;
    if (__builtin_expect(x->request->judged | x->request->stale_again, 0) &&
        pelt_hop_again(L, s, x, s->draft)) {
        return pelt_strand_call(L, s, x->request);
    }
    if (x->request->redirects > 0) {
        hop = pelt_hop_next(L, s, x, &s->draft);
        if (hop == PELT_HOP_FOLLOWS) {
            return pelt_strand_call(L, s, &s->draft->request);
        }
    }
    pelt_draft_trim(s->draft);
    pelt_response_push(L, x, hop);
    return 1;
}

static int give_nothing(lua_State *L, int status, lua_KContext ctx)
{
    return 0;
}

bool pelt_strand_init(struct pelt_strand *s, struct pelt_shard *shard, struct pelt_vu *vu,
                      uint64_t stream)
{
    memset(s, 0, sizeof *s);
    s->shard = shard;
    s->vu = vu;
    s->rng_ref = LUA_NOREF;
    s->timer.fn = on_timer;
    s->trace_stream = vu ? vu->id : 0;
    if (!pelt_shard_protect(shard, make_coroutine, s, NULL)) {
        return false;
    }
    pelt_rng_init(s->rng, shard->opt->seed, stream);
    pelt_wsset_init(&s->sockets, shard->opt->client, pelt_ws_wake, s);
    if (pelt_session_init(&s->session, shard->opt->client) != PELT_OK) {
        memset(&s->session, 0, sizeof s->session);
        return false;
    }
    return true;
}

static void release_coroutine(struct pelt_strand *s)
{
    if (s->co) {
        lua_State *L = s->shard->L;
        lua_pushthread(s->co);
        lua_xmove(s->co, L, 1);
        lua_pushnil(L);
        lua_rawset(L, LUA_REGISTRYINDEX);
        s->co = NULL;
    }
}

void pelt_strand_deinit(struct pelt_strand *s)
{
    if (!s->shard) {
        return;
    }
    assert(s->state == PELT_STRAND_IDLE);
    pelt_wsset_leave(&s->sockets, pelt_clock_ns());
    pelt_session_deinit(&s->session);
    pelt_draft_free(s->draft);
    free(s->taken);
    pelt_cookies_free(s->cookies);
    pelt_user_digests_free(s->digests);
    release_coroutine(s);
    luaL_unref(s->shard->L, LUA_REGISTRYINDEX, s->rng_ref);
}

void pelt_strand_start(struct pelt_strand *s, int args, uint64_t due_ns, uint64_t now_ns)
{
    assert(s->state == PELT_STRAND_IDLE);
    s->due_ns = due_ns;
    s->group = NULL;
    go_on(s, args, now_ns);
}

void pelt_strand_cancel(struct pelt_strand *s, uint64_t now_ns)
{
    assert(s->state == PELT_STRAND_WAITING_HTTP || s->state == PELT_STRAND_WAITING_SLEEP);
    s->closing = true;
    if (s->state == PELT_STRAND_WAITING_HTTP) {
        pelt_session_cancel(&s->session, PELT_OUTCOME_UNFINISHED, now_ns);
        pelt_wsset_cancel(&s->sockets, PELT_OUTCOME_UNFINISHED, now_ns);
    } else {
        pelt_timerq_remove(s->shard->opt->timers, &s->timer);
        if (s->streams) {
            pelt_session_cancel(&s->session, PELT_OUTCOME_UNFINISHED, now_ns);
        }
    }
    (void)reset(s); /* that __close cannot wait at the end of a run is no fault of the script */
    lua_settop(s->co, 0);
    leave_streams(s);
    s->state = PELT_STRAND_IDLE;
}

struct pelt_strand *pelt_strand_waiter(lua_State *L, const char *what)
{
    struct pelt_strand *s = pelt_shard_of(L)->running;
    if (!s && pelt_shard_of(L)->deciding) {
        luaL_error(L,
                   "%s waits, and a load's function may not wait: it returns the level of a second",
                   what);
    }
    if (!s) {
        luaL_error(L,
                   "%s waits, and nothing may wait while the file is loaded: call it in setup or "
                   "in an iteration",
                   what);
    }
    if (s->closing) {
        luaL_error(L,
                   "%s waits, and nothing may wait any more: what ran has ended, and only __close "
                   "and __tostring are still called",
                   what);
    }
    if (L != s->co) {
        luaL_error(L, "%s waits, and cannot do so inside a coroutine of the script's own", what);
    }
    if (!lua_isyieldable(L)) {
        luaL_error(L,
                   "%s waits, and cannot do so inside a callback of table.sort, string.gsub or a "
                   "metamethod",
                   what);
    }
    return s;
}

uint64_t pelt_strand_due(struct pelt_strand *s, uint64_t now_ns)
{
    uint64_t due_ns = s->due_ns == PELT_NEVER ? now_ns : s->due_ns;
    s->due_ns = PELT_NEVER;
    return due_ns;
}

int pelt_strand_call(lua_State *L, struct pelt_strand *s, const struct pelt_request *request)
{
    uint64_t now_ns = pelt_clock_ns();
    uint64_t due_ns = pelt_strand_due(s, now_ns);
    if (s->streams && !pelt_session_has_room(&s->session)) {
        return luaL_error(L, "http: not enough memory for a connection beside the open streams");
    }
    s->state = PELT_STRAND_WAITING_HTTP;
    pelt_session_call(&s->session, request, due_ns, now_ns, on_done, s);
    return lua_yieldk(L, 0, 0, give_response);
}

int pelt_strand_wait(lua_State *L, struct pelt_strand *s, lua_KFunction then)
{
    s->state = PELT_STRAND_WAITING_HTTP;
    return lua_yieldk(L, 0, 0, then);
}

void pelt_strand_go_on(struct pelt_strand *s, uint64_t now_ns)
{
    assert(s->state == PELT_STRAND_WAITING_HTTP);
    go_on(s, 0, now_ns);
}

int pelt_strand_sleep_then(lua_State *L, struct pelt_strand *s, uint64_t asked_ns,
                           lua_KFunction then)
{
    const uint64_t ns = pelt_shard_pause_ns(s->shard, asked_ns);
    if (pelt_timerq_add(s->shard->opt->timers, &s->timer, pelt_clock_ns() + ns) != PELT_OK) {
        return luaL_error(L, "pelt.sleep: out of memory");
    }
    s->state = PELT_STRAND_WAITING_SLEEP;
    return lua_yieldk(L, 0, 0, then);
}

int pelt_strand_sleep(lua_State *L, struct pelt_strand *s, uint64_t ns)
{
    return pelt_strand_sleep_then(L, s, ns, give_nothing);
}

int pelt_strand_end(lua_State *L, struct pelt_strand *s, const char *what)
{
    if (s->closing || L != s->co || !lua_isyieldable(L)) {
        return luaL_error(L,
                          "%s and cannot do so inside a coroutine of the script's own, a callback "
                          "of table.sort or string.gsub, or a metamethod",
                          what);
    }
    s->state = PELT_STRAND_ENDING;
    return lua_yield(L, 0);
}

struct pelt_strand_taken *pelt_strand_taken(struct pelt_strand *s, size_t number)
{
    if (!s->taken) {
        s->taken = calloc(s->shard->feeds, sizeof *s->taken);
    }
    return s->taken ? &s->taken[number] : NULL;
}
