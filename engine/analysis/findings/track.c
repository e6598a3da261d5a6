/*
 * track: see the header.
 */
#include "track.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- seconds ---- */

static void read_row(struct pelt_track_second *s, const struct pelt_second_row *row)
{
    bool any = row->count > 0;
    *s = (struct pelt_track_second){
        .measured = true,
        .started = (double)row->started,
        .ok = (double)row->ok,
        .errors = (double)row->errors,
        .planned = (double)row->planned,
        .iterations = (double)row->iterations,
        .count = (double)row->count,
        .p50_us = any ? (double)row->p50_us : NAN,
        .p95_us = any ? (double)row->p95_us : NAN,
        .p99_us = any ? (double)row->p99_us : NAN,
    };
}

/* The slots of a second; of a file that has none, all of it in the last one. */
static const struct pelt_slot *slots_of(const struct pelt_second_row *row,
                                        struct pelt_slot spare[PELT_FRAME_SLOTS])
{
    if (row->has_slots) {
        return row->slots;
    }
    memset(spare, 0, PELT_FRAME_SLOTS * sizeof *spare);
    spare[PELT_FRAME_SLOTS - 1] = (struct pelt_slot){.started = (uint32_t)row->started,
                                                     .ended = (uint32_t)(row->ok + row->errors)};
    return spare;
}

/* What is in flight, and what waits, from the changes in each slot: the mean of a slot is that of
 * its two edges. A second that was not measured changes nothing. Older run files know what was in
 * flight in a second no better. */
static void fill_backlog(struct pelt_track *t, const struct pelt_results *r)
{
    struct pelt_slot none[PELT_FRAME_SLOTS] = {{0}}, spare[PELT_FRAME_SLOTS];
    double flight = 0, waiting = 0;
    size_t row = 0;
    for (size_t second = 0; second < t->len; second++) {
        bool there = row < r->seconds_len && (size_t)r->seconds[row].t == second;
        const double known = there ? r->seconds[row].in_flight : (double)NAN;
        const struct pelt_slot *slots = there ? slots_of(&r->seconds[row++], spare) : none;
        double sum = 0;
        for (unsigned i = 0; i < PELT_FRAME_SLOTS; i++) {
            double before = flight, waited = waiting;
            flight += (double)slots[i].started - (double)slots[i].ended;
            waiting += slots[i].waiting;
            sum += (before + flight) / 2;
            t->backlog[second * PELT_FRAME_SLOTS + i] = (before + flight + waited + waiting) / 2;
        }
        t->seconds[second].in_flight = isnan(known) ? sum / PELT_FRAME_SLOTS : known;
    }
}

static enum pelt_status hists_of_results(const void *source, int32_t from, int32_t to,
                                         pelt_second_hist_fn fn, void *arg, struct pelt_error *err)
{
    return pelt_results_each_second_hist(source, from, to, fn, arg, err);
}

enum pelt_status pelt_track_new(const struct pelt_results *r, struct pelt_track **out,
                                struct pelt_error *err)
{
    const char *loop = pelt_results_meta(r, "loop");
    struct pelt_track *t = calloc(1, sizeof *t);
    if (t == NULL) {
        return pelt_fail(err, PELT_ENOMEM, "out of memory");
    }
    *t = (struct pelt_track){
        .len = r->seconds_len > 0 ? (size_t)r->seconds[r->seconds_len - 1].t + 1 : 0,
        .load_s = r->duration_s,
        .stages = r->stages,
        .stages_len = r->stages_len,
        .open = loop != NULL && strcmp(loop, "open") == 0,
        .hists = hists_of_results,
        .source = r,
    };
    t->seconds = calloc(t->len + 1, sizeof *t->seconds);
    t->backlog = calloc(t->len + 1, PELT_FRAME_SLOTS * sizeof *t->backlog);
    if (t->seconds == NULL || t->backlog == NULL) {
        pelt_track_free(t);
        return pelt_fail(err, PELT_ENOMEM, "out of memory");
    }
    for (size_t i = 0; i < t->len; i++) {
        t->seconds[i].p50_us = t->seconds[i].p95_us = t->seconds[i].p99_us = NAN;
    }
    for (size_t i = 0; i < r->seconds_len; i++) {
        read_row(&t->seconds[r->seconds[i].t], &r->seconds[i]);
    }
    fill_backlog(t, r);
    *out = t;
    return PELT_OK;
}

void pelt_track_free(struct pelt_track *t)
{
    if (t != NULL) {
        free(t->seconds);
        free(t->backlog);
        free(t);
    }
}

/* ---- spans ---- */

#define SLIVER 1e-6 /* boundaries are sums of nanoseconds */

double pelt_track_stage_end(const struct pelt_track *t, const struct pelt_stage_row *stage)
{
    return fmin(stage->to_s, t->load_s);
}

bool pelt_track_is_begun(const struct pelt_track *t, const struct pelt_stage_row *stage)
{
    return stage->from_s < t->load_s - SLIVER;
}

bool pelt_track_is_cut(const struct pelt_track *t, const struct pelt_stage_row *stage)
{
    return pelt_track_is_begun(t, stage) && stage->to_s > t->load_s + SLIVER;
}

struct pelt_span_s pelt_track_span(const struct pelt_track *t, double from_s, double to_s)
{
    double from = ceil(fmax(from_s, 0) - SLIVER), to = floor(fmax(to_s, 0) + SLIVER);
    double end = fmin((double)t->len, floor(t->load_s + SLIVER));
    from = fmin(from, end);
    to = fmin(to, end);
    return (struct pelt_span_s){.from = (int32_t)from, .to = (int32_t)fmax(from, to)};
}

struct pelt_window pelt_track_window(const struct pelt_track *t, struct pelt_span_s span)
{
    struct pelt_window w = {.seconds = span.to - span.from};
    for (int32_t i = span.from; i < span.to; i++) {
        w.started += t->seconds[i].started;
        w.ok += t->seconds[i].ok;
        w.errors += t->seconds[i].errors;
        w.planned += t->seconds[i].planned;
        w.iterations += t->seconds[i].iterations;
        w.in_flight += t->seconds[i].in_flight;
    }
    w.errors_share = w.ok + w.errors > 0 ? w.errors / (w.ok + w.errors) : 0;
    if (w.seconds > 0) {
        w.started_per_s = w.started / w.seconds;
        w.ok_per_s = w.ok / w.seconds;
        w.in_flight /= w.seconds;
    }
    return w;
}

/* ---- histograms ---- */

struct reading {
    struct pelt_blocks *blocks;
    int32_t from;   /* of the running span */
    int32_t passed; /* seconds of the spans before it */
    bool lost;      /* memory was out for some samples */
};

/* False: some samples found no memory. */
static bool add_whole(struct pelt_hist *into, struct pelt_hist_pool *pool,
                      const struct pelt_hist *from)
{
    const uint64_t before = into->count;
    pelt_hist_add(into, pool, from);
    return into->count - before == from->count;
}

static void on_second(void *arg, int32_t t, const struct pelt_hist *h)
{
    struct reading *r = arg;
    size_t at = (size_t)(r->passed + t - r->from) / (size_t)r->blocks->block;
    r->lost = !add_whole(&r->blocks->hist[at], &r->blocks->pool, h) || r->lost;
}

static int32_t seconds_of(const struct pelt_span_s *spans, size_t len)
{
    int32_t seconds = 0;
    for (size_t i = 0; i < len; i++) {
        seconds += spans[i].to - spans[i].from;
    }
    return seconds;
}

enum pelt_status pelt_blocks_read(const struct pelt_track *t, const struct pelt_span_s *spans,
                                  size_t spans_len, int32_t block, struct pelt_blocks *out,
                                  struct pelt_error *err)
{
    int32_t seconds = seconds_of(spans, spans_len);
    int32_t least = (seconds + PELT_TRACK_BLOCKS - 1) / PELT_TRACK_BLOCKS;
    block = block < seconds ? block : seconds;
    block = block > least ? block : least;
    *out = (struct pelt_blocks){.block = block > 0 ? block : 1};
    pelt_hist_pool_init(&out->pool, NULL);
    out->len = (size_t)((seconds + out->block - 1) / out->block);
    out->hist = calloc(out->len + 1, sizeof *out->hist);
    out->list = calloc(out->len + 1, sizeof *out->list);
    if (out->hist == NULL || out->list == NULL) {
        pelt_blocks_deinit(out);
        return pelt_fail(err, PELT_ENOMEM, "out of memory");
    }
    struct reading reading = {.blocks = out};
    enum pelt_status status = PELT_OK;
    for (size_t i = 0; i < spans_len && status == PELT_OK; i++) {
        reading.from = spans[i].from;
        status = t->hists(t->source, spans[i].from, spans[i].to, on_second, &reading, err);
        reading.passed += spans[i].to - spans[i].from;
    }
    if (reading.lost && status == PELT_OK) {
        status = pelt_fail(err, PELT_ENOMEM, "out of memory");
    }
    for (size_t i = 0; i < out->len; i++) {
        out->list[i] = &out->hist[i];
    }
    if (status != PELT_OK) {
        pelt_blocks_deinit(out);
    }
    return status;
}

void pelt_blocks_deinit(struct pelt_blocks *b)
{
    pelt_hist_pool_deinit(&b->pool);
    free(b->hist);
    free(b->list);
    *b = (struct pelt_blocks){0};
}

enum pelt_status pelt_blocks_sum(struct pelt_blocks *b, struct pelt_hist *out)
{
    bool whole = true;
    *out = (struct pelt_hist){0};
    for (size_t i = 0; i < b->len; i++) {
        whole = add_whole(out, &b->pool, &b->hist[i]) && whole;
    }
    return whole ? PELT_OK : PELT_ENOMEM;
}
