/*
 * The signal runs on the accused thread, so the hook is set as lua_sethook() allows: by whoever
 * runs that Lua state, at any moment. A hook belongs to one coroutine. The innermost one gets it;
 * when it ends, pelt_watch_resume() arms its parent. Should the signal find a coroutine that is
 * just ending, the next tick sends another.
 *
 * A hook that outlived its slice, on a coroutine that goes on later, takes itself away.
 */
#include "watchdog.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include "strand.h"

#define TICK_NS (PELT_WATCH_TICK_MS * UINT64_C(1000000))

_Thread_local struct pelt_watch pelt_watch_here;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct pelt_watch *watches; /* under the lock */
static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t at_thread_end;

static int accusation(void)
{
    return SIGRTMIN + 1;
}

/* ---- on the accused thread ---- */

static void on_instruction(lua_State *L, lua_Debug *ar);

static void arm(lua_State *L)
{
    lua_sethook(L, on_instruction, LUA_MASKCOUNT, 1);
}

static void on_accused(int signal)
{
    struct pelt_watch *w = &pelt_watch_here;
    unsigned slice = atomic_load_explicit(&w->slice, memory_order_relaxed);
    if ((slice & 1) == 0 || slice != atomic_load_explicit(&w->accused, memory_order_relaxed)) {
        return; /* it ended meanwhile */
    }
    if (!pelt_watch_tripped()) {
        atomic_store_explicit(&w->tripped, true, memory_order_relaxed);
        atomic_fetch_add_explicit(&w->row, 1, memory_order_relaxed);
    }
    arm(atomic_load_explicit(&w->L, memory_order_relaxed));
}

void pelt_watch_settle(void)
{
    if (!pelt_watch_tripped()) {
        atomic_store_explicit(&pelt_watch_here.row, 0, memory_order_relaxed);
    }
}

/* Ticks that a slice gets after `row` accused ones. */
static unsigned patience_after(struct pelt_watch *w, unsigned row)
{
    unsigned patience = atomic_load_explicit(&w->patience, memory_order_relaxed);
    bool short_one = patience == PELT_WATCH_ITERATION && row >= PELT_WATCH_ROW;
    return short_one ? PELT_WATCH_IMPATIENT : patience;
}

static void write_line(struct pelt_watch *w, lua_State *L)
{
    char where[PELT_SHARD_WHERE_SIZE];
    const struct pelt_strand *s = pelt_shard_of(L)->running;
    unsigned before = atomic_load_explicit(&w->row, memory_order_relaxed) - 1;
    double held_s = (patience_after(w, before) + 1) * PELT_WATCH_TICK_MS / 1000.0;
    pelt_shard_where(L, where);
    if (s && s->vu) {
        snprintf(w->line, sizeof w->line,
                 "%suser %llu held its loop for %g s%s and is stopped: an endless loop? All users "
                 "of its thread waited meanwhile",
                 where, (unsigned long long)s->vu->id, held_s,
                 before < PELT_WATCH_ROW ? "" : ", right after others for 1 s,");
    } else {
        snprintf(w->line, sizeof w->line,
                 "%sthe script held its thread for %g s without waiting, and was stopped: an "
                 "endless loop?",
                 where, held_s);
    }
}

const char *pelt_watch_line(void)
{
    struct pelt_watch *w = &pelt_watch_here;
    bool told = w->told == atomic_load_explicit(&w->accused, memory_order_relaxed);
    return pelt_watch_tripped() && told ? w->line : NULL;
}

/* Only once a slice: the first one knows best where it was. */
static void tell(struct pelt_watch *w, lua_State *L)
{
    unsigned slice = atomic_load_explicit(&w->slice, memory_order_relaxed);
    if (w->told != slice) {
        write_line(w, L);
        w->told = slice;
    }
}

int pelt_watch_raise(lua_State *L)
{
    tell(&pelt_watch_here, L);
    lua_pushstring(L, pelt_watch_here.line);
    return lua_error(L);
}

/* Errors unwind one pcall each, and Lua walks the whole stack for it: of a hundred thousand nested
 * ones that is not done in a minute. A yield leaves them all at once. */
static void on_instruction(lua_State *L, lua_Debug *ar)
{
    if (!pelt_watch_tripped()) {
        lua_sethook(L, NULL, 0, 0);
    } else if (pelt_watch_here.closing == 0 && lua_isyieldable(L)) {
        tell(&pelt_watch_here, L);
        lua_yield(L, 0);
    } else {
        pelt_watch_raise(L);
    }
}

static void go_in(lua_State *L)
{
    atomic_store_explicit(&pelt_watch_here.L, L, memory_order_relaxed);
    atomic_signal_fence(memory_order_seq_cst);
}

static void come_back(lua_State *L)
{
    go_in(L);
    if (pelt_watch_tripped()) {
        arm(L);
    }
}

int pelt_watch_resume(lua_State *L, lua_State *co, int args, int *results)
{
    go_in(co);
    int status = lua_resume(co, L, args, results);
    come_back(L);
    return status;
}

int pelt_watch_close(lua_State *L, lua_State *co)
{
    go_in(co);
    pelt_watch_here.closing++;
    int status = lua_resetthread(co);
    pelt_watch_here.closing--;
    come_back(L);
    return status;
}

/* ---- the watchdog's thread ---- */

static void accuse(struct pelt_watch *w, unsigned slice)
{
    atomic_store_explicit(&w->accused, slice, memory_order_relaxed);
    pthread_kill(w->thread, accusation());
}

static uint64_t cpu_ns(const struct pelt_watch *w)
{
    struct timespec ts = {0};
    clock_gettime(w->cpu, &ts);
    return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

/* It has something to do: if it does not run, others have its CPU. False where that cannot be
 * read: then it is taken to hold its thread. */
static bool is_runnable(const struct pelt_watch *w)
{
    char path[64], text[128];
    snprintf(path, sizeof path, "/proc/self/task/%d/stat", (int)w->tid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t len = fd >= 0 ? read(fd, text, sizeof text - 1) : -1;
    if (fd >= 0) {
        close(fd);
    }
    text[len > 0 ? len : 0] = '\0';
    const char *state = strrchr(text, ')'); /* behind the name, which may have any */
    return state && strncmp(state, ") R", 3) == 0;
}

/* How much of the tick that ends now it held its thread. */
static uint64_t held_ns(struct pelt_watch *w, unsigned patience)
{
    uint64_t now_ns = cpu_ns(w), ran_ns = now_ns - w->cpu_ns;
    w->cpu_ns = now_ns;
    bool others = patience == PELT_WATCH_ITERATION && ran_ns < TICK_NS / 4 * 3 && is_runnable(w);
    return others ? ran_ns : TICK_NS;
}

/* All of the tick that ends now was one call. */
static bool waited(struct pelt_watch *w)
{
    unsigned call = atomic_load_explicit(&w->call, memory_order_relaxed), before = w->waiting;
    w->waiting = call;
    return (call & 1) && call == before;
}

static void look_at(struct pelt_watch *w)
{
    bool in_call = waited(w);
    unsigned slice = atomic_load_explicit(&w->slice, memory_order_relaxed);
    atomic_fetch_add_explicit(&w->looks, 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&w->in_lua, slice & 1, memory_order_relaxed);
    if ((slice & 1) == 0 || slice != w->seen) {
        w->seen = slice;
        w->held_ns = 0;
        w->cpu_ns = (slice & 1) ? cpu_ns(w) : 0;
        return;
    }
    unsigned patience = patience_after(w, atomic_load_explicit(&w->row, memory_order_relaxed));
    uint64_t tick_ns = held_ns(w, patience);
    w->held_ns += in_call ? 0 : tick_ns;
    if (w->held_ns >= TICK_NS * patience) {
        accuse(w, slice);
    }
}

static void *watch_all(void *arg)
{
    const struct timespec tick = {.tv_nsec = TICK_NS};
    prctl(PR_SET_NAME, "pelt-watchdog");
    for (;;) {
        nanosleep(&tick, NULL);
        pthread_mutex_lock(&lock);
        for (struct pelt_watch *w = watches; w; w = w->next) {
            look_at(w);
        }
        pthread_mutex_unlock(&lock);
    }
    return NULL;
}

/* ---- threads come and go ---- */

static void unlist(void *watch)
{
    struct pelt_watch **at = &watches;
    pthread_mutex_lock(&lock);
    while (*at != watch) {
        at = &(*at)->next;
    }
    *at = (*at)->next;
    pthread_mutex_unlock(&lock);
}

/* Without memory for a thread nobody watches; the run goes on. No other signal is for it. */
static void begin(void)
{
    struct sigaction action = {.sa_handler = on_accused};
    sigaction(accusation(), &action, NULL); /* no SA_RESTART: a read that waits is woken */
    pthread_key_create(&at_thread_end, unlist);
    sigset_t all, before;
    pthread_t thread;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    if (pthread_create(&thread, NULL, watch_all, NULL) == 0) {
        pthread_detach(thread);
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

void pelt_watch_list(void)
{
    struct pelt_watch *w = &pelt_watch_here;
    sigset_t ours;
    pthread_once(&once, begin);
    sigemptyset(&ours);
    sigaddset(&ours, accusation());
    pthread_sigmask(SIG_UNBLOCK, &ours, NULL);
    pthread_setspecific(at_thread_end, w);
    w->thread = pthread_self();
    w->tid = gettid();
    if (pthread_getcpuclockid(w->thread, &w->cpu) != 0) {
        w->cpu = CLOCK_MONOTONIC; /* as if it always ran */
    }
    w->listed = true;
    pthread_mutex_lock(&lock);
    w->next = watches;
    watches = w;
    pthread_mutex_unlock(&lock);
}

void pelt_watch_looks(uint32_t *looks, uint32_t *in_lua)
{
    *looks = atomic_load_explicit(&pelt_watch_here.looks, memory_order_relaxed);
    *in_lua = atomic_load_explicit(&pelt_watch_here.in_lua, memory_order_relaxed);
}

void pelt_watch_accuse(void)
{
    struct pelt_watch *w = &pelt_watch_here;
    accuse(w, atomic_load_explicit(&w->slice, memory_order_relaxed));
}
