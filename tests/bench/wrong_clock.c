/*
 * wrong_clock: what a program sees of the wall clock is WRONG_CLOCK_S seconds off; its other clocks
 * are right. A library for LD_PRELOAD.
 */
#include <dlfcn.h>
#include <stdlib.h>
#include <sys/time.h>
#include <time.h>

typedef int (*gettime_fn)(clockid_t, struct timespec *);

int clock_gettime(clockid_t clock, struct timespec *out)
{
    const gettime_fn real = (gettime_fn)dlsym(RTLD_NEXT, "clock_gettime");
    const char *wrong_s = getenv("WRONG_CLOCK_S");
    const int result = real(clock, out);
    if (clock == CLOCK_REALTIME && wrong_s != NULL) {
        out->tv_sec += strtol(wrong_s, NULL, 10);
    }
    return result;
}

time_t time(time_t *out)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (out != NULL) {
        *out = now.tv_sec;
    }
    return now.tv_sec;
}

int gettimeofday(struct timeval *restrict out, void *restrict zone)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    *out = (struct timeval){now.tv_sec, now.tv_nsec / 1000};
    return 0;
}
