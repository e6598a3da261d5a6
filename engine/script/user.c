/*
 * A virtual user: a strand that runs user_init, the scenario's tasks and user_exit, behind the
 * functions of pelt/vu.h. The table `user` that they see: user_table.h.
 *
 * Where `think` is a function, it runs after each iteration, before the crew is told of its end:
 * the crew then knows how long the user thinks, and the iteration's end is the one before.
 */
#include "args.h"
#include "lib.h"
#include "pelt/crew.h"
#include "pelt/ws_code.h"
#include "script_state.h"
#include "tracing.h"
#include "user_table.h"

struct user {
    struct pelt_vu vu; /* first: what the crew knows */
    struct pelt_script *script;
    struct pelt_strand strand;
    int table_ref;
    bool thinking;     /* the function `think` runs */
    bool failed;       /* while it does: the iteration ended by a script error */
    uint64_t ended_ns; /* likewise: when it ended */
};

static struct user *of_vu(struct pelt_vu *vu)
{
    return (struct user *)vu;
}

static int make_table(lua_State *L)
{
    struct user *u = lua_touserdata(L, 1);
    pelt_user_table_push(L, &u->vu, u->strand.rng_ref);
    u->strand.table = lua_topointer(L, -1);
    u->table_ref = luaL_ref(L, LUA_REGISTRYINDEX);
    return 0;
}

static void start_thinking(struct user *u, bool failed)
{
    u->thinking = true;
    u->failed = failed;
    u->ended_ns = pelt_clock_ns();
    lua_rawgeti(u->strand.co, LUA_REGISTRYINDEX, u->strand.shard->think_ref);
    lua_rawgeti(u->strand.co, LUA_REGISTRYINDEX, u->table_ref);
    pelt_strand_start(&u->strand, 1, PELT_NEVER, u->ended_ns);
}

/* `think` returned `results` values. False: the first is no duration, and err says so. */
static bool read_think(struct user *u, int results, struct pelt_error *err)
{
    lua_State *co = u->strand.co;
    lua_settop(co, lua_gettop(co) - results + 1); /* the first, nil without one */
    if (pelt_args_read_duration(co, -1, "think", &u->vu.think_ns, err) != PELT_OK) {
        return false;
    }
    u->vu.think_ns = pelt_shard_pause_ns(u->strand.shard, u->vu.think_ns);
    return true;
}

static void end_thinking(struct user *u, int results, const char *error, const char *traceback)
{
    struct pelt_error err;
    u->thinking = false;
    u->vu.think_ns = 0;
    if (!error && !u->vu.stopped && !read_think(u, results, &err)) {
        struct pelt_error why = err;
        char where[PELT_SHARD_WHERE_SIZE];
        pelt_shard_where_defined(u->strand.shard, u->strand.shard->think_ref, where);
        (void)pelt_fail(&err, PELT_ESCRIPT, "%s%.900s", where, why.text);
        error = err.text;
        traceback = "";
    }
    if (error) {
        pelt_script_report(u->script, &u->strand, error, traceback);
    }
    lua_settop(u->strand.co, 0);
    pelt_crew_ended(&u->vu, u->ended_ns, u->failed || error);
}

static void on_end(struct pelt_strand *strand, int results, const char *error,
                   const char *traceback)
{
    struct user *u = of_vu(strand->vu);
    if (u->thinking) {
        end_thinking(u, results, error, traceback);
        return;
    }
    lua_settop(strand->co, 0);
    if (error) {
        pelt_script_report(u->script, &u->strand, error, traceback);
    }
    if (strand->shard->think_ref != LUA_NOREF && u->vu.phase == PELT_VU_IN && !u->vu.stopped &&
        !pelt_crew_stopping(u->vu.crew)) {
        start_thinking(u, error != NULL);
        return;
    }
    pelt_crew_ended(&u->vu, pelt_clock_ns(), error != NULL);
}

/* A stopped user that has left is not destroyed before others need its place: what it kept in its
 * table is for them. */
static void let_go(struct user *u)
{
    if (u->vu.stopped) {
        luaL_unref(u->strand.shard->L, LUA_REGISTRYINDEX, u->table_ref);
        u->table_ref = LUA_NOREF;
        u->strand.table = NULL;
    }
}

/* Of user_exit. */
static void on_exit_end(struct pelt_strand *strand, int results, const char *error,
                        const char *traceback)
{
    struct user *u = of_vu(strand->vu);
    strand->on_end = on_end;
    pelt_wsset_close(&strand->sockets, PELT_WS_CODE_NORMAL, pelt_clock_ns());
    let_go(u);
    on_end(strand, results, error, traceback);
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
    const struct pelt_shard_group *group = &u->strand.shard->groups_of_tasks[u->vu.part];
    const struct pelt_shard_choice *tasks = group->tasks;
    size_t last = group->len - 1, i = 0;
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
#define PART_STREAMS    (UINT64_C(1) << 48) /* apart from those of loads beside it */

/* function(user, data); due_ns PELT_NEVER: requests are due when they are called. */
static void call(struct user *u, int function, uint64_t due_ns, uint64_t now_ns)
{
    lua_State *co = u->strand.co;
    lua_rawgeti(co, LUA_REGISTRYINDEX, function);
    lua_rawgeti(co, LUA_REGISTRYINDEX, u->table_ref);
    lua_rawgeti(co, LUA_REGISTRYINDEX, u->strand.shard->data_ref);
    pelt_strand_start(&u->strand, 2, due_ns, now_ns);
}

static void user_begin(struct pelt_vu *vu, uint64_t due_ns, uint64_t now_ns)
{
    struct user *u = of_vu(vu);
    if (vu->open) {
        pelt_rng_init(u->strand.rng, u->strand.shard->opt->seed,
                      PART_STREAMS * vu->part + ARRIVAL_STREAMS + vu->arrival);
        u->strand.trace_stream = PELT_TRACE_ARRIVALS(vu->part) + vu->arrival;
        u->strand.traced = 0;
    }
    /* Closed loop: the first request is due when it is called, like all others. */
    call(u, draw_task(u), vu->open ? due_ns : PELT_NEVER, now_ns);
}

static bool user_enter(struct pelt_vu *vu, uint64_t now_ns)
{
    int function = of_vu(vu)->strand.shard->init_ref;
    if (function != LUA_NOREF) {
        call(of_vu(vu), function, PELT_NEVER, now_ns);
    }
    return function != LUA_NOREF;
}

static bool user_leave(struct pelt_vu *vu, uint64_t now_ns)
{
    struct user *u = of_vu(vu);
    int function = u->strand.shard->exit_ref;
    if (function != LUA_NOREF) {
        u->strand.on_end = on_exit_end;
        call(u, function, PELT_NEVER, now_ns);
    } else {
        pelt_wsset_close(&u->strand.sockets, PELT_WS_CODE_NORMAL, now_ns);
        let_go(u);
    }
    return function != LUA_NOREF;
}

static void user_cancel(struct pelt_vu *vu, uint64_t now_ns)
{
    struct user *u = of_vu(vu);
    bool thinking = u->thinking; /* then the iteration has ended before */
    pelt_strand_cancel(&u->strand, now_ns);
    u->thinking = false;
    pelt_crew_ended(vu, thinking ? u->ended_ns : now_ns, thinking && u->failed);
}

/* A feed that is waited for would hold the run until its grace is over. */
static void user_hurry(struct pelt_vu *vu, uint64_t now_ns)
{
    pelt_wsset_hurry(&of_vu(vu)->strand.sockets, now_ns);
}

static void user_destroy(struct pelt_vu *vu)
{
    free_user(of_vu(vu));
}

const struct pelt_vu_ops pelt_script_vu_ops = {.create = user_create,
                                               .begin = user_begin,
                                               .cancel = user_cancel,
                                               .destroy = user_destroy,
                                               .enter = user_enter,
                                               .leave = user_leave,
                                               .hurry = user_hurry};
