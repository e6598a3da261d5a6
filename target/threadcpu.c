/* threadcpu: see the header. */
#include "threadcpu.h"

#include <time.h>

uint64_t target_threadcpu_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}
