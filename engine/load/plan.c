/*
 * plan: see the header. Stages are few (tens, rarely hundreds), so every question walks them from
 * the start; what is asked per arrival keeps a cursor of its own (arrivals.c).
 *
 * Integrals are in arrivals, times inside the formulas in seconds (double), at the edges in ns.
 */
#include "pelt/plan.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "stage.h"
#include "pelt/clock.h"

#define USERS_MAX_DEFAULT   10000
#define WAITING_MAX_DEFAULT 100000
#define GRACE_NS_DEFAULT    (30 * PELT_NS_PER_S)

#define USERS_MOST     1e6
#define RATE_MOST      1e7
#define WAITING_MOST   1000000000u
#define GAMMA_LEAST    1e-3
#define GAMMA_MOST     1e6
#define LENGTH_NS_MOST (UINT64_C(3650) * 86400 * PELT_NS_PER_S)

void pelt_plan_init(struct pelt_plan *plan, enum pelt_loop loop)
{
    *plan = (struct pelt_plan){
        .loop = loop,
        .arrivals = PELT_ARRIVALS_UNIFORM,
        .gamma_shape = 1.0,
        .users_max = USERS_MAX_DEFAULT,
        .waiting_max = WAITING_MAX_DEFAULT,
        .grace_ns = GRACE_NS_DEFAULT,
    };
}

void pelt_plan_deinit(struct pelt_plan *plan)
{
    for (size_t i = 0; i < plan->parts_len; i++) {
        pelt_plan_deinit(&plan->parts[i]);
    }
    free(plan->parts);
    free(plan->stages);
    free(plan->params);
    plan->parts = NULL;
    plan->parts_len = 0;
    plan->stages = NULL;
    plan->stages_len = 0;
    plan->params = NULL;
}

bool pelt_plan_mixed(const struct pelt_plan *plan)
{
    for (size_t i = 1; i < plan->parts_len; i++) {
        if (plan->parts[i].loop != plan->parts[0].loop) {
            return true;
        }
    }
    return false;
}

bool pelt_plan_has_arrivals(const struct pelt_plan *plan)
{
    for (size_t i = 0; i < pelt_plan_parts(plan); i++) {
        if (pelt_plan_part(plan, i)->loop == PELT_LOOP_OPEN) {
            return true;
        }
    }
    return false;
}

static enum pelt_status copy_parts(struct pelt_plan *into, const struct pelt_plan *from)
{
    into->parts = calloc(from->parts_len, sizeof(*from->parts));
    enum pelt_status status = into->parts != NULL ? PELT_OK : PELT_ENOMEM;
    for (size_t i = 0; i < from->parts_len && status == PELT_OK; i++) {
        into->parts_len++;
        status = pelt_plan_copy(&into->parts[i], &from->parts[i]);
    }
    return status;
}

enum pelt_status pelt_plan_copy(struct pelt_plan *into, const struct pelt_plan *from)
{
    *into = *from;
    into->parts = NULL;
    into->parts_len = 0;
    into->stages = NULL;
    into->stages_len = 0;
    into->params = from->params != NULL ? strdup(from->params) : NULL;
    if (from->params != NULL && into->params == NULL) {
        return PELT_ENOMEM;
    }
    if (from->parts_len > 0) {
        return copy_parts(into, from);
    }
    if (from->stages_len == 0) {
        return PELT_OK;
    }
    into->stages = malloc(from->stages_len * sizeof(*from->stages));
    if (into->stages == NULL) {
        return PELT_ENOMEM;
    }
    memcpy(into->stages, from->stages, from->stages_len * sizeof(*from->stages));
    into->stages_len = from->stages_len;
    return PELT_OK;
}

static enum pelt_status add_stage(struct pelt_plan *plan, uint64_t duration_ns, double from,
                                  double to, bool exponential)
{
    struct pelt_stage *stages = realloc(plan->stages, (plan->stages_len + 1) * sizeof(*stages));
    if (stages == NULL) {
        return PELT_ENOMEM;
    }
    if (isnan(from)) {
        from = plan->stages_len > 0 ? stages[plan->stages_len - 1].to : 0.0;
    }
    stages[plan->stages_len++] = (struct pelt_stage){
        .duration_ns = duration_ns, .from = from, .to = to, .exponential = exponential};
    plan->stages = stages;
    return PELT_OK;
}

enum pelt_status pelt_plan_append(struct pelt_plan *plan, const struct pelt_stage *stage)
{
    enum pelt_status status = add_stage(plan, stage->duration_ns, stage->from, stage->to, false);
    if (status == PELT_OK) {
        plan->stages[plan->stages_len - 1] = *stage;
    }
    return status;
}

enum pelt_status pelt_plan_warm_up(struct pelt_plan *plan, uint64_t warmup_ns)
{
    const double level = plan->stages[0].from;
    enum pelt_status status = add_stage(plan, warmup_ns, level, level, false);
    if (status == PELT_OK) {
        struct pelt_stage first = plan->stages[plan->stages_len - 1];
        memcpy(first.part, "warmup", sizeof("warmup"));
        memmove(plan->stages + 1, plan->stages, (plan->stages_len - 1) * sizeof(first));
        plan->stages[0] = first;
        plan->warmup_ns = warmup_ns;
    }
    return status;
}

void pelt_plan_close(struct pelt_plan *plan)
{
    plan->live = false;
}

size_t pelt_plan_forget(struct pelt_plan *plan, uint64_t t_ns, size_t most)
{
    size_t n = 0;
    while (n < most && n < plan->stages_len &&
           plan->past_ns + plan->stages[n].duration_ns <= t_ns) {
        plan->past_ns += plan->stages[n].duration_ns;
        plan->past_x += pelt_stage_area(&plan->stages[n]);
        n++;
    }
    plan->stages_len -= n;
    if (n > 0) {
        memmove(plan->stages, plan->stages + n, plan->stages_len * sizeof(*plan->stages));
    }
    return n;
}

enum pelt_status pelt_plan_add(struct pelt_plan *plan, uint64_t duration_ns, double from, double to)
{
    return add_stage(plan, duration_ns, from, to, false);
}

enum pelt_status pelt_plan_add_exponential(struct pelt_plan *plan, uint64_t duration_ns,
                                           double from, double to)
{
    return add_stage(plan, duration_ns, from, to, true);
}

enum pelt_status pelt_plan_add_endless(struct pelt_plan *plan, double level)
{
    plan->endless = true;
    return add_stage(plan, PELT_PLAN_ENDLESS_NS, level, level, false);
}

/* A level of 0 goes before all others, for `start_ns`. */
static enum pelt_status put_start(struct pelt_plan *plan, uint64_t start_ns)
{
    enum pelt_status status = start_ns > 0 ? pelt_plan_add(plan, start_ns, 0, 0) : PELT_OK;
    if (status == PELT_OK && start_ns > 0) {
        struct pelt_stage wait = plan->stages[plan->stages_len - 1];
        memmove(plan->stages + 1, plan->stages, (plan->stages_len - 1) * sizeof(wait));
        snprintf(wait.part, sizeof(wait.part), "wait");
        plan->stages[0] = wait;
        plan->start_ns = start_ns;
    }
    return status;
}

enum pelt_status pelt_plan_add_part(struct pelt_plan *mix, struct pelt_plan *part, const char *name,
                                    uint64_t start_ns)
{
    struct pelt_plan *parts = realloc(mix->parts, (mix->parts_len + 1) * sizeof(*parts));
    if (parts == NULL) {
        pelt_plan_deinit(part);
        return PELT_ENOMEM;
    }
    mix->parts = parts;
    snprintf(part->name, sizeof(part->name), "%s", name);
    const bool first = mix->parts_len == 0;
    mix->loop = !first && mix->loop == PELT_LOOP_CLOSED ? PELT_LOOP_CLOSED : part->loop;
    mix->grace_ns = first || part->grace_ns > mix->grace_ns ? part->grace_ns : mix->grace_ns;
    mix->endless = mix->endless || part->endless;
    parts[mix->parts_len] = *part;
    return put_start(&parts[mix->parts_len++], start_ns);
}

static const char *level_unit(const struct pelt_plan *plan)
{
    return plan->loop == PELT_LOOP_OPEN ? "/s" : " users";
}

static enum pelt_status validate_stages(const struct pelt_plan *plan, struct pelt_error *err)
{
    const double most = plan->loop == PELT_LOOP_OPEN ? RATE_MOST : USERS_MOST;
    uint64_t left_ns = LENGTH_NS_MOST;
    if (plan->live && !(plan->level_max <= most)) {
        return pelt_fail(err, PELT_EINVAL, "load: at most %g%s; a level lies between 0 and %.0f",
                         plan->level_max, level_unit(plan), most);
    }
    if (plan->live && plan->length_max_ns > left_ns) {
        return pelt_fail(err, PELT_EINVAL, "load: it may last longer than 10 years");
    }
    for (size_t i = 0; i < plan->stages_len; i++) {
        const struct pelt_stage *s = &plan->stages[i];
        if (!(s->from >= 0 && s->from <= most && s->to >= 0 && s->to <= most)) {
            return pelt_fail(
                err, PELT_EINVAL,
                "load: stage %zu goes from %g to %g%s; a level lies between 0 and %.0f", i + 1,
                s->from, s->to, level_unit(plan), most);
        }
        if (s->exponential && !(s->from > 0 && s->to > 0)) {
            return pelt_fail(err, PELT_EINVAL,
                             "load: stage %zu is exponential and goes from %g to %g%s: by factors "
                             "no level comes from 0 or falls to it; begin at 1, or make it linear",
                             i + 1, s->from, s->to, level_unit(plan));
        }
        if (s->duration_ns > left_ns) {
            return pelt_fail(err, PELT_EINVAL, "load: it lasts longer than 10 years");
        }
        left_ns -= s->duration_ns;
    }
    return PELT_OK;
}

static enum pelt_status validate_open(const struct pelt_plan *plan, struct pelt_error *err)
{
    if (plan->users_max < 1 || plan->users_max > (uint64_t)USERS_MOST) {
        return pelt_fail(err, PELT_EINVAL,
                         "load: the pool of users is %" PRIu64 "; it may be 1 to %.0f",
                         plan->users_max, USERS_MOST);
    }
    if (plan->waiting_max > WAITING_MOST) {
        return pelt_fail(err, PELT_EINVAL, "load: %" PRIu64 " arrivals may wait; at most %u can",
                         plan->waiting_max, WAITING_MOST);
    }
    bool gamma = plan->arrivals == PELT_ARRIVALS_GAMMA;
    if (gamma && !(plan->gamma_shape >= GAMMA_LEAST && plan->gamma_shape <= GAMMA_MOST)) {
        return pelt_fail(err, PELT_EINVAL,
                         "load: gamma shape %g; it may be %g to %g (1 is poisson)",
                         plan->gamma_shape, GAMMA_LEAST, GAMMA_MOST);
    }
    if (plan->pacing_ns > 0 || plan->think_ns > 0 || plan->think_drawn) {
        return pelt_fail(err, PELT_EINVAL,
                         "%s: it is for users who come back (users = 20); with a rate the arrivals "
                         "say when an iteration starts",
                         plan->pacing_ns > 0 ? "pacing" : "think");
    }
    return PELT_OK;
}

static enum pelt_status validate_end(const struct pelt_plan *plan, struct pelt_error *err)
{
    if (plan->endless && pelt_plan_iterations(plan) == 0) {
        return pelt_fail(err, PELT_EINVAL,
                         "load: nothing ends it; give a duration, like 30s, or iterations");
    }
    return PELT_OK;
}

static enum pelt_status validate_parts(const struct pelt_plan *plan, struct pelt_error *err)
{
    for (size_t i = 0; i < plan->parts_len; i++) {
        struct pelt_error why;
        enum pelt_status status = pelt_plan_validate(&plan->parts[i], &why);
        if (status != PELT_OK) {
            return pelt_fail(err, status, "%s: %.900s", plan->parts[i].name, why.text);
        }
    }
    return PELT_OK;
}

enum pelt_status pelt_plan_validate(const struct pelt_plan *plan, struct pelt_error *err)
{
    if (plan->parts_len > 0) {
        return validate_parts(plan, err);
    }
    if (plan->stages_len == 0 && !plan->live) {
        return pelt_fail(err, PELT_EINVAL,
                         "load: it is empty; give users or a rate, and a duration");
    }
    enum pelt_status status = validate_stages(plan, err);
    if (status == PELT_OK && plan->loop == PELT_LOOP_OPEN) {
        status = validate_open(plan, err);
    }
    if (status == PELT_OK) {
        status = validate_end(plan, err);
    }
    if (status != PELT_OK) {
        return status;
    }
    if (pelt_plan_length_ns(plan) == 0) {
        return pelt_fail(err, PELT_EINVAL, "load: its duration is 0; give one, like 30s");
    }
    /* Below half a user the level rounds to nobody. */
    const double least = plan->loop == PELT_LOOP_OPEN ? 0.0 : 0.5;
    if (!(pelt_plan_peak(plan) > 0 && pelt_plan_peak(plan) >= least)) {
        return pelt_fail(err, PELT_EINVAL, "load: its level never rises above %g%s",
                         pelt_plan_peak(plan), level_unit(plan));
    }
    return PELT_OK;
}

uint64_t pelt_plan_length_ns(const struct pelt_plan *plan)
{
    return plan->live ? plan->length_max_ns : pelt_plan_known_ns(plan);
}

uint64_t pelt_plan_known_ns(const struct pelt_plan *plan)
{
    uint64_t length_ns = plan->past_ns;
    for (size_t i = 0; i < plan->stages_len; i++) {
        length_ns += plan->stages[i].duration_ns;
    }
    for (size_t i = 0; i < plan->parts_len; i++) {
        uint64_t part_ns = pelt_plan_length_ns(&plan->parts[i]);
        length_ns = part_ns > length_ns ? part_ns : length_ns;
    }
    return length_ns;
}

double pelt_plan_peak(const struct pelt_plan *plan)
{
    double peak = plan->live ? plan->level_max : 0.0;
    for (size_t i = 0; i < plan->stages_len; i++) {
        const struct pelt_stage *s = &plan->stages[i];
        if (s->duration_ns > 0) {
            peak = fmax(peak, fmax(s->from, s->to));
        }
    }
    for (size_t i = 0; i < plan->parts_len; i++) {
        peak += plan->parts[i].loop == plan->loop ? pelt_plan_peak(&plan->parts[i]) : 0;
    }
    return peak;
}

static uint64_t whole_users(double level)
{
    return (uint64_t)floor(level + 0.5);
}

/* Of all loads; 0 if one of them has no limit. */
static uint64_t iterations_of_parts(const struct pelt_plan *plan)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < plan->parts_len; i++) {
        uint64_t most = pelt_plan_iterations(&plan->parts[i]);
        if (most == 0) {
            return 0;
        }
        sum = most > UINT64_MAX - sum ? UINT64_MAX : sum + most;
    }
    return sum;
}

uint64_t pelt_plan_iterations(const struct pelt_plan *plan)
{
    if (plan->parts_len > 0) {
        return iterations_of_parts(plan);
    }
    uint64_t each = 0;
    if (plan->loop == PELT_LOOP_CLOSED && plan->iterations_per_user > 0) {
        uint64_t users = whole_users(pelt_plan_peak(plan));
        bool countless = users > 0 && plan->iterations_per_user > UINT64_MAX / users;
        each = countless ? UINT64_MAX : users * plan->iterations_per_user;
    }
    return plan->iterations == 0 || (each > 0 && each < plan->iterations) ? each : plan->iterations;
}

double pelt_plan_level_factor(const struct pelt_plan *plan)
{
    return plan->level_factor > 0 ? plan->level_factor : 1;
}

void pelt_plan_scale_peak(struct pelt_plan *plan, double peak)
{
    const double old = pelt_plan_peak(plan);
    if (plan->live) {
        if (strcmp(plan->kind, "stress") != 0) {
            plan->level_factor = peak / plan->level_max * pelt_plan_level_factor(plan);
        }
        plan->level_max = peak;
        return;
    }
    for (size_t i = 0; i < plan->stages_len && old > 0; i++) {
        struct pelt_stage *s = &plan->stages[i];
        /* Divided first, so that the largest level becomes `peak` exactly. */
        s->from = s->from / old * peak;
        s->to = s->to / old * peak;
    }
}

/* All by the same factor; what only its iterations end is cut. */
static void scale_parts(struct pelt_plan *plan, uint64_t length_ns)
{
    uint64_t longest_ns = 0;
    for (size_t i = 0; i < plan->parts_len; i++) {
        uint64_t part_ns = plan->parts[i].endless ? 0 : pelt_plan_length_ns(&plan->parts[i]);
        longest_ns = part_ns > longest_ns ? part_ns : longest_ns;
    }
    for (size_t i = 0; i < plan->parts_len; i++) {
        struct pelt_plan *part = &plan->parts[i];
        const uint64_t part_ns = pelt_plan_length_ns(part);
        pelt_plan_scale_length(
            part, part->endless ? length_ns
                                : (uint64_t)((unsigned __int128)part_ns * length_ns / longest_ns));
    }
    plan->endless = false;
}

void pelt_plan_scale_length(struct pelt_plan *plan, uint64_t length_ns)
{
    uint64_t end_ns = 0, scaled_ns = 0;
    if (plan->parts_len > 0) {
        scale_parts(plan, length_ns);
        return;
    }
    if (plan->live) {
        plan->length_max_ns = length_ns;
        return;
    }
    if (plan->endless) {
        struct pelt_stage *last = &plan->stages[plan->stages_len - 1];
        uint64_t before_ns = pelt_plan_length_ns(plan) - last->duration_ns;
        last->duration_ns = length_ns > before_ns ? length_ns - before_ns : 0;
        plan->endless = false;
    }
    const uint64_t old_ns = pelt_plan_length_ns(plan);
    for (size_t i = 0; i < plan->stages_len && old_ns > 0; i++) {
        /* The ends are scaled, not the durations: rounding does not add up and the last end is
         * exact. */
        end_ns += plan->stages[i].duration_ns;
        uint64_t next_ns = (uint64_t)((unsigned __int128)end_ns * length_ns / old_ns);
        plan->stages[i].duration_ns = next_ns - scaled_ns;
        scaled_ns = next_ns;
    }
    if (plan->start_ns > 0) {
        plan->start_ns = plan->stages[0].duration_ns;
    }
    if (plan->replay.len > 0 && old_ns > 0 && length_ns > 0) {
        const double faster = (double)old_ns / (double)length_ns;
        struct pelt_stage *last = &plan->stages[plan->stages_len - 1];
        plan->replay.speed *= faster;
        last->from *= faster;
        last->to *= faster;
    }
}

uint64_t pelt_plan_replayed(const struct pelt_plan *plan, size_t k)
{
    return plan->start_ns + (uint64_t)((double)plan->replay.at_ns[k] / plan->replay.speed);
}

/* Arrivals of a replay before t. */
static size_t replayed_before(const struct pelt_plan *plan, uint64_t t_ns)
{
    size_t low = 0, high = plan->replay.len;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (pelt_plan_replayed(plan, middle) < t_ns) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

/* The stage in which t lies and its begin; NULL from the known end on, and before past_ns. */
static const struct pelt_stage *stage_at(const struct pelt_plan *plan, uint64_t t_ns,
                                         uint64_t *begin_ns)
{
    *begin_ns = plan->past_ns;
    for (size_t i = 0; i < plan->stages_len; i++) {
        const struct pelt_stage *s = &plan->stages[i];
        if (t_ns - *begin_ns < s->duration_ns) {
            return s;
        }
        *begin_ns += s->duration_ns;
    }
    return NULL;
}

/* The level at t, which lies in no stage: a live plan's last one, until somebody says the next. */
static double level_beyond(const struct pelt_plan *plan, uint64_t t_ns)
{
    const bool holds = plan->live && plan->stages_len > 0 && t_ns < plan->length_max_ns;
    return holds ? plan->stages[plan->stages_len - 1].to : 0.0;
}

static double stage_level(const struct pelt_stage *s, uint64_t in_ns)
{
    const double share = (double)in_ns / (double)s->duration_ns;
    if (s->exponential) {
        return s->from * pow(s->to / s->from, share);
    }
    return s->from + (s->to - s->from) * share;
}

double pelt_plan_level(const struct pelt_plan *plan, uint64_t t_ns)
{
    double sum = 0.0;
    for (size_t i = 0; i < plan->parts_len; i++) {
        sum += plan->parts[i].loop == plan->loop ? pelt_plan_level(&plan->parts[i], t_ns) : 0;
    }
    uint64_t begin_ns;
    const struct pelt_stage *s = stage_at(plan, t_ns, &begin_ns);
    return s != NULL             ? stage_level(s, t_ns - begin_ns)
           : plan->parts_len > 0 ? sum
                                 : level_beyond(plan, t_ns);
}

static uint64_t stage_users(const struct pelt_stage *s, uint64_t in_ns)
{
    return whole_users(stage_level(s, in_ns));
}

uint64_t pelt_plan_users_at(const struct pelt_plan *plan, uint64_t t_ns)
{
    uint64_t begin_ns;
    const struct pelt_stage *s = stage_at(plan, t_ns, &begin_ns);
    return s != NULL ? stage_users(s, t_ns - begin_ns) : whole_users(level_beyond(plan, t_ns));
}

uint64_t pelt_plan_users_from(const struct pelt_plan *plan, uint64_t t_ns)
{
    double most = pelt_plan_level(plan, t_ns);
    uint64_t begin_ns = plan->past_ns;
    if (plan->live) {
        return t_ns < plan->length_max_ns ? whole_users(plan->level_max) : 0;
    }
    for (size_t i = 0; i < plan->stages_len; i++) {
        const struct pelt_stage *s = &plan->stages[i];
        if (begin_ns > t_ns && s->duration_ns > 0) {
            most = fmax(most, s->from);
        }
        begin_ns += s->duration_ns;
        if (begin_ns > t_ns && s->duration_ns > 0) {
            most = fmax(most, s->to);
        }
    }
    return whole_users(most);
}

/*
 * The first moment of the stage, not before `from_ns` (both from its begin), with other than
 * `users` users; its duration if there is none. Bisection, since users never turn back within a
 * stage: some 40 steps, once a change, and exact to the ns where a formula would have to fight its
 * rounding.
 */
static uint64_t stage_change(const struct pelt_stage *s, uint64_t from_ns, uint64_t users)
{
    uint64_t low = from_ns, high = s->duration_ns;
    while (low < high) {
        uint64_t middle = low + (high - low) / 2;
        if (stage_users(s, middle) == users) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

uint64_t pelt_plan_next_change(const struct pelt_plan *plan, uint64_t t_ns)
{
    const uint64_t users = pelt_plan_users_at(plan, t_ns);
    uint64_t begin_ns = plan->past_ns;
    for (size_t i = 0; i < plan->stages_len; i++) {
        const struct pelt_stage *s = &plan->stages[i];
        uint64_t end_ns = begin_ns + s->duration_ns;
        if (t_ns < end_ns) {
            uint64_t from_ns = t_ns > begin_ns ? t_ns - begin_ns : 0;
            uint64_t change_ns = stage_change(s, from_ns, users);
            if (change_ns < s->duration_ns) {
                return begin_ns + change_ns;
            }
        }
        begin_ns = end_ns;
    }
    if (plan->live) {
        begin_ns = plan->length_max_ns; /* until then the last level holds */
    }
    return users > 0 && begin_ns > t_ns ? begin_ns : PELT_NEVER;
}

double pelt_plan_integral(const struct pelt_plan *plan, uint64_t t_ns)
{
    double x = plan->past_x;
    uint64_t begin_ns = plan->past_ns;
    if (plan->replay.len > 0) {
        return (double)replayed_before(plan, t_ns);
    }
    for (size_t i = 0; i < plan->stages_len && t_ns > begin_ns; i++) {
        struct pelt_stage s = plan->stages[i];
        uint64_t in_ns = t_ns - begin_ns;
        begin_ns += s.duration_ns;
        if (in_ns < s.duration_ns) {
            s.to = stage_level(&s, in_ns);
            s.duration_ns = in_ns;
        }
        x += pelt_stage_area(&s);
    }
    return x;
}

uint64_t pelt_plan_inverse(const struct pelt_plan *plan, double x)
{
    double stage_x = plan->past_x;
    uint64_t begin_ns = plan->past_ns;
    for (size_t i = 0; i < plan->stages_len; i++) {
        const struct pelt_stage *s = &plan->stages[i];
        double area = pelt_stage_area(s);
        if (x < stage_x + area) {
            return begin_ns + pelt_stage_inverse(s, x - stage_x);
        }
        stage_x += area;
        begin_ns += s->duration_ns;
    }
    return x <= stage_x ? begin_ns : PELT_NEVER;
}

/* ---- a plan that turns ---- */

bool pelt_plan_can_turn(const struct pelt_plan *plan)
{
    return plan->parts_len == 0 && plan->replay.len == 0 && !plan->live;
}

/* What lies before `t` of a stage that begins at 0, or from `t` on, times `factor`. */
static struct pelt_stage cut_stage(const struct pelt_stage *s, uint64_t t_ns, bool rest,
                                   double factor)
{
    struct pelt_stage cut = *s;
    const double level = t_ns < s->duration_ns ? stage_level(s, t_ns) : s->to;
    cut.duration_ns = rest ? s->duration_ns - t_ns : t_ns;
    cut.from = factor * (rest ? level : s->from);
    cut.to = factor * (rest ? s->to : level);
    cut.exponential = cut.exponential && factor > 0;
    return cut;
}

enum pelt_status pelt_plan_turn(struct pelt_plan *plan, const struct pelt_plan *given,
                                uint64_t at_ns, double factor)
{
    struct pelt_stage *stages =
        calloc(plan->stages_len + given->stages_len + 1, sizeof(struct pelt_stage));
    size_t len = 0;
    uint64_t begin_ns = 0;
    if (stages == NULL) {
        return PELT_ENOMEM;
    }
    for (size_t i = 0; i < plan->stages_len && begin_ns < at_ns; i++) {
        const struct pelt_stage *s = &plan->stages[i];
        const uint64_t left_ns = at_ns - begin_ns;
        stages[len++] = s->duration_ns <= left_ns ? *s : cut_stage(s, left_ns, false, 1);
        begin_ns += s->duration_ns;
    }
    begin_ns = 0;
    for (size_t i = 0; i < given->stages_len; i++) {
        const struct pelt_stage *s = &given->stages[i];
        const uint64_t end_ns = begin_ns + s->duration_ns;
        if (end_ns > at_ns) {
            stages[len++] = cut_stage(s, at_ns > begin_ns ? at_ns - begin_ns : 0, true, factor);
        }
        begin_ns = end_ns;
    }
    free(plan->stages);
    plan->stages = stages;
    plan->stages_len = len;
    return PELT_OK;
}
