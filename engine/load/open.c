/*
 * open: see the header.
 *
 * Each user is running, in the idle list, or retired (stopped; replaced when a new one is needed).
 * A user is taken for an arrival only while nobody waits, or from a timer: who waits is served in
 * the order of arriving.
 *
 * Making a user with its connection costs some ten times what an iteration does. So a timer's run
 * makes MADE_A_RUN at most, and the sockets are read before the next ones: where many arrivals are
 * due at once, most are served by users who come free meanwhile. Made for each of them, users would
 * come more slowly than arrivals, and a thread that was late once would be so for seconds.
 */
#include "open.h"

#include "crew_internal.h"
#include "life.h"
#include "pelt/clock.h"

#define MADE_A_RUN 4

/* ---- users ---- */

static void idle_push(struct pelt_crew *crew, struct pelt_vu *vu)
{
    vu->next = crew->open.idle;
    crew->open.idle = vu;
}

static bool can_make(const struct pelt_crew *crew)
{
    return crew->users_len < crew->users_most || crew->open.retired != NULL;
}

static bool user_free(const struct pelt_crew *crew)
{
    return crew->open.idle != NULL || can_make(crew);
}

/* Now, rather than behind the next look at the sockets. */
static bool user_ready(const struct pelt_crew *crew)
{
    return crew->open.idle != NULL || (crew->open.made < MADE_A_RUN && can_make(crew));
}

/* A new user in the place of one that stopped. */
static struct pelt_vu *replace_retired(struct pelt_crew *crew)
{
    struct pelt_vu *next = crew->open.retired->next;
    struct pelt_vu *vu = pelt_life_replace(crew, crew->open.retired);
    if (vu != NULL) {
        crew->open.retired = next;
        crew->open.retired_len--;
    }
    return vu;
}

/* user_free() said yes; NULL: out of memory. */
static struct pelt_vu *take_user(struct pelt_crew *crew)
{
    struct pelt_vu *vu = crew->open.idle;
    if (vu != NULL) {
        crew->open.idle = vu->next;
        return vu;
    }
    crew->open.made++;
    return crew->open.retired != NULL ? replace_retired(crew) : pelt_life_add(crew);
}

/* ---- the end ---- */

/* The plan has come to its end, by time or by iterations, and every arrival of it has been drawn:
 * nothing arrives any more. */
static bool all_arrived(const struct pelt_crew *crew, uint64_t now_ns)
{
    return crew->open.next.due_ns == PELT_NEVER &&
           (now_ns >= crew->opt.start_ns + crew->length_ns ||
            pelt_arrivals_used_up(&crew->open.arrivals));
}

void pelt_open_stop_when_served(struct pelt_crew *crew, uint64_t now_ns)
{
    if (crew->open.waiting.len == 0 && crew->entering == 0 && all_arrived(crew, now_ns)) {
        if (now_ns < crew->opt.start_ns + crew->length_ns) {
            pelt_crew_spend(crew, now_ns);
        } else {
            pelt_crew_stop(crew, now_ns);
        }
    }
}

/* ---- arrivals ---- */

/* The arrival that has waited longest. */
static struct pelt_arrival pop_waiting(struct pelt_crew *crew, uint64_t now_ns)
{
    pelt_recorder_waiting(crew->opt.recorder, -1, now_ns);
    return pelt_waiting_pop(&crew->open.waiting);
}

static void serve(struct pelt_crew *crew, struct pelt_arrival a, uint64_t now_ns)
{
    struct pelt_vu *vu = take_user(crew);
    if (vu == NULL) {
        pelt_recorder_dropped(crew->opt.recorder, now_ns);
        pelt_crew_out_of_memory(crew, now_ns);
        return;
    }
    vu->arrival = a.k;
    pelt_life_begin(crew, vu, a.due_ns, now_ns);
}

static bool wait_for_user(struct pelt_crew *crew, struct pelt_arrival a, uint64_t now_ns)
{
    if (!pelt_waiting_push(&crew->open.waiting, a)) {
        return false;
    }
    pelt_recorder_waiting(crew->opt.recorder, 1, now_ns);
    if (user_free(crew)) {
        pelt_crew_arm_ready(crew, now_ns);
    }
    return true;
}

/* None is dropped while a user can be had for it. */
static void arrive(struct pelt_crew *crew, struct pelt_arrival a, uint64_t now_ns)
{
    pelt_recorder_arrival(crew->opt.recorder, now_ns - a.due_ns, now_ns);
    if (crew->open.waiting.len == 0 && user_ready(crew)) {
        serve(crew, a, now_ns);
    } else if (wait_for_user(crew, a, now_ns)) {
        return;
    } else if (!user_free(crew)) {
        pelt_recorder_dropped(crew->opt.recorder, now_ns);
    } else if (crew->open.waiting.len == 0) {
        serve(crew, a, now_ns);
    } else {
        serve(crew, pop_waiting(crew, now_ns), now_ns);
        if (crew->stopping || !wait_for_user(crew, a, now_ns)) {
            pelt_recorder_dropped(crew->opt.recorder, now_ns);
        }
    }
}

static void draw_next(struct pelt_crew *crew)
{
    uint64_t due_ns;
    bool more;
    if (crew->opt.may_split &&
        !crew->open.dry) { /* else it has gone on to this crew's next one, which is not known yet */
        crew->open.before = crew->open.arrivals;
    }
    do {
        more = pelt_arrivals_next(&crew->open.arrivals, &crew->open.next.k, &due_ns);
    } while (more && due_ns < crew->opt.from_ns);
    crew->open.dry = !more;
    crew->open.next.due_ns = more ? crew->opt.start_ns + due_ns : PELT_NEVER;
}

void pelt_open_follow(struct pelt_crew *crew, uint64_t now_ns)
{
    const uint64_t end_ns = crew->opt.start_ns + crew->length_ns;
    crew->open.made = 0;
    for (uint32_t n = 0; n < PELT_CREW_BATCH && crew->open.next.due_ns <= now_ns && !crew->stopping;
         n++) {
        struct pelt_arrival a = crew->open.next;
        draw_next(crew);
        arrive(crew, a, now_ns);
    }
    if (crew->stopping) {
        return;
    }
    if (all_arrived(crew, now_ns)) {
        pelt_open_stop_when_served(crew, now_ns);
    } else {
        pelt_crew_arm(crew, &crew->plan_timer,
                      crew->open.next.due_ns < end_ns ? crew->open.next.due_ns : end_ns, now_ns);
    }
}

/* Who was due and has not been seen yet, because the loop was late, arrives only to be dropped: the
 * plan's arrivals up to a stop are all accounted for. */
static void drop_due(struct pelt_crew *crew, uint64_t now_ns)
{
    while (crew->open.next.due_ns <= now_ns) {
        pelt_recorder_arrival(crew->opt.recorder, now_ns - crew->open.next.due_ns, now_ns);
        pelt_recorder_dropped(crew->opt.recorder, now_ns);
        crew->open.unseen++;
        draw_next(crew);
    }
}

static void drop_waiting(struct pelt_crew *crew, uint64_t now_ns)
{
    while (crew->open.waiting.len > 0) {
        pop_waiting(crew, now_ns);
        pelt_recorder_dropped(crew->opt.recorder, now_ns);
    }
}

void pelt_open_serve_waiting(struct pelt_crew *crew, uint64_t now_ns)
{
    crew->open.made = 0;
    for (uint32_t n = 0; n < PELT_CREW_BATCH && crew->open.waiting.len > 0 && user_ready(crew);
         n++) {
        serve(crew, pop_waiting(crew, now_ns), now_ns);
    }
    if (crew->open.waiting.len > 0 && user_free(crew)) {
        pelt_crew_arm_ready(crew, now_ns);
    }
    pelt_open_stop_when_served(crew, now_ns);
}

void pelt_open_ended(struct pelt_crew *crew, struct pelt_vu *vu, uint64_t now_ns)
{
    if (!vu->stopped && !crew->in_begin && crew->open.waiting.len > 0) {
        struct pelt_arrival a = pop_waiting(crew, now_ns);
        vu->arrival = a.k;
        pelt_life_begin(crew, vu, a.due_ns, now_ns);
        pelt_open_stop_when_served(crew, now_ns);
        return;
    }
    if (vu->stopped) {
        pelt_life_leave(crew, vu, now_ns);
        return;
    }
    idle_push(crew, vu);
    if (crew->open.waiting.len > 0) {
        pelt_crew_arm_ready(crew, now_ns);
    }
}

void pelt_open_left(struct pelt_crew *crew, struct pelt_vu *vu, uint64_t now_ns)
{
    vu->next = crew->open.retired;
    crew->open.retired = vu;
    crew->open.retired_len++;
    if (crew->open.waiting.len > 0) {
        pelt_crew_arm_ready(crew, now_ns);
    }
}

/* ---- the plan's course ---- */

void pelt_open_init(struct pelt_crew *crew)
{
    const struct pelt_crew_options *opt = &crew->opt;
    const uint32_t users = pelt_crew_share(crew, opt->plan->users_max);
    crew->users_most = users > 0 ? users : 1;
    crew->open.waiting.most = pelt_crew_share(crew, opt->plan->waiting_max);
    pelt_arrivals_init(&crew->open.arrivals, opt->plan, opt->seed, opt->thread, opt->threads);
    crew->open.before = crew->open.arrivals;
    crew->open.next.due_ns = PELT_NEVER; /* none drawn before the start */
}

void pelt_open_deinit(struct pelt_crew *crew)
{
    pelt_waiting_deinit(&crew->open.waiting);
}

void pelt_open_draw(struct pelt_crew *crew)
{
    if (crew->open.next.due_ns == PELT_NEVER && !crew->open.held) {
        draw_next(crew);
    }
}

void pelt_open_split(struct pelt_crew *crew, const struct pelt_crew *from)
{
    struct pelt_arrivals_iter *it = &crew->open.arrivals;
    *it = from->open.before;
    it->plan = crew->opt.plan;
    it->part = crew->opt.thread;
    it->parts = crew->opt.threads;
}

void pelt_open_forget(struct pelt_crew *crew, uint64_t t_ns)
{
    crew->open.arrivals.stage -= pelt_arrivals_forget(&crew->open.before, &crew->live, t_ns);
}

/* Rounded to the end, which a plan does not contain; or behind it. */
static void drop_behind_end(struct pelt_crew *crew)
{
    struct pelt_arrival *next = &crew->open.next;
    if (next->due_ns != PELT_NEVER && next->due_ns >= crew->opt.start_ns + crew->length_ns) {
        next->due_ns = PELT_NEVER;
    }
}

void pelt_open_closed(struct pelt_crew *crew)
{
    pelt_arrivals_closed(&crew->open.arrivals);
    pelt_arrivals_closed(&crew->open.before);
    drop_behind_end(crew);
}

void pelt_open_cut(struct pelt_crew *crew)
{
    crew->open.arrivals.end_ns = crew->length_ns;
    drop_behind_end(crew);
}

/* What was due before the turn stays so. An arrival that was drawn and has no place in the plan any
 * more is held: the next turn may have one. */
void pelt_open_turned(struct pelt_crew *crew, uint64_t at_ns)
{
    struct pelt_arrivals_iter *it = &crew->open.arrivals;
    struct pelt_arrival *next = &crew->open.next;
    const bool drawn = next->due_ns != PELT_NEVER || crew->open.held;
    uint64_t due_ns = 0;
    it->plan = crew->opt.plan;
    const bool due = pelt_arrivals_turned(it, &due_ns);
    crew->open.before.plan = crew->opt.plan;
    crew->open.before.stage = 0;
    crew->open.before.stage_x = 0;
    crew->open.before.stage_ns = 0;
    if (drawn && next->due_ns >= crew->opt.start_ns + at_ns) {
        next->due_ns = due ? crew->opt.start_ns + due_ns : PELT_NEVER;
        crew->open.held = !due;
    }
}

void pelt_open_stop(struct pelt_crew *crew, uint64_t now_ns)
{
    if (user_free(crew)) { /* they wait for this thread, not for a user */
        crew->open.unseen += crew->open.waiting.len;
    }
    crew->open.idle = NULL;
    drop_waiting(crew, now_ns);
    drop_due(crew, now_ns);
}
