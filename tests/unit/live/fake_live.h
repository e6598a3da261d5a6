/*
 * fake_live: a run in the middle of its load, for tests of the live displays. Owns its frames and
 * plan.
 */
#ifndef FAKE_LIVE_H
#define FAKE_LIVE_H

#include "pelt/run.h"

struct fake_live {
    struct pelt_plan plan;
    struct pelt_frame *second, *total;
    struct pelt_live live;
};

/* `samples` answers of 10 ms in the newest second, ten times as many in all; 12 of 30 s are over.
 */
static inline void fake_live_init(struct fake_live *f, enum pelt_loop loop, uint64_t samples)
{
    pelt_plan_init(&f->plan, loop);
    if (pelt_plan_add(&f->plan, 30000000000, 200, 200) != PELT_OK) {
        abort();
    }
    struct pelt_frame *frames[] = {pelt_frame_new(NULL), pelt_frame_new(NULL)};
    for (int i = 0; i < 2; i++) {
        uint64_t n = i == 0 ? samples : 10 * samples;
        struct pelt_request_frame *r = pelt_frame_request(frames[i], 1);
        r->started = n;
        r->outcomes[PELT_OUTCOME_OK] = n;
        pelt_hist_record_n(&r->hist[PELT_HIST_RESPONSE], &frames[i]->pool, 10000, n);
    }
    f->second = frames[0];
    f->total = frames[1];
    f->second->users = 198;
    f->live = (struct pelt_live){
        .phase = PELT_PHASE_LOAD,
        .name = "chat-burst",
        .plan = &f->plan,
        .elapsed_s = 12,
        .length_s = 30,
        .second = f->second,
        .total = f->total,
        .started = 10 * samples,
        .ended = 10 * samples,
        .ok = 10 * samples,
    };
}

static inline void fake_live_deinit(struct fake_live *f)
{
    pelt_frame_free(f->second);
    pelt_frame_free(f->total);
    pelt_plan_deinit(&f->plan);
}

#endif
