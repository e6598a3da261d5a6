/*
 * clock: see the header. What is not read on the hot path lives here.
 */
#include "pelt/clock.h"

#include <stdio.h>

static uint64_t read_ns(clockid_t id)
{
    struct timespec ts;
    clock_gettime(id, &ts);
    return (uint64_t)ts.tv_sec * PELT_NS_PER_S + (uint64_t)ts.tv_nsec;
}

uint64_t pelt_clock_wall_ns(void)
{
    return read_ns(CLOCK_REALTIME);
}

uint64_t pelt_clock_thread_cpu_ns(void)
{
    return read_ns(CLOCK_THREAD_CPUTIME_ID);
}

void pelt_clock_rfc3339(uint64_t wall_ns, char out[32])
{
    time_t seconds = (time_t)(wall_ns / PELT_NS_PER_S);
    unsigned ms = (unsigned)(wall_ns % PELT_NS_PER_S / PELT_NS_PER_MS);
    struct tm tm;
    gmtime_r(&seconds, &tm); /* cannot fail: 64 bits of ns end in the year 2554 */
    size_t len = strftime(out, 32, "%Y-%m-%dT%H:%M:%S", &tm);
    snprintf(out + len, 32 - len, ".%03uZ", ms);
}
