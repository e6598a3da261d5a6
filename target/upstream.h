/*
 * upstream: another HTTP service that each request with work calls once its service time is over,
 * with a circuit breaker and retries around a pool of connections.
 *
 *   work --> breaker --> pool --> GET --> 2xx, 3xx: the request goes on
 *               ^                  |
 *               +---- backoff <----+ no connection, no answer, 5xx, 429
 *
 * Each try asks the breaker, and again if its state changed while the try waited for a connection:
 * a breaker that opens ends the retries and turns away who waits. Connections are kept alive;
 * one is one TCP connection: when it breaks, it is closed and another opened in its place.
 */
#ifndef TARGET_UPSTREAM_H
#define TARGET_UPSTREAM_H

#include "breaker.h"
#include "dependency.h"

#define TARGET_UPSTREAM_URL_BYTES 512

struct target_system;

struct target_upstream_settings {
    char url[TARGET_UPSTREAM_URL_BYTES]; /* empty: off */
    struct target_dependency_settings calls;
    uint64_t failures; /* in a row, that open the breaker; 0: it never opens */
    uint64_t cooldown_ns;
    uint64_t attempts;
    uint64_t backoff_ns, backoff_max_ns;
};

struct target_upstream_asked { /* kept with a request */
    struct target_call call;
    struct target_breaker_pass pass; /* allowed until its outcome was reported */
};

extern const struct target_system target_upstream_system;

#endif
