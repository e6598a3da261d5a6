/*
 * cache_word: reads what caches say in fields of their own, as nobody has standardised them:
 * X-Cache-Status (nginx's $upstream_cache_status), CF-Cache-Status (Cloudflare) and X-Cache
 * (Squid, Varnish, CloudFront, Fastly, Akamai, Azure):
 *
 *   HIT    Miss from cloudfront    TCP_MEM_HIT from a1 (AkamaiGHost/9)    MISS, HIT    hit cached
 *
 * Of each element of a list the first word counts, in any case, without "TCP_"; the list is a chain
 * (cache_result.h). A word that is not known is PELT_CACHE_OTHER.
 *
 * Thread: any. No heap.
 */
#ifndef PELT_CACHE_WORD_H
#define PELT_CACHE_WORD_H

#include "pelt/buf.h"
#include "pelt/cache_result.h"

/* PELT_CACHE_NONE: the value is empty. */
enum pelt_cache_result pelt_cache_word_read(struct pelt_span value);

#endif
