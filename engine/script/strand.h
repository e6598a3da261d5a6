/*
 * strand: a coroutine that can wait for the outside: one a user, one for setup and one for
 * teardown. It has its own connections, its timer for sleeping, and its random numbers. The Lua
 * coroutine is made once and runs one function after another.
 *
 *   IDLE --start--> RUNNING --http.*--> WAITING_HTTP  --done-----> RUNNING
 *                           --sleep---> WAITING_SLEEP --timer----> RUNNING
 *                           --return or error--> IDLE, on_end
 *   WAITING_* --cancel--> IDLE (on_end is not called)
 *
 * Storage: embedded. Thread: the shard's.
 */
#ifndef PELT_STRAND_H
#define PELT_STRAND_H

#include "shard.h"

struct pelt_draft;
struct pelt_group;

enum pelt_strand_state {
    PELT_STRAND_IDLE,
    PELT_STRAND_RUNNING,
    PELT_STRAND_WAITING_HTTP,
    PELT_STRAND_WAITING_SLEEP
};

struct pelt_strand {
    struct pelt_shard *shard;
    lua_State *co;        /* a key of the registry: kept by it, and known as the engine's own */
    struct pelt_vu *vu;   /* NULL: setup or teardown */
    struct pelt_rng *rng; /* inside the userdata `rng_ref` */
    struct pelt_session session;
    struct pelt_timer timer;
    struct pelt_group *group; /* the innermost pelt.group that runs; NULL: none */
    struct pelt_draft *draft; /* the request made for one call only; NULL: none so far */
    const struct pelt_exchange *exchange; /* handed to the continuation of http.*; else NULL */
    uint64_t due_ns;                      /* of the first request; PELT_NEVER: it has been sent */
    int rng_ref;
    enum pelt_strand_state state;
    bool closing; /* its variables are being closed: it must not wait again */
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
int pelt_strand_sleep(lua_State *L, struct pelt_strand *strand, uint64_t ns);

#endif
