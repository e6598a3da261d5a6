/*
 * origin: a server as a client knows it: scheme, host, port, the Host header's value, and the
 * address to try next. Made at first use, kept as long as the client.
 */
#ifndef PELT_ORIGIN_H
#define PELT_ORIGIN_H

#include "pelt/addr.h"
#include "pelt/client.h"
#include "pelt/route.h"

/* Shared connections to one server, and who waits for one (sharing.c). */
struct pelt_conn_pool {
    struct pelt_conn *idle,
        *closed; /* lists of those without an exchange; idle: it may have ended */
    struct pelt_ticket *first, *last; /* calls that wait, oldest first */
    uint32_t conns;                   /* in existence */
};

struct pelt_origin {
    struct pelt_origin *next;
    struct pelt_client *client;
    char *host;        /* name or literal, without brackets */
    char *host_header; /* "host", "host:port", "[v6]:port" */
    uint16_t port;
    bool https;                            /* as its URLs say */
    bool secure;                           /* TLS is spoken */
    struct pelt_tls_session session;       /* if so: what the next handshake resumes */
    struct pelt_tls_session session_http2; /* the same of those that ask for HTTP/2 */
    struct pelt_tls_session session_proxy; /* of those to its proxy */
    struct pelt_h2hub *hub;                /* HTTP/2 connections that are shared; NULL: none were */
    struct pelt_way way;                   /* how it is reached */
    char *proxy_authorization;             /* value of Proxy-Authorization; NULL: none */
    bool fixed;                            /* so that no name is asked for */
    struct pelt_addrs addrs;               /* newest answer */
    bool met;                              /* called once: whether it is on this host is known */
    /* Of each address: 1 + the series that counts connections to it; 0: not known yet. */
    uint32_t counted[PELT_ADDRS_MAX];
    uint64_t dead;      /* a bit for each address that a connection to failed */
    uint8_t dead_told;  /* of these, over the run */
    bool left_out_told; /* that the name has more addresses than are used */
    uint32_t changes; /* of the addresses that the name has */
    uint32_t turn;    /* connections begun: their addresses go round, unless in order */
    struct pelt_conn_pool pool;
};

/* The origin of `url` in the list at `*list`, added if new. As pelt_client_origin(). */
enum pelt_status pelt_origin_find(struct pelt_client *client, struct pelt_origin **list,
                                  const struct pelt_url *url, const struct pelt_route *route,
                                  struct pelt_origin **out, struct pelt_error *err);
/* Whoever it is, 127.0.0.1 at `port` answers for it, without TLS. */
void pelt_origin_fix(struct pelt_origin *origin, uint16_t port);
/* It is asked for by a proxy with which TLS is spoken. */
static inline bool pelt_origin_proxy_secure(const struct pelt_origin *o)
{
    return o->way.proxy != NULL && o->way.proxy->secure;
}
void pelt_origins_free(struct pelt_origin **list);

#endif
