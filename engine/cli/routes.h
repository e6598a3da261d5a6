/*
 * routes: how servers are reached, of what was typed and what the scenario says.
 */
#ifndef CLI_ROUTES_H
#define CLI_ROUTES_H

#include "options.h"

/* What was not typed is the scenario's (NULL: there is none). PELT_EINVAL: what excludes each
 * other. Before anything is sent. */
PELT_MUST_USE enum pelt_status cli_routes_settle(const struct cli_options *o,
                                                 const struct pelt_scenario *scenario,
                                                 struct pelt_error *err);

#endif
