/*
 * fleet: the back ends that a balancer starts and stops itself, each a process (child.h).
 *
 *   starting (its port is not known) -> up (a back end) -> leaving (nothing new) -> ending -> gone
 *
 * Storage: the caller's, all zero: none.   Thread: always the same one, which is not to hold
 * `lock`; that is taken for the back ends only.   Clock: CLOCK_MONOTONIC nanoseconds, passed in.
 */
#ifndef TARGET_FLEET_H
#define TARGET_FLEET_H

#include <pthread.h>

#include "backends.h"
#include "child.h"
#include "notices.h"

enum target_fleet_state {
    TARGET_FLEET_NONE,
    TARGET_FLEET_STARTING,
    TARGET_FLEET_UP,
    TARGET_FLEET_LEAVING,
    TARGET_FLEET_ENDING,
};

struct target_fleet_member {
    enum target_fleet_state state;
    struct target_child *child;
    char address[TARGET_BACKEND_BYTES]; /* once it is up */
    uint64_t begin_ns;
};

struct target_fleet {
    struct target_fleet_member member[TARGET_BACKENDS_MAX];
    struct target_backends *backends;
    pthread_mutex_t *lock; /* of `backends` */
    struct target_notices *notices;
    uint64_t again_ns; /* after one that did not start: none before */
};

/* Those that are starting or up. */
uint64_t target_fleet_count(const struct target_fleet *fleet);

/* False: it could not be, and there is an event that says why. */
bool target_fleet_start(struct target_fleet *fleet, const char *options, uint64_t now_ns);

/* The one that started last leaves. */
void target_fleet_stop(struct target_fleet *fleet);

/* What happened to them; returns when to look again, UINT64_MAX: there are none. */
uint64_t target_fleet_turn(struct target_fleet *fleet, uint64_t now_ns);

/* Ends all: asks them, waits for some seconds, then does not ask. */
void target_fleet_end(struct target_fleet *fleet);

#endif
