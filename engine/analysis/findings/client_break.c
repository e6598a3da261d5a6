/*
 * client_break: see the header.
 *
 * A stress load says itself where it broke: in the first step that missed the SLO. The break is
 * then looked for within that step, against all that came before it; is none found there, it is the
 * step's begin. Any other load is held against its first fifth, if that is good; a warm-up counts
 * as nothing.
 */
#include "client_break.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "pelt/change_points.h"
#include "pelt/onset.h"

#define BASE_SHARE   0.2 /* of the load */
#define BASE_LEAST   3   /* samples of it, at least */
#define MADS         6
#define PILED_TIMES  1.5   /* of the mean time of all requests; */
#define TIMES        2     /* a percentile breaks where it doubles ... */
#define LEAST_US     10000 /* ... and grows by so much */
#define ERRORS_LEAST 0.02  /* of what ended */
#define HOLD         3     /* samples */
#define MOVED_LEAST  5     /* requests: of fewer no time in the system is told */
#define PILED_LEAST  5     /* requests more than usual: fewer are chance */
#define P_MOST       0.001
#define SEEN         50   /* samples before the onset that the change point is looked for in */
#define MOVED_MOST   3    /* samples: what is so near is the same change */
#define TAU_LEAST    2.0  /* samples */
#define TAU_SHARE    0.05 /* of a climb, up to the break */
#define FEW_ERRORS   0.1  /* of what ended: a beginning with fewer can still get much worse */

/* ---- series ---- */

static bool make_room(struct pelt_client_break *b)
{
    b->ok = calloc(b->n + 1, sizeof *b->ok);
    b->p50_us = calloc(b->n + 1, sizeof *b->p50_us);
    b->backlog = calloc(b->n + 1, sizeof *b->backlog);
    bool whole = b->ok != NULL && b->p50_us != NULL && b->backlog != NULL;
    for (size_t k = 0; k < PELT_BREAK_SERIES; k++) {
        b->series[k] = calloc(b->n + 1, sizeof *b->series[k]);
        whole = whole && b->series[k] != NULL;
    }
    return whole;
}

static double backlog_in(const struct pelt_track *t, size_t second)
{
    double sum = 0;
    for (size_t i = 0; i < PELT_FRAME_SLOTS; i++) {
        sum += t->backlog[second * PELT_FRAME_SLOTS + i];
    }
    return sum / PELT_FRAME_SLOTS;
}

static double percentile_in(const struct pelt_track_second *s, int percentile)
{
    return percentile == 99 ? s->p99_us : percentile == 95 ? s->p95_us : s->p50_us;
}

/* Of few answers a high percentile is the slowest, which grows with their number as load does: the
 * highest that the beginning has answers for. */
static int percentile_of(const struct pelt_track *t, size_t seconds)
{
    double count = 0;
    for (size_t i = 0; i < seconds; i++) {
        count += t->seconds[i].count / (double)seconds;
    }
    return count >= 100 ? 99 : count >= 20 ? 95 : 50;
}

static void sample(const struct pelt_track *t, struct pelt_client_break *b, size_t i)
{
    const size_t from = i * (size_t)b->step_s, to = from + (size_t)b->step_s;
    double times = 0, medians = 0, timed = 0, ok = 0, errors = 0, planned = 0, backlog = 0,
           measured = 0;
    for (size_t k = from; k < to; k++) {
        const struct pelt_track_second *s = &t->seconds[k];
        if (!s->measured) {
            continue;
        }
        measured++;
        ok += s->ok;
        errors += s->errors;
        planned += s->planned;
        backlog += backlog_in(t, k);
        const double time = percentile_in(s, b->percentile);
        if (isfinite(time)) {
            times += time;
            medians += s->p50_us;
            timed++;
        }
    }
    const double moved = t->open ? planned : ok + errors;
    b->series[PELT_BREAK_TIMES][i] = timed > 0 ? times / timed : NAN;
    b->series[PELT_BREAK_ERRORS][i] = ok + errors > 0 ? errors / (ok + errors) : NAN;
    b->series[PELT_BREAK_PILE_UP][i] =
        moved >= MOVED_LEAST || (measured > 0 && backlog > MOVED_LEAST)
            ? 1e6 * backlog / fmax(moved, 1)
            : NAN;
    b->p50_us[i] = timed > 0 ? medians / timed : NAN;
    b->ok[i] = measured > 0 ? ok / measured : NAN;
    b->backlog[i] = measured > 0 ? backlog / measured : NAN;
}

/* ---- where to look ---- */

/* Of a stress load the first step that broke, as stages; false: none did. */
static bool broken_step(const struct pelt_making *m, double *from_s, double *to_s)
{
    const struct pelt_step_row *first = NULL;
    for (size_t i = 0; i < m->r->steps_len; i++) {
        const struct pelt_step_row *step = &m->r->steps[i];
        if (step->judgement == PELT_STEP_BREAKS && (first == NULL || step->t_s < first->t_s)) {
            first = step;
        }
    }
    if (first == NULL) {
        return false;
    }
    *from_s = INFINITY;
    *to_s = first->t_s;
    for (size_t i = 0; i < m->track->stages_len; i++) {
        const struct pelt_stage_row *stage = &m->track->stages[i];
        if (stage->span == first->number && stage->part[0] != '\0' &&
            strcmp(stage->part, "rest") != 0) {
            *from_s = fmin(*from_s, stage->from_s);
        }
    }
    *from_s = isfinite(*from_s) ? *from_s : first->from_s;
    return true;
}

/* The climb that the break lies in, as far as it came by then: 0 on a level that does not move. */
static double climbed_s(const struct pelt_making *m, double at_s)
{
    for (size_t i = 0; i < m->track->stages_len; i++) {
        const struct pelt_stage_row *stage = &m->track->stages[i];
        if (stage->from_s <= at_s && at_s < stage->to_s) {
            return stage->from != stage->to ? at_s - stage->from_s : 0;
        }
    }
    return 0;
}

/* ---- the onset ---- */

static const struct {
    double times, least;
} rises[PELT_BREAK_SERIES] = {
    [PELT_BREAK_TIMES] = {TIMES, LEAST_US},
    [PELT_BREAK_ERRORS] = {0, ERRORS_LEAST},
    [PELT_BREAK_PILE_UP] = {PILED_TIMES, LEAST_US},
};

/* A change of the level close to the onset is where it began. */
static enum pelt_status to_change_point(const struct pelt_client_break *b, enum pelt_break_by by,
                                        size_t *at)
{
    struct pelt_change_point points[SEEN + HOLD + MOVED_MOST];
    double y[SEEN + HOLD + MOVED_MOST];
    const size_t from = *at > SEEN ? *at - SEEN : 0;
    const size_t to = *at + HOLD + MOVED_MOST < b->n ? *at + HOLD + MOVED_MOST : b->n;
    const bool share = by == PELT_BREAK_ERRORS;
    size_t len = 0, best = *at, moved = MOVED_MOST + 1;
    for (size_t i = from; i < to; i++) {
        const double value = b->series[by][i], last = i > from ? y[i - from - 1] : 0;
        y[i - from] = !isfinite(value) ? last : share ? value : log(fmax(value, 1));
    }
    enum pelt_status status = pelt_change_points_find(
        y, to - from, P_MOST, share ? ERRORS_LEAST : log(TIMES) / 2, points, &len);
    for (size_t i = 0; i < len; i++) {
        const size_t here = from + points[i].at;
        const size_t apart = here > *at ? here - *at : *at - here;
        if (points[i].after > points[i].before && apart < moved) {
            moved = apart;
            best = here;
        }
    }
    *at = best;
    return status;
}

/* What is found by a large rise began with the samples right before it that were out of the usual,
 * if by less. (Of percentiles chance alone brings such samples.) */
static size_t walk_back(const double *y, size_t at, double limit)
{
    for (int i = 0; i < MOVED_MOST && at > 0 && y[at - 1] > limit; i++) {
        at--;
    }
    return at;
}

static enum pelt_status refine(const struct pelt_client_break *b, enum pelt_break_by by, size_t *at)
{
    const struct pelt_onset_rule usual = {
        .base_from = b->base_from, .base_to = b->base_to, .mads = MADS};
    double level, limit;
    enum pelt_status status = pelt_onset_limit(b->series[by], &usual, &level, &limit);
    const size_t weak = by == PELT_BREAK_PILE_UP ? walk_back(b->series[by], *at, limit) : *at;
    if (status == PELT_OK) {
        status = to_change_point(b, by, at);
    }
    *at = weak < *at ? weak : *at;
    return status;
}

/* Where only a few requests are more than would be there at the usual time, chance brought them. */
static void level_few(struct pelt_client_break *b, double usual_us)
{
    double *y = b->series[PELT_BREAK_PILE_UP];
    for (size_t i = 0; i < b->n; i++) {
        if (y[i] > usual_us && b->backlog[i] * (1 - usual_us / y[i]) < PILED_LEAST) {
            y[i] = usual_us;
        }
    }
}

static bool next_row(const double *y, size_t from, size_t to, const struct pelt_onset_rule *rule,
                     double limit, struct pelt_onset *row)
{
    row->found = false;
    if (from < to) {
        pelt_onset_above(y, to, from, limit, rule->hold, rule->gap, row);
    }
    return row->found;
}

/* The first row that lasts at least half as long as the longest: a host that hiccups for some
 * samples is no break where another row lasts. */
static void find_lasting(const double *y, size_t from, size_t to,
                         const struct pelt_onset_rule *rule, struct pelt_onset *o)
{
    const double limit = o->limit;
    size_t longest = 0;
    for (size_t i = from; next_row(y, i, to, rule, limit, o); i = o->to) {
        longest = o->to - o->at > longest ? o->to - o->at : longest;
    }
    for (size_t i = from; next_row(y, i, to, rule, limit, o); i = o->to) {
        if (2 * (o->to - o->at) >= longest) {
            return;
        }
    }
}

/* When the series broke, and how many samples that lasted; 0: it did not. */
static enum pelt_status look_at(struct pelt_client_break *b, enum pelt_break_by by, size_t from,
                                size_t to, size_t at[PELT_BREAK_SERIES],
                                size_t lasting[PELT_BREAK_SERIES])
{
    const struct pelt_onset_rule rule = {.base_from = b->base_from,
                                         .base_to = b->base_to,
                                         .mads = MADS,
                                         .least = rises[by].least,
                                         .times = rises[by].times,
                                         .hold = to - from < HOLD ? to - from : HOLD,
                                         .gap = 1};
    struct pelt_onset o = {.found = false};
    enum pelt_status status = pelt_onset_limit(b->series[by], &rule, &o.level, &o.limit);
    if (by == PELT_BREAK_PILE_UP) {
        level_few(b, o.level);
    } else {
        b->known = b->known || isfinite(o.level);
    }
    find_lasting(b->series[by], from, to, &rule, &o);
    lasting[by] = o.found ? o.to - o.at : 0;
    if (status == PELT_OK && o.found) {
        status = refine(b, by, &o.at);
    }
    at[by] = o.at;
    return status;
}

static enum pelt_status look(struct pelt_client_break *b, size_t from, size_t to)
{
    size_t at[PELT_BREAK_SERIES], lasting[PELT_BREAK_SERIES], longest = 0;
    enum pelt_status status = PELT_OK;
    for (int k = 0; k < PELT_BREAK_SERIES && status == PELT_OK; k++) {
        status = look_at(b, (enum pelt_break_by)k, from, to, at, lasting);
        longest = lasting[k] > longest ? lasting[k] : longest;
    }
    for (int k = 0; k < PELT_BREAK_SERIES && status == PELT_OK; k++) {
        if (lasting[k] > 0 && 2 * lasting[k] >= longest && (!b->found || at[k] < b->at)) {
            b->found = true;
            b->by = (enum pelt_break_by)k;
            b->at = at[k];
        }
    }
    return status;
}

void pelt_client_break_from_start(struct pelt_client_break *b, size_t to)
{
    b->found = b->from_start = b->known = true;
    b->at = b->base_from = 0;
    b->base_to = to < b->n ? to : b->n;
    b->tau = TAU_LEAST;
}

static enum pelt_status look_in_step(struct pelt_client_break *b, double from_s, double to_s)
{
    const double last = (double)b->n - 1;
    const size_t from = (size_t)fmin(from_s / b->step_s, last);
    const size_t to = (size_t)fmin(to_s / b->step_s + 1, last + 1);
    b->base_to = from > 0 ? from : 1;
    enum pelt_status status = look(b, from, to);
    if (status == PELT_OK) {
        b->at = b->found && b->at >= from ? b->at : from;
        b->found = b->known = true;
        b->no_before = from < BASE_LEAST;
    }
    if (b->no_before) {
        pelt_client_break_from_start(b, to);
    }
    return status;
}

/* ---- the beginning ---- */

/* What grew from the first second on did not break where it grew out of the noise. Errors that
 * were there already, and times that were high already, may still become worse. */
static bool explains(const struct pelt_client_break *b)
{
    const bool worse = b->found && (b->by == PELT_BREAK_ERRORS || b->beginning.is_now < FEW_ERRORS);
    switch (b->beginning.is) {
    case PELT_BEGINNING_GROWS:
        return true;
    case PELT_BEGINNING_ERRORS:
        return !worse;
    case PELT_BEGINNING_SLOW:
    case PELT_BEGINNING_SILENT:
        return !b->found;
    case PELT_BEGINNING_GOOD:
        break;
    }
    return false;
}

static enum pelt_status see_beginning(struct pelt_client_break *b)
{
    const struct pelt_beginning_series s = {.n = b->n,
                                            .base_from = b->base_from,
                                            .base_to = b->base_to,
                                            .to = b->found ? b->at : b->n,
                                            .step_us = 1e6 * b->step_s,
                                            .p50_us = b->p50_us,
                                            .errors = b->series[PELT_BREAK_ERRORS],
                                            .backlog = b->backlog};
    enum pelt_status status = pelt_beginning_judge(&s, &b->beginning);
    if (status == PELT_OK && explains(b)) {
        pelt_client_break_from_start(b, b->base_to);
    }
    return status;
}

/* Samples of a benchmark's warm-up, which it has so that the service may be slow in it. */
static size_t warmup_of(const struct pelt_making *m, const struct pelt_client_break *b)
{
    size_t i = 0;
    double to_s = 0;
    for (; i < m->track->stages_len && strcmp(m->track->stages[i].part, "warmup") == 0; i++) {
        to_s = m->track->stages[i].to_s;
    }
    const size_t samples = (size_t)ceil(to_s / b->step_s);
    return samples < b->n ? samples : b->n;
}

enum pelt_status pelt_client_break_find(const struct pelt_making *m, struct pelt_client_break *b)
{
    const size_t seconds = (size_t)pelt_track_span(m->track, 0, m->track->load_s).to;
    double from_s, to_s;
    *b = (struct pelt_client_break){.step_s = 1};
    b->step_s = (int32_t)((seconds + PELT_BREAK_SAMPLES - 1) / PELT_BREAK_SAMPLES);
    b->step_s = b->step_s > 0 ? b->step_s : 1;
    b->n = seconds / (size_t)b->step_s;
    if (!make_room(b)) {
        pelt_client_break_deinit(b);
        return PELT_ENOMEM;
    }
    b->base_from = warmup_of(m, b);
    const size_t share = (size_t)((double)(b->n - b->base_from) * BASE_SHARE);
    enum pelt_status status = PELT_OK;
    b->base_to = b->base_from + (share > BASE_LEAST ? share : BASE_LEAST);
    const size_t base_s = b->base_to * (size_t)b->step_s;
    b->percentile = percentile_of(m->track, base_s < seconds ? base_s : seconds);
    for (size_t i = 0; i < b->n; i++) {
        sample(m->track, b, i);
    }
    if (strcmp(m->findings->load_kind, "stress") == 0 && m->r->steps_len > 0) {
        b->known = b->of_steps = true;
        if (b->n > 0 && broken_step(m, &from_s, &to_s)) {
            status = look_in_step(b, from_s, to_s);
        }
    } else if (b->n >= b->base_to + HOLD) {
        status = look(b, b->base_to, b->n);
        status = status == PELT_OK ? see_beginning(b) : status;
    }
    b->tau = fmax(TAU_LEAST, TAU_SHARE * climbed_s(m, (double)b->at * b->step_s) / b->step_s);
    if (status != PELT_OK) {
        pelt_client_break_deinit(b);
    }
    return status;
}

void pelt_client_break_deinit(struct pelt_client_break *b)
{
    for (size_t k = 0; k < PELT_BREAK_SERIES; k++) {
        free(b->series[k]);
    }
    free(b->ok);
    free(b->p50_us);
    free(b->backlog);
    *b = (struct pelt_client_break){0};
}

enum pelt_status pelt_client_break_span(const struct pelt_client_break *b, double *before,
                                        double *worst)
{
    const double *y = b->by == PELT_BREAK_PILE_UP ? b->backlog : b->series[b->by];
    const struct pelt_onset_rule rule = {.base_from = b->base_from, .base_to = b->base_to};
    double limit;
    *worst = NAN;
    for (size_t i = b->at; i < b->n; i++) {
        *worst = fmax(*worst, y[i]);
    }
    return pelt_onset_limit(y, &rule, before, &limit);
}
