/*
 * cost: what answers cost, how many instances a demand takes, and whether one more pays. Money has
 * no currency here: what a price was given in.
 *
 * Instances add up in a line: n of them serve n times what one does (they share nothing that gets
 * scarce). That is the assumption, and whoever shows such figures says so.
 *
 * Cost per unit: price per hour * instances / (goodput * 3600), as cloud and serving benchmarks
 * have it. Pure functions.
 */
#ifndef PELT_COST_H
#define PELT_COST_H

#include <stddef.h>

/* Of `units` (1,000 requests, 1,000,000 tokens) of which `per_s` are got a second. NaN: none are.
 */
double pelt_cost_per(double price_per_h, double instances, double per_s, double units);

/* The least whole number of instances, at least 1, that serve demand * (1 + headroom) where one
 * serves `one_per_s`. NaN where that is not above 0. */
double pelt_cost_instances(double demand_per_s, double headroom, double one_per_s);

/* What share of the requests break the SLO at what load on one instance: as measured, at levels
 * that rise; in between a straight line, below the first and above the last what they have. */
struct pelt_violations {
    const double *load_per_s, *share;
    size_t len; /* at least 1 */
};
double pelt_violations_at(const struct pelt_violations *v, double load_per_s);

/* A step from some instances to more, at a demand that is spread evenly. */
struct pelt_scaling {
    double cost_per_h;           /* more than before */
    double share_from, share_to; /* of the requests that break the SLO */
    double avoided_per_h;        /* requests that no longer do; may be below 0 */
    double break_even; /* the cost of one at which the step pays; INFINITY: it never does */
    double net_per_h;  /* avoided * penalty - cost; NaN: no penalty is known */
};
/* `penalty`: what a request costs that breaks the SLO; NaN: not known. */
struct pelt_scaling pelt_cost_scaling(const struct pelt_violations *v, double demand_per_s,
                                      double from, double to, double price_per_h, double penalty);

#endif
