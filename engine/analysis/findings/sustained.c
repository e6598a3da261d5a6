/*
 * sustained: whether p50, p99, errors or throughput drift over the part "steady", and, where agents
 * watched the servers, their memory, file descriptors and hit rates.
 *
 * p50, error share and throughput are taken each second; p99 of as many seconds together as have
 * P99_SAMPLES samples, since the highest hundredth of fewer is one sample or none. A drift is named
 * if Holm over the figures at `family` rejects "no drift" and it exceeds `effect`; a drift to the
 * worse is a leak. Intervals are shown at 1 - family / figures, so that all of them hold together;
 * "no drift" is only said where the whole interval is within `effect`.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "making.h"
#include "pelt/drift.h"
#include "pelt/units.h"
#include "server_series.h"

#define P99_SAMPLES 100
#define ERRORS_EFFECT                                                                              \
    0.001 /* of all requests: a drift of errors below that is none worth a name                    \
           */

enum what {
    P50,
    P99,
    ERRORS,
    THROUGHPUT,
    CLIENT_FIGURES,
    BYTES = CLIENT_FIGURES,
    FDS,
    HITS,
    WHATS
};

#define FIGURES_MAX (CLIENT_FIGURES + PELT_SERVER_SERIES)

static const struct {
    const char *name, *start, *end; /* names of figures of a finding */
    double worse;                   /* the sign of a change to the worse */
} figures[WHATS] = {
    [P50] = {"p50", "start_ms", "end_ms", 1},
    [P99] = {"p99", "start_ms", "end_ms", 1},
    [ERRORS] = {"errors", "start_share", "end_share", 1},
    [THROUGHPUT] = {"throughput", "start_per_s", "end_per_s", -1},
    [BYTES] = {"memory", "start_bytes", "end_bytes", 1},
    [FDS] = {"nofile", "start_count", "end_count", 1},
    [HITS] = {"hit rate", "start_share", "end_share", -1},
};

struct series {
    enum what what;
    const char *name; /* of a server its own; borrowed */
    double *y, *t_s;
    size_t len;
    double step_s;
    struct pelt_drift fit;
    bool fitted, named;
};

/* First and last second that have `part`, so that what is steady is one span. */
static struct pelt_span_s part_span(const struct pelt_track *t, const char *part)
{
    double from = INFINITY, to = 0;
    for (size_t i = 0; i < t->stages_len; i++) {
        if (strcmp(t->stages[i].part, part) == 0) {
            from = fmin(from, t->stages[i].from_s);
            to = fmax(to, pelt_track_stage_end(t, &t->stages[i]));
        }
    }
    return from < to ? pelt_track_span(t, from, to) : (struct pelt_span_s){0, 0};
}

static double second_value(const struct pelt_track_second *s, enum what figure)
{
    double ended = s->ok + s->errors;
    switch (figure) {
    case P50:
        return s->p50_us;
    case P99:
        return s->p99_us;
    case ERRORS:
        return ended > 0 ? s->errors / ended : NAN;
    default:
        return s->measured ? s->ok : NAN;
    }
}

static bool series_init(struct series *s, size_t len, double step_s)
{
    s->len = len;
    s->step_s = step_s;
    s->y = calloc(len + 1, sizeof *s->y);
    s->t_s = calloc(len + 1, sizeof *s->t_s);
    for (size_t i = 0; s->t_s != NULL && i < len; i++) {
        s->t_s[i] = ((double)i + 0.5) * step_s;
    }
    return s->y != NULL && s->t_s != NULL;
}

static enum pelt_status by_second(const struct pelt_track *t, struct pelt_span_s span,
                                  struct series *s)
{
    if (!series_init(s, (size_t)(span.to - span.from), 1)) {
        return PELT_ENOMEM;
    }
    for (size_t i = 0; i < s->len; i++) {
        s->y[i] = second_value(&t->seconds[span.from + (int32_t)i], s->what);
    }
    return PELT_OK;
}

/* The seconds together that a p99 needs; the rest that fills no block is left out. */
static enum pelt_status by_block(const struct pelt_track *t, struct pelt_span_s span,
                                 struct series *s, struct pelt_error *err)
{
    struct pelt_blocks blocks;
    double samples = 0;
    for (int32_t i = span.from; i < span.to; i++) {
        samples += t->seconds[i].count;
    }
    double per_s = samples / fmax(span.to - span.from, 1);
    int32_t block = per_s > 0 ? (int32_t)fmin(ceil(P99_SAMPLES / per_s), span.to - span.from) : 1;
    enum pelt_status status = pelt_blocks_read(t, &span, 1, block, &blocks, err);
    if (status != PELT_OK) {
        return status;
    }
    size_t whole = (size_t)((span.to - span.from) / blocks.block);
    if (!series_init(s, whole, blocks.block)) {
        pelt_blocks_deinit(&blocks);
        return PELT_ENOMEM;
    }
    for (size_t i = 0; i < whole; i++) {
        const struct pelt_hist *h = &blocks.hist[i];
        s->y[i] = h->count > 0 ? (double)pelt_hist_percentile_us(h, 99) : NAN;
    }
    pelt_blocks_deinit(&blocks);
    return PELT_OK;
}

/* What agents read: taken over, a second each. */
static enum pelt_status by_server(const struct pelt_server_series *from, struct pelt_span_s span,
                                  struct series *s)
{
    s->what = from->what == PELT_SERVER_BYTES ? BYTES : from->what == PELT_SERVER_FDS ? FDS : HITS;
    s->name = from->name;
    if (!series_init(s, (size_t)(span.to - span.from), 1)) {
        return PELT_ENOMEM;
    }
    memcpy(s->y, from->y, s->len * sizeof *s->y);
    return PELT_OK;
}

static enum pelt_status read_series(struct pelt_making *m, struct pelt_span_s span,
                                    const struct pelt_server_series *servers, size_t servers_len,
                                    struct series all[FIGURES_MAX])
{
    enum pelt_status status = PELT_OK;
    for (int i = 0; i < CLIENT_FIGURES && status == PELT_OK; i++) {
        bool seconds = i != P99 || m->track->hists == NULL;
        all[i].what = (enum what)i;
        all[i].name = figures[i].name;
        status = seconds ? by_second(m->track, span, &all[i])
                         : by_block(m->track, span, &all[i], m->err);
    }
    for (size_t i = 0; i < servers_len && status == PELT_OK; i++) {
        status = by_server(&servers[i], span, &all[CLIENT_FIGURES + i]);
    }
    return status;
}

static const char *words(enum what figure, double value, char out[PELT_WORDS])
{
    switch (figure) {
    case ERRORS:
    case HITS:
        return pelt_words_share(value, out);
    case THROUGHPUT:
        return pelt_words_rate(value, out);
    case BYTES:
        pelt_format_bytes((uint64_t)fmin(fmax(value, 0), 1e18), out, PELT_WORDS);
        return out;
    case FDS:
        snprintf(out, PELT_WORDS, "%.0f", value);
        return out;
    default:
        return pelt_words_us(value, out);
    }
}

static void tell_too_short(struct pelt_making *m, const struct series *s)
{
    struct pelt_finding *f = pelt_making_add(m, "drift", "%s", s->name);
    double needs_s = PELT_DRIFT_SAMPLES * s->step_s;
    char have[PELT_WORDS], need[PELT_WORDS];
    pelt_finding_flag(f, "named", false);
    pelt_finding_number(f, "needs_s", needs_s);
    if (needs_s > (double)s->len * s->step_s) {
        pelt_finding_say(f, "%s: too short to tell: %s at a steady level, %s are needed", s->name,
                         pelt_words_s((double)s->len * s->step_s, have),
                         pelt_words_s(needs_s, need));
    } else {
        pelt_finding_say(f, "%s: cannot be told: it was measured in too few seconds", s->name);
    }
}

/* An interval that reaches beyond the effect rules nothing out: how long a run would be whose
 * interval does not, if nothing drifts: both its middle and its width then fall with the square
 * root of the length. What does drift grows with the run until it is named. */
static double needed_s(const struct series *s, double effect)
{
    double reach = fmax(fabs(s->fit.low), fabs(s->fit.high));
    double length_s = (double)s->len * s->step_s;
    return reach > effect ? length_s * (reach / effect) * (reach / effect) : 0;
}

/* "rises by 20% [10%, 30%]", "falls by ...": what the verb says has no sign. */
static void say_named(struct pelt_finding *f, const struct series *s, const char *length, bool leak)
{
    const struct pelt_drift *d = &s->fit;
    const bool rises = d->drift > 0;
    char by[PELT_WORDS], low[PELT_WORDS], high[PELT_WORDS], start[PELT_WORDS], end[PELT_WORDS];
    pelt_words_change(fabs(d->drift), by);
    pelt_words_change(rises ? d->low : -d->high, low);
    pelt_words_change(rises ? d->high : -d->low, high);
    pelt_finding_say(f, "%s %s by %s [%s, %s] over %s, from %s to %s%s", s->name,
                     rises ? "rises" : "falls", by + strspn(by, "+"), low + strspn(low, "+"),
                     high + strspn(high, "+"), length, words(s->what, d->start, start),
                     words(s->what, d->end, end), leak ? ": a leak" : "");
}

/* What was not named: whether a drift of `effect` is ruled out, and whether there is a smaller one.
 */
static void say_unnamed(struct pelt_finding *f, const struct series *s, double effect,
                        double needs_s)
{
    const struct pelt_drift *d = &s->fit;
    const bool some = d->low > 0 || d->high < 0; /* 0 is not in the interval */
    char drift[PELT_WORDS], low[PELT_WORDS], high[PELT_WORDS], limit[PELT_WORDS],
        length[PELT_WORDS];
    pelt_words_change(d->drift, drift);
    pelt_words_change(d->low, low);
    pelt_words_change(d->high, high);
    pelt_words_share(effect, limit);
    pelt_words_s(ceil(needs_s / 10) * 10, length);
    if (needs_s > 0) {
        pelt_finding_say(f, "%s: %s: %s [%s, %s]; to rule out %s it takes about %s", s->name,
                         some ? "some drift, too little to be named" : "no drift seen", drift, low,
                         high, limit, length);
    } else if (some) {
        pelt_finding_say(f, "%s: no drift of %s: %s [%s, %s]", s->name, limit, drift, low, high);
    } else {
        pelt_finding_say(f, "%s: no drift: %s [%s, %s]", s->name, drift, low, high);
    }
}

static void tell(struct pelt_making *m, const struct series *s, double effect, double confidence)
{
    const struct pelt_drift *d = &s->fit;
    bool leak = s->named && d->drift * figures[s->what].worse > 0;
    double scale = s->what == P50 || s->what == P99 ? 1e3 : 1;
    struct pelt_finding *f = pelt_making_add(m, leak ? "leak" : "drift", "%s", s->name);
    char length[PELT_WORDS];
    double needs_s = s->named ? 0 : needed_s(s, effect);
    pelt_finding_flag(f, "named", s->named);
    pelt_finding_number(f, "drift", d->drift);
    pelt_finding_number(f, "low", d->low);
    pelt_finding_number(f, "high", d->high);
    pelt_finding_number(f, "confidence", confidence);
    pelt_finding_number(f, "p", d->p);
    pelt_finding_number(f, figures[s->what].start, d->start / scale);
    pelt_finding_number(f, figures[s->what].end, d->end / scale);
    pelt_finding_count(f, "samples", (double)d->samples);
    pelt_finding_number(f, "needs_s", needs_s);
    if (s->named) {
        say_named(f, s, pelt_words_s((double)s->len * s->step_s, length), leak);
    } else {
        say_unnamed(f, s, effect, needs_s);
    }
}

/* A figure that is 0 all the time: errors, mostly. */
static bool flat_zero(const struct series *s)
{
    for (size_t i = 0; i < s->len; i++) {
        if (isfinite(s->y[i]) && s->y[i] != 0) {
            return false;
        }
    }
    return true;
}

static void tell_zero(struct pelt_making *m, const struct series *s)
{
    struct pelt_finding *f = pelt_making_add(m, "drift", "%s", s->name);
    pelt_finding_flag(f, "named", false);
    pelt_finding_number(f, "drift", 0);
    pelt_finding_say(f, "%s: none at any time", s->name);
}

/* The smallest drift worth a name. */
static double effect_of(const struct series *s, double effect)
{
    return s->what == ERRORS && s->fit.level > 0 ? fmax(effect, ERRORS_EFFECT / s->fit.level)
                                                 : effect;
}

static enum pelt_status judge(struct pelt_making *m, struct series *all, size_t len)
{
    double effect = pelt_making_param(m, "effect", 0.05);
    double family = pelt_making_param(m, "family", 0.01);
    double confidence = 1 - family / (double)len;
    struct pelt_drift fits[FIGURES_MAX];
    bool named[FIGURES_MAX] = {false};
    for (size_t i = 0; i < len; i++) {
        struct pelt_error refused;
        enum pelt_status status =
            pelt_drift_fit(all[i].y, all[i].t_s, all[i].len, confidence, &all[i].fit, &refused);
        if (status == PELT_ENOMEM) {
            return status;
        }
        all[i].fitted = status == PELT_OK;
        fits[i] = all[i].fit;
    }
    pelt_drift_named(fits, len, family, effect, named);
    for (size_t i = 0; i < len; i++) {
        double smallest = effect_of(&all[i], effect);
        all[i].named = named[i] && fabs(fits[i].drift) > smallest;
        if (!all[i].fitted) {
            tell_too_short(m, &all[i]);
        } else if (flat_zero(&all[i])) {
            tell_zero(m, &all[i]);
        } else {
            tell(m, &all[i], smallest, confidence);
        }
    }
    return PELT_OK;
}

enum pelt_status pelt_find_sustained(struct pelt_making *m)
{
    struct series all[FIGURES_MAX] = {{.what = P50}};
    struct pelt_server_series servers[PELT_SERVER_SERIES];
    const struct pelt_span_s span = part_span(m->track, "steady");
    size_t servers_len = 0;
    enum pelt_status status = PELT_OK;
    if (m->r != NULL) {
        status = pelt_server_series_read(m->r, span, servers, &servers_len, m->err);
    }
    const size_t len = CLIENT_FIGURES + servers_len;
    if (status == PELT_OK) {
        status = read_series(m, span, servers, servers_len, all);
    }
    if (status == PELT_OK) {
        status = judge(m, all, len);
    }
    for (size_t i = 0; i < len; i++) {
        free(all[i].y);
        free(all[i].t_s);
    }
    pelt_server_series_free(servers, servers_len);
    return status;
}
