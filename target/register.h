/*
 * register: a back end that tells a balancer of itself (lb.h): once it listens, then each interval,
 * and that it leaves as soon as it is to end.
 *
 * Thread: any; calls are made by a thread of its own (relay.h).
 */
#ifndef TARGET_REGISTER_H
#define TARGET_REGISTER_H

#include "settings.h"

#define TARGET_REGISTER_URL_BYTES 512 /* with its end */

struct target_register_settings {
    char balancer[TARGET_REGISTER_URL_BYTES]; /* HOST:PORT; empty: off */
    uint64_t weight;
    uint64_t interval_ns;
};

extern const struct target_system target_register_system;

struct target_register;

/* It listens there, and from now on says so. False: no memory; nothing is said. */
TARGET_MUST_USE bool target_register_begin(struct target_register *reg, const char *host,
                                           const char *port);

/* It is about to end: the balancer is told, and given at most a second to hear it. */
void target_register_leave(struct target_register *reg);

#endif
