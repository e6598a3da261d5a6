/*
 * coalescing: requests with work and the same key (requestkey.h) at the same time share one
 * execution. The first leads, the others follow: they wait without a worker, and all get the
 * leader's answer, whatever it is. A refusal is refused to all of them; if the leader gets no
 * answer at all, as the service ends, its followers get 503. An answer that cannot be shared, as it
 * is no JSON, leaves each follower to execute by itself.
 *
 * With the response cache on, who leads is looked up there once more, and gets what was kept since
 * it was looked up first: it, too, counts as collapsed.
 *
 * A request that is drawn to fail neither leads nor follows. Beyond the most that may follow, a
 * request executes by itself.
 *
 * Thread: as systems.h says.
 */
#ifndef TARGET_COALESCING_H
#define TARGET_COALESCING_H

#include "systems.h"

struct target_coalescing_settings {
    uint64_t followers_max; /* at a time, over all keys; 0: off */
};

extern const struct target_system target_coalescing_system;

#endif
