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
#include "pelt/proxy.h"
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

/*
 * A URL as pelt/proxy.h has it: servers are asked for there; "env": by the one that http_proxy
 * names for http, and HTTPS_PROXY or https_proxy for https, but for the hosts that NO_PROXY or
 * no_proxy lists. Not in a CGI program's surroundings: HTTP_PROXY in capitals is what a client's
 * field Proxy becomes there, so it counts only where no REQUEST_METHOD is set.
 */
PELT_MUST_USE enum pelt_status pelt_route_proxy(struct pelt_route *route, const char *text,
                                                struct pelt_error *err);
/* PELT_EINVAL: what was said excludes each other. */
PELT_MUST_USE enum pelt_status pelt_route_check(const struct pelt_route *route,
                                                struct pelt_error *err);
bool pelt_route_has_proxy(const struct pelt_route *route); /* for any server; accepts NULL */

/* How long an answer of a name server counts; PELT_NEVER: for ever; 0: for one connection. */
void pelt_route_set_dns_ttl(struct pelt_route *route, uint64_t ttl_ns);
/* *ttl_ns stays what it is where nothing was said. */
void pelt_route_dns_ttl(const struct pelt_route *route, uint64_t *ttl_ns);
/* "192.0.2.1,[2001:db8::1]:5353": name servers to ask instead of resolv.conf's. */
PELT_MUST_USE enum pelt_status pelt_route_dns_server(struct pelt_route *route, const char *text,
                                                     struct pelt_error *err);
const char *pelt_route_dns_servers(const struct pelt_route *route); /* NULL: nothing was said */

struct pelt_way { /* borrowed from the route, `host` perhaps from the caller */
    const char *host;
    uint16_t port;
    const struct pelt_addrs *addrs; /* without ports; NULL: ask for `host` */
    const char *unix_path;          /* NULL: by TCP */
    const struct pelt_proxy *proxy; /* that is host and port; NULL: the server itself */
};
/* Where a connection for host (a name, or an address without brackets) and port goes. `route` may
 * be NULL: there. */
struct pelt_way pelt_route_way(const struct pelt_route *route, const char *host, uint16_t port,
                               bool https);

/* The source of connection `turn` (any number) to an address of this family; NULL: the system
 * chooses. *none: there are sources, and none of this family. */
const struct pelt_addr *pelt_route_from(const struct pelt_route *route, int family, uint32_t turn,
                                        bool *none);
/* How many sources there are, 1 where the system chooses. */
uint32_t pelt_route_sources(const struct pelt_route *route);

#endif
