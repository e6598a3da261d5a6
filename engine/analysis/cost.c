/* cost: see the header. */
#include "pelt/cost.h"

#include <assert.h>
#include <math.h>

#define SECONDS_AN_HOUR 3600
#define ROUNDING        1e-9 /* of what is a whole number but for rounding */

double pelt_cost_per(double price_per_h, double instances, double per_s, double units)
{
    return per_s > 0 ? price_per_h * instances / (per_s * SECONDS_AN_HOUR) * units : NAN;
}

double pelt_cost_instances(double demand_per_s, double headroom, double one_per_s)
{
    if (!(one_per_s > 0)) {
        return NAN;
    }
    return fmax(ceil(demand_per_s * (1 + headroom) / one_per_s * (1 - ROUNDING)), 1);
}

double pelt_violations_at(const struct pelt_violations *v, double load_per_s)
{
    assert(v->len > 0);
    for (size_t i = 0; i < v->len; i++) {
        if (load_per_s <= v->load_per_s[i]) {
            if (i == 0) {
                return v->share[0];
            }
            const double part =
                (load_per_s - v->load_per_s[i - 1]) / (v->load_per_s[i] - v->load_per_s[i - 1]);
            return v->share[i - 1] + part * (v->share[i] - v->share[i - 1]);
        }
    }
    return v->share[v->len - 1];
}

struct pelt_scaling pelt_cost_scaling(const struct pelt_violations *v, double demand_per_s,
                                      double from, double to, double price_per_h, double penalty)
{
    struct pelt_scaling s = {
        .cost_per_h = (to - from) * price_per_h,
        .share_from = pelt_violations_at(v, demand_per_s / from),
        .share_to = pelt_violations_at(v, demand_per_s / to),
    };
    s.avoided_per_h = (s.share_from - s.share_to) * demand_per_s * SECONDS_AN_HOUR;
    s.break_even = s.avoided_per_h > 0 ? s.cost_per_h / s.avoided_per_h : INFINITY;
    s.net_per_h = s.avoided_per_h * penalty - s.cost_per_h;
    return s;
}
