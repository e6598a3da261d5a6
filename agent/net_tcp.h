/*
 * net_tcp: what TCP of a network namespace counts (overflowed listen queues, retransmits ...) and
 * the limits that all its sockets share: memory, orphans, TIME_WAIT.
 */
#ifndef AGENT_NET_TCP_H
#define AGENT_NET_TCP_H

#include "net_space.h"

/* NULL: the error says why. `space` outlives it. */
struct collector *net_tcp_new(struct catalogue *c, const struct net_space *space,
                              struct pelt_error *err);

#endif
