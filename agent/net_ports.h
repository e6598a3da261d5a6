/*
 * net_ports: how many of the local ports that outgoing connections are given are taken, towards the
 * address that has the most.
 *
 * A port is taken between two addresses and one remote port, by a connection that is open or in
 * TIME_WAIT; so the limit is one for each server that is connected to (a database, a backend, an
 * upstream), and the fullest is told.
 *
 * The kernel's list of connections is read once in 10 s, a piece each tick, so that a host with
 * very many delays no sample; connections of a server's own port are left out by the kernel.
 */
#ifndef AGENT_NET_PORTS_H
#define AGENT_NET_PORTS_H

#include "net_space.h"

/* NULL: the error says why. `space` outlives it. */
struct collector *net_ports_new(struct catalogue *c, const struct net_space *space,
                                struct pelt_error *err);

#endif
