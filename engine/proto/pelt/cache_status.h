/*
 * cache_status: reads the value of Cache-Status (RFC 9211): what each cache that the answer came
 * through did, the one next to the origin first.
 *
 *   OriginCache; hit; ttl=1100, "CDN Company Here"; fwd=uri-miss; stored
 *
 * A value that is no list of structured fields (RFC 8941), or has a member whose name is neither
 * string nor token, says nothing at all. A parameter of another type than RFC 9211 says is ignored;
 * of one that comes twice the last counts.
 *
 * Bytes in, spans into them out; no heap. Thread: any.
 */
#ifndef PELT_CACHE_STATUS_H
#define PELT_CACHE_STATUS_H

#include <stdint.h>

#include "pelt/buf.h"
#include "pelt/cache_result.h"

#define PELT_CACHE_STATUS_MAX 8 /* members that are told; further ones are read, and left out */

struct pelt_cache_status {
    struct pelt_span name; /* without quotes, with backslashes */
    bool hit, stored, collapsed;
    struct pelt_span fwd; /* why the request went on: "uri-miss", ...; ptr NULL: not said */
    int64_t fwd_status;   /* of the answer to that; 0: not said */
    bool has_ttl;
    int64_t ttl_s;                /* freshness left; below 0: it is stale */
    struct pelt_span key, detail; /* ptr NULL: not said */
};

/* How many members there are, at most PELT_CACHE_STATUS_MAX; 0: none, or the value is bad. */
size_t pelt_cache_status_read(struct pelt_span value,
                              struct pelt_cache_status out[PELT_CACHE_STATUS_MAX]);
/* A member in one word. `fwd` counts more than `hit` where a cache says both. */
enum pelt_cache_result pelt_cache_status_result(const struct pelt_cache_status *member);

#endif
