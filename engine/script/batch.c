/*
 * The batch is a userdata on the waiting coroutine's stack, so it lives as long as anything of it
 * is in flight; its finalizer frees the drafts. Answers come outside of Lua: each is turned into a
 * response in a protected call on the shard's own stack.
 */
#include "batch.h"

#include <string.h>

#include "hop.h"
#include "pelt/clock.h"
#include "response.h"
#include "strand.h"
#include "user_cookies.h"

#define BATCH_TYPE "pelt.batch"

enum state { WAITING, IN_FLIGHT, ENDED };

struct batch;
struct item {
    struct batch *batch;
    struct pelt_draft *draft; /* its request */
    enum state state;
    uint64_t due_ns;
};

struct batch {
    struct pelt_strand *strand;
    lua_State *L;                         /* the shard's */
    int results_ref;                      /* a list of responses, in the registry */
    bool failed;                          /* no memory for a response */
    const struct pelt_exchange *exchange; /* the one that is being taken */
    struct item *taken;                   /* its item */
    size_t len, left;
    struct item item[];
};

static int batch_gc(lua_State *L)
{
    struct batch *b = lua_touserdata(L, 1);
    for (size_t i = 0; i < b->len; i++) {
        pelt_draft_free(b->item[i].draft);
        b->item[i].draft = NULL;
    }
    luaL_unref(L, LUA_REGISTRYINDEX, b->results_ref);
    b->results_ref = LUA_NOREF;
    return 0;
}

/* ---- the requests ---- */

static void wrong_entry(lua_State *L, size_t number)
{
    luaL_error(L,
               "http.batch: entry %d: a URL, or { method, url, options } is expected: "
               "{ \"POST\", \"/path\", { json = {} } }",
               (int)number);
}

/* Pushes method, URL and options of the entry on top. */
static void push_parts(lua_State *L, size_t number)
{
    int entry = lua_gettop(L);
    if (lua_type(L, entry) == LUA_TSTRING) {
        lua_pushliteral(L, "GET");
        lua_pushvalue(L, entry);
        lua_pushnil(L);
        return;
    }
    if (!lua_istable(L, entry)) {
        wrong_entry(L, number);
    }
    int entries = pelt_template_entries(L, entry);
    for (int i = 1; i <= 3; i++) {
        if (lua_rawgeti(L, entries, i) != LUA_TSTRING && i < 3) {
            wrong_entry(L, number);
        }
    }
    if (lua_rawlen(L, entries) > 3) {
        wrong_entry(L, number);
    }
}

/* The entry on top. */
static void compose(lua_State *L, struct pelt_http_client *client, size_t number, struct item *item)
{
    push_parts(L, number);
    int top = lua_gettop(L);
    struct pelt_call call = {.what = "http.batch",
                             .method = lua_tostring(L, top - 2),
                             .url = top - 1,
                             .options = top,
                             .method_index = top - 2};
    pelt_draft_compose(L, client, &call, &item->draft);
}

static struct batch *push_batch(lua_State *L, struct pelt_strand *strand, size_t len)
{
    struct batch *b = lua_newuserdatauv(L, sizeof *b + len * sizeof b->item[0], 0);
    memset(b, 0, sizeof *b + len * sizeof b->item[0]);
    b->strand = strand;
    b->L = strand->shard->L;
    b->results_ref = LUA_NOREF;
    b->len = b->left = len;
    if (luaL_newmetatable(L, BATCH_TYPE)) {
        lua_pushcfunction(L, batch_gc);
        lua_setfield(L, -2, "__gc");
    }
    lua_setmetatable(L, -2);
    lua_createtable(L, (int)len, 0);
    b->results_ref = luaL_ref(L, LUA_REGISTRYINDEX);
    return b;
}

/* ---- at work ---- */

static void on_done(void *arg, const struct pelt_exchange *x);

static unsigned in_flight(const struct batch *b, const struct pelt_origin *origin)
{
    unsigned n = 0;
    for (size_t i = 0; i < b->len; i++) {
        n += b->item[i].state == IN_FLIGHT && b->item[i].draft->request.origin == origin;
    }
    return n;
}

/* Of a batch with nothing in flight any item does. */
static bool finds_connection(const struct batch *b, const struct item *item)
{
    const uint32_t streams = pelt_client_streams(b->strand->session.client);
    return in_flight(b, item->draft->request.origin) < (streams > 0 ? streams : PELT_BATCH_CONNS) &&
           pelt_session_has_room(&b->strand->session);
}

/* Sends what finds a connection. */
static void send_waiting(struct batch *b, uint64_t now_ns)
{
    for (size_t i = 0; i < b->len; i++) {
        struct item *item = &b->item[i];
        if (item->state == WAITING && finds_connection(b, item)) {
            item->state = IN_FLIGHT;
            pelt_session_call(&b->strand->session, &item->draft->request, item->due_ns, now_ns,
                              on_done, item);
        }
    }
}

/* Protected: the response into the list, or the hop that follows into the item. */
static int take(lua_State *L)
{
    struct batch *b = lua_touserdata(L, 1);
    struct item *item = b->taken;
    const struct pelt_exchange *x = b->exchange;
    enum pelt_hop hop = PELT_HOP_NONE;
    if (pelt_hop_again(L, b->strand, x, item->draft)) {
        item->state = WAITING;
        return 0;
    }
    if (x->request->redirects > 0) {
        hop = pelt_hop_next(L, b->strand, x, &item->draft);
    }
    if (hop == PELT_HOP_FOLLOWS) {
        item->state = WAITING;
        return 0;
    }
    lua_rawgeti(L, LUA_REGISTRYINDEX, b->results_ref);
    pelt_response_push(L, x, hop);
    lua_rawseti(L, -2, (lua_Integer)(item - b->item) + 1);
    return 0;
}

static void on_done(void *arg, const struct pelt_exchange *x)
{
    struct item *item = arg;
    struct batch *b = item->batch;
    struct pelt_strand *strand = b->strand;
    if (strand->closing) {
        return;
    }
    item->state = ENDED;
    b->exchange = x;
    b->taken = item;
    if (x->set_cookie.ptr) {
        pelt_user_cookies_take(strand, x);
    }
    strand->shard->running = strand; /* a hop is named in the strand's group */
    b->failed = !pelt_shard_protect(strand->shard, take, b, NULL) || b->failed;
    strand->shard->running = NULL;
    uint64_t now_ns = x->sample.done_ns;
    if (item->state == WAITING) {
        item->due_ns = now_ns;
    } else {
        b->left--;
    }
    if (b->left > 0) {
        send_waiting(b, now_ns);
    } else {
        pelt_strand_go_on(strand, now_ns); /* the batch may be gone */
    }
}

/* The batch stands on the stack. */
static int give_responses(lua_State *L, int status, lua_KContext ctx)
{
    struct batch *b = luaL_checkudata(L, 1, BATCH_TYPE);
    if (b->failed) {
        return luaL_error(L, "http.batch: not enough memory for the responses");
    }
    lua_rawgeti(L, LUA_REGISTRYINDEX, b->results_ref);
    batch_gc(L); /* now, rather than at some time */
    return 1;
}

int pelt_batch_call(lua_State *L, struct pelt_http_client *client, int list)
{
    struct pelt_strand *strand = pelt_strand_waiter(L, "http.batch");
    if (!lua_istable(L, list)) {
        return luaL_error(L, "http.batch: a list of requests is expected, not a %s",
                          luaL_typename(L, list));
    }
    list = pelt_template_entries(L, list);
    size_t len = lua_rawlen(L, list);
    if (len > PELT_BATCH_MAX) {
        return luaL_error(L, "http.batch: %d requests: at most %d at once", (int)len,
                          PELT_BATCH_MAX);
    }
    if (len == 0) {
        lua_newtable(L);
        return 1;
    }
    struct batch *b = push_batch(L, strand, len);
    int top = lua_gettop(L);
    for (size_t i = 0; i < len; i++) {
        b->item[i].batch = b;
        lua_rawgeti(L, list, (lua_Integer)i + 1);
        compose(L, client, i + 1, &b->item[i]);
        lua_settop(L, top);
    }
    lua_rotate(L, 1, 1); /* the batch to where give_responses() looks */
    lua_settop(L, 1);
    uint64_t now_ns = pelt_clock_ns();
    for (size_t i = 0; i < len; i++) {
        b->item[i].due_ns = i == 0 ? pelt_strand_due(strand, now_ns) : now_ns;
    }
    send_waiting(b, now_ns);
    return pelt_strand_wait(L, strand, give_responses);
}

struct pelt_strand *pelt_batch_strand(pelt_done_fn done, void *arg)
{
    return done == on_done ? ((struct item *)arg)->batch->strand : NULL;
}
