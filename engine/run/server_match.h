/*
 * server_match: which figures of which agents a threshold on what agents read is on; where there
 * are none, what is nearest. Thread: control.
 */
#ifndef PELT_SERVER_MATCH_H
#define PELT_SERVER_MATCH_H

#include "server_agent.h"

/* Gives each of them a series that carries it, and marks its agent as needed. PELT_EINVAL: no agent
 * has that, or it is of another kind. Of a threshold on anything else PELT_OK. */
PELT_MUST_USE enum pelt_status pelt_server_match(struct pelt_server_agent *agents, size_t len,
                                                 struct pelt_metrics *metrics,
                                                 const struct pelt_threshold *t,
                                                 struct pelt_error *err);

#endif
