/*
 * ontime: see the header. A step is a second, as CPU time is told by the second; the half second
 * behind the last one lets it be seen.
 */
#include "pelt/ontime.h"

#include <math.h>
#include <stdatomic.h>
#include <string.h>

#include "own_run.h"

#define ON_TIME 0.97 /* of a step's arrivals that must have ended in its second */
#define LAST    (PELT_ONTIME_STEPS - 1)

static const double SHARES[PELT_ONTIME_STEPS] = {0.1, 0.3, 0.7}; /* of the most */

struct watch {
    struct {
        uint64_t cpu_ns, iterations;
        bool known;
    } until[PELT_ONTIME_STEPS]; /* the end of each step, since the start */
    _Atomic uint64_t skipped_ns;
};

static void on_live(void *arg, const struct pelt_live *live)
{
    struct watch *w = arg;
    if (live->phase == PELT_PHASE_LOAD && live->second != NULL && live->second->second >= 0 &&
        live->second->second <= LAST) {
        w->until[live->second->second].cpu_ns = live->total->cpu_ns;
        w->until[live->second->second].iterations = live->total->iterations;
        w->until[live->second->second].known = true;
    }
}

static enum pelt_status make_steps(struct pelt_plan *plan, uint64_t users, double most_per_s)
{
    const double rest = SHARES[0] * most_per_s;
    pelt_plan_init(plan, PELT_LOOP_OPEN);
    plan->grace_ns = PELT_NS_PER_S;
    plan->users_max = users;
    enum pelt_status status = PELT_OK;
    for (int i = 0; i < PELT_ONTIME_STEPS && status == PELT_OK; i++) {
        const double rate = SHARES[i] * most_per_s;
        status = pelt_plan_add(plan, PELT_NS_PER_S, rate, rate);
    }
    return status == PELT_OK ? pelt_plan_add(plan, PELT_NS_PER_S / 2, rest, rest) : status;
}

/* Of a closed loop beside arrivals a load is left that takes next to nothing. */
static enum pelt_status make_trickle(struct pelt_plan *plan)
{
    pelt_plan_init(plan, PELT_LOOP_OPEN);
    plan->grace_ns = PELT_NS_PER_S;
    plan->users_max = 1;
    return pelt_plan_add(plan, PELT_NS_PER_S, 1, 1);
}

/* The arrivals of a mix come in the proportions of its loads. */
static enum pelt_status make_mix(struct pelt_plan *mix, const struct pelt_plan *asked,
                                 uint64_t users, double most_per_s)
{
    enum pelt_status status = PELT_OK;
    double all = 0;
    for (size_t i = 0; i < asked->parts_len; i++) {
        all += asked->parts[i].loop == PELT_LOOP_OPEN ? pelt_plan_peak(&asked->parts[i]) : 0;
    }
    pelt_plan_init(mix, PELT_LOOP_OPEN);
    mix->grace_ns = PELT_NS_PER_S;
    for (size_t i = 0; i < asked->parts_len && status == PELT_OK; i++) {
        const struct pelt_plan *load = &asked->parts[i];
        const double share = pelt_plan_peak(load) / all;
        struct pelt_plan part;
        status = load->loop == PELT_LOOP_OPEN
                     ? make_steps(&part, (uint64_t)ceil((double)users * share), share * most_per_s)
                     : make_trickle(&part);
        if (status != PELT_OK) {
            pelt_plan_deinit(&part);
        } else {
            status = pelt_plan_add_part(mix, &part, load->name, 0);
        }
    }
    return status;
}

static enum pelt_status make_plan(struct pelt_plan *plan, const struct pelt_plan *asked,
                                  uint64_t users, double most_per_s)
{
    return asked->parts_len > 0 ? make_mix(plan, asked, users, most_per_s)
                                : make_steps(plan, users, most_per_s);
}

/* A step that was not seen, or whose beginning was not, is left out. */
static void note_steps(const struct watch *w, double most_per_s, struct pelt_ontime *out)
{
    for (int i = 0; i < PELT_ONTIME_STEPS; i++) {
        if (!w->until[i].known || (i > 0 && !w->until[i - 1].known)) {
            continue;
        }
        const uint64_t cpu_ns = w->until[i].cpu_ns - (i > 0 ? w->until[i - 1].cpu_ns : 0);
        const uint64_t done = w->until[i].iterations - (i > 0 ? w->until[i - 1].iterations : 0);
        const double per_s = SHARES[i] * most_per_s, share = (double)cpu_ns / 1e9;
        out->step[out->steps++] = (struct pelt_ontime_step){
            .per_s = per_s,
            .cpu_share = (double)done < ON_TIME * per_s ? 1 : share,
        };
    }
}

enum pelt_status pelt_ontime_measure(const struct pelt_run_options *run,
                                     const struct pelt_null_server *server, uint64_t users,
                                     double most_per_s, struct pelt_ontime *out, int *signal,
                                     struct pelt_error *err)
{
    static struct watch w; /* a thread that was given up may still add to it */
    struct pelt_plan plan;
    struct pelt_results *results = NULL;
    memset(&w, 0, sizeof w);
    *out = (struct pelt_ontime){0};
    if (make_plan(&plan, run->plan, users, most_per_s) != PELT_OK) {
        pelt_plan_deinit(&plan);
        return pelt_fail(err, PELT_ENOMEM, "out of memory");
    }
    const struct pelt_own_run own = {.asked = run,
                                     .plan = &plan,
                                     .server = server,
                                     .skipped_ns = &w.skipped_ns,
                                     .on_live = on_live,
                                     .arg = &w};
    const enum pelt_status status = pelt_own_run(&own, &results, signal, err);
    if (status == PELT_OK && *signal == 0) {
        note_steps(&w, most_per_s, out);
    }
    pelt_results_free(results);
    pelt_plan_deinit(&plan);
    return status;
}

/* ---- between the steps ---- */

/* On the line through both points, where y is wanted. */
static double along(double x, double x0, double y0, double x1, double y1)
{
    return x1 > x0 ? y0 + (y1 - y0) * (x - x0) / (x1 - x0) : y1;
}

/* Below the first step an arrival costs what it does there; behind the last one, what a thread that
 * is always busy takes for it, where that is more. */
double pelt_ontime_cpu_share(const struct pelt_ontime *o, double per_s, double most_per_s)
{
    const double busy = per_s / most_per_s;
    double from = 0, from_share = 0;
    for (size_t i = 0; i < o->steps; i++) {
        if (per_s <= o->step[i].per_s) {
            return along(per_s, from, from_share, o->step[i].per_s, o->step[i].cpu_share);
        }
        from = o->step[i].per_s;
        from_share = o->step[i].cpu_share;
    }
    return fmax(from_share, busy);
}

double pelt_ontime_per_s(const struct pelt_ontime *o, double cpu_share, double most_per_s)
{
    double from = 0, from_share = 0;
    for (size_t i = 0; i < o->steps; i++) {
        if (o->step[i].cpu_share >= cpu_share) {
            return fmin(most_per_s,
                        along(cpu_share, from_share, from, o->step[i].cpu_share, o->step[i].per_s));
        }
        from = o->step[i].per_s;
        from_share = o->step[i].cpu_share;
    }
    return cpu_share * most_per_s;
}
