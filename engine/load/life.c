/*
 * life: see the header.
 *
 * Invariant: iterations start from pelt_life_begin() only, never inside another begin(): the stack
 * stays flat. A user's entering goes before its first iteration, in the same begin().
 *
 * Users that are to leave lie in a list, oldest first, so that not all of them do so in one turn of
 * the loop.
 */
#include "life.h"

#include <assert.h>
#include <stdlib.h>

#include "closed.h"
#include "crew_internal.h"
#include "open.h"

#define USERS_FIRST_CAP 64

/* ---- making users ---- */

/* Room for one more slot. False: out of memory. */
static bool grow_users(struct pelt_crew *crew)
{
    if (crew->users_len < crew->users_cap) {
        return true;
    }
    uint32_t cap = crew->users_cap > 0 ? crew->users_cap + crew->users_cap / 4 : USERS_FIRST_CAP;
    struct pelt_vu **users = realloc(crew->users, cap * sizeof(*users));
    if (users == NULL) {
        return false;
    }
    crew->users = users;
    crew->users_cap = cap;
    return true;
}

/* In `slot`, which is empty, or its user about to be destroyed. */
static struct pelt_vu *create_user(struct pelt_crew *crew, uint32_t slot)
{
    const uint64_t n = crew->opt.thread + crew->created * crew->opt.threads;
    const uint64_t id = crew->opt.id_from + n * crew->opt.id_step;
    struct pelt_vu *vu = crew->opt.ops->create(crew->opt.ops_ctx, id);
    if (vu != NULL) {
        *vu = (struct pelt_vu){.crew = crew,
                               .timer = {.fn = pelt_closed_on_paced},
                               .id = id,
                               .part = crew->opt.part,
                               .arrivals_before = crew->opt.arrivals_before,
                               .slot = slot,
                               .open = pelt_crew_is_open(crew)};
        crew->users[slot] = vu;
        crew->created++;
    }
    return vu;
}

struct pelt_vu *pelt_life_add(struct pelt_crew *crew)
{
    struct pelt_vu *vu = grow_users(crew) ? create_user(crew, crew->users_len) : NULL;
    crew->users_len += vu != NULL;
    return vu;
}

struct pelt_vu *pelt_life_replace(struct pelt_crew *crew, struct pelt_vu *old)
{
    struct pelt_vu *vu = create_user(crew, old->slot);
    if (vu != NULL) {
        crew->opt.ops->destroy(old);
    }
    return vu;
}

/* ---- coming, and iterations ---- */

/* The user's code is about to run, or has ended. */
static void set_running(struct pelt_crew *crew, struct pelt_vu *vu, bool running)
{
    vu->running = running;
    crew->running += running ? 1u : -1u;
}

static void iterate(struct pelt_crew *crew, struct pelt_vu *vu, uint64_t now_ns)
{
    if (crew->opt.budget != NULL && !pelt_budget_take(crew->opt.budget)) {
        pelt_crew_spend(crew, now_ns);
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
    pelt_life_leave(crew, vu, now_ns);
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

void pelt_life_begin(struct pelt_crew *crew, struct pelt_vu *vu, uint64_t due_ns, uint64_t now_ns)
{
    assert(!crew->in_begin);
    assert(!crew->stopping);
    assert(!vu->running);
    assert(!vu->stopped);
    vu->due_ns = due_ns;
    if (vu->phase == PELT_VU_IN) {
        iterate(crew, vu, now_ns);
    } else if (crew->opt.budget != NULL && pelt_budget_spent(crew->opt.budget)) {
        pelt_crew_spend(crew, now_ns);
    } else {
        enter(crew, vu, now_ns);
    }
}

/* ---- going ---- */

void pelt_life_keep_all(struct pelt_crew *crew)
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
        pelt_life_keep_all(crew);
    }
}

static void left(struct pelt_crew *crew, struct pelt_vu *vu, uint64_t now_ns)
{
    vu->phase = crew->cancelled ? PELT_VU_LEAVING : PELT_VU_GONE;
    if (crew->stopping) {
        pelt_crew_tell_when_idle(crew);
    } else if (vu->open) {
        pelt_open_left(crew, vu, now_ns);
    } else {
        pelt_closed_left(crew, vu, now_ns);
    }
}

bool pelt_life_leave(struct pelt_crew *crew, struct pelt_vu *vu, uint64_t now_ns)
{
    const struct pelt_vu_ops *ops = crew->opt.ops;
    const bool inside = crew->in_begin;
    if (crew->cancelled) {
        pelt_crew_tell_when_idle(crew);
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

void pelt_life_hurry(struct pelt_crew *crew, uint32_t from, uint32_t to, uint64_t now_ns)
{
    for (uint32_t i = from; crew->opt.ops->hurry != NULL && i < to; i++) {
        if (crew->users[i]->running) {
            crew->opt.ops->hurry(crew->users[i], now_ns);
        }
    }
}

/* So many at a time as have something to do. */
void pelt_life_serve_leaving(struct pelt_crew *crew, uint64_t now_ns)
{
    for (uint32_t n = 0; n < PELT_CREW_BATCH && crew->leaving != NULL;) {
        struct pelt_vu *vu = crew->leaving;
        crew->leaving = vu->next;
        if (crew->leaving == NULL) {
            crew->leaving_end = &crew->leaving;
        }
        n += pelt_life_leave(crew, vu, now_ns);
    }
    arm_leaving(crew, now_ns);
}

void pelt_life_send_away(struct pelt_crew *crew, uint32_t first, uint64_t now_ns)
{
    for (uint32_t i = first; i < crew->users_len; i++) {
        struct pelt_vu *vu = crew->users[i];
        if (vu->phase == PELT_VU_IN && !vu->running) {
            pelt_timerq_remove(crew->opt.timers, &vu->timer);
            leaving_push(crew, vu);
        }
    }
    arm_leaving(crew, now_ns);
}

/* ---- what ended ---- */

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
        pelt_open_stop_when_served(crew, now_ns);
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
        pelt_life_leave(crew, vu, now_ns);
    } else if (pelt_crew_is_open(crew)) {
        pelt_open_ended(crew, vu, now_ns);
    } else {
        pelt_closed_ended(crew, vu, now_ns);
    }
}
