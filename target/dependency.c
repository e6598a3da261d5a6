/*
 * dependency: whoever tells the pool something then does what it says (`drive`); the keeper, a
 * thread of its own, does so when only time has passed.
 *
 * Invariant, whenever the lock is free: the pool has nothing to do, and the keeper sleeps no longer
 * than until `wake_ns`.
 */
#include "dependency.h"

#include <assert.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#include "clock.h"
#include "crew.h"
#include "figures.h"
#include "keytable.h"
#include "systems.h"

#define REFILL_NS                                                                                  \
    UINT64_C(1000000000) /* a connection that is to be kept open is tried so often                 \
                          */
#define NS_PER_S UINT64_C(1000000000)

enum call_state { IDLE, WAITS, IS_CALLED, IS_LATER };

enum job { OPEN = 1, CHECK, CALL, CLOSE };

struct place { /* of one connection */
    struct target_pool_slot *slot;
    struct target_call *call; /* that it does; NULL: none, or nobody waits for it any more */
    uint64_t index;           /* of that call */
    uint64_t since_ns;        /* when it was given to it */
    bool is_bad;              /* told by a call or check */
};

struct target_dependency {
    const struct target_dependency_kind *kind;
    void *cls;
    pthread_mutex_t lock;
    struct target_dependency_settings settings;
    struct target_pool *pool;
    struct target_crew *crew;
    struct place place[TARGET_POOL_SLOTS_MAX];
    size_t connections;           /* places that are not free */
    pthread_cond_t emptied;       /* no connection is left */
    struct target_rankheap later; /* calls to be tried again, by due_ns */
    size_t calls;                 /* under way, so that `later` has room for all */
    uint64_t begun;               /* calls, so far */
    uint64_t check_failures, unserved;
    bool is_full; /* since the last refusal nobody could wait */
    struct target_notices notices;
    pthread_t keeper;
    pthread_cond_t roused;
    uint64_t wake_ns; /* the keeper sleeps until then; 0: it is awake */
    bool has_keeper, is_over;
    atomic_bool is_ending;
};

static uint64_t later(uint64_t from_ns, uint64_t by_ns)
{
    return by_ns < UINT64_MAX - from_ns ? from_ns + by_ns : UINT64_MAX;
}

/* ---- calls ---- */

#define DUE_CALL(node)    TARGET_OWNER(node, struct target_call, by_due)
#define WAITING_CALL(who) TARGET_OWNER(who, struct target_call, waiter)

static bool is_due_before(const struct target_rank_node *a, const struct target_rank_node *b)
{
    return DUE_CALL(a)->due_ns < DUE_CALL(b)->due_ns;
}

static void end_try(struct target_dependency *d, struct target_call *call,
                    enum target_call_result result, uint64_t now_ns)
{
    uint64_t again_ns;

    call->state = IDLE;
    call->result = result;
    call->end_ns = now_ns;
    again_ns = d->kind->on_done(d->cls, call, now_ns);
    if (again_ns == 0) { /* `call` may be anything by now */
        d->calls--;
        return;
    }
    call->state = IS_LATER;
    call->due_ns = again_ns;
    target_rankheap_add(&d->later, &call->by_due);
}

static void note_full(struct target_dependency *d, bool is_full, uint64_t now_ns)
{
    if (d->is_full != is_full) {
        d->is_full = is_full;
        target_notices_add(&d->notices, now_ns, is_full ? "full" : "free", ",\"waiting\":%" PRIu64,
                           target_pool_figures(d->pool).usage.waiters);
    }
}

static bool may_go(struct target_dependency *d, struct target_call *call, uint64_t now_ns)
{
    return !d->kind->may_go || d->kind->may_go(d->cls, call, now_ns);
}

/* False: too many wait. */
static bool try_it(struct target_dependency *d, struct target_call *call, uint64_t now_ns)
{
    bool is_taken = target_pool_ask(d->pool, &call->waiter, d->settings.wait_ns, now_ns);

    note_full(d, !is_taken, now_ns);
    call->state = is_taken ? WAITS : IDLE;
    return is_taken;
}

static void try_due_calls(struct target_dependency *d, uint64_t now_ns)
{
    struct target_rank_node *first;

    while ((first = target_rankheap_first(&d->later)) && DUE_CALL(first)->due_ns <= now_ns) {
        struct target_call *call = DUE_CALL(first);

        target_rankheap_remove(&d->later, first);
        call->state = IDLE;
        if (!may_go(d, call, now_ns)) {
            end_try(d, call, TARGET_CALL_REJECTED, now_ns);
        } else if (!try_it(d, call, now_ns)) {
            end_try(d, call, TARGET_CALL_FULL, now_ns);
        }
    }
}

/* ---- the pool's acts ---- */

static void give(struct target_dependency *d, struct target_pool_slot *slot, enum job job)
{
    bool is_given = target_crew_give(d->crew, slot->index, job);

    assert(is_given); /* the thread has opened the connection */
    (void)is_given;
}

static void open_slot(struct target_dependency *d, struct target_pool_slot *slot, uint64_t now_ns)
{
    d->place[slot->index] = (struct place){.slot = slot};
    if (target_crew_give(d->crew, slot->index, OPEN)) {
        d->connections++;
    } else {
        target_notices_add(&d->notices, now_ns, "connect_failed", ",\"why\":\"no thread\"");
        target_pool_opened(d->pool, slot, NULL, now_ns);
    }
}

static const char *why_closed(const struct target_dependency *d,
                              const struct target_pool_slot *slot, uint64_t now_ns)
{
    if (d->place[slot->index].is_bad) {
        return "bad";
    }
    if (d->settings.lifetime_ns > 0 && now_ns - slot->opened_ns >= d->settings.lifetime_ns) {
        return "lifetime";
    }
    return d->settings.idle_ns > 0 && now_ns - slot->used_ns >= d->settings.idle_ns ? "idle"
                                                                                    : "max";
}

static void close_slot(struct target_dependency *d, struct target_pool_slot *slot, uint64_t now_ns)
{
    target_notices_add(&d->notices, now_ns, "disconnect", ",\"why\":\"%s\",\"uses\":%" PRIu64,
                       atomic_load(&d->is_ending) ? "end" : why_closed(d, slot, now_ns),
                       slot->uses);
    give(d, slot, CLOSE);
}

static void serve(struct target_dependency *d, const struct target_pool_act *act, uint64_t now_ns)
{
    struct place *place = &d->place[act->slot->index];
    struct target_call *call = WAITING_CALL(act->waiter);

    call->state = IS_CALLED;
    call->member = act->slot->index;
    call->tries++;
    place->call = call;
    place->index = call->index;
    place->since_ns = now_ns;
    give(d, act->slot, CALL);
}

static void fail(struct target_dependency *d, const struct target_pool_act *act, uint64_t now_ns)
{
    static const enum target_call_result result_of[] = {
        [TARGET_POOL_TIMEOUT] = TARGET_CALL_NOT_SERVED,
        [TARGET_POOL_NOT_OPENED] = TARGET_CALL_NOT_OPENED,
        [TARGET_POOL_SHUT] = TARGET_CALL_SHUT,
    };
    struct target_call *call = WAITING_CALL(act->waiter);

    if (act->waiter->why == TARGET_POOL_TIMEOUT) {
        d->unserved++;
        target_notices_add(&d->notices, now_ns, "wait_timeout", ",\"waited_ms\":%.3f",
                           (double)(now_ns - act->waiter->since_ns) / 1e6);
    }
    call->tries += act->waiter->why == TARGET_POOL_NOT_OPENED;
    end_try(d, call, result_of[act->waiter->why], now_ns);
}

static uint64_t due_ns(struct target_dependency *d)
{
    uint64_t pool_ns = target_pool_due_ns(d->pool);
    struct target_rank_node *first = target_rankheap_first(&d->later);

    return first && DUE_CALL(first)->due_ns < pool_ns ? DUE_CALL(first)->due_ns : pool_ns;
}

/* The first that waits, and so whoever is served or opened for next, is one that may be called. */
static void reject_waiters(struct target_dependency *d, uint64_t now_ns)
{
    struct target_pool_waiter *first;

    while ((first = target_pool_first_waiter(d->pool)) && !may_go(d, WAITING_CALL(first), now_ns)) {
        bool is_left = target_pool_leave(d->pool, first);

        assert(is_left); /* it waits, and the lock is ours */
        (void)is_left;
        end_try(d, WAITING_CALL(first), TARGET_CALL_REJECTED, now_ns);
    }
}

static struct target_pool_act next_act(struct target_dependency *d, uint64_t now_ns)
{
    reject_waiters(d, now_ns);
    return target_pool_next(d->pool, now_ns);
}

/* Does what there is to do. Under the lock, which everything here is. */
static void drive(struct target_dependency *d, uint64_t now_ns)
{
    struct target_pool_act act;

    while ((act = next_act(d, now_ns)).what != TARGET_POOL_NOTHING) {
        switch (act.what) {
        case TARGET_POOL_OPEN:
            open_slot(d, act.slot, now_ns);
            break;
        case TARGET_POOL_CHECK:
            give(d, act.slot, CHECK);
            break;
        case TARGET_POOL_CLOSE:
            close_slot(d, act.slot, now_ns);
            break;
        case TARGET_POOL_SERVE:
            serve(d, &act, now_ns);
            break;
        case TARGET_POOL_FAIL:
            fail(d, &act, now_ns);
            break;
        case TARGET_POOL_NOTHING:
            break;
        }
    }
    if (due_ns(d) < d->wake_ns) {
        pthread_cond_signal(&d->roused);
    }
}

/* ---- on the connections' threads ---- */

static void drop(struct target_dependency *d)
{
    if (--d->connections == 0) {
        pthread_cond_signal(&d->emptied);
    }
}

static void do_open(struct target_dependency *d, struct place *place, uint64_t deadline_ns)
{
    const char *why = "no memory";
    void *connection = d->kind->open(d->cls, deadline_ns, &why);
    uint64_t now_ns;

    pthread_mutex_lock(&d->lock);
    now_ns = target_clock_now_ns();
    target_pool_opened(d->pool, place->slot, connection, now_ns);
    if (connection) {
        target_notices_add(&d->notices, now_ns, "connect", "%s", "");
    } else {
        target_notices_add(&d->notices, now_ns, "connect_failed", ",\"why\":\"%s\"", why);
        drop(d);
    }
    drive(d, now_ns);
    pthread_mutex_unlock(&d->lock);
}

static void do_check(struct target_dependency *d, struct place *place, uint64_t deadline_ns)
{
    bool is_good = d->kind->check(d->cls, place->slot->resource, deadline_ns);
    uint64_t now_ns;

    pthread_mutex_lock(&d->lock);
    now_ns = target_clock_now_ns();
    if (!is_good) {
        d->check_failures++;
        place->is_bad = true;
        target_notices_add(&d->notices, now_ns, "check_failed", "%s", "");
    }
    target_pool_checked(d->pool, place->slot, is_good, now_ns);
    drive(d, now_ns);
    pthread_mutex_unlock(&d->lock);
}

static void do_call(struct target_dependency *d, struct place *place, uint64_t deadline_ns)
{
    bool is_good = true;
    int answer = d->kind->call(d->cls, place->slot->resource, place->index, deadline_ns, &is_good);
    struct target_call *call;
    uint64_t now_ns;

    pthread_mutex_lock(&d->lock);
    now_ns = target_clock_now_ns();
    call = place->call;
    place->call = NULL;
    place->is_bad = !is_good;
    target_pool_give_back(d->pool, place->slot, is_good, now_ns);
    if (call) {
        call->answer = answer;
        call->spent_ns += now_ns - place->since_ns;
        end_try(d, call, answer ? TARGET_CALL_FAILED : TARGET_CALL_OK, now_ns);
    }
    drive(d, now_ns);
    pthread_mutex_unlock(&d->lock);
}

static void do_close(struct target_dependency *d, struct place *place)
{
    uint64_t now_ns;

    d->kind->close(d->cls, place->slot->resource);
    pthread_mutex_lock(&d->lock);
    now_ns = target_clock_now_ns();
    target_pool_closed(d->pool, place->slot);
    drop(d);
    drive(d, now_ns);
    pthread_mutex_unlock(&d->lock);
}

static uint64_t deadline_ns(struct target_dependency *d)
{
    uint64_t call_ns;

    pthread_mutex_lock(&d->lock);
    call_ns = d->settings.call_ns;
    pthread_mutex_unlock(&d->lock);
    return later(target_clock_now_ns(), call_ns);
}

static void do_job(void *cls, size_t member, unsigned job)
{
    struct target_dependency *d = cls;
    struct place *place = &d->place[member]; /* written before the job was given, or by us */

    switch ((enum job)job) {
    case OPEN:
        do_open(d, place, deadline_ns(d));
        break;
    case CHECK:
        do_check(d, place, deadline_ns(d));
        break;
    case CALL:
        do_call(d, place, deadline_ns(d));
        break;
    case CLOSE:
        do_close(d, place);
        break;
    }
}

/* ---- the keeper ---- */

static void sleep_until(struct target_dependency *d, uint64_t wake_ns)
{
    struct timespec until = {.tv_sec = (time_t)(wake_ns / NS_PER_S),
                             .tv_nsec = (long)(wake_ns % NS_PER_S)};

    d->wake_ns = wake_ns;
    if (wake_ns == UINT64_MAX) {
        pthread_cond_wait(&d->roused, &d->lock);
    } else {
        pthread_cond_timedwait(&d->roused, &d->lock, &until);
    }
    d->wake_ns = 0;
}

static void *keep(void *cls)
{
    struct target_dependency *d = cls;

    pthread_mutex_lock(&d->lock);
    while (!d->is_over) {
        uint64_t now_ns = target_clock_now_ns();

        try_due_calls(d, now_ns);
        drive(d, now_ns);
        sleep_until(d, due_ns(d));
    }
    pthread_mutex_unlock(&d->lock);
    return NULL;
}

/* ---- requests ---- */

static enum target_begin begin_locked(struct target_dependency *d, struct target_call *call,
                                      uint64_t now_ns)
{
    if (d->settings.max == 0) {
        return TARGET_BEGIN_OFF;
    }
    if (!target_rankheap_reserve(&d->later, d->calls + 1)) {
        return TARGET_BEGIN_NO_MEMORY;
    }
    *call = (struct target_call){.index = d->begun++, .begin_ns = now_ns};
    if (!try_it(d, call, now_ns)) {
        return TARGET_BEGIN_FULL;
    }
    d->calls++;
    drive(d, now_ns);
    return TARGET_BEGIN_UNDER_WAY;
}

enum target_begin target_dependency_begin(struct target_dependency *d, struct target_call *call)
{
    enum target_begin begin;

    pthread_mutex_lock(&d->lock);
    begin = begin_locked(d, call, target_clock_now_ns());
    pthread_mutex_unlock(&d->lock);
    return begin;
}

bool target_dependency_leave(struct target_dependency *d, struct target_call *call)
{
    bool was_under_way;

    pthread_mutex_lock(&d->lock);
    was_under_way = call->state != IDLE;
    if (call->state == WAITS) {
        bool is_left = target_pool_leave(d->pool, &call->waiter);

        assert(is_left); /* what the pool tells is done under the lock */
        (void)is_left;
    } else if (call->state == IS_LATER) {
        target_rankheap_remove(&d->later, &call->by_due);
    } else if (call->state == IS_CALLED) {
        d->place[call->member].call = NULL;
    }
    d->calls -= was_under_way;
    call->state = IDLE;
    pthread_mutex_unlock(&d->lock);
    return was_under_way;
}

void target_call_tell(const struct target_call *call, const char *name,
                      struct target_admission *admission)
{
    assert(admission->spans < TARGET_SPANS_MAX);
    admission->span[admission->spans++] = (struct target_span){
        .name = name,
        .wait_ns = call->end_ns - call->begin_ns - call->spent_ns,
        .call_ns = call->spent_ns,
    };
}

/* ---- the whole ---- */

static uint64_t or_never(uint64_t ns)
{
    return ns ? ns : UINT64_MAX;
}

static void set_pool(struct target_dependency *d)
{
    const struct target_dependency_settings *settings = &d->settings;

    target_pool_set(d->pool, &(struct target_pool_options){
                                 .min = settings->max ? settings->min : 0,
                                 .max = settings->max,
                                 .waiters_max = settings->waiters_max,
                                 .check_age_ns = or_never(settings->check_ns),
                                 .idle_ns = or_never(settings->idle_ns),
                                 .lifetime_ns = or_never(settings->lifetime_ns),
                                 .retry_ns = REFILL_NS,
                             });
}

void target_dependency_set(struct target_dependency *d,
                           const struct target_dependency_settings *settings)
{
    pthread_mutex_lock(&d->lock);
    d->settings = *settings;
    set_pool(d);
    drive(d, target_clock_now_ns());
    pthread_mutex_unlock(&d->lock);
}

bool target_dependency_is_ending(const struct target_dependency *d)
{
    return atomic_load_explicit(&d->is_ending, memory_order_relaxed);
}

struct target_notices *target_dependency_notices(struct target_dependency *d)
{
    return &d->notices;
}

void target_dependency_figures(struct target_dependency *d, struct target_figures *figures)
{
    struct target_pool_figures pool;
    const char *name = d->kind->name;

    pthread_mutex_lock(&d->lock);
    pool = target_pool_figures(d->pool);
    if (d->settings.max > 0) {
        target_figures_add_limit(figures,
                                 &(struct target_limit_figure){.name = name,
                                                               .used = pool.usage.used,
                                                               .limit = pool.usage.limit,
                                                               .waiters = pool.usage.waiters,
                                                               .events = pool.usage.events});
        target_figures_add_limit(figures,
                                 &(struct target_limit_figure){.name = d->kind->queue_name,
                                                               .used = pool.usage.waiters,
                                                               .limit = d->settings.waiters_max,
                                                               .events = pool.refused});
        target_figures_add_event(figures, name, "connect", pool.opened);
        target_figures_add_event(figures, name, "connect_failed", pool.not_opened);
        target_figures_add_event(figures, name, "disconnect", pool.closed);
        target_figures_add_event(figures, name, "check_failed", d->check_failures);
        target_figures_add_event(figures, name, "wait_timeout", d->unserved);
    }
    pthread_mutex_unlock(&d->lock);
}

bool target_dependency_check(const struct target_dependency_settings *settings, const char *name,
                             struct target_error *err)
{
    return settings->max == 0 || settings->min <= settings->max ||
           target_fail(
               err, "%s-min: \"%" PRIu64 "\" is more than %s-max, %" PRIu64 "; try %s-min %" PRIu64,
               name, settings->min, name, settings->max, name, settings->max);
}

/* The keeper measures its sleep by the clock that everything here uses. */
static void init_locks(struct target_dependency *d)
{
    pthread_condattr_t monotonic;

    pthread_mutex_init(&d->lock, NULL);
    pthread_cond_init(&d->emptied, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&d->roused, &monotonic);
    pthread_condattr_destroy(&monotonic);
}

struct target_dependency *target_dependency_new(const struct target_dependency_kind *kind,
                                                void *cls)
{
    struct target_dependency *d = calloc(1, sizeof *d);
    bool has_notices;

    if (!d) {
        return NULL;
    }
    d->kind = kind;
    d->cls = cls;
    d->later.is_before = is_due_before;
    init_locks(d);
    has_notices = target_notices_init(&d->notices);
    d->pool = target_pool_new(&(struct target_pool_options){0});
    d->crew = target_crew_new(TARGET_POOL_SLOTS_MAX, do_job, d);
    d->has_keeper =
        has_notices && d->pool && d->crew && pthread_create(&d->keeper, NULL, keep, d) == 0;
    if (!d->has_keeper) {
        target_dependency_free(d, NULL);
        return NULL;
    }
    return d;
}

static void close_all(struct target_dependency *d)
{
    pthread_mutex_lock(&d->lock);
    atomic_store_explicit(&d->is_ending, true, memory_order_relaxed);
    d->settings.max = 0;
    set_pool(d);
    drive(d, target_clock_now_ns());
    while (d->connections > 0) {
        pthread_cond_wait(&d->emptied, &d->lock);
    }
    d->is_over = true;
    pthread_cond_signal(&d->roused);
    pthread_mutex_unlock(&d->lock);
    pthread_join(d->keeper, NULL);
}

void target_dependency_free(struct target_dependency *d, const struct target_scene *scene)
{
    if (!d) {
        return;
    }
    if (d->has_keeper) {
        close_all(d);
    }
    if (scene) {
        target_notices_tell(&d->notices, d->kind->name, scene);
    }
    target_crew_free(d->crew);
    target_pool_free(d->pool);
    target_rankheap_deinit(&d->later);
    target_notices_deinit(&d->notices);
    pthread_cond_destroy(&d->emptied);
    pthread_cond_destroy(&d->roused);
    pthread_mutex_destroy(&d->lock);
    free(d);
}
