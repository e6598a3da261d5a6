/*
 * cache_source: one server, socket or log that is asked or heard, with all that is wanted of it. It
 * runs on the loop of the caches' thread and leaves what it read as an answer: a good one, whose
 * numbers are in its gather, or why there is none.
 *
 *   cache_link   a TCP connection that is kept: HTTP, redis, memcached
 *   cache_push   a UDP socket on loopback: statsd
 *   cache_log    a log that grows: nginx
 *
 * Storage: made by new, at the start; from then on nothing is allocated. Thread: new and free are
 * the main thread's while the loop does not run, all else is the loop's.
 */
#ifndef AGENT_CACHE_SOURCE_H
#define AGENT_CACHE_SOURCE_H

#include <ev.h>
#include <stdint.h>

#include "cache_gather.h"
#include "cache_reader.h"
#include "cache_rule.h"
#include "cache_wish.h"
#include "pelt/addr.h"

struct cache_source;

/* Names under which a source tells its own figures to its gather: no server's name has a '/'. */
#define CACHE_OWN_SECONDS "/seconds" /* the last answer took so long */
#define CACHE_OWN_LOST    "/lost"    /* datagrams that the kernel dropped */
#define CACHE_OWN_BAD     "/bad"     /* lines that could not be read */

struct cache_source_ops {
    /* The loop begins; may be NULL. */
    void (*start)(struct cache_source *s);
    /* Asks, or looks what came; ends with cache_source_answer(), now or later. `timeout_ns`: after
     * so long it ends without an answer. */
    void (*ask)(struct cache_source *s, uint64_t timeout_ns);
    /* Also of one that was not started, or is half-built. */
    void (*free)(struct cache_source *s);
};

struct cache_source {
    const struct cache_source_ops *ops;
    struct ev_loop *loop;
    struct cache_gather *gather;
    char where[160]; /* "redis 127.0.0.1:6379", a URL: of messages */
    /* What the loop wants to hear: the answer is there. `why` NULL: read it in the gather. */
    void (*on_answer)(struct cache_source *s, enum cache_state state, const char *why);
    void *arg;
};

/* PELT_ENOTFOUND: the address cannot be resolved now; PELT_EIO: the port cannot be listened on now;
 * PELT_EINVAL: the password file cannot be read ...; `wish` is borrowed for the call. */
PELT_MUST_USE enum pelt_status cache_link_new(const struct cache_wish *wish, struct ev_loop *loop,
                                              struct cache_source **out, struct pelt_error *err);
PELT_MUST_USE enum pelt_status cache_push_new(const struct cache_wish *wish, struct ev_loop *loop,
                                              struct cache_source **out, struct pelt_error *err);
PELT_MUST_USE enum pelt_status cache_log_new(const struct cache_wish *wish, struct ev_loop *loop,
                                             struct cache_source **out, struct pelt_error *err);

/* Of all three. new: what the kind of the wish is. */
PELT_MUST_USE enum pelt_status cache_source_new(const struct cache_wish *wish, struct ev_loop *loop,
                                                struct cache_source **out, struct pelt_error *err);
void cache_source_free(struct cache_source *s); /* accepts NULL */
/* Gives a base its parts; PELT_ENOMEM. */
PELT_MUST_USE enum pelt_status cache_source_init(struct cache_source *s,
                                                 const struct cache_source_ops *ops,
                                                 const struct cache_wish *wish,
                                                 struct ev_loop *loop, struct pelt_error *err);
/* Tells the gather a figure of the source's own; `how` as in cache_sample.h. */
void cache_source_tell(struct cache_source *s, const char *name, enum cache_sample_how how,
                       double number);
/* The addresses of the wish's host, asked now (5 s at most). PELT_ENOTFOUND: none. */
PELT_MUST_USE enum pelt_status cache_source_resolve(const struct cache_wish *wish,
                                                    struct pelt_addrs *out, struct pelt_error *err);

#endif
