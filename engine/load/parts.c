/*
 * parts: see the header.
 */
#include "pelt/parts.h"

#include <math.h>
#include <stdlib.h>

#include "pelt/arrivals.h"

#define GOLDEN UINT64_C(0x9e3779b97f4a7c15) /* no two small multiples of it are near each other */

static bool is_open(const struct pelt_plan *plan)
{
    return plan->loop == PELT_LOOP_OPEN;
}

static uint64_t users_of(const struct pelt_plan *plan)
{
    return (uint64_t)floor(pelt_plan_peak(plan) + 0.5); /* as the crew rounds */
}

static uint64_t arrivals_of(const struct pelt_part *part)
{
    const struct pelt_plan *plan = part->plan;
    if (plan->endless) {
        return plan->iterations;
    }
    const double most = pelt_plan_peak(plan) * (double)pelt_plan_length_ns(plan) / 1e9;
    const uint64_t arrivals =
        plan->live ? (uint64_t)ceil(most) : pelt_arrivals_count(plan, part->seed);
    return plan->iterations > 0 && plan->iterations < arrivals ? plan->iterations : arrivals;
}

/* Ids, and places where they are counted. */
static void place(struct pelt_parts *p, bool counted)
{
    uint64_t open = 0, nth = 0;
    for (size_t i = 0; i < p->len; i++) {
        struct pelt_part *part = &p->list[i];
        part->id_from = p->population;
        part->id_step = 1;
        p->population += is_open(part->plan) ? 0 : users_of(part->plan);
        open += is_open(part->plan);
    }
    const uint64_t closed = p->population;
    for (size_t i = 0; i < p->len; i++) {
        struct pelt_part *part = &p->list[i];
        if (is_open(part->plan)) {
            part->id_from = closed + nth++;
            part->id_step = open;
            part->arrivals_before = counted ? p->population : 0;
            p->population += counted ? arrivals_of(part) : 0;
        }
    }
    p->population = counted ? p->population : 0;
}

enum pelt_status pelt_parts_init(struct pelt_parts *p, const struct pelt_plan *plan, uint64_t seed,
                                 bool counted)
{
    const size_t len = pelt_plan_parts(plan);
    *p = (struct pelt_parts){.list = calloc(len, sizeof(*p->list)), .len = len};
    if (p->list == NULL) {
        p->len = 0;
        return PELT_ENOMEM;
    }
    for (size_t i = 0; i < len; i++) {
        struct pelt_part *part = &p->list[i];
        part->plan = pelt_plan_part(plan, i);
        part->seed = seed + i * GOLDEN;
        part->has_budget = !is_open(part->plan) && part->plan->iterations > 0;
        pelt_budget_init(&part->budget, part->plan->iterations);
    }
    place(p, counted);
    return PELT_OK;
}

void pelt_parts_cut_budgets(struct pelt_parts *p, uint32_t slot, uint32_t slots)
{
    for (size_t i = 0; i < p->len; i++) {
        struct pelt_part *part = &p->list[i];
        const uint64_t users = users_of(part->plan), nth = (slot + i) % slots;
        const uint64_t sharers = users < slots ? users : slots;
        if (part->has_budget) {
            const uint64_t all = part->plan->iterations;
            const uint64_t own = nth < sharers ? all / sharers + (nth < all % sharers) : 0;
            pelt_budget_init(&part->budget, own);
        }
    }
}

void pelt_parts_deinit(struct pelt_parts *p)
{
    free(p->list);
    *p = (struct pelt_parts){0};
}

uint64_t pelt_parts_pools_most(const struct pelt_plan *plan)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < pelt_plan_parts(plan); i++) {
        const struct pelt_plan *part = pelt_plan_part(plan, i);
        sum += is_open(part) ? part->users_max : 0;
    }
    return sum;
}

uint64_t pelt_parts_users_most(const struct pelt_plan *plan)
{
    uint64_t sum = pelt_parts_pools_most(plan);
    for (size_t i = 0; i < pelt_plan_parts(plan); i++) {
        const struct pelt_plan *part = pelt_plan_part(plan, i);
        sum += is_open(part) ? 0 : (uint64_t)ceil(pelt_plan_peak(part));
    }
    return sum;
}

void pelt_parts_cut_pools(struct pelt_plan *plan, uint64_t most)
{
    const uint64_t all = pelt_parts_pools_most(plan);
    for (size_t i = 0; i < pelt_plan_parts(plan); i++) {
        struct pelt_plan *part = plan->parts_len > 0 ? &plan->parts[i] : plan;
        if (is_open(part) && all > most) {
            uint64_t users = (uint64_t)((unsigned __int128)part->users_max * most / all);
            part->users_max = users > 0 ? users : 1;
        }
    }
}
