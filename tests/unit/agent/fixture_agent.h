/*
 * A sampler with collectors of tests and no processes to watch: fixture_init() makes it, and each
 * fixture_add() before fixture_start() a figure with a collector of its own.
 */
#ifndef TESTS_FIXTURE_AGENT_H
#define TESTS_FIXTURE_AGENT_H

#include "sampler.h"

extern uint64_t fixture_now_ns; /* the agent's clock */

struct fixture {
    struct notices notices;
    struct sampler_list list;
    struct sampler sampler;
    struct catalogue *catalogue;
    int refreshed; /* how often targets were looked at */
};

struct fixture_collector {
    struct collector base;
    struct figure *figure;
    unsigned reads;  /* of its tier: what a counter has counted, what a gauge shows */
    const char *why; /* not NULL: it cannot be read */
    int started, freed;
};

void fixture_init(struct fixture *x);
/* `c` is the caller's, and is told that it was freed. */
void fixture_add(struct fixture *x, struct fixture_collector *c, enum pelt_server_kind kind,
                 enum figure_tier tier, const char *name);
void fixture_start(struct fixture *x); /* at fixture_now_ns */
void fixture_deinit(struct fixture *x);

#endif
