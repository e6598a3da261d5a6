/* cache_pace: see the header. */
#include "cache_pace.h"

#define SLOW_SHARE   20 /* an answer may take 1/20 of the interval */
#define SLOW_IN_ROW  3
#define QUICK_IN_ROW 5
#define LEAD_NS      UINT64_C(5000000) /* asked so long before a sample, at least */

void cache_tick_sampled(struct cache_tick *t, uint64_t now_ns)
{
    if (t->sampled_ns != 0) {
        t->gaps_ns[t->samples++ % CACHE_TICK_GAPS] = now_ns - t->sampled_ns;
    }
    t->sampled_ns = now_ns;
}

uint64_t cache_tick_ns(const struct cache_tick *t)
{
    uint64_t tick_ns = CACHE_TICK_IDLE_NS;

    for (unsigned i = 0; i < CACHE_TICK_GAPS && i < t->samples; i++) {
        tick_ns = t->gaps_ns[i] < tick_ns ? t->gaps_ns[i] : tick_ns;
    }
    return tick_ns < CACHE_TICK_LEAST_NS ? CACHE_TICK_LEAST_NS : tick_ns;
}

uint64_t cache_pace_interval(const struct cache_pace *p, uint64_t tick_ns)
{
    uint64_t interval = tick_ns << p->doublings;

    return interval < CACHE_INTERVAL_MOST_NS ? interval : CACHE_INTERVAL_MOST_NS;
}

uint64_t cache_pace_timeout(const struct cache_pace *p, uint64_t tick_ns)
{
    return cache_pace_interval(p, tick_ns) / 10 * 9;
}

int cache_pace_took(struct cache_pace *p, uint64_t tick_ns, uint64_t took_ns)
{
    uint64_t interval = cache_pace_interval(p, tick_ns);

    p->took_ns = took_ns;
    p->slow = took_ns > interval / SLOW_SHARE ? p->slow + 1 : 0;
    p->quick = took_ns <= interval / 2 / SLOW_SHARE ? p->quick + 1 : 0;
    if (p->slow >= SLOW_IN_ROW && interval < CACHE_INTERVAL_MOST_NS) {
        p->doublings++;
        p->slow = 0;
        return 1;
    }
    if (p->quick >= QUICK_IN_ROW && p->doublings > 0) {
        p->doublings--;
        p->quick = 0;
        return -1;
    }
    return 0;
}

uint64_t cache_pace_next(const struct cache_pace *p, uint64_t tick_ns, uint64_t sampled_ns,
                         uint64_t begun_ns)
{
    uint64_t interval = cache_pace_interval(p, tick_ns);
    uint64_t lead = 2 * p->took_ns > LEAD_NS ? 2 * p->took_ns : LEAD_NS;
    uint64_t earliest = begun_ns + interval - tick_ns / 2;

    lead = lead < tick_ns / 2 ? lead : tick_ns / 2;
    if (sampled_ns == 0 || sampled_ns > earliest + tick_ns) {
        return begun_ns + interval;
    }
    uint64_t ticks =
        earliest + lead > sampled_ns ? (earliest + lead - sampled_ns + tick_ns - 1) / tick_ns : 0;
    return sampled_ns + ticks * tick_ns - lead;
}
