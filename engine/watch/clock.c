/*
 * clock: see the header. Times are taken as differences to a point's before they become doubles, so
 * that no precision is lost however long hosts are up.
 */
#include "clock.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

#define AGENT_NS_MAX (INT64_MAX / 4) /* 73 years of uptime: sums of four stay within int64_t */

static const struct pelt_watch_point *newest(const struct pelt_watch_clock *c, size_t back)
{
    assert(back < c->len);
    return &c->point[(c->next + PELT_WATCH_POINTS - 1 - back) % PELT_WATCH_POINTS];
}

static double seconds_since(uint64_t now_ns, uint64_t then_ns) /* in ns, signed */
{
    return (double)(int64_t)(now_ns - then_ns);
}

/* ---- the offset at a time ---- */

/* How far off a point's offset may be, carried over to another time. */
static double bound_at(const struct pelt_watch_clock *c, const struct pelt_watch_point *p,
                       uint64_t run_ns)
{
    return p->half_ns + fabs(seconds_since(run_ns, p->at_ns)) * c->drift_bound;
}

static const struct pelt_watch_point *best(const struct pelt_watch_clock *c, uint64_t run_ns)
{
    const struct pelt_watch_point *found = newest(c, 0);
    for (size_t back = 1; back < c->len && back < PELT_WATCH_WINDOW; back++) {
        if (bound_at(c, newest(c, back), run_ns) < bound_at(c, found, run_ns)) {
            found = newest(c, back);
        }
    }
    return found;
}

struct pelt_watch_offset pelt_watch_clock_at(const struct pelt_watch_clock *c, uint64_t run_ns)
{
    const struct pelt_watch_point *p = best(c, run_ns);
    double drifted_ns = seconds_since(run_ns, p->at_ns) * c->drift;
    return (struct pelt_watch_offset){
        .offset_ns = p->offset_ns + (int64_t)llround(drifted_ns),
        .bound_ns = (uint64_t)ceil(bound_at(c, p, run_ns)),
        .delay_ns = p->delay_ns,
    };
}

uint64_t pelt_watch_clock_to_run(const struct pelt_watch_clock *c, int64_t agent_ns)
{
    /* The offset is asked for at about the right time; what that is wrong by counts as drift of
     * drift. */
    int64_t about_ns = agent_ns - newest(c, 0)->offset_ns;
    if (about_ns < 0) {
        return 0;
    }
    int64_t run_ns = agent_ns - pelt_watch_clock_at(c, (uint64_t)about_ns).offset_ns;
    return run_ns < 0 ? 0 : (uint64_t)run_ns;
}

/* ---- the drift ---- */

static double weight(const struct pelt_watch_point *p)
{
    return 1 / (p->half_ns * p->half_ns);
}

/* Points that are young enough, newest first: their number. */
static size_t young(const struct pelt_watch_clock *c)
{
    size_t n = 1;
    while (n < c->len && newest(c, 0)->at_ns - newest(c, n)->at_ns <= PELT_WATCH_HORIZON_NS) {
        n++;
    }
    return n;
}

/*
 * Weighted least squares: slope = sum of g y with g = w (t - mean t) / sum of w (t - mean t)^2. An
 * error of at most h in each y is one of at most sum of |g| h in the slope, whichever way errors
 * go.
 */
static void fit(const struct pelt_watch_clock *c, size_t n, double *slope, double *error)
{
    const struct pelt_watch_point *zero = newest(c, 0);
    double w = 0, wt = 0, spread = 0;
    for (size_t i = 0; i < n; i++) {
        const struct pelt_watch_point *p = newest(c, i);
        w += weight(p);
        wt += weight(p) * seconds_since(p->at_ns, zero->at_ns);
    }
    for (size_t i = 0; i < n; i++) {
        const struct pelt_watch_point *p = newest(c, i);
        double t = seconds_since(p->at_ns, zero->at_ns) - wt / w;
        spread += weight(p) * t * t;
    }
    *slope = 0;
    *error = 0;
    for (size_t i = 0; i < n; i++) {
        const struct pelt_watch_point *p = newest(c, i);
        double t = seconds_since(p->at_ns, zero->at_ns) - wt / w;
        double g = spread > 0 ? weight(p) * t / spread : 0;
        *slope += g * (double)(p->offset_ns - zero->offset_ns);
        *error += fabs(g) * p->half_ns;
    }
    if (spread <= 0) {
        *error = INFINITY;
    }
}

/* What the points say of the drift, and what any clock's is within: the part that both allow. */
static void find_drift(struct pelt_watch_clock *c)
{
    double slope, error;
    fit(c, young(c), &slope, &error);
    double low = fmax(slope - error, -PELT_WATCH_DRIFT_MAX);
    double high = fmin(slope + error, PELT_WATCH_DRIFT_MAX);
    if (low > high) { /* a clock that goes more wrong than any should: what was measured counts */
        low = slope - error;
        high = slope + error;
    }
    c->drift = (low + high) / 2;
    c->drift_bound = (high - low) / 2 + PELT_WATCH_WANDER;
}

/* ---- exchanges ---- */

static bool may_be(const struct pelt_watch_exchange *x)
{
    if (x->t2_ns < 0 || x->t3_ns < x->t2_ns || x->t3_ns > AGENT_NS_MAX || x->t4_ns < x->t1_ns ||
        x->t4_ns > (uint64_t)AGENT_NS_MAX) {
        return false;
    }
    double here_ns = (double)(x->t4_ns - x->t1_ns), there_ns = (double)(x->t3_ns - x->t2_ns);
    return there_ns <= here_ns * (1 + 2 * PELT_WATCH_DRIFT_MAX) + 1000;
}

static struct pelt_watch_point point_of(const struct pelt_watch_exchange *x)
{
    int64_t t1_ns = (int64_t)x->t1_ns, t4_ns = (int64_t)x->t4_ns;
    int64_t delay_ns = (t4_ns - t1_ns) - (x->t3_ns - x->t2_ns);
    delay_ns = delay_ns > 0 ? delay_ns : 0;
    return (struct pelt_watch_point){
        .at_ns = x->t1_ns + (x->t4_ns - x->t1_ns) / 2,
        .offset_ns = ((x->t2_ns - t1_ns) + (x->t3_ns - t4_ns)) / 2,
        .delay_ns = (uint64_t)delay_ns,
        /* Beside half the delay: what drifted during the exchange, and what rounding takes. */
        .half_ns = (double)delay_ns / 2 + (double)(t4_ns - t1_ns) * PELT_WATCH_DRIFT_MAX + 1,
    };
}

/* The point and what was foreseen exclude each other: *off_ns lie between them, give or take
 * *bound_ns. */
static bool contradicts(const struct pelt_watch_clock *c, const struct pelt_watch_point *p,
                        int64_t *off_ns, uint64_t *bound_ns)
{
    struct pelt_watch_offset foreseen = pelt_watch_clock_at(c, p->at_ns);
    *off_ns = p->offset_ns - foreseen.offset_ns;
    *bound_ns = (uint64_t)ceil(p->half_ns) + foreseen.bound_ns;
    return (uint64_t)llabs(*off_ns) > *bound_ns;
}

enum pelt_status pelt_watch_clock_add(struct pelt_watch_clock *c,
                                      const struct pelt_watch_exchange *x, bool *jumped)
{
    *jumped = false;
    if (!may_be(x)) {
        return PELT_EINVAL;
    }
    struct pelt_watch_point p = point_of(x);
    int64_t off_ns;
    uint64_t bound_ns;
    if (c->len > 0 && contradicts(c, &p, &off_ns, &bound_ns)) {
        pelt_watch_clock_forget(c);
        c->jumps++;
        c->jump_ns = off_ns;
        c->jump_bound_ns = bound_ns;
        *jumped = true;
    }
    c->point[c->next] = p;
    c->next = (c->next + 1) % PELT_WATCH_POINTS;
    c->len += c->len < PELT_WATCH_POINTS;
    c->exchanges++;
    find_drift(c);
    return PELT_OK;
}

bool pelt_watch_clock_unlucky(const struct pelt_watch_clock *c)
{
    const struct pelt_watch_point *p = newest(c, 0);
    return p->half_ns > 2 * bound_at(c, best(c, p->at_ns), p->at_ns);
}

void pelt_watch_clock_forget(struct pelt_watch_clock *c)
{
    c->len = 0;
    c->next = 0;
}
