/*
 * forecasts: what goes on beyond the run: when a limit of a server that fills up is full, and where
 * the demand goes that the user gave.
 *
 * Of a limit: its use over the part "steady", in at most POINTS pieces. It is told of where a
 * straight line through them is no chance (Holm over all limits at FAMILY) and rises by more than
 * EFFECT. Whether that goes on is the backtest's to say: where a level foretells the part's second
 * half better than a trend, it has levelled off. Where a straight line foretells it to STRAIGHT it
 * is taken although double smoothing may be closer: of that a slope moves with each step, so that
 * nothing is known far ahead.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "demand.h"
#include "making.h"
#include "pelt/drift.h"
#include "pelt/units.h"
#include "server_series.h"

#define POINTS     120
#define FAMILY     0.01
#define EFFECT     0.05
#define CONFIDENCE 0.95
#define STRAIGHT   0.05 /* MAPE */
#define DAY_S      86400.0
#define LOOK_DAYS  30 /* what takes longer is not told */

/* ---- limits ---- */

struct filling {
    const struct pelt_server_figure_row *figure;
    double sum[POINTS], count[POINTS];
    double max; /* NaN: it has none */
};

struct fillings {
    struct pelt_span_s span;
    int32_t piece_s;
    size_t points;
    struct filling *list;
    size_t len;
};

/* The part of the load that is meant to be at one level. */
static struct pelt_span_s steady_span(const struct pelt_track *t)
{
    for (size_t i = 0; i < t->stages_len; i++) {
        const struct pelt_stage_row *s = &t->stages[i];
        if (strcmp(s->part, "steady") == 0 && s->load[0] == '\0' && s->from == s->to) {
            return pelt_track_span(t, s->from_s, pelt_track_stage_end(t, s));
        }
    }
    return (struct pelt_span_s){0, 0};
}

static enum pelt_status read_limits(struct pelt_making *m, struct fillings *f, const size_t *place)
{
    struct pelt_server_walk *w = NULL;
    enum pelt_status status = pelt_server_walk_new(m->r, &w, m->err);
    while (status == PELT_OK) {
        const struct pelt_server_row *rows;
        size_t len;
        int32_t t;
        status = pelt_server_walk_next(w, &t, &rows, &len, m->err);
        const bool in = status == PELT_OK && t >= f->span.from && t < f->span.to;
        const size_t at = in ? (size_t)((t - f->span.from) / f->piece_s) : 0;
        for (size_t i = 0; in && at < f->points && i < len; i++) {
            const size_t k = place[rows[i].figure];
            if (k > 0 && isfinite(rows[i].last[0])) {
                f->list[k - 1].sum[at] += rows[i].last[0];
                f->list[k - 1].count[at]++;
                f->list[k - 1].max = rows[i].last[1];
            }
        }
    }
    pelt_server_walk_free(w);
    return status == PELT_EOF ? PELT_OK : status;
}

static void series_of(const struct fillings *f, const struct filling *one, double y[POINTS],
                      double t_s[POINTS])
{
    for (size_t i = 0; i < f->points; i++) {
        y[i] = one->count[i] > 0 ? one->sum[i] / one->count[i] : NAN;
        t_s[i] = ((double)i + 0.5) * f->piece_s;
    }
}

static void words_of_amount(const struct pelt_server_figure_row *figure, double amount,
                            char out[PELT_WORDS])
{
    if (strcmp(figure->unit, "bytes") == 0) {
        pelt_format_bytes((uint64_t)fmin(fmax(amount, 0), 1e18), out, PELT_WORDS);
    } else if (amount >= 1000) {
        pelt_words_count(amount, out);
    } else {
        snprintf(out, PELT_WORDS, "%.3g", amount);
    }
}

/* "3.4h", "12 days". */
static const char *words_of_wait(double s, char out[PELT_WORDS])
{
    if (!isfinite(s)) {
        snprintf(out, PELT_WORDS, "never");
    } else if (s >= 2 * DAY_S) {
        snprintf(out, PELT_WORDS, "%.0f days", s / DAY_S);
    } else if (s >= 7200) {
        snprintf(out, PELT_WORDS, "%.1fh", s / 3600);
    } else {
        pelt_words_s(round(s), out);
    }
    return out;
}

static void say_full(struct pelt_finding *f, const char *name, const char *limit, double reach_s,
                     double low_s, double high_s)
{
    char at[PELT_WORDS], low[PELT_WORDS], high[PELT_WORDS];
    words_of_wait(reach_s, at);
    words_of_wait(low_s, low);
    words_of_wait(high_s, high);
    if (isfinite(high_s)) {
        pelt_finding_say(f,
                         "%s reaches its limit of %s %s behind the load's end [%s, %s], if it "
                         "goes on so",
                         name, limit, at, low, high);
    } else {
        pelt_finding_say(f,
                         "%s reaches its limit of %s %s behind the load's end, if it goes on "
                         "so (not before %s; perhaps not at all)",
                         name, limit, at, low);
    }
}

static enum pelt_status tell_filling(struct pelt_making *m, const struct fillings *all,
                                     const struct filling *one, const struct pelt_drift *drift)
{
    double y[POINTS], t_s[POINTS];
    struct pelt_outlook forecast;
    struct pelt_error why;
    char name[64], limit[PELT_WORDS], change[PELT_WORDS];
    series_of(all, one, y, t_s);
    const enum pelt_status status =
        pelt_outlook_make(y, all->points, (all->points + 3) / 4, &forecast, &why);
    if (status != PELT_OK) {
        return status == PELT_ENOMEM ? status : PELT_OK;
    }
    const double most = LOOK_DAYS * DAY_S / all->piece_s;
    const bool trend = PELT_OUTLOOK_WAY(&forecast)->slope > 0;
    if (trend && forecast.mape[PELT_SMOOTHING_LINE] <= STRAIGHT) {
        forecast.best = PELT_SMOOTHING_LINE;
    }
    const struct pelt_smoothed *way = PELT_OUTLOOK_WAY(&forecast);
    struct pelt_interval reach = {INFINITY, INFINITY, INFINITY};
    if (trend) {
        reach = pelt_outlook_reach(&forecast, one->max, CONFIDENCE, most);
    }
    if (trend && !isfinite(reach.value)) {
        return PELT_OK; /* it takes too long to matter */
    }
    pelt_server_series_name(m->r, one->figure, name);
    words_of_amount(one->figure, one->max, limit);
    struct pelt_finding *f = pelt_making_add(m, "forecast", "%s", name);
    pelt_finding_flag(f, "goes_on", trend);
    pelt_finding_number(f, "limit", one->max);
    pelt_finding_number(f, "used", way->level);
    pelt_finding_number(f, "used_per_h", way->slope / all->piece_s * 3600);
    pelt_finding_number(f, "reaches_s", reach.value * all->piece_s);
    pelt_finding_number(f, "reaches_low_s", reach.low * all->piece_s);
    pelt_finding_number(f, "reaches_high_s", reach.high * all->piece_s);
    pelt_finding_number(f, "confidence", CONFIDENCE);
    pelt_finding_number(f, "mape_share", forecast.mape[forecast.best]);
    if (trend) {
        say_full(f, name, limit, reach.value * all->piece_s, reach.low * all->piece_s,
                 reach.high * all->piece_s);
    } else {
        pelt_finding_say(f, "%s rose by %s and has levelled off, below its limit of %s", name,
                         pelt_words_share(drift->drift, change), limit);
    }
    pelt_outlook_evidence(m, f, &forecast);
    return PELT_OK;
}

static enum pelt_status judge_limits(struct pelt_making *m, const struct fillings *all)
{
    struct pelt_drift *fits = calloc(all->len + 1, sizeof *fits);
    bool *named = calloc(all->len + 1, sizeof *named);
    enum pelt_status status = fits != NULL && named != NULL ? PELT_OK : PELT_ENOMEM;
    for (size_t i = 0; i < all->len && status == PELT_OK; i++) {
        double y[POINTS], t_s[POINTS];
        struct pelt_error why;
        series_of(all, &all->list[i], y, t_s);
        status = pelt_drift_fit(y, t_s, all->points, CONFIDENCE, &fits[i], &why);
        status = status == PELT_ENOMEM ? status : PELT_OK;
    }
    if (status == PELT_OK) {
        pelt_drift_named(fits, all->len, FAMILY, EFFECT, named);
    }
    for (size_t i = 0; i < all->len && status == PELT_OK; i++) {
        const struct filling *one = &all->list[i];
        if (named[i] && fits[i].drift > 0 && one->max > fits[i].end) {
            status = tell_filling(m, all, one, &fits[i]);
        }
    }
    free(fits);
    free(named);
    return status;
}

static enum pelt_status find_full(struct pelt_making *m)
{
    const struct pelt_results *r = m->r;
    struct fillings all = {.span = steady_span(m->track)};
    const int32_t seconds = all.span.to - all.span.from;
    if (seconds < PELT_DRIFT_SAMPLES || r->figures_len == 0) {
        return PELT_OK;
    }
    all.piece_s = (seconds + POINTS - 1) / POINTS;
    all.points = (size_t)(seconds / all.piece_s);
    size_t *place = calloc(r->figures_len, sizeof *place);
    all.list = calloc(r->figures_len, sizeof *all.list);
    enum pelt_status status = place != NULL && all.list != NULL ? PELT_OK : PELT_ENOMEM;
    for (size_t i = 0; i < r->figures_len && status == PELT_OK; i++) {
        if (r->figures[i].kind == PELT_SERVER_LIMIT && r->figures[i].why == NULL) {
            all.list[all.len].figure = &r->figures[i];
            all.list[all.len].max = NAN;
            place[i] = ++all.len;
        }
    }
    if (status == PELT_OK && all.len > 0) {
        status = read_limits(m, &all, place);
    }
    if (status == PELT_OK) {
        status = judge_limits(m, &all);
    }
    free(place);
    free(all.list);
    return status;
}

/* ---- demand ---- */

static enum pelt_status find_demand(struct pelt_making *m)
{
    struct pelt_demand d;
    char value[PELT_WORDS], low[PELT_WORDS], high[PELT_WORDS];
    const enum pelt_status status = pelt_demand_read(m, &d);
    if (status != PELT_OK || d.periods == 0) {
        return status;
    }
    struct pelt_finding *f = pelt_making_add(m, "forecast", "demand");
    pelt_finding_count(f, "periods", (double)d.periods);
    pelt_finding_count(f, "ahead", (double)d.ahead);
    pelt_finding_number(f, "demand_per_s", d.foretold ? d.per_s : NAN);
    pelt_finding_number(f, "demand_low_per_s", d.foretold ? d.interval.low : NAN);
    pelt_finding_number(f, "demand_high_per_s", d.foretold ? d.interval.high : NAN);
    pelt_finding_number(f, "confidence", PELT_DEMAND_CONFIDENCE);
    pelt_finding_number(f, "mape_share", d.foretold ? d.forecast.mape[d.forecast.best] : NAN);
    if (!d.foretold) {
        pelt_finding_say(f, "demand: %.280s", d.why.text);
        return PELT_OK;
    }
    pelt_finding_say(f, "demand: %s in %zu more period%s [%s, %s], of %zu",
                     pelt_words_rate(d.per_s, value), d.ahead, d.ahead == 1 ? "" : "s",
                     pelt_words_rate(fmax(d.interval.low, 0), low),
                     pelt_words_rate(d.interval.high, high), d.periods);
    pelt_outlook_evidence(m, f, &d.forecast);
    return PELT_OK;
}

enum pelt_status pelt_find_forecasts(struct pelt_making *m)
{
    enum pelt_status status = find_full(m);
    return status == PELT_OK ? find_demand(m) : status;
}
