/*
 * clock: monotonic nanoseconds for every duration; wall time for headings only.
 * Thread: any. Never fails.
 */
#ifndef PELT_CLOCK_H
#define PELT_CLOCK_H

#include <stdint.h>
#include <time.h>

#define PELT_NS_PER_S  UINT64_C(1000000000)
#define PELT_NS_PER_MS UINT64_C(1000000)
#define PELT_NS_PER_US UINT64_C(1000)
#define PELT_NEVER     UINT64_MAX /* a due time that does not come */

/* CLOCK_MONOTONIC in ns; about 22 ns a call (vDSO). */
static inline uint64_t pelt_clock_ns(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * PELT_NS_PER_S + (uint64_t)ts.tv_nsec;
}

/* CLOCK_REALTIME in ns since 1970; only for what a human reads. */
uint64_t pelt_clock_wall_ns(void);

/* CPU time of the calling thread in ns (CLOCK_THREAD_CPUTIME_ID; a system call). */
uint64_t pelt_clock_thread_cpu_ns(void);

/* RFC 3339 UTC with milliseconds, "2026-11-21T08:00:00.000Z", into `out` of at least 32 bytes. */
void pelt_clock_rfc3339(uint64_t wall_ns, char out[32]);

#endif
