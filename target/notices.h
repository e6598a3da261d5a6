/*
 * notices: events of a system that happened on threads without a log of their own, kept with their
 * times until a loop comes by and tells them.
 *
 * Storage: the caller's; init/deinit.   Thread: any; one mutex inside.
 */
#ifndef TARGET_NOTICES_H
#define TARGET_NOTICES_H

#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"
#include "place.h"

#define TARGET_NOTICES_MAX   1024 /* kept; the next are counted only */
#define TARGET_NOTICES_BYTES 96   /* of the members of one, with their end */

struct target_scene; /* systems.h */

struct target_notice {
    uint64_t at_ns;
    struct target_place place;
    const char *event; /* static text */
    char members[TARGET_NOTICES_BYTES];
};

struct target_notices { /* use the functions */
    pthread_mutex_t lock;
    struct target_notice *notice; /* in order of being added */
    uint64_t lost;                /* since the last telling */
    atomic_size_t count; /* written under the lock; read without, to see that there are none */
};

/* False: no memory; deinit may follow. */
TARGET_MUST_USE bool target_notices_init(struct target_notices *notices);
void target_notices_deinit(struct target_notices *notices);

/* `fmt` as for target_journal_event. */
#define target_notices_add(...) target_notices_add_of(TARGET_HERE, __VA_ARGS__)

void target_notices_add_of(struct target_place place, struct target_notices *notices,
                           uint64_t at_ns, const char *event, const char *fmt, ...)
    TARGET_PRINTF(5, 6);

/* Tells all, and `events_lost` with their count if there were too many, and forgets them. */
void target_notices_tell(struct target_notices *notices, const char *system,
                         const struct target_scene *scene);

#endif
