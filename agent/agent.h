/*
 * agent: all of it: what is watched, when it is read, and who is told; from the options to the end.
 *
 * Steps: agent_new opens whatever will be needed (descriptors, sockets, memory); the process can be
 * locked down between that and agent_run, which begins the threads.
 */
#ifndef AGENT_AGENT_H
#define AGENT_AGENT_H

#include "options.h"
#include "pelt/status.h"

struct agent;

/* `options` is borrowed. PELT_EINVAL: what the operator must mend; else what the host refused. */
PELT_MUST_USE enum pelt_status agent_new(const struct agent_options *options, struct agent **out,
                                         struct pelt_error *err);
/* Answers until SIGTERM or SIGINT, which must be blocked in all threads. */
PELT_MUST_USE enum pelt_status agent_run(struct agent *a, struct pelt_error *err);
/* Reads for a moment and prints what can be read, instead of answering. */
PELT_MUST_USE enum pelt_status agent_probe(struct agent *a, struct pelt_error *err);
void agent_free(struct agent *a); /* accepts NULL */

#endif
