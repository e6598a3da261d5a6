/*
 * taint: how much of the slowest 1% of all response times was the generator's own doing. The times
 * without its stalls are all times less the tainted ones, counter by counter, and with these as
 * they are without what stalls can have added (run files of before that was recorded: without
 * them).
 */
#include "pelt/results.h"

/* The response times of all requests together. */
static void add_responses(struct pelt_hist *all, struct pelt_hist_pool *pool,
                          const struct pelt_frame *f)
{
    for (uint32_t id = 0; id < f->requests_len; id++) {
        if (f->requests[id] != NULL) {
            pelt_hist_add(all, pool, &f->requests[id]->hist[PELT_HIST_RESPONSE]);
        }
    }
}

/* A walk that looks one counter ahead. */
struct ahead {
    struct pelt_hist_walker walker;
    unsigned index;
    uint64_t count;
    bool any;
};

static void step(struct ahead *a)
{
    a->any = pelt_hist_walker_next(&a->walker, &a->index, &a->count);
}

static void begin(struct ahead *a, const struct pelt_hist *h)
{
    pelt_hist_walker_init(&a->walker, h);
    step(a);
}

/* What counter `index` has of the tainted ones; indexes must rise from call to call. */
static uint64_t tainted_at(struct ahead *tainted, unsigned index)
{
    while (tainted->any && tainted->index < index) {
        step(tainted);
    }
    return tainted->any && tainted->index == index ? tainted->count : 0;
}

static void split(const struct pelt_hist *all, const struct pelt_hist *tainted,
                  struct pelt_hist_pool *pool, struct pelt_hist *clean, struct pelt_taint *out)
{
    const unsigned from = pelt_hist_index(out->p99_us);
    struct ahead a, t;
    begin(&t, tainted);
    for (begin(&a, all); a.any; step(&a)) {
        uint64_t of_it = tainted_at(&t, a.index);
        if (a.count > of_it) {
            pelt_hist_record_n(clean, pool, pelt_hist_highest_us(a.index), a.count - of_it);
        }
        if (a.index >= from) {
            out->tail += a.count;
            out->tail_tainted += of_it;
        }
    }
}

bool pelt_results_taint(const struct pelt_results *r, struct pelt_taint *out)
{
    struct pelt_hist all = {0}, clean = {0};
    struct pelt_hist_pool pool;
    pelt_hist_pool_init(&pool, NULL);
    *out = (struct pelt_taint){0};
    add_responses(&all, &pool, r->total);
    bool enough = r->taint_known && all.count >= pelt_hist_samples_needed(99);
    if (enough) {
        out->p99_us = pelt_hist_percentile_us(&all, 99);
        split(&all, &r->total->hist[PELT_RUNHIST_TAINTED], &pool, &clean, out);
        pelt_hist_add(&clean, &pool, &r->total->hist[PELT_RUNHIST_RELIEVED]);
        if (clean.count >= pelt_hist_samples_needed(99)) {
            out->clean_p99_us = pelt_hist_percentile_us(&clean, 99);
        }
    }
    pelt_hist_reset(&all, &pool);
    pelt_hist_reset(&clean, &pool);
    pelt_hist_pool_deinit(&pool);
    return enough;
}
