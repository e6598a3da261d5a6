/*
 * plan: whether runs were made with the same plan, and what else about them differs.
 */
#ifndef PELT_COMPARE_PLAN_H
#define PELT_COMPARE_PLAN_H

#include "pelt/compare.h"

/* Fills the comparison's `differences` with what its runs' plans do not share; the texts are the
 * runs'. */
void pelt_plan_compare(struct pelt_comparison *c);
/* Likewise what is no part of the plan but may change figures: versions, hosts, threads. Returns
 * how many. */
size_t pelt_plan_conditions(const struct pelt_comparison *c,
                            struct pelt_plan_difference out[PELT_PLAN_DIFFERENCES]);
/* True: runs of both have the same plan. */
bool pelt_plan_is_same(const struct pelt_digest *a, const struct pelt_digest *b);

#endif
