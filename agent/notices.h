/*
 * notices: what happened on the host that is no figure: "target_restarted", "degraded",
 * "cache_unreachable". They go into the next frame, each once to each client.
 *
 * Storage: a ring of the newest NOTICES_MAX; texts are copied and cut. Thread: the sampler's.
 */
#ifndef AGENT_NOTICES_H
#define AGENT_NOTICES_H

#include <stddef.h>
#include <stdint.h>

#define NOTICES_MAX 64
#define NOTICE_KIND 32
#define NOTICE_TEXT 200

struct notice {
    uint64_t number; /* from 1 */
    uint64_t at_ns;  /* CLOCK_MONOTONIC */
    char kind[NOTICE_KIND], text[NOTICE_TEXT];
};

struct notices {
    struct notice ring[NOTICES_MAX];
    uint64_t made; /* the number of the newest; 0: none so far */
};

void notices_add(struct notices *n, uint64_t at_ns, const char *kind, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* The first behind number `after` that is still kept; NULL: none. */
const struct notice *notices_next(const struct notices *n, uint64_t after);

#endif
