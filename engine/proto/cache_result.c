/*
 * cache_result: see the header.
 */
#include "pelt/cache_result.h"

const char *pelt_cache_result_name(enum pelt_cache_result result)
{
    static const char *const NAMES[PELT_CACHE_RESULTS] = {
        "",        "hit",  "stale",  "updating", "collapsed", "revalidated",
        "expired", "miss", "bypass", "dynamic",  "other"};
    return NAMES[result];
}

bool pelt_cache_result_is_hit(enum pelt_cache_result result)
{
    return result == PELT_CACHE_HIT || result == PELT_CACHE_STALE || result == PELT_CACHE_UPDATING;
}

bool pelt_cache_result_is_lookup(enum pelt_cache_result result)
{
    return result >= PELT_CACHE_HIT && result <= PELT_CACHE_MISS;
}

enum pelt_cache_result pelt_cache_result_of_chain(const enum pelt_cache_result *results, size_t len)
{
    for (size_t i = len; i > 0; i--) {
        if (pelt_cache_result_is_hit(results[i - 1]) || results[i - 1] == PELT_CACHE_COLLAPSED) {
            return results[i - 1];
        }
    }
    return len > 0 ? results[0] : PELT_CACHE_NONE;
}
