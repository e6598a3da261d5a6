/*
 * arrivals: the due time of each arrival of an open-loop plan, drawn by seed: unit-rate gaps (1 for
 * uniform, exponential, gamma with mean 1) mapped through the inverse of the plan's integral
 * (time-rescaling), so any ramp keeps its process. Uniform arrival k is due where the integral
 * reaches k.
 *
 * Every thread draws the whole sequence and takes the arrivals k with k mod parts == part: the plan
 * does not depend on the number of threads. An arrival skipped costs 3 ns (uniform), 8 ns (Poisson)
 * or 45 ns (gamma).
 *
 * A uniform plan's first arrival is due at 0, a random one's after a first gap.
 *
 * Storage: the caller's; no heap. Thread: the owner.
 */
#ifndef PELT_ARRIVALS_H
#define PELT_ARRIVALS_H

#include "pelt/plan.h"
#include "pelt/rng.h"

struct pelt_arrivals_iter {
    const struct pelt_plan *plan; /* borrowed */
    struct pelt_rng rng;
    uint64_t k;     /* index of the next arrival drawn, over all parts */
    double x;       /* its position on the integral */
    double given_x; /* of the arrival that was given last */
    uint64_t part, parts;
    size_t stage;      /* cursor: stage in which x lies */
    double stage_x;    /* integral at that stage's begin */
    uint64_t stage_ns; /* time of that stage's begin */
    uint64_t end_ns;   /* the plan's length; every arrival is due before it */
};

void pelt_arrivals_init(struct pelt_arrivals_iter *it, const struct pelt_plan *plan, uint64_t seed,
                        uint64_t part, uint64_t parts);
/* Takes this part's next arrival. True: *k and *due_ns (since the run's start). False: the plan is
 * over, now and from then on; a live one has no more as far as it is known. */
bool pelt_arrivals_next(struct pelt_arrivals_iter *it, uint64_t *k, uint64_t *due_ns);
/*
 * The plan has become another from some time on (pelt_plan_turn()), before which the arrival given
 * last was not due: its place is the same, *due_ns when it is due now. False: the plan is over
 * before it; it may be asked again after a further turn.
 */
bool pelt_arrivals_turned(struct pelt_arrivals_iter *it, uint64_t *due_ns);
/* Arrivals of the whole plan. Draws them all, unless they are uniform. */
uint64_t pelt_arrivals_count(const struct pelt_plan *plan, uint64_t seed);
/* A live plan was closed: the iterator learns where it ends. */
void pelt_arrivals_closed(struct pelt_arrivals_iter *it);
/* Forgets what of a live plan lies behind the iterator and before `t`; returns how many stages. */
size_t pelt_arrivals_forget(struct pelt_arrivals_iter *it, struct pelt_plan *plan, uint64_t t_ns);
/* The plan's iterations ended it, perhaps long before its length. */
bool pelt_arrivals_used_up(const struct pelt_arrivals_iter *it);

#endif
