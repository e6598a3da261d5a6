/*
 * parts: the loads of a run side by side, one where its plan is no mix: what keeps them apart. No
 * two users of a run have the same id, no two arrivals the same place in data rows, and each load
 * draws its arrivals by a seed of its own; all of it by the plan and the seed alone.
 *
 * Users of closed loops have the first ids, load after load; behind them those of open loops take
 * turns, as nobody knows how many they will be. Places in data rows go the same way: the users of
 * closed loops, then the arrivals of each open loop.
 *
 * Storage: the caller's; the list is owned (deinit). Thread: read-only once made, but for budgets.
 */
#ifndef PELT_PARTS_H
#define PELT_PARTS_H

#include "pelt/budget.h"
#include "pelt/plan.h"

struct pelt_part {
    const struct pelt_plan *plan; /* borrowed */
    uint64_t seed;
    uint64_t id_from, id_step; /* the n-th user's id is id_from + n * id_step */
    uint64_t arrivals_before;  /* open loop: places before its own; 0 where nobody counted */
    struct pelt_budget budget; /* closed loop: of the plan's iterations */
    bool has_budget;
};

struct pelt_parts {
    struct pelt_part *list;
    size_t len;
    /* Among whom data rows are dealt: users of closed loops and arrivals of open ones; 0 where
     * nobody counted. */
    uint64_t population;
};

/* `counted`: whether places are asked for; counting random arrivals may take seconds. PELT_ENOMEM.
 */
PELT_MUST_USE enum pelt_status pelt_parts_init(struct pelt_parts *p, const struct pelt_plan *plan,
                                               uint64_t seed, bool counted);
/* On one of several hosts that share the run: of each budget only what falls to slot `slot` of
 * `slots`, whose users are those with numbers u mod slots of its own; who has no users gets none.
 * Load i begins with another slot each, as with threads. Before anything was taken. */
void pelt_parts_cut_budgets(struct pelt_parts *p, uint32_t slot, uint32_t slots);
/*
 * A thread's number among all threads of all hosts that share the run, who may each have another
 * number of them: with `threads` of its own, what falls to it is k mod (threads * slots) == number,
 * so that a slot's threads have together what is k mod slots == slot.
 */
static inline uint64_t pelt_parts_number(uint32_t thread, uint32_t slot, uint32_t slots)
{
    return (uint64_t)thread * slots + slot;
}
void pelt_parts_deinit(struct pelt_parts *p); /* accepts one that is all zero */
/* Most users that the plan may have at once; and of these those of open loops, whose pools only
 * grow to what the rate needs. */
uint64_t pelt_parts_users_most(const struct pelt_plan *plan);
uint64_t pelt_parts_pools_most(const struct pelt_plan *plan);
/* Makes the pools of open loops smaller, each by the same factor, to `most` together; at least 1
 * user each. */
void pelt_parts_cut_pools(struct pelt_plan *plan, uint64_t most);

#endif
