/*
 * cache_loop: the thread that asks caches and pools, so that a slow server never delays a sample.
 * It leaves the newest readings behind a lock, which is held only while they are copied.
 *
 * Filled before start: sources are shared by rules that want things of the same address. From start
 * to free only take, news, sampled, hasten and is_ready are called, by the sampler's thread.
 */
#ifndef AGENT_CACHE_LOOP_H
#define AGENT_CACHE_LOOP_H

#include "cache_rule.h"
#include "cache_wish.h"
#include "notices.h"

#define CACHE_RULES_MAX 256

struct cache_loop;

struct cache_news { /* what happened, for the notices */
    char kind[NOTICE_KIND], text[NOTICE_TEXT];
};

PELT_MUST_USE enum pelt_status cache_loop_new(struct cache_loop **out, struct pelt_error *err);
void cache_loop_free(struct cache_loop *l); /* ends and joins the thread; accepts NULL */

/* The source of this wish, made if there is none of the same address; its number. */
PELT_MUST_USE enum pelt_status cache_loop_source(struct cache_loop *l,
                                                 const struct cache_wish *wish, size_t *source,
                                                 bool *is_new, struct pelt_error *err);
struct cache_gather *cache_loop_gather(struct cache_loop *l, size_t source);
const char *cache_loop_where(const struct cache_loop *l, size_t source);
/* Adds a rule of this source (copied), called `name` in the news; its number. */
PELT_MUST_USE enum pelt_status cache_loop_rule(struct cache_loop *l, size_t source,
                                               const char *name, const struct cache_rule *rule,
                                               size_t *number, struct pelt_error *err);

/* Begins the thread and waits until each source has answered, well or not, a second at most: what
 * is driven from then on is counted. */
PELT_MUST_USE enum pelt_status cache_loop_start(struct cache_loop *l, struct pelt_error *err);
/* Servers are asked now, those that are being asked anew: a sample is wanted. */
void cache_loop_hasten(struct cache_loop *l);
/* All have answered since, or cannot. */
bool cache_loop_is_ready(struct cache_loop *l);
/* A sample is taken now: servers are asked as often as there are samples. */
void cache_loop_sampled(struct cache_loop *l);
/* The newest reading of a rule. False: none came since it was taken last. */
bool cache_loop_take(struct cache_loop *l, size_t rule, struct cache_reading *out);
/* What happened since; false: nothing more. */
bool cache_loop_news(struct cache_loop *l, struct cache_news *out);

#endif
