/*
 * budget: iterations that the users of all threads share (closed loop): who begins one takes one,
 * so exactly `most` begin, whoever is fastest. In open loop the plan itself ends after so many
 * arrivals (pelt/arrivals.h).
 *
 * Storage: the caller's, shared by all crews of the run. Thread: any. Relaxed: nothing else is read
 * on the strength of the count. 2^64 refusals are out of reach.
 */
#ifndef PELT_BUDGET_H
#define PELT_BUDGET_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct pelt_budget {
    uint64_t most;
    _Atomic uint64_t asked; /* for iterations, also in vain */
};

static inline void pelt_budget_init(struct pelt_budget *b, uint64_t most)
{
    b->most = most;
    atomic_init(&b->asked, 0);
}

/* False: all are taken. */
static inline bool pelt_budget_take(struct pelt_budget *b)
{
    return atomic_fetch_add_explicit(&b->asked, 1, memory_order_relaxed) < b->most;
}

static inline bool pelt_budget_spent(const struct pelt_budget *b)
{
    return atomic_load_explicit(&b->asked, memory_order_relaxed) >= b->most;
}

#endif
