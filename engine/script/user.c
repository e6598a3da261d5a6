/*
 * A virtual user: a strand that runs the scenario's tasks, behind the four functions of pelt/vu.h,
 * and the table `user` that they see. id and rng are fields of that table; iteration, cookies and
 * stop come from its metatable.
 */
#include <string.h>

#include "lib.h"
#include "pelt/crew.h"
#include "script_state.h"
#include "user_cookies.h"

#define USER_TYPE "pelt.user"

struct user {
    struct pelt_vu vu; /* first: what the crew knows */
    struct pelt_script *script;
    struct pelt_strand strand;
    int table_ref;
};

static struct user *of_vu(struct pelt_vu *vu)
{
    return (struct user *)vu;
}

/* user.iteration, user.cookies and user:stop; upvalue is the function stop. */
static int user_index(lua_State *L)
{
    const struct pelt_strand *s = pelt_shard_of(L)->running;
    const char *key = lua_type(L, 2) == LUA_TSTRING ? lua_tostring(L, 2) : "";
    if (s && s->vu && strcmp(key, "iteration") == 0) {
        lua_pushinteger(L, (lua_Integer)s->vu->iteration);
    } else if (strcmp(key, "stop") == 0) {
        lua_pushvalue(L, lua_upvalueindex(1));
    } else if (strcmp(key, "cookies") == 0) {
        pelt_user_cookies_push(L);
    } else {
        lua_pushnil(L);
    }
    return 1;
}

/* user:stop(): this user starts no further iteration. */
static int user_stop(lua_State *L)
{
    const struct pelt_strand *s = pelt_shard_of(L)->running;
    if (s && s->vu) {
        s->vu->stopped = true;
    }
    return 0;
}

static int make_table(lua_State *L)
{
    struct user *u = lua_touserdata(L, 1);
    lua_createtable(L, 0, 4);
    lua_pushinteger(L, (lua_Integer)u->vu.id);
    lua_setfield(L, -2, "id");
    lua_rawgeti(L, LUA_REGISTRYINDEX, u->strand.rng_ref);
    lua_setfield(L, -2, "rng");
    if (luaL_newmetatable(L, USER_TYPE)) {
        lua_pushcfunction(L, user_stop);
        lua_pushcclosure(L, user_index, 1);
        lua_setfield(L, -2, "__index");
        lua_pushliteral(L, USER_TYPE);
        lua_setfield(L, -2, "__metatable");
    }
    lua_setmetatable(L, -2);
    u->table_ref = luaL_ref(L, LUA_REGISTRYINDEX);
    return 0;
}

static void on_end(struct pelt_strand *strand, int results, const char *error,
                   const char *traceback)
{
    struct user *u = of_vu(strand->vu);
    lua_settop(strand->co, 0);
    if (error) {
        pelt_script_report(u->script, error, traceback);
    }
    pelt_crew_ended(&u->vu, pelt_clock_ns(), error != NULL);
}

static void free_user(struct user *u)
{
    struct pelt_shard *shard = u->strand.shard;
    pelt_strand_deinit(&u->strand);
    if (shard) {
        luaL_unref(shard->L, LUA_REGISTRYINDEX, u->table_ref);
        shard->users--;
    }
    free(u);
}

static struct pelt_vu *user_create(void *ctx, uint64_t id)
{
    struct pelt_script *script = ctx;
    struct pelt_shard *shard = pelt_script_shard(script);
    struct user *u = shard ? calloc(1, sizeof *u) : NULL;
    if (!u) {
        return NULL;
    }
    u->script = script;
    u->vu.id = id;
    u->table_ref = LUA_NOREF;
    shard->users++;
    if (!pelt_strand_init(&u->strand, shard, &u->vu, id) ||
        !pelt_shard_protect(shard, make_table, u, NULL)) {
        free_user(u);
        return NULL;
    }
    u->strand.on_end = on_end;
    return &u->vu;
}

/* The function of this iteration: drawn by weight from the user's own numbers. */
static int draw_task(struct user *u)
{
    const struct pelt_shard *shard = u->strand.shard;
    const struct pelt_shard_task *tasks = shard->tasks;
    size_t last = shard->tasks_len - 1, i = 0;
    if (last > 0) {
        double at = pelt_rng_uniform(u->strand.rng) * tasks[last].up_to;
        while (i < last && at >= tasks[i].up_to) {
            i++;
        }
    }
    return tasks[i].run_ref;
}

/* Arrivals draw from streams of their own, apart from the users': which user serves one depends on
 * the server's speed, what it draws must not. */
#define ARRIVAL_STREAMS (UINT64_C(1) << 32)

static void user_begin(struct pelt_vu *vu, uint64_t due_ns, uint64_t now_ns)
{
    struct user *u = of_vu(vu);
    struct pelt_shard *shard = u->strand.shard;
    lua_State *co = u->strand.co;
    if (vu->open) {
        pelt_rng_init(u->strand.rng, shard->opt->seed, ARRIVAL_STREAMS + vu->arrival);
    }
    lua_rawgeti(co, LUA_REGISTRYINDEX, draw_task(u));
    lua_rawgeti(co, LUA_REGISTRYINDEX, u->table_ref);
    lua_rawgeti(co, LUA_REGISTRYINDEX, shard->data_ref);
    /* Closed loop: the first request is due when it is called, like all others. */
    pelt_strand_start(&u->strand, 2, vu->open ? due_ns : PELT_NEVER, now_ns);
}

static void user_cancel(struct pelt_vu *vu, uint64_t now_ns)
{
    pelt_strand_cancel(&of_vu(vu)->strand, now_ns);
    pelt_crew_ended(vu, now_ns, false);
}

static void user_destroy(struct pelt_vu *vu)
{
    free_user(of_vu(vu));
}

const struct pelt_vu_ops pelt_script_vu_ops = {
    .create = user_create, .begin = user_begin, .cancel = user_cancel, .destroy = user_destroy};
