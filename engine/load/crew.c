/*
 * crew: see the header.
 *
 * Two timers: `plan` follows the plan (the next change of users, or the next arrival), `ready`
 * starts what was put off: users who come in with a ramp, users whose iteration ended inside
 * begin(), arrivals that wait while a user came free inside begin(). Each starts at most BATCH
 * iterations a run, so that the loop reads its sockets in between.
 *
 * Closed loop: slot i holds user thread + i * threads. Slots below `begun` have been started: each
 * is running, in the ready list, paused (its own timer), or stopped. Slots from `begun` up to
 * `active` wait for the ready timer; those behind are parked (or run their last iteration).
 *
 * Users that are to leave lie in a list, so that not all of them do so in one turn of the loop.
 * Slots from `wanted` on will not be needed again: who is parked there leaves.
 *
 * Open loop: each user is running, in the idle list, or retired (stopped; replaced when a new one
 * is needed). Waiting arrivals lie in a ring.
 *
 * Invariant: iterations start from `begin` only, never inside another begin(): the stack stays
 * flat. A user's entering goes before its first iteration, in the same begin().
 */
#include "pelt/crew.h"

#include <assert.h>
#include <math.h>
#include <stddef.h>
#include <stdlib.h>

#include "pelt/clock.h"
#include "pelt/log.h"

#define BATCH             64
#define STAGES_KEPT       64                    /* of a live plan, before old ones are forgotten */
#define LOOK_NS           (50 * PELT_NS_PER_MS) /* how often a shared budget is looked at */
#define SLOTS_FIRST_CAP   64
#define WAITING_FIRST_CAP 256

struct arrival {
    uint64_t k;
    uint64_t due_ns; /* monotonic; PELT_NEVER: none */
};

/* Arrivals without a user, oldest first: a ring whose size is a power of two. */
struct waiting {
    struct arrival *ring;
    uint32_t head, len, cap;
    uint32_t most; /* this thread's share of the plan's waiting_max */
};

struct pelt_crew {
    struct pelt_crew_options opt;
    struct pelt_plan live; /* opt.plan, where that is live */
    struct pelt_timer plan_timer, ready_timer;
    uint64_t length_ns; /* of the plan */

    struct pelt_vu **users; /* 8 bytes a user */
    uint32_t users_len, users_cap;
    uint32_t users_most; /* this thread's share of the plan's peak, or of its users_max */
    uint64_t created;    /* users ever made: the next id */
    uint32_t running;    /* iterations, enterings and leavings in progress */
    uint64_t iterations; /* a user's; UINT64_MAX: no limit */
    uint32_t in_flight;  /* users here for one of the plan's */
    struct pelt_vu *leaving, **leaving_end; /* to leave, oldest first */

    uint32_t active, begun, stopped;    /* closed loop; stopped: users that will not run again */
    uint32_t wanted;                    /* closed loop: slots that the rest of the plan has */
    bool paced;                         /* closed loop: time lies between iterations */
    uint64_t paced_len, late_len;       /* iterations planned by pacing; those that were late */
    struct pelt_vu *ready, **ready_end; /* closed loop: to be started again, oldest first */
    uint32_t ready_len;

    struct pelt_arrivals_iter arrivals; /* open loop */
    struct arrival next;                /* drawn, not yet due */
    struct waiting waiting;
    uint64_t unseen;      /* open loop: arrivals that the stop found due before the loop did */
    uint32_t entering;    /* open loop: arrivals whose user enters */
    struct pelt_vu *idle; /* last in, first out */
    struct pelt_vu *retired;
    uint32_t retired_len;

    bool begun_plan; /* pelt_crew_start() was called */
    bool stopping;
    bool cancelled;
    bool told;    /* that it is idle */
    bool starved; /* of memory */
    bool in_begin;
    struct pelt_vu *begun_now; /* whose begin() is on the stack; NULL: none */
};

static struct pelt_crew *crew_of(struct pelt_timer *timer, size_t offset)
{
    return (struct pelt_crew *)(void *)((char *)timer - offset);
}

/* How many of 0..total-1 fall to this thread when number n goes to thread n mod threads. */
static uint32_t share(const struct pelt_crew *crew, uint64_t total)
{
    const uint64_t thread = crew->opt.thread, threads = crew->opt.threads;
    return (uint32_t)(total > thread ? (total - thread - 1) / threads + 1 : 0);
}

/* The users here for so many of the plan's (closed loop). */
static uint32_t shared_out(const struct pelt_crew *crew, uint64_t users)
{
    return share(crew, users) * crew->in_flight;
}

/* Called when any side changes. */
static void tell_when_idle(struct pelt_crew *crew)
{
    if (crew->stopping && crew->running == 0 && crew->leaving == NULL && !crew->told) {
        crew->told = true;
        crew->opt.on_idle(crew->opt.on_idle_arg);
    }
}

static void out_of_memory(struct pelt_crew *crew, uint64_t now_ns)
{
    pelt_log(PELT_LOG_ERROR, "load", "out of memory with %u users on thread %u: its load ends here",
             crew->users_len, crew->opt.thread);
    crew->starved = true;
    pelt_crew_stop(crew, now_ns);
}

static void arm(struct pelt_crew *crew, struct pelt_timer *timer, uint64_t due_ns, uint64_t now_ns)
{
    if (pelt_timerq_add(crew->opt.timers, timer, due_ns) != PELT_OK) {
        out_of_memory(crew, now_ns);
    }
}

static void arm_ready(struct pelt_crew *crew, uint64_t now_ns)
{
    if (crew->ready_timer.slot == 0) {
        arm(crew, &crew->ready_timer, now_ns, now_ns);
    }
}

static bool leave(struct pelt_crew *crew, struct pelt_vu *vu, uint64_t now_ns);

/* The user's code is about to run, or has ended. */
static void set_running(struct pelt_crew *crew, struct pelt_vu *vu, bool running)
{
    vu->running = running;
    crew->running += running ? 1u : -1u;
}

static void iterate(struct pelt_crew *crew, struct pelt_vu *vu, uint64_t now_ns)
{
    if (crew->opt.budget != NULL && !pelt_budget_take(crew->opt.budget)) {
        pelt_crew_stop(crew, now_ns);
        return;
    }
    set_running(crew, vu, true);
    crew->in_begin = true;
    crew->opt.ops->begin(vu, vu->due_ns, now_ns);
    crew->in_begin = false;
}

/* The user is in, unless it stopped: its iteration follows, or it leaves. */
static void entered(struct pelt_crew *crew, struct pelt_vu *vu, uint64_t now_ns)
{
    if (!crew->stopping && !vu->stopped) {
        vu->pace_ns = now_ns;
        iterate(crew, vu, now_ns);
        return;
    }
    if (vu->open) {
        pelt_recorder_dropped(crew->opt.recorder, now_ns);
    }
    leave(crew, vu, now_ns);
}

static void enter(struct pelt_crew *crew, struct pelt_vu *vu, uint64_t now_ns)
{
    const struct pelt_vu_ops *ops = crew->opt.ops;
    vu->phase = PELT_VU_ENTERING;
    set_running(crew, vu, true);
    crew->entering++;
    crew->begun_now = vu;
    crew->in_begin = true;
    bool any = ops->enter != NULL && ops->enter(vu, now_ns);
    crew->in_begin = false;
    crew->begun_now = NULL;
    if (!any) {
        set_running(crew, vu, false);
        crew->entering--;
        vu->phase = PELT_VU_IN;
    }
    if (vu->phase == PELT_VU_IN) {
        entered(crew, vu, vu->open ? now_ns : vu->due_ns);
    }
}

static void begin(struct pelt_crew *crew, struct pelt_vu *vu, uint64_t due_ns, uint64_t now_ns)
{
    assert(!crew->in_begin);
    assert(!crew->stopping);
    assert(!vu->running);
    assert(!vu->stopped);
    vu->due_ns = due_ns;
    if (vu->phase == PELT_VU_IN) {
        iterate(crew, vu, now_ns);
    } else if (crew->opt.budget != NULL && pelt_budget_spent(crew->opt.budget)) {
        pelt_crew_stop(crew, now_ns);
    } else {
        enter(crew, vu, now_ns);
    }
}

/* Leaving. */

static void leaving_clear(struct pelt_crew *crew)
{
    crew->leaving = NULL;
    crew->leaving_end = &crew->leaving;
}

static void leaving_push(struct pelt_crew *crew, struct pelt_vu *vu)
{
    vu->phase = PELT_VU_LEAVING;
    vu->next = NULL;
    *crew->leaving_end = vu;
    crew->leaving_end = &vu->next;
}

/* Without memory for the timer they stay: nothing else can be done for them. */
static void arm_leaving(struct pelt_crew *crew, uint64_t now_ns)
{
    if (crew->leaving != NULL && crew->ready_timer.slot == 0 &&
        pelt_timerq_add(crew->opt.timers, &crew->ready_timer, now_ns) != PELT_OK) {
        leaving_clear(crew);
    }
}

/* The user has ended. Its code may still be on the stack: it is destroyed when it is replaced, or
 * with the crew. */
static void left(struct pelt_crew *crew, struct pelt_vu *vu, uint64_t now_ns)
{
    vu->phase = crew->cancelled ? PELT_VU_LEAVING : PELT_VU_GONE;
    if (crew->stopping) {
        tell_when_idle(crew);
    } else if (vu->open) {
        vu->next = crew->retired;
        crew->retired = vu;
        crew->retired_len++;
        if (crew->waiting.len > 0) {
            arm_ready(crew, now_ns);
        }
    } else if (vu->stopped && ++crew->stopped == crew->users_most) {
        pelt_crew_stop(crew, now_ns);
    }
}

/* May be called inside the begin() of the same user. False: it had nothing to do. */
static bool leave(struct pelt_crew *crew, struct pelt_vu *vu, uint64_t now_ns)
{
    const struct pelt_vu_ops *ops = crew->opt.ops;
    const bool inside = crew->in_begin;
    if (crew->cancelled) {
        tell_when_idle(crew);
        return false;
    }
    vu->phase = PELT_VU_LEAVING;
    set_running(crew, vu, true);
    crew->in_begin = true;
    bool any = ops->leave != NULL && ops->leave(vu, now_ns);
    crew->in_begin = inside;
    if (!any) {
        set_running(crew, vu, false);
        left(crew, vu, now_ns);
    }
    return any;
}

/* So many at a time that have something to do. */
static void serve_leaving(struct pelt_crew *crew, uint64_t now_ns)
{
    for (uint32_t n = 0; n < BATCH && crew->leaving != NULL;) {
        struct pelt_vu *vu = crew->leaving;
        crew->leaving = vu->next;
        if (crew->leaving == NULL) {
            crew->leaving_end = &crew->leaving;
        }
        n += leave(crew, vu, now_ns);
    }
    arm_leaving(crew, now_ns);
}

/* Who is in and does nothing, in slots from `first` on. */
static void send_away(struct pelt_crew *crew, uint32_t first)
{
    for (uint32_t i = first; i < crew->users_len; i++) {
        struct pelt_vu *vu = crew->users[i];
        if (vu->phase == PELT_VU_IN && !vu->running) {
            pelt_timerq_remove(crew->opt.timers, &vu->timer);
            leaving_push(crew, vu);
        }
    }
}

/* Room for one more slot. False: out of memory. */
static bool grow_users(struct pelt_crew *crew)
{
    if (crew->users_len < crew->users_cap) {
        return true;
    }
    uint32_t cap = crew->users_cap > 0 ? crew->users_cap + crew->users_cap / 4 : SLOTS_FIRST_CAP;
    struct pelt_vu **users = realloc(crew->users, cap * sizeof(*users));
    if (users == NULL) {
        return false;
    }
    crew->users = users;
    crew->users_cap = cap;
    return true;
}

/* A new user in `slot`, an empty one; NULL: out of memory. */
static void on_paced(struct pelt_timer *timer, uint64_t now_ns);

static struct pelt_vu *create_user(struct pelt_crew *crew, uint32_t slot)
{
    const uint64_t n = crew->opt.thread + crew->created * crew->opt.threads;
    const uint64_t id = crew->opt.id_from + n * crew->opt.id_step;
    struct pelt_vu *vu = crew->opt.ops->create(crew->opt.ops_ctx, id);
    if (vu != NULL) {
        *vu = (struct pelt_vu){.crew = crew,
                               .timer = {.fn = on_paced},
                               .id = id,
                               .part = crew->opt.part,
                               .arrivals_before = crew->opt.arrivals_before,
                               .slot = slot,
                               .open = crew->opt.plan->loop == PELT_LOOP_OPEN};
        crew->users[slot] = vu;
        crew->created++;
    }
    return vu;
}

static struct pelt_vu *add_user(struct pelt_crew *crew)
{
    struct pelt_vu *vu = grow_users(crew) ? create_user(crew, crew->users_len) : NULL;
    crew->users_len += vu != NULL;
    return vu;
}

/* Closed loop. */

static void ready_clear(struct pelt_crew *crew)
{
    crew->ready = NULL;
    crew->ready_end = &crew->ready;
    crew->ready_len = 0;
}

static void ready_push(struct pelt_crew *crew, struct pelt_vu *vu)
{
    vu->next = NULL;
    *crew->ready_end = vu;
    crew->ready_end = &vu->next;
    crew->ready_len++;
}

static struct pelt_vu *ready_pop(struct pelt_crew *crew)
{
    struct pelt_vu *vu = crew->ready;
    crew->ready = vu->next;
    if (crew->ready == NULL) {
        crew->ready_end = &crew->ready;
    }
    crew->ready_len--;
    return vu;
}

/* Of these slots nobody is wanted any more. */
static void hurry(struct pelt_crew *crew, uint32_t from, uint32_t to, uint64_t now_ns)
{
    for (uint32_t i = from; crew->opt.ops->hurry != NULL && i < to; i++) {
        if (crew->users[i]->running) {
            crew->opt.ops->hurry(crew->users[i], now_ns);
        }
    }
}

/* Users from `active` on are parked, also those that were to be started again; whom the rest of the
 * plan does not want leaves. */
static void shrink(struct pelt_crew *crew, uint64_t now_ns)
{
    hurry(crew, crew->active, crew->begun, now_ns);
    crew->begun = crew->active;
    struct pelt_vu *vu = crew->ready;
    ready_clear(crew);
    while (vu != NULL) {
        struct pelt_vu *next = vu->next;
        if (vu->slot < crew->begun) {
            ready_push(crew, vu);
        }
        vu = next;
    }
    if (crew->opt.ops->leave == NULL) {
        return;
    }
    uint64_t t_ns = now_ns - crew->opt.start_ns;
    crew->wanted = shared_out(crew, pelt_plan_users_from(crew->opt.plan, t_ns));
    send_away(crew, crew->wanted);
    arm_leaving(crew, now_ns);
}

/* A user comes in with the plan. It may still run its last iteration of an earlier time; then that
 * goes on. */
static void begin_slot(struct pelt_crew *crew, uint32_t slot, uint64_t now_ns)
{
    struct pelt_vu *vu = slot < crew->users_len ? crew->users[slot] : add_user(crew);
    if (vu == NULL) {
        crew->begun = slot;
        out_of_memory(crew, now_ns);
    } else if (!vu->running && !vu->stopped && vu->timer.slot == 0) {
        vu->pace_ns = now_ns;
        begin(crew, vu, now_ns, now_ns);
    }
}

static void start_users(struct pelt_crew *crew, uint64_t now_ns)
{
    /* Who ends at once comes back to the list's end; it waits for the next run. */
    const uint32_t again = crew->ready_len;
    uint32_t n = 0;
    for (; n < again && n < BATCH && crew->ready != NULL; n++) {
        begin(crew, ready_pop(crew), now_ns, now_ns);
    }
    for (; n < BATCH && crew->begun < crew->active && !crew->stopping; n++) {
        begin_slot(crew, crew->begun++, now_ns);
    }
    if (!crew->stopping && (crew->ready_len > 0 || crew->begun < crew->active)) {
        arm_ready(crew, now_ns);
    }
}

static void follow_users(struct pelt_crew *crew, uint64_t now_ns)
{
    const struct pelt_plan *plan = crew->opt.plan;
    const uint64_t t_ns = now_ns - crew->opt.start_ns;
    /* The second that ends here has the users that it had, not those who come at its edge. */
    pelt_recorder_turn(crew->opt.recorder, now_ns);
    bool spent = crew->opt.budget != NULL && pelt_budget_spent(crew->opt.budget);
    bool nobody = plan->endless && crew->users_most == 0;
    if (t_ns >= crew->length_ns || spent || nobody) {
        pelt_crew_stop(crew, now_ns);
        return;
    }
    uint64_t change_ns = pelt_plan_next_change(plan, t_ns);
    uint64_t wake_ns = change_ns < crew->length_ns ? change_ns : crew->length_ns;
    if (crew->opt.budget != NULL && wake_ns > t_ns + LOOK_NS) {
        wake_ns = t_ns + LOOK_NS;
    }
    arm(crew, &crew->plan_timer, crew->opt.start_ns + wake_ns, now_ns);
    crew->active = shared_out(crew, pelt_plan_users_at(plan, t_ns));
    if (crew->begun > crew->active) {
        shrink(crew, now_ns);
    }
    start_users(crew, now_ns);
}

/* The user waits for its next iteration, or is late for it. */
static void pause_user(struct pelt_crew *crew, struct pelt_vu *vu, uint64_t now_ns)
{
    const struct pelt_plan *plan = crew->opt.plan;
    uint64_t next_ns = now_ns + plan->think_ns + vu->think_ns;
    if (plan->pacing_ns > 0) {
        uint64_t due_ns = vu->pace_ns + plan->pacing_ns;
        crew->paced_len++;
        crew->late_len += now_ns > due_ns; /* think time is as long as it was meant to be */
        next_ns = next_ns > due_ns ? next_ns : due_ns;
    }
    vu->pace_ns = next_ns;
    if (next_ns > now_ns || crew->in_begin) {
        arm(crew, &vu->timer, next_ns, now_ns);
    } else {
        begin(crew, vu, now_ns, now_ns);
    }
}

static void on_paced(struct pelt_timer *timer, uint64_t now_ns)
{
    struct pelt_vu *vu =
        (struct pelt_vu *)(void *)((char *)timer - offsetof(struct pelt_vu, timer));
    if (vu->slot < vu->crew->begun) { /* else it was parked meanwhile */
        begin(vu->crew, vu, now_ns, now_ns);
    }
}

static void closed_ended(struct pelt_crew *crew, struct pelt_vu *vu, uint64_t now_ns)
{
    if (vu->stopped) {
        leave(crew, vu, now_ns);
    } else if (vu->slot >= crew->begun) { /* parked */
        if (vu->slot >= crew->wanted) {
            leave(crew, vu, now_ns);
        }
    } else if (crew->paced) {
        pause_user(crew, vu, now_ns);
    } else if (crew->in_begin) {
        ready_push(crew, vu);
        arm_ready(crew, now_ns);
    } else {
        begin(crew, vu, now_ns, now_ns);
    }
}

/* Open loop. */

static bool waiting_grow(struct waiting *w)
{
    uint32_t cap = w->cap > 0 ? w->cap * 2 : WAITING_FIRST_CAP;
    struct arrival *ring = malloc(cap * sizeof(*ring));
    if (ring == NULL) {
        return false;
    }
    for (uint32_t i = 0; i < w->len; i++) {
        ring[i] = w->ring[(w->head + i) & (w->cap - 1)];
    }
    free(w->ring);
    w->ring = ring;
    w->head = 0;
    w->cap = cap;
    return true;
}

/* False: the limit, or memory, is reached. */
static bool waiting_push(struct waiting *w, struct arrival a)
{
    if (w->len == w->most || (w->len == w->cap && !waiting_grow(w))) {
        return false;
    }
    w->ring[(w->head + w->len) & (w->cap - 1)] = a;
    w->len++;
    return true;
}

static struct arrival waiting_pop(struct waiting *w)
{
    struct arrival a = w->ring[w->head];
    w->head = (w->head + 1) & (w->cap - 1);
    w->len--;
    return a;
}

static void idle_push(struct pelt_crew *crew, struct pelt_vu *vu)
{
    vu->next = crew->idle;
    crew->idle = vu;
}

static bool user_free(const struct pelt_crew *crew)
{
    return crew->idle != NULL || crew->users_len < crew->users_most || crew->retired != NULL;
}

/* The plan has come to its end, by time or by iterations, and every arrival of it has been drawn:
 * nothing arrives any more. */
static bool all_arrived(const struct pelt_crew *crew, uint64_t now_ns)
{
    return crew->next.due_ns == PELT_NEVER && (now_ns >= crew->opt.start_ns + crew->length_ns ||
                                               pelt_arrivals_used_up(&crew->arrivals));
}

/* After the plan's end the load lasts until nobody waits for a user any more. */
static void stop_when_served(struct pelt_crew *crew, uint64_t now_ns)
{
    if (crew->waiting.len == 0 && crew->entering == 0 && all_arrived(crew, now_ns)) {
        pelt_crew_stop(crew, now_ns);
    }
}

/* A new user in the place of one that stopped. */
static struct pelt_vu *replace_retired(struct pelt_crew *crew)
{
    struct pelt_vu *old = crew->retired;
    struct pelt_vu *next = old->next;
    struct pelt_vu *vu = create_user(crew, old->slot);
    if (vu != NULL) {
        crew->retired = next;
        crew->retired_len--;
        crew->opt.ops->destroy(old);
    }
    return vu;
}

/* user_free() said yes; NULL: out of memory. */
static struct pelt_vu *take_user(struct pelt_crew *crew)
{
    struct pelt_vu *vu = crew->idle;
    if (vu != NULL) {
        crew->idle = vu->next;
        return vu;
    }
    return crew->retired != NULL ? replace_retired(crew) : add_user(crew);
}

/* The arrival that has waited longest. */
static struct arrival waited(struct pelt_crew *crew, uint64_t now_ns)
{
    pelt_recorder_waiting(crew->opt.recorder, -1, now_ns);
    return waiting_pop(&crew->waiting);
}

static void serve(struct pelt_crew *crew, struct arrival a, uint64_t now_ns)
{
    struct pelt_vu *vu = take_user(crew);
    if (vu == NULL) {
        pelt_recorder_dropped(crew->opt.recorder, now_ns);
        out_of_memory(crew, now_ns);
        return;
    }
    vu->arrival = a.k;
    begin(crew, vu, a.due_ns, now_ns);
}

static void arrive(struct pelt_crew *crew, struct arrival a, uint64_t now_ns)
{
    pelt_recorder_arrival(crew->opt.recorder, now_ns - a.due_ns, now_ns);
    if (crew->waiting.len == 0 && user_free(crew)) {
        serve(crew, a, now_ns);
    } else if (waiting_push(&crew->waiting, a)) {
        pelt_recorder_waiting(crew->opt.recorder, 1, now_ns);
    } else {
        pelt_recorder_dropped(crew->opt.recorder, now_ns);
    }
}

static void draw_next(struct pelt_crew *crew)
{
    uint64_t due_ns;
    bool more = pelt_arrivals_next(&crew->arrivals, &crew->next.k, &due_ns);
    crew->next.due_ns = more ? crew->opt.start_ns + due_ns : PELT_NEVER;
}

static void follow_arrivals(struct pelt_crew *crew, uint64_t now_ns)
{
    const uint64_t end_ns = crew->opt.start_ns + crew->length_ns;
    for (uint32_t n = 0; n < BATCH && crew->next.due_ns <= now_ns && !crew->stopping; n++) {
        struct arrival a = crew->next;
        draw_next(crew);
        arrive(crew, a, now_ns);
    }
    if (crew->stopping) {
        return;
    }
    if (all_arrived(crew, now_ns)) {
        stop_when_served(crew, now_ns);
    } else {
        arm(crew, &crew->plan_timer, crew->next.due_ns < end_ns ? crew->next.due_ns : end_ns,
            now_ns);
    }
}

/* Who was due and has not been seen yet, because the loop was late, arrives only to be dropped: the
 * plan's arrivals up to a stop are all accounted for. */
static void drop_due(struct pelt_crew *crew, uint64_t now_ns)
{
    while (crew->next.due_ns <= now_ns) {
        pelt_recorder_arrival(crew->opt.recorder, now_ns - crew->next.due_ns, now_ns);
        pelt_recorder_dropped(crew->opt.recorder, now_ns);
        crew->unseen++;
        draw_next(crew);
    }
}

static void drop_waiting(struct pelt_crew *crew, uint64_t now_ns)
{
    while (crew->waiting.len > 0) {
        waited(crew, now_ns);
        pelt_recorder_dropped(crew->opt.recorder, now_ns);
    }
}

static void serve_waiting(struct pelt_crew *crew, uint64_t now_ns)
{
    for (uint32_t n = 0; n < BATCH && crew->waiting.len > 0 && user_free(crew); n++) {
        serve(crew, waited(crew, now_ns), now_ns);
    }
    if (crew->waiting.len > 0 && user_free(crew)) {
        arm_ready(crew, now_ns);
    }
    stop_when_served(crew, now_ns);
}

static void open_ended(struct pelt_crew *crew, struct pelt_vu *vu, uint64_t now_ns)
{
    if (!vu->stopped && !crew->in_begin && crew->waiting.len > 0) {
        struct arrival a = waited(crew, now_ns);
        vu->arrival = a.k;
        begin(crew, vu, a.due_ns, now_ns);
        stop_when_served(crew, now_ns);
        return;
    }
    if (vu->stopped) {
        leave(crew, vu, now_ns);
        return;
    }
    idle_push(crew, vu);
    if (crew->waiting.len > 0) {
        arm_ready(crew, now_ns);
    }
}

static void on_plan(struct pelt_timer *timer, uint64_t now_ns)
{
    struct pelt_crew *crew = crew_of(timer, offsetof(struct pelt_crew, plan_timer));
    if (crew->opt.plan->loop == PELT_LOOP_CLOSED) {
        follow_users(crew, now_ns);
    } else {
        follow_arrivals(crew, now_ns);
    }
}

static void on_ready(struct pelt_timer *timer, uint64_t now_ns)
{
    struct pelt_crew *crew = crew_of(timer, offsetof(struct pelt_crew, ready_timer));
    serve_leaving(crew, now_ns);
    if (crew->stopping) {
        return;
    }
    if (crew->opt.plan->loop == PELT_LOOP_CLOSED) {
        start_users(crew, now_ns);
    } else {
        serve_waiting(crew, now_ns);
    }
}

struct pelt_crew *pelt_crew_new(const struct pelt_crew_options *options)
{
    assert(options->thread < options->threads);
    struct pelt_crew *crew = calloc(1, sizeof(*crew));
    if (crew == NULL) {
        return NULL;
    }
    const struct pelt_plan *plan = options->plan;
    crew->opt = *options;
    crew->opt.id_step = options->id_step > 0 ? options->id_step : 1;
    if (plan->live) {
        if (pelt_plan_copy(&crew->live, plan) != PELT_OK) {
            pelt_plan_deinit(&crew->live);
            free(crew);
            return NULL;
        }
        plan = crew->opt.plan = &crew->live;
    }
    crew->in_flight = plan->in_flight > 0 ? plan->in_flight : 1;
    crew->plan_timer.fn = on_plan;
    crew->ready_timer.fn = on_ready;
    crew->length_ns = pelt_plan_length_ns(plan);
    crew->iterations = plan->iterations_per_user > 0 ? plan->iterations_per_user : UINT64_MAX;
    crew->wanted = UINT32_MAX;
    crew->paced = plan->pacing_ns > 0 || plan->think_ns > 0 || plan->think_drawn;
    leaving_clear(crew);
    ready_clear(crew);
    if (plan->loop == PELT_LOOP_CLOSED) {
        crew->users_most = shared_out(crew, (uint64_t)floor(pelt_plan_peak(plan) + 0.5));
    } else {
        uint32_t users = share(crew, plan->users_max);
        crew->users_most = users > 0 ? users : 1;
        crew->waiting.most = share(crew, plan->waiting_max);
        pelt_arrivals_init(&crew->arrivals, plan, options->seed, options->thread, options->threads);
        crew->next.due_ns = PELT_NEVER; /* none drawn before the start */
    }
    return crew;
}

void pelt_crew_free(struct pelt_crew *crew)
{
    if (crew == NULL) {
        return;
    }
    assert(crew->running == 0);
    pelt_timerq_remove(crew->opt.timers, &crew->plan_timer);
    pelt_timerq_remove(crew->opt.timers, &crew->ready_timer);
    for (uint32_t i = 0; i < crew->users_len; i++) {
        pelt_timerq_remove(crew->opt.timers, &crew->users[i]->timer);
        crew->opt.ops->destroy(crew->users[i]);
    }
    pelt_plan_deinit(&crew->live);
    free(crew->users);
    free(crew->waiting.ring);
    free(crew);
}

void pelt_crew_start(struct pelt_crew *crew, uint64_t now_ns)
{
    crew->begun_plan = true;
    if (crew->opt.plan->loop == PELT_LOOP_OPEN) {
        draw_next(crew);
    }
    arm(crew, &crew->plan_timer, crew->opt.start_ns, now_ns);
}

/* The plan has become another: it is looked at again. */
static void follow_anew(struct pelt_crew *crew, uint64_t now_ns)
{
    const uint64_t start_ns = crew->opt.start_ns;
    if (crew->begun_plan && !crew->stopping) {
        if (crew->opt.plan->loop == PELT_LOOP_OPEN && crew->next.due_ns == PELT_NEVER) {
            draw_next(crew);
        }
        arm(crew, &crew->plan_timer, now_ns > start_ns ? now_ns : start_ns, now_ns);
    }
}

static void forget_past(struct pelt_crew *crew, uint64_t now_ns)
{
    const uint64_t start_ns = crew->opt.start_ns;
    const uint64_t t_ns = now_ns > start_ns ? now_ns - start_ns : 0;
    if (crew->live.stages_len < STAGES_KEPT) {
        return;
    }
    if (crew->live.loop == PELT_LOOP_OPEN) {
        pelt_arrivals_forget(&crew->arrivals, &crew->live, t_ns);
    } else {
        pelt_plan_forget(&crew->live, t_ns, crew->live.stages_len - 1); /* the last one's level may
                                                                           hold */
    }
}

enum pelt_status pelt_crew_extend(struct pelt_crew *crew, const struct pelt_stage *stage,
                                  uint64_t now_ns)
{
    assert(crew->opt.plan->live);
    forget_past(crew, now_ns);
    enum pelt_status status = pelt_plan_append(&crew->live, stage);
    if (status != PELT_OK) {
        out_of_memory(crew, now_ns);
        return status;
    }
    follow_anew(crew, now_ns);
    return PELT_OK;
}

void pelt_crew_close(struct pelt_crew *crew, uint64_t now_ns)
{
    assert(crew->opt.plan->live);
    pelt_plan_close(&crew->live);
    crew->length_ns = pelt_plan_length_ns(&crew->live);
    if (crew->live.loop == PELT_LOOP_OPEN) {
        pelt_arrivals_closed(&crew->arrivals);
        if (crew->next.due_ns != PELT_NEVER &&
            crew->next.due_ns >= crew->opt.start_ns + crew->length_ns) {
            crew->next.due_ns = PELT_NEVER; /* rounded to the end, which a plan does not contain */
        }
    }
    follow_anew(crew, now_ns);
}

void pelt_crew_stop(struct pelt_crew *crew, uint64_t now_ns)
{
    if (crew->stopping) {
        return;
    }
    crew->stopping = true;
    pelt_timerq_remove(crew->opt.timers, &crew->plan_timer);
    pelt_timerq_remove(crew->opt.timers, &crew->ready_timer);
    ready_clear(crew);
    if (crew->opt.plan->loop == PELT_LOOP_OPEN) {
        drop_waiting(crew, now_ns);
        drop_due(crew, now_ns);
    }
    hurry(crew, 0, crew->users_len, now_ns);
    if (crew->opt.ops->leave != NULL || crew->paced) {
        crew->idle = NULL;
        send_away(crew, 0);
        arm_leaving(crew, now_ns);
    }
    tell_when_idle(crew);
}

void pelt_crew_cancel(struct pelt_crew *crew, uint64_t now_ns)
{
    pelt_crew_stop(crew, now_ns);
    crew->cancelled = true;
    leaving_clear(crew);
    pelt_timerq_remove(crew->opt.timers, &crew->ready_timer);
    for (uint32_t i = 0; i < crew->users_len; i++) {
        if (crew->users[i]->running) {
            crew->opt.ops->cancel(crew->users[i], now_ns);
        }
    }
    tell_when_idle(crew);
}

void *pelt_crew_ops_ctx(const struct pelt_crew *crew)
{
    return crew->opt.ops_ctx;
}

bool pelt_crew_stopping(const struct pelt_crew *crew)
{
    return crew->stopping;
}

bool pelt_crew_wants(const struct pelt_vu *vu)
{
    const struct pelt_crew *crew = vu->crew;
    bool parked = crew->opt.plan->loop == PELT_LOOP_CLOSED && vu->slot >= crew->begun;
    return !crew->stopping && !vu->stopped && !parked;
}

bool pelt_crew_starved(const struct pelt_crew *crew)
{
    return crew->starved;
}

uint32_t pelt_crew_users(const struct pelt_crew *crew)
{
    if (crew->opt.plan->loop == PELT_LOOP_OPEN) {
        return crew->users_len - crew->retired_len;
    }
    uint32_t users = 0;
    for (uint32_t i = 0; i < crew->begun; i++) {
        users += !crew->users[i]->stopped;
    }
    return (users + crew->in_flight - 1) / crew->in_flight;
}

uint32_t pelt_crew_running(const struct pelt_crew *crew)
{
    return crew->running;
}

uint32_t pelt_crew_waiting(const struct pelt_crew *crew)
{
    return crew->waiting.len;
}

uint64_t pelt_crew_paced(const struct pelt_crew *crew)
{
    return crew->paced_len;
}

uint64_t pelt_crew_late(const struct pelt_crew *crew)
{
    return crew->late_len;
}

uint64_t pelt_crew_unseen(const struct pelt_crew *crew)
{
    return crew->unseen;
}

uint64_t pelt_crew_stayed(const struct pelt_crew *crew)
{
    uint64_t stayed = 0;
    for (uint32_t i = 0; i < crew->users_len; i++) {
        enum pelt_vu_phase phase = crew->users[i]->phase;
        stayed += phase != PELT_VU_NEW && phase != PELT_VU_GONE;
    }
    return stayed;
}

static void enter_ended(struct pelt_crew *crew, struct pelt_vu *vu, uint64_t now_ns)
{
    vu->phase = PELT_VU_IN;
    crew->entering--;
    if (!vu->open) {
        vu->due_ns = now_ns; /* users come when they are ready; arrivals have been due since */
    }
    if (crew->begun_now == vu) {
        return; /* enter() goes on */
    }
    entered(crew, vu, now_ns);
    if (vu->open && !crew->stopping) {
        stop_when_served(crew, now_ns);
    }
}

static void life_ended(struct pelt_crew *crew, struct pelt_vu *vu, uint64_t now_ns, bool error)
{
    if (error) {
        pelt_recorder_script_error(crew->opt.recorder, now_ns);
    }
    if (vu->phase == PELT_VU_LEAVING) {
        left(crew, vu, now_ns);
    } else {
        vu->stopped = vu->stopped || error;
        enter_ended(crew, vu, now_ns);
    }
}

void pelt_crew_ended(struct pelt_vu *vu, uint64_t now_ns, bool script_error)
{
    struct pelt_crew *crew = vu->crew;
    assert(vu->running);
    set_running(crew, vu, false);
    if (vu->phase != PELT_VU_IN) {
        life_ended(crew, vu, now_ns, script_error);
        return;
    }
    vu->iteration++;
    vu->stopped = vu->stopped || vu->iteration == crew->iterations;
    /* A fresh stamp of the last end may lie behind the loop's own, older time: never below 0. */
    uint64_t duration_ns = now_ns > vu->due_ns ? now_ns - vu->due_ns : 0;
    pelt_recorder_iteration(crew->opt.recorder, duration_ns, script_error, now_ns);
    if (crew->stopping) {
        leave(crew, vu, now_ns);
    } else if (crew->opt.plan->loop == PELT_LOOP_CLOSED) {
        closed_ended(crew, vu, now_ns);
    } else {
        open_ended(crew, vu, now_ns);
    }
}
