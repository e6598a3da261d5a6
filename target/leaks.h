/*
 * leaks: what leak.h says is due, really lost: pages that are written to, descriptors of /dev/null
 * that are open, and service times that grow.
 *
 * One loop takes memory and descriptors, each 20 ms while there is something to take; nothing
 * depends on requests. A rate turned to 0 gives back at once what leaked at it. Where the system
 * refuses more (file limit, no memory), the leak stays as it is, says so once, and goes on trying:
 * that is what a leak does.
 *
 * Thread: any; there is one lock.
 */
#ifndef TARGET_LEAKS_H
#define TARGET_LEAKS_H

#include "leak.h"
#include "systems.h"

extern const struct target_system target_leaks_system; /* settings: struct target_leak_rates */

#endif
