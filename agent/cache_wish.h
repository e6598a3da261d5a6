/*
 * cache_wish: one --cache or --pool as the operator wrote it, read and checked:
 *
 *   --cache [NAME=]KIND=ADDRESS[#KEY=VALUE,...]
 *   --pool  NAME=URL#used=METRIC,limit=METRIC|NUMBER[,waiters=METRIC][,timeouts=METRIC]
 *
 * Keys of a cache: hit, miss, lookups, except, evictions, used, limit (expressions of
 * cache_gather.h, instead of the kind's own); of redis: user, password-file; of nginx: field.
 *
 * Storage: the caller's; texts lie in `copy`. Thread: main, at the start.
 */
#ifndef AGENT_CACHE_WISH_H
#define AGENT_CACHE_WISH_H

#include "cache_kind.h"
#include "pelt/status.h"

#define CACHE_NAME_MAX 40

struct cache_wish {
    char *copy;
    char name[CACHE_NAME_MAX + 1]; /* of the cache or pool: [a-z0-9_-] */
    bool is_pool;
    const struct cache_kind *kind;
    char host[256]; /* of a server, or to listen on; no brackets */
    bool host_is_ipv6;
    uint16_t port;
    const char *path;               /* the request's target, or the log's path */
    const char *where;              /* the address as it was given, without what follows '#' */
    const char *roles[CACHE_ROLES]; /* given, else the kind's; NULL: none */
    bool is_given[CACHE_ROLES];
    const char *waiters;              /* of a pool */
    const char *user, *password_file; /* NULL: none */
    int field;                        /* of a log's line; default -1 */
};

/* PELT_EINVAL: one line that names the option, what is wrong and what to write. */
PELT_MUST_USE enum pelt_status cache_wish_read(const char *text, bool is_pool,
                                               struct cache_wish *out, struct pelt_error *err);
/* The folder of the log that a --cache names, which is opened again when the log is rotated: for
 * whoever restricts what the agent may open. False: it names none. */
bool cache_wish_log_folder(const char *text, char *folder, size_t size);
void cache_wish_deinit(struct cache_wish *w); /* also of one whose read failed */

#endif
