/*
 * net_nic: the interfaces of a network namespace (bytes, drops, errors, share of their speed), and
 * in the agent's own the packets that the kernel could not take from them in time (softnet).
 */
#ifndef AGENT_NET_NIC_H
#define AGENT_NET_NIC_H

#include "net_space.h"

/* Those that exist now, at most this many, in the kernel's order. */
#define NET_NICS_MAX 32

/* NULL: the error says why. `space` outlives it. */
struct collector *net_nic_new(struct catalogue *c, const struct net_space *space,
                              struct pelt_error *err);

#endif
