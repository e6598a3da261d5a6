/* bus_clock: see the header. */
#include "pelt/bus_clock.h"

#include <string.h>

#include "pelt/clock.h"

#define DRIFT_PPM 50
#define TICK_NS   1000 /* Redis tells microseconds */

void pelt_bus_clock_probe(struct pelt_bus_clock *c, uint64_t sent_ns, uint64_t server_ns,
                          uint64_t received_ns)
{
    const uint64_t rtt_ns = received_ns > sent_ns ? received_ns - sent_ns : 1;
    if (c->best_rtt_ns != 0 && rtt_ns >= c->best_rtt_ns) {
        return;
    }
    const uint64_t middle_ns = sent_ns + rtt_ns / 2;
    c->best_rtt_ns = rtt_ns;
    c->best_offset_ns = (int64_t)(server_ns + TICK_NS / 2 - middle_ns);
    c->best_at_ns = middle_ns;
}

uint64_t pelt_bus_clock_bound_ns(const struct pelt_bus_clock *c, uint64_t now_ns)
{
    if (!c->known) {
        return UINT64_MAX;
    }
    const uint64_t age_ns = now_ns > c->measured_ns ? now_ns - c->measured_ns : 0;
    return c->bound_ns + age_ns / 1000000 * DRIFT_PPM;
}

void pelt_bus_clock_settle(struct pelt_bus_clock *c)
{
    if (c->best_rtt_ns == 0) {
        return;
    }
    const uint64_t bound_ns = c->best_rtt_ns / 2 + TICK_NS / 2;
    const uint64_t old_ns = pelt_bus_clock_bound_ns(c, c->best_at_ns);
    const int64_t moved = c->best_offset_ns - c->offset_ns;
    const uint64_t apart_ns = moved < 0 ? 0 - (uint64_t)moved : (uint64_t)moved;
    const bool jumped = c->known && apart_ns > old_ns + bound_ns;
    if (!c->known || jumped || bound_ns <= old_ns) {
        c->known = true;
        c->offset_ns = c->best_offset_ns;
        c->bound_ns = bound_ns;
        c->measured_ns = c->best_at_ns;
        c->jumps += jumped;
    }
    c->tried_ns = c->best_at_ns;
    c->best_rtt_ns = 0;
}

enum pelt_status pelt_bus_clock_measure(struct pelt_bus_clock *c, struct pelt_bus *bus,
                                        struct pelt_error *err)
{
    c->best_rtt_ns = 0;
    c->tried_ns = pelt_clock_ns();
    for (int i = 0; i < PELT_BUS_CLOCK_PROBES; i++) {
        uint64_t server_ns, sent_ns, received_ns;
        enum pelt_status status = pelt_bus_time(bus, &server_ns, &sent_ns, &received_ns, err);
        if (status != PELT_OK) {
            return status;
        }
        pelt_bus_clock_probe(c, sent_ns, server_ns, received_ns);
    }
    pelt_bus_clock_settle(c);
    return PELT_OK;
}

enum pelt_status pelt_bus_clock_keep(struct pelt_bus_clock *c, struct pelt_bus *bus,
                                     uint64_t now_ns, struct pelt_error *err)
{
    if (c->known && now_ns < c->tried_ns + PELT_BUS_CLOCK_EVERY) {
        return PELT_OK;
    }
    return pelt_bus_clock_measure(c, bus, err);
}

uint64_t pelt_bus_clock_to_server(const struct pelt_bus_clock *c, uint64_t ours_ns)
{
    int64_t ns = (int64_t)ours_ns + c->offset_ns;
    return ns > 0 ? (uint64_t)ns : 0;
}

uint64_t pelt_bus_clock_to_ours(const struct pelt_bus_clock *c, uint64_t server_ns)
{
    int64_t ns = (int64_t)server_ns - c->offset_ns;
    return ns > 0 ? (uint64_t)ns : 0;
}
