/*
 * window: see the header. Of several loads side by side no part is everybody's: all of it is
 * compared.
 */
#include "window.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define SLIVER 1e-6 /* boundaries are sums of nanoseconds */

static bool is_one_of(const char *part, const char *const *parts)
{
    for (; *parts != NULL; parts++) {
        if (strcmp(part, *parts) == 0) {
            return true;
        }
    }
    return false;
}

static bool is_steady(const struct pelt_stage_row *s)
{
    return is_one_of(s->part, (const char *const[]){"steady", "trial", NULL});
}

static bool is_beside(const struct pelt_stage_row *s)
{
    return is_one_of(s->part, (const char *const[]){"warmup", "ramp", "ramp-down", "pause", NULL});
}

static bool is_level(const struct pelt_stage_row *s)
{
    return s->from == s->to && s->from > 0;
}

/* The whole seconds of a stage get `value`. */
static void mark(struct pelt_window_map *m, const struct pelt_stage_row *s, int32_t value)
{
    double from = ceil(fmax(s->from_s, 0) - SLIVER), to = floor(s->to_s + SLIVER);
    for (int32_t t = 0; t < m->len; t++) {
        if (t >= from && t < to) {
            m->at[t] = value;
        }
    }
}

/* A second that only touches a stage is left out with it. */
static void leave_out(struct pelt_window_map *m, const struct pelt_stage_row *s)
{
    for (int32_t t = 0; t < m->len; t++) {
        if (t + 1 > s->from_s + SLIVER && t < s->to_s - SLIVER) {
            m->at[t] = -1;
        }
    }
}

static void mark_all(struct pelt_window_map *m, int32_t value)
{
    for (int32_t t = 0; t < m->len; t++) {
        m->at[t] = value;
    }
}

static void leave_out_slopes(struct pelt_window_map *m, const struct pelt_results *r)
{
    size_t first = 0, last = r->stages_len;
    while (first < last && !is_level(&r->stages[first])) {
        first++;
    }
    while (last > first && !is_level(&r->stages[last - 1])) {
        last--;
    }
    for (size_t i = 0; i < r->stages_len && first < last; i++) {
        if (i < first || i >= last || is_beside(&r->stages[i])) {
            leave_out(m, &r->stages[i]);
        }
    }
}

static void choose(struct pelt_window_map *m, const struct pelt_results *r)
{
    mark_all(m, -1);
    for (size_t i = 0; i < r->stages_len; i++) {
        if (r->stages[i].load[0] != '\0') {
            mark_all(m, 0);
            return;
        }
        if (is_steady(&r->stages[i])) {
            mark(m, &r->stages[i], 0);
            m->steady = true;
        }
    }
    if (!m->steady) {
        mark_all(m, 0);
        leave_out_slopes(m, r);
    }
}

bool pelt_window_map_init(struct pelt_window_map *m, const struct pelt_results *r)
{
    *m = (struct pelt_window_map){.len = pelt_load_whole_s(r->duration_s)};
    m->len = r->seconds_len > 0 && r->seconds[r->seconds_len - 1].t + 1 < m->len
                 ? r->seconds[r->seconds_len - 1].t + 1
                 : m->len;
    m->at = malloc(((size_t)m->len + 1) * sizeof *m->at);
    if (m->at == NULL) {
        return false;
    }
    choose(m, r);
    for (int32_t t = 0; t < m->len; t++) {
        if (m->at[t] >= 0) {
            m->from = m->seconds == 0 ? t : m->from;
            m->to = t + 1;
            m->at[t] = m->seconds++;
        }
    }
    return true;
}

void pelt_window_map_deinit(struct pelt_window_map *m)
{
    free(m->at);
    *m = (struct pelt_window_map){0};
}

int32_t pelt_window_map_at(const struct pelt_window_map *m, int32_t t)
{
    return t >= 0 && t < m->len ? m->at[t] : -1;
}
