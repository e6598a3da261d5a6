/*
 * cache_result: what a cache did with a request, whichever field tells it.
 *
 * Thread: any.
 */
#ifndef PELT_CACHE_RESULT_H
#define PELT_CACHE_RESULT_H

#include <stdbool.h>
#include <stddef.h>

enum pelt_cache_result {
    PELT_CACHE_NONE,        /* nothing is said */
    PELT_CACHE_HIT,         /* given from the cache */
    PELT_CACHE_STALE,       /* the same, though it had expired */
    PELT_CACHE_UPDATING,    /* the same, while it is fetched anew */
    PELT_CACHE_COLLAPSED,   /* the answer that another request had asked for */
    PELT_CACHE_REVALIDATED, /* had expired; the origin said that it is still good */
    PELT_CACHE_EXPIRED,     /* had expired; fetched anew */
    PELT_CACHE_MISS,        /* was not there */
    PELT_CACHE_BYPASS,      /* was not looked up */
    PELT_CACHE_DYNAMIC,     /* is never kept */
    PELT_CACHE_OTHER,       /* a word that is not known */
    PELT_CACHE_RESULTS
};

/* "hit", "stale", ...; "" of NONE. */
const char *pelt_cache_result_name(enum pelt_cache_result result);
/* Given from the cache, and nobody behind it was asked (RFC 9211): hit, stale, updating. The
 * agent's kinds of caches count alike (agent/cache_kind.c). */
bool pelt_cache_result_is_hit(enum pelt_cache_result result);

/* The cache was looked into, and the answer was there or was not: all but bypass, dynamic, other.
 */
bool pelt_cache_result_is_lookup(enum pelt_cache_result result);

/*
 * What became of a request that passed several caches, of which the first in the list is the one
 * next to the origin: the last one that gave an answer of its own (a hit, or collapsed), as those
 * before it were not asked; else what the first one did.
 */
enum pelt_cache_result pelt_cache_result_of_chain(const enum pelt_cache_result *results,
                                                  size_t len);

#endif
