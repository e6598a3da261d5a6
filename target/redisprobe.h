/*
 * redisprobe: whether a Redis server that a system keeps things in could be reached the last time,
 * for /health/detailed. What the system does there is noted; and whenever somebody asks, the server
 * is asked, too, so that the next who asks is told what is so without any other use.
 *
 * Storage: the caller's.   Thread: is_away any, note the one that the errands run on.
 */
#ifndef TARGET_REDISPROBE_H
#define TARGET_REDISPROBE_H

#include <stdatomic.h>

#include "errands.h"
#include "redislink.h"

struct target_redisprobe { /* use the functions */
    struct target_errand errand;
    struct target_redislink *link;
    atomic_bool is_asked, is_away; /* relaxed: only their values matter */
};

/* The link is borrowed. */
void target_redisprobe_init(struct target_redisprobe *probe, struct target_redislink *link);

void target_redisprobe_note(struct target_redisprobe *probe, bool is_reached);

/* As it was last; the errands are those of the link's thread, which end before the probe does. */
bool target_redisprobe_is_away(struct target_redisprobe *probe, struct target_errands *errands);

#endif
