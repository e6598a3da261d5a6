/*
 * server_walk: what agents read, by the second, from the blocks in table server_second; and its
 * sums. What was counted is told as what came since the last time: the walk begins with the
 * baseline, so that the first second has its own.
 *
 * Invariant: rows[place[f] - 1] is figure f's in the running second, place[f] 0 where it has none.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "loader.h"
#include "pelt/clock.h"

struct pelt_server_walk {
    const struct pelt_results *r;
    struct pelt_database *d;
    struct pelt_loader l; /* of the rows of the table */
    struct pelt_error why;
    sqlite3_stmt *s;
    bool waits; /* a row of the table was stepped to and not taken; false: at its end */
    struct pelt_samples samples;
    size_t *first; /* where the figures of an agent begin */
    struct pelt_server_row *rows;
    size_t len;
    uint32_t *place;
    double (*before)[PELT_SAMPLE_CELLS]; /* counted cells, when they were read last; NAN: never */
};

static double nan_cells(double cell[PELT_SAMPLE_CELLS])
{
    for (unsigned i = 0; i < PELT_SAMPLE_CELLS; i++) {
        cell[i] = (double)NAN;
    }
    return cell[0];
}

enum pelt_status pelt_server_walk_new(const struct pelt_results *r, struct pelt_server_walk **out,
                                      struct pelt_error *err)
{
    struct pelt_server_walk *w = calloc(1, sizeof *w);
    if (w == NULL) {
        return pelt_fail(err, PELT_ENOMEM, "out of memory");
    }
    w->r = r;
    w->first = calloc(r->agents_len + 1, sizeof *w->first);
    w->rows = calloc(r->figures_len + 1, sizeof *w->rows);
    w->place = calloc(r->figures_len + 1, sizeof *w->place);
    w->before = calloc(r->figures_len + 1, sizeof *w->before);
    if (w->first == NULL || w->rows == NULL || w->place == NULL || w->before == NULL) {
        pelt_server_walk_free(w);
        return pelt_fail(err, PELT_ENOMEM, "out of memory");
    }
    for (size_t f = r->figures_len; f > 0; f--) {
        w->first[r->figures[f - 1].agent] = f - 1;
        nan_cells(w->before[f - 1]);
    }
    if (r->figures_len == 0) { /* nothing to be read; no agents, mostly */
        *out = w;
        return PELT_OK;
    }
    enum pelt_status status = pelt_results_reopen(r, &w->d, err);
    if (status == PELT_OK) {
        w->l = (struct pelt_loader){.d = w->d, .err = &w->why};
        w->s = pelt_loader_query(&w->l, "SELECT t, agent, block FROM server_second"
                                        " ORDER BY t, agent, part");
        w->waits = pelt_loader_rows(&w->l, w->s);
        status = w->l.status == PELT_OK ? PELT_OK : pelt_fail(err, w->l.status, "%s", w->why.text);
    }
    if (status != PELT_OK) {
        pelt_server_walk_free(w);
        return status;
    }
    *out = w;
    return PELT_OK;
}

void pelt_server_walk_free(struct pelt_server_walk *w)
{
    if (w != NULL) {
        sqlite3_finalize(w->s);
        pelt_database_release(w->d);
        pelt_samples_deinit(&w->samples);
        free(w->first);
        free(w->rows);
        free(w->place);
        free(w->before);
        free(w);
    }
}

/* ---- a second ---- */

static struct pelt_server_row *row_of(struct pelt_server_walk *w, uint32_t figure)
{
    if (w->place[figure] == 0) {
        struct pelt_server_row *row = &w->rows[w->len++];
        *row = (struct pelt_server_row){.figure = figure};
        row->least = row->most = row->mean = row->full = row->full_mean = row->full_used =
            row->full_max = row->full_s = (double)NAN;
        w->place[figure] = (uint32_t)w->len;
    }
    return &w->rows[w->place[figure] - 1];
}

/* The cell whose level is told: of a cache how much of it is used. */
static unsigned level_cell(enum pelt_server_kind kind)
{
    return kind == PELT_SERVER_CACHE ? PELT_CELL_CACHE_USED : PELT_CELL_USED;
}

/* The mean of `n` values and one more. */
static double mean_with(double mean, unsigned n, double value)
{
    return n == 0 ? value : mean + (value - mean) / (n + 1);
}

static void see_full(struct pelt_server_row *row, const double *cell, double at_s)
{
    const double share = cell[1] > 0 && isfinite(cell[1]) ? cell[0] / cell[1] : (double)NAN;
    if (isfinite(share)) {
        row->full_mean = mean_with(row->full_mean, row->shares++, share);
    }
    if (isfinite(share) && !(share <= row->full)) {
        row->full = share;
        row->full_used = cell[0];
        row->full_max = cell[1];
        row->full_s = at_s;
    }
}

static void see(struct pelt_server_walk *w, uint32_t figure,
                const struct pelt_server_sample *sample, double at_s)
{
    const enum pelt_server_kind kind = w->r->figures[figure].kind;
    struct pelt_server_row *row = row_of(w, figure);
    const double level = sample->cell[level_cell(kind)];
    for (unsigned c = 0; c < pelt_server_cells(kind); c++) {
        double *before = &w->before[figure][c];
        const double now = sample->cell[c];
        row->last[c] = now;
        if (pelt_server_counts(kind, c) && isfinite(now)) {
            row->more[c] += now > *before ? now - *before : 0; /* none before: NAN */
            *before = fmax(*before, now);                      /* counts never fall */
        }
    }
    if (isfinite(level)) {
        row->least = fmin(row->least, level);
        row->most = fmax(row->most, level);
        row->mean = mean_with(row->mean, row->levels++, level);
    }
    if (kind == PELT_SERVER_LIMIT) {
        see_full(row, sample->cell, at_s);
    } else if (kind == PELT_SERVER_CACHE) {
        see_full(row, sample->cell + PELT_CELL_CACHE_USED, at_s);
    }
}

/* False: a figure that is not known, or of another kind. */
static bool see_block(struct pelt_server_walk *w, uint32_t agent)
{
    const struct pelt_results *r = w->r;
    for (size_t i = 0; i < w->samples.len; i++) {
        const struct pelt_server_sample *sample = &w->samples.list[i];
        const size_t f = w->first[agent] + sample->figure;
        if (f >= r->figures_len || r->figures[f].agent != agent ||
            sample->cells != pelt_server_cells(r->figures[f].kind)) {
            return false;
        }
        see(w, (uint32_t)f, sample, (double)w->samples.at_ns[sample->tick] / (double)PELT_NS_PER_S);
    }
    return true;
}

static int by_figure(const void *a, const void *b)
{
    const struct pelt_server_row *x = a, *y = b;
    return (x->figure > y->figure) - (x->figure < y->figure);
}

static void take_block(struct pelt_server_walk *w)
{
    const int64_t agent = sqlite3_column_int64(w->s, 1);
    struct pelt_error why = {""};
    struct pelt_span block =
        pelt_span(sqlite3_column_blob(w->s, 2), (size_t)sqlite3_column_bytes(w->s, 2));
    if (agent < 0 || (size_t)agent >= w->r->agents_len) {
        pelt_loader_damaged(&w->l, "server_second");
        return;
    }
    enum pelt_status status = pelt_samples_decode(&w->samples, block, &why);
    if (status == PELT_OK && !see_block(w, (uint32_t)agent)) {
        status = pelt_fail(&why, PELT_EPARSE, "a figure that no agent has");
    }
    if (status != PELT_OK && w->l.status == PELT_OK) {
        w->l.status =
            pelt_fail(&w->why, status,
                      "%s: damaged: table server_second, second %lld: %s; fetch the file again",
                      w->d->path != NULL ? w->d->path : "temporary run file",
                      (long long)sqlite3_column_int64(w->s, 0), why.text);
    }
}

static enum pelt_status next(struct pelt_server_walk *w, int32_t *t,
                             const struct pelt_server_row **rows, size_t *len,
                             struct pelt_error *err)
{
    for (size_t i = 0; i < w->len; i++) {
        w->place[w->rows[i].figure] = 0;
    }
    w->len = 0;
    if (w->waits) {
        *t = (int32_t)sqlite3_column_int64(w->s, 0);
    }
    const bool any = w->waits;
    while (w->waits && sqlite3_column_int64(w->s, 0) == *t) {
        take_block(w);
        w->waits = pelt_loader_rows(&w->l, w->s);
    }
    if (w->l.status != PELT_OK) {
        w->waits = false;
        return pelt_fail(err, w->l.status, "%s", w->why.text);
    }
    if (w->len > 1) {
        qsort(w->rows, w->len, sizeof *w->rows, by_figure);
    }
    for (size_t i = 0; i < w->len; i++) { /* where they are now, to be forgotten by the next call */
        w->place[w->rows[i].figure] = (uint32_t)i + 1;
    }
    *rows = w->rows;
    *len = w->len;
    return any ? PELT_OK : PELT_EOF;
}

/* Of a part, what was counted before is where its counts begin; the baseline stays. */
enum pelt_status pelt_server_walk_next(struct pelt_server_walk *w, int32_t *t,
                                       const struct pelt_server_row **rows, size_t *len,
                                       struct pelt_error *err)
{
    enum pelt_status status;
    do {
        status = next(w, t, rows, len, err);
    } while (status == PELT_OK && *t >= 0 && *t < pelt_results_from_s(w->r));
    return status;
}

/* ---- sums ---- */

static bool is_in(const struct pelt_server_period *p, int32_t t)
{
    for (size_t i = 0; i < p->len; i++) {
        if (t >= p->windows[i].from && t < p->windows[i].to) {
            return true;
        }
    }
    return false;
}

static bool is_behind(const struct pelt_server_period *p, int32_t t)
{
    bool is_behind = p->to_the_end;
    for (size_t i = 0; i < p->len; i++) {
        is_behind = is_behind && t >= p->windows[i].to;
    }
    return is_behind;
}

static void add_counts(struct pelt_server_sum *sum, const struct pelt_server_row *row)
{
    for (unsigned c = 0; c < PELT_SAMPLE_CELLS; c++) {
        sum->more[c] += row->more[c];
    }
}

static void add(struct pelt_server_sum *sum, const struct pelt_server_row *row)
{
    sum->seconds++;
    memcpy(sum->last, row->last, sizeof sum->last);
    add_counts(sum, row);
    if (row->levels > 0) {
        const double all = (double)(sum->levels + row->levels);
        const double mean = sum->levels > 0 ? sum->mean : row->mean;
        sum->mean = mean + (row->mean - mean) * (double)row->levels / all;
        sum->levels += row->levels;
    }
    sum->least = fmin(sum->least, row->least);
    sum->most = fmax(sum->most, row->most);
    if (isfinite(row->full) && !(row->full <= sum->full)) {
        sum->full = row->full;
        sum->full_used = row->full_used;
        sum->full_max = row->full_max;
        sum->full_s = row->full_s;
    }
}

enum pelt_status pelt_results_server_sums(const struct pelt_results *r,
                                          struct pelt_server_period *periods, size_t len,
                                          struct pelt_error *err)
{
    struct pelt_server_walk *w = NULL;
    for (size_t p = 0; p < len; p++) {
        for (size_t f = 0; f < r->figures_len; f++) {
            struct pelt_server_sum *sum = &periods[p].sums[f];
            *sum = (struct pelt_server_sum){.seconds = 0};
            sum->least = sum->most = sum->mean = sum->full = sum->full_used = sum->full_max =
                sum->full_s = nan_cells(sum->last);
        }
    }
    enum pelt_status status = pelt_server_walk_new(r, &w, err);
    while (status == PELT_OK) {
        const struct pelt_server_row *rows;
        size_t rows_len;
        int32_t t;
        status = pelt_server_walk_next(w, &t, &rows, &rows_len, err);
        for (size_t i = 0; status == PELT_OK && i < rows_len; i++) {
            for (size_t p = 0; p < len; p++) {
                if (is_in(&periods[p], t)) {
                    add(&periods[p].sums[rows[i].figure], &rows[i]);
                } else if (is_behind(&periods[p], t)) {
                    add_counts(&periods[p].sums[rows[i].figure], &rows[i]);
                }
            }
        }
    }
    pelt_server_walk_free(w);
    return status == PELT_EOF ? PELT_OK : status;
}
