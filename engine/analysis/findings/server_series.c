/*
 * server_series: see the header.
 */
#include "server_series.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "pelt/server_metric.h"

static bool has(const struct pelt_results *r, uint32_t agent, const char *name)
{
    for (size_t i = 0; i < r->figures_len; i++) {
        if (r->figures[i].agent == agent && strcmp(r->figures[i].name, name) == 0) {
            return true;
        }
    }
    return false;
}

/* Memory is that of processes; of an agent that has none that of cgroups, else the host's. */
static bool is_memory(const struct pelt_results *r, const struct pelt_server_figure_row *f)
{
    static const char *const NAMES[] = {"memory_rss", "cgroup_memory", "memory"};
    for (size_t i = 0; i < sizeof NAMES / sizeof *NAMES; i++) {
        if (has(r, f->agent, NAMES[i])) {
            return strcmp(f->name, NAMES[i]) == 0;
        }
    }
    return false;
}

static bool is_watched(const struct pelt_results *r, const struct pelt_server_figure_row *f,
                       enum pelt_server_what *what)
{
    if (f->why != NULL) {
        return false;
    }
    *what = f->kind == PELT_SERVER_CACHE ? PELT_SERVER_HITS
            : is_memory(r, f)            ? PELT_SERVER_BYTES
                                         : PELT_SERVER_FDS;
    return f->kind == PELT_SERVER_CACHE || is_memory(r, f) || strcmp(f->name, "nofile") == 0;
}

void pelt_server_series_name(const struct pelt_results *r, const struct pelt_server_figure_row *f,
                             char out[64])
{
    const bool several = r->agents_len > 1;
    snprintf(out, 64, "%.20s%s%.20s%s%.20s", several ? r->agents[f->agent].name : "",
             several ? " " : "", f->name, f->target[0] != '\0' ? " " : "", f->target);
}

static double value_of(enum pelt_server_what what, const struct pelt_server_row *row)
{
    const double lookups = row->more[0] + row->more[1];
    if (what != PELT_SERVER_HITS) {
        return row->last[0];
    }
    return lookups >= PELT_LOOKUPS_MIN ? row->more[0] / lookups : (double)NAN;
}

/* `place`: number of the series of a figure, from 1; 0: it has none. */
static enum pelt_status read_all(const struct pelt_results *r, struct pelt_span_s span,
                                 const unsigned char *place, struct pelt_server_series *out,
                                 struct pelt_error *err)
{
    struct pelt_server_walk *w = NULL;
    enum pelt_status status = pelt_server_walk_new(r, &w, err);
    while (status == PELT_OK) {
        const struct pelt_server_row *rows;
        size_t len;
        int32_t t;
        status = pelt_server_walk_next(w, &t, &rows, &len, err);
        for (size_t i = 0; status == PELT_OK && i < len; i++) {
            const unsigned at = place[rows[i].figure];
            if (at > 0 && t >= span.from && t < span.to) {
                out[at - 1].y[t - span.from] = value_of(out[at - 1].what, &rows[i]);
            }
        }
    }
    pelt_server_walk_free(w);
    return status == PELT_EOF ? PELT_OK : status;
}

static bool make(struct pelt_server_series *s, struct pelt_span_s span)
{
    const size_t seconds = (size_t)(span.to - span.from);
    s->y = calloc(seconds + 1, sizeof *s->y);
    for (size_t i = 0; s->y != NULL && i < seconds; i++) {
        s->y[i] = (double)NAN;
    }
    return s->y != NULL;
}

enum pelt_status pelt_server_series_read(const struct pelt_results *r, struct pelt_span_s span,
                                         struct pelt_server_series *out, size_t *len,
                                         struct pelt_error *err)
{
    unsigned char *place = calloc(r->figures_len + 1, 1);
    bool whole = place != NULL;
    *len = 0;
    for (size_t i = 0; whole && i < r->figures_len && *len < PELT_SERVER_SERIES; i++) {
        struct pelt_server_series *s = &out[*len];
        if (is_watched(r, &r->figures[i], &s->what)) {
            pelt_server_series_name(r, &r->figures[i], s->name);
            whole = make(s, span);
            place[i] = (unsigned char)++*len;
        }
    }
    enum pelt_status status = whole ? PELT_OK : pelt_fail(err, PELT_ENOMEM, "out of memory");
    if (status == PELT_OK && *len > 0) {
        status = read_all(r, span, place, out, err);
    }
    if (status != PELT_OK) {
        pelt_server_series_free(out, *len);
        *len = 0;
    }
    free(place);
    return status;
}

void pelt_server_series_free(struct pelt_server_series *s, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        free(s[i].y);
        s[i].y = NULL;
    }
}
