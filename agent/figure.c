/* figure: see the header. */
#include "figure.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct catalogue {
    struct figure *all[CATALOGUE_MAX];
    size_t len;
    bool is_mirror; /* texts are another's */
};

const char *figure_tier_name(enum figure_tier tier)
{
    static const char *const names[] = {"fast", "medium", "slow"};

    return names[tier];
}

/* ---- the catalogue ---- */

struct catalogue *catalogue_new(void)
{
    return calloc(1, sizeof(struct catalogue));
}

static void free_figure(struct figure *f, bool is_mirror)
{
    if (f && !is_mirror) {
        free(f->name);
        free(f->target);
        free(f->unit);
        free(f->source);
    }
    free(f);
}

void catalogue_free(struct catalogue *c)
{
    for (size_t i = 0; c && i < c->len; i++) {
        free_figure(c->all[i], c->is_mirror);
    }
    free(c);
}

static struct figure *make_figure(const struct figure_about *about)
{
    struct figure *f = calloc(1, sizeof *f);

    if (!f) {
        return NULL;
    }
    f->kind = about->kind;
    f->tier = about->tier;
    f->name = strdup(about->name);
    f->target = strdup(about->target);
    f->unit = strdup(about->unit);
    f->source = strdup(about->source);
    for (size_t i = 0; i < PELT_SERVER_CELLS_MAX; i++) {
        f->cells[i] = f->base[i] = NAN;
    }
    if (!f->name || !f->target || !f->unit || !f->source) {
        free_figure(f, false);
        return NULL;
    }
    figure_unreadable(f, FIGURE_NOT_READ);
    return f;
}

struct figure *catalogue_add(struct catalogue *c, const struct figure_about *about)
{
    struct figure *f = c->len < CATALOGUE_MAX ? make_figure(about) : NULL;

    if (f) {
        f->index = c->len;
        c->all[c->len++] = f;
    }
    return f;
}

struct catalogue *catalogue_mirror(const struct catalogue *c)
{
    struct catalogue *mirror = catalogue_new();

    if (mirror) {
        mirror->is_mirror = true;
    }
    while (mirror && mirror->len < c->len) {
        struct figure *f = malloc(sizeof *f);

        if (!f) {
            catalogue_free(mirror);
            return NULL;
        }
        *f = *c->all[mirror->len];
        mirror->all[mirror->len++] = f;
    }
    return mirror;
}

void catalogue_follow(struct catalogue *mirror, const struct catalogue *c)
{
    for (size_t i = 0; i < mirror->len; i++) {
        *mirror->all[i] = *c->all[i];
    }
}

size_t catalogue_len(const struct catalogue *c)
{
    return c->len;
}

struct figure *catalogue_at(const struct catalogue *c, size_t index)
{
    return c->all[index];
}

/* ---- what was read ---- */

/* What was counted since the start, now that the source has counted `count` in all. */
static double count_on(struct figure *f, size_t cell, double count)
{
    if (isnan(count)) {
        return NAN;
    }
    if (isnan(f->base[cell])) {
        f->base[cell] = count;
    }
    f->last[cell] = count;
    return f->before[cell] + (count - f->base[cell]);
}

bool figure_falls(const struct figure *f, const double *cells)
{
    for (unsigned i = 0; i < pelt_server_cells(f->kind); i++) {
        if (pelt_server_counts(f->kind, i) && !isnan(f->base[i]) && cells[i] < f->last[i]) {
            return true;
        }
    }
    return false;
}

static void take(struct figure *f, enum pelt_server_kind kind, const double *cells)
{
    if (figure_falls(f, cells)) {
        figure_rebase(f);
    }
    for (unsigned i = 0; i < pelt_server_cells(kind); i++) {
        f->cells[i] = pelt_server_counts(kind, i) ? count_on(f, i, cells[i]) : cells[i];
    }
    f->why[0] = '\0';
    f->fresh = true;
    f->turned = false;
}

void figure_limit(struct figure *f, double used, double max, double events)
{
    take(f, PELT_SERVER_LIMIT, (const double[]){used, max, events});
}

void figure_gauge(struct figure *f, double value)
{
    take(f, PELT_SERVER_GAUGE, &value);
}

void figure_counter(struct figure *f, double count)
{
    take(f, PELT_SERVER_COUNTER, &count);
}

void figure_cache(struct figure *f, double hits, double misses, double evictions, double used,
                  double max)
{
    take(f, PELT_SERVER_CACHE, (const double[]){hits, misses, evictions, used, max});
}

void figure_unreadable(struct figure *f, const char *format, ...)
{
    char why[FIGURE_WHY_SIZE];
    va_list args;

    va_start(args, format);
    vsnprintf(why, sizeof why, format, args);
    va_end(args);
    if (strcmp(why, f->why) != 0) {
        memcpy(f->why, why, sizeof why);
        f->turned = true;
    }
    f->fresh = false;
}

/* What the source counts is from now on told from `base`. */
static void begin_anew(struct figure *f, double base)
{
    for (unsigned i = 0; i < pelt_server_cells(f->kind); i++) {
        if (pelt_server_counts(f->kind, i) && !isnan(f->base[i])) {
            f->before[i] += f->last[i] - f->base[i];
            f->base[i] = f->last[i] = base;
        }
    }
}

void figure_rebase(struct figure *f)
{
    begin_anew(f, NAN);
}

void figure_restart(struct figure *f)
{
    begin_anew(f, 0);
}
