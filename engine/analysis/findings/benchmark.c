/*
 * benchmark: where the warm-up ends, what the trials measured, and how exactly.
 *
 * The warm-up is looked for (MSER-5 over rate, p50 and p99 by the second) from the run's start to
 * the end of the first trial, and cut off that trial where it reaches into it. Then all trials
 * together give p50, the percentile asked for and throughput, with intervals by block bootstrap,
 * and from their width how many more seconds `precision` takes; where there is too little for an
 * interval, how many more the first one takes. If p50 is what was asked for, it is told once. How
 * far trials differ from each other is told beside that: an interval from within trials cannot know
 * it.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "making.h"
#include "pelt/bootstrap.h"
#include "pelt/warmup.h"

#define SEED UINT64_C(0x70656c74) /* so that a report made again says the same */

struct trial {
    unsigned number;
    struct pelt_span_s span; /* without what of the warm-up lies in it */
    struct pelt_window window;
    double p50_us, q_us;
    bool cut; /* the load ended in it */
};

struct bench {
    struct pelt_making *m;
    double percentile, confidence, precision;
    struct trial *trials;
    size_t len;
    struct pelt_span_s *spans; /* of the trials */
    double seconds;            /* of all trials */
    int32_t cut;               /* the warm-up's end */
};

static const char *percentile_name(double q, char out[PELT_WORDS])
{
    snprintf(out, PELT_WORDS, "p%g", q);
    return out;
}

/* ---- trials ---- */

static void trials_of(struct bench *b)
{
    const struct pelt_track *t = b->m->track;
    for (size_t i = 0; i < t->stages_len; i++) {
        const struct pelt_stage_row *s = &t->stages[i];
        struct pelt_span_s span = pelt_track_span(t, s->from_s, s->to_s);
        if (strcmp(s->part, "trial") != 0 || span.from == span.to) {
            continue;
        }
        if (b->len > 0 && b->trials[b->len - 1].number == s->span) {
            b->trials[b->len - 1].span.to = span.to;
        } else {
            b->trials[b->len++] = (struct trial){.number = s->span, .span = span};
        }
        b->trials[b->len - 1].cut = pelt_track_is_cut(t, s);
    }
}

/* ---- warm-up ---- */

static void tell_warmup(struct bench *b, const struct pelt_warmup *w, int32_t planned_s,
                        int32_t len)
{
    static const char *const names[] = {"rate", "p50", "p99"};
    struct pelt_finding *f = pelt_making_add(b->m, "warmup", "%s", w->cut > 0 ? names[w->by] : "");
    char found[PELT_WORDS], planned[PELT_WORDS];
    pelt_finding_flag(f, "steady", w->steady);
    pelt_finding_number(f, "length_s", w->steady ? (double)w->cut : NAN);
    pelt_finding_number(f, "planned_s", planned_s);
    pelt_words_s((double)w->cut, found);
    pelt_words_s(planned_s, planned);
    const char *left_out = b->cut <= planned_s ? ""
                           : planned_s > 0     ? ", the rest is left out of trial 1"
                                               : "; it is left out of trial 1";
    if (!w->steady) {
        pelt_finding_say(f,
                         "warm-up: no end of it was found in the first %d s: what was measured is "
                         "not steady; a longer warm-up is needed",
                         (int)len);
    } else if (w->cut == 0) {
        pelt_finding_say(f, "warm-up: none found%s%s%s", planned_s > 0 ? ", " : "",
                         planned_s > 0 ? planned : "",
                         planned_s > 0 ? " was planned and left out" : "");
    } else {
        pelt_finding_say(f, "warm-up: %s, by its %s%s%s%s%s", found, names[w->by],
                         planned_s > 0 ? "; " : "", planned_s > 0 ? planned : "",
                         planned_s > 0 ? " was planned" : "", left_out);
    }
}

/* Series from the start to the end of trial 1. */
static enum pelt_status find_warmup(struct bench *b)
{
    const struct pelt_track *t = b->m->track;
    int32_t planned_s = b->trials[0].span.from, len = b->trials[0].span.to;
    double *y = malloc(((size_t)len * 3 + 1) * sizeof *y);
    if (y == NULL) {
        return PELT_ENOMEM;
    }
    double *rate = y, *p50 = y + len, *p99 = y + 2 * (size_t)len;
    for (int32_t i = 0; i < len; i++) {
        rate[i] = t->seconds[i].measured ? t->seconds[i].ok : NAN;
        p50[i] = t->seconds[i].p50_us;
        p99[i] = t->seconds[i].p99_us;
    }
    const double *const series[] = {rate, p50, p99};
    struct pelt_warmup w;
    struct pelt_error refused;
    enum pelt_status status = pelt_warmup_find(series, 3, (size_t)len, &w, &refused);
    free(y);
    b->cut = planned_s;
    if (status == PELT_OK) {
        b->cut = w.steady && (int32_t)w.cut > planned_s ? (int32_t)w.cut : planned_s;
        tell_warmup(b, &w, planned_s, len);
    } else if (status == PELT_EINVAL) {
        struct pelt_finding *f = pelt_making_add(b->m, "warmup", "%s", "");
        pelt_finding_number(f, "planned_s", planned_s);
        pelt_finding_number(f, "needs_s", PELT_WARMUP_SAMPLES);
        pelt_finding_say(f, "%s; the planned %d s are left out", refused.text, (int)planned_s);
        status = PELT_OK;
    }
    b->trials[0].span.from = b->cut < b->trials[0].span.to ? b->cut : b->trials[0].span.to;
    return status;
}

/* ---- figures of trials ---- */

static enum pelt_status measure_trial(struct bench *b, struct trial *t)
{
    struct pelt_blocks blocks;
    struct pelt_hist h;
    enum pelt_status status =
        pelt_blocks_read(b->m->track, &t->span, 1, PELT_TRACK_WHOLE, &blocks, b->m->err);
    if (status != PELT_OK) {
        return status;
    }
    status = pelt_blocks_sum(&blocks, &h);
    t->window = pelt_track_window(b->m->track, t->span);
    bool p50 = h.count >= pelt_hist_samples_needed(50);
    bool q = h.count >= pelt_hist_samples_needed(b->percentile);
    t->p50_us = p50 ? (double)pelt_hist_percentile_us(&h, 50) : NAN;
    t->q_us = q ? (double)pelt_hist_percentile_us(&h, b->percentile) : NAN;
    pelt_blocks_deinit(&blocks);
    return status;
}

static void tell_trial(struct bench *b, const struct trial *t)
{
    char rate[PELT_WORDS], p50[PELT_WORDS], q[PELT_WORDS], name[PELT_WORDS], length[PELT_WORDS];
    struct pelt_finding *f = pelt_making_add(b->m, "trial", "%u", t->number);
    f->row = true;
    pelt_finding_number(f, "from_s", t->span.from);
    pelt_finding_number(f, "to_s", t->span.to);
    pelt_finding_number(f, "ok_per_s", t->window.ok_per_s);
    pelt_finding_number(f, "p50_ms", t->p50_us / 1e3);
    pelt_finding_number(f, "percentile", b->percentile);
    pelt_finding_number(f, "percentile_ms", t->q_us / 1e3);
    pelt_finding_number(f, "errors_share", t->window.errors_share);
    pelt_finding_flag(f, "cut", t->cut);
    char other[2 * PELT_WORDS + 8] = "";
    if (b->percentile != 50) {
        snprintf(other, sizeof other, ", %s %s", percentile_name(b->percentile, name),
                 pelt_words_us(t->q_us, q));
    }
    pelt_finding_say(f, "trial %u: %s, p50 %s%s in %s%s", t->number,
                     pelt_words_rate(t->window.ok_per_s, rate), pelt_words_us(t->p50_us, p50),
                     other, pelt_words_s(t->window.seconds, length),
                     t->cut ? "; cut: the load ended in it" : "");
}

/* ---- intervals ---- */

enum { THROUGHPUT, P50, PERCENTILE, FIGURES };

struct interval {
    struct pelt_interval i; /* times in us */
    bool had;
    struct pelt_error why; /* not */
    double lacks_s;        /* more seconds until there is one; INFINITY: nobody knows */
    double spread;         /* of the trials: (largest - smallest) / mean; NaN: one trial */
};

static double trial_value(const struct trial *t, int figure)
{
    return figure == THROUGHPUT ? t->window.ok_per_s : figure == P50 ? t->p50_us : t->q_us;
}

static double spread_of(const struct bench *b, int figure)
{
    double low = INFINITY, high = -INFINITY, sum = 0;
    size_t n = 0;
    for (size_t i = 0; i < b->len; i++) {
        double value = trial_value(&b->trials[i], figure);
        if (isfinite(value)) {
            low = fmin(low, value);
            high = fmax(high, value);
            sum += value;
            n++;
        }
    }
    return n > 1 && sum > 0 ? (high - low) / (sum / (double)n) : NAN;
}

/* Throughput of a second as if it were a time, so that the same bootstrap does it: a histogram has
 * three digits, so what is small is counted finer. */
static enum pelt_status bootstrap_rate(struct bench *b, const struct pelt_bootstrap *how,
                                       struct interval *out)
{
    const struct pelt_track *t = b->m->track;
    struct pelt_hist_pool pool;
    size_t n = 0, most = t->len;
    bool lost = false;
    double largest = 1;
    for (size_t i = 0; i < t->len; i++) {
        largest = fmax(largest, t->seconds[i].ok);
    }
    double scale = fmin((double)PELT_HIST_MAX_US / largest, 1000);
    struct pelt_hist *hist = calloc(most + 1, sizeof *hist);
    const struct pelt_hist **list = calloc(most + 1, sizeof *list);
    enum pelt_status status = PELT_ENOMEM;
    pelt_hist_pool_init(&pool, NULL);
    if (hist != NULL && list != NULL) {
        for (size_t k = 0; k < b->len; k++) {
            for (int32_t i = b->trials[k].span.from; i < b->trials[k].span.to; i++) {
                pelt_hist_record_n(&hist[n], &pool, (uint64_t)llround(t->seconds[i].ok * scale), 1);
                lost = lost || hist[n].lost > 0;
                list[n] = &hist[n];
                n++;
            }
        }
        status = lost ? PELT_ENOMEM : pelt_bootstrap_mean(list, n, how, &out->i, NULL, &out->why);
    }
    double ok = 0;
    for (size_t k = 0; k < b->len; k++) {
        ok += b->trials[k].window.ok;
    }
    out->i.value = b->seconds > 0 ? ok / b->seconds : 0; /* exactly */
    out->i.low /= scale;
    out->i.high /= scale;
    pelt_hist_pool_deinit(&pool);
    free(hist);
    free(list);
    return status;
}

/* How many more seconds it takes until there are `need` of what the trials had `have` of. */
static double lacking_s(const struct bench *b, double have, double need)
{
    return have >= need ? 0 : have > 0 ? ceil(b->seconds * (need / have - 1)) : INFINITY;
}

static void find_lacks(const struct bench *b, const struct pelt_blocks *blocks, double samples,
                       struct interval all[FIGURES])
{
    double with = 0; /* samples */
    for (size_t i = 0; i < blocks->len; i++) {
        with += blocks->hist[i].count > 0;
    }
    all[THROUGHPUT].lacks_s = lacking_s(b, b->seconds, PELT_BOOTSTRAP_SECONDS);
    all[P50].lacks_s = lacking_s(b, with, PELT_BOOTSTRAP_SECONDS);
    all[PERCENTILE].lacks_s = fmax(
        all[P50].lacks_s, lacking_s(b, samples, (double)pelt_hist_samples_needed(b->percentile)));
}

static enum pelt_status bootstrap_all(struct bench *b, struct interval all[FIGURES])
{
    const struct pelt_bootstrap how = {.confidence = b->confidence, .seed = SEED};
    struct pelt_blocks blocks;
    enum pelt_status got[FIGURES];
    enum pelt_status status =
        pelt_blocks_read(b->m->track, b->spans, b->len, 1, &blocks, b->m->err);
    if (status != PELT_OK) {
        return status;
    }
    got[P50] = pelt_bootstrap_percentile(blocks.list, blocks.len, 50, &how, &all[P50].i, NULL,
                                         &all[P50].why);
    got[PERCENTILE] = pelt_bootstrap_percentile(blocks.list, blocks.len, b->percentile, &how,
                                                &all[PERCENTILE].i, NULL, &all[PERCENTILE].why);
    got[THROUGHPUT] = bootstrap_rate(b, &how, &all[THROUGHPUT]);
    struct pelt_hist h;
    status = pelt_blocks_sum(&blocks, &h);
    for (int i = 0; i < FIGURES; i++) {
        if (got[i] == PELT_ENOMEM) {
            status = PELT_ENOMEM;
        }
        all[i].had = got[i] == PELT_OK;
        all[i].spread = spread_of(b, i);
    }
    find_lacks(b, &blocks, (double)h.count, all);
    if (h.count < pelt_hist_samples_needed(b->percentile) && all[PERCENTILE].had) {
        all[PERCENTILE].had = false;
        pelt_fail(&all[PERCENTILE].why, PELT_EINVAL, "interval: %llu samples, needs at least %llu",
                  (unsigned long long)h.count,
                  (unsigned long long)pelt_hist_samples_needed(b->percentile));
    }
    pelt_blocks_deinit(&blocks);
    return status;
}

static const char *value_words(int figure, double value, char out[PELT_WORDS])
{
    return figure == THROUGHPUT ? pelt_words_rate(value, out) : pelt_words_us(value, out);
}

static const char *missing_words(const struct bench *b, double missing_s, double half,
                                 char out[160])
{
    char have[PELT_WORDS], want[PELT_WORDS], more[PELT_WORDS];
    pelt_words_share(half, have);
    pelt_words_share(b->precision, want);
    if (missing_s <= 0) {
        snprintf(out, 160, "+-%s, as exact as the %s asked for", have, want);
    } else if (isfinite(missing_s)) {
        snprintf(out, 160, "+-%s; +-%s takes %s more", have, want, pelt_words_s(missing_s, more));
    } else {
        snprintf(out, 160, "+-%s cannot be had by a longer run", want);
    }
    return out;
}

static void tell_refused(struct pelt_finding *f, const struct interval *in)
{
    char more[PELT_WORDS], takes[PELT_WORDS + 24] = "";
    if (isfinite(in->lacks_s) && in->lacks_s > 0) {
        snprintf(takes, sizeof takes, ": that takes %s more", pelt_words_s(in->lacks_s, more));
    }
    pelt_finding_number(f, "more_s", in->lacks_s);
    pelt_finding_say(f, "%s: no %s%s", f->about, in->why.text, takes);
}

static void tell_interval(struct bench *b, int figure, const struct interval *in)
{
    char q[PELT_WORDS], value[PELT_WORDS], low[PELT_WORDS], high[PELT_WORDS], missing[160];
    char spread[PELT_WORDS], apart[160] = "";
    const char *name = figure == THROUGHPUT ? "throughput"
                       : figure == P50      ? "p50"
                                            : percentile_name(b->percentile, q);
    struct pelt_finding *f = pelt_making_add(b->m, "interval", "%s", name);
    const double unit = figure == THROUGHPUT ? 1 : 1e3;
    if (!in->had) {
        tell_refused(f, in);
        return;
    }
    double half = pelt_interval_precision(&in->i);
    double more_s = pelt_interval_missing(&in->i, (size_t)b->seconds, b->precision);
    pelt_finding_number(f, figure == THROUGHPUT ? "value_per_s" : "value_ms", in->i.value / unit);
    pelt_finding_number(f, figure == THROUGHPUT ? "low_per_s" : "low_ms", in->i.low / unit);
    pelt_finding_number(f, figure == THROUGHPUT ? "high_per_s" : "high_ms", in->i.high / unit);
    pelt_finding_number(f, "confidence", b->confidence);
    pelt_finding_number(f, "precision", half);
    pelt_finding_number(f, "more_s", more_s);
    pelt_finding_number(f, "trials_spread", in->spread);
    if (isfinite(in->spread)) {
        snprintf(apart, sizeof apart, "; trials differ by %s%s",
                 pelt_words_share(in->spread, spread),
                 in->spread > 4 * half
                     ? ", more than the interval explains: it knows nothing of what changes from "
                       "trial to trial"
                     : "");
    }
    pelt_finding_say(f, "%s %s [%s, %s], %s%s", name, value_words(figure, in->i.value, value),
                     value_words(figure, in->i.low, low), value_words(figure, in->i.high, high),
                     missing_words(b, more_s, half, missing), apart);
}

static enum pelt_status find(struct bench *b)
{
    struct interval all[FIGURES] = {{.had = false}};
    enum pelt_status status = find_warmup(b);
    for (size_t i = 0; i < b->len && status == PELT_OK; i++) {
        status = measure_trial(b, &b->trials[i]);
        b->spans[i] = b->trials[i].span;
        b->seconds += b->trials[i].window.seconds;
    }
    if (status == PELT_OK) {
        status = bootstrap_all(b, all);
    }
    for (size_t i = 0; i < b->len && status == PELT_OK; i++) {
        tell_trial(b, &b->trials[i]);
    }
    for (int i = 0; i < FIGURES && status == PELT_OK; i++) {
        if (i != PERCENTILE || b->percentile != 50) {
            tell_interval(b, i, &all[i]);
        }
    }
    return status;
}

enum pelt_status pelt_find_benchmark(struct pelt_making *m)
{
    size_t most = m->track->stages_len + 1;
    struct bench b = {
        .m = m,
        .percentile = fmin(fmax(pelt_making_param(m, "percentile", 99), 1), 99.999),
        .confidence = fmin(fmax(pelt_making_param(m, "confidence", 0.95), 0.5), 0.9999),
        .precision = fmax(pelt_making_param(m, "precision", 0.05), 1e-6),
        .trials = calloc(most, sizeof *b.trials),
        .spans = calloc(most, sizeof *b.spans),
    };
    enum pelt_status status = PELT_ENOMEM;
    if (b.trials != NULL && b.spans != NULL) {
        trials_of(&b);
        status = b.len > 0 ? find(&b) : PELT_OK;
    }
    free(b.trials);
    free(b.spans);
    return status;
}
