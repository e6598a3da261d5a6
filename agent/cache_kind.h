/*
 * cache_kind: what `--cache KIND=` knows: the protocol, where the numbers are, and what they are
 * called. Names are those of the tools' own documents (docs/AGENT.md says which versions).
 */
#ifndef AGENT_CACHE_KIND_H
#define AGENT_CACHE_KIND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "figure.h"

enum cache_protocol {
    CACHE_HTTP,      /* a page of metrics: Prometheus' or OpenMetrics' text */
    CACHE_SQUID,     /* a page of "name = value" lines by HTTP */
    CACHE_REDIS,     /* RESP: INFO */
    CACHE_MEMCACHED, /* its text protocol: stats */
    CACHE_STATSD,    /* datagrams that are pushed to us */
    CACHE_LOG,       /* nginx' access log */
};

/* What an expression (cache_gather.h) stands for. */
enum cache_role {
    CACHE_HIT,
    CACHE_MISS,
    CACHE_LOOKUPS, /* hits and misses together; instead of CACHE_MISS */
    CACHE_EXCEPT,  /* of the lookups: those that are neither */
    CACHE_EVICTED,
    CACHE_USED,   /* of its memory; of a pool; the value of a gauge or counter */
    CACHE_MOST,   /* that may be used */
    CACHE_EVENTS, /* of a limit: how often it bit */
    /* Of servers whose counts begin at 0, and how that is known: */
    CACHE_RUN,  /* another number is another run of the server */
    CACHE_AGE,  /* for how long it has run, in seconds */
    CACHE_WORK, /* counts all that it did: less is a reset of all its counts */
    CACHE_ROLES,
};

struct cache_extra { /* a figure beside the cache; its target is the cache's name */
    enum pelt_server_kind kind;
    const char *name, *unit;
    const char *used, *most, *events; /* NULL: none */
};

#define CACHE_EXTRAS_MAX 4

struct cache_kind {
    const char *name;
    enum cache_protocol protocol;
    uint16_t port;                  /* where none is given; 0: that of the URL */
    const char *path;               /* of HTTP, where none is given */
    const char *counted;            /* "requests", "tokens": what hits and misses are */
    const char *unit;               /* of used and most */
    const char *roles[CACHE_ROLES]; /* by enum cache_role; NULL: none, or the operator's to give */
    struct cache_extra extras[CACHE_EXTRAS_MAX];
};

/* NULL: there is none of this name. */
const struct cache_kind *cache_kind_find(const char *name, size_t len);
/* All names, NULL-terminated: for "did you mean". */
const char *const *cache_kind_names(void);
/* What pools are read as: a page by HTTP. */
const struct cache_kind *cache_kind_of_pools(void);

#endif
