#include "compare/drawn_digest.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/autocorrelated.h"
#include "pelt/student.h"

static const char *const meta[] = {"scenario", "chat", "plan", "50/s for 5m", "loop", "open"};

static char **copy_meta(void)
{
    char **copy = calloc(sizeof meta / sizeof *meta + 1, sizeof *copy);
    assert(copy != NULL);
    for (size_t i = 0; i < sizeof meta / sizeof *meta; i++) {
        copy[i] = strdup(meta[i]);
    }
    return copy;
}

static struct pelt_digest_series *make_series(struct pelt_digest *d)
{
    struct pelt_digest_series *s = calloc(1, sizeof *s);
    assert(s != NULL);
    *s = (struct pelt_digest_series){.kind = PELT_DIGEST_REQUEST,
                                     .name = strdup("chat"),
                                     .unit = "ms",
                                     .scale = 1000,
                                     .is_time = true,
                                     .better = -1};
    s->hist = calloc(d->pieces, sizeof *s->hist);
    s->list = calloc(d->pieces, sizeof *s->list);
    s->part = calloc(d->pieces, sizeof *s->part);
    s->ok = calloc(d->pieces, sizeof *s->ok);
    s->whole = calloc(d->pieces, sizeof *s->whole);
    for (size_t i = 0; i < d->pieces; i++) {
        s->list[i] = &s->hist[i];
    }
    return s;
}

/* Log-normal factors of times within a second: as many equally likely ones; drawing one of them is
 * a tenth of the work of drawing a normal number. */
#define FACTORS 4096

static const double *factors_of(const struct drawn_run *run)
{
    static double factors[FACTORS], within = -1; /* those of the last run, mostly the same */
    for (int i = 0; within != run->within && i < FACTORS; i++) {
        factors[i] = exp(run->within * pelt_normal_quantile((i + 0.5) / FACTORS));
    }
    within = run->within;
    return factors;
}

static void draw_second(const struct drawn_run *run, const double *factors, struct pelt_digest *d,
                        size_t piece, double level, struct pelt_rng *rng)
{
    struct pelt_digest_series *s = d->series;
    /* Beyond the 90% of all seconds together. */
    const double edge = run->median_us * exp(1.2816 * hypot(run->within, run->between));
    const uint64_t failing = (uint64_t)(run->error_share * 1e6);
    for (int32_t i = 0; i < run->per_second; i++) {
        double us = run->median_us * level * factors[pelt_rng_below(rng, FACTORS)];
        bool failed = failing > 0 && pelt_rng_below(rng, 1000000) < failing;
        us = us > edge ? us * run->tail : us;
        pelt_hist_record(&s->hist[piece], &d->pool, (uint64_t)(us + 0.5));
        s->whole[piece]++;
        s->part[piece] += failed;
        s->ok[piece] += !failed;
    }
}

struct pelt_digest *drawn_digest(const struct drawn_run *run)
{
    struct pelt_digest *d = calloc(1, sizeof *d);
    struct pelt_rng rng;
    const double *factors = factors_of(run);
    assert(d != NULL);
    pelt_rng_init(&rng, run->seed, 0);
    size_t most = run->pieces > 0 ? run->pieces : PELT_DIGEST_PIECES;
    int32_t piece_s = (run->seconds + (int32_t)most - 1) / (int32_t)most;
    *d = (struct pelt_digest){.path = strdup("runs/drawn.pelt"),
                              .meta = copy_meta(),
                              .start_s = (double)run->seed,
                              .duration_s = run->seconds,
                              .finished = true,
                              .seconds = run->seconds,
                              .to = run->seconds,
                              .pieces = (size_t)((run->seconds + piece_s - 1) / piece_s),
                              .len = 1};
    pelt_hist_pool_init(&d->pool, NULL);
    d->lengths = calloc(d->pieces, sizeof *d->lengths);
    d->series = make_series(d);
    double of_run = pelt_rng_normal(&rng, 0, run->run_spread);
    struct autocorrelated level = autocorrelated_begin(&rng, run->phi);
    for (int32_t t = 0; t < run->seconds; t++) {
        double at = of_run + run->between * autocorrelated_next(&level);
        d->lengths[t / piece_s]++;
        draw_second(run, factors, d, (size_t)(t / piece_s), exp(at), &rng);
    }
    bool whole = pelt_digest_settle(d);
    assert(whole);
    (void)whole;
    return d;
}
