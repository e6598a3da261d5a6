/*
 * net_listen: how many connections wait in each listening socket's accept queue, and how many may.
 *
 * Watched are the sockets that the targets hold when the agent starts; of a target whose
 * descriptors may not be seen, those of the port it was asked for by; where none is known so, all
 * of the network namespace. At most NET_LISTEN_MAX in a namespace. A socket is known by its
 * address, so that a server started again goes on with its figure. Of several sockets at one
 * address (SO_REUSEPORT) the fullest is told.
 *
 * The kernel takes one connection more than the limit: a full queue has a ratio above 1.
 */
#ifndef AGENT_NET_LISTEN_H
#define AGENT_NET_LISTEN_H

#include "net_space.h"

#define NET_LISTEN_MAX 64

/* NULL: the error says why. `spaces` outlive it. */
struct collector *net_listen_new(struct sampler_list *list, struct net_spaces *spaces, size_t index,
                                 struct pelt_error *err);

#endif
