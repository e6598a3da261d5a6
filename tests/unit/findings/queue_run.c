/*
 * queue_run: see the header. Requests are served in the order in which they come by whoever is free
 * first, so each one's end is known as soon as it arrives.
 */
#include "queue_run.h"

#include <assert.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pelt/clock.h"
#include "pelt/own_metric.h"
#include "pelt/rng.h"

#define WORKERS_MAX 64

struct writing {
    struct queue_run *q;
    struct pelt_frame **frames; /* of each second */
    struct pelt_registry *names;
    int32_t seconds;
    struct pelt_rng rng;
    double free_s[WORKERS_MAX]; /* when each worker is */
};

void queue_run_add(struct queue_run *q, const char *part, unsigned span, double level,
                   double length_s)
{
    assert(q->stages_len < QUEUE_STAGES_MAX);
    double from_s = q->stages_len > 0 ? q->stages[q->stages_len - 1].to_s : 0;
    struct pelt_stage_row *s = &q->stages[q->stages_len++];
    *s = (struct pelt_stage_row){
        .from_s = from_s, .to_s = from_s + length_s, .from = level, .to = level, .span = span};
    snprintf(s->part, sizeof s->part, "%s", part);
}

static double length_of(const struct queue_run *q)
{
    return q->stages[q->stages_len - 1].to_s;
}

static struct pelt_frame *frame_at(struct writing *w, double at_s)
{
    int32_t t = (int32_t)at_s;
    t = t < w->seconds ? t : w->seconds - 1;
    return w->frames[t];
}

static struct pelt_slot *slot_at(struct writing *w, double at_s)
{
    struct pelt_frame *f = frame_at(w, at_s);
    double slot = fmin(floor((at_s - f->second) * PELT_FRAME_SLOTS), PELT_FRAME_SLOTS - 1);
    return &f->slots[(int)slot];
}

static double mean_service_s(const struct queue_run *q, double at_s)
{
    double mean_s = q->service_s * (1 + q->drift * at_s / length_of(q));
    return at_s < q->warmup_s ? mean_s * q->warmup_times : mean_s;
}

/* When the request that arrives at `at_s` is answered. */
static double serve(struct writing *w, double at_s)
{
    unsigned first = 0;
    for (unsigned i = 1; i < w->q->workers; i++) {
        first = w->free_s[i] < w->free_s[first] ? i : first;
    }
    double begin_s = fmax(at_s, w->free_s[first]);
    w->free_s[first] = begin_s + pelt_rng_exponential(&w->rng, mean_service_s(w->q, at_s));
    return w->free_s[first] + w->q->floor_s;
}

static void note_cache(struct writing *w, struct pelt_frame *f, uint64_t us)
{
    const bool hit = pelt_rng_uniform(&w->rng) < w->q->hit_share;
    struct pelt_metric_frame *m = pelt_frame_metric(
        f, pelt_own_metric_series(pelt_registry_metrics(w->names), PELT_OWN_CACHE_LATENCY,
                                  hit ? "cache=hit,name=chat" : "cache=miss,name=chat"));
    m->values++;
    pelt_hist_record_n(&m->hist, &f->pool, us, 1);
}

static void request(struct writing *w, double at_s)
{
    double end_s = serve(w, at_s);
    struct pelt_frame *begun = frame_at(w, at_s), *ended = frame_at(w, end_s);
    struct pelt_request_frame *r = pelt_frame_request(begun, 1);
    r->started++;
    begun->planned++;
    begun->flight_ns -= (uint64_t)llround(at_s * 1e9);
    slot_at(w, at_s)->started++;
    pelt_hist_record_n(&begun->hist[PELT_RUNHIST_SEND_LAG], &begun->pool, 12, 1);
    if (end_s >= w->seconds) {
        return; /* in flight at the end */
    }
    bool failed = pelt_rng_uniform(&w->rng) < w->q->error_share;
    uint64_t us = (uint64_t)llround((end_s - at_s) * 1e6);
    r = pelt_frame_request(ended, 1);
    r->outcomes[failed ? PELT_OUTCOME_HTTP_STATUS : PELT_OUTCOME_OK]++;
    if (failed) {
        pelt_frame_error(ended, 1, PELT_OUTCOME_HTTP_STATUS, (uint64_t)(end_s * 1e9), "status 503");
    }
    r->bytes_sent += 120;
    r->bytes_received += 450;
    if (w->q->hit_share > 0) {
        note_cache(w, ended, us);
    }
    pelt_hist_record_n(&r->hist[PELT_HIST_RESPONSE], &ended->pool, us, 1);
    pelt_hist_record_n(&r->hist[PELT_HIST_SERVICE], &ended->pool, us, 1);
    pelt_hist_record_n(&r->hist[PELT_HIST_WAIT], &ended->pool, us, 1);
    pelt_hist_record_n(&ended->hist[PELT_RUNHIST_ITERATION], &ended->pool, us, 1);
    ended->iterations++;
    ended->flight_ns += (uint64_t)llround(end_s * 1e9);
    slot_at(w, end_s)->ended++;
}

/* The first moment behind the stage at which nothing waits for a worker. */
static void note_recovery(struct writing *w, const struct pelt_stage_row *s, double at_s)
{
    double free_s = w->free_s[0];
    for (unsigned i = 1; i < w->q->workers; i++) {
        free_s = fmin(free_s, w->free_s[i]);
    }
    double *recovered_s = &w->q->recovered_s[s->span - 1];
    if (at_s >= s->to_s && *recovered_s == 0 && free_s <= at_s) {
        *recovered_s = at_s - s->to_s;
    }
}

static void run_queue(struct writing *w)
{
    double at_s = 0;
    const struct pelt_stage_row *spike = NULL;
    for (size_t i = 0; i < w->q->stages_len; i++) {
        const struct pelt_stage_row *s = &w->q->stages[i];
        at_s = s->from_s;
        for (;;) {
            at_s += pelt_rng_exponential(&w->rng, 1 / s->from);
            if (at_s >= s->to_s) {
                break;
            }
            if (spike != NULL) {
                note_recovery(w, spike, at_s);
            }
            request(w, at_s);
        }
        spike = strcmp(s->part, "spike") == 0 ? s : spike;
    }
}

static void put(struct pelt_runfile *f, const char *key, const char *fmt, ...) PELT_PRINTF(3, 4);
static void put(struct pelt_runfile *f, const char *key, const char *fmt, ...)
{
    char text[512];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    enum pelt_status status = pelt_runfile_meta(f, key, text);
    assert(status == PELT_OK);
    (void)status;
}

static void put_meta(struct pelt_runfile *f, const struct queue_run *q)
{
    put(f, "schema", "%d", PELT_RUNFILE_SCHEMA);
    put(f, "run_id", "20261121-080000-%s", q->kind);
    put(f, "scenario", "%s", q->kind);
    put(f, "kind", "run");
    put(f, "start_wall_ns", "1795248000000000000");
    put(f, "plan", "a plan of %zu stages", q->stages_len);
    put(f, "loop", "open");
    put(f, "target", "http://127.0.0.1:18800");
    put(f, "seed", "%llu", (unsigned long long)q->seed);
    put(f, "threads", "1");
    put(f, "hosts", "1");
    put(f, "version", "0.1.0");
    put(f, "load_kind", "%s", q->kind);
    put(f, "load_params", "%s", q->params != NULL ? q->params : "");
    put(f, "duration_ns", "%.0f", length_of(q) * 1e9);
}

static void put_stages(struct pelt_runfile *f, const struct queue_run *q)
{
    for (size_t i = 0; i < q->stages_len; i++) {
        const struct pelt_stage_row *s = &q->stages[i];
        enum pelt_status status = pelt_runfile_stage(f, s);
        assert(status == PELT_OK);
        struct pelt_step_row step = {
            .t_s = s->to_s, .number = s->span, .judgement = PELT_STEP_HOLDS};
        if (q->unjudged) {
            step.judgement = PELT_STEP_UNJUDGED;
            snprintf(step.reason, sizeof step.reason, "p99.9 needs 3688 samples, there are 240");
        }
        if (s->from > q->holds_to) {
            step.judgement = PELT_STEP_BREAKS;
            snprintf(step.slo, sizeof step.slo, "http_response p99 <= 500ms");
            snprintf(step.reason, sizeof step.reason, "http_response p99 <= 500ms: 1.2s");
        }
        if (q->say_steps && s->span > 0) {
            status = pelt_runfile_step(f, &step);
            assert(status == PELT_OK);
        }
        (void)status;
    }
}

struct pelt_results *queue_run_results_in(struct queue_run *q, const char *path)
{
    struct writing w = {.q = q, .seconds = (int32_t)length_of(q)};
    struct pelt_runfile *f = NULL;
    struct pelt_results *r = NULL;
    struct pelt_registry *names = pelt_registry_new();
    enum pelt_status status = pelt_runfile_create(path, &f, NULL);
    assert(status == PELT_OK && names != NULL && q->workers <= WORKERS_MAX);
    w.names = names;
    pelt_registry_intern(names, PELT_NAME_REQUEST, pelt_span_of("chat"));
    put_meta(f, q);
    put_stages(f, q);
    pelt_rng_init(&w.rng, q->seed, 1);
    w.frames = calloc((size_t)w.seconds, sizeof *w.frames);
    for (int32_t t = 0; t < w.seconds; t++) {
        w.frames[t] = pelt_frame_new(NULL);
        w.frames[t]->second = t;
        w.frames[t]->users = 40;
        w.frames[t]->cpu_ns = 50 * PELT_NS_PER_MS;
    }
    run_queue(&w);
    for (int32_t t = 0; t < w.seconds; t++) {
        status = pelt_runfile_second(f, w.frames[t], &w.frames[t], 1, names);
        assert(status == PELT_OK);
        pelt_frame_free(w.frames[t]);
    }
    free(w.frames);
    if (q->watch != NULL) {
        q->watch(f, w.seconds, q->watch_arg);
    }
    const char *reasons[] = {q->verdict_reason, NULL};
    status = pelt_runfile_finish(f, NULL, 0, q->verdict, reasons, 0, NULL);
    assert(status == PELT_OK);
    status = pelt_runfile_results(f, &r, NULL);
    assert(status == PELT_OK);
    status = pelt_runfile_close(f, NULL);
    assert(status == PELT_OK);
    (void)status;
    pelt_registry_free(names);
    return r;
}

struct pelt_results *queue_run_results(struct queue_run *q)
{
    return queue_run_results_in(q, NULL);
}

/* ---- the four kinds ---- */

void queue_run_sustained(struct queue_run *q)
{
    *q = (struct queue_run){.kind = "sustained",
                            .params = "{\"effect\": 0.05, \"family\": 0.01}",
                            .seed = 11,
                            .workers = 8,
                            .service_s = 0.02,
                            .drift = 0.5,
                            .error_share = 0.002};
    queue_run_add(q, "ramp", 0, 60, 5);
    queue_run_add(q, "steady", 1, 120, 120);
    queue_run_add(q, "ramp-down", 0, 60, 5);
}

void queue_run_burst(struct queue_run *q)
{
    *q = (struct queue_run){.kind = "burst",
                            .params = "{\"spikes\": 3, \"tolerance\": 0.1, \"percentile\": 99}",
                            .seed = 12,
                            .workers = 4,
                            .service_s = 0.02};
    queue_run_add(q, "base", 0, 40, 10);
    for (unsigned i = 1; i <= 3; i++) {
        queue_run_add(q, "spike", i, i < 3 ? 150 + 150 * i : 800, 3);
        queue_run_add(q, "base", 0, 40, i < 3 ? 12 : 8);
    }
}

void queue_run_stress(struct queue_run *q)
{
    static const double climb[] = {40, 80, 120, 160, 200, 240}, search[] = {180, 190};
    unsigned span = 1;
    *q = (struct queue_run){
        .kind = "stress",
        .params =
            "{\"slo\": [\"http_response p99 < 500ms\"], \"repeats\": 3, \"resolution\": 0.05}",
        .seed = 13,
        .workers = 4,
        .service_s = 0.02,
        .floor_s = 0.005};
    for (size_t i = 0; i < sizeof climb / sizeof *climb; i++) {
        queue_run_add(q, "climb", span++, climb[i], 10);
    }
    queue_run_add(q, "rest", 0, 20, 15);
    for (size_t i = 0; i < sizeof search / sizeof *search; i++) {
        queue_run_add(q, "search", span++, search[i], 10);
        queue_run_add(q, "rest", 0, 20, 3);
    }
    for (unsigned i = 0; i < 3; i++) {
        queue_run_add(q, "verify", span++, 180, 10);
    }
    queue_run_add(q, "down", span++, 180, 10);
    queue_run_add(q, "down", span++, 160, 10);
}

void queue_run_benchmark(struct queue_run *q)
{
    *q = (struct queue_run){
        .kind = "benchmark",
        .params = "{\"trials\": 3, \"percentile\": 99, \"confidence\": 0.95, \"precision\": 0.05}",
        .seed = 14,
        .workers = 16,
        .service_s = 0.02,
        .floor_s = 0.003,
        .warmup_s = 25,
        .warmup_times = 2};
    queue_run_add(q, "warmup", 0, 200, 20);
    for (unsigned i = 1; i <= 3; i++) {
        queue_run_add(q, "trial", i, 200, 60);
        if (i < 3) {
            queue_run_add(q, "pause", 0, 1, 2);
        }
    }
}

bool queue_run_kind(struct queue_run *q, const char *name)
{
    static const struct {
        const char *name;
        void (*make)(struct queue_run *q);
    } kinds[] = {{"sustained", queue_run_sustained},
                 {"burst", queue_run_burst},
                 {"stress", queue_run_stress},
                 {"benchmark", queue_run_benchmark}};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        if (strcmp(kinds[i].name, name) == 0) {
            kinds[i].make(q);
            return true;
        }
    }
    return false;
}
