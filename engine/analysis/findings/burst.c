/*
 * burst: what each spike did, and when it was over.
 *
 * Recovery is found in the backlog (exchanges in flight and arrivals that wait), which is known ten
 * times a second: from the spike's end to the first moment from which on it is HOLD slots long back
 * at its level before the spike: at most `tolerance` above the baseline's median, or one above its
 * highest hundredth, whichever is more (regular arrivals are seen at the same phase each time, so
 * that one more or less says nothing). Response times are only known by the second, and the second
 * in which a backlog ends still has slow ones; so they have their say afterwards: while two or more
 * whole seconds behind that moment are slower than the baseline's slowest (and `tolerance`),
 * nothing has recovered. They are looked at by the percentile asked for, or by the highest of p99,
 * p95 and p50 that a second has the samples for. Nor has anything recovered while a whole second
 * behind that moment, or the next, has more errors than the baseline's share (1% at least)
 * explains.
 *
 * All that is under load: when it ends, what is in flight drains, which is no recovery. What of the
 * last spike's requests ends then is in its figures, if it had not recovered.
 *
 * The baseline is what lies between the recovery from the spike before and this one; if there is
 * less than a second of it, the one before holds. Before a spike that begins with the load there is
 * none, so nothing can be said of its recovery either; the baseline of the next is then the second
 * half of what lies between them, in which least is left of the first.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "making.h"
#include "pelt/recovery.h"

#define HOLD           3  /* slots */
#define BASELINE_LEAST 10 /* slots */
#define TAIL           0.99
#define ERRORS_LEAST   0.01 /* share of errors that is always allowed */
#define BY_CHANCE      3    /* standard deviations of errors in a second */

struct spike {
    unsigned number;
    double from_s, to_s; /* with its edges */
    double next_s;       /* the next one begins, or the load ends */
    bool last, cut;      /* cut: the load ended in it */
    double level;        /* its highest */
    /* found: */
    bool compared; /* there is a baseline */
    bool measured; /* likewise, and something behind the spike's end */
    bool recovered;
    double recovery_s, limit, baseline;
    double backlog, backlog_s; /* largest, and when, since the run's start */
    double base_p50_us, base_p99_us, base_errors_share;
};

struct baseline { /* slots from <= i < to of the track's backlog */
    size_t from, to;
};

/* ---- which spikes there were ---- */

static size_t spikes_of(const struct pelt_track *t, struct spike *spikes)
{
    size_t len = 0;
    for (size_t i = 0; i < t->stages_len; i++) {
        const struct pelt_stage_row *s = &t->stages[i];
        if (strcmp(s->part, "spike") != 0 || !pelt_track_is_begun(t, s)) {
            continue;
        }
        if (len == 0 || spikes[len - 1].number != s->span) {
            spikes[len++] = (struct spike){.number = s->span, .from_s = s->from_s};
        }
        spikes[len - 1].to_s = pelt_track_stage_end(t, s);
        spikes[len - 1].cut = pelt_track_is_cut(t, s);
        spikes[len - 1].level = fmax(spikes[len - 1].level, fmax(s->from, s->to));
    }
    for (size_t i = 0; i < len; i++) {
        spikes[i].last = i + 1 == len;
        spikes[i].next_s = spikes[i].last ? t->load_s : spikes[i + 1].from_s;
    }
    return len;
}

/* ---- recovery ---- */

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The value that a share `TAIL` of the n are at or below. */
static double tail_of(const double *y, size_t n, double *sorted)
{
    memcpy(sorted, y, n * sizeof *y);
    qsort(sorted, n, sizeof *sorted, by_value);
    size_t at = (size_t)ceil((double)n * TAIL);
    return sorted[at > 0 ? at - 1 : 0];
}

static size_t slot_at(const struct pelt_track *t, double s)
{
    double slot = floor(s * PELT_FRAME_SLOTS + 1e-6), end = (double)t->len * PELT_FRAME_SLOTS;
    return (size_t)fmin(fmax(slot, 0), end);
}

/* The most there was, where recovery has nothing to say of it. */
static void find_most(const struct pelt_track *t, size_t from, size_t to, struct spike *s)
{
    s->backlog = 0;
    for (size_t i = from; i < to; i++) {
        if (t->backlog[i] > s->backlog) {
            s->backlog = t->backlog[i];
            s->backlog_s = (double)i * PELT_TRACK_SLOT_S;
        }
    }
}

/* The baseline's slots and those from the spike on, one behind the other, as
 * pelt_recovery_find() wants them. */
static enum pelt_status find_backlog(const struct pelt_track *t, const struct baseline *base,
                                     double tolerance, struct spike *s)
{
    size_t base_len = base->to - base->from;
    size_t from = slot_at(t, s->from_s), to = slot_at(t, s->next_s);
    double *y = malloc((base_len + to - from + 1) * sizeof *y);
    double *sorted = malloc((base_len + 1) * sizeof *sorted);
    struct pelt_recovery found = {0};
    enum pelt_status status = PELT_ENOMEM;
    if (y != NULL && sorted != NULL) {
        memcpy(y, &t->backlog[base->from], base_len * sizeof *y);
        memcpy(y + base_len, &t->backlog[from], (to - from) * sizeof *y);
        double spike_s = (double)base_len * PELT_TRACK_SLOT_S;
        struct pelt_recovery_rule rule = {.tolerance = tolerance, .hold = HOLD};
        qsort(memcpy(sorted, y, base_len * sizeof *y), base_len, sizeof *sorted, by_value);
        double median = base_len > 0 ? sorted[base_len / 2] : 0;
        rule.slack = 1 + (base_len > 0 ? tail_of(y, base_len, sorted) - median : 0);
        status = pelt_recovery_find(y, base_len + to - from, PELT_TRACK_SLOT_S, spike_s,
                                    spike_s + s->to_s - s->from_s, &rule, &found, NULL);
    }
    free(y);
    free(sorted);
    s->compared = base_len > 0;
    s->measured = status == PELT_OK;
    s->recovered = s->measured && found.recovered;
    s->recovery_s = found.time_s;
    s->limit = found.limit;
    s->baseline = found.baseline;
    s->backlog = found.worst;
    s->backlog_s = s->from_s + found.worst_s;
    if (!s->measured) {
        find_most(t, from, to, s);
    }
    return status == PELT_EINVAL ? PELT_OK : status; /* nothing before it, or nothing after it */
}

/* The percentile of a second that is looked at: the one asked for, p99 at most; where the
 * baseline's seconds have too few samples for it, the next below that is kept by the second. */
static double percentile_looked_at(const struct pelt_track *t, struct pelt_span_s base,
                                   double asked)
{
    static const double kept[] = {99, 95, 50};
    double samples = 0;
    for (int32_t i = base.from; i < base.to; i++) {
        samples += t->seconds[i].count;
    }
    double per_s = samples / fmax(base.to - base.from, 1);
    for (size_t i = 0; i < sizeof kept / sizeof *kept; i++) {
        if (kept[i] <= asked && per_s >= (double)pelt_hist_samples_needed(kept[i])) {
            return kept[i];
        }
    }
    return 50;
}

static double second_us(const struct pelt_track_second *s, double percentile)
{
    return percentile == 99 ? s->p99_us : percentile == 95 ? s->p95_us : s->p50_us;
}

/* The slowest second of the baseline. */
static double slowest_us(const struct pelt_track *t, struct pelt_span_s span, double percentile)
{
    double slowest = 0;
    for (int32_t i = span.from; i < span.to; i++) {
        slowest = fmax(slowest, second_us(&t->seconds[i], percentile)); /* fmax leaves NaN out */
    }
    return slowest;
}

/* More errors than a share of `allowed` explains. */
static bool is_failing(const struct pelt_track_second *s, double allowed)
{
    double ended = s->ok + s->errors;
    return s->errors > ended * allowed + BY_CHANCE * sqrt(ended * allowed * (1 - allowed));
}

/* One slow second behind the backlog's recovery is not the spike's; from two on it is, until the
 * first that is not slow. One that fails, or before one that fails, is. */
static void wait_for_seconds(const struct pelt_track *t, struct pelt_span_s base, double tolerance,
                             double percentile, struct spike *s)
{
    double limit_us = slowest_us(t, base, percentile) * (1 + tolerance);
    struct pelt_span_s after = pelt_track_span(t, s->to_s + s->recovery_s, s->next_s);
    double allowed = fmax(s->base_errors_share, ERRORS_LEAST);
    bool fails = false;
    int32_t at = after.from;
    for (; s->recovered && at < after.to; at++) {
        bool failing = is_failing(&t->seconds[at], allowed) ||
                       (at + 1 < after.to && is_failing(&t->seconds[at + 1], allowed));
        bool slow = limit_us > 0 && second_us(&t->seconds[at], percentile) > limit_us;
        if (!failing && !slow) {
            break;
        }
        fails = fails || failing;
    }
    if (fails || at > after.from + 1) {
        s->recovered = at < after.to;
        s->recovery_s = at - s->to_s;
    }
}

/* NaN: too few samples. */
static double percentile_us(const struct pelt_hist *h, double q)
{
    return h->count >= pelt_hist_samples_needed(q) ? (double)pelt_hist_percentile_us(h, q) : NAN;
}

static enum pelt_status recover(struct pelt_making *m, const struct baseline *base, struct spike *s)
{
    const struct pelt_track *t = m->track;
    double tolerance = pelt_making_param(m, "tolerance", 0.1);
    struct pelt_span_s seconds = pelt_track_span(t, (double)base->from * PELT_TRACK_SLOT_S,
                                                 (double)base->to * PELT_TRACK_SLOT_S);
    struct pelt_blocks blocks;
    struct pelt_hist all;
    enum pelt_status status = find_backlog(t, base, tolerance, s);
    if (status == PELT_OK) {
        double asked = pelt_making_param(m, "percentile", 99);
        struct pelt_window w = pelt_track_window(t, seconds);
        s->base_errors_share = w.ok + w.errors > 0 ? w.errors_share : NAN;
        wait_for_seconds(t, seconds, tolerance, percentile_looked_at(t, seconds, asked), s);
        status = pelt_blocks_read(t, &seconds, 1, PELT_TRACK_WHOLE, &blocks, m->err);
    }
    if (status != PELT_OK) {
        return status;
    }
    status = pelt_blocks_sum(&blocks, &all);
    s->base_p50_us = percentile_us(&all, 50);
    s->base_p99_us = percentile_us(&all, 99);
    pelt_blocks_deinit(&blocks);
    return status;
}

/* What the figures of a spike, the one behind `last`, are held against; `held`: those of `last`. */
static struct baseline baseline_of(const struct pelt_track *t, struct baseline held,
                                   const struct spike *last, const struct spike *s)
{
    const size_t to = slot_at(t, s->from_s);
    if (last->measured && last->recovered) {
        struct baseline since = {slot_at(t, last->to_s + last->recovery_s) + 1, to};
        return since.to >= since.from + BASELINE_LEAST ? since : held;
    }
    if (last->compared) {
        return held;
    }
    return (struct baseline){slot_at(t, (last->to_s + s->from_s) / 2), to};
}

/* ---- telling ---- */

static void say(struct pelt_making *m, struct pelt_finding *f, const struct spike *s,
                const struct pelt_hist *h, const struct pelt_window *w)
{
    char at[PELT_WORDS], level[PELT_WORDS], p99[PELT_WORDS], max[PELT_WORDS], took[PELT_WORDS];
    char how[128];
    if (s->cut) {
        snprintf(how, sizeof how, "cut: the load ended in it, so its recovery cannot be told");
    } else if (!s->measured) {
        snprintf(how, sizeof how, "recovery cannot be told: nothing was measured %s it",
                 s->compared ? "after" : "before");
    } else if (s->recovered && s->recovery_s < PELT_TRACK_SLOT_S / 2) {
        snprintf(how, sizeof how, "recovered with its end");
    } else if (s->recovered) {
        snprintf(how, sizeof how, "recovered %s after its end", pelt_words_s(s->recovery_s, took));
    } else {
        snprintf(how, sizeof how, "not recovered within %s",
                 pelt_words_s(s->next_s - s->to_s, took));
    }
    pelt_finding_say(
        f, "spike %u to %s at %s: p99 %s, slowest %s, %.0f errors, backlog up to %.0f; %s",
        s->number, pelt_words_level(m->track, s->level, level), pelt_words_s(s->from_s, at),
        pelt_words_us(percentile_us(h, 99), p99),
        pelt_words_us(h->count > 0 ? (double)h->max_us : NAN, max), w->errors, s->backlog, how);
}

static enum pelt_status tell(struct pelt_making *m, const struct spike *s)
{
    const struct pelt_track *t = m->track;
    double until_s = s->measured && s->recovered ? s->to_s + s->recovery_s : s->next_s;
    struct pelt_span_s span = pelt_track_span(t, floor(s->from_s), fmin(ceil(until_s), s->next_s));
    if (s->last && !(s->measured && s->recovered)) {
        span.to = (int32_t)t->len;
    }
    struct pelt_window w = pelt_track_window(t, span);
    struct pelt_blocks blocks;
    struct pelt_hist h;
    double q = pelt_making_param(m, "percentile", 99);
    enum pelt_status status = pelt_blocks_read(t, &span, 1, PELT_TRACK_WHOLE, &blocks, m->err);
    if (status != PELT_OK) {
        return status;
    }
    status = pelt_blocks_sum(&blocks, &h);
    struct pelt_finding *f = pelt_making_add(m, "spike", "%u", s->number);
    f->row = true;
    pelt_finding_number(f, "from_s", s->from_s);
    pelt_finding_number(f, "to_s", s->to_s);
    pelt_finding_number(f, "level", s->level);
    pelt_finding_count(f, "started", w.started);
    pelt_finding_count(f, "errors", w.errors);
    pelt_finding_number(f, "errors_share", w.errors_share);
    pelt_finding_number(f, "p99_ms", percentile_us(&h, 99) / 1e3);
    if (q != 99) {
        pelt_finding_number(f, "percentile", q);
        pelt_finding_number(f, "percentile_ms", percentile_us(&h, q) / 1e3);
    }
    pelt_finding_number(f, "max_ms", h.count > 0 ? (double)h.max_us / 1e3 : NAN);
    pelt_finding_number(f, "backlog", s->backlog);
    pelt_finding_number(f, "backlog_s", s->backlog_s);
    pelt_finding_flag(f, "recovered", s->measured && s->recovered);
    pelt_finding_number(f, "recovery_s", s->measured && s->recovered ? s->recovery_s : NAN);
    pelt_finding_number(f, "baseline_p50_ms", s->base_p50_us / 1e3);
    pelt_finding_number(f, "baseline_p99_ms", s->base_p99_us / 1e3);
    pelt_finding_number(f, "baseline_backlog", s->measured ? s->baseline : NAN);
    pelt_finding_number(f, "backlog_limit", s->measured ? s->limit : NAN);
    pelt_finding_number(f, "baseline_errors_share", s->base_errors_share);
    pelt_finding_flag(f, "cut", s->cut);
    say(m, f, s, &h, &w);
    pelt_blocks_deinit(&blocks);
    return status;
}

/* Of all spikes: the one that took longest. */
static void tell_recovery(struct pelt_making *m, const struct spike *spikes, size_t len)
{
    size_t recovered = 0, judged = 0;
    double longest_s = 0;
    unsigned which = 0;
    char words[PELT_WORDS];
    for (size_t i = 0; i < len; i++) {
        judged += spikes[i].measured;
        if (spikes[i].measured && spikes[i].recovered) {
            recovered++;
            if (which == 0 || spikes[i].recovery_s > longest_s) {
                longest_s = spikes[i].recovery_s;
                which = spikes[i].number;
            }
        }
    }
    struct pelt_finding *f = pelt_making_add(m, "recovery", "%s", "");
    pelt_finding_count(f, "spikes", (double)len);
    pelt_finding_count(f, "recovered", (double)recovered);
    pelt_finding_number(f, "longest_s", recovered > 0 ? longest_s : NAN);
    if (recovered == len) {
        pelt_finding_say(f, "recovered from %s, at most %s after the end (spike %u)",
                         len == 1 ? "the spike" : "every spike", pelt_words_s(longest_s, words),
                         which);
    } else {
        char untold[64] = "";
        if (judged < len) {
            snprintf(untold, sizeof untold, "; of %zu it cannot be told", len - judged);
        }
        pelt_finding_say(f, "recovered from %zu of %zu spikes%s%s", recovered, len,
                         recovered < judged ? " before the next one or the end" : "", untold);
    }
}

enum pelt_status pelt_find_burst(struct pelt_making *m)
{
    const struct pelt_track *t = m->track;
    struct spike *spikes = calloc(t->stages_len + 1, sizeof *spikes);
    if (spikes == NULL) {
        return PELT_ENOMEM;
    }
    size_t len = spikes_of(t, spikes);
    struct baseline base = {0, len > 0 ? slot_at(t, spikes[0].from_s) : 0};
    enum pelt_status status = PELT_OK;
    for (size_t i = 0; i < len && status == PELT_OK; i++) {
        base = i > 0 ? baseline_of(t, base, &spikes[i - 1], &spikes[i]) : base;
        status = recover(m, &base, &spikes[i]);
    }
    for (size_t i = 0; i < len && status == PELT_OK; i++) {
        status = tell(m, &spikes[i]);
    }
    if (len > 0 && status == PELT_OK) {
        tell_recovery(m, spikes, len);
    }
    free(spikes);
    return status;
}
