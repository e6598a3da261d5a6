/*
 * watchdog: stops a script that holds its loop: Lua that runs on and on without waiting, be it
 * inside pcall, a coroutine of its own or a slow pattern.
 *
 * Each thread that runs Lua has one watch. Lua runs in slices, from enter to leave; their number is
 * odd meanwhile. A thread of the watchdog's own looks every PELT_WATCH_TICK_MS: a number that stays
 * odd and the same for the slice's patience is accused, by a signal to its thread. The handler
 * then arms a hook that yields at the next instruction, which no pcall sees, until the slice is
 * left. Where Lua cannot yield (a callback of table.sort, a variable being closed ...) it raises,
 * at every further instruction, so that a pcall that catches the error gets the next one.
 *
 * Ticks are counted, not the clock read: a host that stopped pelt stops both. An iteration is not
 * to blame for what other programs do: of a tick in which its thread could run and others had its
 * CPU, only the time that it ran counts. But what runs once, and what comes right after accused
 * ones, is bounded by time alone. Nor does a tick count that is spent within one call that waits
 * for another host (pelt_watch_wait): a loop of many such calls is a loop like any other.
 *
 * Scripts pay nothing while they run: no hook is set before an accusation, no clock is read.
 *
 * Process-wide, as signals are: the list of watches (a lock, taken at a thread's first slice, at
 * its end and at each tick), one signal (SIGRTMIN + 1), one thread, made with the first watch.
 */
#ifndef PELT_WATCHDOG_H
#define PELT_WATCHDOG_H

#include <assert.h>
#include <lua.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#define PELT_WATCH_TICK_MS 50
/* Patience in ticks. An iteration's is 1 s, counting the tick in which the slice began; of what
 * runs once (loading the file, setup, teardown, cleaning up after them) 10 s, as it may compute. */
#define PELT_WATCH_ITERATION 19u
#define PELT_WATCH_ONCE      199u
/* So many slices in a row were accused on one thread: it is the script and not one user, and all
 * of its users one after another would hold the thread for long. The next ones get less. */
#define PELT_WATCH_ROW       3u
#define PELT_WATCH_IMPATIENT 2u

struct pelt_watch {
    /* Atomic because a signal handler or the watchdog's thread reads them; all relaxed, with the
     * compiler kept in order where the handler needs it: nothing else is read on their strength. */
    lua_State *_Atomic L;      /* the innermost coroutine running */
    atomic_uint slice;         /* odd: in Lua */
    atomic_uint patience;      /* of the slice */
    atomic_uint accused;       /* the slice that held the loop; 0: none so far */
    atomic_uint row;           /* slices accused with no other one between */
    atomic_bool tripped;       /* the running, or last, slice was accused */
    atomic_uint call;          /* odd: in one that waits for another host */
    unsigned closing;          /* pelt_watch_close() in progress: no yielding */
    bool listed;               /* the watchdog knows the thread */
    unsigned told;             /* slice that `line` is about */
    char line[512];            /* "file:line: user 7 held its loop ..." */
    atomic_uint looks, in_lua; /* how often the watchdog looked, and found the thread in a slice */
    /* The watchdog's. */
    pthread_t thread;
    pid_t tid;
    clockid_t cpu;    /* of the thread */
    unsigned seen;    /* slice seen at the last tick */
    unsigned waiting; /* call seen at the last tick */
    uint64_t held_ns; /* for how long that holds the thread */
    uint64_t cpu_ns;  /* at the last tick */
    struct pelt_watch *next;
};

extern _Thread_local struct pelt_watch pelt_watch_here; /* through these functions only */

void pelt_watch_list(void);   /* the slow part of enter */
void pelt_watch_settle(void); /* the slow part of end_row */

/* Lua is about to run on L, outside of any slice. */
static inline void pelt_watch_enter(lua_State *L, unsigned patience)
{
    struct pelt_watch *w = &pelt_watch_here;
    if (!w->listed) {
        pelt_watch_list();
    }
    unsigned slice = atomic_load_explicit(&w->slice, memory_order_relaxed);
    assert((slice & 1) == 0);
    atomic_store_explicit(&w->L, L, memory_order_relaxed);
    atomic_store_explicit(&w->patience, patience, memory_order_relaxed);
    atomic_store_explicit(&w->tripped, false, memory_order_relaxed);
    atomic_signal_fence(memory_order_seq_cst);
    atomic_store_explicit(&w->slice, slice + 1, memory_order_relaxed);
    atomic_signal_fence(memory_order_seq_cst);
}

static inline void pelt_watch_leave(void)
{
    struct pelt_watch *w = &pelt_watch_here;
    unsigned slice = atomic_load_explicit(&w->slice, memory_order_relaxed);
    assert((slice & 1) == 1);
    atomic_signal_fence(memory_order_seq_cst);
    atomic_store_explicit(&w->slice, slice + 1, memory_order_relaxed);
}

/* The slice just left was one that tells: unless it was accused, what was before is no row. Not
 * after cleaning up behind an accused one. */
static inline void pelt_watch_end_row(void)
{
    if (atomic_load_explicit(&pelt_watch_here.row, memory_order_relaxed) > 0) {
        pelt_watch_settle();
    }
}

/* Was the running slice accused? Outside of one: the last. C code that may run long asks, and ends
 * with pelt_watch_raise(). */
static inline bool pelt_watch_tripped(void)
{
    return atomic_load_explicit(&pelt_watch_here.tripped, memory_order_relaxed);
}

/* The line for the user, naming file, line and user, if the last slice was stopped; NULL: it was
 * not accused, or ended by itself all the same. Valid until another slice of this thread is. */
const char *pelt_watch_line(void);

/* Raises that line. Only in a tripped slice. */
int pelt_watch_raise(lua_State *L);

/* Ends the slice for work that the script is not to blame for; pelt_watch_enter() begins it anew.
 * Raises if it was accused. */
static inline void pelt_watch_pause(lua_State *L)
{
    if (pelt_watch_tripped()) {
        pelt_watch_raise(L);
    }
    pelt_watch_leave();
}

/* Before and after one call that waits for another host: how long it takes is not the script's
 * doing. Nothing between them may raise. */
static inline void pelt_watch_wait(void)
{
    atomic_fetch_add_explicit(&pelt_watch_here.call, 1, memory_order_relaxed);
}
static inline void pelt_watch_waited(void)
{
    pelt_watch_wait();
}

/* lua_resume() of a script's own coroutine, inside a slice of L's. */
int pelt_watch_resume(lua_State *L, lua_State *co, int args, int *results);
/* lua_resetthread(), inside a slice that runs on L; co may be L, or a coroutine of its own. */
int pelt_watch_close(lua_State *L, lua_State *co);

/* Of the calling thread, so far: how often the watchdog looked at it, once each PELT_WATCH_TICK_MS,
 * and how often it was in Lua. */
void pelt_watch_looks(uint32_t *looks, uint32_t *in_lua);

/* For tests: does to the calling thread's slice what the watchdog does when patience is over. */
void pelt_watch_accuse(void);

#endif
