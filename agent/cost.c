/* cost: see the header. */
#include "cost.h"

#define FASTER_BELOW 0.8 /* of the limit, at half the tick */

void cost_init(struct cost *c, double limit, uint64_t now_ns, uint64_t cpu_ns)
{
    *c = (struct cost){.limit = limit, .factor = 1, .began_ns = now_ns, .began_cpu_ns = cpu_ns};
}

enum cost_change cost_note(struct cost *c, uint64_t now_ns, uint64_t cpu_ns)
{
    if (now_ns - c->began_ns < COST_WINDOW_NS) {
        return COST_SAME;
    }
    c->share = (double)(cpu_ns - c->began_cpu_ns) / (double)(now_ns - c->began_ns);
    c->began_ns = now_ns;
    c->began_cpu_ns = cpu_ns;
    c->above = c->share > c->limit ? c->above + 1 : 0;
    if (c->above >= COST_PATIENCE && c->factor < COST_FACTOR_MAX) {
        c->factor *= 2;
        return COST_SLOWER;
    }
    if (c->factor > 1 && c->share * 2 < FASTER_BELOW * c->limit) {
        c->factor /= 2;
        return COST_FASTER;
    }
    return COST_SAME;
}
