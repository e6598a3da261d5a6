/*
 * load_server: what agents are and have: agents, figures, gaps. Their samples are read when they
 * are asked for (server_walk.c). Before version 5 of the schema there were none.
 */
#include <math.h>
#include <string.h>

#include "loader.h"

#define AGENTS_MAX  1024
#define FIGURES_MAX PELT_SAMPLES_FIGURES /* of an agent */

static void load_agents(struct pelt_loader *l)
{
    sqlite3_stmt *s = pelt_loader_query(
        l, "SELECT id, name, url, version, host, offset_ns, bound_ns, drift_ppm, measured_ns,"
           " cpu_ns, rss_bytes, degraded, frames, late, missed FROM agent ORDER BY id");
    while (pelt_loader_rows(l, s)) {
        if (l->r->agents_len == AGENTS_MAX || pelt_column(s, 0) != l->r->agents_len) {
            pelt_loader_damaged(l, "agent");
            break;
        }
        struct pelt_agent_row *row =
            pelt_loader_append(l, &l->r->agents, l->r->agents_len, sizeof *row);
        if (row == NULL) {
            break;
        }
        l->r->agents_len++;
        row->name = pelt_loader_text(l, s, 1);
        row->url = pelt_loader_text(l, s, 2);
        row->version = pelt_loader_text(l, s, 3);
        row->host = pelt_loader_text(l, s, 4);
        row->offset_ns = sqlite3_column_int64(s, 5);
        row->bound_ns = pelt_column(s, 6);
        row->drift_ppm = pelt_column_real(s, 7);
        row->measured_ns = pelt_column(s, 8);
        row->cpu_ns = pelt_column(s, 9);
        row->rss_bytes = pelt_column(s, 10);
        row->degraded = pelt_column(s, 11) != 0;
        row->frames = pelt_column(s, 12);
        row->late = pelt_column(s, 13);
        row->missed = pelt_column(s, 14);
    }
    sqlite3_finalize(s);
}

/* Their numbers begin with 0 and have no holes, so that a number is a place. */
static bool follows(const struct pelt_results *r, uint64_t agent, uint64_t i)
{
    const struct pelt_server_figure_row *last =
        r->figures_len > 0 ? &r->figures[r->figures_len - 1] : NULL;
    const bool same = last != NULL && last->agent == agent;
    return agent < r->agents_len && i == (same ? last->i + 1u : 0) && i < FIGURES_MAX;
}

static void load_figures(struct pelt_loader *l)
{
    sqlite3_stmt *s =
        pelt_loader_query(l, "SELECT agent, i, name, target, kind, unit, tier, source,"
                             " why FROM server_figure ORDER BY agent, i");
    while (pelt_loader_rows(l, s)) {
        const uint64_t agent = pelt_column(s, 0), i = pelt_column(s, 1);
        enum pelt_server_kind kind = PELT_SERVER_LIMIT;
        if (!follows(l->r, agent, i) || !pelt_server_kind_find(pelt_column_text(s, 4), &kind)) {
            pelt_loader_damaged(l, "server_figure");
            break;
        }
        struct pelt_server_figure_row *row =
            pelt_loader_append(l, &l->r->figures, l->r->figures_len, sizeof *row);
        if (row == NULL) {
            break;
        }
        l->r->figures_len++;
        row->agent = (uint32_t)agent;
        row->i = (uint32_t)i;
        row->kind = kind;
        row->name = pelt_loader_text(l, s, 2);
        row->target = pelt_loader_text(l, s, 3);
        row->unit = pelt_loader_text(l, s, 5);
        row->tier = pelt_loader_text(l, s, 6);
        row->source = pelt_loader_text(l, s, 7);
        row->why = sqlite3_column_type(s, 8) == SQLITE_NULL ? NULL : pelt_loader_text(l, s, 8);
    }
    sqlite3_finalize(s);
}

static void load_gaps(struct pelt_loader *l)
{
    sqlite3_stmt *s = pelt_loader_query(
        l, "SELECT agent, from_s, to_s, why FROM server_gap ORDER BY agent, from_s");
    while (pelt_loader_rows(l, s)) {
        if (pelt_column(s, 0) >= l->r->agents_len) {
            pelt_loader_damaged(l, "server_gap");
            break;
        }
        struct pelt_server_gap_row *row =
            pelt_loader_append(l, &l->r->gaps, l->r->gaps_len, sizeof *row);
        if (row == NULL) {
            break;
        }
        l->r->gaps_len++;
        row->agent = (uint32_t)pelt_column(s, 0);
        row->from_s = sqlite3_column_double(s, 1);
        row->to_s = pelt_column_real(s, 2);
        row->why = pelt_loader_text(l, s, 3);
    }
    sqlite3_finalize(s);
}

void pelt_load_server(struct pelt_loader *l)
{
    if (l->d->version >= 5) {
        load_agents(l);
        load_figures(l);
        load_gaps(l);
    }
}
