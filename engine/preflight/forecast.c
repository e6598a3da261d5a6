/*
 * forecast: see the header.
 */
#include "pelt/forecast.h"

#include <assert.h>
#include <math.h>

#include "host.h"

#define ROUNDING 1e-6 /* users: of pauses that were added up */

const char *pelt_limit_name(enum pelt_limit limit)
{
    static const char *const names[PELT_LIMITS] = {"CPU", "descriptors", "ports", "memory",
                                                   "users"};
    return names[limit];
}

static double per(double amount, double each)
{
    return each > 0 ? amount / each : INFINITY;
}

/* Seconds from an iteration's start to the user's next one, answers taking no time: pauses of the
 * script, then the think time; at least the pacing. */
static double turn_s(const struct pelt_measured *m, const struct pelt_plan *plan)
{
    return fmax(m->pause_s + (double)plan->think_ns / 1e9, (double)plan->pacing_ns / 1e9);
}

/* The least that keep up an open loop's largest rate, answers taking no time. */
static double users_of_rate(const struct pelt_measured *m, const struct pelt_plan *plan)
{
    return fmax(1, ceil(pelt_plan_peak(plan) * turn_s(m, plan) - ROUNDING));
}

static void allow(const struct pelt_measured *m, const struct pelt_limits *l,
                  struct pelt_forecast *f)
{
    const double own = PELT_FDS_OWN + (double)f->threads * PELT_FDS_A_THREAD;
    const double fds = (double)l->fds > own ? (double)l->fds - own : 0;
    const double ports = pelt_limits_ports(l);
    const double memory = l->memory_bytes > 0 ? (double)l->memory_bytes : INFINITY;
    const double connects = per((double)m->connects, (double)m->iterations); /* an iteration */
    for (int i = 0; i < PELT_LIMITS; i++) {
        f->allowed[i] = (struct pelt_allowed){.users = INFINITY, .iterations_per_s = INFINITY};
    }
    if (m->iterations > 0) {
        f->allowed[PELT_LIMIT_CPU].iterations_per_s =
            f->open_iterations_per_s > 0 ? f->on_time_per_s : f->iterations_per_s;
    }
    f->allowed[PELT_LIMIT_FDS].users = floor(per(fds, m->fds_a_user));
    f->allowed[PELT_LIMIT_PORTS].users = floor(per(ports, m->fds_a_user));
    f->allowed[PELT_LIMIT_PORTS].iterations_per_s =
        m->iterations > 0 ? per(ports / l->port_rest_s, connects) : INFINITY;
    f->allowed[PELT_LIMIT_MEMORY].users = per(memory, m->bytes_a_user);
}

double pelt_forecast_users(const struct pelt_forecast *f, enum pelt_limit limit)
{
    return limit == PELT_LIMIT_USERS ? f->pool_users : f->users;
}

/* How often the plan fits into what is allowed. */
static double times(const struct pelt_forecast *f, enum pelt_limit limit)
{
    const struct pelt_allowed *a = &f->allowed[limit];
    const double users = per(a->users, pelt_forecast_users(f, limit));
    if (isinf(f->plan_iterations_per_s)) {
        return isinf(a->iterations_per_s) ? users : 0;
    }
    return fmin(users, per(a->iterations_per_s, f->plan_iterations_per_s));
}

/* A closed loop never asks for more CPU than there is: its users wait for each other. Nor for more
 * new connections a second than its iterations make. */
static bool is_met(const struct pelt_forecast *f, enum pelt_limit limit)
{
    const struct pelt_allowed *a = &f->allowed[limit];
    return a->users >= pelt_forecast_users(f, limit) &&
           a->iterations_per_s >= f->open_iterations_per_s;
}

/* What stops the plan counts before what it fills. */
static bool comes_before(const struct pelt_forecast *f, enum pelt_limit a, enum pelt_limit b)
{
    const bool a_met = is_met(f, a), b_met = is_met(f, b);
    const struct pelt_allowed *x = &f->allowed[a], *y = &f->allowed[b];
    if (a_met != b_met) {
        return b_met;
    }
    return x->times != y->times ? x->times < y->times : x->iterations_per_s < y->iterations_per_s;
}

/* The open loop that its own pool comes nearest to; how long an iteration pauses must be known. */
static void allow_pool(const struct pelt_measured *m, const struct pelt_plan *plan,
                       struct pelt_forecast *f)
{
    struct pelt_allowed *a = &f->allowed[PELT_LIMIT_USERS];
    for (size_t i = 0; i < pelt_plan_parts(plan); i++) {
        const struct pelt_plan *part = pelt_plan_part(plan, i);
        const double needs = users_of_rate(m, part), has = (double)part->users_max;
        if (part->loop == PELT_LOOP_OPEN && m->iterations > 0 &&
            per(has, needs) < per(a->users, f->pool_users)) {
            a->users = has;
            f->pool_users = needs;
            f->pool_of = part->name;
        }
    }
}

/* What all loads of the plan ask for, as if all had their largest levels at once. */
static void sum_up(const struct pelt_measured *m, const struct pelt_plan *plan,
                   struct pelt_forecast *f)
{
    for (size_t i = 0; i < pelt_plan_parts(plan); i++) {
        const struct pelt_plan *part = pelt_plan_part(plan, i);
        const double turn = turn_s(m, part), peak = pelt_plan_peak(part);
        const bool open = part->loop == PELT_LOOP_OPEN;
        f->users += open ? users_of_rate(m, part) : peak;
        f->plan_iterations_per_s += open ? peak : per(peak, turn);
        f->open_iterations_per_s += open ? peak : 0;
    }
}

/* Closed loops take what open ones leave. */
static double share_of_cpu(const struct pelt_measured *m, const struct pelt_forecast *f,
                           double cores)
{
    const double most = pelt_measured_per_s(m),
                 closed = f->plan_iterations_per_s - f->open_iterations_per_s;
    const double open =
        most > 0 ? pelt_ontime_cpu_share(&m->ontime, f->open_iterations_per_s / cores, most)
                 : INFINITY;
    return fmax(open, fmin(1, open + per(closed, f->iterations_per_s)));
}

void pelt_forecast_make(const struct pelt_measured *m, const struct pelt_limits *l,
                        const struct pelt_plan *plan, uint32_t threads, struct pelt_forecast *f)
{
    assert(threads > 0);
    const double cores = fmin(threads, l->cores), cpu_s = (double)m->cpu_ns / 1e9;
    const double most = pelt_measured_per_s(m);
    *f = (struct pelt_forecast){.threads = threads, .pool_of = ""};
    f->iterations_per_s = cores * most;
    f->on_time_per_s = m->ontime.steps > 0
                           ? cores * pelt_ontime_per_s(&m->ontime, PELT_CPU_BUSY, most)
                           : f->iterations_per_s;
    f->requests_per_s = cpu_s > 0 ? cores * (double)m->requests / cpu_s : 0;
    sum_up(m, plan, f);
    f->cpu_share = share_of_cpu(m, f, cores);
    allow(m, l, f);
    allow_pool(m, plan, f);
    f->fits = true;
    f->first = PELT_LIMIT_CPU;
    for (int i = 0; i < PELT_LIMITS; i++) {
        f->allowed[i].times = times(f, i);
        f->fits = f->fits && is_met(f, i);
    }
    for (int i = 0; i < PELT_LIMITS; i++) {
        if (comes_before(f, i, f->first)) {
            f->first = (enum pelt_limit)i;
        }
    }
}
