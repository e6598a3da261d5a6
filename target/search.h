/*
 * search: GET /search, and the cache of its answers.
 *
 * An answer is kept under provider, type and the query in its normal form (query.h). With a
 * threshold, a query that is not there gets the answer of the nearest one (nearest.h) of the same
 * provider and type, if their cosine is at least that. POST /admin/search has answers made and kept
 * before anybody asks.
 *
 * Thread: any, but for the hooks, which are as systems.h says. Clock: CLOCK_MONOTONIC nanoseconds.
 */
#ifndef TARGET_SEARCH_H
#define TARGET_SEARCH_H

#include <jansson.h>

#include "query.h"
#include "systems.h"

struct target_search_settings {
    uint64_t bytes;   /* most of all answers; 0: off */
    uint64_t entries; /* most; TARGET_UNLIMITED: no end */
    uint64_t ttl_ns;
    double semantic; /* least cosine; 0: only what is the same */
};

struct target_search;

extern const struct target_system target_search_system;

/* What is answered to a query; NULL: no memory, or the query is not UTF-8. */
json_t *target_search_answer(const struct target_query *query);

/*
 * The answer that is kept for it, held; NULL: none. Says in the admission which caches were asked.
 */
struct target_body *target_search_find(struct target_search *search,
                                       const struct target_query *query,
                                       struct target_admission *admission, uint64_t now_ns);

/* Keeps an answer. False: it did not fit, or no memory. */
bool target_search_keep(struct target_search *search, const struct target_query *query,
                        struct target_body *body, uint64_t service_ns,
                        const struct target_scene *scene);

/*
 * Makes and keeps the answers to {"queries": [{"q", "provider", "type"}]}, the last two optional,
 * of at least `body_bytes` each. False: the error says what is wrong; some may be kept.
 */
TARGET_MUST_USE bool target_search_warm(struct target_search *search, const char *text,
                                        size_t bytes, uint64_t body_bytes,
                                        const struct target_scene *scene, uint64_t *kept,
                                        struct target_error *err);

#endif
