/*
 * closed: see the header.
 *
 * Slot i holds user thread + i * threads. Slots below `begun` have been started: each is running,
 * in the ready list, paused (its own timer), or stopped. Slots from `begun` up to `active` wait for
 * the ready timer; those behind are parked (or run their last iteration). Slots from `wanted` on
 * will not be needed again: who is parked there leaves.
 */
#include "closed.h"

#include <math.h>
#include <stddef.h>

#include "crew_internal.h"
#include "life.h"
#include "pelt/clock.h"

#define LOOK_NS (50 * PELT_NS_PER_MS) /* how often a shared budget is looked at */

static void ready_clear(struct pelt_crew *crew)
{
    crew->closed.ready = NULL;
    crew->closed.ready_end = &crew->closed.ready;
    crew->closed.ready_len = 0;
}

static void ready_push(struct pelt_crew *crew, struct pelt_vu *vu)
{
    vu->next = NULL;
    *crew->closed.ready_end = vu;
    crew->closed.ready_end = &vu->next;
    crew->closed.ready_len++;
}

static struct pelt_vu *ready_pop(struct pelt_crew *crew)
{
    struct pelt_vu *vu = crew->closed.ready;
    crew->closed.ready = vu->next;
    if (crew->closed.ready == NULL) {
        crew->closed.ready_end = &crew->closed.ready;
    }
    crew->closed.ready_len--;
    return vu;
}

/* Users from `active` on are parked, also those that were to be started again; whom the rest of the
 * plan does not want leaves. */
static void shrink(struct pelt_crew *crew, uint64_t now_ns)
{
    pelt_life_hurry(crew, crew->closed.active, crew->closed.begun, now_ns);
    crew->closed.begun = crew->closed.active;
    struct pelt_vu *vu = crew->closed.ready;
    ready_clear(crew);
    while (vu != NULL) {
        struct pelt_vu *next = vu->next;
        if (vu->slot < crew->closed.begun) {
            ready_push(crew, vu);
        }
        vu = next;
    }
    if (crew->opt.ops->leave == NULL || crew->given != NULL) {
        return; /* who knows how a plan that has turned goes on */
    }
    uint64_t t_ns = now_ns - crew->opt.start_ns;
    crew->closed.wanted = pelt_crew_shared_out(crew, pelt_plan_users_from(crew->opt.plan, t_ns));
    pelt_life_send_away(crew, crew->closed.wanted, now_ns);
}

/* A user comes in with the plan. It may still run its last iteration of an earlier time; then that
 * goes on. */
static void begin_slot(struct pelt_crew *crew, uint32_t slot, uint64_t now_ns)
{
    struct pelt_vu *vu = slot < crew->users_len ? crew->users[slot] : pelt_life_add(crew);
    if (vu == NULL) {
        crew->closed.begun = slot;
        pelt_crew_out_of_memory(crew, now_ns);
    } else if (!vu->running && !vu->stopped && vu->timer.slot == 0) {
        vu->pace_ns = now_ns;
        pelt_life_begin(crew, vu, now_ns, now_ns);
    }
}

void pelt_closed_serve_ready(struct pelt_crew *crew, uint64_t now_ns)
{
    /* Who ends at once comes back to the list's end; it waits for the next run. */
    const uint32_t again = crew->closed.ready_len;
    uint32_t n = 0;
    for (; n < again && n < PELT_CREW_BATCH && crew->closed.ready != NULL; n++) {
        pelt_life_begin(crew, ready_pop(crew), now_ns, now_ns);
    }
    for (; n < PELT_CREW_BATCH && crew->closed.begun < crew->closed.active && !crew->stopping;
         n++) {
        begin_slot(crew, crew->closed.begun++, now_ns);
    }
    if (!crew->stopping &&
        (crew->closed.ready_len > 0 || crew->closed.begun < crew->closed.active)) {
        pelt_crew_arm_ready(crew, now_ns);
    }
}

void pelt_closed_follow(struct pelt_crew *crew, uint64_t now_ns)
{
    const struct pelt_plan *plan = crew->opt.plan;
    const uint64_t t_ns = now_ns - crew->opt.start_ns;
    /* The second that ends here has the users that it had, not those who come at its edge. */
    pelt_recorder_turn(crew->opt.recorder, now_ns);
    bool spent = crew->opt.budget != NULL && pelt_budget_spent(crew->opt.budget);
    bool nobody = plan->endless && crew->users_most == 0;
    if (t_ns >= crew->length_ns || nobody) {
        pelt_crew_stop(crew, now_ns);
        return;
    }
    if (spent) {
        pelt_crew_spend(crew, now_ns);
        return;
    }
    uint64_t change_ns = pelt_plan_next_change(plan, t_ns);
    uint64_t wake_ns = change_ns < crew->length_ns ? change_ns : crew->length_ns;
    if (crew->opt.budget != NULL && wake_ns > t_ns + LOOK_NS) {
        wake_ns = t_ns + LOOK_NS;
    }
    pelt_crew_arm(crew, &crew->plan_timer, crew->opt.start_ns + wake_ns, now_ns);
    crew->closed.active = pelt_crew_shared_out(crew, pelt_plan_users_at(plan, t_ns));
    if (crew->closed.begun > crew->closed.active) {
        shrink(crew, now_ns);
    }
    pelt_closed_serve_ready(crew, now_ns);
}

/* The user waits for its next iteration, or is late for it. */
static void pause_user(struct pelt_crew *crew, struct pelt_vu *vu, uint64_t now_ns)
{
    const struct pelt_plan *plan = crew->opt.plan;
    uint64_t next_ns = now_ns + plan->think_ns + vu->think_ns;
    if (plan->pacing_ns > 0) {
        uint64_t due_ns = vu->pace_ns + plan->pacing_ns;
        crew->closed.paced_len++;
        crew->closed.late_len += now_ns > due_ns; /* think time is as long as it was meant to be */
        next_ns = next_ns > due_ns ? next_ns : due_ns;
    }
    vu->pace_ns = next_ns;
    if (next_ns > now_ns || crew->in_begin) {
        pelt_crew_arm(crew, &vu->timer, next_ns, now_ns);
    } else {
        pelt_life_begin(crew, vu, now_ns, now_ns);
    }
}

void pelt_closed_on_paced(struct pelt_timer *timer, uint64_t now_ns)
{
    struct pelt_vu *vu =
        (struct pelt_vu *)(void *)((char *)timer - offsetof(struct pelt_vu, timer));
    if (vu->slot < vu->crew->closed.begun) { /* else it was parked meanwhile */
        pelt_life_begin(vu->crew, vu, now_ns, now_ns);
    }
}

void pelt_closed_ended(struct pelt_crew *crew, struct pelt_vu *vu, uint64_t now_ns)
{
    if (vu->stopped) {
        pelt_life_leave(crew, vu, now_ns);
    } else if (vu->slot >= crew->closed.begun) { /* parked */
        if (vu->slot >= crew->closed.wanted) {
            pelt_life_leave(crew, vu, now_ns);
        }
    } else if (crew->closed.paced) {
        pause_user(crew, vu, now_ns);
    } else if (crew->in_begin) {
        ready_push(crew, vu);
        pelt_crew_arm_ready(crew, now_ns);
    } else {
        pelt_life_begin(crew, vu, now_ns, now_ns);
    }
}

void pelt_closed_left(struct pelt_crew *crew, struct pelt_vu *vu, uint64_t now_ns)
{
    if (vu->stopped && ++crew->closed.stopped == crew->users_most) {
        pelt_crew_stop(crew, now_ns);
    }
}

void pelt_closed_init(struct pelt_crew *crew)
{
    const struct pelt_plan *plan = crew->opt.plan;
    crew->users_most = pelt_crew_shared_out(crew, (uint64_t)floor(pelt_plan_peak(plan) + 0.5));
    crew->closed.wanted = UINT32_MAX;
    crew->closed.paced = plan->pacing_ns > 0 || plan->think_ns > 0 || plan->think_drawn;
    ready_clear(crew);
}

void pelt_closed_turned(struct pelt_crew *crew)
{
    const uint32_t most =
        pelt_crew_shared_out(crew, (uint64_t)floor(pelt_plan_peak(crew->opt.plan) + 0.5));
    crew->users_most = most > crew->users_most ? most : crew->users_most;
    crew->closed.wanted = UINT32_MAX;
}

void pelt_closed_stop(struct pelt_crew *crew)
{
    ready_clear(crew);
}

uint32_t pelt_closed_users(const struct pelt_crew *crew)
{
    uint32_t users = 0;
    for (uint32_t i = 0; i < crew->closed.begun; i++) {
        users += !crew->users[i]->stopped;
    }
    return (users + crew->in_flight - 1) / crew->in_flight;
}
