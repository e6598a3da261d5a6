/*
 * lazy: something that is loaded when it is first needed, once for all who need it.
 *
 * The first request with work begins the load, and it and all who come meanwhile wait until it is
 * done. With a time to be idle, what nobody needed for so long is unloaded again. A calculation in
 * exact time: no bytes are used.
 *
 * Thread: any; there is one lock. Clock: CLOCK_MONOTONIC nanoseconds, passed in.
 */
#ifndef TARGET_LAZY_H
#define TARGET_LAZY_H

#include "systems.h"

struct target_lazy_settings {
    uint64_t load_ns; /* 0: off */
    uint64_t idle_ns; /* 0: never unloaded */
};

extern const struct target_system target_lazy_system;

#endif
