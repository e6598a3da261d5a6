/*
 * synthetic: frames as a run would fill them, from a seed, and whole run files of them, for tests
 * of what writes and reads run files. The same seed and second give the same frame.
 */
#ifndef TESTS_SYNTHETIC_H
#define TESTS_SYNTHETIC_H

#include "pelt/runfile.h"

struct synthetic {
    uint64_t seed;
    uint32_t series;     /* request names: "GET /items/1" ... */
    uint32_t per_second; /* exchanges of each in a second */
    double error_share;  /* 0..1, ending in http_status and timeout by turns */
};

/* Names the series (and two checks), in the order of their ids. */
struct pelt_registry *synthetic_names(const struct synthetic *s);
/* Fills an empty frame with second `t`. */
void synthetic_fill(const struct synthetic *s, struct pelt_frame *frame, int32_t t);
/* meta as a run writes it: open loop, planned for `duration_s`. */
void synthetic_meta(struct pelt_runfile *f, double duration_s);
/* Writes seconds from..to-1, each measured by one thread. */
/* What each second of the load says of the host; one figure is unreadable. */
extern const struct pelt_host_row synthetic_host;
/* Two agents, one lost for a while and one for good; limits of which one bites, a gauge, a counter,
 * caches that warm up in 4 s, and something that cannot be read. Seconds -1 to below `to`. */
void synthetic_agents(struct pelt_runfile *f, int32_t to);
/* An agent with so many limits, read ten times a second: waves of different lengths that come near
 * their max, and one that is full and bites in the last quarter; besides, the plan's stages. */
void synthetic_limits(struct pelt_runfile *f, int32_t to, uint32_t limits);
void synthetic_write(const struct synthetic *s, struct pelt_runfile *f, struct pelt_registry *names,
                     int32_t from, int32_t to);

#endif
