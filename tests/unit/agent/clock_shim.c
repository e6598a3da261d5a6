/*
 * clock_shim: another clock for the agent of tests, pelt-agent-shim: it shows
 * t + offset_ns + t * ppm / 1e6, where t is CLOCK_MONOTONIC and the environment's
 * PELT_AGENT_CLOCK="offset_ns,ppm" the rest (agent/clock.h).
 */
#include "clock.h"

#include <pthread.h>
#include <stdlib.h>

#include "pelt/clock.h"

static long long offset_ns;
static double ppm;

static void read_environment(void)
{
    const char *text = getenv("PELT_AGENT_CLOCK");
    char *end = NULL;

    if (text) {
        offset_ns = strtoll(text, &end, 10);
        ppm = *end == ',' ? strtod(end + 1, NULL) : 0;
    }
}

uint64_t agent_clock_ns(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    int64_t t_ns = (int64_t)pelt_clock_ns(), shown_ns;

    pthread_once(&once, read_environment);
    shown_ns = t_ns + offset_ns + (int64_t)((double)t_ns * ppm / 1e6);
    return shown_ns > 0 ? (uint64_t)shown_ns : 0;
}
