/*
 * agents: which agents on the hosts under test a run asks: those of --agent, else the scenario's.
 * Thread: main.
 */
#ifndef CLI_AGENTS_H
#define CLI_AGENTS_H

#include "options.h"
#include "pelt/agents.h"

struct cli_agents {
    struct pelt_agent_options *list; /* texts are the struct's own, or borrowed */
    size_t len;
    char **names; /* of --agent NAME=URL; one each, NULL: none */
};

/* Checks "[NAME=]URL"; *url is where the URL begins. PELT_EINVAL quotes it. */
PELT_MUST_USE enum pelt_status cli_agent_parse(const char *text, const char **url,
                                               struct pelt_error *err);
/* `scenario` may be NULL; it and `o` must outlive *out. PELT_EINVAL: a URL of the scenario's, or a
 * token file without an agent. */
PELT_MUST_USE enum pelt_status cli_agents_make(const struct cli_options *o,
                                               const struct pelt_scenario *scenario,
                                               struct cli_agents *out, struct pelt_error *err);
void cli_agents_free(struct cli_agents *a); /* accepts a zeroed one */

#endif
