/*
 * collectors: who brings which of them. Each function makes those of one room from the options and
 * puts them into the list; what cannot be read here is an unreadable figure, not a failure.
 * Failures are what the operator must mend (a cache of an unknown kind): PELT_EINVAL with one line.
 *
 * list->targets has the processes and cgroups asked for (agent/target.h), already found.
 */
#ifndef AGENT_COLLECTORS_H
#define AGENT_COLLECTORS_H

#include "options.h"
#include "sampler.h"

/* host_collectors.c: host, cgroups, processes, disks. */
PELT_MUST_USE enum pelt_status host_collectors_add(struct sampler_list *list,
                                                   const struct agent_options *options,
                                                   struct pelt_error *err);
/* net_collectors.c: sockets, TCP, interfaces, conntrack. */
PELT_MUST_USE enum pelt_status net_collectors_add(struct sampler_list *list,
                                                  const struct agent_options *options,
                                                  struct pelt_error *err);
/* cache_collectors.c: caches, application pools, statsd. */
PELT_MUST_USE enum pelt_status cache_collectors_add(struct sampler_list *list,
                                                    const struct agent_options *options,
                                                    struct pelt_error *err);

#endif
