/*
 * server_second: what all agents read in one second, for those who watch the run live.
 *
 * Storage: the caller's, zeroed; deinit. Thread: control.
 */
#ifndef PELT_SERVER_SECOND_H
#define PELT_SERVER_SECOND_H

#include "pelt/run.h"
#include "server_agent.h"

struct pelt_server_second {
    struct pelt_agent_row *agents;
    struct pelt_server_figure_row *figures;
    struct pelt_server_row *rows;
    size_t room; /* of figures and rows */
};

/* Second `t` of the agents, as far as it came, to be asked once a second. `out` is valid until the
 * next call; empty where memory is out. */
void pelt_server_second_fill(struct pelt_server_second *s, struct pelt_server_agent *agents,
                             size_t len, int32_t t, struct pelt_live_servers *out);
void pelt_server_second_deinit(struct pelt_server_second *s);

#endif
