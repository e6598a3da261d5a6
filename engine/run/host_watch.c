/*
 * host_watch: see the header.
 */
#include "host_watch.h"

#include <time.h>

#include "pelt/clock.h"

static uint64_t own_cpu_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * PELT_NS_PER_S + (uint64_t)t.tv_nsec;
}

/* The counters as they are. */
static struct pelt_host_row counters(const struct pelt_host_watch *w)
{
    struct pelt_host_row now = PELT_HOST_UNREAD;
    struct pelt_throttling throttling;
    struct pelt_host_cpu cpu;
    if (pelt_own_cgroup_read(&w->cgroup, &throttling)) {
        now.throttled = throttling.periods;
        now.throttled_ns = throttling.ns;
    }
    if (pelt_host_load_cpu(&w->load, &cpu)) {
        now.stolen_ns = cpu.stolen_ns;
        now.busy_ns = cpu.busy_ns;
    }
    uint64_t pressure_ns;
    if (pelt_host_load_pressure_ns(&w->load, &pressure_ns)) {
        now.pressure_ns = pressure_ns;
    }
    now.own_ns = own_cpu_ns();
    return now;
}

/* PELT_UNREAD if either is; some counters of /proc/stat fall now and then (proc(5)). */
static uint64_t rise(uint64_t now, uint64_t then)
{
    if (now == PELT_UNREAD || then == PELT_UNREAD) {
        return PELT_UNREAD;
    }
    return now > then ? now - then : 0;
}

static struct pelt_host_row rises(const struct pelt_host_row *now, const struct pelt_host_row *then)
{
    return (struct pelt_host_row){
        .throttled = rise(now->throttled, then->throttled),
        .throttled_ns = rise(now->throttled_ns, then->throttled_ns),
        .pressure_ns = rise(now->pressure_ns, then->pressure_ns),
        .stolen_ns = rise(now->stolen_ns, then->stolen_ns),
        .busy_ns = rise(now->busy_ns, then->busy_ns),
        .own_ns = rise(now->own_ns, then->own_ns),
    };
}

void pelt_host_watch_start(struct pelt_host_watch *w, uint64_t now_ns)
{
    pelt_own_cgroup_open(&w->cgroup, "");
    pelt_host_load_open(&w->load, "");
    w->last = counters(w);
    w->last_ns = now_ns;
}

void pelt_host_watch_stop(struct pelt_host_watch *w)
{
    pelt_own_cgroup_close(&w->cgroup);
    pelt_host_load_close(&w->load);
}

uint64_t pelt_host_watch_read(struct pelt_host_watch *w, uint64_t now_ns, struct pelt_host_row *out)
{
    const uint64_t took_ns = now_ns - w->last_ns;
    struct pelt_host_row now = counters(w);
    *out = rises(&now, &w->last);
    w->last = now;
    w->last_ns = now_ns;
    return took_ns;
}
