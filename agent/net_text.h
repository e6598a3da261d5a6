/*
 * net_text: what the kernel writes about the network in /proc/net, as numbers.
 *
 * Pure: takes bytes, any bytes, and reads none behind them. What is not there is NAN.
 */
#ifndef AGENT_NET_TEXT_H
#define AGENT_NET_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "procfile.h"

/* A word of hexadecimal digits alone, at most 16. */
bool net_hex(struct text word, uint64_t *out);

/*
 * /proc/net/snmp and netstat: a line of names and a line of values for each group, both beginning
 * with "GROUP:". Puts the value of each of `names` in its place in `values`.
 */
void net_pairs(struct text t, const char *group, const char *const *names, double *values,
               size_t len);

/* /proc/net/sockstat: "TCP: inuse 5 orphan 0 tw 2003 alloc 5 mem 0". NAN: no such word there. */
double net_sockstat(struct text t, const char *group, const char *name);

/* /proc/net/dev: an interface a line. */
struct net_dev {
    char name[64];
    double bytes_received, errors_received, drops_received;
    double bytes_sent, errors_sent, drops_sent;
};
/* The next interface; false: no more. Lines of another form are passed over. */
bool net_dev_next(struct text *t, struct net_dev *dev);

/* /proc/net/softnet_stat: a line for each CPU, summed. False: nothing to sum. */
struct net_softnet {
    double dropped, squeezed;
};
bool net_softnet(struct text t, struct net_softnet *sum);

/* /proc/net/stat/nf_conntrack: a line of names, then a line for each CPU, summed. */
void net_columns(struct text t, const char *const *names, double *values, size_t len);

#endif
