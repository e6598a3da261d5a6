/*
 * net_conntrack: the table of tracked connections of a network namespace: how full it is, and what
 * was dropped for that.
 */
#ifndef AGENT_NET_CONNTRACK_H
#define AGENT_NET_CONNTRACK_H

#include "net_space.h"

/* NULL: the error says why. `space` outlives it. */
struct collector *net_conntrack_new(struct catalogue *c, const struct net_space *space,
                                    struct pelt_error *err);

#endif
