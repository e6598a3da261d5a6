/*
 * figures: see the header.
 */
#include "figures.h"

#include <math.h>

#include "pelt/clock.h"

const char *const live_percentile_names[LIVE_PERCENTILES] = {"p50", "p95", "p99"};
static const double percentiles[LIVE_PERCENTILES] = {50, 95, 99};

const char *live_phase_name(enum pelt_phase phase)
{
    static const char *const names[] = {"setup", "load", "grace", "teardown"};
    return names[phase];
}

void live_percentiles_make(const struct pelt_hist *of, struct live_percentiles *out)
{
    for (int p = 0; p < LIVE_PERCENTILES; p++) {
        out->known[p] = of->count > 0 && of->count >= pelt_hist_samples_needed(percentiles[p]);
        out->us[p] = pelt_hist_percentile_us(of, percentiles[p]);
    }
}

static void add_percentiles(const struct pelt_frame *frame, struct pelt_hist_pool *pool,
                            struct live_percentiles *out)
{
    struct pelt_hist sum = {0};
    for (uint32_t i = 0; i < frame->requests_len; i++) {
        if (frame->requests[i] != NULL) {
            pelt_hist_add(&sum, pool, &frame->requests[i]->hist[PELT_HIST_RESPONSE]);
        }
    }
    live_percentiles_make(&sum, out);
    pelt_hist_reset(&sum, pool);
}

static void add_iterations(const struct pelt_plan *plan, uint64_t ended, struct live_figures *out)
{
    const uint64_t most = pelt_plan_iterations(plan);
    double done = most > 0 ? (double)ended / (double)most : 0;
    out->done = done > out->done ? done : out->done;
    out->iterations = ended;
    out->iterations_most = plan->endless ? most : 0;
}

void live_figures_make(const struct pelt_live *live, struct pelt_hist_pool *pool,
                       struct live_figures *out)
{
    double elapsed_s = live->elapsed_s > 0 ? live->elapsed_s : 0;
    double left_s = live->length_s > elapsed_s ? live->length_s - elapsed_s : 0;
    const uint64_t errors = live->ended - live->ok - live->abandoned;
    *out = (struct live_figures){
        .phase = live->phase,
        .elapsed_s = elapsed_s,
        .left_s = left_s,
        .done = live->length_s > 0 ? 1 - left_s / live->length_s : 0,
        .open = live->plan->loop == PELT_LOOP_OPEN,
        .level = pelt_plan_mixed(live->plan)
                     ? NAN
                     : pelt_plan_level(live->plan, (uint64_t)(elapsed_s * (double)PELT_NS_PER_S)),
        .started = live->started,
        .errors = errors,
        .error_share = live->ended > 0 ? (double)errors / (double)live->ended : 0,
    };
    if (live->plan->endless && pelt_plan_iterations(live->plan) == 0) {
        out->left_s = NAN; /* of several loads, some end by their iterations */
    }
    if (live->second != NULL) {
        out->has_second = true;
        out->users = live->second->users;
        out->waiting = live->second->waiting;
        out->started_per_s = (double)pelt_frame_counts(live->second).started;
        add_percentiles(live->second, pool, &out->now);
    }
    if (live->total != NULL) {
        add_iterations(live->plan, live->total->iterations, out);
        out->dropped = live->total->dropped;
        add_percentiles(live->total, pool, &out->all);
    }
}
