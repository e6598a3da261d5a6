/*
 * history: see the header. Levels are compared as two runs are: by logarithms, shares as they are,
 * and with the same smallest effect.
 */
#include "pelt/history.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "figure.h"
#include "pelt/change_points.h"
#include "plan.h"

#define FIGURES_FREE 10.0

static int by_start(const void *a, const void *b)
{
    const struct pelt_digest *x = *(const struct pelt_digest *const *)a,
                             *y = *(const struct pelt_digest *const *)b;
    return x->start_s != y->start_s ? (x->start_s > y->start_s ? 1 : -1) : strcmp(x->path, y->path);
}

static int latest_first(const void *a, const void *b)
{
    const struct pelt_history_plan *x = a, *y = b;
    return by_start(&y->runs[y->len - 1], &x->runs[x->len - 1]);
}

/* ---- plans ---- */

/* The plan's list; a new one where it is the first run. NULL: out of memory. */
static struct pelt_history_plan *plan_of(struct pelt_history *h, const struct pelt_digest *run,
                                         size_t room)
{
    for (size_t i = 0; i < h->len; i++) {
        if (pelt_plan_is_same(h->plans[i].runs[0], run)) {
            return &h->plans[i];
        }
    }
    struct pelt_history_plan *grown = realloc(h->plans, (h->len + 1) * sizeof *grown);
    if (grown == NULL) {
        return NULL;
    }
    h->plans = grown;
    grown[h->len] = (struct pelt_history_plan){.runs = calloc(room, sizeof *grown->runs)};
    return grown[h->len].runs != NULL ? &grown[h->len++] : NULL;
}

static bool sort_into_plans(struct pelt_history *h, const struct pelt_digest *const *runs,
                            size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (!runs[i]->finished || runs[i]->verdict == PELT_INVALID) {
            h->left_out++;
            continue;
        }
        struct pelt_history_plan *plan = plan_of(h, runs[i], len);
        if (plan == NULL) {
            return false;
        }
        plan->runs[plan->len++] = runs[i];
    }
    for (size_t i = 0; i < h->len; i++) {
        qsort(h->plans[i].runs, h->plans[i].len, sizeof *h->plans[i].runs, by_start);
    }
    if (h->len > 0) {
        qsort(h->plans, h->len, sizeof *h->plans, latest_first);
    }
    return true;
}

/* ---- one figure ---- */

struct room { /* one of each run */
    double *values;
    size_t *which; /* run of a value */
    struct pelt_change_point *points;
};

static double unscaled(enum pelt_figure_kind kind, double value)
{
    return pelt_fig_is_share(kind) ? value : exp(value);
}

static bool add_change(struct pelt_history_plan *plan, const struct pelt_digest_series *s,
                       enum pelt_figure_kind kind, const struct room *room,
                       const struct pelt_change_point *point)
{
    struct pelt_history_change *grown =
        realloc(plan->changes, (plan->changes_len + 1) * sizeof *grown);
    if (grown == NULL) {
        return false;
    }
    plan->changes = grown;
    const bool share = pelt_fig_is_share(kind);
    const int better = pelt_fig_better(kind, s);
    const double apart = point->after - point->before;
    grown[plan->changes_len++] = (struct pelt_history_change){
        .kind = s->kind,
        .name = s->name,
        .figure = pelt_fig_name(kind),
        .unit = pelt_fig_unit(kind, s),
        .from = unscaled(kind, point->before),
        .to = unscaled(kind, point->after),
        .change_unit = share ? PELT_CHANGE_SHARE : PELT_CHANGE_RELATIVE,
        .change = share ? apart : expm1(apart),
        .p = point->p,
        .worse = better * apart < 0,
        .known = better != 0,
        .last = plan->runs[room->which[point->at - 1]],
        .first = plan->runs[room->which[point->at]],
        .before = point->at - point->from,
        .after = point->to - point->at,
    };
    return true;
}

static bool find_changes(struct pelt_history_plan *plan, const struct pelt_digest_series *s,
                         enum pelt_figure_kind kind, const struct pelt_effect *effect,
                         double p_most, const struct room *room)
{
    size_t len = 0, points = 0;
    double sum = 0;
    for (size_t i = 0; i < plan->len; i++) {
        const struct pelt_digest_series *of = pelt_digest_find(plan->runs[i], s->kind, s->name);
        if (of != NULL && isfinite(of->values[kind])) {
            room->values[len] = pelt_fig_scaled(kind, of->values[kind]);
            sum += room->values[len];
            room->which[len++] = i;
        }
    }
    if (len == 0) {
        return true;
    }
    const double base = unscaled(kind, sum / (double)len);
    const struct pelt_fig_effect least = pelt_fig_effect_of(kind, s, base, effect);
    if (pelt_change_points_find(room->values, len, p_most, least.least, room->points, &points) !=
        PELT_OK) {
        return false;
    }
    for (size_t i = 0; i < points; i++) {
        if (!add_change(plan, s, kind, room, &room->points[i])) {
            return false;
        }
    }
    return true;
}

static bool was_met(const struct pelt_history_plan *plan, size_t before,
                    const struct pelt_digest_series *s)
{
    for (size_t i = 0; i < before; i++) {
        if (pelt_digest_find(plan->runs[i], s->kind, s->name) != NULL) {
            return true;
        }
    }
    return false;
}

/* By the run that a level begins with; those of one run stay in their order. */
static void sort_changes(struct pelt_history_change *changes, size_t len)
{
    for (size_t i = 1; i < len; i++) {
        struct pelt_history_change one = changes[i];
        size_t k = i;
        for (; k > 0 && by_start(&one.first, &changes[k - 1].first) < 0; k--) {
            changes[k] = changes[k - 1];
        }
        changes[k] = one;
    }
}

/* The more figures, the less chance each of them is left: PELT_CHANGE_P_MOST up to FIGURES_FREE of
 * them, beyond that in all no more. */
static double p_most_of(const struct pelt_history_plan *plan)
{
    double figures = 0;
    for (size_t i = 0; i < plan->len; i++) {
        for (size_t k = 0; k < plan->runs[i]->len; k++) {
            const struct pelt_digest_series *s = &plan->runs[i]->series[k];
            for (int kind = 0; kind < PELT_FIG_KINDS && !was_met(plan, i, s); kind++) {
                figures += pelt_fig_is_of(kind, s->kind);
            }
        }
    }
    return PELT_CHANGE_P_MOST * fmin(FIGURES_FREE / figures, 1);
}

static bool find_all(struct pelt_history_plan *plan, const struct pelt_effect *effect)
{
    const double p_most = p_most_of(plan);
    struct room room = {.values = malloc(plan->len * sizeof *room.values),
                        .which = malloc(plan->len * sizeof *room.which),
                        .points = malloc(plan->len * sizeof *room.points)};
    bool ok = room.values != NULL && room.which != NULL && room.points != NULL;
    for (size_t i = 0; ok && i < plan->len; i++) {
        for (size_t k = 0; ok && k < plan->runs[i]->len; k++) {
            const struct pelt_digest_series *s = &plan->runs[i]->series[k];
            for (int kind = 0; ok && kind < PELT_FIG_KINDS && !was_met(plan, i, s); kind++) {
                ok = !pelt_fig_is_of(kind, s->kind) ||
                     find_changes(plan, s, kind, effect, p_most, &room);
            }
        }
    }
    sort_changes(plan->changes, plan->changes_len);
    free(room.values);
    free(room.which);
    free(room.points);
    return ok;
}

enum pelt_status pelt_history_make(const struct pelt_digest *const *runs, size_t len,
                                   const struct pelt_effect *effect, struct pelt_history **out,
                                   struct pelt_error *err)
{
    struct pelt_history *h = calloc(1, sizeof *h);
    bool ok = h != NULL && sort_into_plans(h, runs, len);
    for (size_t i = 0; ok && i < h->len; i++) {
        ok = find_all(&h->plans[i], effect);
    }
    *out = ok ? h : NULL;
    if (!ok) {
        pelt_history_free(h);
        return pelt_fail(err, PELT_ENOMEM, "out of memory");
    }
    return PELT_OK;
}

void pelt_history_free(struct pelt_history *h)
{
    if (h == NULL) {
        return;
    }
    for (size_t i = 0; i < h->len; i++) {
        free(h->plans[i].runs);
        free(h->plans[i].changes);
    }
    free(h->plans);
    free(h);
}
