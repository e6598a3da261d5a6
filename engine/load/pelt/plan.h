/*
 * plan: how much load when, as data: users (closed loop) or arrivals (open loop) over time. Every
 * load shape of the scenario API builds this one primitive. Pure: no clock, no randomness of its
 * own.
 *
 * A mix has plans of several loads side by side in `parts`, and no stages of its own. What only one
 * of them can answer (users_at, next_change, integral, inverse) is not asked of a mix.
 *
 * A live plan grows while the run goes: its stages are what is known so far, and somebody adds the
 * next one until it is closed. Behind the known end its last level holds and no arrival is due, up
 * to length_max_ns. Closed, it is a plan like any other, that ends where its stages end.
 *
 * Times are ns since the run's start. Storage: the caller's, stages are owned by the plan (deinit).
 */
#ifndef PELT_PLAN_H
#define PELT_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pelt/status.h"

enum pelt_loop { PELT_LOOP_CLOSED, PELT_LOOP_OPEN };
enum pelt_arrivals { PELT_ARRIVALS_UNIFORM, PELT_ARRIVALS_POISSON, PELT_ARRIVALS_GAMMA };

struct pelt_stage {
    uint64_t duration_ns; /* 0: a jump */
    double from, to;      /* users, or arrivals/s; linear in between */
    bool exponential;     /* in between by equal factors in equal times; both levels above 0 */
    uint16_t span; /* which spike, step or trial of its kind it belongs to, from 1; 0: none */
    char part[14]; /* what it is of that kind: "warmup", "spike", "step" ...; "": nothing */
};

/* The length of an endless plan's last stage. */
#define PELT_PLAN_ENDLESS_NS (UINT64_C(5) * 365 * 86400 * UINT64_C(1000000000))

/* When the requests of a recorded trace arrive. */
struct pelt_replay {
    const uint64_t *at_ns; /* since the first, ascending; borrowed: must outlive the plan */
    size_t len;            /* 0: no replay */
    double speed;          /* so many times as fast as recorded; above 0 */
};

struct pelt_plan {
    char name[64];             /* of one part of a mix */
    struct pelt_plan *parts;   /* of a mix, owned */
    size_t parts_len;          /* 0: no mix */
    struct pelt_replay replay; /* open loop: these times are the arrivals; one stage has their mean
                                  rate */
    uint64_t start_ns; /* of a part: how long it waits before anything; its first stage has level 0
                          for so long. 0: it has no such stage */
    char kind[12];     /* sustained, burst, stress, benchmark, replay; "": none of them */
    char *params;      /* of the kind, as JSON text, for who analyses the run; owned; may be NULL */
    enum pelt_loop loop;
    enum pelt_arrivals arrivals; /* open loop only */
    double gamma_shape;          /* PELT_ARRIVALS_GAMMA: 1 is Poisson, less is burstier; > 0 */
    struct pelt_stage *stages;
    size_t stages_len;
    uint64_t users_max;   /* open loop: most users in the pool (default 10,000) */
    uint64_t waiting_max; /* open loop: most arrivals that wait for a user; beyond: dropped (default
                             100,000) */
    uint64_t warmup_ns;   /* so long from the start nothing counts; whole seconds, all of the first
                             stage; 0: all counts */
    uint64_t grace_ns;    /* after the end: how long what is in flight may finish (default 30 s) */
    uint64_t iterations; /* of all users together, after which the run ends; 0: no limit. Open loop:
                            so many arrivals are planned */
    uint64_t iterations_per_user; /* after which a user ends; 0: no limit */
    /* closed loop: iterations that each user has under way at once (pipelining); 0: as 1 */
    uint32_t in_flight;
    bool live;              /* it may grow */
    double level_max;       /* live: no stage's level lies above */
    double level_factor;    /* live: what the levels decided are multiplied by; 0: as 1 */
    char course[120];       /* live: how it goes, for people; "": nobody knows before */
    uint64_t length_max_ns; /* live: the stages are together no longer */
    bool stop_saturated;    /* open loop: the run ends once the backlog grows without end */
    /* What was forgotten: the first stage begins at past_ns, with past_x arrivals before it. */
    uint64_t past_ns;
    double past_x;
    bool endless;       /* only the iterations end it: the last stage lasts PELT_PLAN_ENDLESS_NS */
    uint64_t pacing_ns; /* closed loop: least time from an iteration's start to the next; 0: none */
    uint64_t think_ns;  /* closed loop: from an iteration's end to the next one's start; 0: none */
    bool think_drawn;   /* the users say each time how long they think (vu->think_ns) */
};

/* Loads side by side: at least 1. The i-th, which is the plan itself where it is no mix. */
static inline size_t pelt_plan_parts(const struct pelt_plan *plan)
{
    return plan->parts_len > 0 ? plan->parts_len : 1;
}
static inline const struct pelt_plan *pelt_plan_part(const struct pelt_plan *plan, size_t i)
{
    return plan->parts_len > 0 ? &plan->parts[i] : plan;
}
/* A mix in which there are both loops. Its `loop` is then closed. */
bool pelt_plan_mixed(const struct pelt_plan *plan);
bool pelt_plan_has_arrivals(const struct pelt_plan *plan); /* it, or one of its loads, is open */

void pelt_plan_init(struct pelt_plan *plan, enum pelt_loop loop); /* defaults, no stage */
/* Adds a load to a mix: takes it, also after PELT_ENOMEM. `start_ns`: it begins so much later. */
PELT_MUST_USE enum pelt_status pelt_plan_add_part(struct pelt_plan *mix, struct pelt_plan *part,
                                                  const char *name, uint64_t start_ns);
void pelt_plan_deinit(struct pelt_plan *plan);
/* `into` is not read; deinit it also after PELT_ENOMEM, or not at all. */
PELT_MUST_USE enum pelt_status pelt_plan_copy(struct pelt_plan *into, const struct pelt_plan *from);
/* Appends a stage; from NAN: where the last one ended (0 for the first). A `from` other than that
 * is a jump. */
PELT_MUST_USE enum pelt_status pelt_plan_add(struct pelt_plan *plan, uint64_t duration_ns,
                                             double from, double to);
/* The same with equal factors in equal times. */
PELT_MUST_USE enum pelt_status
pelt_plan_add_exponential(struct pelt_plan *plan, uint64_t duration_ns, double from, double to);
/* Appends a level that lasts until the plan's iterations are done. */
PELT_MUST_USE enum pelt_status pelt_plan_add_endless(struct pelt_plan *plan, double level);
/* Puts a stage of so many whole seconds before all others, at the level that they begin with: what
 * happens in it does not count. For a plan with stages of its own, and a level above 0 at its
 * beginning. PELT_ENOMEM. */
PELT_MUST_USE enum pelt_status pelt_plan_warm_up(struct pelt_plan *plan, uint64_t warmup_ns);
/* Appends a stage as it is. */
PELT_MUST_USE enum pelt_status pelt_plan_append(struct pelt_plan *plan,
                                                const struct pelt_stage *stage);
/* A live plan ends where its stages end. */
void pelt_plan_close(struct pelt_plan *plan);
/*
 * From `at_ns` on the plan's levels are `factor` (0 or more) times those of `given`; before that
 * they stay as they are. So it can be told again and again, of one plan that is given. No mix, no
 * replay, no live plan. PELT_ENOMEM: nothing has changed.
 */
PELT_MUST_USE enum pelt_status pelt_plan_turn(struct pelt_plan *plan, const struct pelt_plan *given,
                                              uint64_t at_ns, double factor);
bool pelt_plan_can_turn(const struct pelt_plan *plan);
/* Forgets stages that ended by `t`, so that memory does not grow with a live plan's length; at most
 * `most` of them, oldest first. Returns how many. What is asked of a time before past_ns is
 * answered as if nothing had been there. */
size_t pelt_plan_forget(struct pelt_plan *plan, uint64_t t_ns, size_t most);
/* Checks ranges: a stage at least, length and some level above 0, at most 1,000,000 users or
 * 10,000,000/s and 10 years; of a live plan the same for level_max and length_max_ns, and it needs
 * no stage. What else this header says of a plan holds for valid ones. */
PELT_MUST_USE enum pelt_status pelt_plan_validate(const struct pelt_plan *plan,
                                                  struct pelt_error *err);
uint64_t pelt_plan_length_ns(const struct pelt_plan *plan); /* of a live plan the longest */
uint64_t pelt_plan_known_ns(const struct pelt_plan *plan);  /* where its stages end */
/* The largest level: of a live plan level_max; of a mix the sum of those of its loads that have its
 * `loop`. */
double pelt_plan_peak(const struct pelt_plan *plan);
double pelt_plan_level_factor(const struct pelt_plan *plan); /* > 0 */
/* Iterations after which the run is over at the latest; 0: there is no limit. */
uint64_t pelt_plan_iterations(const struct pelt_plan *plan);
/* Scale levels so that the largest is `peak` (no mix, no replay), or times so that the length is
 * `length_ns`. The last stage of an endless plan is cut instead; of a live plan level_max and
 * length_max_ns are set, and level_factor but of a stress load, which looks for its levels. */
void pelt_plan_scale_peak(struct pelt_plan *plan, double peak);
void pelt_plan_scale_length(struct pelt_plan *plan, uint64_t length_ns);
/* Level (users, or arrivals/s) at `t`; at a jump the later one; 0 from the end on, and the last
 * known level where a live plan's end is not known yet. */
double pelt_plan_level(const struct pelt_plan *plan, uint64_t t_ns);
/* Closed loop: users that shall be active at t: the level rounded to the nearest; 0 from the end
 * on. */
uint64_t pelt_plan_users_at(const struct pelt_plan *plan, uint64_t t_ns);
/* Closed loop: the most users that shall be active at t or later. */
uint64_t pelt_plan_users_from(const struct pelt_plan *plan, uint64_t t_ns);
/* Closed loop: the first moment after t at which users_at differs from users_at(t); PELT_NEVER if
 * none. */
uint64_t pelt_plan_next_change(const struct pelt_plan *plan, uint64_t t_ns);
/* Arrivals expected in [0, t): the integral of the rate; of a replay those that lie there. */
double pelt_plan_integral(const struct pelt_plan *plan, uint64_t t_ns);
/* When arrival k < replay.len of a replay is due. */
uint64_t pelt_plan_replayed(const struct pelt_plan *plan, size_t k);
/* The t at which the integral reaches `x`, to the nearest ns (where it stands still, the end of
 * that time); PELT_NEVER if it never does. Inverse of pelt_plan_integral; x >= 0. */
uint64_t pelt_plan_inverse(const struct pelt_plan *plan, double x);

/* One line for people: "20 users for 30s", "0 -> 200/s over 10s, then 200/s for 20s, poisson",
 * "burst: 20 users, 4 spikes to 200 for 10s every 30s, 2m"; 256 bytes hold most. */
void pelt_plan_describe(const struct pelt_plan *plan, char *out, size_t size);

#endif
