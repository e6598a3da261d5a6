/*
 * newest: see the header.
 */
#include "newest.h"

#include <math.h>
#include <string.h>

void pelt_newest_put(struct pelt_newest *n, const double *cells, unsigned len, int32_t t)
{
    if (n->now.known && n->now.t != t) {
        n->before = n->now;
    }
    if (!n->now.known || n->now.t != t) {
        n->now = (struct pelt_newest_second){.known = true, .t = t, .mean = (double)NAN};
    }
    for (unsigned i = 0; i < PELT_SAMPLE_CELLS; i++) {
        n->now.cell[i] = i < len ? cells[i] : (double)NAN;
    }
    if (len > 0 && isfinite(cells[0])) {
        const double mean = n->now.levels > 0 ? n->now.mean : cells[0];
        n->now.mean = mean + (cells[0] - mean) / ++n->now.levels;
    }
    if (t < 0) {
        memcpy(n->told, n->now.cell, sizeof n->told);
        n->has_told = true;
    }
}

bool pelt_newest_row(struct pelt_newest *n, enum pelt_server_kind kind, int32_t t,
                     struct pelt_server_row *out)
{
    const struct pelt_newest_second *s = n->now.t == t ? &n->now : &n->before;
    if (!s->known || s->t != t) {
        return false;
    }
    const double first = kind == PELT_SERVER_CACHE ? s->cell[PELT_CELL_CACHE_USED] : s->cell[0];
    *out = (struct pelt_server_row){
        .least = first, .most = first, .mean = s->mean, .levels = s->levels, .full = (double)NAN};
    memcpy(out->last, s->cell, sizeof out->last);
    for (unsigned i = 0; i < PELT_SAMPLE_CELLS; i++) {
        if (pelt_server_counts(kind, i) && n->has_told) { /* less: it was started anew */
            out->more[i] = s->cell[i] >= n->told[i] ? s->cell[i] - n->told[i] : s->cell[i];
        }
    }
    memcpy(n->told, s->cell, sizeof n->told);
    n->has_told = true;
    if (kind == PELT_SERVER_LIMIT && s->cell[PELT_CELL_MAX] > 0) {
        out->full = s->cell[PELT_CELL_USED] / s->cell[PELT_CELL_MAX];
        out->full_used = s->cell[PELT_CELL_USED];
        out->full_max = s->cell[PELT_CELL_MAX];
        out->full_s = t;
    }
    return true;
}
