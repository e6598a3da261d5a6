/*
 * route: how servers are reached where the user says it rather than their URLs and names: by given
 * addresses, at another server's place, through a unix socket, from given addresses of this host.
 * What is asked for (Host field, SNI, names of certificates) stays what the URL says.
 *
 * Filled on one thread, read by any number afterwards. Owns copies of all texts.
 */
#ifndef PELT_ROUTE_H
#define PELT_ROUTE_H

#include "pelt/addr.h"
#include "pelt/status.h"

struct pelt_route;

struct pelt_route *pelt_route_new(void);        /* NULL: out of memory */
void pelt_route_free(struct pelt_route *route); /* accepts NULL */

/* All: PELT_EINVAL, what is wrong with `text` and what to write; PELT_ENOMEM. */

/* "HOST:PORT:ADDRESS[,ADDRESS...]": instead of asking for the name. HOST may be "*", or an IPv6
 * address in brackets, as addresses may be. The first line that fits counts. */
PELT_MUST_USE enum pelt_status pelt_route_resolve(struct pelt_route *route, const char *text,
                                                  struct pelt_error *err);
/* "HOST1:PORT1:HOST2:PORT2" as curl has it: who asks for HOST1:PORT1 is connected to HOST2:PORT2.
 * What is empty of the first pair fits all, what is empty of the second stays as asked for. */
PELT_MUST_USE enum pelt_status pelt_route_connect_to(struct pelt_route *route, const char *text,
                                                     struct pelt_error *err);
/* An address of this host, from which connections are made; several: in turns. PELT_EINVAL also if
 * it is not this host's. */
PELT_MUST_USE enum pelt_status pelt_route_source(struct pelt_route *route, const char *text,
                                                 struct pelt_error *err);
/* All servers are reached through the unix socket at `path`. */
PELT_MUST_USE enum pelt_status pelt_route_unix(struct pelt_route *route, const char *path,
                                               struct pelt_error *err);

struct pelt_way { /* borrowed from the route, `host` perhaps from the caller */
    const char *host;
    uint16_t port;
    const struct pelt_addrs *addrs; /* without ports; NULL: ask for `host` */
    const char *unix_path;          /* NULL: by TCP */
};
/* Where a connection for host (a name, or an address without brackets) and port goes. `route` may
 * be NULL: there. */
struct pelt_way pelt_route_way(const struct pelt_route *route, const char *host, uint16_t port);

/* The source of connection `turn` (any number) to an address of this family; NULL: the system
 * chooses. *none: there are sources, and none of this family. */
const struct pelt_addr *pelt_route_from(const struct pelt_route *route, int family, uint32_t turn,
                                        bool *none);
/* How many sources there are, 1 where the system chooses. */
uint32_t pelt_route_sources(const struct pelt_route *route);

#endif
