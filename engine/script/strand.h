/*
 * strand: a coroutine that can wait for the outside: one a user, one for setup and one for
 * teardown. It has its own connections, its timer for sleeping, and its random numbers. The Lua
 * coroutine is made once and runs one function after another.
 *
 *   IDLE --start--> RUNNING --http.*--> WAITING_HTTP  --done-----> RUNNING
 *                           --WebSocket--> WAITING_HTTP --event--> RUNNING
 *                           --sleep---> WAITING_SLEEP --timer----> RUNNING
 *                           --return or error, or pelt_strand_end()--> IDLE, on_end
 *   WAITING_* --cancel--> IDLE (on_end is not called)
 *
 * Storage: embedded. Thread: the shard's.
 */
#ifndef PELT_STRAND_H
#define PELT_STRAND_H

#include "pelt/wsconn.h"
#include "shard.h"

struct pelt_cookies;
struct pelt_user_digest;
struct pelt_draft;
struct pelt_group;
struct pelt_script_stream;

enum pelt_strand_state {
    PELT_STRAND_IDLE,
    PELT_STRAND_RUNNING,
    PELT_STRAND_WAITING_HTTP,
    PELT_STRAND_WAITING_SLEEP,
    PELT_STRAND_ENDING /* pelt_strand_end() was called: on its way to IDLE */
};

/* What a user took of a feed of data rows (lib_data.c). */
struct pelt_strand_taken {
    uint64_t turns;     /* rows in all; in open loop for the running arrival */
    uint64_t draws;     /* rows in the iteration below */
    uint64_t iteration; /* its number + 1, in open loop the arrival's; 0: none so far */
    uint64_t entering;  /* rows in user_init */
};

struct pelt_strand {
    struct pelt_shard *shard;
    lua_State *co;        /* a key of the registry: kept by it, and known as the engine's own */
    struct pelt_vu *vu;   /* NULL: setup or teardown */
    struct pelt_rng *rng; /* inside the userdata `rng_ref` */
    const void *table;    /* address of the table `user`; NULL: there is none */
    struct pelt_session session;
    struct pelt_wsset sockets; /* its WebSockets */
    struct pelt_timer timer;
    struct pelt_group *group;         /* the innermost pelt.group that runs; NULL: none */
    struct pelt_draft *draft;         /* the request made for one call only; NULL: none so far */
    struct pelt_strand_taken *taken;  /* one a feed of the shard; NULL: no row so far */
    struct pelt_cookies *cookies;     /* NULL: none so far */
    struct pelt_user_digest *digests; /* NULL: none so far */
    const struct pelt_exchange *exchange; /* handed to the continuation of http.*; else NULL */
    struct pelt_script_stream *streams;   /* opened by what runs, and not closed; NULL: none */
    uint64_t due_ns;                      /* of the first request; PELT_NEVER: it has been sent */
    uint64_t trace_stream;                /* whose ids its requests get: tracing.h */
    int rng_ref;
    enum pelt_strand_state state;
    bool closing;    /* its variables are being closed: it must not wait again */
    uint32_t traced; /* requests of `trace_stream` that got ids */
    /*
     * The function ended. Error NULL: its results are on co's stack, `results` of them. Else the
     * traceback follows. All are borrowed. May start the strand again.
     */
    void (*on_end)(struct pelt_strand *strand, int results, const char *error,
                   const char *traceback);
};

/* Makes the coroutine. False: out of memory. */
PELT_MUST_USE bool pelt_strand_init(struct pelt_strand *strand, struct pelt_shard *shard,
                                    struct pelt_vu *vu, uint64_t stream);
void pelt_strand_deinit(struct pelt_strand *strand); /* IDLE; accepts a zeroed struct */

/* A pelt_foresee_fn. */
void pelt_strand_foresee(pelt_done_fn done, void *arg);
/* A pelt_whose_fn. */
void pelt_strand_whose(pelt_done_fn done, void *arg, struct pelt_kept *k);

/* Runs the function and its `args` arguments on top of co's stack. */
void pelt_strand_start(struct pelt_strand *strand, int args, uint64_t due_ns, uint64_t now_ns);
/* Gives up a waiting strand: its exchanges end as unfinished, its to-be-closed variables are
 * closed. */
void pelt_strand_cancel(struct pelt_strand *strand, uint64_t now_ns);

/* For functions that wait, named `what`: the running strand, or a Lua error that says why it cannot
 * wait here. */
struct pelt_strand *pelt_strand_waiter(lua_State *L, const char *what);
/* Sends `request` (alive until the strand goes on) and yields; what http.* returns comes from
 * pelt_response_push(). */
int pelt_strand_call(lua_State *L, struct pelt_strand *strand, const struct pelt_request *request);
/* Waits for what calls pelt_strand_go_on(): `then` is the continuation that the coroutine goes on
 * with; its exchanges, on the strand's session, are cancelled with the strand. */
int pelt_strand_wait(lua_State *L, struct pelt_strand *strand, lua_KFunction then);
void pelt_strand_go_on(struct pelt_strand *strand, uint64_t now_ns);
/* When the next request is due: the arrival's time for an iteration's first, else now. */
uint64_t pelt_strand_due(struct pelt_strand *strand, uint64_t now_ns);
int pelt_strand_sleep(lua_State *L, struct pelt_strand *strand, uint64_t ns);
/* The same with a continuation. */
int pelt_strand_sleep_then(lua_State *L, struct pelt_strand *strand, uint64_t ns,
                           lua_KFunction then);
/* Ends what the strand runs as if it had returned, past every pcall; its variables are closed. A
 * Lua error beginning with `what` where that cannot be. */
int pelt_strand_end(lua_State *L, struct pelt_strand *strand, const char *what);

/* What it took of feed `number` of its shard. NULL: out of memory. */
struct pelt_strand_taken *pelt_strand_taken(struct pelt_strand *strand, size_t number);

#endif
