/*
 * saturation: see the header.
 */
#include "saturation.h"

#include <math.h>

#define KEPT        (PELT_SATURATED_S + 1)
#define SMOOTH_S    5    /* over which what ends a second is taken */
#define LEAST_S     0.05 /* shorter times count as this: too little piles up to tell */
#define GROWN_LEAST (PELT_SATURATED_S - 2) /* of the seconds: in so many the backlog grows */

/* i = 0: the newest second. */
static uint64_t backlog_before(const struct pelt_saturation *s, uint64_t i)
{
    return s->last[(s->seconds - 1 - i) % KEPT].backlog;
}

static double time_spent(const struct pelt_saturation *s)
{
    uint64_t ended = 0, n = s->seconds < SMOOTH_S ? s->seconds : SMOOTH_S;
    for (uint64_t i = 0; i < n; i++) {
        ended += s->last[(s->seconds - 1 - i) % KEPT].ended;
    }
    return ended > 0 ? (double)s->backlog * (double)n / (double)ended : HUGE_VAL;
}

static bool piles_up(const struct pelt_saturation *s)
{
    uint64_t arrived = 0, ended = 0;
    unsigned grown = 0;
    for (uint64_t i = 0; i < PELT_SATURATED_S; i++) {
        arrived += s->last[(s->seconds - 1 - i) % KEPT].arrived;
        ended += s->last[(s->seconds - 1 - i) % KEPT].ended;
        grown += backlog_before(s, i) > backlog_before(s, i + 1);
    }
    return grown >= GROWN_LEAST && s->backlog > backlog_before(s, PELT_SATURATED_S) &&
           (double)ended < PELT_SATURATED_SHARE * (double)arrived;
}

bool pelt_saturation_add(struct pelt_saturation *s, uint64_t arrived, uint64_t dropped,
                         uint64_t ended)
{
    const uint64_t all = s->backlog + arrived, gone = ended + dropped;
    s->backlog = all > gone ? all - gone : 0;
    s->last[s->seconds % KEPT].backlog = s->backlog;
    s->last[s->seconds % KEPT].arrived = arrived;
    s->last[s->seconds % KEPT].ended = ended;
    s->seconds++;
    s->most = s->backlog > s->most ? s->backlog : s->most;
    s->now_s = time_spent(s);
    const double floor_s = s->now_s > LEAST_S ? s->now_s : LEAST_S;
    s->least_s = s->seconds == 1 ? floor_s : fmin(s->least_s, floor_s);
    return s->seconds > PELT_SATURATED_S && s->backlog == s->most &&
           s->now_s >= PELT_SATURATED_TIMES * s->least_s && piles_up(s);
}
