/*
 * usage: what every limit of the service tells about itself, so that one report fits them all.
 *
 * A copy, taken under the lock of whoever tells it: the four belong to one moment.
 */
#ifndef TARGET_USAGE_H
#define TARGET_USAGE_H

#include <stdint.h>

struct target_usage {
    uint64_t used;    /* now */
    uint64_t limit;   /* 0: none */
    uint64_t waiters; /* now */
    uint64_t events;  /* since the start: how often the limit was met */
};

#endif
