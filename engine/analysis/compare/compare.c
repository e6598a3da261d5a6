/*
 * compare: see the header. Each figure gets a difference with its error and p value; then all of
 * them are tested together (Holm), and judged:
 *
 *   better, worse   "no difference" is rejected, and it is at least the smallest that counts
 *   same            the whole interval is smaller than that
 *   inconclusive    else
 */
#include "pelt/compare.h"

#include <assert.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "figure.h"
#include "pelt/bootstrap.h"
#include "pelt/buf.h"
#include "pelt/holm.h"
#include "plan.h"

#define SEED UINT64_C(0x70656c74) /* so that a comparison made again says the same */
#define NO_ERRORS_OF                                                                               \
    368 /* with so many and no error, there are less than 1% with 97.5% certainty */
#define RULE_OF_THREE 3.69 /* -ln(0.025): at most so many of n, where none of n was seen */

struct work { /* of a figure, beside what is told of it */
    enum pelt_figure_kind kind;
    const struct pelt_digest_series *of; /* of any run */
    struct pelt_difference d;
    struct pelt_fig_effect effect;
    double sd;      /* of a run; NAN */
    bool none_seen; /* no errors on either side, of enough exchanges */
};

struct making {
    struct pelt_comparison *c;
    struct work *work; /* as many as there are figures */
    double *values;    /* room for one of each run of a side, twice */
    size_t notes_len;
    bool failed; /* memory was out */
    struct pelt_error *err;
};

const char *pelt_comparison_verdict_name(enum pelt_comparison_verdict v)
{
    static const char *const names[PELT_COMPARED_VERDICTS] = {"same", "better", "worse",
                                                              "inconclusive"};
    return names[v];
}

size_t pelt_compare_pieces(size_t base_len, size_t now_len)
{
    return base_len > 1 || now_len > 1 ? 1 : PELT_DIGEST_PIECES;
}

/* ---- notes ---- */

static void PELT_PRINTF(2, 3) note(struct making *m, const char *fmt, ...)
{
    char text[700];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    char **grown = realloc(m->c->notes, (m->notes_len + 2) * sizeof *grown);
    if (grown == NULL) {
        m->failed = true;
        return;
    }
    m->c->notes = grown;
    grown[m->notes_len] = strdup(text);
    m->failed = grown[m->notes_len] == NULL || m->failed;
    m->notes_len += grown[m->notes_len] != NULL;
    grown[m->notes_len] = NULL;
}

static const char *file_of(const struct pelt_digest *d)
{
    const char *slash = strrchr(d->path, '/');
    return slash != NULL ? slash + 1 : d->path;
}

static void note_run(struct making *m, const char *side, const struct pelt_digest *d)
{
    if (!d->finished) {
        note(m, "%s %s did not end in order: what it has is compared", side, file_of(d));
    } else if (d->verdict != PELT_VALID) {
        note(m, "%s %s is %s: %s", side, file_of(d), pelt_verdict_name(d->verdict),
             d->reason != NULL ? d->reason : "no reason is in it");
    }
    if (d->names_left_out > 0) {
        note(m, "%s %s: the %d names with the most samples are compared, %zu are not", side,
             file_of(d), PELT_DIGEST_NAMES, d->names_left_out);
    }
}

static int32_t seconds_of(const struct pelt_digest *const *runs, size_t len)
{
    int32_t sum = 0;
    for (size_t i = 0; i < len; i++) {
        sum += runs[i]->seconds;
    }
    return sum;
}

static void note_conditions(struct making *m)
{
    struct pelt_plan_difference all[PELT_PLAN_DIFFERENCES];
    size_t len = pelt_plan_conditions(m->c, all);
    for (size_t i = 0; i < len; i++) {
        note(m, "not the same conditions: %s %s in base, %s in new", all[i].what,
             all[i].base[0] != '\0' ? all[i].base : "unknown",
             all[i].now[0] != '\0' ? all[i].now : "unknown");
    }
}

/* Whether both are of one run: a copy would make it look as if runs did not differ. */
static bool is_same_run(const struct pelt_digest *a, const struct pelt_digest *b)
{
    const char *id = pelt_digest_meta(a, "run_id");
    return id[0] != '\0' && strcmp(id, pelt_digest_meta(b, "run_id")) == 0 &&
           a->start_s == b->start_s;
}

static void note_all(struct making *m)
{
    const struct pelt_comparison *c = m->c;
    if (!c->between_runs) {
        note(m, "one run a side: differences between runs are not known, so a change may be one "
                "from run to run; three and more runs a side tell");
    }
    for (size_t i = 0; i < c->base_len; i++) {
        note_run(m, "base", c->base[i]);
    }
    for (size_t i = 0; i < c->now_len; i++) {
        note_run(m, "new", c->now[i]);
    }
    note_conditions(m);
    if (is_same_run(c->base[0], c->now[0])) {
        note(m, "base %s and new %s are the same run", file_of(c->base[0]), file_of(c->now[0]));
    }
    int32_t base_s = seconds_of(c->base, c->base_len), now_s = seconds_of(c->now, c->now_len);
    if (!c->between_runs && (base_s > 2 * now_s || now_s > 2 * base_s)) {
        note(m, "%d s of base are compared with %d s of new", (int)base_s, (int)now_s);
    }
}

/* ---- series ---- */

static bool has_series(const struct pelt_digest *const *runs, size_t len,
                       const struct pelt_digest_series *s)
{
    for (size_t i = 0; i < len; i++) {
        if (pelt_digest_find(runs[i], s->kind, s->name) != NULL) {
            return true;
        }
    }
    return false;
}

static const char *words_of(const struct pelt_digest_series *s)
{
    return s->kind == PELT_DIGEST_ALL ? "all requests together" : s->name;
}

/* Whether both sides have it; says so of one that is on one side only. */
static bool is_common(struct making *m, const struct pelt_digest_series *s)
{
    const struct pelt_comparison *c = m->c;
    if (has_series(c->now, c->now_len, s) && has_series(c->base, c->base_len, s)) {
        return true;
    }
    if (s->kind != PELT_DIGEST_ALL) {
        note(m, "%s is in %s only", words_of(s),
             has_series(c->base, c->base_len, s) ? "base" : "new");
    }
    return false;
}

static void take_series(struct making *m, const struct pelt_digest_series *s)
{
    struct pelt_comparison *c = m->c;
    if (s->kind == PELT_DIGEST_TREND && s->better == 0) {
        note(m, "%s is not compared: no threshold on it says whether more or less is better",
             s->name);
        return;
    }
    struct pelt_compared_series *grown = realloc(c->series, (c->series_len + 1) * sizeof *grown);
    if (grown == NULL) {
        m->failed = true;
        return;
    }
    c->series = grown;
    grown[c->series_len] =
        (struct pelt_compared_series){.kind = s->kind, .name = s->name, .scale = s->scale};
    snprintf(grown[c->series_len].unit, sizeof s->unit, "%s", s->unit);
    c->series_len++;
}

/* In the order in which base, then new met them; those of `before` were looked at. */
static void take_all_series(struct making *m, const struct pelt_digest *const *runs, size_t len,
                            const struct pelt_digest *const *before, size_t before_len)
{
    for (size_t i = 0; i < len; i++) {
        for (size_t k = 0; k < runs[i]->len; k++) {
            const struct pelt_digest_series *s = &runs[i]->series[k];
            bool met = has_series(before, before_len, s) || has_series(runs, i, s);
            if (!met && is_common(m, s)) {
                take_series(m, s);
            }
        }
    }
}

static bool sum_side(const struct pelt_digest *const *runs, size_t len,
                     const struct pelt_compared_series *s, struct pelt_hist *out,
                     struct pelt_hist_pool *pool)
{
    bool whole = true;
    for (size_t i = 0; i < len; i++) {
        const struct pelt_digest_series *of = pelt_digest_find(runs[i], s->kind, s->name);
        if (of != NULL) {
            const uint64_t before = out->count;
            pelt_hist_add(out, pool, &of->sum);
            whole = out->count - before == of->sum.count && whole;
        }
    }
    return whole;
}

static void find_shift(struct making *m, struct pelt_compared_series *s)
{
    const struct pelt_comparison *c = m->c;
    struct pelt_hist_pool pool;
    struct pelt_hist base = {0}, now = {0};
    pelt_hist_pool_init(&pool, NULL);
    m->failed = !sum_side(c->base, c->base_len, s, &base, &pool) ||
                !sum_side(c->now, c->now_len, s, &now, &pool) || m->failed;
    s->base_count = base.count;
    s->now_count = now.count;
    if (base.count > 0 && now.count > 0 && !m->failed) {
        m->failed = pelt_shift_of(&base, &now, &s->shift) != PELT_OK;
        s->has_shift = !m->failed;
    }
    pelt_hist_pool_deinit(&pool);
}

/* ---- one figure ---- */

static double mean_of(const double *values, size_t n)
{
    double sum = 0, count = 0;
    for (size_t i = 0; i < n; i++) {
        sum += isfinite(values[i]) ? values[i] : 0;
        count += isfinite(values[i]);
    }
    return count > 0 ? sum / count : (double)NAN;
}

static uint64_t least_samples(const struct pelt_digest *const *runs, size_t len,
                              const struct pelt_compared_series *s, enum pelt_figure_kind kind)
{
    uint64_t least = UINT64_MAX;
    for (size_t i = 0; i < len; i++) {
        const struct pelt_digest_series *of = pelt_digest_find(runs[i], s->kind, s->name);
        uint64_t n = of != NULL ? of->samples[kind] : 0;
        least = n < least ? n : least;
    }
    return least;
}

/* Values of a side's runs on the scale of comparison, and their mean in the unit of the figure. */
static double read_values(const struct pelt_digest *const *runs, size_t len,
                          const struct pelt_compared_series *s, enum pelt_figure_kind kind,
                          double *out)
{
    for (size_t i = 0; i < len; i++) {
        const struct pelt_digest_series *of = pelt_digest_find(runs[i], s->kind, s->name);
        double value = of != NULL ? of->values[kind] : (double)NAN;
        out[i] = isfinite(value) ? pelt_fig_scaled(kind, value) : (double)NAN;
    }
    double mean = mean_of(out, len);
    return pelt_fig_is_share(kind) ? mean : exp(mean);
}

static enum pelt_status within_runs(struct making *m, struct pelt_compared *f, struct work *w,
                                    const struct pelt_digest_series *base,
                                    const struct pelt_digest_series *now)
{
    struct pelt_estimate a, b;
    struct pelt_error why = {""};
    const struct pelt_comparison *c = m->c;
    enum pelt_status status = pelt_fig_estimate(w->kind, c->base[0], base, SEED, &a, &why);
    if (status == PELT_OK) {
        status = pelt_fig_estimate(w->kind, c->now[0], now, SEED + 1, &b, &why);
    }
    if (status == PELT_EINVAL) {
        int32_t least =
            c->base[0]->seconds < c->now[0]->seconds ? c->base[0]->seconds : c->now[0]->seconds;
        snprintf(f->why, sizeof f->why, "%d s are too few, it takes %d and more", (int)least,
                 PELT_BOOTSTRAP_SECONDS);
        f->needs_s = PELT_BOOTSTRAP_SECONDS;
        return PELT_OK;
    }
    if (status == PELT_OK) {
        w->d = pelt_difference_of(&a, &b, c->options.confidence);
    }
    return status;
}

static void between_runs(struct making *m, struct work *w, double base, const double *a,
                         const double *b)
{
    const struct pelt_comparison *c = m->c;
    double floor = pelt_fig_resolution(w->kind, w->of, base);
    w->d = pelt_difference_of_runs(a, c->base_len, b, c->now_len, floor, c->options.confidence);
    w->sd = fmax(pelt_difference_sd(a, c->base_len, b, c->now_len), floor);
}

/* No errors at all: nothing differs, if there could have been any. */
static void find_none_seen(struct pelt_compared *f, struct work *w, uint64_t base, uint64_t now)
{
    if (w->kind != PELT_FIG_ERRORS || f->base != 0 || f->now != 0) {
        return;
    }
    w->none_seen = true;
    w->d = (struct pelt_difference){.low = -RULE_OF_THREE / (double)base,
                                    .high = RULE_OF_THREE / (double)now,
                                    .p = 1,
                                    .error = NAN};
    if (base < NO_ERRORS_OF || now < NO_ERRORS_OF) {
        f->needs_samples = NO_ERRORS_OF;
        snprintf(f->why, sizeof f->why, "none of %llu and of %llu says little",
                 (unsigned long long)base, (unsigned long long)now);
    }
}

static bool lacks_samples(struct pelt_compared *f, struct work *w, uint64_t base, uint64_t now)
{
    uint64_t needs = pelt_fig_samples_needed(w->kind), least = base < now ? base : now;
    if (w->kind == PELT_FIG_CAPACITY || w->kind == PELT_FIG_THROUGHPUT || least >= needs) {
        return false;
    }
    f->needs_samples = (double)needs;
    snprintf(f->why, sizeof f->why, "%llu samples are too few", (unsigned long long)least);
    return true;
}

static enum pelt_status make_figure(struct making *m, struct pelt_compared *f, struct work *w)
{
    const struct pelt_comparison *c = m->c;
    const struct pelt_compared_series *s = &c->series[f->series];
    double *a = m->values, *b = m->values + c->base_len;
    const struct pelt_digest_series *base = pelt_digest_find(c->base[0], s->kind, s->name),
                                    *now = pelt_digest_find(c->now[0], s->kind, s->name);
    uint64_t base_n = least_samples(c->base, c->base_len, s, w->kind),
             now_n = least_samples(c->now, c->now_len, s, w->kind);
    f->base = read_values(c->base, c->base_len, s, w->kind, a);
    f->now = read_values(c->now, c->now_len, s, w->kind, b);
    w->d = (struct pelt_difference){NAN, NAN, NAN, NAN, NAN, 0};
    w->sd = NAN;
    if (lacks_samples(f, w, base_n, now_n)) {
        return PELT_OK;
    }
    w->effect = pelt_fig_effect_of(w->kind, w->of, f->base, &c->options.effect);
    find_none_seen(f, w, base_n, now_n);
    if (w->none_seen) {
        return PELT_OK;
    }
    if (c->between_runs) {
        between_runs(m, w, f->base, a, b);
        return PELT_OK;
    }
    if (w->kind == PELT_FIG_CAPACITY) {
        snprintf(f->why, sizeof f->why, "one run a side does not tell");
        return PELT_OK;
    }
    return within_runs(m, f, w, base, now);
}

/* ---- all figures ---- */

/* The series as any run has it. */
static const struct pelt_digest_series *any_of(const struct pelt_comparison *c,
                                               const struct pelt_compared_series *s)
{
    const struct pelt_digest_series *of = NULL;
    for (size_t i = 0; of == NULL && i < c->base_len; i++) {
        of = pelt_digest_find(c->base[i], s->kind, s->name);
    }
    assert(of != NULL); /* only what both sides have is compared */
    return of;
}

static enum pelt_status add_figures(struct making *m)
{
    struct pelt_comparison *c = m->c;
    const size_t most = c->series_len * PELT_FIG_KINDS;
    c->figures = calloc(most + 1, sizeof *c->figures);
    m->work = calloc(most + 1, sizeof *m->work);
    m->values = calloc(c->base_len + c->now_len + 1, sizeof *m->values);
    if (c->figures == NULL || m->work == NULL || m->values == NULL) {
        return PELT_ENOMEM;
    }
    enum pelt_status status = PELT_OK;
    for (size_t i = 0; i < c->series_len && status == PELT_OK; i++) {
        const struct pelt_compared_series *s = &c->series[i];
        const struct pelt_digest_series *any = any_of(c, s);
        for (int kind = 0; kind < PELT_FIG_KINDS && status == PELT_OK; kind++) {
            if (!pelt_fig_is_of(kind, s->kind)) {
                continue;
            }
            struct pelt_compared *f = &c->figures[c->figures_len];
            struct work *w = &m->work[c->figures_len++];
            *f = (struct pelt_compared){
                .series = i,
                .figure = pelt_fig_name(kind),
                .unit = pelt_fig_unit(kind, any),
                .change_unit = pelt_fig_is_share(kind) ? PELT_CHANGE_SHARE : PELT_CHANGE_RELATIVE,
                .needs_s = NAN,
                .needs_samples = NAN,
                .needs_runs = NAN};
            w->kind = kind;
            w->of = any;
            status = make_figure(m, f, w);
        }
    }
    return status;
}

/* On the scale of comparison, as it is told. */
static double told(const struct pelt_compared *f, double change)
{
    return f->change_unit == PELT_CHANGE_SHARE ? change : expm1(change);
}

static enum pelt_comparison_verdict verdict_of(const struct pelt_comparison *c,
                                               const struct pelt_compared *f, const struct work *w,
                                               bool rejected)
{
    if (w->none_seen) {
        return f->why[0] == '\0' ? PELT_COMPARED_SAME : PELT_COMPARED_INCONCLUSIVE;
    }
    switch (pelt_difference_judge(&w->d, rejected, w->effect.least)) {
    case PELT_CHANGE_NONE:
        return PELT_COMPARED_SAME;
    case PELT_CHANGE_UP:
        return pelt_fig_better(w->kind, w->of) > 0 ? PELT_COMPARED_BETTER : PELT_COMPARED_WORSE;
    case PELT_CHANGE_DOWN:
        return pelt_fig_better(w->kind, w->of) > 0 ? PELT_COMPARED_WORSE : PELT_COMPARED_BETTER;
    case PELT_CHANGE_UNKNOWN:
        break;
    }
    return PELT_COMPARED_INCONCLUSIVE;
}

/* What would tell, of each side: seconds and samples, or runs. */
static void find_needs(const struct pelt_comparison *c, struct pelt_compared *f,
                       const struct work *w)
{
    double alpha = c->options.family / (double)(c->tests > 0 ? c->tests : 1);
    double confidence = c->options.confidence;
    const struct pelt_compared_series *s = &c->series[f->series];
    double seconds = fmax(seconds_of(c->base, c->base_len), seconds_of(c->now, c->now_len));
    double per_s = fmax((double)least_samples(c->base, c->base_len, s, w->kind),
                        (double)least_samples(c->now, c->now_len, s, w->kind)) /
                   fmax(seconds, 1);
    if (c->between_runs && isfinite(f->needs_samples)) {
        return; /* more runs as short as these would not help */
    }
    if (c->between_runs || w->kind == PELT_FIG_CAPACITY) {
        f->needs_runs = isfinite(w->sd)
                            ? pelt_difference_runs_needed(&w->d, w->sd, alpha, confidence,
                                                          w->effect.least, w->effect.twice)
                            : 3;
        double most = fmax((double)c->base_len, (double)c->now_len);
        f->needs_runs = fmax(f->needs_runs, most + 1);
        return;
    }
    if (isfinite(w->d.error)) {
        f->needs_s = ceil(seconds * pelt_difference_factor(&w->d, alpha, confidence,
                                                           w->effect.least, w->effect.twice));
    }
    if (!isfinite(f->needs_samples) && isfinite(f->needs_s)) {
        f->needs_samples = ceil(f->needs_s * per_s);
    } else if (isfinite(f->needs_samples) && per_s > 0) {
        f->needs_s = ceil(f->needs_samples / per_s);
    }
}

static enum pelt_status judge_all(struct making *m)
{
    struct pelt_comparison *c = m->c;
    double *p = malloc((c->figures_len + 1) * sizeof *p);
    bool *rejected = malloc((c->figures_len + 1) * sizeof *rejected);
    enum pelt_status status = PELT_ENOMEM;
    if (p == NULL || rejected == NULL) {
        goto out;
    }
    for (size_t i = 0; i < c->figures_len; i++) {
        p[i] = m->work[i].none_seen ? (double)NAN : m->work[i].d.p;
        c->tests += isfinite(p[i]);
    }
    pelt_holm(p, c->figures_len, c->options.family, rejected);
    for (size_t i = 0; i < c->figures_len; i++) {
        struct pelt_compared *f = &c->figures[i];
        const struct work *w = &m->work[i];
        f->change = told(f, w->d.value);
        f->low = told(f, w->d.low);
        f->high = told(f, w->d.high);
        f->p = p[i];
        f->verdict = verdict_of(c, f, w, rejected[i]);
        f->small = rejected[i] && f->verdict != PELT_COMPARED_WORSE &&
                   f->verdict != PELT_COMPARED_BETTER && c->options.effect.share > 0 &&
                   fabs(w->d.value) >= w->effect.without_floor;
        c->counts[f->verdict]++;
        if (f->verdict == PELT_COMPARED_INCONCLUSIVE) {
            find_needs(c, f, w);
        }
    }
    status = PELT_OK;
out:
    free(p);
    free(rejected);
    return status;
}

/* Where no name is on both sides, all requests together are. */
static void take_all_together(struct making *m)
{
    static char none[1] = "";
    const struct pelt_comparison *c = m->c;
    const struct pelt_digest_series *of = pelt_digest_find(c->base[0], PELT_DIGEST_ALL, none);
    struct pelt_digest_series all = of != NULL ? *of : (struct pelt_digest_series){0};
    all.kind = PELT_DIGEST_ALL;
    all.name = none;
    for (size_t i = 0; i < c->series_len; i++) {
        if (c->series[i].kind == PELT_DIGEST_ALL || c->series[i].kind == PELT_DIGEST_REQUEST) {
            return;
        }
    }
    if (of != NULL && is_common(m, &all)) {
        take_series(m, &all);
    }
}

static enum pelt_status refuse_copies(const struct pelt_digest *const *runs, size_t len,
                                      struct pelt_error *err)
{
    for (size_t i = 0; i < len; i++) {
        for (size_t k = 0; k < i; k++) {
            if (is_same_run(runs[i], runs[k])) {
                return pelt_fail(err, PELT_EINVAL,
                                 "%s and %s are the same run: several runs of a side are to say how "
                                 "much runs differ, which copies cannot; leave one out",
                                 runs[k]->path, runs[i]->path);
            }
        }
    }
    return PELT_OK;
}

static enum pelt_status refuse_plans(const struct pelt_comparison *c, struct pelt_error *err)
{
    struct pelt_buf text;
    pelt_buf_init(&text, 0);
    for (size_t i = 0; i < c->differences_len; i++) {
        const struct pelt_plan_difference *d = &c->differences[i];
        pelt_buf_addf(&text, "%s%s \"%.150s\" and \"%.150s\"", i > 0 ? "; " : "", d->what, d->base,
                      d->now);
    }
    pelt_buf_add(&text, "", 1);
    enum pelt_status status =
        pelt_fail(err, PELT_EINVAL,
                  "different plans, whose figures say nothing of each other: %.700s; --force "
                  "compares them all the same",
                  text.failed ? "" : text.data);
    pelt_buf_deinit(&text);
    return status;
}

static enum pelt_status make(struct making *m)
{
    struct pelt_comparison *c = m->c;
    enum pelt_status status = refuse_copies(c->base, c->base_len, m->err);
    status = status == PELT_OK ? refuse_copies(c->now, c->now_len, m->err) : status;
    if (status != PELT_OK) {
        return status;
    }
    pelt_plan_compare(c);
    if (c->differences_len > 0 && !c->options.force) {
        return refuse_plans(c, m->err);
    }
    take_all_series(m, c->base, c->base_len, NULL, 0);
    take_all_series(m, c->now, c->now_len, c->base, c->base_len);
    take_all_together(m);
    for (size_t i = 0; i < c->series_len; i++) {
        find_shift(m, &c->series[i]);
    }
    note_all(m);
    status = m->failed ? PELT_ENOMEM : add_figures(m);
    if (status == PELT_OK) {
        status = judge_all(m);
    }
    return status == PELT_OK && m->failed ? PELT_ENOMEM : status;
}

enum pelt_status pelt_compare(const struct pelt_digest *const *base, size_t base_len,
                              const struct pelt_digest *const *now, size_t now_len,
                              const struct pelt_compare_options *options,
                              struct pelt_comparison **out, struct pelt_error *err)
{
    assert(base_len > 0 && now_len > 0);
    struct making m = {.c = calloc(1, sizeof *m.c), .err = err};
    *out = NULL;
    enum pelt_status status = PELT_ENOMEM;
    if (m.c != NULL) {
        *m.c = (struct pelt_comparison){.base = base,
                                        .now = now,
                                        .base_len = base_len,
                                        .now_len = now_len,
                                        .options = *options,
                                        .between_runs = base_len > 1 || now_len > 1};
        struct pelt_compare_options *o = &m.c->options;
        o->family = o->family > 0 ? o->family : PELT_COMPARE_FAMILY;
        o->confidence = o->confidence > 0 ? o->confidence : PELT_COMPARE_CONFIDENCE;
        status = make(&m);
    }
    free(m.work);
    free(m.values);
    if (status == PELT_OK) {
        *out = m.c;
        return PELT_OK;
    }
    pelt_comparison_free(m.c);
    return status == PELT_ENOMEM ? pelt_fail(err, status, "out of memory") : status;
}

void pelt_comparison_free(struct pelt_comparison *c)
{
    if (c == NULL) {
        return;
    }
    for (char **n = c->notes; n != NULL && *n != NULL; n++) {
        free(*n);
    }
    free(c->notes);
    free(c->series);
    free(c->figures);
    free(c);
}
