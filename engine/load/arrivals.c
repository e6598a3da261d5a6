/*
 * arrivals: see the header. The process lives on the integral's axis, where the rate is 1; the
 * plan's stages only bend that axis into time. For uniform arrivals x == k, without a sum that
 * could drift.
 *
 * Invariant: stage_x and stage_ns are the integral and the time at which `stage` begins; stage_x <=
 * x.
 */
#include "pelt/arrivals.h"

#include <assert.h>

#include "stage.h"

#define STREAM                                                                                     \
    UINT64_C(                                                                                      \
        0x6172726976616c73) /* "arrivals": apart from the users' streams, which are their ids */

static double draw_gap(struct pelt_arrivals_iter *it)
{
    switch (it->plan->arrivals) {
    case PELT_ARRIVALS_POISSON:
        return pelt_rng_exponential(&it->rng, 1.0);
    case PELT_ARRIVALS_GAMMA:
        return pelt_rng_gamma(&it->rng, it->plan->gamma_shape, 1.0 / it->plan->gamma_shape);
    case PELT_ARRIVALS_UNIFORM:
        break;
    }
    return 1.0;
}

static void draw_next(struct pelt_arrivals_iter *it)
{
    it->k++;
    it->x += draw_gap(it);
}

void pelt_arrivals_init(struct pelt_arrivals_iter *it, const struct pelt_plan *plan, uint64_t seed,
                        uint64_t part, uint64_t parts)
{
    assert(part < parts);
    *it = (struct pelt_arrivals_iter){
        .plan = plan, .part = part, .parts = parts, .end_ns = pelt_plan_length_ns(plan)};
    pelt_rng_init(&it->rng, seed, STREAM);
    if (plan->arrivals != PELT_ARRIVALS_UNIFORM) {
        it->x = draw_gap(it); /* a random process does not begin with an arrival at 0 */
    }
}

/* Moves the cursor to the stage in which x lies. False: behind the last one. */
static bool find_stage(struct pelt_arrivals_iter *it)
{
    for (; it->stage < it->plan->stages_len; it->stage++) {
        const struct pelt_stage *s = &it->plan->stages[it->stage];
        const double area = pelt_stage_area(s);
        if (it->x < it->stage_x + area) {
            return true;
        }
        it->stage_x += area;
        it->stage_ns += s->duration_ns;
    }
    return false;
}

bool pelt_arrivals_used_up(const struct pelt_arrivals_iter *it)
{
    return it->plan->iterations > 0 && it->k >= it->plan->iterations;
}

/* A replay has its times. */
static bool next_replayed(struct pelt_arrivals_iter *it, uint64_t *k, uint64_t *due_ns)
{
    if (pelt_arrivals_used_up(it) || it->k >= it->plan->replay.len) {
        return false;
    }
    *k = it->k;
    *due_ns = pelt_plan_replayed(it->plan, it->k);
    it->k++;
    return *due_ns < it->end_ns;
}

bool pelt_arrivals_next(struct pelt_arrivals_iter *it, uint64_t *k, uint64_t *due_ns)
{
    while (it->k % it->parts != it->part) {
        draw_next(it);
    }
    if (it->plan->replay.len > 0) {
        return next_replayed(it, k, due_ns);
    }
    if (pelt_arrivals_used_up(it) || !find_stage(it)) {
        return false;
    }
    const struct pelt_stage *s = &it->plan->stages[it->stage];
    uint64_t at_ns = it->stage_ns + pelt_stage_inverse(s, it->x - it->stage_x);
    if (at_ns >= it->end_ns) {
        return false; /* rounded to the end, which the plan does not contain */
    }
    *k = it->k;
    *due_ns = at_ns;
    it->given_x = it->x;
    draw_next(it);
    return true;
}

bool pelt_arrivals_turned(struct pelt_arrivals_iter *it, uint64_t *due_ns)
{
    const double x = it->x;
    it->stage = 0;
    it->stage_x = 0;
    it->stage_ns = 0;
    it->x = it->given_x;
    bool due = find_stage(it);
    if (due) {
        *due_ns =
            it->stage_ns + pelt_stage_inverse(&it->plan->stages[it->stage], it->x - it->stage_x);
        due = *due_ns < it->end_ns;
    }
    if (!due) { /* what lies behind all stages now may not after the next turn */
        it->stage = 0;
        it->stage_x = 0;
        it->stage_ns = 0;
    }
    it->x = x;
    return due;
}

void pelt_arrivals_closed(struct pelt_arrivals_iter *it)
{
    it->end_ns = pelt_plan_length_ns(it->plan);
}

size_t pelt_arrivals_forget(struct pelt_arrivals_iter *it, struct pelt_plan *plan, uint64_t t_ns)
{
    assert(it->plan == plan);
    const size_t forgotten = pelt_plan_forget(plan, t_ns, it->stage);
    it->stage -= forgotten;
    return forgotten;
}

uint64_t pelt_arrivals_count(const struct pelt_plan *plan, uint64_t seed)
{
    struct pelt_arrivals_iter it;
    pelt_arrivals_init(&it, plan, seed, 0, 1);
    uint64_t count = 0, k, due_ns;
    if (plan->replay.len > 0) {
        return plan->replay.len;
    }
    if (plan->arrivals == PELT_ARRIVALS_UNIFORM) {
        /* x == k: only what rounding may do to the last ones has to be looked at. */
        double all = pelt_plan_integral(plan, it.end_ns);
        count = all > 4 ? (uint64_t)all - 4 : 0;
        it.k = count;
        it.x = (double)count;
    }
    while (pelt_arrivals_next(&it, &k, &due_ns)) {
        count = k + 1;
    }
    return count;
}
