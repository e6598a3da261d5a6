/* server_second: see the header. */
#include "server_second.h"

#include <stdlib.h>

/* Room for all that there may be. */
static bool grow(struct pelt_server_second *s, const struct pelt_server_agent *agents, size_t len)
{
    size_t figures = 0;
    for (size_t i = 0; i < len; i++) {
        figures += agents[i].figures_len;
    }
    if (s->agents == NULL) {
        s->agents = calloc(len, sizeof *s->agents);
    }
    if (figures > s->room) {
        void *more_figures = realloc(s->figures, figures * sizeof *s->figures);
        s->figures = more_figures != NULL ? more_figures : s->figures;
        void *more_rows = realloc(s->rows, figures * sizeof *s->rows);
        s->rows = more_rows != NULL ? more_rows : s->rows;
        s->room = more_figures != NULL && more_rows != NULL ? figures : s->room;
    }
    return s->agents != NULL && s->room >= figures;
}

void pelt_server_second_fill(struct pelt_server_second *s, struct pelt_server_agent *agents,
                             size_t len, int32_t t, struct pelt_live_servers *out)
{
    *out = (struct pelt_live_servers){0};
    if (!grow(s, agents, len)) {
        return;
    }
    size_t rows = 0;
    for (size_t a = 0; a < len; a++) {
        s->agents[a] = agents[a].row;
        for (size_t i = 0; i < agents[a].figures_len; i++) {
            struct pelt_server_figure *f = &agents[a].figures[i];
            if (pelt_newest_row(&f->newest, f->about->kind, t, &s->rows[rows])) {
                pelt_server_agent_describe(&agents[a], i, &s->figures[rows]);
                s->rows[rows].figure = (uint32_t)rows;
                rows++;
            }
        }
    }
    *out = (struct pelt_live_servers){.agents = s->agents,
                                      .agents_len = len,
                                      .figures = s->figures,
                                      .rows = s->rows,
                                      .len = rows};
}

void pelt_server_second_deinit(struct pelt_server_second *s)
{
    free(s->agents);
    free(s->figures);
    free(s->rows);
    *s = (struct pelt_server_second){0};
}
