/*
 * crew: see the header. What both loops have in common is here and in life.c (a user's course);
 * how the loops differ is in closed.c and open.c.
 *
 * Two timers: `plan` follows the plan (the next change of users, or the next arrival), `ready`
 * starts what was put off: users who come in with a ramp, users whose iteration ended inside
 * begin(), arrivals that wait while a user came free inside begin(). Each starts at most
 * PELT_CREW_BATCH iterations a run, so that the loop reads its sockets in between.
 */
#include "pelt/crew.h"

#include <assert.h>
#include <stddef.h>
#include <stdlib.h>

#include "closed.h"
#include "crew_internal.h"
#include "life.h"
#include "open.h"
#include "pelt/log.h"

#define STAGES_KEPT 64 /* of a live plan, before old ones are forgotten */

static struct pelt_crew *crew_of(struct pelt_timer *timer, size_t offset)
{
    return (struct pelt_crew *)(void *)((char *)timer - offset);
}

uint32_t pelt_crew_share(const struct pelt_crew *crew, uint64_t total)
{
    const uint64_t thread = crew->opt.thread, threads = crew->opt.threads;
    return (uint32_t)(total > thread ? (total - thread - 1) / threads + 1 : 0);
}

uint32_t pelt_crew_shared_out(const struct pelt_crew *crew, uint64_t users)
{
    return pelt_crew_share(crew, users) * crew->in_flight;
}

void pelt_crew_tell_when_idle(struct pelt_crew *crew)
{
    if (crew->stopping && crew->running == 0 && crew->leaving == NULL && !crew->told) {
        crew->told = true;
        crew->opt.on_idle(crew->opt.on_idle_arg);
    }
}

void pelt_crew_out_of_memory(struct pelt_crew *crew, uint64_t now_ns)
{
    pelt_log(PELT_LOG_ERROR, "load",
             "out of memory with %u users on thread %llu: its load ends here", crew->users_len,
             (unsigned long long)crew->opt.thread);
    crew->starved = true;
    pelt_crew_stop(crew, now_ns);
}

void pelt_crew_arm(struct pelt_crew *crew, struct pelt_timer *timer, uint64_t due_ns,
                   uint64_t now_ns)
{
    if (pelt_timerq_add(crew->opt.timers, timer, due_ns) != PELT_OK) {
        pelt_crew_out_of_memory(crew, now_ns);
    }
}

void pelt_crew_arm_ready(struct pelt_crew *crew, uint64_t now_ns)
{
    if (crew->ready_timer.slot == 0) {
        pelt_crew_arm(crew, &crew->ready_timer, now_ns, now_ns);
    }
}

static void on_plan(struct pelt_timer *timer, uint64_t now_ns)
{
    struct pelt_crew *crew = crew_of(timer, offsetof(struct pelt_crew, plan_timer));
    if (pelt_crew_is_open(crew)) {
        pelt_open_follow(crew, now_ns);
    } else {
        pelt_closed_follow(crew, now_ns);
    }
}

static void on_ready(struct pelt_timer *timer, uint64_t now_ns)
{
    struct pelt_crew *crew = crew_of(timer, offsetof(struct pelt_crew, ready_timer));
    pelt_life_serve_leaving(crew, now_ns);
    if (crew->stopping) {
        return;
    }
    if (pelt_crew_is_open(crew)) {
        pelt_open_serve_waiting(crew, now_ns);
    } else {
        pelt_closed_serve_ready(crew, now_ns);
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
    pelt_life_keep_all(crew);
    if (pelt_crew_is_open(crew)) {
        pelt_open_init(crew);
    } else {
        pelt_closed_init(crew);
    }
    return crew;
}

/* The plan that the other one's has become by turns. */
static enum pelt_status take_turned(struct pelt_crew *crew, const struct pelt_crew *from)
{
    enum pelt_status status = pelt_plan_copy(&crew->live, &from->live);
    crew->given = from->given;
    crew->opt.plan = &crew->live;
    if (status == PELT_OK && !pelt_crew_is_open(crew)) {
        pelt_closed_turned(crew);
    }
    return status;
}

struct pelt_crew *pelt_crew_split(const struct pelt_crew *from, uint64_t thread, uint64_t threads,
                                  uint64_t from_ns)
{
    assert(from->opt.may_split);
    struct pelt_crew_options options = from->opt;
    options.plan = from->given != NULL ? from->given : from->opt.plan;
    options.thread = thread;
    options.threads = threads;
    options.from_ns = from_ns;
    struct pelt_crew *crew = pelt_crew_new(&options);
    if (crew != NULL && from->given != NULL && take_turned(crew, from) != PELT_OK) {
        pelt_crew_free(crew);
        return NULL;
    }
    if (crew != NULL && pelt_crew_is_open(crew)) {
        pelt_open_split(crew, from);
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
    pelt_open_deinit(crew);
    free(crew);
}

/* When the first of its users and arrivals may come. */
static uint64_t begin_ns(const struct pelt_crew *crew)
{
    return crew->opt.start_ns + crew->opt.from_ns;
}

void pelt_crew_start(struct pelt_crew *crew, uint64_t now_ns)
{
    crew->begun_plan = true;
    if (pelt_crew_is_open(crew)) {
        pelt_open_draw(crew);
    }
    pelt_crew_arm(crew, &crew->plan_timer, begin_ns(crew), now_ns);
}

/* The plan has become another: it is looked at again. */
static void follow_anew(struct pelt_crew *crew, uint64_t now_ns)
{
    if (crew->begun_plan && !crew->stopping) {
        if (pelt_crew_is_open(crew)) {
            pelt_open_draw(crew);
        }
        pelt_crew_arm(crew, &crew->plan_timer, now_ns > begin_ns(crew) ? now_ns : begin_ns(crew),
                      now_ns);
    }
}

static void forget_past(struct pelt_crew *crew, uint64_t now_ns)
{
    const uint64_t start_ns = crew->opt.start_ns;
    const uint64_t t_ns = now_ns > start_ns ? now_ns - start_ns : 0;
    if (crew->live.stages_len < STAGES_KEPT) {
        return;
    }
    if (pelt_crew_is_open(crew)) {
        pelt_open_forget(crew, t_ns);
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
        pelt_crew_out_of_memory(crew, now_ns);
        return status;
    }
    follow_anew(crew, now_ns);
    return PELT_OK;
}

/* The plan becomes the crew's own with the first turn. */
static enum pelt_status turn_plan(struct pelt_crew *crew, uint64_t at_ns, double factor)
{
    enum pelt_status status = PELT_OK;
    if (crew->given == NULL) {
        status = pelt_plan_copy(&crew->live, crew->opt.plan);
        if (status == PELT_OK) {
            crew->given = crew->opt.plan;
            crew->opt.plan = &crew->live;
        }
    }
    return status == PELT_OK ? pelt_plan_turn(&crew->live, crew->given, at_ns, factor) : status;
}

enum pelt_status pelt_crew_turn(struct pelt_crew *crew, uint64_t at_ns, double factor,
                                uint64_t now_ns)
{
    if (turn_plan(crew, at_ns, factor) != PELT_OK) {
        pelt_crew_out_of_memory(crew, now_ns);
        return PELT_ENOMEM;
    }
    if (pelt_crew_is_open(crew)) {
        pelt_open_turned(crew, at_ns);
    } else {
        pelt_closed_turned(crew);
    }
    follow_anew(crew, now_ns);
    return PELT_OK;
}

void pelt_crew_close(struct pelt_crew *crew, uint64_t now_ns)
{
    assert(crew->opt.plan->live);
    pelt_plan_close(&crew->live);
    crew->length_ns = pelt_plan_length_ns(&crew->live);
    if (pelt_crew_is_open(crew)) {
        pelt_open_closed(crew);
    }
    follow_anew(crew, now_ns);
}

void pelt_crew_cut(struct pelt_crew *crew, uint64_t at_ns, uint64_t now_ns)
{
    if (at_ns < crew->length_ns) {
        crew->length_ns = at_ns;
        if (pelt_crew_is_open(crew)) {
            pelt_open_cut(crew);
        }
        follow_anew(crew, now_ns);
    }
}

static void stop(struct pelt_crew *crew, uint64_t now_ns)
{
    crew->stopping = true;
    pelt_timerq_remove(crew->opt.timers, &crew->plan_timer);
    pelt_timerq_remove(crew->opt.timers, &crew->ready_timer);
    if (pelt_crew_is_open(crew)) {
        pelt_open_stop(crew, now_ns);
    } else {
        pelt_closed_stop(crew);
    }
    pelt_life_hurry(crew, 0, crew->users_len, now_ns);
    if (crew->opt.ops->leave != NULL || crew->closed.paced) {
        pelt_life_send_away(crew, 0, now_ns);
    }
    pelt_crew_tell_when_idle(crew);
}

void pelt_crew_stop(struct pelt_crew *crew, uint64_t now_ns)
{
    bool spent = crew->spent;
    crew->spent = false;
    if (!crew->stopping) {
        stop(crew, now_ns);
    } else if (spent) {
        pelt_life_hurry(crew, 0, crew->users_len, now_ns);
    }
}

void pelt_crew_spend(struct pelt_crew *crew, uint64_t now_ns)
{
    if (!crew->stopping) {
        crew->spent = true;
        stop(crew, now_ns);
    }
}

void pelt_crew_cancel(struct pelt_crew *crew, uint64_t now_ns)
{
    pelt_crew_stop(crew, now_ns);
    crew->cancelled = true;
    pelt_life_keep_all(crew);
    pelt_timerq_remove(crew->opt.timers, &crew->ready_timer);
    for (uint32_t i = 0; i < crew->users_len; i++) {
        if (crew->users[i]->running) {
            crew->opt.ops->cancel(crew->users[i], now_ns);
        }
    }
    pelt_crew_tell_when_idle(crew);
}

void *pelt_crew_ops_ctx(const struct pelt_crew *crew)
{
    return crew->opt.ops_ctx;
}

bool pelt_crew_stopping(const struct pelt_crew *crew)
{
    return crew->stopping;
}

static bool is_parked(const struct pelt_vu *vu)
{
    return !pelt_crew_is_open(vu->crew) && vu->slot >= vu->crew->closed.begun;
}

bool pelt_crew_wants(const struct pelt_vu *vu)
{
    return !vu->crew->stopping && !vu->stopped && !is_parked(vu);
}

uint64_t pelt_crew_ends_ns(const struct pelt_vu *vu)
{
    const struct pelt_crew *crew = vu->crew;
    bool stopped = crew->stopping && !crew->spent;
    bool endless = crew->length_ns > PELT_NEVER - crew->opt.start_ns;
    return stopped || is_parked(vu) ? 0
           : endless                ? PELT_NEVER
                                    : crew->opt.start_ns + crew->length_ns;
}

bool pelt_crew_starved(const struct pelt_crew *crew)
{
    return crew->starved;
}

uint32_t pelt_crew_users(const struct pelt_crew *crew)
{
    if (pelt_crew_is_open(crew)) {
        return crew->users_len - crew->open.retired_len;
    }
    return pelt_closed_users(crew);
}

uint32_t pelt_crew_running(const struct pelt_crew *crew)
{
    return crew->running;
}

uint32_t pelt_crew_waiting(const struct pelt_crew *crew)
{
    return crew->open.waiting.len;
}

uint64_t pelt_crew_paced(const struct pelt_crew *crew)
{
    return crew->closed.paced_len;
}

uint64_t pelt_crew_late(const struct pelt_crew *crew)
{
    return crew->closed.late_len;
}

uint64_t pelt_crew_unseen(const struct pelt_crew *crew)
{
    return crew->open.unseen;
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
