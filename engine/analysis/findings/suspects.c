/*
 * suspects: see the header.
 */
#include "suspects.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "pelt/onset.h"
#include "pelt/server_metric.h"

/* ---- samples ---- */

static double *series_of(size_t n)
{
    double *y = calloc(n + 1, sizeof *y);
    for (size_t i = 0; y != NULL && i < n; i++) {
        y[i] = (double)NAN;
    }
    return y;
}

static bool make_room(const struct pelt_results *r, size_t n, struct pelt_suspects *s)
{
    s->samples = calloc(r->figures_len + 1, sizeof *s->samples);
    s->list = calloc(r->figures_len + 1, sizeof *s->list);
    bool whole = s->samples != NULL && s->list != NULL;
    for (size_t f = 0; whole && f < r->figures_len; f++) {
        struct pelt_figure_samples *y = &s->samples[f];
        const enum pelt_server_kind kind = r->figures[f].kind;
        const bool has_level = kind != PELT_SERVER_COUNTER, has_came = kind != PELT_SERVER_GAUGE;
        *y = (struct pelt_figure_samples){
            .rest = (double)NAN, .used = (double)NAN, .max = (double)NAN, .most = (double)NAN};
        s->samples_len = f + 1;
        whole = (!has_level || (y->level = series_of(n)) != NULL) &&
                (!has_came || (y->came = series_of(n)) != NULL) &&
                (kind != PELT_SERVER_LIMIT || (y->peak = series_of(n)) != NULL) &&
                (kind != PELT_SERVER_CACHE || (y->lookups = series_of(n)) != NULL);
    }
    return whole;
}

/* Seconds of a sample come one after the other; `*seconds`: how many were read before. */
static void add_mean(double *y, double value, unsigned seconds)
{
    if (isfinite(value)) {
        *y = isnan(*y) ? value : *y + (value - *y) / (seconds + 1);
    }
}

static void add_sum(double *y, double value)
{
    *y = (isnan(*y) ? 0 : *y) + value;
}

struct reading {
    const struct pelt_results *r;
    const struct pelt_client_break *b;
    struct pelt_suspects *s;
    unsigned *seconds; /* of the running sample, a figure each */
    double *hits;      /* of a cache in it */
    size_t sample;
};

static bool is_around_break(const struct pelt_client_break *b, size_t sample)
{
    return (double)sample + b->tau >= (double)b->at && (double)sample <= (double)b->at + b->tau;
}

static void read_limit(struct reading *g, const struct pelt_server_row *row,
                       struct pelt_figure_samples *y)
{
    const double share = y->max > 0 ? y->used / y->max : -1;
    add_mean(&y->level[g->sample], row->full_mean, g->seconds[row->figure]);
    add_sum(&y->came[g->sample], row->more[2] / g->b->step_s);
    y->peak[g->sample] = fmax(y->peak[g->sample], row->full);
    if (g->b->found && is_around_break(g->b, g->sample) && row->full_mean > share) {
        y->used = row->full_mean * row->full_max;
        y->max = row->full_max;
    }
}

static void read_cache(struct reading *g, const struct pelt_server_row *row,
                       struct pelt_figure_samples *y)
{
    const double lookups = row->more[0] + row->more[1];
    if (g->seconds[row->figure] == 0) {
        g->hits[row->figure] = 0;
    }
    g->hits[row->figure] += row->more[0];
    add_sum(&y->lookups[g->sample], lookups);
    add_sum(&y->came[g->sample], row->more[2] / g->b->step_s);
    const double all = y->lookups[g->sample];
    y->level[g->sample] = all >= PELT_LOOKUPS_MIN ? 1 - g->hits[row->figure] / all : (double)NAN;
}

static void read_row(struct reading *g, const struct pelt_server_row *row)
{
    struct pelt_figure_samples *y = &g->s->samples[row->figure];
    switch (g->r->figures[row->figure].kind) {
    case PELT_SERVER_LIMIT:
        read_limit(g, row, y);
        break;
    case PELT_SERVER_GAUGE:
        add_mean(&y->level[g->sample], row->mean, g->seconds[row->figure]);
        break;
    case PELT_SERVER_COUNTER:
        add_sum(&y->came[g->sample], row->more[0] / g->b->step_s);
        break;
    case PELT_SERVER_CACHE:
        read_cache(g, row, y);
        break;
    case PELT_SERVER_KINDS:
        break;
    }
    if (g->b->found && g->sample >= g->b->at) {
        y->most = fmax(y->most, row->mean);
    }
    g->seconds[row->figure]++;
}

static void read_rest(struct reading *g, const struct pelt_server_row *rows, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        g->s->samples[rows[i].figure].rest = rows[i].full_mean;
    }
}

static enum pelt_status walk(struct reading *g, struct pelt_error *err)
{
    struct pelt_server_walk *w = NULL;
    enum pelt_status status = pelt_server_walk_new(g->r, &w, err);
    while (status == PELT_OK) {
        const struct pelt_server_row *rows;
        size_t len;
        int32_t t;
        status = pelt_server_walk_next(w, &t, &rows, &len, err);
        if (status == PELT_OK && t < 0) {
            read_rest(g, rows, len);
        }
        if (status != PELT_OK || t < 0 || (size_t)(t / g->b->step_s) >= g->b->n) {
            continue; /* the baseline, and what came behind the load */
        }
        if ((size_t)(t / g->b->step_s) != g->sample) {
            g->sample = (size_t)(t / g->b->step_s);
            memset(g->seconds, 0, g->r->figures_len * sizeof *g->seconds);
        }
        for (size_t i = 0; i < len; i++) {
            read_row(g, &rows[i]);
        }
    }
    pelt_server_walk_free(w);
    return status == PELT_EOF ? PELT_OK : status;
}

static enum pelt_status read_all(const struct pelt_making *m, const struct pelt_client_break *b,
                                 struct pelt_suspects *s)
{
    const size_t room = m->r->figures_len + 1;
    struct reading g = {.r = m->r,
                        .b = b,
                        .s = s,
                        .seconds = calloc(room, sizeof *g.seconds),
                        .hits = calloc(room, sizeof *g.hits)};
    enum pelt_status status = g.seconds != NULL && g.hits != NULL ? walk(&g, m->err) : PELT_ENOMEM;
    free(g.seconds);
    free(g.hits);
    return status;
}

/* A cache that is no longer asked, or has no figures any more, while the server goes on answering,
 * misses all. */
/* (Before the break, as pelt_attribution_weigh() has it.) */
static enum pelt_status see_unasked(const struct pelt_client_break *b,
                                    struct pelt_figure_samples *y)
{
    const size_t to = b->at > 1 ? b->at - 1 : 1;
    const struct pelt_onset_rule rule = {.base_from = to / 2, .base_to = to};
    double usual, limit;
    enum pelt_status status = pelt_onset_limit(y->lookups, &rule, &usual, &limit);
    for (size_t i = to; status == PELT_OK && i < b->n; i++) {
        const double lookups = isnan(y->lookups[i]) ? 0 : y->lookups[i];
        if (usual >= PELT_LOOKUPS_MIN * b->step_s && lookups < PELT_LOOKUPS_MIN &&
            lookups < usual / 10 && b->ok[i] >= PELT_LOOKUPS_MIN) {
            y->level[i] = 1;
        }
    }
    return status;
}

/* ---- limits and their queues ---- */

static bool is_suspect(const struct pelt_server_figure_row *f)
{
    return f->kind == PELT_SERVER_LIMIT || f->kind == PELT_SERVER_CACHE;
}

static void list_limits(const struct pelt_results *r, struct pelt_suspects *s)
{
    for (size_t f = 0; f < r->figures_len; f++) {
        const struct pelt_server_figure_row *figure = &r->figures[f];
        struct pelt_suspect_limit *last = s->len > 0 ? &s->list[s->len - 1] : NULL;
        if (is_suspect(figure)) {
            s->list[s->len++] = (struct pelt_suspect_limit){.figure = (uint32_t)f};
        } else if (last != NULL && last->queue_len < PELT_SUSPECT_QUEUES &&
                   f - last->figure <= PELT_SUSPECT_QUEUES &&
                   r->figures[last->figure].agent == figure->agent &&
                   strcmp(r->figures[last->figure].target, figure->target) == 0) {
            last->queue[last->queue_len++] = (uint32_t)f;
        }
    }
}

static enum pelt_status weigh(const struct pelt_results *r, const struct pelt_client_break *b,
                              struct pelt_suspects *s)
{
    const struct pelt_attribution a = {.n = b->n,
                                       .base_from = b->base_from,
                                       .base_to = b->base_to,
                                       .at = b->at,
                                       .tau = b->tau,
                                       .from_start = b->from_start,
                                       .backlog = b->backlog};
    enum pelt_status status = PELT_OK;
    for (size_t i = 0; i < s->len && status == PELT_OK; i++) {
        struct pelt_suspect_limit *limit = &s->list[i];
        const struct pelt_figure_samples *y = &s->samples[limit->figure];
        struct pelt_suspect_series series = {.is_cache = r->figures[limit->figure].kind ==
                                                         PELT_SERVER_CACHE,
                                             .use = y->level,
                                             .peak = y->peak,
                                             .events = y->came,
                                             .rest = y->rest};
        for (size_t q = 0; q < limit->queue_len; q++) {
            const struct pelt_figure_samples *of = &s->samples[limit->queue[q]];
            series.queue[q] = of->level != NULL ? of->level : of->came;
        }
        status = pelt_attribution_weigh(&a, &series, &limit->found);
    }
    return status;
}

static int by_points(const void *a, const void *b)
{
    const struct pelt_suspect_limit *x = a, *y = b;
    if (x->found.points != y->found.points) {
        return x->found.points < y->found.points ? 1 : -1;
    }
    return (x->figure > y->figure) - (x->figure < y->figure);
}

enum pelt_status pelt_suspects_find(const struct pelt_making *m, const struct pelt_client_break *b,
                                    struct pelt_suspects *s)
{
    *s = (struct pelt_suspects){.len = 0};
    enum pelt_status status = make_room(m->r, b->n, s) ? read_all(m, b, s) : PELT_ENOMEM;
    for (size_t f = 0; f < s->samples_len && status == PELT_OK; f++) {
        if (s->samples[f].lookups != NULL) {
            status = see_unasked(b, &s->samples[f]);
        }
    }
    if (status == PELT_OK) {
        list_limits(m->r, s);
        status = weigh(m->r, b, s);
    }
    if (status != PELT_OK) {
        pelt_suspects_deinit(s);
        return status;
    }
    if (s->len > 1) {
        qsort(s->list, s->len, sizeof *s->list, by_points);
    }
    return PELT_OK;
}

void pelt_suspects_deinit(struct pelt_suspects *s)
{
    for (size_t f = 0; f < s->samples_len; f++) {
        free(s->samples[f].level);
        free(s->samples[f].peak);
        free(s->samples[f].came);
        free(s->samples[f].lookups);
    }
    free(s->samples);
    free(s->list);
    *s = (struct pelt_suspects){.len = 0};
}
