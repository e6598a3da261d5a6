/*
 * forecast: what a host can send with a scenario, from what one thread was measured to need and
 * what the host, and the plan's own pool of users, have; and which limit a plan meets first. Pure.
 *
 * That threads add up is assumed: each on a core of its own, the server elsewhere.
 */
#ifndef PELT_FORECAST_H
#define PELT_FORECAST_H

#include "pelt/limits.h"
#include "pelt/measured.h"
#include "pelt/plan.h"

/* The last one is the plan's own: the pool of an open loop. */
enum pelt_limit {
    PELT_LIMIT_CPU,
    PELT_LIMIT_FDS,
    PELT_LIMIT_PORTS,
    PELT_LIMIT_MEMORY,
    PELT_LIMIT_USERS
};
#define PELT_LIMITS (PELT_LIMIT_USERS + 1)
/* "CPU", "descriptors", "ports", "memory", "users" */
const char *pelt_limit_name(enum pelt_limit limit);

/* What a limit allows; INFINITY: it sets none, or what a user takes of it was too little to tell.
 */
struct pelt_allowed {
    double users;
    double iterations_per_s;
    double times; /* the plan: above 1 there is room; 0: the plan takes all there is (CPU of a
                     closed loop without pauses) */
};

struct pelt_forecast {
    uint32_t threads;        /* that send */
    double iterations_per_s; /* most, by CPU; 0: no iteration ended */
    /* Arrivals that are sent on time: more of them leave so little of a core idle that the verdict
     * doubts a run. As above where the plan has none. */
    double on_time_per_s;
    double requests_per_s; /* likewise */
    struct pelt_allowed allowed[PELT_LIMITS];
    double users; /* the plan's: its most, in open loop the least that its rate needs; of a mix the
                     sum, and of the rates likewise */
    double
        plan_iterations_per_s; /* the most it asks for; INFINITY: as many as the server answers */
    double open_iterations_per_s; /* of these, those of open loops, which do not wait */
    double cpu_share;  /* of the threads' CPU that the most takes; above 1: beyond; at most 1 in a
                          closed loop, which waits */
    double pool_users; /* the least that the rate needs of the open loop whose pool is the smallest
                          for it; 0: there is none */
    const char *pool_of;   /* its name in a mix, borrowed of the plan; else "" */
    enum pelt_limit first; /* that the plan meets as it grows */
    bool fits; /* the plan asks for nothing that the host, or its own pool, does not have */
};

/* The users that the plan needs of what that limit bounds. */
double pelt_forecast_users(const struct pelt_forecast *f, enum pelt_limit limit);

void pelt_forecast_make(const struct pelt_measured *measured, const struct pelt_limits *limits,
                        const struct pelt_plan *plan, uint32_t threads, struct pelt_forecast *out);

#endif
