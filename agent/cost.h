/*
 * cost: what the agent itself uses of the CPU, and how far it slows itself down for it.
 *
 * Above its limit in two windows of COST_WINDOW_NS in a row it doubles its tick, and again in each
 * further one, up to COST_FACTOR_MAX times; it halves it again as soon as that would cost less than
 * 0.8 of the limit. One window alone is a client that begins, or a host that was busy for a moment.
 *
 * Pure; times are passed in.
 */
#ifndef AGENT_COST_H
#define AGENT_COST_H

#include <stdint.h>

#define COST_WINDOW_NS  UINT64_C(2000000000)
#define COST_PATIENCE   2 /* windows */
#define COST_FACTOR_MAX 16

struct cost {
    double limit;    /* share of a core */
    unsigned factor; /* of all ticks; 1: as asked for */
    double share;    /* of the last whole window */
    unsigned above;  /* windows in a row above the limit */
    uint64_t began_ns, began_cpu_ns;
};

enum cost_change { COST_SAME, COST_SLOWER, COST_FASTER };

void cost_init(struct cost *c, double limit, uint64_t now_ns, uint64_t cpu_ns);
/* `cpu_ns`: what the process has used in all. Called at each sample. */
enum cost_change cost_note(struct cost *c, uint64_t now_ns, uint64_t cpu_ns);

#endif
